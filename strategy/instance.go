package strategy

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// Snapshot is a strategy's state at a point between two events (rule PL7).
type Snapshot struct {
	// Version is the StateVersion of the definition that wrote it.
	Version int `json:"version"`
	// Data is the state as the strategy wrote it.
	Data json.RawMessage `json:"data"`
}

// NewerStateError means that a strategy's newer version has written a state: the one at
// hand would misread it, and is not given it (rule PL7).
type NewerStateError struct {
	// Strategy and Version are those of the strategy at hand.
	Strategy, Version string
	// State is the version of the state, and Reads the newest that it reads.
	State, Reads int
}

// Error implements error.
func (e *NewerStateError) Error() string {
	return fmt.Sprintf("the state has version %d and %s %s reads none above %d: a newer version of the strategy has written it", e.State, e.Strategy, e.Version, e.Reads)
}

// Reads returns a *NewerStateError if a state is newer than the definition of these
// facts.
func (i Info) Reads(s Snapshot) error {
	if s.Version > i.StateVersion {
		return &NewerStateError{Strategy: i.Name, Version: i.Version, State: s.Version, Reads: i.StateVersion}
	}
	return nil
}

// MaxState is how many bytes a strategy's saved state has at the most: a host writes it
// again and again, for each of its bots.
const MaxState = 1 << 20

// Snapshotter is a strategy that saves and restores its state itself. Restore
// gets states of older versions too and upgrades them, or refuses with an
// error; it must never silently start from nothing. It never gets one of a newer
// version. What is saved has at most MaxState bytes.
type Snapshotter interface {
	SaveState() (json.RawMessage, error)
	RestoreState(version int, data json.RawMessage) error
}

// OpenInput is what a strategy needs to begin.
type OpenInput struct {
	// Also are the markets of the further pairs that are traded with the same
	// balance, at most MaxPairs and each once; only a PairTrader takes them.
	// Defaults to none.
	Also []exchange.Market
	// Explain is true if somebody reads notes and plots.
	Explain bool
	// Interval is the length of the candles.
	Interval time.Duration
	// Market is what is traded.
	Market exchange.Market
	// Params are the parameters as JSON; empty means the defaults.
	Params json.RawMessage
	// Snapshot is the state to go on from; nil begins anew.
	Snapshot *Snapshot
}

// Instance is one strategy at work for one bot. It is not safe for concurrent
// use.
type Instance struct {
	def      Definition
	strategy Strategy
	candle   CandleHandler
	fill     FillHandler
	order    OrderHandler
	signal   SignalHandler
	start    StartHandler
	trades   TradesHandler
	book     BookHandler
	pair     PairHandler
	sees     Subscription
	bot      Bot
}

// Open makes a strategy of the definition. Bad parameters are param.Errors; a
// snapshot that cannot be read is an error that names both versions.
func (d Definition) Open(in OpenInput) (*Instance, error) {
	s, err := d.make(in.Params)
	if err != nil {
		return nil, err
	}
	i := &Instance{def: d, strategy: s, bot: Bot{
		market: in.Market, interval: in.Interval, explain: in.Explain, commands: make([]Command, 0, 8),
	}}
	i.candle, _ = s.(CandleHandler)
	i.fill, _ = s.(FillHandler)
	i.order, _ = s.(OrderHandler)
	i.signal, _ = s.(SignalHandler)
	i.start, _ = s.(StartHandler)
	i.trades, _ = s.(TradesHandler)
	i.book, _ = s.(BookHandler)
	i.pair, _ = s.(PairHandler)
	if i.sees, err = subscription(d.info.Name, in.Market.Pair, s); err != nil {
		return nil, err
	}
	if err := i.trade(in); err != nil {
		return nil, err
	}
	if in.Snapshot != nil {
		if err := i.restore(*in.Snapshot); err != nil {
			return nil, err
		}
	}
	return i, nil
}

// Warmup returns how many candles of the past the strategy wants first.
func (i *Instance) Warmup() int {
	if w, ok := i.strategy.(Warmer); ok {
		return max(0, w.Warmup())
	}
	return 0
}

// Subscription returns what the strategy looks at beyond its market's candles.
func (i *Instance) Subscription() Subscription { return i.sees }

// Explain says whether somebody reads notes and plots from now on, in place of what
// the strategy was opened with.
func (i *Instance) Explain(read bool) {
	i.bot.explain = read
	for _, o := range i.bot.others {
		o.explain = read
	}
}

