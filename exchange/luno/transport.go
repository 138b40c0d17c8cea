package luno

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// The paths of the calls that are made.
const (
	pathBalance    = "/api/1/balance"
	pathBook       = "/api/1/orderbook"
	pathBookTop    = "/api/1/orderbook_top"
	pathCandles    = "/api/exchange/1/candles"
	pathFees       = "/api/1/fee_info"
	pathLimitOrder = "/api/1/postorder"
	pathListOrders = "/api/exchange/2/listorders"
	pathMarket     = "/api/1/marketorder"
	pathMarkets    = "/api/exchange/1/markets"
	pathMyTrades   = "/api/1/listtrades"
	pathOrder      = "/api/exchange/3/order"
	pathStopOrder  = "/api/1/stoporder"
	pathTicker     = "/api/1/ticker"
	pathTickers    = "/api/1/tickers"
	pathTrades     = "/api/1/trades"
	pathTransfers  = "/api/exchange/1/transfers"

	// An id stands between the beginning and the end of these; pathOrderByID has
	// no end.
	pathAccounts     = "/api/1/accounts/"
	pathTransactions = "/transactions"
	pathPending      = "/pending"
	pathOrderByID    = "/api/exchange/2/orders/"

	// The check of a key asks these, and nothing else does: whether they are
	// refused tells what a key may do. Their answers are not read.
	pathBeneficiaries = "/api/1/beneficiaries"
	pathWithdrawals   = "/api/1/withdrawals"
)

// ForbiddenError is a request that the allow-list holds back: nothing was sent.
type ForbiddenError struct {
	Method, Path string
	// Reason says why.
	Reason string
}

// Error implements error.
func (e *ForbiddenError) Error() string {
	return fmt.Sprintf("luno: %s %s is not sent: %s", e.Method, e.Path, e.Reason)
}

// allowed reports whether a call may be made at all. No call that moves money
// off the exchange is on this list, nor may one ever be.
func allowed(method, path string) bool {
	switch method {
	case http.MethodPost:
		switch path {
		case pathLimitOrder, pathMarket, pathStopOrder:
			return true
		}
	case http.MethodGet:
		switch path {
		case pathBalance, pathBook, pathBookTop, pathCandles, pathFees, pathListOrders, pathMarkets, pathMyTrades, pathOrder, pathTicker,
			pathTickers, pathTrades, pathTransfers:
			return true
		}
		if id, ok := strings.CutPrefix(path, pathOrderByID); ok {
			return isOrderID(id)
		}
		if rest, ok := strings.CutPrefix(path, pathAccounts); ok {
			id, what, _ := strings.Cut(rest, "/")
			return isAccountID(id) && ("/"+what == pathTransactions || "/"+what == pathPending)
		}
	}
	return false
}

// asked reports whether a call may be made by the check of a key: questions that
// change nothing, whatever the key may do.
func asked(method, path string) bool {
	return method == http.MethodGet && (path == pathBeneficiaries || path == pathWithdrawals)
}

// isOrderID reports whether a text can be an id of an order: it needs no escaping
// anywhere.
func isOrderID(id string) bool {
	const longest = 64
	return id != "" && len(id) <= longest && strings.IndexFunc(id, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) < 0
}

// isAccountID reports whether a text can be the id of an account.
func isAccountID(id string) bool {
	const longest = 19 // digits of an int64
	return id != "" && len(id) <= longest && strings.IndexFunc(id, func(r rune) bool { return r < '0' || r > '9' }) < 0
}

// guard lets requests pass that are on a list, to one address.
type guard struct {
	base *url.URL
	next http.RoundTripper
	may  func(method, path string) bool
}

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	forbid := func(reason string) (*http.Response, error) {
		return nil, &ForbiddenError{Method: r.Method, Path: r.URL.Path, Reason: reason}
	}
	path, below := strings.CutPrefix(r.URL.Path, g.base.Path)
	switch {
	case r.URL.Scheme != g.base.Scheme || r.URL.Host != g.base.Host || r.Host != "" && r.Host != g.base.Host || r.URL.User != nil:
		return forbid("it goes to another address")
	case !below || r.URL.RawPath != "" || r.URL.Opaque != "" || !g.may(r.Method, path):
		return forbid("it is not on the list of calls that this program makes")
	case r.Method == http.MethodPost && r.URL.RawQuery != "":
		return forbid("an order's parameters belong into its body")
	}
	return g.next.RoundTrip(r)
}
