package conformance

import (
	"fmt"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
)

// Step is one event as a strategy got it and what it answered.
type Step struct {
	Event strategy.Event
	// View is the account as the strategy saw it.
	View     strategy.View
	Commands []strategy.Command
}

// Deliver gives a strategy one event with its account and returns its commands,
// which are valid until the next call.
type Deliver func(view *strategy.View, ev *strategy.Event) ([]strategy.Command, error)

// Trader runs one strategy with the engine, candle by candle, as a host runs a
// bot: what the strategy asks for is carried out.
type Trader struct {
	// Beside, if not nil, says what comes beside a candle.
	Beside func(c exchange.Candle) engine.Beside
	// Check, if not nil, is called after what a step asked for was done.
	Check func(s Step)
	// Deliver reaches the strategy; required.
	Deliver Deliver
	// Basket is the engine with its account of a bot that trades several pairs, in
	// place of Session.
	Basket *engine.Basket
	// Interval is the length of the session's candles; required.
	Interval time.Duration
	// Others returns the candles of a Basket's further pairs that close when one of
	// the bot's own pair does.
	Others func(c exchange.Candle) []engine.PairCandle
	// Session is the engine with its account; required unless there is a Basket.
	Session *engine.Session
}

// account is what an engine of one pair and one of several have in common.
type account interface {
	Commands(cs []strategy.Command) error
	Equity() exchange.Units
	Next() *strategy.Event
	Signal(signal strategy.Signal) error
	Start() *strategy.Event
	View() *strategy.View
	Warm(c exchange.Candle) *strategy.Event
	With(b engine.Beside)
}

func (t *Trader) account() account {
	if t.Basket != nil {
		return t.Basket
	}
	return t.Session
}

// Equity returns what the account was worth at the newest close.
func (t *Trader) Equity() exchange.Units { return t.account().Equity() }

// Signal leaves a message from outside, which the strategy hears with the next
// candle.
func (t *Trader) Signal(s strategy.Signal) error { return t.account().Signal(s) }

// begin hands over a closed candle, and those of the further pairs with it.
func (t *Trader) begin(c exchange.Candle) error {
	if t.Basket == nil {
		return t.Session.Begin(&c)
	}
	return t.Basket.Begin(append(t.Others(c), engine.PairCandle{Pair: t.Basket.Pair(), Candle: c}))
}

// warming returns the events of a candle of the past.
func (t *Trader) warming(c exchange.Candle) (events []strategy.Event) {
	if t.Basket != nil {
		for _, o := range t.Others(c) {
			if ev := t.Basket.WarmPair(o.Pair, o.Candle); ev != nil {
				events = append(events, *ev)
			}
		}
	}
	if ev := t.account().Warm(c); ev != nil {
		events = append(events, *ev)
	}
	return events
}

// Warm gives candles of the past and returns the steps; what they ask for is
// not done.
func (t *Trader) Warm(candles ...exchange.Candle) ([]Step, error) {
	var steps []Step
	for _, c := range candles {
		for _, ev := range t.warming(c) {
			s, err := t.deliver(&ev)
			if err != nil {
				return nil, err
			}
			steps = append(steps, s)
		}
	}
	return steps, nil
}

// Start tells the strategy that its bot starts, if it wants to hear that.
func (t *Trader) Start() ([]Step, error) {
	ev := t.account().Start()
	if ev == nil {
		return nil, nil
	}
	s, err := t.obey(ev)
	return []Step{s}, err
}

// Candle runs one closed candle and returns the steps that it took: fills and
// orders first, the candle itself last.
func (t *Trader) Candle(c exchange.Candle) ([]Step, error) {
	if err := t.begin(c); err != nil {
		return nil, fmt.Errorf("the candle of %s: %w", c.OpenTime(), err)
	}
	if t.Beside != nil {
		t.account().With(t.Beside(c))
	}
	var steps []Step
	for ev := t.account().Next(); ev != nil; ev = t.account().Next() {
		s, err := t.obey(ev)
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
	}
	return steps, nil
}

// Show gives a candle to the strategy alone: the account does not see it, and
// what the strategy asks for is not done.
func (t *Trader) Show(c exchange.Candle) (Step, error) {
	if t.Session != nil {
		t.Session.View().Warming = false
	}
	return t.deliver(&strategy.Event{Kind: strategy.CandleEvent, Time: c.Time + t.Interval.Milliseconds(), Candle: c})
}

// View returns the account as the strategy sees it now.
func (t *Trader) View() strategy.View {
	view := *t.account().View()
	view.Orders, view.Others = slices.Clone(view.Orders), slices.Clone(view.Others)
	for i := range view.Others {
		view.Others[i].Orders = slices.Clone(view.Others[i].Orders)
	}
	return view
}

func (t *Trader) deliver(ev *strategy.Event) (Step, error) {
	s := Step{Event: *ev, View: t.View()}
	commands, err := t.Deliver(&s.View, ev)
	if err != nil {
		return s, fmt.Errorf("at an event %s: %w", ev.Kind, err)
	}
	s.Commands = slices.Clone(commands)
	return s, nil
}

func (t *Trader) obey(ev *strategy.Event) (Step, error) {
	s, err := t.deliver(ev)
	if err != nil {
		return s, err
	}
	if err := t.account().Commands(slices.Clone(s.Commands)); err != nil {
		return s, fmt.Errorf("carrying out the answer to an event %s: %w", ev.Kind, err)
	}
	if t.Check != nil {
		t.Check(s)
	}
	return s, nil
}
