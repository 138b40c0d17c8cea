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
	return &pluginpb.Subscription{Book: s.Book, Trades: s.Trades}
}

// subscriptionOf reads a subscription that came from a plugin.
func subscriptionOf(s *pluginpb.Subscription) strategy.Subscription {
	return strategy.Subscription{Book: s.GetBook(), Trades: s.GetTrades()}
}
