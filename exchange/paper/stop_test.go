package paper_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
)

// stop places a stop order in XBTMYR.
func (h hall) stop(t *testing.T, m *paper.Member, r exchange.OrderRequest, price exchange.Ticks, d exchange.StopDirection) paper.Detail {
	t.Helper()
	r.Stop = exchange.Stop{Price: price, Direction: d}
	o, err := m.Place(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	detail, err := m.Detail(t.Context(), o.ID)
	if err != nil || detail.Order != o || o.Request.Stop != r.Stop {
		t.Fatalf("placed as %+v, told as %+v, %v", o, detail, err)
	}
	return detail
}

// trade makes a trade between bob and cat at a price.
func (h hall) trade(t *testing.T, price exchange.Ticks) {
	t.Helper()
	place(t, h.bob, limit(exchange.Sell, price, 2))
	place(t, h.cat, limit(exchange.Buy, price, 2))
}

// fund gives members 1,000 of the currencies of XBTMYR.
func fund(t *testing.T, members ...*paper.Member) {
	t.Helper()
	for _, m := range members {
		for _, currency := range []string{"XBT", "MYR"} {
			if err := m.Deposit(currency, decimal.NewFromInt(1000)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestStopsWaitForATrade(t *testing.T) {
	t.Parallel()
	h := openHall(t, exchange.Fees{})
	h.trade(t, 100)
	up := h.stop(t, h.ann, limit(exchange.Buy, 120, 10), 110, exchange.StopRelative)
	down := h.stop(t, h.ann, limit(exchange.Sell, 80, 10), 90, exchange.StopRelative)
	if up.Status != exchange.Pending || up.Stop.Direction != exchange.StopAbove || down.Stop.Direction != exchange.StopBelow {
		t.Errorf("stops %+v %+v", up, down)
	}
	if got := balance(t, h.ann, "MYR") + " " + balance(t, h.ann, "XBT"); got != "1000/1.2 1000/0.01" {
		t.Errorf("reserved %s", got)
	}
	h.trade(t, 109)
	h.trade(t, 91)
	if got := h.book(t); got != " | " {
		t.Errorf("book %q", got)
	}
	place(t, h.bob, limit(exchange.Sell, 110, 5))
	place(t, h.cat, limit(exchange.Buy, 110, 2)) // the stop goes and takes the rest of the sale
	if got := h.book(t); got != "120×7 | " {
		t.Errorf("book %q", got)
	}
	if err := h.ann.Cancel(t.Context(), "XBTMYR", down.ID); err != nil {
		t.Fatal(err)
	}
	d, err := h.ann.Detail(t.Context(), down.ID)
	if err != nil || d.Status != exchange.Complete || d.Cancelled == 0 || d.Filled != 0 {
		t.Errorf("cancelled stop %+v %v", d, err)
	}
	if got := balance(t, h.ann, "XBT"); !strings.HasSuffix(got, "/0") {
		t.Errorf("reserved %s", got)
	}
}

func TestStopsReleaseStops(t *testing.T) {
	t.Parallel()
	h := openHall(t, exchange.Fees{})
	for price := exchange.Ticks(100); price <= 104; price++ {
		place(t, h.bob, limit(exchange.Sell, price, 2))
	}
	first := h.stop(t, h.ann, limit(exchange.Buy, 102, 4), 100, exchange.StopAbove)
	second := h.stop(t, h.ann, limit(exchange.Buy, 110, 2), 102, exchange.StopAbove)
	late := h.stop(t, h.ann, limit(exchange.Buy, 110, 2), 105, exchange.StopAbove)
	post := limit(exchange.Sell, 101, 2)
	post.PostOnly = true
	place(t, h.cat, limit(exchange.Buy, 100, 2))
	for id, want := range map[string]exchange.OrderStatus{first.ID: exchange.Complete, second.ID: exchange.Complete, late.ID: exchange.Pending} {
		if d, err := h.ann.Detail(t.Context(), id); err != nil || d.Status != want {
			t.Errorf("%+v %v", d, err)
		}
	}
	if got := h.book(t); got != " | 104×2" {
		t.Errorf("book %q", got)
	}
	// One that is reached goes at once; a post-only one that would trade is over.
	place(t, h.cat, limit(exchange.Buy, 103, 2))
	if d := h.stop(t, h.ann, limit(exchange.Buy, 90, 2), 103, exchange.StopAbove); d.Status != exchange.Open {
		t.Errorf("reached stop %+v", d)
	}
	post.Stop = exchange.Stop{Price: 50, Direction: exchange.StopAbove}
	_, err := h.ann.Place(t.Context(), post)
	if err == nil || !strings.Contains(err.Error(), "ErrOrderCanceled") {
		t.Errorf("post-only: %v", err)
	}
	post.Stop.Price = 150
	waiting, err := h.ann.Place(t.Context(), post)
	if err != nil {
		t.Fatal(err)
	}
	place(t, h.bob, limit(exchange.Sell, 200, 2))
	place(t, h.cat, limit(exchange.Buy, 200, 4)) // takes the 104 first
	if d, err := h.ann.Detail(t.Context(), waiting.ID); err != nil || d.Status != exchange.Complete || d.Filled != 0 {
		t.Errorf("post-only stop %+v %v", d, err)
	}
}

func TestMarketOrdersRunSoFar(t *testing.T) {
	t.Parallel()
	clock := &clock{now: time.UnixMilli(1)}
	e, err := paper.NewExchange(paper.ExchangeConfig{Markets: testMarkets(), MaxSlip: exchange.RateOne / 10, Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	a, _ := e.Join("a")
	b, _ := e.Join("b")
	fund(t, a, b)
	for _, price := range []exchange.Ticks{100, 110, 111} {
		place(t, a, limit(exchange.Sell, price, 10))
	}
	buy := exchange.OrderRequest{Pair: "XBTMYR", Side: exchange.Buy, Type: exchange.MarketOrder}
	buy.Volume = 21
	refused(t, b, buy, exchange.OutcomeRejected, "ErrNotEnoughLiquidity")
	buy.Volume, buy.Value = 0, 100*10+110*10+111
	refused(t, b, buy, exchange.OutcomeRejected, "ErrNotEnoughLiquidity")
	buy.Value -= 111
	if o := place(t, b, buy); o.Filled != 20 {
		t.Errorf("order %+v", o)
	}
	sell := exchange.OrderRequest{Pair: "XBTMYR", Side: exchange.Sell, Type: exchange.MarketOrder, Volume: 2}
	refused(t, b, sell, exchange.OutcomeRejected, "ErrNotEnoughLiquidity")
}

func TestForgetfulMembersKeepWhatLives(t *testing.T) {
	t.Parallel()
	h := openHall(t, exchange.Fees{})
	m, err := h.JoinForgetful("house")
	if err != nil {
		t.Fatal(err)
	}
	fund(t, m)
	over, lives := place(t, m, limit(exchange.Sell, 100, 5)), place(t, m, limit(exchange.Sell, 101, 5))
	place(t, h.ann, limit(exchange.Buy, 100, 5))
	if _, err := m.Detail(t.Context(), over.ID); err == nil {
		t.Error("an order that is over is kept")
	}
	if d, err := m.Detail(t.Context(), lives.ID); err != nil || d.Status != exchange.Open {
		t.Errorf("%+v %v", d, err)
	}
	if fills, err := m.Fills(t.Context(), "XBTMYR", 0, 10); err != nil || len(fills) != 0 {
		t.Errorf("fills %v %v", fills, err)
	}
	if got := balance(t, m, "MYR"); got != "1000.5/0" {
		t.Errorf("it has %s", got)
	}
}

func TestFeesOfTheBaseCurrency(t *testing.T) { // proves T7: both fees are booked
	t.Parallel()
	e, err := paper.NewExchange(paper.ExchangeConfig{
		BaseFees: true, Fees: exchange.Fees{Maker: 100_000, Taker: 250_000}, Markets: testMarkets(), Now: (&clock{now: time.UnixMilli(1)}).Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	a, _ := e.Join("a")
	b, _ := e.Join("b")
	fund(t, a, b)
	place(t, a, limit(exchange.Sell, 100, 1000)) // 1 XBT and 0.0025 of fee at most
	if got := balance(t, a, "XBT"); got != "1000/1.0025" {
		t.Errorf("reserved %s", got)
	}
	o := place(t, b, limit(exchange.Buy, 101, 600))
	if o.Fee != 0 || o.FeeBase != 1_500_000_000 { // 0.0015 of 0.6, in billionths of a step of 0.001
		t.Errorf("taker %+v", o)
	}
	for m, want := range map[*paper.Member]string{a: "1060/0 999.3994/0.401", b: "940/0 1000.5985/0"} {
		if got := balance(t, m, "MYR") + " " + balance(t, m, "XBT"); got != want {
			t.Errorf("%s has %s, want %s", m.ID(), got, want)
		}
	}
	if fills, err := a.Fills(t.Context(), "XBTMYR", 0, 1); err != nil || fills[0].FeeBase != 600_000_000 || fills[0].FeeCounter != 0 {
		t.Errorf("fill %+v %v", fills, err)
	}
	for _, x := range e.CollectedFees() {
		if want := map[string]string{"XBT": "0.0021", "MYR": "0", "ETH": "0"}[x.Currency]; x.Total.String() != want {
			t.Errorf("fees of %s: %s, want %s", x.Currency, x.Total, want)
		}
	}
}

func TestTapeForgets(t *testing.T) {
	t.Parallel()
	clock := &clock{now: time.UnixMilli(1_000_000)}
	e, err := paper.NewExchange(paper.ExchangeConfig{Markets: testMarkets(), Now: clock.Now, Tape: 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	h := hall{Exchange: e, clock: clock}
	h.bob, _ = e.Join("bob")
	h.cat, _ = e.Join("cat")
	fund(t, h.bob, h.cat)
	for range 3_000 {
		h.trade(t, 100)
		clock.now = clock.now.Add(time.Minute)
	}
	trades, err := e.Trades(t.Context(), "XBTMYR", 0, 10_000)
	if err != nil || len(trades) < 1_440 || len(trades) > 2_900 || trades[len(trades)-1].Sequence != 3_000 {
		t.Fatalf("%d trades, the last %+v", len(trades), trades[len(trades)-1])
	}
	for i, trade := range trades {
		if trade.Sequence != trades[0].Sequence+int64(i) {
			t.Fatalf("trade %d is %d", i, trade.Sequence)
		}
	}
	if last, err := e.Trades(t.Context(), "XBTMYR", 2_998, 10); err != nil || len(last) != 2 || last[0].Sequence != 2_999 {
		t.Errorf("the last two: %v %v", last, err)
	}
	if newest, err := e.NewestTrades(t.Context(), "XBTMYR", clock.now.Add(-3*time.Minute).UnixMilli(), 2); err != nil || len(newest) != 2 || newest[0].Sequence != 3_000 {
		t.Errorf("newest: %v %v", newest, err)
	}
	if ticker, err := e.Ticker(t.Context(), "XBTMYR"); err != nil || ticker.Volume24h != 2*1_439 {
		t.Errorf("volume %d %v", ticker.Volume24h, err)
	}
}

// mirror rebuilds a book from what a watcher hears.
type mirror struct {
	sequence int64
	orders   map[string]paper.BookOrder
	trades   int64
	fault    string
}

func (m *mirror) hear(u paper.BookUpdate) {
	if u.Sequence != m.sequence+1 {
		m.fault = "a gap"
	}
	m.sequence = u.Sequence
	for _, e := range u.Trades {
		o, ok := m.orders[e.MakerOrder]
		if !ok || e.Volume <= 0 || e.Volume > o.Volume || e.Price != o.Price || e.Taker == o.Side || e.Sequence != m.trades+1 {
			m.fault = "a trade that cannot be"
		}
		m.trades = e.Sequence
		if o.Volume -= e.Volume; o.Volume == 0 {
			delete(m.orders, e.MakerOrder)
		} else {
			m.orders[e.MakerOrder] = o
		}
	}
	if u.Created.ID != "" {
		m.orders[u.Created.ID] = u.Created
	}
	if u.Deleted != "" {
		if _, ok := m.orders[u.Deleted]; !ok {
			m.fault = "an unknown order was deleted"
		}
		delete(m.orders, u.Deleted)
	}
}

// proves T8 with stop orders, and that what a watcher hears is the book.
func TestWatchedBookWithStops(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := newFlow(t, rapid.Bool().Draw(t, "fees of the base currency"))
		m := &mirror{orders: map[string]paper.BookOrder{}}
		at, stop, err := f.hall.Watch("XBTMYR", m.hear)
		if err != nil {
			t.Fatal(err)
		}
		m.sequence = at.Sequence
		posted := map[string]decimal.Decimal{}
		f.members[0].Watch(func(e paper.MemberEvent) {
			if e.Posting != nil {
				posted[e.Posting.Currency] = posted[e.Posting.Currency].Add(e.Posting.TotalDelta)
				posted["free "+e.Posting.Currency] = posted["free "+e.Posting.Currency].Add(e.Posting.FreeDelta)
			}
		})
		begin, err := f.members[0].Balances(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		send := func(t *rapid.T) {
			r := f.draw()
			r.Pair = "XBTMYR"
			member := rapid.SampledFrom(f.members).Draw(t, "by")
			if r.Type == exchange.LimitOrder && rapid.Bool().Draw(t, "stop") {
				r.Stop = exchange.Stop{
					Price:     exchange.Ticks(rapid.Int64Range(90, 110).Draw(t, "at")),
					Direction: rapid.SampledFrom([]exchange.StopDirection{exchange.StopRelative, exchange.StopAbove, exchange.StopBelow}).Draw(t, "direction"),
				}
			}
			_, err = member.Place(t.Context(), r)
			if err != nil && exchange.OutcomeOf(err) != exchange.OutcomeRejected {
				t.Fatal(err)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"place":  send,
			"again":  send,
			"cancel": func(*rapid.T) { f.cancel() },
			"": func(t *rapid.T) {
				sum := map[string]decimal.Decimal{}
				for _, b := range f.hall.CollectedFees() {
					sum[b.Currency] = b.Total
				}
				for i, member := range f.members {
					balances, err := member.Balances(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					for j, b := range balances {
						sum[b.Currency] = sum[b.Currency].Add(b.Total)
						if b.Reserved.IsNegative() || b.Free().IsNegative() {
							t.Fatalf("%+v", b)
						}
						if i == 0 && (!begin[j].Total.Add(posted[b.Currency]).Equal(b.Total) || !begin[j].Free().Add(posted["free "+b.Currency]).Equal(b.Free())) {
							t.Fatalf("%s: %s and %s were posted to %+v, now %+v", b.Currency, posted[b.Currency], posted["free "+b.Currency], begin[j], b)
						}
					}
				}
				for currency, want := range f.supply {
					if !sum[currency].Equal(want) {
						t.Fatalf("there are %s %s, want %s", sum[currency], currency, want)
					}
				}
				now, err := f.hall.Snapshot(t.Context(), "XBTMYR")
				if err != nil {
					t.Fatal(err)
				}
				if m.fault != "" || now.Sequence != m.sequence || len(now.Bids)+len(now.Asks) != len(m.orders) {
					t.Fatalf("%q: heard %d of %d, %v; the book is %+v", m.fault, m.sequence, now.Sequence, m.orders, now)
				}
				for _, o := range slices.Concat(now.Bids, now.Asks) {
					if m.orders[o.ID] != o {
						t.Fatalf("%+v was heard as %+v", o, m.orders[o.ID])
					}
				}
			},
		})
		stop()
		heard := m.sequence
		if err := f.hall.Beat("XBTMYR"); err != nil || m.sequence != heard {
			t.Fatalf("it heard %d after it stopped: %v", m.sequence, err)
		}
	})
}
