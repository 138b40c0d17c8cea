// Package signals decides nothing itself: it trades what somebody outside tells
// it in messages, such as a charting program's alerts, within the bounds that
// the tenant sets. What it does not follow it refuses with a reason.
package signals

import (
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// Params are what a tenant chooses.
type Params struct {
	Buy      bool            `param:"buy" group:"Allowed" label:"Buys"`
	Sell     bool            `param:"sell" group:"Allowed" label:"Sales"`
	Close    bool            `param:"close" group:"Allowed" label:"Closing the position"`
	SetStop  bool            `param:"set_stop" group:"Allowed" label:"Stops and targets"`
	Size     decimal.Decimal `param:"size" group:"Size" label:"Size of a buy that gives none" unit:"% of the free cash" validate:"min=0.01,max=100" step:"1"`
	MaxSize  decimal.Decimal `param:"max_size" group:"Size" label:"Largest buy" unit:"% of the free cash" validate:"min=0.01,max=100" step:"1" help:"A larger one is made smaller."`
	MaxAge   int             `param:"max_age" group:"Time" label:"Oldest signal" unit:"minutes" validate:"min=0,max=10080" help:"An older one is refused, as after an outage. 0 takes any."`
	Cooldown int             `param:"cooldown" group:"Time" label:"Pause after a buy" unit:"minutes" validate:"min=0,max=10080" help:"Buys within it are refused; sales and stops are not."`
	Stop     decimal.Decimal `param:"stop" group:"Exit" label:"Stop of a buy that gives none" unit:"% below the average" validate:"min=0,max=99" step:"0.1" help:"0 is none."`
	Target   decimal.Decimal `param:"target" group:"Exit" label:"Target of a buy that gives none" unit:"% above the average" validate:"min=0,max=1000" step:"0.1" help:"0 is none."`
}

// Definition returns the strategy.
func Definition() strategy.Definition {
	hundred := decimal.NewFromInt(100)
	return strategy.MustDefine(strategy.Info{
		Name: "signals", Version: "1.1.0", Title: "Signals from outside",
		Summary: "Buys, sells and sets stops as messages to the bot's webhook say, within bounds of size, age and frequency.",
	}, Params{Buy: true, Sell: true, Close: true, SetStop: true, Size: hundred, MaxSize: hundred, MaxAge: 5}, open)
}

// follower is the strategy with its state.
type follower struct {
	Params Params `json:"-"`
	// Size and MaxSize are the parameters in hundred-millionths.
	Size    exchange.Rate `json:"-"`
	MaxSize exchange.Rate `json:"-"`
	// Price is the newest close that it heard; 0 before.
	Price exchange.Ticks
	// Exits are those that messages gave for the position that there is, or that
	// is being bought.
	Exits strategy.Exits
	// Given are the exits that messages gave for limit orders, which become the
	// position's with the first fill of theirs, and with the next if it was sold meanwhile.
	Given []Given `json:",omitempty"`
	// Back are the open orders of a close: those that it took back, which may still hold
	// some of the position, or trade, and its sales.
	Back []uint64 `json:",omitempty"`
	// Rest is until when buys are refused.
	Rest strategy.Timer
	// Heard counts the signals, Followed those of them that were followed.
	Heard, Followed int64
}

// Given are the exits of a limit order; Ref is the order, and Taken says that they have
// been the position's.
type Given struct {
	Ref   uint64
	Exits strategy.Exits
	Taken bool `json:",omitempty"`
}

func open(p Params) strategy.Strategy {
	rate := func(percent decimal.Decimal) exchange.Rate { return exchange.Rate(percent.Shift(6).IntPart()) }
	return &follower{Params: p, Size: rate(p.Size), MaxSize: rate(p.MaxSize)}
}

// Warmup implements strategy.Warmer: the newest price is known from the start.
func (*follower) Warmup() int { return 1 }

// OnCandle implements strategy.CandleHandler.
func (s *follower) OnCandle(b *strategy.Bot, c exchange.Candle) {
	s.Price = c.Close
	if s.closing() && !b.Warming() {
		s.closeOn(b)
	}
	if b.Explaining() && !b.Warming() {
		b.Note("waiting for a signal: %d were heard so far and %d of them followed", s.Heard, s.Followed)
	}
}

// OnFill implements strategy.FillHandler: what was bought gets its exits.
func (s *follower) OnFill(b *strategy.Bot, f strategy.Fill) {
	if f.Side == exchange.Buy {
		s.take(f.Ref)
		s.protect(b)
	} else if !holds(b) {
		s.Exits = strategy.Exits{} // orders that rest have their own
	}
}

// OnOrder implements strategy.OrderHandler: what was given for a buy of which nothing came
// is not for another one.
func (s *follower) OnOrder(b *strategy.Bot, u strategy.OrderUpdate) {
	if u.State != strategy.OrderOpen && !holds(b) && len(b.Orders()) == 0 {
		s.Exits = strategy.Exits{}
	}
}

// take makes the exits that a message gave for a limit order those of the position; one
// of before that lies on the wrong side of them is dropped.
func (s *follower) take(ref uint64) {
	i := slices.IndexFunc(s.Given, func(g Given) bool { return g.Ref == ref })
	if i < 0 || s.Given[i].Taken && s.Exits != (strategy.Exits{}) {
		return
	}
	e := s.Given[i].Exits
	s.Given[i].Taken = true
	if e.Stop == 0 && (e.Target == 0 || s.Exits.Stop < e.Target) {
		e.Stop = s.Exits.Stop
	}
	if e.Target == 0 && s.Exits.Target > e.Stop {
		e.Target = s.Exits.Target
	}
	s.Exits = e
}

// protect sets the exits that messages gave, or else those of the parameters.
func (s *follower) protect(b *strategy.Bot) {
	e := s.Exits
	entry := decimal.NewFromFloat(b.Entry())
	part := func(percent decimal.Decimal) exchange.Ticks {
		price, err := b.Market().Ticks(entry.Mul(decimal.NewFromInt(1).Add(percent.Shift(-2))).Mul(b.Market().Tick), exchange.Nearest)
		if err != nil {
			return 0
		}
		return price
	}
	if e.Stop == 0 && s.Params.Stop.IsPositive() {
		e.Stop = part(s.Params.Stop.Neg())
	}
	if e.Target == 0 && s.Params.Target.IsPositive() {
		e.Target = part(s.Params.Target)
	}
	if e != (strategy.Exits{}) || b.Exits() != (strategy.Exits{}) { // those of a rest that could not be sold
		b.SetExits(e)
	}
}

// OnSignal implements strategy.SignalHandler.
func (s *follower) OnSignal(b *strategy.Bot, in strategy.Signal) {
	s.Heard++
	m, err := read(in.Text)
	if err == nil {
		err = s.allow(b, in, m)
	}
	if err == nil {
		err = s.follow(b, in, m)
	}
	if err == nil {
		s.Followed++
		return
	}
	b.Note("signal %.40q is refused: %v", in.ID, err)
}

// pause is how long buys rest after one.
func (s *follower) pause() time.Duration { return time.Duration(s.Params.Cooldown) * time.Minute }
