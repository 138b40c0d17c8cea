package engine

import (
	"slices"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/portfolio"
	"github.com/lunobot/lunobot/strategy/risk"
)

// State is all that a session remembers, for checkpoints. The strategy's own
// state and the venue's are beside it.
type State struct {
	// Sequence counts the candles, LastTime is the open time of the newest.
	Sequence int64 `json:"sequence"`
	LastTime int64 `json:"last_time"`
	// LastPrice is the newest close, Believed what is believed of it, if that is another
	// price, and Equity the account's worth at that.
	LastPrice exchange.Ticks `json:"last_price"`
	Believed  exchange.Ticks `json:"believed,omitempty"`
	Equity    exchange.Units `json:"equity"`
	// Peak is the highest equity, MaxDrawdown the deepest fall below a peak as
	// a fraction of it.
	Peak        exchange.Units      `json:"peak"`
	MaxDrawdown float64             `json:"max_drawdown"`
	Portfolio   portfolio.Portfolio `json:"portfolio"`
	// Orders are the orders that are not over, oldest first.
	Orders []OpenOrder `json:"orders"`
	// NextRef numbers the next order.
	NextRef uint64 `json:"next_ref"`
	// Wanted are the protective exits that the strategy set.
	Wanted strategy.Exits `json:"wanted"`
	// Queue are fills and order updates that the strategy has yet to hear.
	Queue []strategy.Event `json:"queue,omitempty"`
	// Signals are messages from outside that it hears with the next candle.
	Signals []strategy.Signal `json:"signals,omitempty"`
	// Frame is the candle that the strategy hears next, as far as it has come.
	Frame strategy.Frame `json:"frame,omitzero"`
	// Top is the top of the book at the newest close, if it is subscribed to.
	Top exchange.Top `json:"top,omitzero"`
	// Pairs are the other pairs that are subscribed to.
	Pairs []PairState `json:"pairs,omitempty"`
	// Held is what the exits remember of the position, Watch what the bounds remember
	// of the bot; that of a basket's further pairs is empty.
	Held  risk.Holding `json:"held,omitzero"`
	Watch risk.Watch   `json:"watch,omitzero"`
	// Bought is true once a Remote venue has told of a buy that traded since the newest
	// candle.
	Bought bool `json:"bought,omitempty"`
	// Protected is how far the position was protected while the strategy was away.
	Protected Protected `json:"protected,omitzero"`
	// Owed is why a protective exit of a Remote venue was to close the position, as long
	// as it has not: it was denied, rejected, or over before it had sold all, and is tried again.
	Owed string `json:"owed,omitempty"`
	// Struck is when ProtectBetween acted last, in epoch milliseconds.
	Struck int64 `json:"struck,omitempty"`
	// Refusal is why the newest order for that did not close the position.
	Refusal string `json:"refusal,omitempty"`
	// Stuck is the position of which it was told that no exit can close it.
	Stuck exchange.Steps `json:"stuck,omitempty"`
}

// OpenOrder is an order of the session that is not over.
type OpenOrder struct {
	Ref      uint64             `json:"ref"`
	VenueID  string             `json:"venue_id"`
	ClientID string             `json:"client_id"`
	Side     exchange.Side      `json:"side"`
	Type     exchange.OrderType `json:"type"`
	Price    exchange.Ticks     `json:"price"`
	Volume   exchange.Steps     `json:"volume"`
	Value    exchange.Units     `json:"value"`
	Filled   exchange.Steps     `json:"filled"`
	// Spent is what a buy has paid so far, fees included.
	Spent exchange.Units `json:"spent"`
	// Reserve is the cash that a buy set aside at first.
	Reserve exchange.Units `json:"reserve"`
	// Reason is why it was wanted.
	Reason string `json:"reason,omitempty"`
	// Asked is why its venue was asked for it back, if it was and has not answered.
	Asked string `json:"asked,omitempty"`
	// Waits is true while a Remote venue waits for orders that it takes the place of.
	Waits bool `json:"waits,omitempty"`
	// Exit is true of a protective exit that is under way: at a Remote venue, one that
	// trades at the next open, or one of which a candle's volume filled a part. Neither the
	// strategy nor a further exit takes it back.
	Exit bool `json:"exit,omitempty"`
	// Protective is true of every protective exit.
	Protective bool `json:"protective,omitempty"`
}

// State returns a copy of the session's state.
func (s *Session) State() State {
	st := s.state
	st.Orders = append([]OpenOrder(nil), st.Orders...)
	st.Queue = append([]strategy.Event(nil), st.Queue[s.told:]...)
	st.Signals = append([]strategy.Signal(nil), st.Signals[s.signalled:]...)
	st.Pairs = append([]PairState(nil), st.Pairs...)
	st.Watch.Placed = append([]risk.Placed(nil), st.Watch.Placed...)
	return st
}

// Restore puts the session in a state that it had before.
func (s *Session) Restore(st State) {
	st.Orders = append([]OpenOrder(nil), st.Orders...)
	st.Queue = slices.DeleteFunc(slices.Clone(st.Queue), func(ev strategy.Event) bool { return !s.wants[ev.Kind] })
	st.Signals = append([]strategy.Signal(nil), st.Signals...)
	st.Watch.Placed = append([]risk.Placed(nil), st.Watch.Placed...)
	st.Frame.Length = s.cfg.Decide
	s.state = st
	s.remember()
	s.align(st.Pairs)
	s.take(&exchange.Candle{Time: st.LastTime, Close: st.LastPrice})
	s.phase, s.told, s.due, s.signalled, s.inside, s.believed = idle, 0, 0, 0, false, nil
	s.beside, s.stirred, s.view.Top = Beside{}, false, st.Top
	s.measure()
	s.sync()
}

// remember completes a state of before there was anything to remember of a position:
// the highest price that is known is the one that was paid, or the newest.
func (s *Session) remember() {
	st := &s.state
	if st.Portfolio.Base > 0 && st.Held == (risk.Holding{}) {
		st.Held = risk.Holding{Since: st.Portfolio.Opened, High: max(st.Portfolio.Entry(), st.LastPrice)}
	}
	s.watches = s.guard.Watches() || s.account.Breaker.Kind != ""
}

// LastTime returns when the newest candle opened, in epoch milliseconds; 0 if
// the session has seen none.
func (s *Session) LastTime() int64 { return s.state.LastTime }

// Sequence returns how many candles the session has taken.
func (s *Session) Sequence() int64 { return s.state.Sequence }

// Renew lets the numbers of orders of a new session go on from the next one of an
// earlier account.
func (s *Session) Renew(next uint64) {
	s.state.NextRef = max(s.state.NextRef, next)
	s.sync()
}

// LastPrice returns the newest close; 0 if there is none.
func (s *Session) LastPrice() exchange.Ticks { return s.state.LastPrice }

// MaxDrawdown returns the deepest fall of the account's worth below a peak, as a
// fraction of it.
func (s *Session) MaxDrawdown() float64 { return s.state.MaxDrawdown }

// Equity returns what the account was worth at the newest close, as far as it is believed.
func (s *Session) Equity() exchange.Units { return s.state.Equity }

// Portfolio returns a copy of the account.
func (s *Session) Portfolio() portfolio.Portfolio { return s.state.Portfolio }

func (o *OpenOrder) reservedBase() exchange.Steps {
	if o.Side == exchange.Sell {
		return o.Volume - o.Filled
	}
	return 0
}

func (o *OpenOrder) reservedCounter() exchange.Units {
	if o.Side == exchange.Buy {
		return max(0, o.Reserve-o.Spent)
	}
	return 0
}
