package backtester_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/backtester"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/pluginhost"
	"github.com/lunobot/lunobot/tenancy"
)

// hanging makes runs hang that turn every 7 candles: each says so on began, and ends as
// one that the host has stopped when it is released, or with ctx.
func (w *world) hanging() (began, release chan struct{}) {
	began, release = make(chan struct{}), make(chan struct{})
	w.set(func(ctx context.Context, cfg backtest.Config, _ func(int64)) error {
		var p struct{ Every int }
		if err := json.Unmarshal(cfg.Params, &p); err != nil || p.Every != 7 {
			return err
		}
		select {
		case began <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case <-release:
			return &pluginhost.Error{Plugin: "swing", Kind: pluginhost.Timeout, Err: errors.New("it made no progress")}
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	return began, release
}

// hangs asks for a run that hangs.
func (w *world) hangs(who tenancy.Principal) (research.Run, error) {
	return w.runs.Create(w.t.Context(), who, research.CreateInput{
		Pair: demo.XBTMYR, Strategy: "swing", Parameters: []byte(`{"every":7}`), From: demo.Start().Add(-48 * time.Hour), To: demo.Start(),
	})
}

func (w *world) hung(who tenancy.Principal) research.Run {
	w.t.Helper()
	r, err := w.hangs(who)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// times is how many hangs in a row a tenant has.
func (w *world) times(who tenancy.Principal) int64 {
	w.t.Helper()
	list, err := w.store.Hangs(w.t.Context(), time.Time{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, h := range list {
		if h.TenantID == who.TenantID {
			return h.Times
		}
	}
	return 0
}

// Runs of one tenant that hang in all places keep no other tenant waiting; after two
// in a row no more are begun for a while, and the tenant is told so.
func TestHangsHoldUpNobodyElse(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ada, bo := w.tenant("a", "premium"), w.tenant("b", "basic")
		began, release := w.hanging()
		first, second := w.hung(ada), w.hung(ada)
		w.worker("worker")
		<-began
		<-began // both places are taken
		w.await(w.create(bo), research.Done)
		release <- struct{}{}
		release <- struct{}{}
		reasons := w.await(first, research.Failed).Reason + w.await(second, research.Failed).Reason
		if !strings.Contains(reasons, "The strategy swing made no progress for too long and was stopped. That was number 2 in a row. The next one can be made at ") {
			t.Errorf("the tenant is told %s", reasons)
		}
		if n := w.times(ada); n != 2 {
			t.Errorf("%d hangs are counted", n)
		}
		_, err := w.hangs(ada)
		if errs.KindOf(err) != errs.Conflict || errs.CodeOf(err) != "strategy_hangs" || !strings.Contains(err.Error(), "The last 2 backtests of swing hung and were stopped.") {
			t.Errorf("a third one gave %v", err)
		}
		if w.used("a") != 0 {
			t.Error("it has taken a place of the plan")
		}
		w.await(w.create(bo), research.Done)
	})
}

// What may well hang is run after all else and one at a time; a success makes it like
// the others again, and a hang that is cancelled counts too.
func TestSuspectsAreRunOneAtATime(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ada, bo, cy := w.tenant("a", "premium"), w.tenant("b", "premium"), w.tenant("c", "premium")
		for _, who := range []tenancy.Principal{ada, cy} {
			if _, err := w.store.PutHang(t.Context(), who.TenantID, research.Hang{Strategy: "swing", Last: time.Now()}, time.Time{}); err != nil {
				t.Fatal(err)
			}
		}
		began, release := w.hanging()
		runs, waits := w.hung(ada), w.hung(cy)
		w.worker("worker", func(c *backtester.Config) { c.Stall = time.Nanosecond })
		<-began
		for range 3 { // the second place is not for the other suspect
			w.await(w.create(bo), research.Done)
		}
		if w.run(waits).Status == research.Running {
			runs, waits = waits, runs
		}
		if got := w.run(waits).Status; got != research.Queued {
			t.Errorf("the other suspect is %s", got)
		}
		who := w.owner(runs.TenantID)
		if _, err := w.runs.Cancel(t.Context(), who, runs.ID); err != nil {
			t.Fatal(err)
		}
		<-began // now the other one
		for deadline := time.Now().Add(30 * time.Second); w.times(who) != 2; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("the hang that was cancelled is not counted: %d", w.times(who))
			}
		}
		release <- struct{}{}
		w.await(waits, research.Failed)
	})
}

// A run that waited while its version began to rest is ended with the reason; one that
// succeeds wipes the hangs out.
func TestWhatRestsIsNotBegun(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ada, bo := w.tenant("a", "premium"), w.tenant("b", "premium")
		w.set(func(context.Context, backtest.Config, func(int64)) error { return nil })
		rests, goes := w.create(ada), w.create(bo)
		note := func(who tenancy.Principal) {
			t.Helper()
			if _, err := w.store.PutHang(t.Context(), who.TenantID, research.Hang{Strategy: "swing", Last: time.Now()}, time.Time{}); err != nil {
				t.Fatal(err)
			}
		}
		note(ada)
		note(ada)
		note(bo)
		w.worker("worker")
		if got := w.await(rests, research.Failed); !strings.Contains(got.Reason, "The last 2 backtests of swing hung and were stopped.") || got.Attempt != 0 {
			t.Errorf("after %d attempts: %s", got.Attempt, got.Reason)
		}
		w.await(goes, research.Done)
		if n := w.times(bo); n != 0 {
			t.Errorf("%d hangs are left after a success", n)
		}
	})
}
