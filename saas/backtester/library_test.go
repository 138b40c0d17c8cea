package backtester_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/research"
)

func warningsOf(t *testing.T, w *world, r research.Run) []string {
	t.Helper()
	var d struct{ Warnings []string }
	raw, err := research.Document(w.part(r, research.PartDocument))
	if err != nil || json.Unmarshal(raw, &d) != nil {
		t.Fatal(err)
	}
	return d.Warnings
}

// Strategies that look at another pair and at trades get them in all kinds of runs;
// where the history has no trades, the report says so.
func TestStrategiesThatLookAround(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		who := w.tenant("a", "premium")
		create := func(in research.CreateInput) (research.Run, error) {
			in.Pair, in.Strategy, in.From, in.To = demo.XBTMYR, "nosy", demo.Start().Add(-96*time.Hour), demo.Start()
			return w.runs.Create(t.Context(), who, in)
		}
		for pair, want := range map[string]string{"NOPE": "is not a pair that there is here", demo.XBTMYR: "is the pair that is traded", "eth/myr": "must be the symbol of a market"} {
			if _, err := create(research.CreateInput{Parameters: []byte(`{"pair":"` + pair + `"}`)}); errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", pair, err)
			}
		}
		w.worker("worker")
		done := func(in research.CreateInput) research.Run {
			t.Helper()
			r, err := create(in)
			if err != nil {
				t.Fatal(err)
			}
			return w.await(r, research.Done)
		}
		const both = `{"pair":"ETHMYR","tape":true}`
		lacks := func(r research.Run) bool {
			return slices.ContainsFunc(warningsOf(t, w, r), func(s string) bool {
				return strings.Contains(s, "listens to the market's trades, and this run had none")
			})
		}
		kinds := []research.CreateInput{
			{Parameters: []byte(both)},
			{Parameters: []byte(both), Kind: research.Sweep, Search: &research.Search{Ranges: []string{"size=50,100"}, Measure: "equity"}},
			{Parameters: []byte(both), Kind: research.WalkForward, Search: &research.Search{Ranges: []string{"size=50,100"}, Measure: "equity", InSample: 24 * time.Hour, OutOfSample: 24 * time.Hour}},
			{Kind: research.Sweep, Search: &research.Search{Ranges: []string{"pair=ETHMYR", "size=50,100"}, Measure: "equity"}},
		}
		for _, in := range kinds {
			if r := done(in); r.Figures.Trades < 50 || lacks(r) {
				t.Errorf("%s of %s makes %d trades, with the warnings %q", r.Kind, r.Parameters, r.Figures.Trades, warningsOf(t, w, r))
			}
		}
		w.mu.Lock()
		w.silent = true
		w.mu.Unlock()
		for _, in := range kinds[:3] {
			if r := done(in); r.Figures.Trades != 0 || !lacks(r) {
				t.Errorf("without trades a %s makes %d, with the warnings %q", r.Kind, r.Figures.Trades, warningsOf(t, w, r))
			}
		}
	})
}
