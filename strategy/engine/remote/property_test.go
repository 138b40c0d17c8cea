package remote_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/engine/remote"
	"github.com/lunobot/lunobot/strategy/risk"
)

const (
	pair   = "XBTMYR"
	prefix = "lb.here.bot.1."
	cash   = exchange.Units(1_000_000)
	// purse is little enough to be spent whole.
	purse = exchange.Units(100_000)
)

func market() exchange.Market {
	return exchange.Market{
		Pair: pair, Base: "XBT", Counter: "MYR", Tick: decimal.New(1, 0), Step: decimal.New(1, -4), MinVolume: 3, MaxVolume: 400, Status: exchange.MarketActive,
	}
}

// placed is an order at the model exchange.
type placed struct {
	wish   remote.Wish
	filled exchange.Steps
	over   bool
	// told is true once its end is in the log.
	told bool
}

// model is an exchange with the journal of a bot: it is never restarted.
type model struct {
	t      *rapid.T
	orders map[uint64]*placed
	log    []remote.News
	fills  int64
	base   exchange.Steps
	dust   exchange.Dust
	cash   exchange.Units
	clock  int64
	// after are the orders for which others have waited in written states.
	after map[uint64][]uint64
}

// read takes a written state.
func (m *model) read(v *remote.Venue) []remote.Wish {
	for _, w := range v.State().Wishes {
		m.after[w.Number] = append(m.after[w.Number], w.After...)
	}
	return v.Wishes()
}

func (m *model) note(n remote.News) {
	m.clock++
	n.Event, n.At = int64(len(m.log)+1), m.clock
	m.log = append(m.log, n)
}

// carry carries a wish out, once for each number.
func (m *model) carry(w remote.Wish) {
	o := m.orders[w.Number]
	if o == nil {
		o = &placed{wish: w}
		m.orders[w.Number] = o
		if w.Exit {
			m.exits(w)
		} else {
			m.replaces(w)
		}
		switch rapid.IntRange(0, 9).Draw(m.t, "answer") {
		case 7:
			o.over, o.told = true, true
			m.note(remote.News{Number: w.Number, End: &remote.End{Reason: "no funds", Ending: exchange.EndedRejected}})
		case 8:
			o.over, o.told = true, true
			m.note(remote.News{Number: w.Number, End: &remote.End{Reason: "paused", Ending: exchange.EndedDenied}})
		case 9: // unknown: it is found later, by its fills or its end
		default:
			m.note(remote.News{Number: w.Number, Placed: true})
		}
		return
	}
	if !same(o.wish.Request, w.Request) {
		m.t.Fatalf("order %d was %+v and is %+v now", w.Number, o.wish.Request, w.Request)
	}
	if w.Asked && !o.over && rapid.Bool().Draw(m.t, "takes it back") {
		m.end(o, "taken back", rapid.Bool().Draw(m.t, "told late"))
	}
}

func same(a, b exchange.OrderRequest) bool { return a == b }

// exits checks that nothing is sold twice: when an exit arrives all that was open
// before it is over, and with what is sold besides it sells no more than there is.
func (m *model) exits(w remote.Wish) {
	total := w.Request.Volume
	for n, o := range m.orders {
		if n == w.Number || o.over || o.wish.Request.Side != exchange.Sell {
			continue
		}
		if !o.wish.Exit && n < w.Number {
			m.t.Fatalf("exit %d arrives while order %d is open", w.Number, n)
		}
		total += o.wish.Request.Volume - o.filled
	}
	if total > m.base {
		m.t.Fatalf("exits sell %d of %d steps", total, m.base)
	}
	if !w.Request.Urgent {
		m.t.Fatal("an exit is not urgent")
	}
}

// replaces checks that an order whose place another takes is over by then.
func (m *model) replaces(w remote.Wish) {
	for _, n := range m.after[w.Number] {
		if o := m.orders[n]; o != nil && !o.over {
			m.t.Fatalf("order %d arrives while order %d is open, whose place it takes", w.Number, n)
		}
	}
}

