package saas

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/live"
)

// watcher shows a bot to somebody who watches it: what its worker publishes,
// and the prices of its markets, which every process has for itself.
type watcher struct {
	bots interface {
		Bot(ctx context.Context, tenantID, id string) (bot.Bot, error)
	}
	feed    *marketdata.Feed
	hub     *live.Hub
	markets bot.Markets
}

// Subscribe returns the bot's updates until ctx ends. A bot of another tenant
// is NotFound.
func (w watcher) Subscribe(ctx context.Context, tenantID, botID string) (<-chan live.Update, error) {
	b, err := w.bots.Bot(ctx, tenantID, botID)
	if err != nil {
		return nil, err
	}
	updates, err := w.hub.Subscribe(ctx, tenantID, botID)
	if err != nil {
		return nil, err
	}
	var prices []priced
	for _, pair := range b.Pairs() {
		p := priced{}
		if p.market, err = w.markets.Market(pair); err == nil {
			p.sub, err = w.feed.Subscribe(pair)
		}
		if err != nil {
			for _, before := range prices {
				before.sub.Close()
			}
			return nil, err
		}
		prices = append(prices, p)
	}
	return merge(ctx, updates, prices), nil
}

// priced is a market of a bot with its prices.
type priced struct {
	market exchange.Market
	sub    *marketdata.Subscription
}

// merge returns what comes from a bot's worker and its markets, until ctx ends or one
// of them does.
func merge(ctx context.Context, updates <-chan live.Update, prices []priced) <-chan live.Update {
	out := make(chan live.Update)
	ctx, cancel := context.WithCancel(ctx)
	var sources sync.WaitGroup
	send := func(u live.Update) bool {
		select {
		case <-ctx.Done():
			return false
		case out <- u:
			return true
		}
	}
	sources.Go(func() {
		defer cancel()
		for more := true; more; {
			select {
			case <-ctx.Done():
				return
			case u, open := <-updates:
				more = open && send(u)
			}
		}
	})
	for _, p := range prices {
		sources.Go(func() {
			defer cancel()
			defer p.sub.Close()
			for more := true; more; {
				select {
				case <-ctx.Done():
					return
				case ev, open := <-p.sub.Events():
					if more = open; !open {
						return
					}
					if u, tells := priceUpdate(p.market, ev); tells {
						more = send(u)
					}
				}
			}
		})
	}
	go func() {
		sources.Wait()
		close(out)
	}()
	return out
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
		data = map[string]any{"pair": m.Pair, "time": at, "price": m.Price(ev.Tick.Price)}
	case ev.Candle != nil:
		c := ev.Candle
		typ, at = "candle", c.Time
		data = map[string]any{
			"pair": m.Pair, "time": at, "open": m.Price(c.Open), "high": m.Price(c.High), "low": m.Price(c.Low), "close": m.Price(c.Close), "volume": m.Volume(c.Volume),
		}
	default:
		return live.Update{}, false
	}
	raw, err := json.Marshal(data)
	return live.Update{Type: typ, Time: time.UnixMilli(at).UTC(), Data: raw}, err == nil
}
