package saas_test

import (
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/db/dbtest"
)

// proves RK3 for real orders: a live bot that has failed with a position is taken up by the
// next server after kill -9, and its protective exit sells at the exchange; then it is let go,
// and the books agree.
func TestFailedLiveBotIsWatchedAfterAKill(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		r := newLiveRun(t, url)
		ctx := t.Context()
		least := r.books.market.Volume(r.books.market.MinVolume)
		holds := func() bool {
			list, err := r.store.AccountBooks(ctx, r.who.TenantID, r.books.account)
			return err == nil && len(list) == 1 && list[0].Base.GreaterThanOrEqual(least)
		}
		now := func() bot.Bot {
			b, err := r.store.Bot(ctx, r.who.TenantID, r.bot.ID)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		server := r.server.start(t)
		r.until("a position", holds)
		kill9(server)
		c, err := r.store.Config(ctx, r.who.TenantID, r.bot.ConfigID)
		if err != nil {
			t.Fatal(err)
		}
		c.Risk.MaxDrawdownPercent = decimal.New(1, -4) // less than the fee of what it has bought
		if _, err := r.store.UpdateConfig(ctx, r.who.TenantID, c); err != nil {
			t.Fatal(err)
		}
		b := now() // as its worker writes it, which was killed right after
		b.Desired, b.Status, b.Failure, b.Reason, b.UpdatedAt = false, bot.Failed, "a bad answer", "a bad answer", time.Now()
		if err := r.store.UpdateBot(ctx, r.who.TenantID, b); err != nil {
			t.Fatal(err)
		}
		kill9(r.server.start(t))
		app, err := r.server.open(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer app.Stop()
		r.until("the failed bot to be let go", func() bool { return !now().Guarded() })
		if b := now(); b.Status != bot.Failed || !strings.HasPrefix(b.Reason, "a bad answer") || b.Desired || holds() {
			t.Errorf("it is %s (%s), and holds a position: %t", b.Status, b.Reason, holds())
		}
		tally := &liveTally{kills: 2}
		r.books.compare(t, tally)
		if t.Log(tally); !tally.whole() {
			t.Errorf("%s %q", tally, tally.wrong)
		}
	})
}
