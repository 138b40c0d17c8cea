package dca_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/plugins/dca/dca"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

// proves PL1
func TestInvariants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		params := fmt.Sprintf(`{"every":%d,"unit":"candles","size":%d,"dips":%d,"dip":"%g","dip_scale":"%g","dip_size":2,"size_scale":"%g","target":"%g","stop":%d,"cooldown":%d}`,
			rapid.IntRange(0, 20).Draw(t, "every"), rapid.IntRange(1, 40).Draw(t, "size"), rapid.IntRange(0, 5).Draw(t, "dips"),
			rapid.SampledFrom([]float64{0.05, 0.5, 2}).Draw(t, "dip"), rapid.SampledFrom([]float64{0.5, 1, 2}).Draw(t, "dip_scale"),
			rapid.SampledFrom([]float64{0.5, 1, 1.5}).Draw(t, "size_scale"), rapid.SampledFrom([]float64{0, 0.2, 2}).Draw(t, "target"),
			rapid.SampledFrom([]int{0, 1, 10}).Draw(t, "stop"), rapid.IntRange(0, 10).Draw(t, "cooldown"))
		cfg := strategytest.PaperConfig{
			Params: params, Fees: exchange.Fees{Maker: 100_000, Taker: 200_000},
			Costs: paper.Costs{MaxShare: rapid.SampledFrom([]exchange.Rate{0, 10_000_000, exchange.RateOne}).Draw(t, "share")},
		}
		strategytest.Resumed(t, dca.Definition(), cfg, strategytest.Walk(rapid.Uint64().Draw(t, "seed"), 120), 5, func(p *strategytest.Paper, s strategytest.Step) {
			checkAccount(t, p, s)
			if s.Event.Kind == strategy.CandleEvent {
				checkLadder(t, p)
			}
		})
	})
}

// checkAccount holds every step to what must hold at any time.
func checkAccount(t *rapid.T, p *strategytest.Paper, s strategytest.Step) {
	t.Helper()
	v := p.View()
	if v.ReservedCounter > v.Counter || v.ReservedBase > v.Base {
		t.Fatalf("more is reserved than there is: %+v", v)
	}
	for _, reason := range p.Refusals() {
		t.Fatalf("refused: %s", reason)
	}
	entry := float64(s.View.Cost) / float64(max(1, s.View.Base))
	for _, c := range s.Commands {
		switch {
		case c.Kind == strategy.PlaceCommand && c.Side == exchange.Sell:
			t.Fatalf("it sells by itself: %+v", c)
		case c.Kind == strategy.ExitsCommand && (c.Exits.Target != 0 && c.Exits.Target.Float() <= entry || c.Exits.Stop.Float() >= entry):
			t.Fatalf("the exits of a position bought at %v are %+v", entry, c.Exits)
		}
	}
}

// checkLadder holds the state to the account: one order a rung at most, downwards,
// and no order that is nobody's.
func checkLadder(t *rapid.T, p *strategytest.Paper) {
	t.Helper()
	s, v := stateOf(p), p.View()
	open := map[uint64]strategy.OpenOrder{}
	for _, o := range v.Orders {
		if o.Type == exchange.LimitOrder {
			open[o.Ref] = o
		}
	}
	for i, r := range s.Rungs {
		if i > 0 && r.Price >= s.Rungs[i-1].Price {
			t.Fatalf("the ladder does not go down: %+v", s.Rungs)
		}
		if o, ok := open[r.Ref]; r.Ref != 0 && (!ok || o.Price != r.Price || o.Filled != r.Bought || o.Volume != r.Volume) {
			t.Fatalf("safety order %d is %+v and the order %+v", i, r, o)
		}
		if r.Bought > r.Volume {
			t.Fatalf("safety order %d has bought %d of %d", i, r.Bought, r.Volume)
		}
		delete(open, r.Ref)
	}
	for _, o := range open {
		t.Fatalf("an order belongs to no rung: %+v", o)
	}
	if !s.Active && v.Base > 0 {
		t.Fatalf("%d of base are held outside a cycle", v.Base)
	}
}

//nolint:paralleltest // it counts the allocations of the whole process.
func TestCandleNeedsNoAllocation(t *testing.T) {
	if n := strategytest.Allocations(t, dca.Definition(), `{}`); n != 0 {
		t.Errorf("a candle takes %v allocations, want none", n)
	}
}

// proves PL1
func TestConformance(t *testing.T) {
	t.Parallel()
	strategytest.Conformance(t, dca.Definition())
}

// proves PL1
func TestGolden(t *testing.T) {
	t.Parallel()
	cfg, candles := strategytest.Demo(t, 3000)
	cfg.Params = []byte(`{"every":8,"dip":"0.4","target":"0.5","cooldown":30}`)
	strategytest.Golden(t, dca.Definition(), cfg, candles, "testdata/demo.golden")
}
