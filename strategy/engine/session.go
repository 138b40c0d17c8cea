package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/portfolio"
	"github.com/lunobot/lunobot/strategy/risk"
)

// Venue is where a session's orders go. Its reports are valid until its next
// call.
type Venue interface {
	// Candle lets the open orders meet a closed candle, which it does not keep.
	Candle(c *exchange.Candle) []exchange.Report
	// Place sends an order; a refusal is an *exchange.Error.
	Place(r exchange.OrderRequest) (exchange.Order, error)
	// Cancel takes an order back and returns it as it ended. An error that is
	// ErrAsked, with the order as it stands, says that its end is reported later.
	Cancel(id string, now int64) (exchange.Order, error)
	// Exit closes a position at once at a trigger that the candle reached. Its first
	// report names the order.
	Exit(r exchange.OrderRequest, trigger exchange.Ticks, stop bool, c *exchange.Candle) ([]exchange.Report, error)
}

// Config says what a session trades and how.
type Config struct {
	// Balance is the cash to begin with.
	Balance exchange.Units
	// Base is what is held of the base currency to begin with, which is valued at
	// the open of the first candle. Defaults to nothing.
	Base exchange.Steps
	// Decide is the length of the candles that the strategy hears: a whole
	// number of Intervals, aligned to the epoch. Orders and exits meet each of
	// the shorter candles within. Defaults to Interval.
	Decide time.Duration
	// Interval is the length of the candles that are begun with; required.
	Interval time.Duration
	// Market is what is traded; required.
	Market exchange.Market
	// OrderPrefix begins the client order ids, which go on with the order's
	// number; it must be unique for the bot and its lease (rule T1).
	OrderPrefix string
	// Recorder hears what is done, and if it is a Narrator also why; nil for
	// nobody.
	Recorder Recorder
	// Risk are the host's bounds.
	Risk risk.Config
	// Subscription is what the strategy looks at beyond the candles. Defaults to
	// nothing.
	Subscription strategy.Subscription
	// Venue is where orders go; required. One that is a Quoter is asked for the
	// top of the book.
	Venue Venue
	// Wants says which events the strategy handles; nil means all.
	Wants func(strategy.EventKind) bool
}

// Session is the engine of one bot. It is not safe for concurrent use.
type Session struct {
	cfg   Config
	guard *risk.Guard
	span  int64 // the interval in milliseconds
	// frames is how many candles make one that the strategy hears.
	frames int64
	wants  [strategy.LastEvent + 1]bool
	// looks is true if the strategy has subscribed to anything.
	looks bool
	// narrator is the recorder, if it is one.
	narrator Narrator

	state State
	view  strategy.View
	// trough is the equity below which the drawdown may be a new largest one.
	trough exchange.Units
	// present is the event of the newest candle's close.
	present strategy.Event
	phase   phase
	told    int            // how many of state.Queue the strategy has heard
	due     int            // how many of them it hears in the present phase
	other   strategy.Event // any other than those of the queue and the present one
	beside  Beside         // what came with the present candle, as far as it is not told
	stirred bool           // whether the strategy is yet to hear of a change of the top
	quoter  Quoter         // the venue, if it is one and the book is subscribed to
	remote  Remote         // the venue, if it is one
	// signalled is how many of state.Signals the strategy has heard.
	signalled int
	// inside is true once a resting buy has traded within the present candle, or one has
	// been heard of that traded since the candle before.
	inside bool
	// left is true once a protective exit has acted in the present candle.
	left bool
	// between is true while an exit acts between two candles.
	between bool
	// believed is a candle as exits see it, if it is not as it was told; see Believe.
	believed *exchange.Candle
	// watches is true if anything is to be judged at every close, and account is what
	// the bounds remember of the bot: the state's, or that of a Basket's own pair.
	watches bool
	account *risk.Watch

	// leg is the pair's name if it is a further one of a Basket, elsewhere how many
	// orders are open in the basket's other pairs, and behind how far the newest candle
	// lies behind theirs, in milliseconds.
	leg       string
	elsewhere int
	behind    int64
}

// phase is how far the present candle has come.
type phase uint8

const (
	idle    phase = iota
	reports       // fills and order updates are being told
	exits         // the protective exits come next
	signals       // messages from outside are being told
	closing       // the candle itself comes next
	besides       // what came beside it is being told, at its close
)

// New returns a session that has seen nothing yet; the error names everything
// that is wrong with cfg.
func New(cfg Config) (*Session, error) {
	var problems []error
	if cfg.Venue == nil {
		problems = append(problems, errors.New("engine: Venue is required"))
	}
	if cfg.Interval < time.Second {
		problems = append(problems, errors.New("engine: Interval must be at least a second"))
	}
	if cfg.Decide == 0 {
		cfg.Decide = cfg.Interval
	}
	if cfg.Interval > 0 && (cfg.Decide < cfg.Interval || cfg.Decide%cfg.Interval != 0) {
		problems = append(problems, fmt.Errorf("engine: Decide must be a whole number of %s", cfg.Interval))
	}
	if cfg.Balance < 0 || cfg.Base < 0 {
		problems = append(problems, errors.New("engine: Balance and Base must be at least 0"))
	}
	problems = append(problems, cfg.Market.Validate(), cfg.Subscription.Check(cfg.Market.Pair))
	guard, err := risk.NewGuard(cfg.Risk, cfg.Market)
	problems = append(problems, err)
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	s := &Session{cfg: cfg, guard: guard, span: cfg.Interval.Milliseconds(), frames: int64(cfg.Decide / cfg.Interval), looks: cfg.Subscription.Any()}
	s.narrator, _ = cfg.Recorder.(Narrator)
	s.remote, _ = cfg.Venue.(Remote)
	if cfg.Subscription.Book {
		s.quoter, _ = cfg.Venue.(Quoter)
	}
	for k := range s.wants {
		s.wants[k] = cfg.Wants == nil || cfg.Wants(strategy.EventKind(k))
	}
	s.state = State{
		Portfolio: portfolio.New(cfg.Balance), NextRef: 1, Peak: cfg.Balance, Equity: cfg.Balance, Frame: strategy.Frame{Length: cfg.Decide},
	}
	s.state.Portfolio.Base = cfg.Base
	s.account, s.watches = &s.state.Watch, guard.Watches()
	s.align(nil)
	s.present = strategy.Event{Kind: strategy.CandleEvent, Time: s.span}
	s.measure()
	s.sync()
	return s, nil
}

