package luno_test

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
)

// says answers with a text.
func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }
}

// A currency may have several accounts; one that is chosen stands alone.
func TestBalances(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.routes["/api/1/balance"] = says(`{"balance":[
		{"account_id":"9223372036854775807","asset":"XBT","name":"XBT","balance":"1.50000000","reserved":"0.25","unconfirmed":"9"},
		{"account_id":"2","asset":"MYR","balance":"1000.00","reserved":"0.00"},{"account_id":"3","asset":"MYR","balance":"5","reserved":"0"}]}`)
	all, err := client(t, f, &pauses{}).Balances(t.Context())
	if err != nil || len(all) != 3 {
		t.Fatalf("%v, %v", all, err)
	}
	if b := all[0]; b.Currency != "XBT" || b.Account != "9223372036854775807" || !b.Free().Equal(decimal.RequireFromString("1.25")) {
		t.Errorf("%+v", b)
	}
	cfg := config(f, &pauses{})
	cfg.Accounts = map[string]string{"MYR": "3"}
	c, err := luno.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if chosen, err := c.Balances(t.Context()); err != nil || len(chosen) != 2 || chosen[1].Account != "3" {
		t.Errorf("%v, %v", chosen, err)
	}
	for _, bad := range []string{`{"balance":[{"account_id":"x","asset":"XBT"}]}`, `{"balance":[{"account_id":"1","asset":""}]}`,
		`{"balance":[{"account_id":"1","asset":"XBT","reserved":"-1"}]}`, `{"balance":[{"account_id":"1","asset":"XBT","balance":"1e99"}]}`,
		`{"balance":[{"account_id":"1","asset":"XBT","balance":"` + strings.Repeat("9", 101) + `"}]}`} {
		f.routes["/api/1/balance"] = says(bad)
		if got, err := client(t, f, &pauses{}).Balances(t.Context()); err == nil {
			t.Errorf("%s is read as %v", bad, got)
		}
	}
}

// Fees may differ by side; an answer without sides counts for both.
func TestFees(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	c := client(t, f, &pauses{})
	f.routes["/api/1/fee_info"] = says(`{"maker_fee":"0.9","taker_fee":"0.9","maker_fee_buy":"0.00100000","maker_fee_sell":"0.00200000",
		"taker_fee_buy":"0.00250000","taker_fee_sell":"0.00150000","thirty_day_volume":"12.5"}`)
	s, err := c.Fees(t.Context(), "XBTMYR")
	if err != nil || s.Buy != (exchange.Fees{Maker: 100_000, Taker: 250_000}) || s.Sell != (exchange.Fees{Maker: 200_000, Taker: 150_000}) ||
		!s.Volume.Equal(decimal.RequireFromString("12.5")) || s.Highest() != (exchange.Fees{Maker: 200_000, Taker: 250_000}) {
		t.Errorf("%+v, %v", s, err)
	}
	f.routes["/api/1/fee_info"] = says(`{"maker_fee":"0.001","taker_fee":"0.002","thirty_day_volume":"0"}`)
	if s, err = c.Fees(t.Context(), "XBTMYR"); err != nil || s.Sell != (exchange.Fees{Maker: 100_000, Taker: 200_000}) {
		t.Errorf("%+v, %v", s, err)
	}
	for _, bad := range []string{`{}`, `{"maker_fee":"-0.1","taker_fee":"0"}`, `{"maker_fee":"1","taker_fee":"0"}`, `{"maker_fee":"0.123456789","taker_fee":"0"}`} {
		f.routes["/api/1/fee_info"] = says(bad)
		if s, err := c.Fees(t.Context(), "XBTMYR"); err == nil {
			t.Errorf("%s is read as %+v", bad, s)
		}
	}
}

// ledger serves rows 1 to rows of an account, newest first or not, a thousand at
// the most.
func ledger(t *testing.T, rows int64) http.HandlerFunc {
	t.Helper()
	return func(w http.ResponseWriter, r *http.Request) {
		least, errLeast := strconv.ParseInt(r.URL.Query().Get("min_row"), 10, 64)
		most, errMost := strconv.ParseInt(r.URL.Query().Get("max_row"), 10, 64)
		if errLeast != nil || errMost != nil || most-least > 1000 {
			refuse(w, http.StatusBadRequest, "ErrTooManyRowsRequested", "too many")
			return
		}
		var out []string
		for n := min(most-1, rows); n >= max(least, 1); n-- {
			out = append(out, fmt.Sprintf(`{"row_index":%d,"timestamp":%d,"balance":"%d.5","balance_delta":"1","available":"%d","available_delta":"0.00000001",
				"currency":"XBT","description":"d","kind":"EXCHANGE","reference":"r","detail_fields":{"trade_details":{"pair":"XBTMYR","price":"1","sequence":%d,"volume":"1"}}}`,
				n, first+n, n, n, 7*n))
		}
		fmt.Fprintf(w, `{"id":"42","transactions":[%s]}`, strings.Join(out, ","))
	}
}

