package saas

import (
	"context"
	"fmt"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/saas/web"
)

// market is where the bots of an App trade: the demo market, or a venue's at its live
// prices.
type market interface {
	// Markets and Candles are for pages and the API.
	exchange.MarketData
	// Now returns the market's time in UTC.
	Now() time.Time
	// bots returns the history that bots begin from and catch up with, stream what
	// happens, and replays the history that they are held up against.
	bots() exchange.MarketData
	stream() exchange.Streamer
	replays() exchange.MarketData
	// traded returns what can be traded, as it is at each call.
	traded() bot.Markets
	past
	// prices returns the last prices of pairs as pages show them; nil for the newest
	// candles'.
	prices() func(ctx context.Context, pairs []string) map[string]exchange.Ticks
	// follow tells the market of the feed of its own stream.
	follow(f *marketdata.Feed)
	// said returns what is told of the prices.
	said() saying
	// ready reports why the market cannot be used at present, as an Unavailable
	// error; nil if it can.
	ready() error
	// keep does what is to be done from time to time, until ctx ends.
	keep(ctx context.Context)
}

// past is what backtests find of a market.
type past interface {
	// place is what the market is called in a sentence, such as "the demo market".
	place() string
	// offer describes what there is of a pair.
	offer(m exchange.Market) research.Offer
	// load returns the candles of a query that lies within the offer.
	load(ctx context.Context, q research.Query, o research.Offer) (research.Data, error)
	// trades opens the trades of a pair in [from, to); nil if there are none.
	trades(pair string, from, to time.Time) (research.Tape, error)
}

// saying is what pages and the API tell of a market's prices.
type saying struct {
	// label says where they come from; notice is the same for pages.
	label, notice string
	kind          web.MarketKind
}

// openMarket places the market and its feed.
func (a *App) openMarket(ctx context.Context) (err error) {
	if err := settle(ctx, a.store, a.cfg.Live); err != nil {
		return err
	}
	if a.cfg.Live != nil {
		a.market, err = openLive(ctx, *a.cfg.Live, a.store, a.cfg)
	} else {
		a.market, err = openDemo(ctx, a.store, a.cfg)
	}
	if err != nil {
		return err
	}
	if a.history, err = openHistory(a.market, a.cfg.HistoryDir, a.cfg.Log); err != nil {
		return err
	}
	a.feed, err = marketdata.NewFeed(marketdata.FeedConfig{History: a.market.bots(), Upstream: a.market.stream(), Now: a.market.Now, Log: a.cfg.Log})
	if err == nil {
		a.market.follow(a.feed)
	}
	return err
}

// fixed are markets that never change.
type fixed struct {
	byPair map[string]exchange.Market
	pairs  []string
}

func newFixed(list []exchange.Market) fixed {
	m := fixed{byPair: map[string]exchange.Market{}}
	for _, one := range list {
		m.byPair[one.Pair] = one
		m.pairs = append(m.pairs, one.Pair)
	}
	return m
}

// Market implements bot.Markets.
func (m fixed) Market(pair string) (exchange.Market, error) {
	one, ok := m.byPair[pair]
	if !ok {
		return exchange.Market{}, fmt.Errorf("there is no market %q", pair)
	}
	return one, nil
}

// Pairs implements bot.Markets.
func (m fixed) Pairs() []string { return m.pairs }
