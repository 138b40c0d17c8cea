package lunosim

import "net/http"

// access says who may make a call: one who has the permissions of which it is the
// set, or what the negative values say.
type access int64

const (
	public access = -1
	anyKey access = -2
)

// route is one call of the API.
type route struct {
	pattern string
	access  access
	handle  handler
}

func needs(p Permission) access { return access(p) }

// routes returns everything that is served; other paths get an empty 404.
func (s *Sim) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for _, r := range s.api() {
		mux.HandleFunc(r.pattern, s.serve(r))
	}
	mux.HandleFunc("GET /api/1/stream/{pair}", s.marketStream)
	mux.HandleFunc("GET /api/1/userstream", s.userStream)
	s.control(mux)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	return mux
}

// api lists Luno's calls.
func (s *Sim) api() []route {
	return []route{
		{"GET /api/1/ticker", public, s.ticker},
		{"GET /api/1/tickers", public, s.tickers},
		{"GET /api/exchange/1/markets", public, s.listMarkets},
		{"GET /api/1/orderbook_top", public, s.topOfBook},
		{"GET /api/1/orderbook", public, s.wholeBook},
		{"GET /api/1/trades", public, s.trades},
		{"GET /api/exchange/1/candles", anyKey, s.candles},

		{"GET /api/1/balance", needs(ReadBalance), s.balance},
		{"GET /api/1/accounts/{id}/transactions", needs(ReadTransactions), s.transactions},
		{"GET /api/1/accounts/{id}/pending", needs(ReadTransactions), s.pending},
		{"GET /api/1/fee_info", needs(ReadOrders), s.feeInfo},
		{"GET /api/exchange/1/transfers", needs(ReadTransfers), s.transfers},

		{"POST /api/1/postorder", needs(WriteOrders), s.postOrder},
		{"POST /api/1/marketorder", needs(WriteOrders), s.marketOrder},
		{"POST /api/1/stoporder", needs(WriteOrders), s.stopOrder},
		{"GET /api/1/orders/{id}", needs(ReadOrders), s.orderV1},
		{"GET /api/exchange/2/orders/{id}", needs(ReadOrders), s.orderV2},
		{"GET /api/exchange/3/order", needs(ReadOrders), s.orderV3},
		{"GET /api/1/listorders", needs(ReadOrders), s.listOrders},
		{"GET /api/exchange/2/listorders", needs(ReadOrders), s.listOrdersV2},
		{"GET /api/1/listtrades", needs(ReadOrders), s.listTrades},

		// What a bot never calls. The lists are empty, for nothing ever moves.
		{"GET /api/1/withdrawals", needs(ReadWithdrawals), list("withdrawals")},
		{"GET /api/1/beneficiaries", needs(ReadBeneficiaries), list("beneficiaries")},
		{"GET /api/exchange/1/move/list_moves", anyKey, list("moves")},
		{"GET /api/1/users/linked", anyKey, list("users")},
		{"GET /api/1/send/networks", anyKey, list("networks")},
		{"GET /api/1/send_fee", anyKey, notThere},
		{"GET /api/1/withdrawals/{id}", needs(ReadWithdrawals), notThere},
		{"GET /api/exchange/1/move", anyKey, notThere},
		{"GET /api/1/funding_address", needs(ReadAddresses), notThere},
		{"POST /api/1/send", needs(WriteSend), s.moveMoney},
		{"POST /api/1/address/validate", needs(WriteSend), s.moveMoney},
		{"POST /api/1/funding_address", needs(WriteAddresses), s.moveMoney},
		{"POST /api/1/withdrawals", needs(WriteWithdrawals), s.moveMoney},
		{"DELETE /api/1/withdrawals/{id}", needs(WriteWithdrawals), s.moveMoney},
		{"POST /api/1/beneficiaries", needs(WriteBeneficiaries), s.moveMoney},
		{"DELETE /api/1/beneficiaries/{id}", needs(WriteBeneficiaries), s.moveMoney},
		{"POST /api/exchange/1/move", anyKey, s.moveMoney},
		{"POST /api/exchange/1/convert", anyKey, s.moveMoney},
		{"POST /api/1/accounts", needs(WriteAddresses), s.moveMoney},
		{"PUT /api/1/accounts/{id}/name", needs(WriteAddresses), s.moveMoney},
	}
}

// list answers with an empty list of a name.
func list(name string) handler {
	return func(*call) (any, error) { return map[string][]string{name: {}}, nil }
}

// notThere answers a look-up of what the simulator never has.
func notThere(*call) (any, error) { return nil, refuse("ErrNotFound", "There is none") }

// moveMoney counts and refuses a call that would move money or name where to.
func (s *Sim) moveMoney(c *call) (any, error) {
	s.moves.Add(1)
	s.cfg.Log.Warn("lunosim: a call that no bot may make was refused", "method", c.Method, "path", c.URL.Path, "account", c.account.name)
	return nil, refuse("ErrUnderMaintenance", "The simulator moves no money")
}

// Moves returns how many calls would have moved money, which a bot never makes.
func (s *Sim) Moves() int64 { return s.moves.Load() }
