package grid_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/plugins/grid/grid"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/risk"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

// drawn returns random parameters and an account to try them with.
func drawn(t *rapid.T) strategytest.PaperConfig {
	params := fmt.Sprintf(`{"reach":"%g","lines":%d,"spacing":%q,"size":%d,"stock":%t,"stop":%d}`,
		rapid.SampledFrom([]float64{0.5, 2, 10, 50}).Draw(t, "reach"), rapid.IntRange(2, 50).Draw(t, "lines"),
		rapid.SampledFrom([]string{"arithmetic", "geometric"}).Draw(t, "spacing"), rapid.IntRange(10, 100).Draw(t, "size"),
		rapid.Bool().Draw(t, "stock"), rapid.SampledFrom([]int{0, 1, 20}).Draw(t, "stop"))
	return strategytest.PaperConfig{
		Params: params, Fees: exchange.Fees{Maker: 100_000, Taker: 200_000},
		Costs: paper.Costs{MaxShare: rapid.SampledFrom([]exchange.Rate{0, 10_000_000, exchange.RateOne}).Draw(t, "share")},
		Risk:  risk.Config{StopLoss: rapid.SampledFrom([]exchange.Rate{0, 5_000_000}).Draw(t, "stop-loss")},
	}
}

// proves PL1
func TestInvariants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cfg := drawn(t)
		strategytest.Resumed(t, grid.Definition(), cfg, strategytest.Walk(rapid.Uint64().Draw(t, "seed"), 120), 5, func(p *strategytest.Paper, s strategytest.Step) {
			checkOrders(t, p)
			if s.Event.Kind == strategy.CandleEvent {
				checkCells(t, p, s)
			}
		})
	})
}

// TestAllTheCashAtWork proves that a ladder of all the cash asks for no more than there is:
// what does not suffice beside the stock and the fees is bid for later, and never denied.
func TestAllTheCashAtWork(t *testing.T) {
	t.Parallel()
	p := strategytest.NewPaper(t, grid.Definition(), strategytest.PaperConfig{
		Params: `{"size":100,"reach":1,"lines":5}`, Fees: exchange.Fees{Maker: 100_000, Taker: 200_000},
	})
	for _, c := range strategytest.Walk(1, 60) {
		p.Candle(c)
	}
	if got := p.Refusals(); len(got) != 0 || len(p.Fills()) < 2 {
		t.Errorf("of %d fills, refused: %q", len(p.Fills()), got)
	}
}

// checkOrders holds the open orders to what must hold at any time: no two bids at
// one line, no bid at or above an offer, no more reserved than there is, and
// nothing refused. (Two offers may be at one price, above a bid that is filled in
// part.)
func checkOrders(t *rapid.T, p *strategytest.Paper) {
	t.Helper()
	v := p.View()
	bids := map[exchange.Ticks]bool{}
	var bid, offer exchange.Ticks
	for _, o := range v.Orders {
		if o.Type == exchange.MarketOrder {
			continue // the stock of the beginning, or the end
		}
		if o.Side == exchange.Buy && bids[o.Price] {
			t.Fatalf("two bids at %d", o.Price)
		}
		if o.Side == exchange.Buy {
			bid, bids[o.Price] = max(bid, o.Price), true
		} else if offer == 0 || o.Price < offer {
			offer = o.Price
		}
	}
	if offer != 0 && bid >= offer {
		t.Fatalf("it bids %d and offers at %d", bid, offer)
	}
	if v.ReservedCounter > v.Counter || v.ReservedBase > v.Base {
		t.Fatalf("more is reserved than there is: %+v", v)
	}
	for _, reason := range p.Refusals() {
		t.Fatalf("refused: %s", reason)
	}
}

// checkCells holds the state to the account: each cell knows its one order, and
// the position is shared out among the cells to the last step.
func checkCells(t *rapid.T, p *strategytest.Paper, step strategytest.Step) {
	t.Helper()
	s, v := stateOf(p), p.View()
	taken := map[uint64]bool{} // back in this step, which the cell hears next
	for _, c := range strategytest.Only(step.Commands, strategy.CancelCommand) {
		taken[c.Ref] = true
	}
	if s.Over {
		return
	}
	open := map[uint64]strategy.OpenOrder{}
	for _, o := range v.Orders {
		open[o.Ref] = o
	}
	var held exchange.Steps
	for i, c := range s.Cells {
		held += c.Held
		o, ok := open[c.Ref]
		delete(open, c.Ref)
		switch {
		case c.Ref == 0, taken[c.Ref]:
		case !ok:
			t.Fatalf("cell %d knows order %d, which is not open", i, c.Ref)
		case o.Side != c.Side || o.Side == exchange.Buy && o.Price != s.Lines[i] || o.Side == exchange.Sell && o.Price < s.Lines[i+1]:
			t.Fatalf("cell %d from %d to %d has the order %+v", i, s.Lines[i], s.Lines[i+1], o)
		}
	}
	if held != v.Base {
		t.Fatalf("the cells hold %d and the account %d", held, v.Base)
	}
	delete(open, s.Stock)
	for ref, o := range open {
		if o.Type == exchange.LimitOrder {
			t.Fatalf("order %d belongs to no cell: %+v", ref, o)
		}
	}
}

//nolint:paralleltest // it counts the allocations of the whole process.
func TestCandleNeedsNoAllocation(t *testing.T) {
	if n := strategytest.Allocations(t, grid.Definition(), `{"stop":20}`); n != 0 {
		t.Errorf("a candle takes %v allocations, want none", n)
	}
}

// proves PL1
func TestConformance(t *testing.T) {
	t.Parallel()
	strategytest.Conformance(t, grid.Definition())
}

// proves PL1
func TestGolden(t *testing.T) {
	t.Parallel()
	for name, params := range map[string]string{"geometric": `{}`, "arithmetic": `{"spacing":"arithmetic","reach":2,"lines":21,"stock":false,"stop":3}`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, candles := strategytest.Demo(t, 3000)
			cfg.Params = []byte(params)
			strategytest.Golden(t, grid.Definition(), cfg, candles, "testdata/"+name+".golden")
		})
	}
}