// trade fills a part of an order.
func (m *model) trade(o *placed) {
	r := o.wish.Request
	price := r.Price
	if price == 0 {
		price = 100
	}
	rest := r.Volume - o.filled
	if r.Volume == 0 { // a buy by value
		rest = exchange.Steps((r.Value - 10) / exchange.Units(price))
	}
	if rest <= 0 {
		return
	}
	volume := exchange.Steps(rapid.Int64Range(1, int64(rest)).Draw(m.t, "volume"))
	m.fills++
	f := &exchange.Fill{Sequence: m.fills, Side: r.Side, Price: price, Volume: volume, Value: price.MustTimes(volume), FeeCounter: 1, Time: m.clock}
	if r.Side == exchange.Buy && chance(m.t, 2, "a fee in base") { // of less than a step
		f.FeeCounter, f.FeeBase = 0, 2*exchange.DustPerStep/5
		m.dust -= f.FeeBase
	}
	o.filled += volume
	if r.Side == exchange.Buy {
		m.base, m.cash = m.base+volume, m.cash-f.Value-f.FeeCounter
	} else {
		m.base, m.cash = m.base-volume, m.cash+f.Value-f.FeeCounter
	}
	for m.dust < 0 {
		m.base, m.dust = m.base-1, m.dust+exchange.DustPerStep
	}
	if m.base < 0 || m.cash < 0 {
		m.t.Fatalf("order %d trades more than there is: %d and %d are left", o.wish.Number, m.base, m.cash)
	}
	done := r.Volume == 0 || o.filled == r.Volume
	early := done && rapid.Bool().Draw(m.t, "its end is told before its fill")
	if early {
		m.end(o, "", true)
	}
	m.note(remote.News{Number: o.wish.Number, Fill: f})
	if done && !early {
		m.end(o, "", false)
	}
}

// end ends an order; before is true if a fill that is already counted is told after.
func (m *model) end(o *placed, reason string, before bool) {
	o.over = true
	end := &remote.End{Filled: o.filled, Reason: reason}
	if r := o.wish.Request; reason != "" && o.filled > 0 && (r.Volume == 0 || o.filled == r.Volume) {
		end.Reason = "" // it was filled meanwhile
	}
	if before && reason != "" && !o.told { // the stream says so twice
		m.note(remote.News{Number: o.wish.Number, End: end})
	}
	m.note(remote.News{Number: o.wish.Number, End: end})
	o.told = true
}

// saved is a checkpoint of the bot.
type saved struct {
	Engine engine.State
	Venue  remote.State
	// Heard are the fills that the strategy has heard.
	Heard map[uint64]exchange.Steps
}

// bot is the bot in its present life.
type bot struct {
	t       *rapid.T
	session *engine.Session
	venue   *remote.Venue
	heard   map[uint64]exchange.Steps
	at      int64
	bounds  risk.Config
}

// drawnBounds are bounds of a bot, of the equity too: a fill's fee of 1 is a millionth.
func drawnBounds(t *rapid.T) risk.Config {
	return risk.Config{
		StopLoss: 5_000_000, TakeProfit: 20_000_000,
		TrailingStop:     rapid.SampledFrom([]exchange.Rate{0, 8_000_000}).Draw(t, "trailing stop"),
		MaxHold:          rapid.SampledFrom([]time.Duration{0, 5 * time.Minute}).Draw(t, "longest holding"),
		CoolDown:         rapid.SampledFrom([]time.Duration{0, 2 * time.Minute}).Draw(t, "cool-down"),
		MaxDailyLoss:     rapid.SampledFrom([]exchange.Rate{0, 200}).Draw(t, "daily loss"),
		MaxDrawdown:      rapid.SampledFrom([]exchange.Rate{0, 500}).Draw(t, "drawdown"),
		MaxOrdersAMinute: rapid.SampledFrom([]int{0, 2}).Draw(t, "orders a minute"),
	}
}

