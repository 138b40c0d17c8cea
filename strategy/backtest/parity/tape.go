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
	// Outside is anything else that came from outside, see Given.
	Outside ActKind = "outside"
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
	// Given is what the bot was given there, if that did not follow from what came before.
	Given *Given `json:"given,omitempty"`
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
	// Odd are the candles of the bot's own pair with which those of the further pairs
	// did not all come in time.
	Odd []Odd `json:"odd,omitempty"`
	// Tops are the tops of the book that the strategy saw.
	Tops []TopAt `json:"tops,omitempty"`
	// Wished is a sum of what the bot wants at its exchange; 0 if that is nothing.
	Wished uint64 `json:"wished,omitempty"`
}

// Odd is a candle of the bot's own pair that came without those of all further
// pairs, or after late ones of them.
type Odd struct {
	// At is when it opened, in epoch milliseconds.
	At int64 `json:"at"`
	// Late are the steps before it, and With the pairs whose candles came with it.
	Late []Step   `json:"late,omitempty"`
	With []string `json:"with,omitempty"`
}

// TopAt is the top of the book that came with a candle.
type TopAt struct {
	// At is when the candle opened, in epoch milliseconds.
	At  int64        `json:"at"`
	Top exchange.Top `json:"top"`
}

// Step is a time at which late candles of further pairs had opened.
type Step struct {
	At    int64    `json:"at"`
	Pairs []string `json:"pairs"`
}

// MaxActs is how many acts a point holds, and more signals and other things that were
// given than that if there were: a replay follows from them.
const MaxActs = 100

// Tape takes down what a bot sees and does. It is an engine.Recorder. It is not
// safe for concurrent use.
type Tape struct {
	market exchange.Market
	also   []exchange.Market
	sums   Sums
	next   Point
	late   []Step // since the newest candle of the bot's own pair
	marked Sums   // at the point before
	heard  int    // how many news are in next
}

var _ engine.Recorder = (*Tape)(nil)

// NewTape returns a tape of a bot that trades a market, and also further ones, that
// goes on from sums; the zero Sums begin one.
func NewTape(m exchange.Market, from Sums, also ...exchange.Market) *Tape {
	return &Tape{market: m, also: also, sums: from, marked: from}
}

// After says when the newest candle opened that the bot has seen, for what happens before
// the next one.
func (t *Tape) After(at int64) { t.sums.At, t.marked.At = at, at }

// Sums returns how far the tape has come.
func (t *Tape) Sums() Sums { return t.sums }

// Candle takes down a closed candle of the bot's own pair, with those of the further
// pairs that come with it, before the account gets them.
func (t *Tape) Candle(c *exchange.Candle, with ...engine.PairCandle) {
	if len(t.late) > 0 || len(with) != len(t.also) {
		t.next.Odd = append(t.next.Odd, Odd{At: c.Time, Late: t.late, With: named(with)})
		t.late = nil
	}
	t.further(c.Time, with)
	t.sums.see(c)
}

// LateCandles takes down candles of further pairs that opened at the same time, and
// come after a later one of the bot's own, before the account gets them.
func (t *Tape) LateCandles(of []engine.PairCandle) {
	t.late = append(t.late, Step{At: of[0].Candle.Time, Pairs: named(of)})
	t.further(of[0].Candle.Time, of)
}

func (t *Tape) further(at int64, of []engine.PairCandle) {
	t.sums.At = at
	for i := range of {
		t.sums.Seen = seenOf(t.sums.Seen, of[i].Pair, &of[i].Candle)
	}
}

func named(of []engine.PairCandle) []string {
	var out []string
	for i := range of {
		out = append(out, of[i].Pair)
	}
	return out
}

// of returns the market of a pair; "" is the bot's own.
func (t *Tape) of(pair string) exchange.Market {
	for _, m := range t.also {
		if m.Pair == pair {
			return m
		}
	}
	return t.market
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

// Book takes down the top of the book that the strategy sees with a candle, which nobody
// else keeps.
func (t *Tape) Book(top exchange.Top) {
	if !top.IsZero() {
		t.next.Tops = append(t.next.Tops, TopAt{At: t.sums.At, Top: top})
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
	m := t.of(f.Pair)
	fee := m.Amount(f.FeeCounter).String() + " " + m.Counter
	if f.FeeBase != 0 {
		fee += " and " + m.DustAmount(f.FeeBase).String() + " " + m.Base
	}
	t.act(Act{Kind: Fill, Text: fmt.Sprintf("order %d: %s %s %s at %s, fee %s", ref, past(f.Side), m.Volume(f.Volume), m.Base, m.Price(f.Price), fee)})
}

// Order implements engine.Recorder.
func (t *Tape) Order(o engine.OrderRecord) {
	m := t.of(o.Request.Pair)
	text := fmt.Sprintf("order %d: %s, %s is %s", o.Ref, request(m, o.Request.Side, o.Request.Type, o.Request.Price, o.Request.Volume, o.Request.Value),
		m.Volume(o.Filled).String()+" filled, it", o.State)
	if o.Reason != "" {
		text += ": " + o.Reason
	}
	t.act(Act{Kind: Order, Text: text})
}

// Busy reports whether anything was done since the point before.
func (t *Tape) Busy() bool { return len(t.next.Acts) > 0 }

// Fresh reports whether anything is on the tape since the point before.
func (t *Tape) Fresh() bool { return t.sums != t.marked || t.Busy() }

// Point returns what is on the tape since the point before, if it is Fresh.
func (t *Tape) Point() Point {
	p := t.next
	p.Sums = t.sums
	p.Points++
	return p
}

// Next begins the next point, once the one before has been stored.
func (t *Tape) Next() {
	t.sums.Points++
	t.next, t.marked, t.heard = Point{}, t.sums, 0
}

func (t *Tape) act(a Act) {
	a.At = t.sums.At
	t.sums.do(&a)
	if len(t.next.Acts) >= MaxActs && a.Signal == nil && a.Given == nil {
		t.next.Dropped++
		return
	}
	t.next.Acts = append(t.next.Acts, a)
}

// command writes a command; "" for one that only says something.
func (t *Tape) command(c *strategy.Command) string {
	m, where := t.of(c.Pair), ""
	if c.Pair != "" {
		where = " in " + c.Pair
	}
	switch c.Kind {
	case strategy.PlaceCommand:
		text := fmt.Sprintf("order %d: %s", c.Ref, request(m, c.Side, c.Type, c.Price, c.Volume, c.Value))
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
		return "cancel all orders" + where
	case strategy.ExitsCommand:
		return fmt.Sprintf("protective exits%s: stop %s, target %s", where, price(m, c.Exits.Stop), price(m, c.Exits.Target))
	case strategy.NoteCommand, strategy.PlotCommand:
		return ""
	}
	return c.Kind.String()
}

func price(m exchange.Market, p exchange.Ticks) string {
	if p == 0 {
		return "none"
	}
	return m.Price(p).String()
}

// request writes an order in words.
func request(m exchange.Market, side exchange.Side, typ exchange.OrderType, price exchange.Ticks, volume exchange.Steps, value exchange.Units) string {
	var b strings.Builder
	b.WriteString(side.String())
	if volume != 0 {
		fmt.Fprintf(&b, " %s %s", m.Volume(volume), m.Base)
	}
	if value != 0 {
		fmt.Fprintf(&b, " for %s %s", m.Amount(value), m.Counter)
	}
	if typ == exchange.LimitOrder {
		return b.String() + " at " + m.Price(price).String()
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