// Wants reports whether the strategy handles events of the kind.
func (i *Instance) Wants(k EventKind) bool {
	switch k {
	case CandleEvent:
		return i.candle != nil
	case FillEvent:
		return i.fill != nil
	case OrderEvent:
		return i.order != nil
	case StartEvent:
		return i.start != nil
	case SignalEvent:
		return i.signal != nil
	case TradesEvent:
		return i.sees.Trades
	case BookEvent:
		return i.sees.Book && i.book != nil
	case PairEvent:
		return len(i.sees.Pairs) > 0 || len(i.bot.others) > 0
	}
	return false
}

// Deliver gives the strategy one event and returns the commands that it
// recorded; the slice is valid until the next call. Events that the strategy
// does not handle give no commands.
func (i *Instance) Deliver(v *View, ev *Event) []Command {
	b := &i.bot
	if b.view != v {
		b.view = v
	}
	b.now, b.nextRef = ev.Time, v.NextRef
	b.commands = b.commands[:0]
	if len(b.others) > 0 {
		b.show(v)
	}
	if ev.Kind != CandleEvent {
		i.deliver(b, ev)
	} else if i.candle != nil {
		// Field by field it goes straight into registers; whole, it would be
		// copied through the stack first.
		c := &ev.Candle
		i.candle.OnCandle(b, exchange.Candle{Time: c.Time, Open: c.Open, High: c.High, Low: c.Low, Close: c.Close, Volume: c.Volume})
	}
	return b.commands
}

// deliver gives the strategy an event that is no candle of its pair: by itself, so that
// candles need no stack for it.
func (i *Instance) deliver(b *Bot, ev *Event) {
	switch ev.Kind {
	case CandleEvent: // Deliver's
	case FillEvent:
		if i.fill != nil {
			i.fill.OnFill(b, ev.Fill)
		}
	case OrderEvent:
		if i.order != nil {
			i.order.OnOrder(b, ev.Order)
		}
	case StartEvent:
		if i.start != nil {
			i.start.OnStart(b)
		}
	case SignalEvent:
		if i.signal != nil {
			i.signal.OnSignal(b, ev.Signal)
		}
	case TradesEvent:
		if i.trades != nil {
			i.trades.OnTrades(b, ev.Trades)
		}
	case BookEvent:
		if i.book != nil {
			i.book.OnBook(b, ev.Top)
		}
	case PairEvent:
		if i.pair != nil {
			i.pair.OnPair(b, ev.Pair, ev.Candle)
		}
	}
}

// TryDeliver is Deliver with a panic of the strategy turned into a *PanicError.
func (i *Instance) TryDeliver(v *View, ev *Event) (commands []Command, err error) {
	defer func() {
		if p := recover(); p != nil {
			commands, err = nil, NewPanicError(p)
		}
	}()
	return i.Deliver(v, ev), nil
}

// Snapshot returns the strategy's state.
func (i *Instance) Snapshot() (Snapshot, error) {
	var (
		data json.RawMessage
		err  error
	)
	if s, ok := i.strategy.(Snapshotter); ok {
		data, err = s.SaveState()
	} else {
		if data, err = json.Marshal(i.strategy); err != nil {
			err = unsavable(i.strategy, err)
		}
	}
	if err != nil {
		return Snapshot{}, fmt.Errorf("saving the state of %s: %w", i.def.info.Name, err)
	}
	if len(data) > MaxState {
		return Snapshot{}, fmt.Errorf("saving the state of %s: it has %d bytes, and may have %d: keep less in exported fields", i.def.info.Name, len(data), MaxState)
	}
	return Snapshot{Version: i.def.info.StateVersion, Data: data}, nil
}

func (i *Instance) restore(s Snapshot) error {
	if err := i.def.info.Reads(s); err != nil {
		return fmt.Errorf("restoring the state of %s: %w", i.def.info.Name, err)
	}
	if r, ok := i.strategy.(Snapshotter); ok {
		if err := r.RestoreState(s.Version, s.Data); err != nil {
			return fmt.Errorf("restoring the state of %s: %w", i.def.info.Name, err)
		}
		return nil
	}
	if s.Version != i.def.info.StateVersion {
		return fmt.Errorf("restoring the state of %s: the state has version %d and %s %s reads version %d: start a version that upgrades it",
			i.def.info.Name, s.Version, i.def.info.Name, i.def.info.Version, i.def.info.StateVersion)
	}
	if err := json.Unmarshal(s.Data, i.strategy); err != nil {
		return fmt.Errorf("restoring the state of %s: %w", i.def.info.Name, err)
	}
	return nil
}
