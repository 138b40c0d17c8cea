package plugin

import (
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/plugin/internal/pluginpb"
)

// wiredSubscription writes a subscription for the wire; nothing is nil.
func wiredSubscription(s strategy.Subscription) *pluginpb.Subscription {
	if !s.Any() {
		return nil
	}
	return &pluginpb.Subscription{Book: s.Book, Trades: s.Trades, Pairs: s.Pairs}
}

// subscriptionOf reads a subscription that came from a plugin. It is input from a
// stranger: whoever follows it checks it (rule RK4).
func subscriptionOf(s *pluginpb.Subscription) strategy.Subscription {
	return strategy.Subscription{Book: s.GetBook(), Trades: s.GetTrades(), Pairs: s.GetPairs()}
}
