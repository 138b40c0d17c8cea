package saas

import (
	"context"
	"encoding/json"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/live"
)

// watcher shows a bot to somebody who watches it: what its worker publishes,
// and the prices of its market, which every process has for itself.
type watcher struct {
	bots interface {
		Bot(ctx context.Context, tenantID, id string) (bot.Bot, error)
	}
	feed    *marketdata.Feed
	hub     *live.Hub
	markets markets
}

// Subscribe returns the bot's updates until ctx ends. A bot of another tenant
// is NotFound.
func (w watcher) Subscribe(ctx context.Context, tenantID, botID string) (<-chan live.Update, error) {
	b, err := w.bots.Bot(ctx, tenantID, botID)
	if err != nil {
		return nil, err
	}
	market, err := w.markets.Market(b.Pair)
	if err != nil {
		return nil, err
	}
	updates, err := w.hub.Subscribe(ctx, tenantID, botID)
	if err != nil {
		return nil, err
	}
	prices, err := w.feed.Subscribe(b.Pair)
	if err != nil {
		return nil, err
	}
	out := make(chan live.Update)
	go func() {
		defer close(out)
		defer prices.Close()
		w.merge(ctx, market, updates, prices.Events(), out)
	}()
	return out, nil
}

func (w watcher) merge(ctx context.Context, m exchange.Market, updates <-chan live.Update, prices <-chan marketdata.Event, out chan<- live.Update) {
	for {
		var u live.Update
		var ok bool
		select {
		case <-ctx.Done():
			return
		case u, ok = <-updates:
			if !ok {
				return
			}
		case ev, open := <-prices:
			if !open {
				return
			}
			if u, ok = priceUpdate(m, ev); !ok {
				continue
			}
		}
		select {
		case <-ctx.Done():
			return
		case out <- u:
		}
	}
}

// priceUpdate returns what an event of the market tells a page; false if it
// tells nothing.
func priceUpdate(m exchange.Market, ev marketdata.Event) (live.Update, bool) {
	var (
		typ  string
		at   int64
		data map[string]any
	)
	switch {
	case ev.Tick != nil:
		typ, at = "tick", ev.Tick.Time
		data = map[string]any{"time": at, "price": m.Price(ev.Tick.Price)}
	case ev.Candle != nil:
		c := ev.Candle
		typ, at = "candle", c.Time
		data = map[string]any{
			"time": at, "open": m.Price(c.Open), "high": m.Price(c.High), "low": m.Price(c.Low), "close": m.Price(c.Close), "volume": m.Volume(c.Volume),
		}
	default:
		return live.Update{}, false
	}
	raw, err := json.Marshal(data)
	return live.Update{Type: typ, Time: time.UnixMilli(at).UTC(), Data: raw}, err == nil
}
