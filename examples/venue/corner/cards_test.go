package corner_test

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/examples/venue/corner"
	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/exchangetest"
)

// TestCards runs the conformance cards: a venue that passes them can be traded on.
func TestCards(t *testing.T) {
	t.Parallel()
	exchangetest.Exercise(t, exchangetest.Venue{
		Name: "corner", Open: open,
		Has: []exchangetest.Capability{
			exchangetest.Bounds, exchangetest.Deadlines, exchangetest.IOC, exchangetest.Parallel, exchangetest.PostOnly, exchangetest.Quotes,
		},
	})
}

// open makes the venue ready for one card.
func open(t testing.TB) *exchangetest.Bench {
	t.Helper()
	market := exchange.Market{
		Pair: "TEAMYR", Base: "TEA", Counter: "MYR", Tick: decimal.New(1, -2), Step: decimal.New(1, -3), Status: exchange.MarketActive,
		MinVolume: 10, MaxVolume: 1_000_000, MinPrice: 100, MaxPrice: 100_000,
	}
	v, err := corner.New(market, 250_001, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	const tea, myr = 500_000, 1_000_000_000
	return &exchangetest.Bench{
		Ann: v.Open(tea, myr), Bob: v.Open(tea, myr), Data: v, Quotes: v, Market: market, Price: 2000, Lot: 1000, Now: time.Now,
	}
}
