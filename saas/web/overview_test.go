package web_test

import (
	"encoding/json"
	"math"
	"net/http"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/journal"
)

// The summed curve is that of all the bots in the total above it, those that have no
// curve yet among them, and ends at that total.
func TestOverviewCurveEndsAtTheTotal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	ada.upgrade("basic")
	busy := w.trader(t, ada.who, ada.newBot("Busy"), "XBTMYR")
	busy.replay(t, 200)
	quiet := decimal.RequireFromString("2500.25")
	w.journal.commit(journal.Entry{TenantID: ada.who.TenantID, BotID: ada.newBot("Quiet"), Checkpoint: &journal.Checkpoint{
		Sequence: 1, MarketTime: w.market.Now(), Summary: journal.Summary{Equity: quiet, Cash: quiet, FreeCash: quiet, Price: decimal.NewFromInt(1)},
	}})
	traded, err := w.journal.Equity(t.Context(), ada.who.TenantID, busy.id, journal.EquityQuery{Points: 500})
	if err != nil || len(traded) < 2 {
		t.Fatalf("the curve of the busy bot: %d points, %v", len(traded), err)
	}

	answer := ada.get("/overview/equity")
	var curve struct {
		Counter string
		Times   []int64
		Values  []float64
	}
	if err := json.Unmarshal([]byte(answer.body), &curve); err != nil || answer.status != http.StatusOK || len(curve.Values) < 2 {
		t.Fatalf("%d %s, %v", answer.status, answer.body, err)
	}
	first, last := traded[0].Equity.Add(quiet).InexactFloat64(), traded[len(traded)-1].Equity.Add(quiet).InexactFloat64()
	if got := curve.Values[0]; math.Abs(got-first) > 0.01 {
		t.Errorf("the curve begins at %.2f, want %.2f", got, first)
	}
	if got := curve.Values[len(curve.Values)-1]; math.Abs(got-last) > 0.01 {
		t.Errorf("the curve ends at %.2f, want the total of %.2f", got, last)
	}
	for i := 1; i < len(curve.Times); i++ {
		if curve.Times[i] <= curve.Times[i-1] {
			t.Fatalf("time %d is %d after %d", i, curve.Times[i], curve.Times[i-1])
		}
	}
}
