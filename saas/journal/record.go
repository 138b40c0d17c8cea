package journal

import (
	"encoding/json"
	"time"

	"github.com/shopspring/decimal"
)

// OrderState is where an order stands. Denied is ours, rejected is the venue's
// (rule T11).
type OrderState string

// The states of an order.
const (
	// Denied orders were refused by our own risk checks and never sent.
	Denied OrderState = "denied"
	// Submitted orders are intents: committed here, perhaps not sent yet.
	Submitted OrderState = "submitted"
	// Unknown orders were sent and the answer is missing (rule T2).
	Unknown         OrderState = "unknown"
	Open            OrderState = "open"
	PartiallyFilled OrderState = "partially_filled"
	Filled          OrderState = "filled"
	Cancelled       OrderState = "cancelled"
	Rejected        OrderState = "rejected"
	Expired         OrderState = "expired"
)

// Final reports whether an order in this state will not change again.
func (s OrderState) Final() bool {
	switch s {
	case Denied, Filled, Cancelled, Rejected, Expired:
		return true
	case Submitted, Unknown, Open, PartiallyFilled:
	}
	return false
}

// Rank says how far an order has come: a state of a lower rank never follows one
// of a higher rank. Final states have the highest, FinalRank.
func (s OrderState) Rank() int {
	switch s {
	case Submitted:
		return 0
	case Unknown:
		return 1
	case Open:
		return 2
	case PartiallyFilled:
		return 3
	case Denied, Filled, Cancelled, Rejected, Expired:
	}
	return FinalRank
}

// FinalRank is the rank of the final states.
const FinalRank = 9

// Order is one order of a bot. Amounts are in the market's currencies.
type Order struct {
	// ClientID is our id of the order, unique for ever (rule T1).
	ClientID string
	BotID    string
	// Pair is the market's symbol.
	Pair string
	// Run is the bot's run that placed it, Number its number within the bot.
	Run    int64
	Number int64
	Side   string // "buy" or "sell"
	Type   string // "market" or "limit"
	// Price is zero for a market order. Volume is in base; a market buy by
	// value has Volume zero until it is filled, and Value in counter.
	Price, Volume, Value decimal.Decimal
	PostOnly             bool
	TimeInForce          string
	State                OrderState
	// Reason is why the order was wanted, or why it was denied, rejected or
	// cancelled.
	Reason string
	// Filled, FilledValue and Fee sum up the order's fills.
	Filled, FilledValue, Fee decimal.Decimal
	// CreatedAt and UpdatedAt are market times.
	CreatedAt, UpdatedAt time.Time
}

// Supersedes reports whether o may replace what is known of the same order: an
// order moves only forward, and never out of a final state.
func (o Order) Supersedes(old Order) bool {
	if old.State.Final() {
		return false
	}
	if o.State.Rank() == old.State.Rank() {
		return !o.UpdatedAt.Before(old.UpdatedAt)
	}
	return o.State.Rank() > old.State.Rank()
}

// Fill is one execution of an order.
type Fill struct {
	BotID string
	// Pair is the market's symbol.
	Pair string
	// Sequence identifies the trade for the bot, over all its pairs; a repeat changes
	// nothing (rule T7).
	Sequence             int64
	ClientID             string
	Side                 string
	Price, Volume, Value decimal.Decimal
	FeeCounter, FeeBase  decimal.Decimal
	// Profit is what the fill realised, fees of both sides taken off; zero for
	// one that opens.
	Profit decimal.Decimal
	Maker  bool
	// Time is the market's.
	Time time.Time
}

// Decision is one line of a bot's log: what it did or did not do, and why, as a
// sentence with the numbers that led to it.
type Decision struct {
	BotID string
	// Number orders the lines of a bot.
	Number int64
	// Kind is what happened: "buy", "sell", "cancel", "exit", "denied",
	// "rejected", "none", "signal", "protection", "started", "stopped", "error".
	Kind string
	Text string
	// Time is the market's.
	Time time.Time
}

// Heard is a message from outside that a bot has heard, and what it said to it.
type Heard struct {
	// Key is the sender's id of it.
	Key string
	// Followed is true if the bot did what it asked for.
	Followed bool
	Answer   string
	// Time is the market's.
	Time time.Time
}

// EquityPoint is what a bot's account was worth at a time.
type EquityPoint struct {
	BotID string
	// Time is the market's.
	Time time.Time
	// Equity is in the counter currency, over all pairs; Position is in base and Price
	// the market's, both of the bot's own pair.
	Equity, Position, Price decimal.Decimal
}