// View returns the account as the strategy shall see it; it belongs to the
// session and changes with it.
func (s *Session) View() *strategy.View { return &s.view }

// Seek places a session that has seen nothing, or that is to go on after a
// pause, right after a closed candle: the next Begin takes the one that follows.
// Open orders must have been cancelled.
func (s *Session) Seek(c exchange.Candle) error {
	if len(s.state.Orders) > 0 {
		return fmt.Errorf("engine: %d orders are open", len(s.state.Orders))
	}
	s.take(&c)
	s.cfg.Venue.Candle(&s.present.Candle)
	s.mark()
	s.sync()
	return nil
}

// Start gives the event that tells a strategy that its bot starts, or nil if it
// does not want it. Its answer goes to Commands.
func (s *Session) Start() *strategy.Event {
	if !s.wants[strategy.StartEvent] {
		return nil
	}
	s.view.Warming = false
	s.other = strategy.Event{Kind: strategy.StartEvent, Time: s.now()}
	return &s.other
}

// Warm gives the event of a candle of the past, of the length that the strategy
// hears, which fills indicators and trades nothing; nil if the strategy does not
// want candles. Its commands are to be dropped, except plots.
func (s *Session) Warm(c exchange.Candle) *strategy.Event {
	if !s.wants[strategy.CandleEvent] {
		return nil
	}
	s.view.Warming = true
	s.other = strategy.Event{Kind: strategy.CandleEvent, Time: c.Time + s.frames*s.span, Candle: c}
	return &s.other
}

// Begin takes a closed candle. The candles must come in order and each once; a
// repeat or a step back is an error and changes nothing. Call Next until it
// returns nil before the next Begin. The candle is copied.
func (s *Session) Begin(c *exchange.Candle) error {
	if c.Time <= s.state.LastTime {
		return s.misplaced(c)
	}
	s.view.Warming = false
	if s.unpriced() {
		if err := s.price(c); err != nil {
			return err
		}
	}
	s.take(c)
	s.state.Sequence++
	s.inside, s.left, s.state.Bought = s.state.Bought, false, false
	if len(s.state.Orders) > 0 && s.view.Exits.Stop > 0 && !s.judged() {
		if err := s.yieldToStop(); err != nil {
			return err
		}
	}
	if rs := s.cfg.Venue.Candle(&s.present.Candle); len(rs) > 0 {
		if err := s.book(rs); err != nil {
			return err
		}
	}
	if len(s.state.Queue) == 0 && s.view.Exits == (strategy.Exits{}) && len(s.state.Signals) == 0 && s.state.Owed == "" {
		s.phase = closing
		return nil
	}
	s.hear()
	return nil
}

// unpriced reports whether what the account began with has no value yet.
func (s *Session) unpriced() bool { return s.state.Portfolio.Base > 0 && s.state.Portfolio.Opened == 0 }

// price values what the account began with at the open of its first candle.
func (s *Session) price(c *exchange.Candle) error {
	st := &s.state
	if err := st.Portfolio.Price(c.Open, c.Time); err != nil {
		return fmt.Errorf("engine: %d steps at %d ticks: %w", st.Portfolio.Base, c.Open, err)
	}
	st.Held = risk.Holding{Since: c.Time, High: c.Open}
	st.Peak, st.Equity, st.MaxDrawdown = st.Portfolio.Start, st.Portfolio.Start, 0 // without the past
	s.measure()
	s.sync()
	return nil
}

// take makes a candle the present one.
func (s *Session) take(c *exchange.Candle) {
	s.present.Time = c.Time + s.span
	s.present.Candle = *c // by itself: in an assignment of several it would be copied twice
	s.state.LastTime = c.Time
}

// now is the time at which commands of the present candle are given.
func (s *Session) now() int64 { return s.present.Time }

// sync brings the view in line with the account and the open orders.
func (s *Session) sync() {
	v, p := &s.view, &s.state.Portfolio
	v.Base, v.Counter, v.Cost, v.NextRef = p.Base, p.Counter, p.Cost, s.state.NextRef
	v.ReservedBase, v.ReservedCounter = 0, 0
	v.Orders = v.Orders[:0]
	for i := range s.state.Orders {
		o := &s.state.Orders[i]
		v.Orders = append(v.Orders, strategy.OpenOrder{
			Ref: o.Ref, Side: o.Side, Type: o.Type, Price: o.Price, Volume: o.Volume, Filled: o.Filled, Value: o.Value,
		})
		v.ReservedBase += o.reservedBase()
		v.ReservedCounter += o.reservedCounter()
	}
	if s.remote != nil {
		s.share()
	}
	if p.Base == 0 {
		s.state.Wanted, s.state.Stuck, s.state.Held, s.state.Owed, s.state.Refusal = strategy.Exits{}, 0, risk.Holding{}, "", ""
	}
	v.Exits = s.guard.Exits(s.state.Wanted, p.Entry(), s.state.Held.High)
}
