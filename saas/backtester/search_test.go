package backtester_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/backtester"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/backtestreport"
	"github.com/lunobot/lunobot/strategy/backtest/search"
	"github.com/lunobot/lunobot/strategy/plugin"
)

func (w *world) search(id string, kind research.Kind, s research.Search) research.Run {
	w.t.Helper()
	r, err := w.runs.Create(w.t.Context(), w.tenant(id, "premium"), research.CreateInput{
		Kind: kind, Search: &s, Pair: demo.XBTMYR, Strategy: "swing", From: demo.Start().Add(-96 * time.Hour), To: demo.Start(),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// A sweep tries every set, and its figures are those of the best set's run.
func TestSweep(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		r := w.search("a", research.Sweep, research.Search{Ranges: []string{"every=30:300:30"}, Measure: "equity"})
		if r.Total != 10 || r.Name != "Sweep of swing on XBTMYR" {
			t.Errorf("%s is of %d sets", r.Name, r.Total)
		}
		w.worker("worker", func(c *backtester.Config) { c.Workers = 2 })
		got := w.await(r, research.Done)
		var d backtestreport.SearchDocument
		raw, err := research.Document(w.part(r, research.PartDocument))
		if err != nil || json.Unmarshal(raw, &d) != nil || len(d.Sets) != 10 || d.Search.Tried != 10 {
			t.Fatalf("the document has %d sets, %v", len(d.Sets), err)
		}
		best := d.Sets[0]
		if string(got.Figures.Best) != string(best.Parameters) || !got.Figures.Final.Equal(best.Metrics.FinalEquity) || got.Figures.Trades != best.Metrics.Trades {
			t.Errorf("the figures %+v are not those of %+v", got.Figures, best)
		}
		kept, err := research.Page(w.part(r, research.PartPage))
		if err != nil || kept.Search == nil || kept.Page != nil || len(kept.Search.Rows) != 10 || got.Done != 10 || w.used("a") != 0 || len(got.Line) < 2 {
			t.Errorf("kept %+v with %d done, %v", kept, got.Done, err)
		}
	})
}

func TestWalkForward(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		r := w.search("a", research.WalkForward, research.Search{
			Ranges: []string{"every=30:90:30"}, Measure: "equity", InSample: 24 * time.Hour, OutOfSample: 12 * time.Hour, Anchored: true,
		})
		w.worker("worker")
		got := w.await(r, research.Done)
		var d backtestreport.WalkDocument
		raw, err := research.Document(w.part(r, research.PartDocument))
		if err != nil || json.Unmarshal(raw, &d) != nil || len(d.Windows) != 6 || r.Total != 18 || got.Done != 18 || !d.Walk.Anchored {
			t.Fatalf("%d windows, %d of %d done, %v", len(d.Windows), got.Done, r.Total, err)
		}
		if f := got.Figures; f.Return != d.Walk.TotalReturn || f.Trades != d.Walk.Trades || !f.Final.Sub(f.Initial).Equal(f.Profit) || f.Best != nil {
			t.Errorf("figures = %+v", f)
		}
		if kept, err := research.Page(w.part(r, research.PartPage)); err != nil || kept.Walk == nil || len(kept.Walk.Rows) != 6 {
			t.Errorf("kept %+v, %v", kept, err)
		}
		// Every window is warmed up, the first one too.
		warm, cold := w.walked(r, r.From.Add(-time.Hour)), w.walked(r, r.From)
		for i, got := range d.Windows {
			a, b := warm.Windows[i], cold.Windows[i]
			if got.InScore != a.Best.Score || a.Short || !b.Short || got.InScore == b.Best.Score {
				t.Errorf("window %d has the score %v, and with the hour before %v, without %v", i, got.InScore, a.Best.Score, b.Best.Score)
			}
		}
	})
}

// walked is the same walk over candles from a time on, in this process.
func (w *world) walked(r research.Run, from time.Time) *search.Walk {
	w.t.Helper()
	series, err := w.market.Series(r.Pair, from, r.To)
	if err != nil {
		w.t.Fatal(err)
	}
	space, err := r.Space(definition().Schema(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	cfg := backtest.Config{Market: series.Market, Interval: series.Interval}
	if cfg.Balance, err = series.Market.Units(r.Balance, exchange.Exact); err != nil {
		w.t.Fatal(err)
	}
	for to, rate := range map[*exchange.Rate]decimal.Decimal{&cfg.Fees.Maker: r.MakerFee, &cfg.Fees.Taker: r.TakerFee} {
		if *to, err = exchange.ParseRate(rate.String()); err != nil {
			w.t.Fatal(err)
		}
	}
	task := r.Searching(space)
	task.From, task.To, task.Runners = r.From, r.To, []search.Runner{search.NewLocal(definition(), cfg, series.Packed())}
	s := r.Request.Search
	walk, err := search.WalkForward(w.t.Context(), search.WalkConfig{Anchored: s.Anchored, InSample: s.InSample, OutOfSample: s.OutOfSample, Search: task})
	if err != nil {
		w.t.Fatal(err)
	}
	return walk
}

// What is wrong with one set is that set's, and what is wrong with all of them is
// told to the tenant.
func TestSearchesThatFail(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		w.set(func(context.Context, backtest.Config, func(int64)) error {
			return &plugin.RunError{Text: "the strategy panicked: oh"}
		})
		r := w.search("a", research.Sweep, research.Search{Ranges: []string{"every=30,60"}})
		w.worker("worker")
		if got := w.await(r, research.Failed); !strings.Contains(got.Reason, "The search could not be made: no set could be run: the strategy panicked: oh.") {
			t.Errorf("it failed with %q", got.Reason)
		}
	})
}

// A sweep that is cancelled ends soon.
func TestCancelledSweep(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		begun := make(chan struct{}, 10)
		w.set(func(ctx context.Context, _ backtest.Config, _ func(int64)) error {
			begun <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		})
		r := w.search("a", research.Sweep, research.Search{Ranges: []string{"every=30:300:30"}})
		b := w.worker("worker")
		<-begun
		if _, err := w.runs.Cancel(t.Context(), w.owner("a"), r.ID); err != nil {
			t.Fatal(err)
		}
		b.Wake()
		w.await(r, research.Cancelled)
		b.Stop()
		if w.used("a") != 0 {
			t.Errorf("a cancelled sweep holds %d places", w.used("a"))
		}
	})
}
