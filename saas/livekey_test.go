package saas_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/exchange/lunosim"
	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/db/dbtest"
)

// A key that the exchange takes back while its bot trades pauses the bot with the reason and
// its account at once; once the key works again the bot goes on without a restart.
func TestRefusedKeyPausesTheBot(t *testing.T) {
	t.Parallel()
	r := newLiveRun(t, dbtest.SQLiteURL(t))
	app, err := r.server.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer app.Stop()
	is := func(want bot.Status, why string) func() bool {
		return func() bool {
			b, err := r.store.Bot(t.Context(), r.who.TenantID, r.bot.ID)
			return err == nil && b.Status == want && strings.Contains(b.Reason, why)
		}
	}
	r.until("the bot to run", is(bot.Running, ""))
	r.sim.call(t, http.MethodPost, []lunosim.Fault{{Kind: lunosim.RevokedKey, Key: r.sim.key(1).ID}}, nil)
	r.until("the bot to be paused", is(bot.Paused, "key"))
	r.until("its account to be refused", func() bool {
		a, err := r.store.Account(t.Context(), r.who.TenantID, r.books.account)
		return err == nil && a.State == account.Revoked
	})
	r.until("the bot to say so", is(bot.Paused, "the exchange account Main cannot be used"))
	seen := len(r.fills())
	r.sim.call(t, http.MethodDelete, nil, nil)
	if _, err := app.Accounts().Recheck(t.Context(), r.who, r.books.account); err != nil {
		t.Fatal(err)
	}
	r.until("the bot to trade again", func() bool {
		b, err := r.store.Bot(t.Context(), r.who.TenantID, r.bot.ID)
		return err == nil && b.Status == bot.Running && len(r.fills()) >= seen
	})
}
