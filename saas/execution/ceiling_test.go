package execution_test

import (
	"strings"
	"testing"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/ceiling"
	"github.com/lunobot/lunobot/saas/journal"
)

// proves RK1, T11: a buy that exceeds what all live bots of the tenant may have at stake is
// denied with the figures, the executor goes on, and what sells is not bounded.
func TestCeiling(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	e := w.open(t)
	err := w.store.PutCeiling(t.Context(), "t", ceiling.Ceiling{Currency: "MYR", MaxExposure: dec("150"), SetAt: w.clock.Now(), Version: 1})
	if err != nil {
		t.Fatal(err)
	}
	place(t, e, limit(1, exchange.Buy, 100, 10_000), journal.Open) // for 100 MYR
	o := place(t, e, limit(2, exchange.Buy, 100, 10_000), journal.Denied)
	if want := "it may spend 100 MYR, all live bots together may have 150 MYR at stake, and 100 MYR are already: positions of 0 MYR and open buys of 100 MYR"; o.Reason != want {
		t.Errorf("it is denied because %q", o.Reason)
	}
	place(t, e, limit(3, exchange.Buy, 100, 5_000), journal.Open)
	place(t, e, limit(4, exchange.Sell, 200, 10_000), journal.Open)
	if c := check(t, e); c.Mismatch() != "" || strings.Contains(c.Paused, "denied") {
		t.Errorf("the journal and the venue differ: %+v", c)
	}
}
