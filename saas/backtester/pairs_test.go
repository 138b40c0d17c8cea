package backtester_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/research"
)

// Runs of all kinds trade further pairs, whose candles come from the history by
// themselves; the report has a chart and the trades of each, and what is held of it.
func TestRunsTradeFurtherPairs(t *testing.T) { // proves PL1, T8
	t.Parallel()
	each(t, func(w *world) {
		who := w.tenant("a", "premium")
		create := func(in research.CreateInput) research.Run {
			t.Helper()
			balance := decimal.Zero
			in.Balance, in.Terms = &balance, research.Terms{Holding: decimal.New(2, -2), Holdings: map[string]decimal.Decimal{demo.ETHMYR: decimal.NewFromInt(1)}}
			in.Risk.MaxPositions = map[string]decimal.Decimal{demo.ETHMYR: decimal.New(15, -1)}
			in.Pair, in.Also, in.Strategy, in.From, in.To = demo.XBTMYR, []string{demo.ETHMYR}, "flock", demo.Start().Add(-96*time.Hour), demo.Start()
			r, err := w.runs.Create(t.Context(), who, in)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		w.worker("worker")
		var final []string
		for _, in := range []research.CreateInput{
			{Parameters: []byte(`{"every":40}`)},
			{Kind: research.Sweep, Search: &research.Search{Ranges: []string{"every=40"}, Measure: "equity"}},
			{Kind: research.WalkForward, Search: &research.Search{Ranges: []string{"every=40,60"}, Measure: "equity", InSample: 24 * time.Hour, OutOfSample: 24 * time.Hour}},
		} {
			r := w.await(create(in), research.Done)
			if r.Figures.Trades < 100 || r.Figures.Warnings > 5 { // of a short history, for one
				t.Errorf("%s: %d trades, %d warnings", r.Kind, r.Figures.Trades, r.Figures.Warnings)
			}
			final = append(final, r.Figures.Final.String())
			if !r.Figures.Initial.IsPositive() {
				t.Errorf("%s: what it holds is worth %s", r.Kind, r.Figures.Initial)
			}
			if r.Kind != research.Backtest {
				continue
			}
			var d struct {
				Pairs []struct {
					Pair    string
					Holding decimal.Decimal
					Most    decimal.Decimal `json:"max_position"`
				} `json:"further_pairs"`
				Trades []struct{ Pair string }
			}
			raw, err := research.Document(w.part(r, research.PartDocument))
			if err != nil || json.Unmarshal(raw, &d) != nil || len(d.Pairs) != 1 || d.Pairs[0].Pair != demo.ETHMYR || d.Pairs[0].Holding.String() != "1" || d.Pairs[0].Most.String() != "1.5" {
				t.Fatalf("%+v, %v", d.Pairs, err)
			}
			count := map[string]int{}
			for _, trade := range d.Trades {
				count[trade.Pair]++
			}
			if count[demo.XBTMYR] < 50 || count[demo.ETHMYR] < 50 {
				t.Errorf("trades of %v", count)
			}
		}
		if final[0] != final[1] {
			t.Errorf("a sweep of one set comes to %s, and a backtest of it to %s", final[1], final[0])
		}
		w.mu.Lock()
		w.lost = demo.ETHMYR
		w.mu.Unlock()
		if r := w.await(create(research.CreateInput{}), research.Failed); !strings.Contains(r.Reason, "has no candles of ETHMYR, which the run trades, any more") {
			t.Errorf("without the candles: %s", r.Reason)
		}
		_, err := w.runs.Create(t.Context(), who, research.CreateInput{Pair: demo.XBTMYR, Also: []string{demo.ETHMYR}, Strategy: "swing"})
		var invalid *errs.Error
		if !errors.As(err, &invalid) || invalid.Kind != errs.Invalid || len(invalid.Fields) != 1 || invalid.Fields[0].Path != "/further_pairs" {
			t.Errorf("a strategy of one pair: %v", err)
		}
	})
}
