package saasdb_test

import (
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/saasdb"
)

// operators returns processes that ask a venue with the operator's key.
func operators(t *testing.T, url string, clock *hand, names ...string) []*caller {
	t.Helper()
	return callersOf(t, url, clock, names, func(store account.OperatorStore, name string) (exchange.Budget, error) {
		return account.NewOperatorBudget(account.OperatorBudgetConfig{Holder: name, Market: "luno", Now: clock.now, Store: store, Venue: "luno"})
	})
}

// proves T10: processes that read market data with one key make no more calls a minute
// together than the venue allows, and use what there is; what bots ask comes before what
// only pages and backtests ask, in whatever process, and is not held up by it.
func TestThrottleOfMarketData(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		clock := &hand{}
		workers := operators(t, url, clock, "backtests", "more backtests", "bots")
		bots := workers[2]
		workers[0].spare, workers[1].spare = true, true
		const minutes = 3
		late := 0
		for tick := 0; clock.now().Before(start().Add(minutes * time.Minute)); tick++ {
			for _, w := range workers[:2] {
				for w.call(false) { // they never stop
				}
			}
			if tick%10 == 9 && !bots.call(false) { // once a second
				late++
			}
			clock.move(100 * time.Millisecond)
		}
		if late > 0 || len(bots.made) != minutes*60 {
			t.Errorf("%d of %d calls of bots had to wait", late, minutes*60)
		}
		one, two := len(workers[0].made), len(workers[1].made)
		if one < 170*minutes/2 || two < 170*minutes/2 {
			t.Errorf("the backtests of two processes made %d and %d calls in %d minutes", one, two, minutes)
		}
		all := append(append(append([]time.Time(nil), workers[0].made...), workers[1].made...), bots.made...)
		if most := busiest(all); most > 300 {
			t.Errorf("there were %d calls in a minute", most)
		}
		if err := workers[0].Pause(t.Context(), 10*time.Second); err != nil {
			t.Fatal(err)
		}
		clock.move(time.Second) // a lease
		for i, w := range workers {
			if w.call(true) {
				t.Errorf("process %d went on after another one was told that there are too many calls", i+1)
			}
		}
	})
}

// proves T10: bots that want all that there is leave nothing to pages and backtests, and
// still find their reserve for exits.
func TestThrottleServesTradersFirst(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		clock := &hand{}
		workers := callers(t, url, clock, "traders", "pages")
		traders, pages := workers[0], workers[1]
		pages.spare = true
		exits := 0
		for tick := range 1200 { // two minutes
			for pages.call(false) {
			}
			for traders.call(false) {
			}
			if tick%50 == 49 && traders.call(true) {
				exits++
			}
			clock.move(100 * time.Millisecond)
		}
		if exits != 24 {
			t.Errorf("%d of 24 exits went out at once", exits)
		}
		if n := len(pages.made); n > 15 {
			t.Errorf("pages made %d calls beside traders that wanted more", n)
		}
		if n := len(traders.made); n < 500 {
			t.Errorf("traders made %d calls in two minutes", n)
		}
	})
}

// proves T10: where the operator's key is one of an account that a tenant trades on, both
// are counted together, for the venue counts them so; once it is disconnected, no more.
func TestThrottleOfTheOperatorsOwnAccount(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		clock := &hand{}
		operator := operators(t, url, clock, "server")[0]
		reaches := operator.Budget.(*account.OperatorBudget)
		trader := callers(t, url, clock, "worker")[0]
		d, err := db.Open(t.Context(), db.Config{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		store := saasdb.New(d)
		a := account.Account{
			ID: "x", TenantID: "a", Name: "Main", Venue: "luno", VenueAccount: "17", State: account.Connected, CreatedAt: start(), UpdatedAt: start(), CheckedAt: start(),
		}
		if err := store.InsertAccount(t.Context(), "a", a, account.SealedKey{}); err != nil {
			t.Fatal(err)
		}
		// free counts how many calls the trader has left beside the reserve.
		free := func() (n int) {
			for trader.call(false) {
				n++
			}
			clock.move(time.Hour)
			return n
		}
		for _, c := range []struct {
			what     string
			ids      []string
			together bool
		}{
			{"a stranger's key", []string{"18", "19"}, false},
			{"a key of the account", []string{"16", "17"}, true},
			{"a key that tells nothing", nil, false},
		} {
			if err := reaches.Reach(t.Context(), c.ids); err != nil {
				t.Fatal(err)
			}
			for range 5 {
				if !operator.call(false) {
					t.Fatalf("%s: the operator had to wait", c.what)
				}
			}
			if n := free(); n > 10 || (n <= 5) != c.together { // the operator was given some that it did not make
				t.Errorf("%s: the trader has %d calls", c.what, n)
			}
		}
		// What tenants connect later is noticed, and what they disconnect.
		if err := reaches.Reach(t.Context(), []string{"17"}); err != nil {
			t.Fatal(err)
		}
		for _, there := range []bool{true, false, true} {
			if err := store.DeleteAccount(t.Context(), "a", "x"); err != nil && errs.KindOf(err) != errs.NotFound {
				t.Fatal(err)
			}
			if there {
				if err := store.InsertAccount(t.Context(), "a", a, account.SealedKey{}); err != nil {
					t.Fatal(err)
				}
			}
			clock.move(time.Minute)
			for range 5 {
				operator.call(false)
			}
			if n := free(); n > 10 || (n <= 5) != there {
				t.Errorf("the account is there: %t, and the trader has %d calls", there, n)
			}
		}
	})
}
