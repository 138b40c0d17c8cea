package engine

import (
	"errors"
	"fmt"
	"slices"

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
	// Base is what is held of its base currency to begin with, valued as
	// Config.Base is. Its Venue must hold it. Defaults to nothing.
	Base exchange.Steps
	// Market is what is traded; required.
	Market exchange.Market
	// Price is what Base is valued at if the first step has no candle of the pair.
	// Defaults to none.
	Price exchange.Ticks
	// Risk are the host's bounds of this pair: of the position and its exits. All else
	// is bounded by those of the bot's own pair, over all pairs.
	Risk risk.Config
	// Venue is where its orders go; required, and without cash of its own.
	Venue Funded
}

// BasketConfig says what a Basket trades and how.
type BasketConfig struct {
	// Config is that of the bot's own pair and of the account: Balance is the cash
	// for all pairs, in units of its Market. Its Venue must be Funded and hold the
	// balance; its Recorder hears of all pairs. What the pairs hold to begin with is
	// valued at the opens of the first step, which must have a candle of each pair
	// that holds something and has no price of its own.
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
	// watches is true if anything is to be judged at every step.
	watches bool
	// failed is why the account does not add up.
	failed error
}

// StaleCandles is how many candles of another pair may come while none of a pair does,
// before nothing is bought there: its price is too old to enter at (rule M2). What was
// ordered before stays, and what is held is sold as ever.
const StaleCandles = 5

// leg is a pair of a basket at work.
type leg struct {
	*Session
	venue Funded
	// per is of how many shared units a unit of the market is made.
	per int64
	// begins is what is held to begin with is valued at without a candle, 0 for none.
	begins exchange.Ticks
}

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
				Base: cfg.Legs[i-1].Base, Decide: cfg.Decide, Interval: cfg.Interval, Market: cfg.Legs[i-1].Market, OrderPrefix: cfg.OrderPrefix, Recorder: cfg.Recorder,
				Risk: cfg.Legs[i-1].Risk, Venue: venue, Wants: cfg.Wants,
			}
			one.Risk.MaxOrders, one.Risk.MaxOrdersAMinute = cfg.Risk.MaxOrders, cfg.Risk.MaxOrdersAMinute
			one.Risk.CloseOnly, one.Risk.CoolDown = cfg.Risk.CloseOnly, cfg.Risk.CoolDown
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
			l.leg, l.begins = one.Market.Pair, cfg.Legs[i-1].Price
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
	for _, l := range b.legs {
		l.account = &b.own().state.Watch
		b.watches = b.watches || l.watches
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

// behind is how far the newest candle of a pair lies behind the newest of all, in
// milliseconds.
func (b *Basket) behind(l *leg) int64 { return b.now - l.state.LastTime - l.span }

// Stale returns the pairs in which nothing is bought, because no candle of them has come
// while StaleCandles of another have.
func (b *Basket) Stale() []string {
	var out []string
	for _, l := range b.legs {
		if l.state.LastTime > 0 && b.behind(l) >= StaleCandles*l.span {
			out = append(out, l.cfg.Market.Pair)
		}
	}
	return out
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
