package parity

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/engine/remote"
	"github.com/lunobot/lunobot/strategy/portfolio"
	"github.com/lunobot/lunobot/strategy/risk"
)

// Loop is what an engine.Session and an engine.Basket have in common.
type Loop interface {
	Appraised() exchange.Units
	Breaker() risk.Breaker
	CancelAll(reason string) error
	Commands(cs []strategy.Command) error
	CoolUntil() int64
	Equity() exchange.Units
	Hear() error
	LastTime() int64
	Next() *strategy.Event
	Owed() string
	PairTime(pair string) int64
	Reached() risk.Breaker
	Refusal() string
	Resume(candles []exchange.Candle)
	ResumeBreaker()
	ResumePair(pair string, newest int64, candles []exchange.Candle)
	Sell(pair string, volume exchange.Steps, reason string) error
	Sequence() int64
	SetCloseOnly(on bool)
	Signal(s strategy.Signal) error
	Start() *strategy.Event
	TakeBack(reason string)
	View() *strategy.View
	Warm(c exchange.Candle) *strategy.Event
	WarmPair(pair string, c exchange.Candle) *strategy.Event
	Why(ref uint64) string
	With(b engine.Beside)
}

var (
	_ Loop = (*engine.Session)(nil)
	_ Loop = (*engine.Basket)(nil)
)

// AccountConfig says for whom an Account works.
type AccountConfig struct {
	// OrderPrefix begins the client order ids, as in engine.Config.
	OrderPrefix string
	Recorder    engine.Recorder
	// Subscription is what the strategy looks at beside its candles, and Wants
	// which events it handles.
	Subscription strategy.Subscription
	Wants        func(strategy.EventKind) bool
	// Live makes the account one whose orders are wishes at an exchange. Defaults to
	// one on paper.
	Live bool
	// sim, if not nil, gets the same orders as an exchange.
	sim *Simulation
}

// Account is a bot's engine with its venues, on paper or at an exchange: a Session for
// a bot of one pair, a Basket for one of several. A bot on paper and its replay have the
// same. It is not safe for concurrent use.
type Account struct {
	Loop
	session *engine.Session // nil if there are several pairs
	basket  *engine.Basket  // nil if there is one
	// markets are those of the pairs, the bot's own first; so are papers, or remotes
	// of an account at an exchange.
	markets []exchange.Market
	papers  []*paper.Venue
	remotes []*remote.Venue
	step    []engine.PairCandle
}

// AccountState is all that an Account remembers.
type AccountState struct {
	// Engine and Venue are those of the bot's own pair. Venue has nothing at an
	// exchange.
	Engine engine.State     `json:"engine"`
	Venue  paper.VenueState `json:"venue"`
	// Remote are the venues at an exchange, that of the bot's own pair first; nil on
	// paper.
	Remote []remote.State `json:"remote,omitempty"`
	// Pool is the cash that no order holds, in the shared unit of the markets, and
	// Legs are the further pairs, of a bot of several.
	Pool int64 `json:"pool,omitempty"`
	Legs []Leg `json:"legs,omitempty"`
}

// Leg is the state of a further pair.
type Leg struct {
	Pair   string           `json:"pair"`
	Engine engine.State     `json:"engine"`
	Venue  paper.VenueState `json:"venue"`
}

// Pairs are the names of the further pairs.
func (s AccountState) Pairs() []string {
	var out []string
	for _, l := range s.Legs {
		out = append(out, l.Pair)
	}
	return out
}

// OpenOrders is how many orders are open, in all pairs.
func (s AccountState) OpenOrders() int {
	n := len(s.Engine.Orders)
	for _, l := range s.Legs {
		n += len(l.Engine.Orders)
	}
	return n
}

// Markets are those of the pairs that are traded, the bot's own first.
func (t Terms) Markets() []exchange.Market { return append([]exchange.Market{t.Market}, t.Also...) }

