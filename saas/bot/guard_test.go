package bot_test

import (
	"slices"
	"testing"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
)

// proves RK3: that a failed bot is looked after is kept, so that any worker goes on with it; it
// takes no place among the running ones, is not changed meanwhile, and ends when a worker says
// so, or when somebody stops it or starts it anew, which no worker that is late undoes.
func TestGuarded(t *testing.T) {
	t.Parallel()
	eachFloor(t, func(f *floor) {
		ctx, tenant := f.t.Context(), f.who.TenantID
		c, b, err := f.Create(ctx, f.who, bot.CreateInput{Name: "First", Pair: "XBTMYR", Strategy: "cross"})
		if err != nil {
			f.t.Fatal(err)
		}
		start := func() int64 {
			f.t.Helper()
			b, err := f.Start(ctx, f.who, b.ID)
			if err != nil {
				f.t.Fatal(err)
			}
			return b.Run
		}
		guard := func(run int64, g bot.Guard) bot.Bot {
			f.t.Helper()
			err := f.Guarded(ctx, tenant, b.ID, run, g)
			got, gerr := f.Bot(ctx, f.who, b.ID)
			if err != nil || gerr != nil {
				f.t.Fatal(err, gerr)
			}
			return got
		}
		runnable := func() bool {
			list, err := f.store.RunnableBots(ctx)
			if err != nil {
				f.t.Fatal(err)
			}
			return slices.ContainsFunc(list, func(a bot.Runnable) bool { return a.Bot.ID == b.ID })
		}
		begins := bot.Guard{Failure: "a bad answer", Reason: "a bad answer; its stop-loss still stands guard", Anew: true}
		run := start()
		if got := guard(run+1, begins); got.Guarded() || !got.Desired {
			f.t.Errorf("of another run it is %+v", got)
		}
		got := guard(run, begins)
		if got.Status != bot.Failed || got.Desired || got.Failure != begins.Failure || got.Reason != begins.Reason || got.Status.Active() || !got.AtWork() || !runnable() {
			f.t.Errorf("it is %+v", got)
		}
		if d := f.data(bot.EventStatusChanged); d["status"] != "error" || d["status_reason"] != begins.Reason {
			f.t.Errorf("its tenant was told %v", d)
		}
		name := "Other"
		_, updated := f.Update(ctx, f.who, c.ID, bot.UpdateInput{Name: &name})
		for what, err := range map[string]error{"changed": updated, "deleted": f.Delete(ctx, f.who, b.ID)} {
			if errs.CodeOf(err) != "bot_guarded" {
				f.t.Errorf("it is %s: %v", what, err)
			}
		}
		if got := guard(run, bot.Guard{Failure: "a bad answer", Reason: "it goes on"}); got.Reason != "it goes on" {
			f.t.Errorf("it is %+v", got)
		}
		if err := f.Observe(ctx, tenant, b.ID, run, bot.Failed, "it goes on"); err != nil {
			f.t.Fatal(err)
		}
		if got := guard(run, bot.Guard{Failure: "a bad answer", Reason: "late"}); got.Guarded() || got.Status != bot.Failed || runnable() {
			f.t.Errorf("once that is over it is %+v", got)
		}

		run = start()
		guard(run, begins)
		if next := start(); next != run+1 {
			f.t.Errorf("run %d follows %d", next, run)
		}
		if got := guard(run, begins); got.Guarded() || !got.Desired {
			f.t.Errorf("started anew it is %+v", got)
		}

		guard(run+1, begins)
		if got, err := f.Stop(ctx, f.who, b.ID); err != nil || got.Guarded() || got.Status != bot.Stopping {
			f.t.Errorf("asked to stop it is %+v, %v", got, err)
		}
		if got := guard(run+1, begins); got.Guarded() || got.Status != bot.Stopping {
			f.t.Errorf("a late worker makes it %+v", got)
		}
		broken := begins
		broken.Broken = true
		if got := guard(run+1, broken); !got.Guarded() || got.Ending != bot.Broken {
			f.t.Errorf("whose end failed is %+v", got)
		}
		if err := f.Observe(ctx, tenant, b.ID, run+1, bot.Failed, "a bad answer"); err != nil {
			f.t.Fatal(err)
		}
		if start(); guard(run+2, bot.Guard{}).Ending != bot.Asked {
			f.t.Error("started anew it ends as before")
		}
	})
}
