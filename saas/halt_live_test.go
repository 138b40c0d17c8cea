package saas_test

import (
	"testing"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/halt"
)

// proves RK2 for real orders: a kill switch that flattens takes a live bot's orders back
// and sells what it holds at the exchange, also if it is pulled while the bot is starting
// after its server was killed with kill -9. The books agree afterwards, and the bot does
// not start while the switch is on.
func TestKillSwitchFlattensLiveBot(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		r := newLiveRun(t, url)
		least := r.books.market.Volume(r.books.market.MinVolume)
		holds := func() bool {
			list, err := r.store.AccountBooks(t.Context(), r.who.TenantID, r.books.account)
			return err == nil && len(list) == 1 && list[0].Base.GreaterThanOrEqual(least)
		}
		server := r.server.start(t)
		r.until("a position", holds)
		kill9(server)
		app, err := r.server.open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer app.Stop()
		if _, err := app.Halts().Pull(t.Context(), r.who, halt.PullInput{Flatten: true, Reason: "the market is mad"}); err != nil {
			t.Fatal(err)
		}
		r.until("the bot to stop", func() bool {
			b, err := r.store.Bot(t.Context(), r.who.TenantID, r.bot.ID)
			return err == nil && b.Status == bot.Stopped
		})
		if holds() {
			t.Error("the bot is stopped and holds a position")
		}
		if _, err := app.Bots().Start(t.Context(), r.who, r.bot.ID); errs.CodeOf(err) != "halted" {
			t.Errorf("under the switch a start gives %v", err)
		}
		tally := &liveTally{kills: 1}
		r.books.compare(t, tally)
		r.same()
		if t.Log(tally); !tally.whole() {
			t.Errorf("%s %q", tally, tally.wrong)
		}
	})
}