// Checkpoint is a bot's state after an event.
type Checkpoint struct {
	BotID string
	Run   int64
	// Sequence counts the events of the bot; it only grows.
	Sequence int64
	// MarketTime is the time of the event.
	MarketTime time.Time
	// State is the runner's, as JSON: engine, venue and strategy.
	State json.RawMessage
	// Summary is what pages show of the bot at a glance.
	Summary Summary
}

// Baseline is where a replay of a bot begins (rule PL2): what the bot was after an
// event, and under which terms it went on.
type Baseline struct {
	BotID string
	Run   int64
	// Sequence and MarketTime are as in the checkpoint of the same event, and Part is that
	// of the newest point of the run.
	Sequence, Part int64
	MarketTime     time.Time
	// Body is the runner's, as JSON: a parity.Baseline.
	Body json.RawMessage
}

// TapePoint is what a bot saw and did between two events, for replays.
type TapePoint struct {
	BotID string
	Run   int64
	// Sequence and MarketTime are as in the checkpoint of the newer event. Part counts the
	// points of a run; of one sequence there may be several.
	Sequence, Part int64
	MarketTime     time.Time
	// Body is the runner's, as JSON: a parity.Point.
	Body json.RawMessage
}

// Marks are the highest numbers that a bot has used in any of its runs; 0 for
// none. A new run counts on from them, because numbers are never used again.
type Marks struct{ Order, Fill, Decision int64 }

// Summary is a bot's account at a checkpoint, for lists and headlines.
type Summary struct {
	// Equity, Cash, Profit (against the starting balance), Realised, Unrealised
	// and Fees are in the counter currency, over all pairs; Position is in base;
	// Entry, Stop, Target and Price are prices, and like Position of the bot's own
	// pair. MaxDrawdown is a fraction of the peak.
	Equity      decimal.Decimal `json:"equity"`
	Cash        decimal.Decimal `json:"cash"`
	FreeCash    decimal.Decimal `json:"free_cash"`
	Profit      decimal.Decimal `json:"profit"`
	Realised    decimal.Decimal `json:"realised"`
	Unrealised  decimal.Decimal `json:"unrealised"`
	Fees        decimal.Decimal `json:"fees"`
	Position    decimal.Decimal `json:"position"`
	Entry       decimal.Decimal `json:"entry"`
	Stop        decimal.Decimal `json:"stop"`
	Target      decimal.Decimal `json:"target"`
	Price       decimal.Decimal `json:"price"`
	MaxDrawdown decimal.Decimal `json:"max_drawdown"`
	Trades      int64           `json:"trades"`
	Fills       int64           `json:"fills"`
	OpenOrders  int64           `json:"open_orders"`
	// LastDecision is the newest explanation.
	LastDecision string `json:"last_decision"`
	// Since is when the account began, in market time; zero if that was not noted.
	Since time.Time `json:"since,omitzero"`
	// Ledger is that of the account, see bot.Bot: of another one this says nothing.
	Ledger int64 `json:"ledger,omitempty"`
	// Breaker is the circuit breaker that holds it back; nil if none does. CoolUntil is until
	// when it buys nothing after an exit that lost; zero if it does not cool down. CloseOnly
	// is true while it winds down.
	Breaker   *Breaker  `json:"breaker,omitempty"`
	CoolUntil time.Time `json:"cool_until,omitzero"`
	CloseOnly bool      `json:"close_only,omitempty"`
	// Positions are what is held in each pair, the bot's own first, of a bot that
	// trades several.
	Positions []Position `json:"positions,omitempty"`
}

// Breaker is a bound of a bot's equity that was reached.
type Breaker struct {
	// Kind is "daily_loss" or "drawdown".
	Kind string `json:"kind"`
	// Reason names the figures, without a full stop.
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
	// Until is when it ends; zero if somebody has to resume the bot.
	Until time.Time `json:"until,omitzero"`
}

// Position is what a bot holds in one of several pairs.
type Position struct {
	Pair string `json:"pair"`
	// Position is in base, and Worth what that is at Price; Entry, Stop and Target are
	// prices, 0 for none. The rest is in the counter currency.
	Position   decimal.Decimal `json:"position"`
	Worth      decimal.Decimal `json:"worth"`
	Entry      decimal.Decimal `json:"entry"`
	Stop       decimal.Decimal `json:"stop"`
	Target     decimal.Decimal `json:"target"`
	Price      decimal.Decimal `json:"price"`
	Realised   decimal.Decimal `json:"realised"`
	Unrealised decimal.Decimal `json:"unrealised"`
	Fees       decimal.Decimal `json:"fees"`
	OpenOrders int64           `json:"open_orders"`
}
