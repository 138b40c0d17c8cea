package saas_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/halt"
)

// proves D3 for a live bot that stopped with a position and may not start any more, since
// the plan does not include its own indicators: the refusal says that its kill switch sells
// what it holds, and it does.
func TestWhatADowngradeLeavesIsSold(t *testing.T) {
	t.Parallel()
	r, app := paperRunOn(t, liveServer{Database: "sqlite://" + filepath.Join(t.TempDir(), "lunobot.db")}, "rules", `{"entry":"close > 0","exit":"close < 0"}`)
	ctx := t.Context()
	plan := func(id string) {
		t.Helper()
		if _, err := app.Billing().ChangePlan(ctx, r.who.TenantID, billing.ChangePlanInput{Plan: id, Actor: r.who.UserID, Immediately: true}); err != nil {
			t.Fatal(err)
		}
	}
	plan("premium")
	if _, err := app.Bots().Update(ctx, r.who, r.bot.ConfigID, bot.UpdateInput{Parameters: []byte(`{"define":"mine = close","entry":"mine > 0","exit":"mine < 0"}`)}); err != nil {
		t.Fatal(err)
	}
	balance := decimal.NewFromInt(5_000)
	if _, err := app.Bots().GoLive(ctx, r.who, r.bot.ID, bot.GoLiveInput{AccountID: r.books.account, Balance: &balance, Confirm: r.bot.Name, Waive: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Bots().Start(ctx, r.who, r.bot.ID); err != nil {
		t.Fatal(err)
	}
	least := r.books.market.Volume(r.books.market.MinVolume)
	holds := func() bool {
		list, err := r.store.AccountBooks(ctx, r.who.TenantID, r.books.account)
		return err == nil && len(list) == 1 && list[0].Base.GreaterThanOrEqual(least)
	}
	stopped := func() bool {
		b, err := r.store.Bot(ctx, r.who.TenantID, r.bot.ID)
		return err == nil && b.Status == bot.Stopped
	}
	r.until("a position", holds)
	if _, err := app.Bots().Stop(ctx, r.who, r.bot.ID); err != nil {
		t.Fatal(err)
	}
	r.until("the bot to stop", stopped)
	plan("basic")
	_, err := app.Bots().Start(ctx, r.who, r.bot.ID)
	if errs.CodeOf(err) != billing.CodeNotInPlan || !strings.Contains(err.Error(), "pull the kill switch for this bot so that positions are closed") {
		t.Errorf("after the downgrade a start gives %v", err)
	}
	if !holds() {
		t.Fatal("it holds nothing that could be sold")
	}
	if _, err := app.Halts().Pull(ctx, r.who, halt.PullInput{Scope: halt.Bot, BotID: r.bot.ID, Flatten: true}); err != nil {
		t.Fatal(err)
	}
	r.until("what it holds to be sold", func() bool { return stopped() && !holds() })
	tally := &liveTally{}
	r.books.compare(t, tally)
	if t.Log(tally); !tally.whole() {
		t.Errorf("%s %q", tally, tally.wrong)
	}
}
