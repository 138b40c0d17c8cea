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

// hang returns what counts of the hangs of a tenant's runs of swing.
func (w *world) hang(who tenancy.Principal) research.Hang {
	w.t.Helper()
	list, err := w.store.Hangs(w.t.Context(), w.now())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, h := range list {
		if h.TenantID == who.TenantID && h.Strategy == "swing" {
			return h
		}
	}
	return research.Hang{}
}

// note notes that a run of a tenant hung.
func (w *world) note(who tenancy.Principal, stood time.Duration) {
	w.t.Helper()
	if _, err := w.store.PutHang(w.t.Context(), who.TenantID, research.NewHang("swing", "", w.now(), stood)); err != nil {
		w.t.Fatal(err)
	}
}

// Runs of one tenant that hang in all places keep no other tenant waiting; after two
// minutes of that no more are begun for a while, and the tenant is told so.
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
		w.pass(time.Minute)
		release <- struct{}{}
		release <- struct{}{}
		reasons := w.await(first, research.Failed).Reason + w.await(second, research.Failed).Reason
		if !strings.Contains(reasons, "The strategy swing made no progress for too long and was stopped. 2 of your backtests of swing hung lately. The next one can be made at ") {
			t.Errorf("the tenant is told %s", reasons)
		}
		if h := w.hang(ada); h.Times != 2 || h.Empties.Sub(h.Last) < 19*time.Minute {
			t.Errorf("counted is %+v", h)
		}
		_, err := w.hangs(ada)
		if errs.KindOf(err) != errs.Conflict || errs.CodeOf(err) != "strategy_hangs" || !strings.Contains(err.Error(), "2 of your backtests of swing hung lately.") {
			t.Errorf("a third one gave %v", err)
		}
		if w.used("a") != 0 {
			t.Error("it has taken a place of the plan")
		}
		w.await(w.create(bo), research.Done)
	})
}

// What may well hang is run after all else and one at a time.
func TestSuspectsAreRunOneAtATime(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ada, bo, cy := w.tenant("a", "premium"), w.tenant("b", "premium"), w.tenant("c", "premium")
		w.note(ada, time.Minute)
		w.note(cy, time.Minute)
		began, release := w.hanging()
		runs, waits := w.hung(ada), w.hung(cy)
		w.worker("worker")
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
		if _, err := w.runs.Cancel(t.Context(), w.owner(runs.TenantID), runs.ID); err != nil {
			t.Fatal(err)
		}
		<-began // now the other one
		release <- struct{}{}
		w.await(waits, research.Failed)
	})
}

// A run that is cancelled counts for as much longer as it stood than it ever had before it
// went on: a slow one for nothing, and one that hangs however soon it is cancelled.
func TestCancelledRunsThatHang(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ada := w.tenant("a", "premium")
		w.worker("worker", func(c *backtester.Config) { c.AtOnce = 1 })
		cancelled := func(usual, stood time.Duration) research.Hang {
			t.Helper()
			began := make(chan struct{})
			w.set(func(ctx context.Context, _ backtest.Config, progress func(int64)) error {
				w.pass(usual)
				progress(1)
				close(began)
				<-ctx.Done()
				return ctx.Err()
			})
			r := w.create(ada)
			<-began
			w.pass(stood)
			if _, err := w.runs.Cancel(t.Context(), ada, r.ID); err != nil {
				t.Fatal(err)
			}
			w.set(nil)
			w.await(w.create(ada), research.Done) // in the place of the one that was cancelled
			return w.hang(ada)
		}
		if h := cancelled(30*time.Minute, 25*time.Minute); h.Times != 0 {
			t.Errorf("a slow one counts %+v", h)
		}
		h := cancelled(5*time.Second, 25*time.Second)
		if stood := h.Empties.Sub(h.Last) / 10; h.Times != 1 || stood < 19*time.Second || stood > 50*time.Second {
			t.Errorf("one that hangs counts %+v", h)
		}
	})
}

// A run that is cancelled before its strategy has started counts for the time that this
// took: whoever cancels early dodges nothing.
func TestCancelledRunsThatDoNotStart(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ada := w.tenant("a", "premium")
		w.worker("worker", func(c *backtester.Config) { c.AtOnce = 1 })
		began := make(chan struct{})
		w.start(func(ctx context.Context) error {
			close(began)
			<-ctx.Done()
			return ctx.Err()
		})
		r := w.create(ada)
		<-began
		w.pass(25 * time.Second)
		if _, err := w.runs.Cancel(t.Context(), ada, r.ID); err != nil {
			t.Fatal(err)
		}
		w.start(nil)
		w.await(w.create(ada), research.Done) // in the place of the one that was cancelled
		h := w.hang(ada)
		if stood := h.Empties.Sub(h.Last) / 10; h.Times != 1 || stood < 24*time.Second || stood > 50*time.Second {
			t.Errorf("it counts %+v", h)
		}
	})
}

// A run whose version rests waits in its place without an attempt, keeps nobody else
// waiting, and is begun once enough is forgotten; a success forgives no hang.
func TestWhatRestsWaits(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ada, bo := w.tenant("a", "premium"), w.tenant("b", "premium")
		rests, goes := w.create(ada), w.create(bo)
		w.note(ada, 2*time.Minute)
		w.note(bo, time.Minute)
		w.worker("worker", func(c *backtester.Config) { c.AtOnce = 1 })
		w.await(goes, research.Done)
		if h := w.hang(bo); h.Times != 1 {
			t.Errorf("after a success %+v is left", h)
		}
		got, err := w.runs.Run(t.Context(), ada, rests.ID)
		if err != nil || got.Status != research.Queued || got.Attempt != 0 || !strings.HasPrefix(got.Reason, "1 of your backtests of swing hung lately. This one waits until ") {
			t.Errorf("it is %s after %d attempts: %s, %v", got.Status, got.Attempt, got.Reason, err)
		}
		w.pass(5 * time.Minute)
		w.await(rests, research.Done)
	})
}
