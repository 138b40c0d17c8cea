package paper_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
)

// flow drives an exchange with random orders and checks after each what must
// always hold, and each trade against the plainest possible matching.
type flow struct {
	*rapid.T
	hall    *paper.Exchange
	clock   *clock
	markets []exchange.Market
	members []*paper.Member
	supply  map[string]decimal.Decimal
	fees    exchange.Fees
	ids     int
}

func newFlow(t *rapid.T, baseFees bool) *flow {
	rate := rapid.SampledFrom([]exchange.Rate{0, 1, 100_000, 250_000, 33_333_333, exchange.RateOne - 1})
	f := &flow{
		T: t, clock: &clock{now: time.UnixMilli(1_000_000)}, markets: testMarkets(), supply: map[string]decimal.Decimal{},
		fees: exchange.Fees{Maker: rate.Draw(t, "maker"), Taker: rate.Draw(t, "taker")},
	}
	for i := range f.markets {
		// Few rules, so that most orders live.
		f.markets[i].MinVolume, f.markets[i].MinValue, f.markets[i].MinPrice = 0, 0, 0
	}
	var err error
	if f.hall, err = paper.NewExchange(paper.ExchangeConfig{Markets: f.markets, Fees: f.fees, Now: f.clock.Now, BaseFees: baseFees}); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		m, err := f.hall.Join(strconv.Itoa(i))
		if err != nil {
			t.Fatal(err)
		}
		f.members = append(f.members, m)
		for _, currency := range []string{"XBT", "ETH", "MYR"} {
			// Small balances, so that some orders are more than there is.
			amount := decimal.New(rapid.Int64Range(1, 5_000).Draw(t, "deposit"), -2)
			if err := m.Deposit(currency, amount); err != nil {
				t.Fatal(err)
			}
			f.supply[currency] = f.supply[currency].Add(amount)
		}
	}
	return f
}

// resting is an order of a book with its owner.
type resting struct {
	exchange.Order
	owner int
}

// queue lists what rests on one side of a market, by price and then by age.
func (f *flow) queue(pair string, side exchange.Side) []resting {
	var all []resting
	for i, m := range f.members {
		orders, err := m.OpenOrders(f.Context(), pair)
		if err != nil {
			f.Fatal(err)
		}
		for _, o := range orders {
			if o.Request.Side == side {
				all = append(all, resting{Order: o, owner: i})
			}
		}
	}
	slices.SortFunc(all, func(a, b resting) int {
		byPrice := cmp.Compare(a.Request.Price, b.Request.Price)
		if side == exchange.Buy {
			byPrice = -byPrice
		}
		x, _ := strconv.Atoi(a.ID)
		y, _ := strconv.Atoi(b.ID)
		return cmp.Or(byPrice, cmp.Compare(x, y))
	})
	return all
}

// expected is what the plainest matching says about an order.
func (f *flow) expected(owner int, r exchange.OrderRequest) (trades []string, filled exchange.Steps) {
	budget := r.Value
	var paid feeSum
	for _, y := range f.queue(r.Pair, r.Side.Opposite()) {
		price := y.Request.Price
		beyond := r.Type == exchange.LimitOrder && (r.Side == exchange.Buy && price > r.Price || r.Side == exchange.Sell && price < r.Price)
		if beyond || y.owner == owner {
			break
		}
		volume := min(y.Remaining(), r.Volume-filled)
		if r.Volume == 0 {
			volume = min(y.Remaining(), f.fees.Taker.Affordable(budget, price))
			before := paid.due()
			paid.add(price.MustTimes(volume), f.fees.Taker)
			budget -= price.MustTimes(volume) + paid.due() - before
		}
		if volume == 0 {
			break
		}
		filled += volume
		trades = append(trades, fmt.Sprintf("%s %d@%d", y.ID, volume, price))
	}
	if r.TimeInForce == exchange.FOK && filled < r.Volume {
		return nil, 0
	}
	return trades, filled
}

// feeSum adds up exact fees in decimals.
type feeSum struct{ sum decimal.Decimal }

func (s *feeSum) add(value exchange.Units, rate exchange.Rate) {
	s.sum = s.sum.Add(decimal.NewFromInt(int64(value)).Mul(rate.Decimal()))
}

func (s *feeSum) due() exchange.Units { return exchange.Units(s.sum.Ceil().IntPart()) }

