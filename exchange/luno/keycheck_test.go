package luno_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
)

// keyed is a fake that has rights; it notes what it was asked.
func keyed(t *testing.T, rights int, refusal func(http.ResponseWriter)) (*fake, func() []string) {
	t.Helper()
	f := newFake(t)
	var mu sync.Mutex
	var asked []string
	f.fault = func(_ int64, w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.Method+" "+r.URL.Path)
		_, password, _ := r.BasicAuth()
		need := map[string]int{
			"/api/1/balance": 1, "/api/1/accounts/42/transactions": 2, "/api/exchange/2/listorders": 32, "/api/1/stoporder": 64, "/api/1/withdrawals": 128,
			"/api/1/beneficiaries": 32768, "/api/exchange/1/transfers": 131072,
		}[r.URL.Path]
		switch {
		case password != secret:
			refuse(w, http.StatusUnauthorized, "ErrUnauthorised", "who are you?")
		case need == 0:
			return false
		case rights&need == 0:
			refusal(w)
		case r.URL.Path == "/api/1/balance":
			fmt.Fprint(w, `{"balance":[{"account_id":"42","asset":"MYR","balance":"1","reserved":"0"},{"account_id":"43","asset":"MYR","balance":"1","reserved":"0"}]}`)
		case r.URL.Path == "/api/1/stoporder":
			refuse(w, http.StatusBadRequest, "ErrCannotStopUnknownOrNonPendingOrder", "no such order")
		default:
			fmt.Fprint(w, `{}`)
		}
		return true
	}
	return f, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(asked)
	}
}

func noRight(w http.ResponseWriter) { refuse(w, http.StatusForbidden, "ErrInsufficientPerms", "no") }

// A key that can trade and no more is taken; one that lacks a right, or has one
// that goes with moving money, is refused and told why. What cannot be known is
// said. Nothing is asked that changes anything.
func TestCheckKey(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rights  int
		refusal func(http.ResponseWriter)
		want    string // of the refusal; "" for none
	}{
		"to trade only":             {99, noRight, ""},
		"and to see transfers":      {99 + 131072, noRight, ""},
		"without bookings":          {97, noRight, ""},
		"refused by another code":   {99, func(w http.ResponseWriter) { refuse(w, http.StatusUnauthorized, "ErrUnauthorised", "no") }, ""},
		"to read only":              {35, noRight, "lacks the right W_Orders (place and cancel orders)"},
		"no balances":               {96, noRight, "lacks the right R_Balance"},
		"no orders":                 {67, noRight, "lacks the right R_Orders"},
		"to withdraw":               {99 + 128 + 256, noRight, "has the right R_Withdrawals"},
		"to see where money can go": {99 + 32768, noRight, "has the right R_Beneficiaries"},
		"everything":                {1<<18 - 1, noRight, "must not be able to move money"},
	} {
		f, asked := keyed(t, test.rights, test.refusal)
		report, err := client(t, f, &pauses{}).CheckKey(t.Context())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		refusal := report.Err()
		var told *exchange.KeyError
		if test.want == "" && refusal != nil || test.want != "" && (!errors.As(refusal, &told) || !strings.Contains(refusal.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", name, refusal, test.want)
		}
		var untold []string
		for _, r := range report.Untold() {
			if untold = append(untold, r.Name); r.Reason == "" || r.Meaning == "" {
				t.Errorf("%s: %+v says nothing", name, r)
			}
		}
		if fmt.Sprint(untold) != "[W_Withdrawals W_Send]" {
			t.Errorf("%s: untold are %v", name, untold)
		}
		for _, call := range asked() {
			if method, _, _ := strings.Cut(call, " "); method != "GET" && call != "POST /api/1/stoporder" {
				t.Errorf("%s: it made %s", name, call)
			}
		}
		if test.rights == 99 && test.want == "" && (len(report.Notes) != 1 || !strings.Contains(report.Notes[0], "2 accounts in MYR (42, 43)")) {
			t.Errorf("%s: notes %q", name, report.Notes)
		}
	}
}

// A key that is no key, and a venue that does not answer, are no reports.
func TestCheckKeyFails(t *testing.T) {
	t.Parallel()
	f, _ := keyed(t, 99, noRight)
	cfg := config(f, &pauses{})
	cfg.Secret = "another"
	c, err := luno.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CheckKey(t.Context()); exchange.KindOf(err) != exchange.KindKey {
		t.Errorf("%v", err)
	}
	down, _ := keyed(t, 99, func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) })
	if _, err := client(t, down, &pauses{}).CheckKey(t.Context()); err == nil || !strings.Contains(err.Error(), "asking about") {
		t.Errorf("%v", err)
	}
	vague, _ := keyed(t, 99, func(w http.ResponseWriter) { refuse(w, http.StatusBadRequest, "ErrInvalidArguments", "no") })
	report, err := client(t, vague, &pauses{}).CheckKey(t.Context())
	if err != nil || report.Err() != nil || len(report.Untold()) != 4 {
		t.Errorf("%+v, %v", report, err)
	}
	for _, rights := range []int{0, 35, 99} { // from the first call on, for the cancel, and for withdrawals
		for _, status := range []int{http.StatusForbidden, http.StatusNotFound, http.StatusRequestTimeout} {
			wall, _ := keyed(t, rights, func(w http.ResponseWriter) {
				w.WriteHeader(status)
				fmt.Fprint(w, "<html>Just a moment...</html>")
			})
			if _, err := client(t, wall, &pauses{}).CheckKey(t.Context()); err == nil || exchange.KindOf(err) != exchange.KindOther {
				t.Errorf("a proxy's %d is an answer about the key with the rights %d: %v", status, rights, err)
			}
		}
	}
	gone, _ := keyed(t, 0, func(w http.ResponseWriter) { w.WriteHeader(http.StatusUnauthorized) })
	if _, err := client(t, gone, &pauses{}).CheckKey(t.Context()); exchange.KindOf(err) != exchange.KindKey {
		t.Errorf("401 without a code: %v", err)
	}
	if c, err = luno.New(luno.Config{BaseURL: f.URL}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.CheckKey(t.Context()); err == nil {
		t.Error("no key is checked")
	}
}
