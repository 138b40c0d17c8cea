package strategytest

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/strategytest/conformance"
)

// Market returns a market for tests: XBTMYR in whole ringgit and millionths of
// a bitcoin, without minimums.
func Market() exchange.Market { return conformance.Market() }

// Config says how a Harness opens its strategy.
type Config struct {
	// Also are the markets of further pairs, whose accounts are in View.Others.
	// Defaults to none.
	Also []exchange.Market
	// Explain asks for notes and plots.
	Explain bool
	// Interval is the length of the candles. Defaults to a minute.
	Interval time.Duration
	// Market defaults to Market().
	Market exchange.Market
	// Params are the parameters as JSON. Defaults to the strategy's own.
	Params string
	// Snapshot is the state to go on from. Defaults to none.
	Snapshot *strategy.Snapshot
}

// Harness feeds one strategy in process, event by event. Nothing trades: the
// test sets View as it wants the account to be.
type Harness struct {
	// View is what the strategy is shown of its account. It begins with a
	// million of the counter currency.
	View strategy.View

	tb       testing.TB
	interval time.Duration
	instance *strategy.Instance
	now      int64
}

// New opens the strategy; if that fails, so does the test.
func New(tb testing.TB, def strategy.Definition, cfg Config) *Harness {
	tb.Helper()
	if cfg.Interval == 0 {
		cfg.Interval = time.Minute
	}
	if cfg.Market.Pair == "" {
		cfg.Market = Market()
	}
	instance, err := def.Open(strategy.OpenInput{
		Explain: cfg.Explain, Interval: cfg.Interval, Market: cfg.Market, Also: cfg.Also, Params: json.RawMessage(cfg.Params), Snapshot: cfg.Snapshot,
	})
	if err != nil {
		tb.Fatalf("opening %s: %v", def.Info().Name, err)
	}
	million, err := cfg.Market.Units(decimal.New(1_000_000, 0), exchange.Down)
	if err != nil {
		tb.Fatal(err)
	}
	return &Harness{View: strategy.View{Counter: million, NextRef: 1, Others: make([]strategy.View, len(cfg.Also))}, tb: tb, interval: cfg.Interval, instance: instance}
}

// Close gives the next candle, of which only the closing price matters, and
// returns the commands.
func (h *Harness) Close(price exchange.Ticks) []strategy.Command {
	h.tb.Helper()
	c := exchange.Flat(h.now, price)
	c.Volume = 1
	return h.Candle(c)
}

// Closes gives one candle after another and returns the last one's commands.
func (h *Harness) Closes(prices ...exchange.Ticks) (last []strategy.Command) {
	h.tb.Helper()
	for _, price := range prices {
		last = h.Close(price)
	}
	return last
}

// Candle gives a candle and returns the commands.
func (h *Harness) Candle(c exchange.Candle) []strategy.Command {
	h.tb.Helper()
	h.now = c.Time + h.interval.Milliseconds()
	return h.Event(strategy.Event{Kind: strategy.CandleEvent, Time: h.now, Candle: c})
}

// Pair gives a candle of another pair and returns the commands.
func (h *Harness) Pair(pair string, c exchange.Candle) []strategy.Command {
	h.tb.Helper()
	h.now = c.Time + h.interval.Milliseconds()
	return h.Event(strategy.Event{Kind: strategy.PairEvent, Time: h.now, Pair: pair, Candle: c})
}

// Fill tells of a fill and returns the commands.
func (h *Harness) Fill(f strategy.Fill) []strategy.Command {
	h.tb.Helper()
	return h.Event(strategy.Event{Kind: strategy.FillEvent, Time: h.now, Fill: f})
}

// Order tells of an order's state and returns the commands.
func (h *Harness) Order(u strategy.OrderUpdate) []strategy.Command {
	h.tb.Helper()
	return h.Event(strategy.Event{Kind: strategy.OrderEvent, Time: h.now, Order: u})
}

// Start tells that the bot starts and returns the commands.
func (h *Harness) Start() []strategy.Command {
	h.tb.Helper()
	return h.Event(strategy.Event{Kind: strategy.StartEvent, Time: h.now})
}

// Signal tells of a message from outside that has just come and returns the
// commands.
func (h *Harness) Signal(text string) []strategy.Command {
	h.tb.Helper()
	return h.Event(strategy.Event{Kind: strategy.SignalEvent, Time: h.now, Signal: strategy.Signal{ID: "test", Text: text, Time: h.now}})
}

// Trades tells trades of the market and returns the commands.
func (h *Harness) Trades(trades ...exchange.Trade) []strategy.Command {
	h.tb.Helper()
	return h.Event(strategy.Event{Kind: strategy.TradesEvent, Time: h.now, Trades: trades})
}

// Book makes prices the best bid and ask of the book, in View too, tells the
// strategy and returns the commands. A price of 0 is a side without an order.
func (h *Harness) Book(bid, ask exchange.Ticks) []strategy.Command {
	h.tb.Helper()
	h.View.Top = exchange.Top{Bid: exchange.Level{Price: bid}, Ask: exchange.Level{Price: ask}, Time: h.now}
	return h.Event(strategy.Event{Kind: strategy.BookEvent, Time: h.now, Top: h.View.Top})
}

// Event gives any event and returns the commands. Orders advance View.NextRef.
func (h *Harness) Event(ev strategy.Event) []strategy.Command {
	h.tb.Helper()
	commands := slices.Clone(h.instance.Deliver(&h.View, &ev))
	for _, c := range commands {
		if c.Kind == strategy.PlaceCommand {
			h.View.NextRef = max(h.View.NextRef, c.Ref+1)
		}
	}
	return commands
}

// Snapshot returns the strategy's state.
func (h *Harness) Snapshot() strategy.Snapshot {
	h.tb.Helper()
	s, err := h.instance.Snapshot()
	if err != nil {
		h.tb.Fatal(err)
	}
	return s
}

// Only returns the commands of a kind.
func Only(commands []strategy.Command, kind strategy.CommandKind) []strategy.Command {
	var out []strategy.Command
	for _, c := range commands {
		if c.Kind == kind {
			out = append(out, c)
		}
	}
	return out
}
