package luno

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// nobody is where no request may arrive.
type nobody struct{ got []string }

func (n *nobody) RoundTrip(r *http.Request) (*http.Response, error) {
	n.got = append(n.got, r.Method+" "+r.URL.String())
	return nil, errors.New("nobody is there")
}

// Only calls of the list pass, only to the one address, however a path is
// written.
func TestGuard(t *testing.T) {
	t.Parallel()
	base, err := url.Parse(Address)
	if err != nil {
		t.Fatal(err)
	}
	send := func(t *testing.T, may func(string, string) bool, base, u *url.URL, method string) (passed bool) {
		t.Helper()
		n := &nobody{}
		_, err := (&guard{base: base, next: n, may: may}).RoundTrip(&http.Request{Method: method, URL: u, Host: u.Host}) //nolint:bodyclose // there is never an answer
		var forbidden *ForbiddenError
		if errors.As(err, &forbidden) == (len(n.got) > 0) {
			t.Errorf("%s %s: passed %q, %v", method, u, n.got, err)
		}
		return len(n.got) > 0
	}
	parse := func(t *testing.T, text string) *url.URL {
		t.Helper()
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}

	// All that a bot may call, and what nobody may.
	const may = `GET /api/1/balance|GET /api/1/orderbook|GET /api/1/orderbook_top|GET /api/exchange/1/candles|GET /api/1/fee_info
		|POST /api/1/postorder|POST /api/1/marketorder|POST /api/1/stoporder|GET /api/exchange/2/listorders|GET /api/exchange/1/markets
		|GET /api/1/listtrades|GET /api/exchange/3/order|GET /api/1/ticker|GET /api/1/tickers|GET /api/1/trades|GET /api/exchange/1/transfers
		|GET /api/1/accounts/9223372036854775807/transactions|GET /api/1/accounts/1/pending|GET /api/exchange/2/orders/BXMC2CJ7HNB88U4`
	const never = `POST /api/1/send|GET /api/1/send_fee|GET /api/1/send/networks|POST /api/1/address/validate|GET /api/1/funding_address
		|POST /api/1/funding_address|GET /api/1/withdrawals|POST /api/1/withdrawals|GET /api/1/withdrawals/1|DELETE /api/1/withdrawals/1
		|GET /api/1/beneficiaries|POST /api/1/beneficiaries|DELETE /api/1/beneficiaries/1|GET /api/exchange/1/move|POST /api/exchange/1/move
		|GET /api/exchange/1/move/list_moves|POST /api/exchange/1/convert|POST /api/1/accounts|PUT /api/1/accounts/1/name|GET /api/1/users/linked
		|GET /api/1/listorders|GET /api/1/orders/BXMC2CJ7HNB88U4|GET /|GET /api/2/anything`
	calls := func(list string) (out [][2]string) {
		for _, c := range strings.Split(list, "|") {
			method, path, _ := strings.Cut(strings.TrimSpace(c), " ")
			out = append(out, [2]string{method, path})
		}
		return out
	}
	methods := []string{"", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "get"}
	permitted := make(map[[2]string]bool)
	for _, c := range calls(may) {
		permitted[c] = true
	}
	for _, c := range append(calls(may), calls(never)...) {
		for _, method := range methods {
			if passed := send(t, allowed, base, parse(t, Address+c[1]), method); passed != permitted[[2]string{method, c[1]}] {
				t.Errorf("%q %s: passed %t", method, c[1], passed)
			}
		}
	}
	// The check of a key has two questions of its own, and no other call.
	for _, c := range append(calls(may), calls(never)...) {
		for _, method := range methods {
			mayAsk := method == "GET" && (c[1] == "/api/1/withdrawals" || c[1] == "/api/1/beneficiaries")
			if passed := send(t, asked, base, parse(t, Address+c[1]), method); passed != mayAsk {
				t.Errorf("the check of a key, %q %s: passed %t", method, c[1], passed)
			}
		}
	}

	// Other writings of a path.
	for _, path := range []string{
		"/api/1/orders/../send", "/api/exchange/2/orders/../../../1/send", "/api/exchange/2/orders/BX1/..", "/api/exchange/2/orders/BX1/../../send",
		"/api/exchange/2/orders/..%2f..%2f1%2fsend", "/api/exchange/2/orders/%2e%2e", "/api/exchange/2/orders/BX1?", "/api/exchange/2/orders/BX1%3fa=b",
		"/api/exchange/2/orders/", "/api/exchange/2/orders", "/api/exchange/2/orders/BX1/", "/api/exchange/2/orders/BX 1", "/api/exchange/2/orders/BX1%00",
		"/api/exchange/2/orders/ＢＸ1", "/api/exchange/1/../1/markets", "/api/exchange/1/%6darkets", "/api/exchange/1/markets/", "//api/exchange/1/markets",
		"/api/1/accounts/1/../1/transactions", "/api/1/accounts/1/name", "/api/1/accounts/-1/pending", "/api/1/accounts//pending", "/api/1/accounts/1",
		"/api/1/accounts/12345678901234567890/pending", "/api/1/accounts/1/pending/", "/api/1/accounts/1/transactions/../../../send", "/API/1/balance",
		"/api/1/orders/..;/send", "/api/exchange/2/orders/..;/..;/..;/1/send", "/api/1//send", "//api/1/send", "//api.luno.com/api/1/send", "/api/1/%2e%2e/1/send",
		"/api/exchange/2/orders/%2e%2e/%2e%2e/%2e%2e/1/send", "/api/exchange/2/orders/BX1%2f..%2fsend", "/api/exchange/2/orders/BX1%5c..%5csend",
		"/api/exchange/2/orders/BX1;/../send", "/api/exchange/2/orders/BX1%0d%0aPOST%20/api/1/send", "/api/exchange/2/orders/BX1%23", "/api/1/balance%2f",
		"/api/1/balance//", "/api/1/balance/.", "/api/1/s%65nd", "/api/1/%73end", "/api/1/SEND", "/api/1/send/", "/api/1/withdrawals/", "/./api/1/balance",
		"/api/1/balance;x=1", "/api/1/balance%20", "/api/1/balance/../send", "/api/1/./balance",
	} {
		u := parse(t, Address+path)
		if path == "/api/exchange/2/orders/BX1?" { // an empty query changes nothing
			if !send(t, allowed, base, u, "GET") {
				t.Errorf("GET %s is held back", path)
			}
			continue
		}
		for _, method := range []string{"GET", "POST"} {
			if send(t, allowed, base, u, method) {
				t.Errorf("%s %s passed", method, path)
			}
		}
	}
	opaque, raw, user := parse(t, Address+pathMarkets), parse(t, Address+pathMarkets), parse(t, Address+pathMarkets)
	opaque.Opaque, raw.RawPath, user.User = "//api.luno.com/api/1/send", "/api/1/send", url.UserPassword("a", "b")
	for _, u := range []*url.URL{
		opaque, raw, user, parse(t, "http://api.luno.com"+pathMarkets), parse(t, "https://api.luno.com.example.com"+pathMarkets),
		parse(t, "https://api.luno.com:8443"+pathMarkets), parse(t, "https://example.com"+pathMarkets),
	} {
		if send(t, allowed, base, u, "GET") {
			t.Errorf("GET %s passed", u)
		}
	}
	if send(t, allowed, base, parse(t, Address+pathLimitOrder+"?pair=XBTMYR"), "POST") {
		t.Error("an order in a query passed")
	}

	// Below a path of the address, and nowhere else.
	below := parse(t, "http://127.0.0.1:1/sim")
	if !send(t, allowed, below, parse(t, "http://127.0.0.1:1/sim"+pathMarkets), "GET") || send(t, allowed, below, parse(t, "http://127.0.0.1:1"+pathMarkets), "GET") ||
		send(t, allowed, below, parse(t, "http://127.0.0.1:1/simx"+pathMarkets), "GET") {
		t.Error("a path before the calls' own is not kept to")
	}
	// A Host that is another one's.
	other := &nobody{}
	_, err = (&guard{base: base, next: other, may: allowed}).RoundTrip(&http.Request{Method: "GET", URL: parse(t, Address+pathMarkets), Host: "example.com"}) //nolint:bodyclose // there is never an answer
	if err == nil || len(other.got) > 0 {
		t.Errorf("another host: %q, %v", other.got, err)
	}
}
