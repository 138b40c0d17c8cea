package execution_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/exchangetest"
	"github.com/lunobot/lunobot/exchange/luno"
	"github.com/lunobot/lunobot/exchange/lunosim"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/execution"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/engine/remote"
	"github.com/lunobot/lunobot/strategy/risk"
	"github.com/lunobot/lunobot/tenancy/tenancydb"
)

// guarded is a bot that holds 0.1 XBT, bought at 400,000, at the simulated Luno, and whose
// protective exits a Desk carries out there. Its account has no more than that and 1,000 MYR.
type guarded struct {
	*world
	sim     *lunosim.Sim
	hand    *luno.Client // somebody at the account's own keyboard
	crowd   *luno.Client
	exec    *execution.Executor
	desk    *execution.Desk
	session *engine.Session
	wishes  *remote.Venue
	candles int64
}

const held = exchange.Steps(100_000)

// patient is a budget without bounds, in which a pause is over at once.
type patient struct{ clock *exchangetest.StillClock }

func (patient) Take(context.Context, exchange.Turn) (time.Duration, error) { return 0, nil }

func (p patient) Pause(_ context.Context, d time.Duration) error {
	p.clock.Advance(d)
	return nil
}

func newGuarded(t *testing.T, w *world, bounds risk.Config) *guarded {
	t.Helper()
	b := &guarded{world: w}
	accounts := lunosim.DefaultAccounts(1, 2)
	accounts[0].Balances = map[string]decimal.Decimal{"XBT": dec("0.1"), "MYR": dec("1000")}
	var err error
	if b.sim, err = lunosim.New(lunosim.Config{Accounts: accounts, Fees: &exchange.Fees{}, Markets: lunosim.Markets()[:1], Now: w.clock.Now}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(b.sim)
	t.Cleanup(func() {
		b.sim.Close()
		server.Close()
	})
	client := func(k lunosim.Key) *luno.Client {
		c, err := luno.New(luno.Config{BaseURL: server.URL, Budget: patient{w.clock}, KeyID: k.ID, Secret: luno.Secret(k.Secret), Now: w.clock.Now, Tries: 1})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	b.hand, b.crowd = client(accounts[0].Keys[0]), client(accounts[1].Keys[0])
	w.market = lunosim.Markets()[0].Market
	w.trader = client(accounts[0].Keys[0])
	b.offer(t, exchange.Buy, 399_000)
	c := w.config(t)
	c.Given = map[string]execution.Given{pair: {Base: held, Counter: w.units(t, "1000")}}
	if b.exec, err = execution.Open(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	check(t, b.exec)
	if b.wishes, err = remote.New(remote.Config{Balance: c.Given[pair].Counter, Market: w.market, OrderPrefix: deskPrefix}); err != nil {
		t.Fatal(err)
	}
	st := b.wishes.State()
	st.Base = held
	b.wishes.Restore(st)
	b.session, err = engine.New(engine.Config{
		Balance: c.Given[pair].Counter, Base: held, Interval: time.Minute, Market: w.market, OrderPrefix: deskPrefix, Risk: bounds, Venue: b.wishes,
	})
	if err != nil {
		t.Fatal(err)
	}
	b.desk, err = execution.NewDesk(execution.DeskConfig{
		Executor: b.exec, MarketNow: func() time.Time { return time.UnixMilli(b.session.LastTime() + 60_000) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (w *world) units(t *testing.T, amount string) exchange.Units {
	t.Helper()
	u, err := w.market.Units(dec(amount), exchange.Down)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// offer lets somebody else want to trade a whole coin.
func (b *guarded) offer(t *testing.T, side exchange.Side, price exchange.Ticks) {
	t.Helper()
	b.last++
	r := exchange.OrderRequest{ClientID: "crowd-" + side.String() + string(rune('a'+b.last)), Pair: pair, Side: side, Type: exchange.LimitOrder, Price: price, Volume: 1_000_000}
	if _, err := b.crowd.Place(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

// minute gives the bot a candle, and lets its Desk and the reconciliation do what that
// leads to.
func (b *guarded) minute(t *testing.T, low, high, last exchange.Ticks) {
	t.Helper()
	b.candles++
	c := exchange.Candle{Time: b.clock.Now().Truncate(time.Minute).UnixMilli() + b.candles*60_000, Open: 400_000, High: high, Low: low, Close: last, Volume: 1}
	if err := b.session.Begin(&c); err != nil {
		t.Fatal(err)
	}
	for ev := b.session.Next(); ev != nil; ev = b.session.Next() { //nolint:revive // its strategy says nothing
	}
	for range 3 {
		var wishes []execution.Wish
		for _, w := range b.wishes.Wishes() {
			wishes = append(wishes, execution.Wish{Wish: w, Reason: b.session.Why(w.Number)})
		}
		b.desk.Carry(wishes)
		_ = b.desk.Work(t.Context()) // what it says must be tried again is, in the next turn
		b.clock.Advance(8 * time.Second)
		_, _ = b.exec.Check(t.Context()) // which a fault may hold up
		news, err := b.desk.News(t.Context(), b.wishes.Event(), b.wishes.Knows)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range news {
			b.wishes.Hear(n)
		}
		if err := b.session.Hear(); err != nil {
			t.Fatal(err)
		}
	}
}

// tries are the exits that the journal has, and what became of the newest.
func (b *guarded) tries(t *testing.T) (n int, state journal.OrderState, reason string) {
	t.Helper()
	list, err := b.store.LiveOrders(t.Context(), "t", b.botID, page.Page{Limit: page.MaxLimit})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range list {
		if !o.Urgent {
			t.Errorf("order %d is no exit", o.Number)
		}
	}
	if len(list) == 0 {
		return 0, "", ""
	}
	return len(list), list[0].State, list[0].Reason
}

// byHand trades on the account itself, beside the bot.
func (b *guarded) byHand(t *testing.T, side exchange.Side, price exchange.Ticks) {
	t.Helper()
	b.last++
	r := exchange.OrderRequest{ClientID: "hand-" + string(rune('a'+b.last)), Pair: pair, Side: side, Type: exchange.LimitOrder, Price: price, Volume: 60_000, TimeInForce: exchange.IOC}
	if _, err := b.hand.Place(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

// proves RK3: whatever keeps a protective exit from being carried out at Luno, the protection
// goes on: for every kind of exit, the position is not forgotten, its exit is tried again with
// each candle, once, also where the price would not reach it any more, it is known why it did
// not come about, and once nothing is in its way it sells all. Of a position that its owner has
// sold in part by hand what is there is sold.
func TestEveryExitIsTriedAgainAfterEveryFault(t *testing.T) {
	t.Parallel()
	const percent = exchange.RateOne / 100
	type ohlc struct{ low, high, last exchange.Ticks }
	kinds := map[string]struct {
		bounds risk.Config
		// before are candles that lead to it, then one reaches it, and later ones do not.
		before       []ohlc
		reach, later ohlc
		why          string
	}{
		"stop-loss":   {risk.Config{StopLoss: 5 * percent}, nil, ohlc{370_000, 400_000, 390_000}, ohlc{399_000, 401_000, 400_000}, "stop-loss"},
		"take-profit": {risk.Config{TakeProfit: 5 * percent}, nil, ohlc{400_000, 430_000, 410_000}, ohlc{399_000, 401_000, 400_000}, "take-profit"},
		"trailing stop": {risk.Config{TrailingStop: 5 * percent}, []ohlc{{400_000, 440_000, 440_000}}, ohlc{410_000, 440_000, 439_000}, ohlc{430_000, 440_000, 439_000},
			"trailing stop"},
		"time exit": {risk.Config{MaxHold: 2 * time.Minute}, nil, ohlc{400_000, 400_000, 400_000}, ohlc{400_000, 400_000, 400_000}, "time exit"},
		"drawdown":  {risk.Config{MaxDrawdown: 5 * percent}, nil, ohlc{370_000, 400_000, 370_000}, ohlc{400_000, 400_000, 400_000}, "drawdown"},
	}
	const placing = "/api/1/marketorder"
	faults := map[string]struct {
		list  []lunosim.Fault
		state journal.OrderState // of an exit that met it
	}{
		"rate":           {[]lunosim.Fault{{Kind: lunosim.TooManyRequests, Path: placing}}, journal.Expired},
		"refused":        {[]lunosim.Fault{{Kind: lunosim.Refuse, Path: placing, Code: "ErrInsufficientBalance"}}, journal.Rejected},
		"bad gateway":    {[]lunosim.Fault{{Kind: lunosim.BadGatewayBefore, Path: placing}}, journal.Expired},
		"suspended":      {[]lunosim.Fault{{Kind: lunosim.Suspended, Pair: pair}}, journal.Rejected},
		"post-only mode": {[]lunosim.Fault{{Kind: lunosim.PostOnlyMode, Pair: pair}}, journal.Rejected},
		"sold by hand":   {nil, journal.Rejected},
	}
	d := dbtest.SQLite(t, tenancydb.Migrations(), saasdb.Migrations())
	for kind, k := range kinds {
		for name, f := range faults {
			t.Run(kind+", "+name, func(t *testing.T) {
				t.Parallel()
				b := newGuarded(t, newWorld(t, d), k.bounds)
				for _, c := range append([]ohlc{{400_000, 400_000, 400_000}}, k.before...) {
					b.minute(t, c.low, c.high, c.last)
				}
				if n, _, _ := b.tries(t); n > 0 {
					t.Fatalf("before it is reached it was tried %d times", n)
				}
				if _, err := b.sim.AddFaults(f.list); err != nil {
					t.Fatal(err)
				}
				if f.list == nil {
					b.byHand(t, exchange.Sell, 399_000)
				}
				c := k.reach
				for want := 1; want <= 2; want++ {
					b.minute(t, c.low, c.high, c.last)
					n, state, reason := b.tries(t)
					left, end := held, f.state
					if f.list == nil && want == 2 { // what is there is sold, and the rest is owed
						left, end = 60_000, journal.Filled
						if !strings.HasSuffix(reason, "; of 0.1 XBT the account has only these free") || b.session.Refusal() != "the account had no more of it free" {
							t.Errorf("its order says %q, and of the rest it says %q", reason, b.session.Refusal())
						}
					}
					if n != want || state != end || b.wishes.Open() > 0 {
						t.Fatalf("it was tried %d times, want %d; the newest order is %s (%s), %d are wished", n, want, state, reason, b.wishes.Open())
					}
					if b.session.Portfolio().Base != left || !strings.Contains(b.session.Owed(), k.why) || b.session.Refusal() == "" {
						t.Fatalf("it holds %d, owes %q, and says of the newest order %q", b.session.Portfolio().Base, b.session.Owed(), b.session.Refusal())
					}
					c = k.later
				}
				if err := b.sim.ClearFaults(); err != nil {
					t.Fatal(err)
				}
				if f.list == nil {
					b.offer(t, exchange.Sell, 401_000)
					b.byHand(t, exchange.Buy, 401_000)
				}
				b.minute(t, c.low, c.high, c.last)
				if n, state, reason := b.tries(t); n != 3 || state != journal.Filled || b.session.Portfolio().Base != 0 || b.session.Owed()+b.session.Refusal() != "" {
					t.Errorf("after it, it was tried %d times; the newest order is %s (%s), it holds %d and owes %q", n, state, reason, b.session.Portfolio().Base, b.session.Owed())
				}
			})
		}
	}
}

// proves T1: the exit of a part stands for the command of the whole, however often and by
// whomever that is given again; and while nothing is there, nothing is sent and it is said why.
func TestExitOfAPartIsSentOnce(t *testing.T) {
	t.Parallel()
	b := newGuarded(t, newWorld(t, dbtest.SQLite(t, tenancydb.Migrations(), saasdb.Migrations())), risk.Config{})
	b.byHand(t, exchange.Sell, 399_000)
	place := func(number int64, volume exchange.Steps) journal.LiveOrder {
		t.Helper()
		r := exchange.OrderRequest{Pair: pair, Side: exchange.Sell, Type: exchange.MarketOrder, Volume: volume, Urgent: true}
		o, err := b.exec.Place(t.Context(), execution.Intent{Number: number, Request: r, Reason: "stop-loss"})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	if o := place(1, held); o.State != journal.Rejected {
		t.Fatalf("it is %s: %s", o.State, o.Reason)
	}
	for range 2 {
		if o := place(2, held); !o.Volume.Equal(dec("0.04")) || o.State == journal.Denied || o.State == journal.Rejected {
			t.Fatalf("it sells %s and is %s: %s", o.Volume, o.State, o.Reason)
		}
		if o := place(1, held); o.State != journal.Rejected || !o.Volume.Equal(dec("0.1")) {
			t.Fatalf("the one before is %s of %s", o.State, o.Volume)
		}
		check(t, b.exec)
	}
	if o := place(3, 60_000); o.State != journal.Denied || !strings.HasPrefix(o.Reason, "of the 0.06 XBT that it sells the account has 0 free") {
		t.Errorf("with nothing there it is %s: %s", o.State, o.Reason)
	}
}
