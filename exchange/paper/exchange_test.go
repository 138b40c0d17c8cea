package paper_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
)

// xbtmyr has a tick of 1 and a step of 0.001, ethmyr a much finer unit in the
// same counter currency, ethxbt trades both bases.
func testMarkets() []exchange.Market {
	d := decimal.RequireFromString
	return []exchange.Market{
		{Pair: "XBTMYR", Base: "XBT", Counter: "MYR", Tick: d("1"), Step: d("0.001"), MinVolume: 2, MaxVolume: 100_000,
			MinPrice: 10, MaxPrice: 1000, MinValue: 50, Status: exchange.MarketActive},
		{Pair: "ETHMYR", Base: "ETH", Counter: "MYR", Tick: d("0.05"), Step: d("0.00001"), Status: exchange.MarketActive},
		{Pair: "ETHXBT", Base: "ETH", Counter: "XBT", Tick: d("0.0001"), Step: d("0.01"), Status: exchange.MarketActive},
	}
}

// clock is a clock that stands still until it is moved.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

// hall is an exchange with the members ann, bob and cat, who have 1,000 of
// everything.
type hall struct {
	*paper.Exchange
	clock         *clock
	ann, bob, cat *paper.Member
}

func openHall(t *testing.T, fees exchange.Fees) hall {
	t.Helper()
	h := hall{clock: &clock{now: time.UnixMilli(1_000_000)}}
	var err error
	if h.Exchange, err = paper.NewExchange(paper.ExchangeConfig{Markets: testMarkets(), Fees: fees, Now: h.clock.Now}); err != nil {
		t.Fatal(err)
	}
	for id, m := range map[string]**paper.Member{"ann": &h.ann, "bob": &h.bob, "cat": &h.cat} {
		if *m, err = h.Join(id); err != nil {
			t.Fatal(err)
		}
		for _, currency := range []string{"XBT", "ETH", "MYR"} {
			if err := (*m).Deposit(currency, decimal.NewFromInt(1000)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return h
}

// limit is a limit order in XBTMYR.
func limit(side exchange.Side, price exchange.Ticks, volume exchange.Steps) exchange.OrderRequest {
	return exchange.OrderRequest{Pair: "XBTMYR", Side: side, Type: exchange.LimitOrder, Price: price, Volume: volume}
}

func place(t *testing.T, m *paper.Member, r exchange.OrderRequest) exchange.Order {
	t.Helper()
	o, err := m.Place(t.Context(), r)
	if err != nil {
		t.Fatalf("%s: %v", m.ID(), err)
	}
	return o
}

// refused places an order that must be refused with the code.
func refused(t *testing.T, m *paper.Member, r exchange.OrderRequest, outcome exchange.Outcome, code string) {
	t.Helper()
	_, err := m.Place(t.Context(), r)
	if err == nil || exchange.OutcomeOf(err) != outcome || !strings.Contains(err.Error(), code) {
		t.Errorf("%+v: %v, want %s", r, err, code)
	}
}

// balance returns "total/reserved" of a currency.
func balance(t *testing.T, m *paper.Member, currency string) string {
	t.Helper()
	balances, err := m.Balances(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range balances {
		if b.Currency == currency {
			return b.Total.String() + "/" + b.Reserved.String()
		}
	}
	t.Fatalf("no balance of %s", currency)
	return ""
}

// book writes the book of XBTMYR as "price×volume" from best to worst.
func (h hall) book(t *testing.T) string {
	t.Helper()
	b, err := h.OrderBook(t.Context(), "XBTMYR", 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, levels := range [][]exchange.Level{b.Bids, b.Asks} {
		var side []string
		for _, l := range levels {
			side = append(side, fmt.Sprintf("%d×%d", l.Price, l.Volume))
		}
		out = append(out, strings.Join(side, " "))
	}
	return strings.Join(out, " | ")
}

func TestPriceThenTime(t *testing.T) {
	t.Parallel()
	h := openHall(t, exchange.Fees{})
	first := place(t, h.ann, limit(exchange.Sell, 102, 10))
	second := place(t, h.bob, limit(exchange.Sell, 102, 10))
	better := place(t, h.bob, limit(exchange.Sell, 101, 5))
	place(t, h.ann, limit(exchange.Sell, 105, 10))
	if got := h.book(t); got != " | 101×5 102×20 105×10" {
		t.Fatal(got)
	}
	h.clock.now = h.clock.now.Add(time.Second)
	taker := place(t, h.cat, limit(exchange.Buy, 103, 30))
	if taker.Filled != 25 || taker.Value != 101*5+102*20 || taker.Status != exchange.Open || taker.Completed != 0 {
		t.Errorf("taker %+v", taker)
	}
	if got := h.book(t); got != "103×5 | 105×10" {
		t.Error(got)
	}
	fills, err := h.cat.Fills(t.Context(), "XBTMYR", 0, 10)
	if err != nil || len(fills) != 3 {
		t.Fatal(fills, err)
	}
	for i, want := range []struct {
		price  exchange.Ticks
		volume exchange.Steps
		maker  *paper.Member
		order  exchange.Order
	}{{101, 5, h.bob, better}, {102, 10, h.ann, first}, {102, 10, h.bob, second}} {
		f := fills[i]
		if f.Price != want.price || f.Volume != want.volume || f.Maker || f.Sequence != int64(i+1) || f.Time != 1_001_000 || f.OrderID != taker.ID {
			t.Errorf("fill %d: %+v", i, f)
		}
		of, err := want.maker.Fills(t.Context(), "XBTMYR", int64(i), 1)
		if err != nil || len(of) != 1 || of[0].OrderID != want.order.ID || of[0].Sequence != f.Sequence || !of[0].Maker {
			t.Errorf("maker's fill %d: %+v %v", i, of, err)
		}
		o, err := want.maker.OrderByID(t.Context(), "XBTMYR", want.order.ID)
		if err != nil || o.Status != exchange.Complete || o.Completed != 1_001_000 || o.Remaining() != 0 {
			t.Errorf("maker's order %d: %+v %v", i, o, err)
		}
	}
	if got := balance(t, h.cat, "MYR"); got != "997.455/0.515" {
		t.Errorf("cat has %s", got)
	}
	if got := balance(t, h.bob, "XBT"); got != "999.985/0" {
		t.Errorf("bob has %s", got)
	}
}

func TestTimesInForce(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		request exchange.OrderRequest
		filled  exchange.Steps
		status  exchange.OrderStatus
		book    string
	}{
		"GTC rests":          {limit(exchange.Buy, 101, 25), 20, exchange.Open, "101×5 | 102×10"},
		"IOC takes":          {exchange.OrderRequest{TimeInForce: exchange.IOC, Price: 101, Volume: 25}, 20, exchange.Complete, " | 102×10"},
		"IOC out of reach":   {exchange.OrderRequest{TimeInForce: exchange.IOC, Price: 99, Volume: 25}, 0, exchange.Complete, " | 100×10 101×10 102×10"},
		"FOK whole":          {exchange.OrderRequest{TimeInForce: exchange.FOK, Price: 101, Volume: 20}, 20, exchange.Complete, " | 102×10"},
		"FOK not whole":      {exchange.OrderRequest{TimeInForce: exchange.FOK, Price: 101, Volume: 21}, 0, exchange.Complete, " | 100×10 101×10 102×10"},
		"market":             {exchange.OrderRequest{Type: exchange.MarketOrder, Volume: 25}, 25, exchange.Complete, " | 102×5"},
		"market, book empty": {exchange.OrderRequest{Type: exchange.MarketOrder, Volume: 45}, 30, exchange.Complete, " | "},
		"market by value":    {exchange.OrderRequest{Type: exchange.MarketOrder, Value: 1000 + 5*101 + 100}, 15, exchange.Complete, " | 101×5 102×10"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := openHall(t, exchange.Fees{})
			for price := exchange.Ticks(100); price <= 102; price++ {
				place(t, h.ann, limit(exchange.Sell, price, 10))
			}
			r := test.request
			r.Pair, r.Side = "XBTMYR", exchange.Buy
			if r.Type == 0 {
				r.Type = exchange.LimitOrder
			}
			o := place(t, h.bob, r)
			if o.Filled != test.filled || o.Status != test.status {
				t.Errorf("order %+v", o)
			}
			if got := h.book(t); got != test.book {
				t.Errorf("book %q, want %q", got, test.book)
			}
			if reserved := balance(t, h.bob, "MYR"); test.status == exchange.Complete && !strings.HasSuffix(reserved, "/0") {
				t.Errorf("after the end it still reserves: %s", reserved)
			}
		})
	}
}

func TestFees(t *testing.T) {
	t.Parallel()
	h := openHall(t, exchange.Fees{Maker: 100_000, Taker: 250_000}) // 0.1 % and 0.25 %
	place(t, h.ann, limit(exchange.Sell, 100, 1000))
	o := place(t, h.bob, limit(exchange.Buy, 101, 600)) // 60 MYR
	if o.Value != 60_000 || o.Fee != 150 {
		t.Errorf("taker %+v", o)
	}
	if got := balance(t, h.bob, "MYR"); got != "939.85/0" {
		t.Errorf("bob has %s", got)
	}
	if got := balance(t, h.ann, "MYR"); got != "1059.94/0" {
		t.Errorf("ann has %s", got)
	}
	for _, b := range h.CollectedFees() {
		if want := map[string]string{"MYR": "0.21", "XBT": "0", "ETH": "0"}[b.Currency]; b.Total.String() != want {
			t.Errorf("fees of %s: %s, want %s", b.Currency, b.Total, want)
		}
	}
	// Many small fills cost what one large one does, rounded up once.
	small := openHall(t, exchange.Fees{Maker: 1, Taker: 1})
	place(t, small.ann, limit(exchange.Buy, 10, 1000))
	for range 100 {
		place(t, small.bob, limit(exchange.Sell, 10, 10))
	}
	open, err := small.ann.Order(t.Context(), "XBTMYR", "")
	if err == nil {
		t.Errorf("an order without a client id was found: %+v", open)
	}
	fills, err := small.ann.Fills(t.Context(), "XBTMYR", 0, 1000)
	if err != nil || len(fills) != 100 {
		t.Fatal(len(fills), err)
	}
	var fee exchange.Units
	for _, f := range fills {
		fee += f.FeeCounter
	}
	if fee != 1 {
		t.Errorf("the fee of 100 fills is %d units, want 1", fee)
	}
}

func TestReservations(t *testing.T) {
	t.Parallel()
	h := openHall(t, exchange.Fees{Maker: 100_000, Taker: 250_000})
	buy := place(t, h.ann, limit(exchange.Buy, 100, 4000)) // 400 MYR and 1 fee
	if got := balance(t, h.ann, "MYR"); got != "1000/401" {
		t.Errorf("reserved for a buy: %s", got)
	}
	place(t, h.ann, limit(exchange.Sell, 200, 999_99))
	if got := balance(t, h.ann, "XBT"); got != "1000/99.999" {
		t.Errorf("reserved for a sale: %s", got)
	}
	place(t, h.bob, limit(exchange.Sell, 90, 1000)) // 100 MYR for 0.1 fee
	if got := balance(t, h.ann, "MYR"); got != "899.9/300.75" {
		t.Errorf("after a part: %s", got)
	}
	refused(t, h.ann, limit(exchange.Buy, 100, 6000), exchange.OutcomeRejected, "ErrInsufficientBalance")
	if err := h.ann.Cancel(t.Context(), "XBTMYR", buy.ID); err != nil {
		t.Fatal(err)
	}
	if got := balance(t, h.ann, "MYR"); got != "899.9/0" {
		t.Errorf("after the cancel: %s", got)
	}
	o, err := h.ann.OrderByID(t.Context(), "XBTMYR", buy.ID)
	if err != nil || o.Status != exchange.Complete || o.Filled != 1000 { // proves T4
		t.Errorf("cancelled order %+v %v", o, err)
	}
	for _, id := range []string{buy.ID, "99", ""} {
		if err := h.ann.Cancel(t.Context(), "XBTMYR", id); err == nil {
			t.Errorf("order %q was cancelled again", id)
		}
	}
	market := limit(exchange.Buy, 0, 100_000)
	market.Type = exchange.MarketOrder
	refused(t, h.bob, market, exchange.OutcomeRejected, "ErrInsufficientBalance")
	place(t, h.ann, limit(exchange.Buy, 100, 1000))
	other, err := h.ann.OpenOrders(t.Context(), "XBTMYR")
	if err != nil || len(other) != 2 || other[0].Request.Side != exchange.Sell {
		t.Errorf("open orders %+v %v", other, err)
	}
	if err := h.bob.Cancel(t.Context(), "XBTMYR", other[0].ID); err == nil {
		t.Error("another member's order was cancelled")
	}
}

func TestNoTradeWithOneself(t *testing.T) {
	t.Parallel()
	h := openHall(t, exchange.Fees{})
	place(t, h.bob, limit(exchange.Sell, 100, 10))
	place(t, h.ann, limit(exchange.Sell, 101, 10))
	place(t, h.bob, limit(exchange.Sell, 102, 10))
	o := place(t, h.ann, limit(exchange.Buy, 105, 30))
	if o.Filled != 10 || o.Status != exchange.Complete {
		t.Errorf("order %+v", o)
	}
	if got := h.book(t); got != " | 101×10 102×10" {
		t.Error(got)
	}
	fok := limit(exchange.Buy, 105, 10)
	fok.TimeInForce = exchange.FOK
	if o := place(t, h.ann, fok); o.Filled != 0 {
		t.Errorf("FOK %+v", o)
	}
	post := limit(exchange.Buy, 101, 10)
	post.PostOnly = true
	refused(t, h.ann, post, exchange.OutcomeRejected, "ErrOrderCanceled")
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	h := openHall(t, exchange.Fees{})
	place(t, h.bob, limit(exchange.Sell, 100, 10))
	change := func(f func(r *exchange.OrderRequest)) exchange.OrderRequest {
		r := limit(exchange.Buy, 100, 10)
		f(&r)
		return r
	}
	for name, test := range map[string]struct { // proves T9
		request exchange.OrderRequest
		code    string
	}{
		"pair":            {change(func(r *exchange.OrderRequest) { r.Pair = "XBTZAR" }), "ErrInvalidMarketPair"},
		"side":            {change(func(r *exchange.OrderRequest) { r.Side = 0 }), "ErrInvalidOrderSide"},
		"type":            {change(func(r *exchange.OrderRequest) { r.Type = 9 }), "ErrInvalidArguments"},
		"time in force":   {change(func(r *exchange.OrderRequest) { r.TimeInForce = 9 }), "ErrInvalidArguments"},
		"market price":    {change(func(r *exchange.OrderRequest) { r.Type = exchange.MarketOrder }), "ErrInvalidArguments"},
		"limit value":     {change(func(r *exchange.OrderRequest) { r.Value = 5 }), "ErrInvalidArguments"},
		"late":            {change(func(r *exchange.OrderRequest) { r.Time, r.TTL = 999_000, 999 }), "ErrDeadlineExceeded"},
		"no volume":       {change(func(r *exchange.OrderRequest) { r.Volume = 0 }), "ErrVolumeTooLow"},
		"negative volume": {change(func(r *exchange.OrderRequest) { r.Volume = -5 }), "ErrVolumeTooLow"},
		"least volume":    {change(func(r *exchange.OrderRequest) { r.Volume = 1 }), "ErrVolumeTooLow"},
		"largest volume":  {change(func(r *exchange.OrderRequest) { r.Volume = 100_001 }), "ErrVolumeTooHigh"},
		"least price":     {change(func(r *exchange.OrderRequest) { r.Price = 9 }), "ErrPriceTooLow"},
		"highest price":   {change(func(r *exchange.OrderRequest) { r.Price = 1001 }), "ErrPriceTooHigh"},
		"least value":     {change(func(r *exchange.OrderRequest) { r.Price, r.Volume = 10, 4 }), "ErrAmountTooSmall"},
		"post-only IOC":   {change(func(r *exchange.OrderRequest) { r.PostOnly, r.TimeInForce = true, exchange.IOC }), "ErrPostOnlyNotAllowed"},
		"stop of a market order": {change(func(r *exchange.OrderRequest) {
			r.Type, r.Price, r.Stop = exchange.MarketOrder, 0, exchange.Stop{Price: 50, Direction: exchange.StopAbove}
		}), "ErrInvalidArguments"},
		"stop without a price":     {change(func(r *exchange.OrderRequest) { r.Stop.Direction = exchange.StopAbove }), "ErrInvalidStopPrice"},
		"stop without a direction": {change(func(r *exchange.OrderRequest) { r.Stop.Price = 50 }), "ErrInvalidStopDirection"},
		"least stop":               {change(func(r *exchange.OrderRequest) { r.Stop = exchange.Stop{Price: 9, Direction: exchange.StopBelow} }), "ErrStopPriceTooLow"},
		"highest stop":             {change(func(r *exchange.OrderRequest) { r.Stop = exchange.Stop{Price: 1001, Direction: exchange.StopAbove} }), "ErrStopPriceTooHigh"},
		"relative stop": {change(func(r *exchange.OrderRequest) { r.Stop = exchange.Stop{Price: 50, Direction: exchange.StopRelative} }),
			"ErrNoTradesToInferStopDirection"},
		"post-only cross": {change(func(r *exchange.OrderRequest) { r.PostOnly = true }), "ErrOrderCanceled"},
		"FOK by value": {exchange.OrderRequest{Pair: "XBTMYR", Side: exchange.Buy, Type: exchange.MarketOrder, Value: 500,
			TimeInForce: exchange.FOK}, "ErrInvalidArguments"},
		"overflow": {exchange.OrderRequest{Pair: "ETHMYR", Side: exchange.Buy, Type: exchange.LimitOrder, Price: 1 << 40, Volume: 1 << 40}, "ErrValueTooHigh"},
		"overflow of the fee's sum": {exchange.OrderRequest{Pair: "ETHMYR", Side: exchange.Sell, Type: exchange.LimitOrder, Price: 1, Volume: 1 << 62},
			"ErrInsufficientBalance"},
	} {
		t.Log(name)
		refused(t, h.ann, test.request, exchange.OutcomeRejected, test.code)
	}
	for _, currency := range []string{"MYR", "XBT"} {
		if got := balance(t, h.ann, currency); got != "1000/0" {
			t.Errorf("refused orders left %s of %s", got, currency)
		}
	}
	if got := h.book(t); got != " | 100×10" {
		t.Errorf("refused orders left the book %q", got)
	}
	if err := h.SetStatus("XBTMYR", exchange.MarketPostOnly); err != nil {
		t.Fatal(err)
	}
	refused(t, h.ann, limit(exchange.Buy, 50, 10), exchange.OutcomeRejected, "ErrPostOnlyMode")
	place(t, h.ann, change(func(r *exchange.OrderRequest) { r.PostOnly, r.Price = true, 50 }))
	if err := h.SetStatus("XBTMYR", exchange.MarketDisabled); err != nil {
		t.Fatal(err)
	}
	refused(t, h.ann, limit(exchange.Buy, 50, 10), exchange.OutcomeRejected, "ErrMarketUnavailable")
}

func TestClientIDIsTakenForEver(t *testing.T) {
	t.Parallel()
	h := openHall(t, exchange.Fees{})
	r := limit(exchange.Buy, 100, 1_000)
	r.ClientID = "one"
	r.Price = 1001
	refused(t, h.ann, r, exchange.OutcomeRejected, "ErrPriceTooHigh")
	r.Price = 100
	o := place(t, h.ann, r) // a refused order takes no id
	refused(t, h.ann, r, exchange.OutcomeAccepted, "ErrDuplicateClientOrderID")
	if err := h.ann.Cancel(t.Context(), "XBTMYR", o.ID); err != nil {
		t.Fatal(err)
	}
	r.TTL, r.Time = 1, 1
	refused(t, h.ann, r, exchange.OutcomeAccepted, "ErrDuplicateClientOrderID")
	if found, err := h.ann.Order(t.Context(), "XBTMYR", "one"); err != nil || found.ID != o.ID {
		t.Errorf("found %+v %v", found, err)
	}
	if _, err := h.bob.Order(t.Context(), "XBTMYR", "one"); exchange.OutcomeOf(err) != exchange.OutcomeRejected {
		t.Errorf("another member found it: %v", err)
	}
	r.TTL, r.Time = 0, 0
	place(t, h.bob, r) // ids are the member's own
}

func TestPublicData(t *testing.T) {
	t.Parallel()
	h := openHall(t, exchange.Fees{})
	place(t, h.ann, limit(exchange.Sell, 100, 30))
	place(t, h.bob, limit(exchange.Buy, 100, 10))
	h.clock.now = h.clock.now.Add(23 * time.Hour)
	place(t, h.bob, limit(exchange.Buy, 100, 5))
	place(t, h.bob, limit(exchange.Buy, 90, 20))
	want := exchange.Ticker{Pair: "XBTMYR", Bid: 90, Ask: 100, Last: 100, Volume24h: 15, Status: exchange.MarketActive, Time: h.clock.now.UnixMilli()}
	if got, err := h.Ticker(t.Context(), "XBTMYR"); err != nil || got != want {
		t.Errorf("ticker %+v %v", got, err)
	}
	h.clock.now = h.clock.now.Add(time.Hour)
	want.Volume24h = 5
	if got, err := h.Ticker(t.Context(), "XBTMYR"); err != nil || got != want {
		t.Errorf("ticker %+v %v", got, err)
	}
	trades, err := h.Trades(t.Context(), "XBTMYR", 1, 10)
	if err != nil || len(trades) != 1 || trades[0].Sequence != 2 || trades[0].Taker != exchange.Buy || trades[0].Volume != 5 {
		t.Errorf("trades %+v %v", trades, err)
	}
	for range 50 {
		place(t, h.cat, limit(exchange.Sell, 200, 2))
	}
	if b, err := h.OrderBook(t.Context(), "XBTMYR", 1); err != nil || !slices.Equal(b.Asks, []exchange.Level{{Price: 100, Volume: 15}}) {
		t.Errorf("book %+v %v", b, err)
	}
	if markets, err := h.Markets(t.Context()); err != nil || len(markets) != 3 || markets[0].Pair != "XBTMYR" {
		t.Errorf("markets %+v %v", markets, err)
	}
}

func TestExchangeConfigProblemsTogether(t *testing.T) {
	t.Parallel()
	m := testMarkets()[0]
	_, err := paper.NewExchange(paper.ExchangeConfig{Markets: []exchange.Market{m, m, {Pair: "BAD"}}, Fees: exchange.Fees{Maker: -1, Taker: exchange.RateOne}})
	for _, part := range []string{"clock", "twice", `"BAD"`, "-0.00000001", "rate 1 "} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v does not name %q", err, part)
		}
	}
	h := openHall(t, exchange.Fees{})
	if _, err := h.Join("ann"); err == nil {
		t.Error("a member joined twice")
	}
	for _, bad := range []struct{ currency, amount string }{{"ZAR", "1"}, {"MYR", "0"}, {"MYR", "-1"}, {"XBT", "0.0000000001"}, {"MYR", "1e30"}, {"MYR", "9e12"}} {
		if err := h.ann.Deposit(bad.currency, decimal.RequireFromString(bad.amount)); err == nil {
			t.Errorf("%s %s was deposited", bad.amount, bad.currency)
		}
	}
}