func open(t *rapid.T, bounds risk.Config) *bot {
	v, err := remote.New(remote.Config{Balance: purse, Fees: exchange.Fees{Taker: 1_000_000}, Market: market(), OrderPrefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	s, err := engine.New(engine.Config{
		Balance: purse, Interval: time.Minute, Market: market(), OrderPrefix: prefix, Risk: bounds, Venue: v,
	})
	if err != nil {
		t.Fatal(err)
	}
	return &bot{t: t, session: s, venue: v, heard: map[uint64]exchange.Steps{}, bounds: bounds}
}

func (b *bot) save() []byte {
	raw, err := json.Marshal(saved{b.session.State(), b.venue.State(), b.heard})
	if err != nil {
		b.t.Fatal(err)
	}
	return raw
}

func reopen(t *rapid.T, raw []byte, bounds risk.Config) *bot {
	b := open(t, bounds)
	var st saved
	if err := json.Unmarshal(raw, &st); err != nil {
		t.Fatal(err)
	}
	b.venue.Restore(st.Venue)
	b.session.Restore(st.Engine)
	if st.Heard != nil {
		b.heard = st.Heard
	}
	b.at = st.Engine.LastTime
	return b
}

// hear takes events that the bot has not had, up to a number of them; some again.
func (b *bot) hear(log []remote.News, most int) {
	from := int(b.venue.Event())
	for _, n := range log[max(0, from-2):min(len(log), from+most)] {
		b.venue.Hear(n)
	}
	if err := b.session.Hear(); err != nil {
		b.t.Fatal(err)
	}
}

// candle gives one more candle and does what the strategy likes.
func (b *bot) candle() {
	b.at += 60_000
	low := exchange.Ticks(99)
	if chance(b.t, 1, "it falls") {
		low = 80
	}
	c := exchange.Candle{Time: b.at, Open: 100, High: 100 + exchange.Ticks(rapid.IntRange(0, 30).Draw(b.t, "high")), Low: low, Close: 100, Volume: 10}
	if err := b.session.Begin(&c); err != nil {
		b.t.Fatal(err)
	}
	for ev := b.session.Next(); ev != nil; ev = b.session.Next() {
		var cs []strategy.Command
		if ev.Kind == strategy.FillEvent {
			b.heard[ev.Fill.Ref] += ev.Fill.Volume
		}
		if ev.Kind == strategy.CandleEvent {
			cs = b.decide()
		}
		if err := b.session.Commands(cs); err != nil {
			b.t.Fatal(err)
		}
	}
	for _, o := range b.session.State().Orders {
		if held := b.session.Breaker(); held.Kind != "" && o.Side == exchange.Buy && o.Asked == "" {
			b.t.Fatalf("order %d is to be bought while %+v is in force", o.Ref, held)
		}
	}
}

func (b *bot) decide() []strategy.Command {
	v := b.session.View()
	ref := v.NextRef
	place := func(c strategy.Command) strategy.Command {
		c.Kind, c.Ref = strategy.PlaceCommand, ref
		ref++
		return c
	}
	var cs []strategy.Command
	for range rapid.IntRange(0, 3).Draw(b.t, "commands") {
		volume := exchange.Steps(rapid.IntRange(3, 600).Draw(b.t, "size"))
		price := exchange.Ticks(rapid.IntRange(95, 105).Draw(b.t, "price"))
		switch rapid.IntRange(0, 7).Draw(b.t, "command") {
		case 0:
			cs = append(cs, place(strategy.Command{Side: exchange.Buy, Type: exchange.LimitOrder, Price: price, Volume: min(volume, 400)}))
		case 1:
			cs = append(cs, place(strategy.Command{Side: exchange.Sell, Type: exchange.LimitOrder, Price: price, Volume: min(volume, 400)}))
		case 2:
			cs = append(cs, place(strategy.Command{Side: exchange.Buy, Type: exchange.MarketOrder, Value: exchange.Units(volume) * 100}))
		case 3:
			cs = append(cs, place(strategy.Command{Side: exchange.Buy, Type: exchange.MarketOrder, Volume: min(volume, 400)}))
		case 4:
			cs = append(cs, place(strategy.Command{Side: exchange.Sell, Type: exchange.MarketOrder, Volume: min(volume, 400)}))
		case 5:
			cs = append(cs, strategy.Command{Kind: strategy.CancelAllCommand})
		case 6: // in the place of all that is open, with all that there is
			cs = append(cs, strategy.Command{Kind: strategy.CancelAllCommand},
				place(strategy.Command{Side: exchange.Buy, Type: exchange.LimitOrder, Price: price, Volume: min(400, exchange.Steps(v.Counter)/exchange.Steps(price+2))}))
			if v.Base > 0 {
				cs = append(cs, place(strategy.Command{Side: exchange.Sell, Type: exchange.LimitOrder, Price: price, Volume: min(400, v.Base)}))
			}
		case 7:
			cs = append(cs, strategy.Command{Kind: strategy.ExitsCommand, Exits: strategy.Exits{Stop: price - 10}})
		}
	}
	return cs
}

// proves T3, T7, RK3 for the engine's side: whatever an exchange answers, however late,
// split and twice it is told, wherever the bot is restarted from the state that it
// wrote last, and whatever its bounds do (RK1), its account is the sum of the exchange's fills, no order is carried out
// in two forms, the strategy hears each fill once, and no exit sells what another
// order sells too.
func TestAnAccountIsTheSumOfItsFills(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := &model{t: t, orders: map[uint64]*placed{}, cash: purse, after: map[uint64][]uint64{}}
		b := open(t, drawnBounds(t))
		written := b.save()
		wanted := b.venue.Wishes()
		for range rapid.IntRange(20, 40).Draw(t, "steps") {
			if chance(t, 1, "candle") {
				b.candle()
				if chance(t, 3, "killed before it is written") {
					b = reopen(t, written, b.bounds)
				}
				written, wanted = b.save(), m.read(b.venue)
			}
			if chance(t, 1, "carries out") {
				most := len(wanted)
				if chance(t, 1, "not all") {
					most = rapid.IntRange(0, most).Draw(t, "carried out")
				}
				for _, w := range wanted[:most] {
					m.carry(w)
				}
			}
			if chance(t, 1, "trades") {
				m.market()
			}
			if chance(t, 1, "hears") {
				b.hear(m.log, rapid.IntRange(1, 20).Draw(t, "events"))
				if chance(t, 1, "written") {
					written, wanted = b.save(), m.read(b.venue)
				}
			}
			if chance(t, 3, "killed") {
				b = reopen(t, written, b.bounds)
			}
		}
		settle(t, m, b)
	})
}

