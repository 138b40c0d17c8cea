package bot_test

import (
	"testing"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

// What is wanted of a running bot is kept, is on record, and ends with the run; who may not
// trade, another tenant, and a bot that does not run change nothing. A bot that has wound down
// is asked to stop, once, in the run of which that was seen.
func TestCloseOnly(t *testing.T) {
	t.Parallel()
	eachFloor(t, func(f *floor) {
		ctx := f.t.Context()
		_, b, err := f.Create(ctx, f.who, bot.CreateInput{Name: "First", Pair: "XBTMYR", Strategy: "cross"})
		if err != nil {
			f.t.Fatal(err)
		}
		refused := func(who tenancy.Principal, code string) {
			f.t.Helper()
			_, err := f.CloseOnly(ctx, who, b.ID, true)
			_, again := f.ResumeBreaker(ctx, who, b.ID)
			if errs.CodeOf(err) != code || errs.CodeOf(again) != code {
				f.t.Errorf("refused with %v and %v, want %s", err, again, code)
			}
		}
		refused(f.who, "bot_not_running")
		if _, err := f.Start(ctx, f.who, b.ID); err != nil {
			f.t.Fatal(err)
		}
		viewer, thief := f.who, f.who
		viewer.Role, thief.TenantID = tenancy.Viewer, "tenant-2"
		refused(viewer, "permission_denied")
		refused(thief, "bot_not_found")
		if err := f.Unwound(ctx, f.who.TenantID, b.ID, 1); err != nil { // it shall not wind down
			f.t.Fatal(err)
		}
		if got, err := f.CloseOnly(ctx, f.who, b.ID, true); err != nil || !got.CloseOnly || f.data(bot.EventCloseOnlyAsked)["user_id"] != f.who.UserID {
			f.t.Errorf("it is %+v, %v", got, err)
		}
		if got, err := f.ResumeBreaker(ctx, f.who, b.ID); err != nil || got.Resumes != 1 || f.data(bot.EventBreakerResumed)["user_id"] != f.who.UserID {
			f.t.Errorf("it is %+v, %v", got, err)
		}
		if err := f.Unwound(ctx, f.who.TenantID, b.ID, 7); err != nil { // of another run
			f.t.Fatal(err)
		}
		if got, err := f.Bot(ctx, f.who, b.ID); err != nil || !got.Desired || !got.CloseOnly || got.Resumes != 1 {
			f.t.Errorf("it is %+v, %v", got, err)
		}
		if err := f.Unwound(ctx, f.who.TenantID, b.ID, 1); err != nil {
			f.t.Fatal(err)
		}
		if got, err := f.Bot(ctx, f.who, b.ID); err != nil || got.Desired || got.Ending != bot.WoundDown || got.Status != bot.Stopping {
			f.t.Errorf("it is %+v, %v", got, err)
		}
		if err := f.Observe(ctx, f.who.TenantID, b.ID, 1, bot.Stopped, "done"); err != nil {
			f.t.Fatal(err)
		}
		if got, err := f.Start(ctx, f.who, b.ID); err != nil || got.CloseOnly {
			f.t.Errorf("started again it is %+v, %v", got, err)
		}
		if err := f.Tripped(ctx, f.who.TenantID, b.ID, "drawdown", "because", f.now()); err != nil || f.data(bot.EventBreakerTripped)["reason"] != "because" {
			f.t.Error(err)
		}
	})
}

// proves RK1: a live bot's largest drawdown is lifted only by who may loosen it.
func TestWhoMayResumeALiveBot(t *testing.T) {
	t.Parallel()
	eachFloor(t, func(f *floor) {
		ctx := f.t.Context()
		f.connect(f.who.TenantID, "acc", "50000")
		b := f.create("First")
		member := f.who
		member.Role = tenancy.Trader
		if _, err := f.Start(ctx, f.who, b.ID); err != nil {
			f.t.Fatal(err)
		}
		if got, err := f.ResumeBreaker(ctx, member, b.ID); err != nil || got.Resumes != 1 {
			f.t.Errorf("on paper it is %+v, %v", got, err)
		}
		if _, err := f.Stop(ctx, f.who, b.ID); err != nil {
			f.t.Fatal(err)
		}
		if err := f.Observe(ctx, f.who.TenantID, b.ID, 1, bot.Stopped, "done"); err != nil {
			f.t.Fatal(err)
		}
		f.must(f.goLive(b, "1000"))
		if _, err := f.Start(ctx, member, b.ID); err != nil {
			f.t.Fatal(err)
		}
		_, err := f.ResumeBreaker(ctx, member, b.ID)
		f.want(err, errs.Forbidden, "bounds_loosened")
		if got, err := f.ResumeBreaker(ctx, f.who, b.ID); err != nil || got.Resumes != 2 {
			f.t.Errorf("resumed by who may it is %+v, %v", got, err)
		}
	})
}