func (f *flow) draw() exchange.OrderRequest {
	r := exchange.OrderRequest{
		Pair: rapid.SampledFrom(f.markets).Draw(f.T, "market").Pair,
		Side: rapid.SampledFrom([]exchange.Side{exchange.Buy, exchange.Sell}).Draw(f.T, "side"),
		Type: exchange.LimitOrder,
	}
	r.Price = exchange.Ticks(rapid.Int64Range(90, 110).Draw(f.T, "price"))
	r.Volume = exchange.Steps(rapid.Int64Range(1, 1_000).Draw(f.T, "volume"))
	switch rapid.IntRange(0, 5).Draw(f.T, "kind") {
	case 0:
		r.Type, r.Price = exchange.MarketOrder, 0
		if r.Side == exchange.Buy && rapid.Bool().Draw(f.T, "by value") {
			r.Volume, r.Value = 0, exchange.Units(rapid.Int64Range(1, 200_000).Draw(f.T, "value"))
		}
	case 1:
		r.TimeInForce = rapid.SampledFrom([]exchange.TimeInForce{exchange.IOC, exchange.FOK}).Draw(f.T, "time in force")
	case 2:
		r.PostOnly = true
	}
	return r
}

// place sends a random order and compares its trades with the expected ones.
func (f *flow) place() {
	owner := rapid.IntRange(0, len(f.members)-1).Draw(f.T, "member")
	m := f.members[owner]
	r := f.draw()
	f.ids++
	r.ClientID = strconv.Itoa(f.ids)
	want, filled := f.expected(owner, r)
	facing := f.queue(r.Pair, r.Side.Opposite())
	before := f.trades(r.Pair)
	o, err := m.Place(f.Context(), r)
	got := f.trades(r.Pair)[len(before):]
	if err != nil {
		var e *exchange.Error
		if !errors.As(err, &e) || e.Outcome != exchange.OutcomeRejected || len(got) != 0 {
			f.Fatalf("%+v: %v with %d trades", r, err, len(got))
		}
		switch e.Code {
		case "ErrOrderCanceled":
			if !r.PostOnly || len(facing) == 0 {
				f.Fatalf("%+v: %v", r, err)
			}
		case "ErrInsufficientBalance":
		default:
			f.Fatalf("%+v: %v", r, err)
		}
		return
	}
	var real []string
	for _, tr := range got {
		real = append(real, fmt.Sprintf("%s %d@%d", f.makerOf(r.Pair, tr.Sequence, owner), tr.Volume, tr.Price))
		if tr.Taker != r.Side || tr.Time != f.clock.now.UnixMilli() {
			f.Fatalf("trade %+v of %+v", tr, r)
		}
	}
	if o.Filled != filled || !slices.Equal(real, want) {
		f.Fatalf("%+v by %d: filled %d by %v, want %d by %v", r, owner, o.Filled, real, filled, want)
	}
	if r.Value > 0 && o.Value+o.Fee > r.Value {
		f.Fatalf("%+v spent %d and %d", r, o.Value, o.Fee)
	}
}

func (f *flow) trades(pair string) []exchange.Trade {
	trades, err := f.hall.Trades(f.Context(), pair, 0, 1<<30)
	if err != nil {
		f.Fatal(err)
	}
	return trades
}

// makerOf returns the order id on the other side of a trade.
func (f *flow) makerOf(pair string, sequence int64, taker int) string {
	for i, m := range f.members {
		fills, err := m.Fills(f.Context(), pair, sequence-1, 1)
		if err != nil {
			f.Fatal(err)
		}
		if i != taker && len(fills) == 1 && fills[0].Sequence == sequence {
			return fills[0].OrderID
		}
	}
	f.Fatalf("trade %d has no maker", sequence)
	return ""
}

func (f *flow) cancel() {
	m := rapid.SampledFrom(f.members).Draw(f.T, "member")
	pair := rapid.SampledFrom(f.markets).Draw(f.T, "market").Pair
	orders, err := m.OpenOrders(f.Context(), pair)
	if err != nil {
		f.Fatal(err)
	}
	if len(orders) == 0 {
		return
	}
	o := rapid.SampledFrom(orders).Draw(f.T, "order")
	if err := m.Cancel(f.Context(), pair, o.ID); err != nil {
		f.Fatal(err)
	}
}

