package strategy

import (
	"fmt"
	"slices"
)

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
	// Pairs are other pairs whose candles a PairHandler hears, at most MaxPairs
	// and each once.
	Pairs []string `json:"pairs,omitempty"`
}

// MaxPairs is how many other pairs a strategy may look at, and how many further
// ones it may trade.
const MaxPairs = 8

// Any reports whether anything is asked for.
func (s Subscription) Any() bool { return s.Book || s.Trades || len(s.Pairs) > 0 }

// Check names what is wrong with a subscription of a bot of a pair.
func (s Subscription) Check(own string) error {
	if len(s.Pairs) > MaxPairs {
		return fmt.Errorf("%d other pairs are asked for, and %d are allowed", len(s.Pairs), MaxPairs)
	}
	for i, pair := range s.Pairs {
		switch {
		case pair == "" || len(pair) > 20:
			return fmt.Errorf("%.30q is no pair", pair)
		case pair == own:
			return fmt.Errorf("%s is the bot's own pair: choose another to look at", pair)
		case slices.Contains(s.Pairs[:i], pair):
			return fmt.Errorf("the pair %s is asked for twice", pair)
		}
	}
	return nil
}

// Subscriber is a strategy that looks at more than the candles of its market. It
// is asked once, when its bot is opened, so that its parameters may decide.
type Subscriber interface {
	Subscribe() Subscription
}

// subscription returns what a strategy asks for. What it asks for and could not
// hear, or could hear and never asks for, is an author's mistake.
func subscription(name, own string, s Strategy) (Subscription, error) {
	_, trades := s.(TradesHandler)
	_, book := s.(BookHandler)
	_, pairs := s.(PairHandler)
	_, trader := s.(PairTrader)
	subscriber, ok := s.(Subscriber)
	if !ok {
		if trades || book || pairs && !trader {
			return Subscription{}, fmt.Errorf("strategy %s has OnTrades, OnBook or OnPair and would never hear anything: it needs "+
				"Subscribe, which asks for it", name)
		}
		return Subscription{}, nil
	}
	out := subscriber.Subscribe()
	if out.Trades && !trades {
		return Subscription{}, fmt.Errorf("strategy %s subscribes to trades and does not handle them: it needs OnTrades", name)
	}
	if len(out.Pairs) > 0 && !pairs {
		return Subscription{}, fmt.Errorf("strategy %s subscribes to other pairs and does not handle them: it needs OnPair", name)
	}
	if err := out.Check(own); err != nil {
		return Subscription{}, fmt.Errorf("what strategy %s subscribes to: %w", name, err)
	}
	return out, nil
}