// Pages of a ledger follow each other without a gap, oldest first.
func TestEntries(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	c := client(t, f, &pauses{})
	f.routes["/api/1/accounts/42/transactions"] = ledger(t, 2300)
	all, err := c.Entries(t.Context(), "42", 100, 5000)
	if err != nil || len(all) != 2200 {
		t.Fatalf("%d entries, %v", len(all), err)
	}
	for i, e := range all {
		if e.Row != int64(101+i) || e.Sequence != 7*e.Row || e.Pair != "XBTMYR" || e.Kind != "EXCHANGE" || e.Account != "42" || e.Time != first+e.Row ||
			!e.Balance.Equal(decimal.New(10*e.Row+5, -1)) || !e.AvailableDelta.Equal(decimal.New(1, -8)) {
			t.Fatalf("%+v", e)
		}
	}
	if few, err := c.Entries(t.Context(), "42", 2298, 1); err != nil || len(few) != 1 || few[0].Row != 2299 {
		t.Errorf("%v, %v", few, err)
	}
	if none, err := c.Entries(t.Context(), "42", 2300, 10); err != nil || len(none) != 0 {
		t.Errorf("%v, %v", none, err)
	}
	f.routes["/api/1/accounts/42/transactions"] = says(`{"transactions":[{"row_index":1},{"row_index":3}]}`)
	if _, err := c.Entries(t.Context(), "42", 0, 10); err == nil || !strings.Contains(err.Error(), "row 3 does not follow 1") {
		t.Errorf("a gap: %v", err)
	}
	calls := f.calls.Load()
	for _, account := range []string{"", "../../send", "42/../43", "4 2", "%2e", "99999999999999999999"} {
		_, errEntries := c.Entries(t.Context(), account, 0, 1)
		_, errPending := c.PendingEntries(t.Context(), account)
		_, errTransfers := c.Transfers(t.Context(), account, time.Time{}, 1)
		for _, err := range []error{errEntries, errPending, errTransfers} {
			var told *exchange.Error
			if !errors.As(err, &told) || !told.Unsent {
				t.Errorf("account %q: %v", account, err)
			}
		}
	}
	if f.calls.Load() != calls {
		t.Error("something was sent")
	}
}

func TestPendingAndTransfers(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	c := client(t, f, &pauses{})
	f.routes["/api/1/accounts/42/pending"] = says(`{"id":"42","name":"x","currency":"XBT","transactions":[],"pending":[{"timestamp":5,"balance_delta":"0.1","kind":"TRANSFER"}]}`)
	pending, err := c.PendingEntries(t.Context(), "42")
	if err != nil || len(pending) != 1 || pending[0].Kind != "TRANSFER" || !pending[0].Delta.Equal(decimal.New(1, -1)) {
		t.Errorf("%v, %v", pending, err)
	}
	f.routes["/api/exchange/1/transfers"] = func(w http.ResponseWriter, r *http.Request) {
		if got := r.URL.Query().Encode(); got != "account_id=42&before=1700000040000&limit=10" {
			t.Errorf("asked for %s", got)
		}
		fmt.Fprint(w, `{"transfers":[{"id":"7","amount":"0.5","fee":"0.01","inbound":true,"created_at":1690000000000,"transaction_id":"tx"}]}`)
	}
	transfers, err := c.Transfers(t.Context(), "42", time.UnixMilli(first), 10)
	if err != nil || len(transfers) != 1 || transfers[0].ID != "7" || !transfers[0].Inbound || transfers[0].TransactionID != "tx" ||
		!transfers[0].Fee.Equal(decimal.New(1, -2)) || transfers[0].Created != 1690000000000 {
		t.Errorf("%+v, %v", transfers, err)
	}
	if _, err := c.Transfers(t.Context(), "42", time.Time{}, 1001); err == nil {
		t.Error("a limit of 1001 is taken")
	}
}