// check proves what must hold at any time.
func (f *flow) check(*rapid.T) {
	sum := map[string]decimal.Decimal{}
	for _, b := range f.hall.CollectedFees() {
		sum[b.Currency] = b.Total
	}
	for _, m := range f.members {
		reserved := map[string]decimal.Decimal{}
		for _, market := range f.markets {
			orders, err := m.OpenOrders(f.Context(), market.Pair)
			if err != nil {
				f.Fatal(err)
			}
			for _, o := range orders {
				f.checkOrder(o)
				if o.Request.Side == exchange.Sell {
					reserved[market.Base] = reserved[market.Base].Add(market.Volume(o.Remaining()))
					continue
				}
				// The rest's value and at least the lower fee of it.
				value := o.Request.Price.MustTimes(o.Remaining())
				least := value + min(f.fees.Maker, f.fees.Taker).Of(value) - 1
				reserved[market.Counter] = reserved[market.Counter].Add(market.Amount(least))
			}
		}
		balances, err := m.Balances(f.Context())
		if err != nil {
			f.Fatal(err)
		}
		for _, b := range balances {
			sum[b.Currency] = sum[b.Currency].Add(b.Total)
			if b.Total.IsNegative() || b.Reserved.IsNegative() || b.Free().IsNegative() || !b.Free().Add(b.Reserved).Equal(b.Total) {
				f.Fatalf("%s has %s %s, %s of it reserved", m.ID(), b.Total, b.Currency, b.Reserved)
			}
			if b.Reserved.LessThan(reserved[b.Currency]) || b.Currency == "ETH" && !b.Reserved.Equal(reserved["ETH"]) ||
				reserved[b.Currency].IsZero() && !b.Reserved.IsZero() {
				f.Fatalf("%s reserves %s %s for orders of %s", m.ID(), b.Reserved, b.Currency, reserved[b.Currency])
			}
		}
	}
	for currency, want := range f.supply {
		if !sum[currency].Equal(want) {
			f.Fatalf("there are %s %s, want %s", sum[currency], currency, want)
		}
	}
	for _, market := range f.markets {
		f.checkBook(market.Pair)
	}
}

func (f *flow) checkOrder(o exchange.Order) {
	r := o.Request
	if o.Status != exchange.Open || r.Type != exchange.LimitOrder || r.TimeInForce != exchange.GTC || o.Remaining() <= 0 {
		f.Fatalf("order %+v rests", o)
	}
}

// checkBook compares the book with the orders in it.
func (f *flow) checkBook(pair string) {
	b, err := f.hall.OrderBook(f.Context(), pair, 0)
	if err != nil {
		f.Fatal(err)
	}
	for side, levels := range map[exchange.Side][]exchange.Level{exchange.Buy: b.Bids, exchange.Sell: b.Asks} {
		var want []exchange.Level
		for _, o := range f.queue(pair, side) {
			if n := len(want); n > 0 && want[n-1].Price == o.Request.Price {
				want[n-1].Volume += o.Remaining()
			} else {
				want = append(want, exchange.Level{Price: o.Request.Price, Volume: o.Remaining()})
			}
		}
		if !slices.Equal(levels, want) {
			f.Fatalf("%s %s levels %v, want %v", pair, side, levels, want)
		}
	}
	if len(b.Bids) > 0 && len(b.Asks) > 0 && b.Bids[0].Price >= b.Asks[0].Price {
		f.Fatalf("%s is crossed: %v %v", pair, b.Bids[0], b.Asks[0])
	}
}

func TestConservation(t *testing.T) { // proves T8, N1
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := newFlow(t, false)
		t.Repeat(map[string]func(*rapid.T){
			"":        f.check,
			"place":   func(*rapid.T) { f.place() },
			"again":   func(*rapid.T) { f.place() },
			"cancel":  func(*rapid.T) { f.cancel() },
			"advance": func(*rapid.T) { f.clock.now = f.clock.now.Add(time.Second) },
		})
		// When everything is cancelled nothing is reserved.
		for _, m := range f.members {
			for _, market := range f.markets {
				orders, err := m.OpenOrders(t.Context(), market.Pair)
				if err != nil {
					t.Fatal(err)
				}
				for _, o := range orders {
					if err := m.Cancel(t.Context(), market.Pair, o.ID); err != nil {
						t.Fatal(err)
					}
				}
			}
			balances, err := m.Balances(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range balances {
				if !b.Reserved.IsZero() {
					t.Fatalf("%s %s stay reserved", b.Reserved, b.Currency)
				}
			}
		}
		f.check(t)
	})
}
