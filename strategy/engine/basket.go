package engine

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/portfolio"
	"github.com/lunobot/lunobot/strategy/risk"
)

// Funded is a Venue of which the cash is a part of one balance for several.
type Funded interface {
	Venue
	// Free returns the cash that no open order has set aside.
	Free() exchange.Units
	// Fund adds to the cash, or takes from what is free of it if by is below 0.
	Fund(by exchange.Units) error
}

// Leg is a further pair that a Basket trades.
type Leg struct {
	// Market is what is traded; required.
	Market exchange.Market
	// Risk are the host's bounds of this pair. The number of orders and of commands
	// is bounded by those of the bot's own pair, over all pairs.
	Risk risk.Config
	// Venue is where its orders go; required, and without cash of its own.
	Venue Funded
}

// BasketConfig says what a Basket trades and how.
type BasketConfig struct {
	// Config is that of the bot's own pair and of the account: Balance is the cash
	// for all pairs, in units of its Market. Its Venue must be Funded and hold the
	// balance; its Recorder hears of all pairs.
	Config
	// Legs are the further pairs, at most strategy.MaxPairs, paid in the same
	// currency.
	Legs []Leg
}

// Basket is the engine of one bot that trades several pairs with one balance. Each
// pair has a Session with its position, orders, exits and bounds. The cash that no
// order holds is kept here, and is lent as a whole to the pair that is at work: so
// nothing is spent twice, and with a single pair a Basket does what a Session does.
//
// Candles that opened at the same time are one step (Begin). Within it the further
// pairs come first, in their order, and the bot's own last:
//
//  1. The orders of all pairs meet their candles; nothing is told before all have,
//     so that no order can be given in answer to one pair's candle and trade within
//     the same candle of another (rule PL3).
//  2. What happened is told, and protective exits act, pair by pair. Exits that are
//     set for another pair than the one that is told of hold from the next step on.
//  3. The account is valued at the newest close of each pair, and the strategy
//     hears the signals, the further pairs' candles, what it subscribed to, and at
//     last the candle of its own pair.
//
// A candle that comes late, after a later one of another pair, is a step of its
// own; orders that were given since it opened do not meet it. It is not safe for
// concurrent use.
type Basket struct {
	legs []*leg // the bot's own pair is the first
	// pool is the cash that no order holds, in the shared unit of the markets.
	pool int64
	view strategy.View
	// now is the time of the newest step.
	now int64
	// turn are the pairs of the step that is under way, at is the one that it is
	// at.
	turn  []int
	at    int
	stage stage
	// later are exits that hold from the next step on.
	later []strategy.Command
	// failed is why the account does not add up.
	failed error
}

// leg is a pair of a basket at work.
type leg struct {
	*Session
	venue Funded
	// per is of how many shared units a unit of the market is made.
	per int64
}

// stage is how far a basket's step has come.
type stage uint8

const (
	ended    stage = iota
	settling       // what happened within the candles is being told
	signalling
	others // the further pairs' candles are being told
	owning // what belongs to the bot's own candle, and the candle itself
)

