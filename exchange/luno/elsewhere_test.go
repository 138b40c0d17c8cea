package luno_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
)

// Wherever an answer sends it, the client asks Luno for the calls of its list alone and
// nobody else for anything, with any of its methods.
func TestNowhereElse(t *testing.T) {
	t.Parallel()
	var elsewhere, strange atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(other.Close)
	const never = "/api/1/send /api/1/withdrawals /api/1/beneficiaries /api/1/funding_address /api/exchange/1/move /api/exchange/1/convert"
	var arrived sync.Map
	targets := append(strings.Fields(never), other.URL+"/api/1/balance", "//"+strings.TrimPrefix(other.URL, "http://")+"/api/1/balance")
	for i, status := range []int{301, 302, 303, 307, 308} {
		var next atomic.Int64
		var markets, keyed atomic.Bool // a market's rules come before other calls, and other questions about a key before the two
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			arrived.Store(r.Method+" "+r.URL.Path, true)
			if question := r.Method == http.MethodGet && (r.URL.Path == "/api/1/withdrawals" || r.URL.Path == "/api/1/beneficiaries"); !question &&
				slices.Contains(strings.Fields(never), r.URL.Path) {
				strange.Add(1)
			}
			if r.URL.Path == "/api/exchange/1/markets" && markets.Load() {
				fmt.Fprint(w, fuzzMarket)
				return
			}
			switch withdrawals := r.URL.Path == "/api/1/withdrawals"; {
			case !keyed.Load() || withdrawals && i%2 == 0 || r.URL.Path == "/api/1/beneficiaries":
			case withdrawals:
				refuse(w, http.StatusForbidden, "ErrInsufficientPerms", "no")
				return
			default:
				fmt.Fprint(w, `{}`)
				return
			}
			http.Redirect(w, r, targets[int(next.Add(1))%len(targets)], status)
		}))
		t.Cleanup(server.Close)
		c, err := luno.New(luno.Config{BaseURL: server.URL, KeyID: keyID, Secret: secret, Budget: &pauses{}, Tries: 1})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Markets(t.Context()); err == nil {
			t.Errorf("%d: the markets were taken from elsewhere", status)
		}
		markets.Store(true)
		ctx := t.Context()
		for name, call := range map[string]func() error{
			"tickers": func() error { _, err := c.Tickers(ctx, "XBTMYR"); return err },
			"ticker":  func() error { _, err := c.Ticker(ctx, "XBTMYR"); return err },
			"book":    func() error { _, err := c.OrderBook(ctx, "XBTMYR", 0); return err },
			"top":     func() error { _, err := c.OrderBook(ctx, "XBTMYR", 5); return err },
			"trades":  func() error { _, err := c.Trades(ctx, "XBTMYR", 0, 5); return err },
			"candles": func() error {
				_, err := c.Candles(ctx, "XBTMYR", time.Minute, time.Now().Add(-time.Hour), 5)
				return err
			},
			"balances":    func() error { _, err := c.Balances(ctx); return err },
			"fees":        func() error { _, err := c.Fees(ctx, "XBTMYR"); return err },
			"entries":     func() error { _, err := c.Entries(ctx, "1", 0, 5); return err },
			"pending":     func() error { _, err := c.PendingEntries(ctx, "1"); return err },
			"transfers":   func() error { _, err := c.Transfers(ctx, "1", time.Time{}, 5); return err },
			"order":       func() error { _, err := c.Order(ctx, "XBTMYR", "a"); return err },
			"order by id": func() error { _, err := c.OrderByID(ctx, "XBTMYR", "BX1"); return err },
			"open orders": func() error { _, err := c.OpenOrders(ctx, "XBTMYR"); return err },
			"closed":      func() error { _, err := c.ClosedOrders(ctx, "XBTMYR", time.Time{}); return err },
			"fills":       func() error { _, err := c.Fills(ctx, "XBTMYR", 0, 5); return err },
			"place":       func() error { _, err := c.Place(ctx, bid()); return err },
			"place a sale": func() error {
				r := bid()
				r.Type, r.Side, r.Price = exchange.MarketOrder, exchange.Sell, 0
				_, err := c.Place(ctx, r)
				return err
			},
			"cancel": func() error { return c.Cancel(ctx, "XBTMYR", "BX1") },
		} {
			if err := call(); err == nil {
				t.Errorf("%d: %s was answered from elsewhere", status, name)
			}
		}
		keyed.Store(true)
		if report, err := c.CheckKey(ctx); err == nil || len(report.Rights) < 4 {
			t.Errorf("%d: the check of the key says %+v", status, report)
		}
	}
	count := 0
	arrived.Range(func(any, any) bool { count++; return true })
	const calls = 19 + 2 // the list, and the two questions of the key's check
	if count != calls {
		t.Errorf("%d calls were made, want %d", count, calls)
	}
	if elsewhere.Load() > 0 || strange.Load() > 0 {
		t.Errorf("%d calls went elsewhere and %d to what is not on the list", elsewhere.Load(), strange.Load())
	}
}
