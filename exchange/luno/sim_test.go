package luno_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
	"github.com/lunobot/lunobot/exchange/lunosim"
	"github.com/lunobot/lunobot/exchange/paper"
)

// hall is a simulated Luno with two traders.
type hall struct {
	sim     *lunosim.Sim
	url     string
	clients []*luno.Client
	members []*paper.Member
}

func openHall(t *testing.T) hall {
	t.Helper()
	sim, err := lunosim.New(lunosim.Config{Markets: lunosim.Markets(), Accounts: lunosim.DefaultAccounts(1, 2), Fees: &exchange.Fees{Maker: 50_000, Taker: 123_457}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	h := hall{sim: sim, url: server.URL}
	for _, k := range sim.Keys() {
		if k.Permissions == lunosim.TradeOnly {
			h.clients = append(h.clients, h.client(t, k))
		}
	}
	for i := range h.clients {
		m, ok := sim.Venue().Member(fmt.Sprintf("trader-%d", i+1))
		if !ok {
			t.Fatal("a trader is missing")
		}
		h.members = append(h.members, m)
	}
	return h
}

func (h hall) client(t *testing.T, k lunosim.Key) *luno.Client {
	t.Helper()
	c, err := luno.New(luno.Config{BaseURL: h.url, KeyID: k.ID, Secret: luno.Secret(k.Secret), Budget: &pauses{}, Tries: 1})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Of the simulator's keys the one that trades is taken, the one that reads is told
// what it lacks, and the one that could take the money away is refused; the check
// makes no call that would move any.
func TestSimKeys(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	for _, k := range h.sim.Keys() {
		report, err := h.client(t, k).CheckKey(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		refusal := report.Err()
		var told *exchange.KeyError
		errors.As(refusal, &told)
		switch k.Permissions {
		case lunosim.TradeOnly:
			if refusal != nil {
				t.Errorf("the key that trades: %v", refusal)
			}
		case lunosim.ReadOnly:
			if told == nil || len(told.Missing) != 1 || told.Missing[0].Name != "W_Orders" || len(told.Excessive) != 0 {
				t.Errorf("the key that reads: %v", refusal)
			}
		default:
			if told == nil || len(told.Excessive) != 2 || len(told.Missing) != 0 {
				t.Errorf("the key that withdraws: %v", refusal)
			}
		}
	}
	if n := h.sim.Moves(); n != 0 {
		t.Errorf("%d calls would have moved money", n)
	}
}

// What the client reads of orders, fills, balances and bookings is what the
// exchange behind the protocol has, to the last digit, whatever was traded.
// // proves T4, T6, T7, N1
func TestSimTrading(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	ctx := t.Context()
	const pair = "ETHMYR"
	m, err := h.clients[0].Market(ctx, pair)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(7, 7))
	ids := [2][]string{}
	venueIDs := [2][]string{}
	outcomes := map[exchange.Outcome]int{}
	for n := range 300 {
		who := random.IntN(2)
		c := h.clients[who]
		if len(venueIDs[who]) > 0 && random.IntN(4) == 0 {
			err := c.Cancel(ctx, pair, venueIDs[who][random.IntN(len(venueIDs[who]))])
			if err != nil && exchange.KindOf(err) != exchange.KindNotOpen {
				t.Fatal(err)
			}
			continue
		}
		r := exchange.OrderRequest{
			ClientID: fmt.Sprintf("c%d-%d", who, n), Pair: pair, Side: exchange.Side(1 + random.IntN(2)), Type: exchange.LimitOrder,
			Price: exchange.Ticks(1_000_000 + random.IntN(200)), Volume: exchange.Steps(1000 + random.IntN(5_000_000)),
			PostOnly: random.IntN(5) == 0, TimeInForce: exchange.TimeInForce(random.IntN(3)),
		}
		switch {
		case random.IntN(10) == 0 && r.Side == exchange.Sell:
			r = exchange.OrderRequest{ClientID: r.ClientID, Pair: pair, Side: r.Side, Type: exchange.MarketOrder, Volume: r.Volume}
		case random.IntN(10) == 0 && r.Side == exchange.Buy:
			r = exchange.OrderRequest{ClientID: r.ClientID, Pair: pair, Side: r.Side, Type: exchange.MarketOrder, Value: exchange.Units(1e12 + random.Int64N(1e13))}
		case r.PostOnly:
			r.TimeInForce = exchange.GTC
		}
		o, err := c.Place(ctx, r)
		if err != nil {
			outcomes[exchange.OutcomeOf(err)]++
			if exchange.OutcomeOf(err) != exchange.OutcomeRejected || exchange.KindOf(err) == exchange.KindOther {
				t.Fatalf("%+v: %v", r, err)
			}
			continue
		}
		ids[who] = append(ids[who], r.ClientID)
		venueIDs[who] = append(venueIDs[who], o.ID)
		// The same again is found to be there, as what it was.
		again, err := c.Place(ctx, r)
		if exchange.OutcomeOf(err) != exchange.OutcomeAccepted || again.ID != o.ID {
			t.Fatalf("a repeat of %+v: %+v, %v", r, again, err)
		}
		r.Volume++
		r.Value++
		if r.Type == exchange.LimitOrder {
			r.Value = 0
			if _, err := c.Place(ctx, r); exchange.OutcomeOf(err) != exchange.OutcomeRejected || exchange.KindOf(err) != exchange.KindDuplicate {
				t.Fatalf("another order under the same id: %v", err)
			}
		}
	}
	if len(ids[0]) < 50 || len(ids[1]) < 50 || outcomes[exchange.OutcomeRejected] < 5 {
		t.Fatalf("%d and %d orders, %v", len(ids[0]), len(ids[1]), outcomes)
	}
	partly, filled := 0, 0
	for who, c := range h.clients {
		for i, id := range ids[who] {
			got, err := c.Order(ctx, pair, id)
			if err != nil {
				t.Fatal(err)
			}
			byID, err := c.OrderByID(ctx, pair, venueIDs[who][i])
			if err != nil || byID != got {
				t.Fatalf("by id %+v, by client id %+v, %v", byID, got, err)
			}
			want, err := h.members[who].Order(ctx, pair, id)
			if err != nil {
				t.Fatal(err)
			}
			if got.ID != want.ID || got.Status != want.Status || got.Filled != want.Filled || got.Value != want.Value || got.Fee != want.Fee ||
				got.Created != want.Created || got.Completed != want.Completed || got.Request.Side != want.Request.Side || got.Request.Price != want.Request.Price {
				t.Fatalf("order\n%+v, at the exchange\n%+v", got, want)
			}
			if got.Filled > 0 && got.Remaining() > 0 {
				partly++
			} else if got.Filled > 0 {
				filled++
			}
		}
		open, err := c.OpenOrders(ctx, pair)
		if err != nil {
			t.Fatal(err)
		}
		wantOpen, err := h.members[who].OpenOrders(ctx, pair)
		if err != nil || len(open) != len(wantOpen) {
			t.Fatalf("%d open orders, %d at the exchange, %v", len(open), len(wantOpen), err)
		}
		closed, err := c.ClosedOrders(ctx, pair, time.Now().Add(-time.Hour))
		if err != nil || len(open)+len(closed) != len(ids[who]) {
			t.Fatalf("%d open and %d closed orders of %d, %v", len(open), len(closed), len(ids[who]), err)
		}
		fills, err := c.Fills(ctx, pair, 0, 10_000)
		if err != nil {
			t.Fatal(err)
		}
		wantFills, err := h.members[who].Fills(ctx, pair, 0, 10_000)
		if err != nil || len(fills) != len(wantFills) || len(fills) < 20 {
			t.Fatalf("%d fills, %d at the exchange, %v", len(fills), len(wantFills), err)
		}
		for i, f := range fills {
			if f != wantFills[i] {
				t.Fatalf("fill\n%+v, at the exchange\n%+v", f, wantFills[i])
			}
		}
		h.checkBooks(t, who, m)
	}
	if partly < 5 || filled < 20 {
		t.Errorf("%d orders partly and %d wholly filled", partly, filled)
	}
}

// checkBooks compares balances and ledgers with the exchange.
func (h hall) checkBooks(t *testing.T, who int, m exchange.Market) {
	t.Helper()
	ctx := t.Context()
	balances, err := h.clients[who].Balances(ctx)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := h.members[who].Balances(ctx)
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[string]exchange.Balance)
	for _, b := range truth {
		want[b.Currency] = b
	}
	for _, b := range balances {
		if w := want[b.Currency]; !b.Total.Equal(w.Total) || !b.Reserved.Equal(w.Reserved) {
			t.Errorf("balance %+v, at the exchange %+v", b, w)
		}
		if b.Currency != m.Base && b.Currency != m.Counter {
			continue
		}
		entries, err := h.clients[who].Entries(ctx, b.Account, 0, 100_000)
		if err != nil || len(entries) < 30 {
			t.Fatalf("%d entries, %v", len(entries), err)
		}
		sum, trades := decimal.Zero, 0
		for _, e := range entries {
			sum = sum.Add(e.Delta)
			if e.Sequence > 0 {
				trades++
			}
		}
		if last := entries[len(entries)-1]; !sum.Equal(b.Total) || !last.Balance.Equal(b.Total) || !last.Available.Equal(b.Free()) || trades == 0 {
			t.Errorf("%s: the bookings add up to %s of %s, the last says %s", b.Currency, sum, b.Total, last.Balance)
		}
	}
}

// The public side is read as the exchange has it.
func TestSimQuotes(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	ctx := t.Context()
	const pair = "XBTMYR"
	place := func(who int, side exchange.Side, price exchange.Ticks, volume exchange.Steps) {
		t.Helper()
		id := fmt.Sprintf("%d-%s-%d-%d", who, side, price, volume)
		if _, err := h.clients[who].Place(ctx, exchange.OrderRequest{ClientID: id, Pair: pair, Side: side, Type: exchange.LimitOrder, Price: price, Volume: volume}); err != nil {
			t.Fatal(err)
		}
	}
	c := h.clients[0]
	if k, err := c.Ticker(ctx, pair); err != nil || k.Bid != 0 || k.Ask != 0 || k.Status != exchange.MarketActive {
		t.Errorf("an empty book: %+v, %v", k, err)
	}
	place(0, exchange.Sell, 401_000, 1000)
	place(0, exchange.Sell, 401_000, 2000)
	place(0, exchange.Sell, 402_000, 500)
	place(1, exchange.Buy, 399_000, 700)
	place(1, exchange.Buy, 401_000, 1200)
	want, err := h.sim.Venue().Ticker(ctx, pair)
	if err != nil {
		t.Fatal(err)
	}
	if k, err := c.Ticker(ctx, pair); err != nil || k != want || k.Last != 401_000 {
		t.Errorf("ticker %+v, %v, at the exchange %+v", k, err, want)
	}
	for _, depth := range []int{0, 1, 100} {
		want, err := h.sim.Venue().OrderBook(ctx, pair, depth)
		if err != nil {
			t.Fatal(err)
		}
		if book, err := c.OrderBook(ctx, pair, depth); err != nil || fmt.Sprint(book.Bids, book.Asks) != fmt.Sprint(want.Bids, want.Asks) || len(book.Asks) == 0 {
			t.Errorf("book %+v, %v, at the exchange %+v", book, err, want)
		}
	}
	wantTrades, err := h.sim.Venue().Trades(ctx, pair, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	if trades, err := c.Trades(ctx, pair, 0, 100); err != nil || fmt.Sprint(trades) != fmt.Sprint(wantTrades) || len(trades) != 2 {
		t.Errorf("trades %+v, %v, at the exchange %+v", trades, err, wantTrades)
	}
	if fees, err := c.Fees(ctx, pair); err != nil || fees.Highest() != (exchange.Fees{Maker: 50_000, Taker: 123_457}) {
		t.Errorf("fees %+v, %v", fees, err)
	}
	if drift := c.Drift(); !drift.Known || drift.Least > 0 || drift.Most < 0 {
		t.Errorf("the same clock drifts by %+v", drift)
	}
}

// Every documented code, as the simulator says it: with the documented status where
// there is one, and only what settles an order is a rejection of it. // proves T2
func TestSimCodes(t *testing.T) {
	t.Parallel()
	h := openHall(t)
	statuses := map[string]int{
		"ErrUnauthorised": 401, "ErrApiKeyRevoked": 401, "ErrInsufficientPerms": 403, "ErrOrderNotFound": 404, "ErrNotFound": 404,
		"ErrDuplicateClientOrderID": 409, "ErrTooManyRequests": 429, "ErrInternal": 500,
	}
	const codes = `ErrInvalidPrice ErrInvalidVolume ErrPriceTooHigh ErrPriceTooLow ErrVolumeTooHigh ErrVolumeTooLow ErrValueTooHigh ErrAmountTooBig ErrAmountTooSmall
		ErrPriceDenominationNotAllowed ErrVolumeDenominationNotAllowed ErrCounterDenominationNotAllowed ErrInvalidBaseVolume ErrInvalidCounterVolume
		ErrInvalidOrderSide ErrInvalidMarketPair ErrInvalidArguments ErrInvalidParameters ErrInvalidClientOrderId ErrInvalidStopPrice ErrInvalidStopDirection
		ErrStopPriceTooHigh ErrStopPriceTooLow ErrNoTradesToInferStopDirection ErrPostOnlyNotAllowed ErrLimitOutOfRange ErrTooManyRowsRequested ErrInvalidOrderRef
		ErrInvalidAccountID ErrInsufficientBalance ErrInsufficientFunds ErrNotEnoughLiquidity ErrPostOnlyMode ErrOrderCanceled ErrMarketUnavailable
		ErrMarketNotAllowed ErrUnderMaintenance ErrCannotTradeWhileQuoteActive ErrAccountNotFound ErrUserNotVerifiedForCurrency ErrVerificationLevelTooLow
		ErrAccountIsMigrating ErrOrderNotFound ErrNotFound ErrCannotStopUnknownOrNonPendingOrder ErrDuplicateClientOrderID ErrUnauthorised ErrApiKeyRevoked
		ErrInsufficientPerms ErrTooManyRequests ErrDeadlineExceeded ErrInternal ErrUpdateRequired`
	for i, code := range strings.Fields(codes) {
		id, err := h.sim.AddFault(lunosim.Fault{Kind: lunosim.Refuse, Path: "/api/1/postorder", Code: code})
		if err != nil {
			t.Fatal(err)
		}
		r := exchange.OrderRequest{
			ClientID: fmt.Sprint("code-", i), Pair: "XBTMYR", Side: exchange.Buy, Type: exchange.LimitOrder, Price: 390_000, Volume: 1000,
		}
		_, err = h.clients[0].Place(t.Context(), r)
		var e *exchange.Error
		if !errors.As(err, &e) {
			t.Fatalf("%s: %v", code, err)
		}
		status := statuses[code]
		if status == 0 {
			status = 400
		}
		outcome := exchange.OutcomeUnknown
		if exchange.KindOfCode(code).Definitive() {
			outcome = exchange.OutcomeRejected
		}
		if e.Code != code || e.HTTPStatus != status || e.Outcome != outcome || exchange.KindOfCode(code) == exchange.KindOther {
			t.Errorf("%s with %d is told as %+v, want %v", code, status, e, outcome)
		}
		if _, err := h.sim.RemoveFault(id); err != nil {
			t.Fatal(err)
		}
		if open, err := h.clients[0].OpenOrders(t.Context(), "XBTMYR"); err != nil || len(open) > 0 {
			t.Errorf("%s left %v, %v", code, open, err)
		}
	}
}
