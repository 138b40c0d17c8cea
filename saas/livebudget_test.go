package saas_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas"
	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/saasdb"
)

// proves T10: an App reads its market out of the budget that all processes of the
// installation share, from its first question on; whose key it is may stay unknown.
func TestMarketIsReadOutOfOneBudget(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		v := newLiveVenue(t, 3, nil)
		still := func() time.Time { return v.began }
		var given exchange.Budget
		v.live.Venue = "luno"
		v.live.Share = func(b exchange.Budget) {
			given = b
			v.client.Share(b)
		}
		v.live.Wallets = func(context.Context) ([]string, error) { return nil, errors.New("not told") }
		app, err := saas.New(t.Context(), saas.Config{DatabaseURL: url, DataDir: t.TempDir(), Strategies: bundle(), Live: &v.live, Now: still})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(app.Stop)
		d, err := db.Open(t.Context(), db.Config{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		other, err := account.NewOperatorBudget(account.OperatorBudgetConfig{Holder: "another process", Market: v.live.Name, Now: still, Store: saasdb.New(d)})
		if err != nil {
			t.Fatal(err)
		}
		take := func(b exchange.Budget, urgent bool) bool {
			t.Helper()
			wait, err := b.Take(t.Context(), exchange.Turn{Bot: "bots", Urgent: urgent})
			if err != nil {
				t.Fatal(err)
			}
			return wait == 0
		}
		state, err := v.sim.State(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var asked, left, kept int
		for _, c := range state.Calls {
			asked += int(c.Count)
		}
		for take(other, true) {
			left++
		}
		for take(given, true) {
			kept++ // what the store gave it at once
		}
		if asked < 2 || left < 10 || asked+left+kept > 20 { // markets and a candle
			t.Errorf("the App asked %d times and could again %d times, where another process has %d of 20 calls", asked, kept, left)
		}
	})
}
