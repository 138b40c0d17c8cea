package engine

import (
	"fmt"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/portfolio"
)

// Recorder hears what a session does, as it does it. It must not call the
// session.
type Recorder interface {
	// Fill tells of an execution, the order's number and what it realised.
	Fill(f exchange.Fill, ref uint64, r portfolio.Result)
	// Order tells of a new order or a change of one.
	Order(o OrderRecord)
}

// Narrator is a Recorder that wants the sentences and the chart lines too,
// which cost time to make.
type Narrator interface {
	Recorder
	// Decision tells what was decided and why, as a sentence.
	Decision(d Decision)
	// Plot tells a value in ticks of a line of the chart of a further pair, or of the
	// bot's own, which is "".
	Plot(now int64, pair, name string, ticks float64)
}

// OrderRecord is an order after a change.
type OrderRecord struct {
	Request exchange.OrderRequest
	VenueID string
	Ref     uint64
	State   strategy.OrderState
	// Filled, Value and Fee sum up its fills.
	Filled exchange.Steps
	Value  exchange.Units
	Fee    exchange.Units
	// Reason is why it was wanted, denied, rejected or cancelled.
	Reason string
	// Time is in epoch milliseconds.
	Time int64
	// Pending is true of an open order as long as it is not known whether the venue
	// has it.
	Pending bool
}

// DecisionKind says what a decision was.
type DecisionKind string

// The kinds of decisions.
const (
	Bought    DecisionKind = "buy"
	Sold      DecisionKind = "sell"
	Cancelled DecisionKind = "cancel"
	Exit      DecisionKind = "exit"
	Denied    DecisionKind = "denied"
	Rejected  DecisionKind = "rejected"
	None      DecisionKind = "none"
	// Answered is what a strategy says to a signal.
	Answered DecisionKind = "signal"
	// Protection is what a bound of the whole bot does.
	Protection DecisionKind = "protection"
	Failed     DecisionKind = "error"
)

// Decision is one thing that was decided, or why nothing was.
type Decision struct {
	Kind DecisionKind
	Text string
	// Time is in epoch milliseconds.
	Time int64
}

func (s *Session) decide(kind DecisionKind, text string) {
	if s.narrator != nil {
		s.narrator.Decision(Decision{Kind: kind, Text: text, Time: s.now()})
	}
}

func (s *Session) order(o OrderRecord) {
	if s.cfg.Recorder != nil {
		s.cfg.Recorder.Order(o)
	}
}

// sentence says what an order does, for the log.
func (s *Session) sentence(r exchange.OrderRequest, why string) string {
	if s.narrator == nil {
		return ""
	}
	m := s.cfg.Market
	what := fmt.Sprintf("%s %s %s", r.Side, m.Volume(r.Volume), m.Base)
	if r.Volume == 0 {
		what = fmt.Sprintf("%s %s for up to %s %s", r.Side, m.Base, m.FormatAmount(r.Value), m.Counter)
	}
	if r.Type == exchange.LimitOrder {
		what += fmt.Sprintf(" at %s", m.FormatPrice(r.Price.Float()))
	}
	if why == "" {
		return what
	}
	return what + ": " + why
}

func kindOf(s exchange.Side) DecisionKind {
	if s == exchange.Buy {
		return Bought
	}
	return Sold
}
