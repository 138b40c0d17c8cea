package strategy

import (
	"fmt"
	"slices"

	"github.com/lunobot/lunobot/exchange"
)

// EventKind says what an event tells.
type EventKind uint8

// The kinds of events.
const (
	// CandleEvent tells that a candle has closed.
	CandleEvent EventKind = iota + 1
	// FillEvent tells that one of the bot's orders traded.
	FillEvent
	// OrderEvent tells that one of the bot's orders changed its state.
	OrderEvent
	// StartEvent is the first event of a bot that was not restored.
	StartEvent
	// SignalEvent tells of a message from outside.
	SignalEvent
	// TradesEvent tells the trades of the market's tape.
	TradesEvent
	// BookEvent tells that the top of the order book has changed.
	BookEvent
	// PairEvent tells that a candle of another pair has closed.
	PairEvent
)

// LastEvent is the highest kind that there is.
const LastEvent = PairEvent

// String returns the kind's name.
func (k EventKind) String() string {
	switch k {
	case CandleEvent:
		return "candle"
	case FillEvent:
		return "fill"
	case OrderEvent:
		return "order"
	case StartEvent:
		return "start"
	case SignalEvent:
		return "signal"
	case TradesEvent:
		return "trades"
	case BookEvent:
		return "book"
	case PairEvent:
		return "pair"
	}
	return fmt.Sprintf("event-%d", uint8(k))
}

// Event is one thing that a strategy hears of. Exactly the field of its kind is
// set.
type Event struct {
	Kind EventKind
	// Time is when it happened, in epoch milliseconds: for a candle, its close,
	// for a signal the close of the candle with which it is told.
	Time   int64
	Candle exchange.Candle
	Fill   Fill
	Order  OrderUpdate
	Signal Signal
	// Pair is whose the Candle is, if it is another pair's.
	Pair string `json:",omitempty"`
	// Trades belong to the host and are not changed.
	Trades []exchange.Trade `json:",omitempty"`
	Top    exchange.Top     `json:",omitzero"`
}

// Equal reports whether two events tell the same.
func (e *Event) Equal(o *Event) bool {
	return e.Kind == o.Kind && e.Time == o.Time && e.Candle == o.Candle && e.Fill == o.Fill && e.Order == o.Order && e.Signal == o.Signal &&
		e.Pair == o.Pair && e.Top == o.Top && slices.Equal(e.Trades, o.Trades)
}

// Fill is an execution of one of the bot's orders.
type Fill struct {
	// Ref is the order's reference, as the Bot returned it.
	Ref    uint64
	Side   exchange.Side
	Price  exchange.Ticks
	Volume exchange.Steps
	// Value is Price × Volume and Fee what was charged in the counter currency.
	Value, Fee exchange.Units
	Maker      bool
	// Pair is in which of the bot's further pairs it was; "" is its own pair.
	Pair string `json:",omitempty"`
}

// OrderState is where one of the bot's orders stands. Denied is ours, rejected
// is the venue's (rule T11).
type OrderState uint8

// The states that a strategy hears of.
const (
	OrderOpen OrderState = iota + 1
	OrderFilled
	OrderCancelled
	OrderRejected
	OrderDenied
)

// String returns the state's name.
func (s OrderState) String() string {
	switch s {
	case OrderOpen:
		return "open"
	case OrderFilled:
		return "filled"
	case OrderCancelled:
		return "cancelled"
	case OrderRejected:
		return "rejected"
	case OrderDenied:
		return "denied"
	}
	return fmt.Sprintf("order-%d", uint8(s))
}

// OrderUpdate is a change of one of the bot's orders.
type OrderUpdate struct {
	Ref    uint64
	State  OrderState
	Filled exchange.Steps
	// Reason is why it was denied, rejected or cancelled.
	Reason string
	// Pair is in which of the bot's further pairs it is; "" is its own pair.
	Pair string `json:",omitempty"`
}

// MaxSignal is the longest text of a signal, in bytes.
const MaxSignal = 4 << 10

// Signal is a message that somebody who may do so sent to the bot from outside,
// such as a charting program's alert. It is told with the next candle that
// closes, each once and in the order of their arrival, so that a paper bot can
// be run again as a backtest.
type Signal struct {
	// ID is the sender's own name for it, or one that the host made; two signals
	// of one bot never have the same.
	ID string `json:"id"`
	// Text is the message as it came, at most MaxSignal bytes.
	Text string `json:"text"`
	// Time is when the host got it, in epoch milliseconds of the market's clock; 0
	// if that is not known.
	Time int64 `json:"time,omitempty"`
}

// CandleHandler is a strategy that wants closed candles.
type CandleHandler interface {
	OnCandle(b *Bot, c exchange.Candle)
}

// FillHandler is a strategy that wants to hear of its fills.
type FillHandler interface {
	OnFill(b *Bot, f Fill)
}

// OrderHandler is a strategy that wants to hear of its orders' states.
type OrderHandler interface {
	OnOrder(b *Bot, u OrderUpdate)
}

// StartHandler is a strategy that wants to hear once that its bot starts.
type StartHandler interface {
	OnStart(b *Bot)
}

// SignalHandler is a strategy that wants messages from outside.
type SignalHandler interface {
	OnSignal(b *Bot, s Signal)
}

// TradesHandler is a strategy that wants the trades of its market, and says so
// as a Subscriber. They are told with the candle within which they were, right
// before it, all at once and oldest first: a bot that decides on longer candles
// hears them with each of the shorter ones that its orders meet. Now is that
// candle's close. They may be fewer than there were, or none, where the host was
// not there to hear them: the volumes then do not add up to the candle's. The
// slice belongs to the host and is valid only during the handler.
type TradesHandler interface {
	OnTrades(b *Bot, trades []exchange.Trade)
}

// BookHandler is a strategy that wants to hear where the top of the order book
// has changed since it last heard, and says so as a Subscriber of the book. It
// is told when trades are, after them; a zero Top says that the book is not
// known any more.
type BookHandler interface {
	OnBook(b *Bot, t exchange.Top)
}

// PairHandler is a strategy that wants the candles of other pairs, which it names
// as a Subscriber. They are of the length that the bot decides on, and each is
// told once and in order: right before the bot's own candle that closes at the
// same time, the pairs in the order of the subscription; one that the host gets
// later than that, with the bot's next minute. A Warmer gets those of the past
// too. Their prices are ticks of that pair's market. A PairTrader hears those of
// the further pairs that it trades as well, before those that it only looks at.
type PairHandler interface {
	OnPair(b *Bot, pair string, c exchange.Candle)
}

// Warmer is a strategy that needs candles of the past before it can decide:
// the host gives it that many with Bot.Warming true and ignores its commands.
type Warmer interface {
	Warmup() int
}