// NewAccount opens an account under terms.
func NewAccount(t Terms, cfg AccountConfig) (*Account, error) {
	a := &Account{markets: t.Markets()}
	var venues []engine.Funded
	for i, m := range a.markets {
		balance, prefix := t.Balance, ""
		if i > 0 {
			balance, prefix = 0, fmt.Sprintf("P%d-", i)
		}
		v, err := a.open(cfg, m, balance, t.Fees, prefix)
		if err != nil {
			return nil, err
		}
		venues = append(venues, v)
	}
	own := engine.Config{
		Market: t.Market, Interval: t.Interval, Decide: t.Decide, Balance: t.Balance, Venue: venues[0], Risk: t.Risk, Recorder: cfg.Recorder,
		OrderPrefix: cfg.OrderPrefix, Wants: cfg.Wants, Subscription: cfg.Subscription,
	}
	var err error
	if len(t.Also) == 0 {
		a.session, err = engine.New(own)
		a.Loop = a.session
		return a, err
	}
	in := engine.BasketConfig{Config: own}
	for i, m := range t.Also {
		in.Legs = append(in.Legs, engine.Leg{Market: m, Risk: t.further(i), Venue: venues[i+1]})
	}
	a.basket, err = engine.NewBasket(in)
	a.Loop = a.basket
	return a, err
}

// open makes the venue of a pair.
func (a *Account) open(cfg AccountConfig, m exchange.Market, balance exchange.Units, fees exchange.Fees, prefix string) (engine.Funded, error) {
	if cfg.Live {
		v, err := remote.New(remote.Config{Market: m, Balance: balance, Fees: fees, OrderPrefix: cfg.OrderPrefix})
		a.remotes = append(a.remotes, v)
		if cfg.sim != nil && err == nil {
			return shadow{v, cfg.sim, m}, nil
		}
		return v, err
	}
	v, err := paper.NewVenue(paper.VenueConfig{Market: m, Balance: balance, Fees: fees, OrderPrefix: prefix})
	a.papers = append(a.papers, v)
	return v, err
}

// further are the bounds of a further pair: the bot's own but for the largest
// position, of which each pair has its own.
func (t Terms) further(n int) risk.Config {
	c := t.Risk
	if c.MaxPosition = 0; n < len(t.MaxPositions) {
		c.MaxPosition = t.MaxPositions[n]
	}
	return c
}

// Begin takes a closed candle of the bot's own pair, with those of the further
// pairs that opened at the same time.
func (a *Account) Begin(c exchange.Candle, further ...engine.PairCandle) error {
	if a.basket == nil {
		return a.session.Begin(&c)
	}
	a.step = append(append(a.step[:0], further...), engine.PairCandle{Pair: a.basket.Pair(), Candle: c})
	return a.basket.Begin(a.step)
}

// BeginLate takes closed candles of further pairs that opened at the same time and
// came after a later one of the bot's own.
func (a *Account) BeginLate(further []engine.PairCandle) error {
	if a.basket == nil {
		return errors.New("parity: the account has no further pairs")
	}
	return a.basket.Begin(further)
}

// Trades reports whether a pair is one of the further ones that are traded.
func (a *Account) Trades(pair string) bool {
	return slices.ContainsFunc(a.markets[1:], func(m exchange.Market) bool { return m.Pair == pair })
}

// Markets are those of the pairs, the bot's own first; they are the account's.
func (a *Account) Markets() []exchange.Market { return a.markets }

// Seek is engine.Session.Seek for the newest candle of the bot's own pair and those
// of the further pairs.
func (a *Account) Seek(c exchange.Candle, further ...engine.PairCandle) error {
	if a.basket == nil {
		return a.session.Seek(c)
	}
	return a.basket.Seek(append([]engine.PairCandle{{Pair: a.basket.Pair(), Candle: c}}, further...))
}

// State returns a copy of the account's state.
func (a *Account) State() AccountState {
	var s AccountState
	if a.basket == nil {
		s.Engine = a.session.State()
	} else {
		b := a.basket.State()
		s.Engine, s.Pool = b.Legs[0].State, b.Pool
		for _, l := range b.Legs[1:] {
			s.Legs = append(s.Legs, Leg{Pair: l.Pair, Engine: l.State})
		}
	}
	for _, v := range a.remotes {
		s.Remote = append(s.Remote, v.State())
	}
	for i, v := range a.papers {
		if i == 0 {
			s.Venue = v.State()
		} else {
			s.Legs[i-1].Venue = v.State()
		}
	}
	return s
}

