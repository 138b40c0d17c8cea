package web_test

import (
	"encoding/json"
	"math"
	"net/http"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/journal"
)

// curve is a line that a page draws, of two points at least.
type curve struct {
	Times  []int64
	Values []float64
}

func (b *browser) curve(path string) (c curve) {
	b.t.Helper()
	a := b.get(path)
	if err := json.Unmarshal([]byte(a.body), &c); err != nil || a.status != http.StatusOK || len(c.Times) < 2 || len(c.Times) != len(c.Values) {
		b.t.Fatalf("GET %s: %d %s, %v", path, a.status, a.body, err)
	}
	return c
}

// The curve of a bot that has come to rest ends at what its last fills have left, as the
// figures beside it do, though its last point is older.
func TestBotCurveEndsAtTheEquity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	id := ada.newBot("Done")
	busy := w.trader(t, ada.who, id, "XBTMYR")
	busy.replay(t, 100)
	before := ada.curve("/bots/" + id + "/equity")
	left := decimal.RequireFromString("9611.65")
	w.journal.commit(journal.Entry{TenantID: ada.who.TenantID, BotID: id, Checkpoint: &journal.Checkpoint{
		BotID: id, Sequence: busy.number + 1, MarketTime: w.market.Now(), Summary: journal.Summary{Equity: left, Cash: left, FreeCash: left, Price: decimal.NewFromInt(1)},
	}})
	after := ada.curve("/bots/" + id + "/equity")
	if n := len(after.Values) - 1; math.Abs(after.Values[n]-left.InexactFloat64()) > 0.01 || after.Times[n] != before.Times[len(before.Times)-1] {
		t.Errorf("it ends at %.2f, %d; want %s at the last point, %d", after.Values[n], after.Times[n], left, before.Times[len(before.Times)-1])
	}
}

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

	curve := ada.curve("/overview/equity")
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
