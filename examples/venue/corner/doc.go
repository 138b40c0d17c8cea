// Package corner is a second venue, to copy from: a small exchange of one market
// with limit orders, in this process. Nothing else knows of it.
//
// It owns an order book, accounts and a tape, and implements exchange.MarketData
// and Quotes (Venue) and exchange.Trader (Account). Its tests run the conformance
// cards of exchange/exchangetest, which skip what it does not have.
//
// A venue at the other end of a wire has the same methods, with requests in place
// of the matching. What an answer means is the one thing that is new then: a known
// refusal is OutcomeRejected; all that is no success besides is OutcomeUnknown.
package corner
