package execution_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/execution"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/engine/remote"
	"github.com/lunobot/lunobot/strategy/risk"
	"github.com/lunobot/lunobot/tenancy/tenancydb"
)

// trader is a whole bot: an engine whose wishes a Desk carries out, and the state that
// it wrote last.
type trader struct {
	*run
	session *engine.Session
	venue   *remote.Venue
	desk    *execution.Desk
	heard   map[uint64]exchange.Steps
	written []byte
	exits   int
}

// written is the bot's checkpoint.
type written struct {
	Engine engine.State
	Venue  remote.State
	Heard  map[uint64]exchange.Steps
}

const deskPrefix = "lb.here.bot.1."

func newTrader(t *testing.T, d *db.DB, seed uint64) *trader {
	b := &trader{run: newRun(t, d, seed, false)}
	b.open(t)
	st := b.venue.State()
	st.Base = given
	b.venue.Restore(st)
	b.save(t)
	b.live(t)
	return b
}

// open makes an engine that has seen nothing.
func (b *trader) open(t *testing.T) {
	t.Helper()
	var err error
	if b.venue, err = remote.New(remote.Config{Balance: given, Fees: exchange.Fees{Maker: 100_000, Taker: 250_000}, Market: b.world.market, OrderPrefix: deskPrefix}); err != nil {
		t.Fatal(err)
	}
	b.session, err = engine.New(engine.Config{
		Balance: given, Base: given, Interval: time.Minute, Market: b.world.market, OrderPrefix: deskPrefix, Risk: risk.Config{StopLoss: 4_000_000}, Venue: b.venue,
	})
	if err != nil {
		t.Fatal(err)
	}
	b.heard = map[uint64]exchange.Steps{}
}

func (b *trader) save(t *testing.T) {
	t.Helper()
	raw, err := json.Marshal(written{b.session.State(), b.venue.State(), b.heard})
	if err != nil {
		t.Fatal(err)
	}
	if b.way.life != nil && !b.way.life.step() { // killed before the commit
		return
	}
	if b.written = raw; b.way.life != nil && !b.way.life.step() { // or right after it
		return
	}
	if b.desk != nil {
		b.desk.Carry(b.wishes())
	}
}

func (b *trader) wishes() []execution.Wish {
	var list []execution.Wish
	for _, w := range b.venue.Wishes() {
		list = append(list, execution.Wish{Wish: w, Reason: b.session.Why(w.Number)})
	}
	return list
}

// live begins a life of the process from what is written.
func (b *trader) live(t *testing.T) {
	t.Helper()
	b.start(t)
	var err error
	b.desk, err = execution.NewDesk(execution.DeskConfig{
		Executor: b.exec, MarketNow: func() time.Time { return time.UnixMilli(b.session.LastTime() + 60_000) }, Broken: func(_ context.Context, err error) { b.tally.wrong = append(b.tally.wrong, err.Error()) },
	})
	if err != nil {
		t.Fatal(err)
	}
	b.open(t)
	var w written
	if err := json.Unmarshal(b.written, &w); err != nil {
		t.Fatal(err)
	}
	b.venue.Restore(w.Venue)
	b.session.Restore(w.Engine)
	if w.Heard != nil {
		b.heard = w.Heard
	}
	b.desk.Carry(b.wishes())
}

// alive reports whether the process is alive; if not, the next one begins.
func (b *trader) alive(t *testing.T, err error) bool {
	t.Helper()
	if b.way.life.dead {
		b.tally.kills++
		b.live(t)
		return false
	}
	if err != nil && exchange.OutcomeOf(err) != exchange.OutcomeUnknown && !errors.Is(err, errLost) {
		t.Fatal(err)
	}
	return true
}

// hear takes what became of the orders.
func (b *trader) hear(t *testing.T) {
	t.Helper()
	news, err := b.desk.News(t.Context(), b.venue.Event(), b.venue.Knows)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range news {
		b.venue.Hear(n)
	}
	if err := b.session.Hear(); err != nil {
		t.Fatal(err)
	}
}

// candle gives the bot one, which may reach its stop.
func (b *trader) candle(t *testing.T) {
	t.Helper()
	c := exchange.Candle{Time: b.session.LastTime() + 60_000, Open: 100, High: 120, Low: 99, Close: 100, Volume: 10}
	switch {
	case b.way.calm: // no stop is near
		c.Open, c.Low, c.Close = 120, 120, 120
	case b.rng.IntN(5) == 0:
		c.Low = 50
	}
	if b.way.calm || b.rng.IntN(2) == 0 { // as if another run began: nobody takes all that it has, and its exits would go on for ever
		st := b.session.State()
		st.Owed = ""
		b.session.Restore(st)
	}
	if err := b.session.Begin(&c); err != nil {
		t.Fatal(err)
	}
	for ev := b.session.Next(); ev != nil; ev = b.session.Next() {
		var cs []strategy.Command
		if ev.Kind == strategy.FillEvent {
			b.heard[ev.Fill.Ref] += ev.Fill.Volume
		}
		if ev.Kind == strategy.CandleEvent && !b.way.calm {
			cs = b.decide()
		}
		if err := b.session.Commands(cs); err != nil {
			t.Fatal(err)
		}
	}
}

