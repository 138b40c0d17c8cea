package portfolio_test

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/portfolio"
)

func fill(side exchange.Side, order string, price exchange.Ticks, volume exchange.Steps, fee exchange.Units) exchange.Fill {
	return exchange.Fill{OrderID: order, Side: side, Price: price, Volume: volume, Value: price.MustTimes(volume), FeeCounter: fee, Time: 7}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	p := portfolio.New(10_000)
	if _, err := p.Apply(fill(exchange.Buy, "a", 100, 50, 5)); err != nil {
		t.Fatal(err)
	}
	if p.Counter != 4_995 || p.Base != 50 || p.Cost != 5_005 || p.Entry() != 100 {
		t.Fatalf("after buying: %+v", p)
	}
	r, err := p.Apply(fill(exchange.Sell, "b", 110, 20, 2))
	if err != nil || !r.Closes || r.Profit != 2_200-2-2_002 {
		t.Fatalf("first part sold: %+v, %v", r, err)
	}
	r, err = p.Apply(fill(exchange.Sell, "b", 120, 30, 4))
	if err != nil || r.Trade.Volume != 50 || r.Trade.Profit() != 2_200+3_600-6-5_005 || r.Trade.EntryFee != 5 {
		t.Fatalf("second part sold: %+v, %v", r, err)
	}
	if p.Base != 0 || p.Cost != 0 || p.Trades != 1 || p.Fees != 11 || p.Counter != 10_000+p.Realised || p.Opened != 0 {
		t.Fatalf("at the end: %+v", p)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	cases := map[string]exchange.Fill{
		"more than the cash":     fill(exchange.Buy, "a", 100, 101, 0),
		"fee beyond the cash":    fill(exchange.Buy, "a", 100, 100, 1),
		"more than the position": fill(exchange.Sell, "a", 100, 1, 0),
		"no side":                fill(0, "a", 100, 1, 0),
		"no volume":              fill(exchange.Buy, "a", 100, 0, 0),
		"negative fee":           fill(exchange.Buy, "a", 100, 1, -1),
	}
	for name, f := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := portfolio.New(10_000)
			before := p
			if _, err := p.Apply(f); err == nil {
				t.Fatal("accepted")
			}
			if p != before {
				t.Errorf("the refused fill changed the account to %+v", p)
			}
		})
	}
}

// proves T7: fees in base and in counter are both booked, to the last digit.
func TestFeesInBase(t *testing.T) {
	t.Parallel()
	p := portfolio.New(1_000_000)
	f := fill(exchange.Buy, "a", 10, 1_000, 0)
	f.FeeBase = 2_500_000_001 // two and a half steps and a bit
	if _, err := p.Apply(f); err != nil {
		t.Fatal(err)
	}
	if p.Base != 997 || p.Dust != 499_999_999 || p.FeesBase != f.FeeBase {
		t.Fatalf("%+v", p)
	}
}

// Whatever is bought and sold: cash + what was spent − what was received is
// the start; realised profit explains the cash once nothing is held; a copy
// through JSON is the same.
func TestBooksBalance(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const start = 1_000_000_000
		p := portfolio.New(start)
		for i := range rapid.IntRange(1, 40).Draw(t, "fills") {
			side := exchange.Buy
			if p.Base > 0 && rapid.Bool().Draw(t, "sell") {
				side = exchange.Sell
			}
			most := int64(1_000)
			if side == exchange.Sell {
				most = int64(p.Base)
			}
			f := fill(side, string(rune('a'+i/3)), exchange.Ticks(rapid.Int64Range(1, 1_000).Draw(t, "price")),
				exchange.Steps(rapid.Int64Range(1, most).Draw(t, "volume")), exchange.Units(rapid.Int64Range(0, 50).Draw(t, "fee")))
			if _, err := p.Apply(f); err != nil {
				t.Fatal(err)
			}
			if got := p.Counter + p.Cost; got != start+p.Realised {
				t.Fatalf("cash + cost = %d, start + realised = %d", got, start+p.Realised)
			}
			if p.Base == 0 && p.Cost != 0 {
				t.Fatalf("nothing is held, yet it cost %d", p.Cost)
			}
		}
		raw, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var copied portfolio.Portfolio
		if err := json.Unmarshal(raw, &copied); err != nil || copied != p {
			t.Fatalf("through JSON: %+v, %v, want %+v", copied, err, p)
		}
	})
}
