package lunosim_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/exchange/lunosim"
)

// Each documented call wants exactly its own permission: a key with that one alone is
// let through, and one with all others is not.
func TestEveryPermission(t *testing.T) {
	t.Parallel()
	const (
		all   = lunosim.Permission(1<<20 - 1)
		calls = `1 GET /api/1/balance
		2 GET /api/1/accounts/ACCOUNT/transactions
		2 GET /api/1/accounts/ACCOUNT/pending
		32 GET /api/1/fee_info
		131072 GET /api/exchange/1/transfers
		64 POST /api/1/postorder
		64 POST /api/1/marketorder
		64 POST /api/1/stoporder
		32 GET /api/1/orders/BX1
		32 GET /api/exchange/2/orders/BX1
		32 GET /api/exchange/3/order
		32 GET /api/1/listorders
		32 GET /api/exchange/2/listorders
		32 GET /api/1/listtrades
		128 GET /api/1/withdrawals
		128 GET /api/1/withdrawals/1
		32768 GET /api/1/beneficiaries
		8 GET /api/1/funding_address
		16 POST /api/1/funding_address
		4 POST /api/1/send
		256 POST /api/1/withdrawals
		256 DELETE /api/1/withdrawals/1
		65536 POST /api/1/beneficiaries
		65536 DELETE /api/1/beneficiaries/1`
	)
	var keys []lunosim.Key
	for bit := lunosim.Permission(1); bit < all; bit <<= 1 {
		keys = append(keys,
			lunosim.Key{ID: fmt.Sprint("only-", int64(bit)), Secret: "x", Permissions: bit},
			lunosim.Key{ID: fmt.Sprint("without-", int64(bit)), Secret: "x", Permissions: all &^ bit})
	}
	b := setup(t, func(c *lunosim.Config) { c.Accounts[0].Keys = append(c.Accounts[0].Keys, keys...) })
	account, _ := items(b.ann.get(t, "/api/1/balance", "assets=XBT"), "balance")[0]["account_id"].(string)
	for line := range strings.Lines(calls) {
		var bit, method, path string
		if _, err := fmt.Sscan(line, &bit, &method, &path); err != nil {
			t.Fatal(err)
		}
		path = strings.ReplaceAll(path, "ACCOUNT", account)
		caller{b.url, lunosim.Key{ID: "without-" + bit, Secret: "x"}}.send(t, method, path).refused(t, http.StatusForbidden, "ErrInsufficientPerms")
		if r := (caller{b.url, lunosim.Key{ID: "only-" + bit, Secret: "x"}}).send(t, method, path); r.status == http.StatusForbidden || r.status == http.StatusUnauthorized {
			t.Errorf("%s %s with %s alone: %d %s", method, path, bit, r.status, r.body)
		}
		caller{base: b.url}.send(t, method, path).refused(t, http.StatusUnauthorized, "ErrUnauthorised")
	}
	// Candles need any key, and the rest of the market's data none.
	stranger := caller{b.url, lunosim.Key{ID: "only-8", Secret: "x"}}
	stranger.get(t, "/api/exchange/1/candles", "pair=XBTMYR", "duration=60", "since=1")
	for _, path := range []string{"ticker", "tickers", "orderbook", "orderbook_top", "trades"} {
		caller{base: b.url}.get(t, "/api/1/"+path, "pair=XBTMYR")
	}
	caller{base: b.url}.get(t, "/api/exchange/1/markets")
}
