package strategy

import "fmt"

// Subscription is what a strategy looks at beyond the candles of its market. The
// zero value is nothing.
type Subscription struct {
	// Book asks for the top of the order book: Bot.Book shows it as it was at the
	// newest close, and a BookHandler hears its changes. A backtest has one where
	// its costs have a spread: half of it on either side of the close.
	Book bool `json:"book,omitempty"`
	// Trades asks for the market's trades, which a TradesHandler hears. A backtest
	// has those that it is given.
	Trades bool `json:"trades,omitempty"`
}

// Any reports whether anything is asked for.
func (s Subscription) Any() bool { return s.Book || s.Trades }

// Subscriber is a strategy that looks at more than the candles of its market. It
// is asked once, when its bot is opened, so that its parameters may decide.
type Subscriber interface {
	Subscribe() Subscription
}

// subscription returns what a strategy asks for. What it asks for and could not
// hear, or could hear and never asks for, is an author's mistake.
func subscription(name string, s Strategy) (Subscription, error) {
	_, trades := s.(TradesHandler)
	_, book := s.(BookHandler)
	subscriber, ok := s.(Subscriber)
	if !ok {
		if trades || book {
			return Subscription{}, fmt.Errorf("strategy %s has OnTrades or OnBook and would never hear anything: it needs Subscribe, "+
				"which asks for trades or the book", name)
		}
		return Subscription{}, nil
	}
	out := subscriber.Subscribe()
	if out.Trades && !trades {
		return Subscription{}, fmt.Errorf("strategy %s subscribes to trades and does not handle them: it needs OnTrades", name)
	}
	return out, nil
}