// NewBasket returns a basket that has seen nothing yet; the error names everything
// that is wrong with cfg.
func NewBasket(cfg BasketConfig) (*Basket, error) {
	markets, also := []exchange.Market{cfg.Market}, make([]exchange.Market, len(cfg.Legs))
	for i, l := range cfg.Legs {
		also[i] = l.Market
		markets = append(markets, l.Market)
	}
	problems := []error{strategy.CheckPairs(cfg.Market, also)}
	for _, m := range also {
		if slices.Contains(cfg.Subscription.Pairs, m.Pair) {
			problems = append(problems, fmt.Errorf("engine: %s is traded and looked at", m.Pair))
		}
	}
	_, per, err := exchange.SharedUnit(markets...)
	problems = append(problems, err)
	b := &Basket{}
	for i := range markets {
		one, venue := cfg.Config, cfg.Venue
		if i > 0 {
			venue = cfg.Legs[i-1].Venue
			one = Config{
				Decide: cfg.Decide, Interval: cfg.Interval, Market: cfg.Legs[i-1].Market, OrderPrefix: cfg.OrderPrefix, Recorder: cfg.Recorder,
				Risk: cfg.Legs[i-1].Risk, Venue: venue, Wants: cfg.Wants,
			}
			one.Risk.MaxOrders = cfg.Risk.MaxOrders
		}
		l := &leg{}
		if l.venue, _ = venue.(Funded); l.venue == nil {
			problems = append(problems, fmt.Errorf("engine: %s needs a venue whose cash can be lent", one.Market.Pair))
			continue
		}
		if l.Session, err = New(one); err != nil {
			problems = append(problems, err)
			continue
		}
		if free := l.venue.Free(); free != one.Balance {
			problems = append(problems, fmt.Errorf("engine: the venue of %s holds %d units, want %d", one.Market.Pair, free, one.Balance))
		}
		if i > 0 {
			l.leg = one.Market.Pair
		}
		if i < len(per) {
			l.per = per[i]
			if _, err := exchange.MulDiv(int64(one.Balance), l.per, 1); err != nil {
				problems = append(problems, fmt.Errorf("engine: the balance: %w", err))
			}
		}
		b.legs = append(b.legs, l)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	b.now = b.own().now()
	b.leave(b.own())
	return b, b.failed
}

// own is the bot's own pair.
func (b *Basket) own() *leg { return b.legs[0] }

// find returns the pair of the name, "" for the bot's own; nil if there is none.
func (b *Basket) find(pair string) *leg {
	for _, l := range b.legs {
		if l.cfg.Market.Pair == pair || l.leg == pair {
			return l
		}
	}
	return nil
}

// enter lends all free cash to a pair, and makes it go on with the numbers of
// orders and the time of the basket.
func (b *Basket) enter(l *leg) {
	units := exchange.Units(b.pool / l.per)
	b.fund(l, units)
	l.elsewhere = 0
	for _, o := range b.legs {
		if o != l {
			l.elsewhere += len(o.state.Orders)
		}
		l.state.NextRef = max(l.state.NextRef, o.state.NextRef)
	}
	l.present.Time = max(l.present.Time, b.now)
	l.sync()
}

// leave takes back what a pair's orders do not hold.
func (b *Basket) leave(l *leg) {
	b.fund(l, -l.venue.Free())
	l.sync()
}

// fund moves cash from the pool to a pair, or back if units is below 0.
func (b *Basket) fund(l *leg, units exchange.Units) {
	if err := l.venue.Fund(units); err != nil {
		b.failed = errors.Join(b.failed, err)
		return
	}
	l.state.Portfolio.Counter += units
	b.pool -= int64(units) * l.per
}

// View returns the account as the strategy shall see it; it belongs to the basket
// and changes with it.
func (b *Basket) View() *strategy.View {
	total := b.cash()
	next := uint64(0)
	b.view.Others = b.view.Others[:0]
	for i, l := range b.legs {
		v := &l.view
		free := exchange.Units(b.pool/l.per) + v.Counter - v.ReservedCounter
		counter := exchange.Units(total / l.per)
		shown := strategy.View{
			Base: v.Base, ReservedBase: v.ReservedBase, Counter: counter, ReservedCounter: counter - free, Cost: v.Cost, Exits: v.Exits, Orders: v.Orders,
		}
		next = max(next, l.state.NextRef)
		if i == 0 {
			shown.Warming, shown.Top, shown.Others = v.Warming, v.Top, b.view.Others
			b.view = shown
		} else {
			b.view.Others = append(b.view.Others, shown)
		}
	}
	b.view.NextRef = next
	return &b.view
}

// cash is all that the account has, what orders hold included, in shared units.
func (b *Basket) cash() int64 {
	total := b.pool
	for _, l := range b.legs {
		total += int64(l.state.Portfolio.Counter) * l.per
	}
	return total
}

// Begin takes the closed candles of one time, at most one of each pair. Each
// pair's must come in order and each once; a fault is an error and changes nothing.
// Call Next until it returns nil before the next Begin. The candles are copied.
func (b *Basket) Begin(candles []PairCandle) error {
	if b.failed != nil {
		return b.failed
	}
	if err := b.plan(candles); err != nil {
		return err
	}
	b.own().view.Warming = false
	for _, c := range candles {
		b.now = max(b.now, c.Candle.Time+b.own().span)
	}
	for _, n := range b.turn {
		l := b.legs[n]
		c := slices.IndexFunc(candles, func(c PairCandle) bool { return c.Pair == l.cfg.Market.Pair })
		b.enter(l)
		err := l.Begin(&candles[c].Candle)
		l.present.Time = b.now
		if b.leave(l); err != nil {
			return err
		}
	}
	b.at, b.stage = 0, settling
	return b.failed
}

// plan checks the candles of a step and says in which order their pairs come.
func (b *Basket) plan(candles []PairCandle) error {
	if len(candles) == 0 {
		return errors.New("engine: a step needs a candle")
	}
	b.turn = b.turn[:0]
	for i := range candles {
		c := &candles[i]
		n := slices.IndexFunc(b.legs, func(l *leg) bool { return l.cfg.Market.Pair == c.Pair })
		switch {
		case n < 0:
			return fmt.Errorf("engine: %q is none of the pairs", c.Pair)
		case slices.Contains(b.turn, n):
			return fmt.Errorf("engine: a step has two candles of %s", c.Pair)
		case c.Candle.Time != candles[0].Candle.Time:
			return fmt.Errorf("engine: the candles of %s and %s are of different times", candles[0].Pair, c.Pair)
		case c.Candle.Time <= b.legs[n].state.LastTime:
			return fmt.Errorf("engine: the candle of %s of %s comes after the one of %s", c.Pair,
				c.Candle.OpenTime().Format(time.RFC3339), time.UnixMilli(b.legs[n].state.LastTime).UTC().Format(time.RFC3339))
		}
		b.turn = append(b.turn, n)
	}
	place := func(n int) int {
		if n == 0 {
			return len(b.legs) // the bot's own pair comes last
		}
		return n
	}
	slices.SortFunc(b.turn, func(x, y int) int { return cmp.Compare(place(x), place(y)) })
	return nil
}

// With is Session.With for the step that was begun with, if it has a candle of the
// bot's own pair.
func (b *Basket) With(beside Beside) { b.own().With(beside) }

// Signal is Session.Signal.
func (b *Basket) Signal(signal strategy.Signal) error { return b.own().Signal(signal) }

// Next returns the next event that the strategy shall hear of the step, or nil when
// it has heard all. The event is valid until the next call. The strategy's answer
// goes to Commands before Next is called again.
func (b *Basket) Next() *strategy.Event {
	for {
		switch b.stage {
		case settling:
			if b.at == len(b.turn) {
				b.settled()
				continue
			}
			l := b.legs[b.turn[b.at]]
			b.enter(l)
			ev := l.settle()
			b.leave(l)
			if ev != nil {
				return ev
			}
			b.at++
		case signalling:
			if b.owns() {
				if ev := b.own().signal(); ev != nil {
					return ev
				}
				b.own().phase = closing
			}
			b.at, b.stage = 0, others
		case others:
			if b.at == len(b.turn) || b.turn[b.at] == 0 {
				b.begun()
				continue
			}
			b.at++
			if ev := b.legs[b.turn[b.at-1]].closeLeg(); ev != nil {
				return ev
			}
		case owning:
			if b.own().looks {
				if ev := b.own().nextBeside(); ev != nil {
					return ev
				}
			}
			b.stage, b.own().phase = ended, idle
			if ev := b.own().close(); ev != nil {
				return ev
			}
		case ended:
			return nil
		}
	}
}

// owns reports whether the step has a candle of the bot's own pair, which is the
// last one then.
func (b *Basket) owns() bool { return b.turn[len(b.turn)-1] == 0 }

// settled ends the telling of what happened within the candles: the account is
// valued at their closes.
func (b *Basket) settled() {
	for _, n := range b.turn {
		l := b.legs[n]
		l.state.LastPrice = l.present.Candle.Close
	}
	b.stage = signalling
	later := b.later
	b.later = b.later[:0]
	for i := range later {
		b.do(&later[i])
	}
	if b.owns() {
		if worth, err := b.worth(); err == nil {
			b.own().appraise(worth)
		}
		b.own().phase = signals
	}
}

// begun begins the telling of the bot's own candle, if the step has one.
func (b *Basket) begun() {
	if b.stage = ended; !b.owns() {
		return
	}
	b.stage, b.own().phase = owning, closing
	if b.own().looks {
		b.own().look()
	}
}

// worth is what the account is worth at the newest close of each pair, in units of
// the bot's own market, rounded down. The error is an overflow.
func (b *Basket) worth() (exchange.Units, error) {
	total := b.pool
	for _, l := range b.legs {
		equity, err := l.state.Portfolio.Equity(l.state.LastPrice)
		if err != nil {
			return 0, err
		}
		part, err := exchange.MulDiv(int64(equity), l.per, 1)
		if err != nil || part > math.MaxInt64-total {
			return 0, exchange.ErrOverflow
		}
		total += part
	}
	return exchange.Units(total / b.own().per), nil
}

// closeLeg returns the event of a further pair's candle that the strategy hears at
// this close, or nil if there is none.
func (s *Session) closeLeg() *strategy.Event {
	s.phase = idle
	told := s.present.Candle
	if s.frames > 1 {
		if !s.fold(&told) {
			return nil
		}
		told = s.other.Candle
	}
	if !s.wants[strategy.PairEvent] {
		return nil
	}
	s.other = strategy.Event{Kind: strategy.PairEvent, Time: s.now(), Pair: s.leg, Candle: told}
	return &s.other
}

// Commands carries out what the strategy asked for in answer to the newest event,
// as Session.Commands does, each in the pair that it names.
func (b *Basket) Commands(cs []strategy.Command) error {
	if most := b.own().guard.MaxCommands(); len(cs) > most {
		b.own().decide(Denied, fmt.Sprintf("denied %d commands: the strategy gave %d at once, and %d are allowed", len(cs)-most, len(cs), most))
		cs = cs[:most]
	}
	for i := range cs {
		c := &cs[i]
		if b.stage == settling && c.Kind == strategy.ExitsCommand && b.find(c.Pair) != b.legs[b.turn[b.at]] {
			b.later = append(b.later, *c)
			continue
		}
		b.do(c)
		if b.failed != nil {
			return b.failed
		}
	}
	return nil
}

// do carries out one command.
func (b *Basket) do(c *strategy.Command) {
	l := b.find(c.Pair)
	if l == nil {
		b.own().decide(Denied, fmt.Sprintf("denied a command %s in %.20q: the bot does not trade it", c.Kind, c.Pair))
		return
	}
	b.enter(l)
	err := l.command(c)
	b.leave(l)
	b.failed = errors.Join(b.failed, err)
}

// CancelAll takes back every open order, for a bot that stops.
func (b *Basket) CancelAll(reason string) error {
	for _, l := range b.legs {
		b.enter(l)
		err := l.CancelAll(reason)
		b.leave(l)
		if err != nil {
			return err
		}
	}
	return b.failed
}

// Start is Session.Start.
func (b *Basket) Start() *strategy.Event { return b.own().Start() }

// Warm is Session.Warm for a candle of the bot's own pair.
func (b *Basket) Warm(c exchange.Candle) *strategy.Event { return b.own().Warm(c) }

// WarmPair is Warm for a candle of a further pair, or of one that is only looked at.
func (b *Basket) WarmPair(pair string, c exchange.Candle) *strategy.Event {
	l := b.find(pair)
	if l == nil {
		return b.own().WarmPair(pair, c)
	}
	if l == b.own() || !l.wants[strategy.PairEvent] {
		return nil
	}
	b.own().view.Warming = true
	l.other = strategy.Event{Kind: strategy.PairEvent, Time: c.Time + l.frames*l.span, Pair: pair, Candle: c}
	return &l.other
}

// Equity returns what the account was worth at the newest close of the bot's own
// pair, in units of its market.
func (b *Basket) Equity() exchange.Units { return b.own().Equity() }

// MaxDrawdown returns the deepest fall below a peak at such closes, as a fraction
// of it.
func (b *Basket) MaxDrawdown() float64 { return b.own().state.MaxDrawdown }

// Account returns a copy of what is held and was earned in a pair; false if the
// basket does not trade it. Its Counter is the cash that the pair's orders hold,
// and for the bot's own pair the cash that none holds too, in units of the market:
// what of it is finer than a unit is left out.
func (b *Basket) Account(pair string) (portfolio.Portfolio, bool) {
	l := b.find(pair)
	if l == nil {
		return portfolio.Portfolio{}, false
	}
	p := l.state.Portfolio
	if l == b.own() {
		p.Counter += exchange.Units(b.pool / l.per)
	}
	return p, true
}

// Pair returns the bot's own pair.
func (b *Basket) Pair() string { return b.own().cfg.Market.Pair }

// LastPrice returns the newest close of a pair; 0 if there is none.
func (b *Basket) LastPrice(pair string) exchange.Ticks {
	if l := b.find(pair); l != nil {
		return l.state.LastPrice
	}
	return 0
}

// LastTime returns when the newest candle of the bot's own pair opened, in epoch
// milliseconds; 0 if the basket has seen none.
func (b *Basket) LastTime() int64 { return b.own().state.LastTime }

// BasketState is all that a basket remembers between two steps, for checkpoints.
type BasketState struct {
	// Pool is the cash that no order holds, in the shared unit of the markets.
	Pool int64 `json:"pool"`
	// Legs are the pairs, the bot's own first.
	Legs []LegState `json:"legs"`
}

// LegState is the state of one pair. The account's worth and its peak are in that
// of the bot's own pair.
type LegState struct {
	Pair  string `json:"pair"`
	State State  `json:"state"`
}

// State returns a copy of the basket's state.
func (b *Basket) State() BasketState {
	st := BasketState{Pool: b.pool}
	for _, l := range b.legs {
		st.Legs = append(st.Legs, LegState{Pair: l.cfg.Market.Pair, State: l.Session.State()})
	}
	return st
}

// Restore puts the basket in a state that it had before, and of the same pairs;
// the venues are restored beside it. A state of other pairs is an error and changes
// nothing.
func (b *Basket) Restore(st BasketState) error {
	if !slices.EqualFunc(b.legs, st.Legs, func(l *leg, s LegState) bool { return l.cfg.Market.Pair == s.Pair }) {
		return errors.New("engine: the state is of other pairs")
	}
	b.pool, b.now, b.stage, b.later, b.failed = st.Pool, 0, ended, nil, nil
	for i, l := range b.legs {
		l.Session.Restore(st.Legs[i].State)
		b.now = max(b.now, l.now())
	}
	return nil
}