// chance is true once in 2^n, without the bias of numbers that rapid draws.
func chance(t *rapid.T, n int, what string) bool {
	for range n {
		if !rapid.Bool().Draw(t, what) {
			return false
		}
	}
	return true
}

// market lets open orders trade or expire.
func (m *model) market() {
	for _, n := range slices.Sorted(keys(m.orders)) {
		o := m.orders[n]
		if o.over {
			continue
		}
		if chance(m.t, 1, "it trades") {
			m.trade(o)
		}
		if r := o.wish.Request; !o.over && (r.TimeInForce == exchange.IOC || o.wish.Exit) && chance(m.t, 1, "it ends") {
			m.end(o, "the venue took the rest back", false)
		}
	}
}

func keys(orders map[uint64]*placed) func(yield func(uint64) bool) {
	return func(yield func(uint64) bool) {
		for n := range orders {
			if !yield(n) {
				return
			}
		}
	}
}

// settle lets all that is open end, and compares.
func settle(t *rapid.T, m *model, b *bot) {
	if err := b.session.CancelAll("the bot was stopped"); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		for _, w := range b.venue.Wishes() {
			m.carry(w)
			if o := m.orders[w.Number]; !o.over {
				m.end(o, "taken back", false)
			}
		}
		b.hear(m.log, len(m.log)+1)
	}
	if n := b.venue.Open() + len(b.session.State().Orders); n > 0 {
		t.Fatalf("%d orders are open: %+v", n, b.venue.State().Wishes)
	}
	p, st := b.session.Portfolio(), b.venue.State()
	if p.Base != m.base || p.Counter != m.cash || st.Base != m.base || st.Counter != m.cash || b.venue.Free() != m.cash {
		t.Fatalf("the account has %d and %d, the venue %d and %d, and the fills make %d and %d", p.Base, p.Counter, st.Base, st.Counter, m.base, m.cash)
	}
	b.candle() // the last news are told
	for n, o := range m.orders {
		if b.heard[n] != o.filled {
			t.Fatalf("of order %d %d are filled, and the strategy heard of %d", n, o.filled, b.heard[n])
		}
	}
	for n := range b.heard {
		if m.orders[n] == nil {
			t.Fatal(fmt.Sprint("the strategy heard of order ", n, ", which nobody placed"))
		}
	}
}
