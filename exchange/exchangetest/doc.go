// Package exchangetest is the conformance suite of venues: cards, each of which
// proves one promise of package exchange's interfaces on a venue that is open for
// it alone.
//
// It owns the promises and how they are proved. It does not own any venue, nor what
// a venue does beyond the interfaces: a matching engine has tests of its own.
//
// A venue says what it has, by Capabilities; a card that needs something else is
// skipped and names it. Two accounts, Ann's, which is under test, and Bob's, who
// trades with it, are all that a venue must have. What the cards take for granted,
// such as funds, stands at Bench.
//
// To add a venue: implement exchange.Trader and exchange.MarketData, and what else
// it has, in a package of its own, and run the cards in its tests. Nothing else
// changes; examples/venue is such a package.
//
// Smallest use:
//
//	func TestCards(t *testing.T) {
//		exchangetest.Exercise(t, exchangetest.Venue{
//			Name: "corner", Has: []exchangetest.Capability{exchangetest.PostOnly}, Open: open,
//		})
//	}
package exchangetest