func (b *trader) decide() []strategy.Command {
	ref := b.session.View().NextRef
	c := strategy.Command{
		Kind: strategy.PlaceCommand, Ref: ref, Side: exchange.Buy, Type: exchange.LimitOrder, Price: exchange.Ticks(95 + b.rng.IntN(11)), Volume: exchange.Steps(2 + b.rng.IntN(30)),
	}
	switch b.rng.IntN(8) {
	case 0, 1:
		c.Side = exchange.Sell
	case 2:
		c.Type, c.Price = exchange.MarketOrder, 0
	case 3:
		c.Side, c.Type, c.Price = exchange.Sell, exchange.MarketOrder, 0
	case 4:
		return []strategy.Command{{Kind: strategy.CancelAllCommand}}
	case 5:
		return []strategy.Command{c, {Kind: strategy.CancelCommand, Ref: ref}}
	case 6:
		return nil
	}
	return []strategy.Command{c}
}

// all trades for a while, stops, and compares.
func (b *trader) all(t *testing.T) tally {
	t.Helper()
	for range 3 * commands {
		b.run.market(t)
		b.clock.Advance(time.Duration(b.rng.IntN(3000)) * time.Millisecond)
		if b.rng.IntN(3) == 0 {
			b.way.arrive(t.Context())
		}
		c, err := b.exec.Check(t.Context())
		if !b.alive(t, err) {
			continue
		}
		if c.Paused != "" {
			b.tally.wrong = append(b.tally.wrong, "paused: "+c.Paused)
		}
		b.hear(t)
		b.save(t)
		if b.alive(t, nil) {
			b.candle(t)
			b.save(t)
		}
		if b.alive(t, nil) {
			b.alive(t, passing(b.desk.Work(t.Context())))
		}
	}
	b.stop(t)
	b.same(t)
	for _, n := range b.way.faults {
		b.tally.faults += n
	}
	return b.tally
}

// passing drops what the Desk tries again by itself.
func passing(err error) error {
	if err != nil && strings.Contains(err.Error(), "not been reconciled") {
		return nil
	}
	return err
}

// stop stops the bot: its orders are taken back, and their ends are heard.
func (b *trader) stop(t *testing.T) {
	t.Helper()
	b.way.calm, b.way.life.rate = true, 0
	b.way.arrive(t.Context())
	for range 20 {
		if err := b.session.CancelAll("the bot was stopped"); err != nil {
			t.Fatal(err)
		}
		b.save(t)
		if err := passing(b.desk.Work(t.Context())); err != nil {
			t.Fatal(err)
		}
		b.clock.Advance(10 * time.Second)
		check(t, b.exec)
		b.hear(t)
	}
	b.candle(t) // the last news are told
	b.settle(t)
}

// same compares the engine, the journal and the venue.
func (b *trader) same(t *testing.T) {
	t.Helper()
	wrong := func(format string, args ...any) { b.tally.wrong = append(b.tally.wrong, fmt.Sprintf(format, args...)) }
	placed, err := b.mine.Orders(t.Context(), paper.OrderFilter{Pair: pair, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	b.tally.orders = len(placed)
	seen := map[int64]bool{}
	for _, p := range placed {
		id, ok := journal.ParseCommandID(p.Order.Request.ClientID)
		if !ok {
			t.Fatalf("order %+v is not the bot's", p)
		}
		if seen[id.Number] {
			b.tally.duplicate++
		}
		seen[id.Number] = true
		o, err := b.store.LiveOrder(t.Context(), "t", b.botID, id.Number)
		if err != nil || o.ClientID != p.Order.Request.ClientID {
			b.tally.orphan++
			continue
		}
		if o.Urgent {
			b.exits++
		}
		if !o.State.Final() || !o.Filled.Equal(b.world.market.Volume(p.Order.Filled)) {
			wrong("order %d is %s with %s, and %+v at the venue", id.Number, o.State, o.Filled, p.Order)
		}
		if b.heard[uint64(id.Number)] != p.Order.Filled {
			wrong("the strategy has heard of %d of order %d, and %d are filled", b.heard[uint64(id.Number)], id.Number, p.Order.Filled)
		}
	}
	if n := b.venue.Open() + len(b.session.State().Orders); n > 0 {
		wrong("the engine has %d open orders: %+v", n, b.venue.State().Wishes)
	}
	b.money(t)
	book, p := b.exec.Books()[0], b.session.Portfolio()
	m := b.world.market
	if base := m.Volume(p.Base).Add(m.DustAmount(p.Dust)); !base.Equal(book.Base) || !m.Amount(p.Counter).Equal(book.Counter) {
		wrong("the engine has %s and %s, the book %s and %s", base, m.Amount(p.Counter), book.Base, book.Counter)
	}
}

// proves T1, T3, T7, RK3 for a whole bot: an engine whose wishes a Desk carries out at a
// venue with every fault, killed at any step: afterwards engine, journal and venue have
// the same to the last digit, no order is lost, doubled or orphaned, the strategy has
// heard of each fill once, and what it wished to be taken back is.
func TestNoWishIsLost(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, []db.MigrationSet{tenancydb.Migrations(), saasdb.Migrations()}, func(t *testing.T, d *db.DB) {
		var sum tally
		exits := 0
		for seed := range uint64(*seeds) {
			b := newTrader(t, d, seed)
			got := b.all(t)
			if !got.whole() {
				t.Errorf("seed %d: %s %q", seed, &got, got.wrong)
			}
			sum.add(got)
			exits += b.exits
		}
		t.Log(&sum, exits, "exits")
		if sum.kills < *seeds || sum.fills < *seeds || sum.faults < 10**seeds || exits < *seeds || sum.orders < 2*exits {
			t.Errorf("the runs show little: %s and %d exits", &sum, exits)
		}
	})
}