// Restore puts the account in a state that it had before. A state of other pairs, or of
// an account elsewhere, is an error and changes nothing.
func (a *Account) Restore(s AccountState) error {
	if !slices.EqualFunc(a.markets[1:], s.Legs, func(m exchange.Market, l Leg) bool { return m.Pair == l.Pair }) {
		return errors.New("parity: the state is of an account of other pairs")
	}
	if len(s.Remote) != len(a.remotes) {
		return errors.New("parity: the state is of an account on paper, or this one is")
	}
	for i, v := range a.remotes {
		v.Restore(s.Remote[i])
	}
	for i, v := range a.papers {
		if i == 0 {
			v.Restore(s.Venue)
		} else {
			v.Restore(s.Legs[i-1].Venue)
		}
	}
	if a.basket == nil {
		a.session.Restore(s.Engine)
		return nil
	}
	b := engine.BasketState{Pool: s.Pool, Legs: []engine.LegState{{Pair: a.basket.Pair(), State: s.Engine}}}
	for _, l := range s.Legs {
		b.Legs = append(b.Legs, engine.LegState{Pair: l.Pair, State: l.Engine})
	}
	return a.basket.Restore(b)
}

// Renew lets the numbers of orders of a new account go on from those of an earlier
// one, and those of the fills in the bot's own pair.
func (a *Account) Renew(before AccountState) {
	next := before.Engine.NextRef
	for _, l := range before.Legs {
		next = max(next, l.Engine.NextRef)
	}
	if len(a.papers) > 0 {
		a.papers[0].Renew(before.Venue)
	}
	a.HearAfter(before.Event())
	if a.basket == nil {
		a.session.Renew(next)
		return
	}
	a.basket.Renew(next)
}

// HearAfter lets a new account hear only what happens at an exchange after an event: what
// came before is in the books of an earlier one.
func (a *Account) HearAfter(event int64) {
	for _, v := range a.remotes {
		v.Renew(remote.State{Event: max(v.Event(), event)})
	}
}

// Position is what an account holds in a pair.
type Position struct {
	Market exchange.Market
	// Portfolio is the account there; the cash of all pairs is in View.
	portfolio.Portfolio
	Exits strategy.Exits
	// Price is the close of the newest candle that was judged.
	Price  exchange.Ticks
	Orders int
}

// Worth is what the position is worth at the newest price, and Unrealised what that
// is above its cost; both are 0 if they do not fit.
func (p Position) Worth() (worth, unrealised exchange.Units) {
	held, err := p.Price.Times(p.Base)
	if err != nil {
		return 0, 0
	}
	return held, held - p.Cost
}

// Positions are what the account holds in each pair, the bot's own first.
func (a *Account) Positions() []Position {
	v := a.View()
	if a.basket == nil {
		return []Position{{Market: a.markets[0], Portfolio: a.session.Portfolio(), Exits: v.Exits, Price: a.session.NewestPrice(), Orders: len(v.Orders)}}
	}
	out := make([]Position, len(a.markets))
	for i, m := range a.markets {
		p, _ := a.basket.Account(m.Pair)
		one := v
		if i > 0 {
			one = &v.Others[i-1]
		}
		out[i] = Position{Market: m, Portfolio: p, Exits: one.Exits, Price: a.basket.NewestPrice(m.Pair), Orders: len(one.Orders)}
	}
	return out
}

// LastPrice is the newest close of the bot's own pair.
func (a *Account) LastPrice() exchange.Ticks {
	if a.basket == nil {
		return a.session.LastPrice()
	}
	return a.basket.LastPrice(a.basket.Pair())
}

// PairPrice is the newest close of one of the further pairs that are traded; 0 of any other.
func (a *Account) PairPrice(pair string) exchange.Ticks {
	if !a.Trades(pair) {
		return 0
	}
	return a.basket.LastPrice(pair)
}

// Stale is engine.Basket.Stale; a single pair never is.
func (a *Account) Stale() []string {
	if a.basket == nil {
		return nil
	}
	return a.basket.Stale()
}

// MaxDrawdown is the deepest fall of the account's worth below a peak, as a
// fraction of it.
func (a *Account) MaxDrawdown() float64 {
	if a.basket == nil {
		return a.session.MaxDrawdown()
	}
	return a.basket.MaxDrawdown()
}
