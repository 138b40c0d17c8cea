package exchangetest_test

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/exchangetest"
	"github.com/lunobot/lunobot/exchange/paper"
)

// hall is a paper exchange with Ann and Bob.
type hall struct {
	*paper.Exchange
	clock    *exchangetest.StillClock
	market   exchange.Market
	ann, bob *paper.Member
	book     *bookkeeper
}

func openHall(t testing.TB) *hall {
	t.Helper()
	h := &hall{clock: exchangetest.NewStillClock(time.UnixMilli(1_800_000_000_123)), book: &bookkeeper{}, market: exchange.Market{
		Pair: "XBTMYR", Base: "XBT", Counter: "MYR", Tick: decimal.New(1, 0), Step: decimal.New(1, -6), Status: exchange.MarketActive,
		MinVolume: 100, MaxVolume: 100_000_000, MinPrice: 1000, MaxPrice: 100_000_000, MinValue: 80_000_000,
	}}
	var err error
	h.Exchange, err = paper.NewExchange(paper.ExchangeConfig{
		Fees: exchange.Fees{Maker: 100_000, Taker: 250_001}, Markets: []exchange.Market{h.market}, Now: h.clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]**paper.Member{"ann": &h.ann, "bob": &h.bob} {
		if *m, err = h.Join(name); err != nil {
			t.Fatal(err)
		}
		if name == "ann" {
			h.ann.Watch(h.book.hear)
		}
		for currency, amount := range map[string]int64{"XBT": 10, "MYR": 1_000_000} {
			if err := (*m).Deposit(currency, decimal.NewFromInt(amount)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return h
}

// openPaper opens the exchange as it is: what it lacks is what lies between an
// exchange and a program that is far from it.
func openPaper(t testing.TB) *exchangetest.Bench {
	t.Helper()
	h := openHall(t)
	return &exchangetest.Bench{
		Ann: h.ann, Bob: h.bob, Data: &history{h}, Quotes: h.Exchange, Market: h.market, Price: 400_000, Lot: 1000,
		Now: h.clock.Now, Advance: h.clock.Advance,
		SetStatus: func(s exchange.MarketStatus) {
			if err := h.SetStatus(h.market.Pair, s); err != nil {
				t.Error(err)
			}
		},
	}
}

// TestPaperExchange runs the cards over the paper exchange. // proves T2, T4, T7, T8, T9, M1
func TestPaperExchange(t *testing.T) {
	t.Parallel()
	exchangetest.Exercise(t, exchangetest.Venue{
		Name: "paper exchange", Open: openPaper,
		Has: []exchangetest.Capability{
			exchangetest.Bounds, exchangetest.Clock, exchangetest.Deadlines, exchangetest.FOK, exchangetest.IOC, exchangetest.MarketOrders,
			exchangetest.Parallel, exchangetest.PostOnly, exchangetest.Quotes, exchangetest.States, exchangetest.StopOrders,
		},
	})
}
