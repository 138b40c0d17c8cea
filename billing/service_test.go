package billing_test

import (
	"strings"
	"testing"

	"github.com/lunobot/lunobot/billing"
)

func TestNewNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := billing.New(billing.Config{})
	for _, field := range []string{"Events", "Provider", "Store", "Tx"} {
		if err == nil || !strings.Contains(err.Error(), field+" is required") {
			t.Errorf("err = %v, want %s", err, field)
		}
	}
}

func TestAccess(t *testing.T) { // proves W17
	t.Parallel()
	want := map[billing.Status][2]bool{ // in grace, out of it
		billing.StatusIncomplete: {}, billing.StatusIncompleteExpired: {}, billing.StatusTrialing: {true, true},
		billing.StatusActive: {true, true}, billing.StatusPastDue: {true, false}, billing.StatusCanceled: {},
		billing.StatusUnpaid: {}, billing.StatusPaused: {}, "unheard_of": {},
	}
	for _, s := range append(billing.Statuses(), "unheard_of") {
		if got := [2]bool{s.Access(true), s.Access(false)}; got != want[s] {
			t.Errorf("%s: %v, want %v", s, got, want[s])
		}
	}
	if len(billing.Statuses()) != len(want)-1 {
		t.Errorf("there are %d statuses", len(billing.Statuses()))
	}
}
