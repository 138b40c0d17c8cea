package runner

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// wants reports whether any bot of the group subscribes to something.
func (g *group) wants(what func(s strategy.Subscription) bool) bool {
	return slices.ContainsFunc(g.active, func(m *member) bool { return what(m.sees) })
}

// tape reads trades of the group's pair from the history, at from or later and
// before to; none where it does not keep them, which is no fault: a strategy is
// told that trades may be missing.
func (g *group) tape(ctx context.Context, from, to int64) []exchange.Trade {
	history, ok := g.r.cfg.History.(exchange.TradeHistory)
	if !ok {
		return nil
	}
	call, cancel := g.asking(ctx)
	defer cancel()
	trades, err := history.TradesBetween(call, g.key.pair, time.UnixMilli(from).UTC(), time.UnixMilli(to).UTC())
	if err != nil {
		if ctx.Err() == nil {
			g.r.cfg.Log.WarnContext(ctx, "reading missed trades; the strategies go on without", "trading_pair", g.key.pair, "error", err)
		}
		return nil
	}
	return trades
}

// whole reports whether trades are all of a candle's.
func whole(trades []exchange.Trade, c exchange.Candle) bool {
	var volume exchange.Steps
	for i := range trades {
		volume += trades[i].Volume
	}
	return volume == c.Volume
}

// within returns the trades at from or later and before to.
func within(trades []exchange.Trade, from, to int64) []exchange.Trade {
	first := func(t int64) int {
		i, _ := slices.BinarySearchFunc(trades, t, func(x exchange.Trade, t int64) int { return cmp.Compare(x.Time, t) })
		return i
	}
	return trades[first(from):first(to)]
}
