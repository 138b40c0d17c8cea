package parity

import (
	"fmt"
	"strings"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/portfolio"
)

// ActKind is the sort of an act.
type ActKind string

// The sorts of acts.
const (
	// Command is what the strategy asked for.
	Command ActKind = "command"
	// Order is what became of an order: the venue's answer, or a denial of ours.
	Order ActKind = "order"
	// Fill is an execution.
	Fill ActKind = "fill"
	// Signal is a message from outside that the strategy was told.
	Signal ActKind = "signal"
)

// Act is one thing that a bot did or that happened to it.
type Act struct {
	// At is when the candle opened within which it was, in epoch milliseconds.
	At   int64   `json:"at"`
	Kind ActKind `json:"kind"`
	// Text tells all of it, in the market's currencies.
	Text string `json:"text"`
	// Signal is the message, if it is one.
	Signal *strategy.Signal `json:"signal,omitempty"`
}

// same reports whether two acts are the same.
func (a Act) same(b Act) bool { return a.At == b.At && a.Kind == b.Kind && a.Text == b.Text }

// Point is how far a tape has come.
type Point struct {
	Sums
	// Acts are those since the point before; Dropped counts those beyond
	// MaxActs, which the sum has all the same.
	Acts    []Act `json:"acts,omitempty"`
	Dropped int   `json:"dropped,omitempty"`
	// Epoch is the lease under which the bot worked: another one after a restart.
	Epoch int64 `json:"epoch,omitempty"`
	// Late is how long after its close the bot saw the latest of the candles
	// since the point before, in milliseconds of the market's clock.
	Late int64 `json:"late,omitempty"`
}

// MaxActs is how many acts a point holds, and more signals than that if there were:
// a replay follows from them.
const MaxActs = 100

// Tape takes down what a bot sees and does. It is an engine.Recorder. It is not
// safe for concurrent use.
type Tape struct {
	market exchange.Market
	sums   Sums
	at     int64
	next   Point
}

var _ engine.Recorder = (*Tape)(nil)

// NewTape returns a tape that goes on from sums; the zero Sums begin one.
func NewTape(m exchange.Market, from Sums) *Tape { return &Tape{market: m, sums: from} }

// Sums returns how far the tape has come.
func (t *Tape) Sums() Sums { return t.sums }

// Candle takes down a closed candle, before the session gets it.
func (t *Tape) Candle(c *exchange.Candle) {
	t.at = c.Time
	t.sums.see(c)
}

// Late notes how long after its close the newest candle was seen, in
// milliseconds.
func (t *Tape) Late(by int64) { t.next.Late = max(t.next.Late, by) }

// Event takes down what the strategy is told from outside; other events follow
// from what is on the tape already.
func (t *Tape) Event(ev *strategy.Event) {
	t.sums.hear(ev)
	if ev.Kind == strategy.SignalEvent {
		signal := ev.Signal
		t.act(Act{Kind: Signal, Text: fmt.Sprintf("signal %s: %s", signal.ID, signal.Text), Signal: &signal})
	}
}

// Book takes down the top of the book that the strategy sees with a candle. Nobody
// keeps it, so that a replay of a bot that saw one can name no other cause than
// that.
func (t *Tape) Book(top exchange.Top) {
	if !top.IsZero() {
		t.sums.hear(&strategy.Event{Kind: strategy.BookEvent, Top: top})
	}
}

// Commands takes down a strategy's answer.
func (t *Tape) Commands(cs []strategy.Command) {
	for i := range cs {
		c := &cs[i]
		t.sums.say(c)
		if text := t.command(c); text != "" {
			t.act(Act{Kind: Command, Text: text})
		}
	}
}

// Fill implements engine.Recorder.
func (t *Tape) Fill(f exchange.Fill, ref uint64, _ portfolio.Result) {
	m := t.market
	fee := m.Amount(f.FeeCounter).String() + " " + m.Counter
	if f.FeeBase != 0 {
		fee += " and " + m.DustAmount(f.FeeBase).String() + " " + m.Base
	}
	t.act(Act{Kind: Fill, Text: fmt.Sprintf("order %d: %s %s %s at %s, fee %s", ref, past(f.Side), m.Volume(f.Volume), m.Base, m.Price(f.Price), fee)})
}

// Order implements engine.Recorder.
func (t *Tape) Order(o engine.OrderRecord) {
	text := fmt.Sprintf("order %d: %s, %s is %s", o.Ref, t.request(o.Request.Side, o.Request.Type, o.Request.Price, o.Request.Volume, o.Request.Value),
		t.market.Volume(o.Filled).String()+" filled, it", o.State)
	if o.Reason != "" {
		text += ": " + o.Reason
	}
	t.act(Act{Kind: Order, Text: text})
}

// Busy reports whether anything was done since the point before.
func (t *Tape) Busy() bool { return len(t.next.Acts) > 0 }

// Point returns what is on the tape since the point before.
func (t *Tape) Point() Point {
	p := t.next
	p.Sums = t.sums
	return p
}

// Next begins the next point, once the one before has been stored.
func (t *Tape) Next() { t.next = Point{} }

func (t *Tape) act(a Act) {
	a.At = t.at
	t.sums.do(&a)
	if len(t.next.Acts) >= MaxActs && a.Signal == nil {
		t.next.Dropped++
		return
	}
	t.next.Acts = append(t.next.Acts, a)
}

// command writes a command; "" for one that only says something.
func (t *Tape) command(c *strategy.Command) string {
	switch c.Kind {
	case strategy.PlaceCommand:
		text := fmt.Sprintf("order %d: %s", c.Ref, t.request(c.Side, c.Type, c.Price, c.Volume, c.Value))
		if c.PostOnly {
			text += ", post-only"
		}
		if c.Type == exchange.LimitOrder {
			text += ", " + c.TimeInForce.String()
		}
		return text
	case strategy.CancelCommand:
		return fmt.Sprintf("cancel order %d", c.Ref)
	case strategy.CancelAllCommand:
		return "cancel all orders"
	case strategy.ExitsCommand:
		return fmt.Sprintf("protective exits: stop %s, target %s", t.price(c.Exits.Stop), t.price(c.Exits.Target))
	case strategy.NoteCommand, strategy.PlotCommand:
		return ""
	}
	return c.Kind.String()
}

func (t *Tape) price(p exchange.Ticks) string {
	if p == 0 {
		return "none"
	}
	return t.market.Price(p).String()
}

// request writes an order in words.
func (t *Tape) request(side exchange.Side, typ exchange.OrderType, price exchange.Ticks, volume exchange.Steps, value exchange.Units) string {
	var b strings.Builder
	b.WriteString(side.String())
	if volume != 0 {
		fmt.Fprintf(&b, " %s %s", t.market.Volume(volume), t.market.Base)
	}
	if value != 0 {
		fmt.Fprintf(&b, " for %s %s", t.market.Amount(value), t.market.Counter)
	}
	if typ == exchange.LimitOrder {
		return b.String() + " at " + t.market.Price(price).String()
	}
	return b.String() + " at market"
}

// past is what an execution did.
func past(s exchange.Side) string {
	if s == exchange.Sell {
		return "sold"
	}
	return "bought"
}
