package saas

import (
	"context"
	"fmt"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/saas/web"
)

// demoMarket is the demo market, whose place in time is kept in the database.
type demoMarket struct {
	*demo.Replay
	anchor anchor
	store  *saasdb.Store
	cfg    Config
	list   fixed
}

func openDemo(ctx context.Context, store *saasdb.Store, cfg Config) (*demoMarket, error) {
	d := &demoMarket{store: store, cfg: cfg}
	var err error
	if d.anchor, err = loadAnchor(ctx, store, cfg.Role, cfg.DemoSpeed, cfg.Now()); err != nil {
		return nil, err
	}
	d.Replay, err = demo.New(demo.Config{
		Anchor: demo.Anchor{Wall: d.anchor.Wall, Index: d.anchor.Index}, Now: cfg.Now, Seed: cfg.DemoSeed, Speed: d.anchor.Speed,
	})
	if err != nil {
		return nil, err
	}
	list, err := d.Markets(ctx)
	d.list = newFixed(list)
	return d, err
}

func (d *demoMarket) bots() exchange.MarketData    { return d.Replay }
func (d *demoMarket) replays() exchange.MarketData { return d.Replay }
func (d *demoMarket) stream() exchange.Streamer    { return d.Replay }
func (d *demoMarket) traded() bot.Markets          { return d.list }
func (d *demoMarket) ready() error                 { return nil }
func (d *demoMarket) follow(*marketdata.Feed)      {}
func (d *demoMarket) place() string                { return "the demo market" }

func (d *demoMarket) prices() func(context.Context, []string) map[string]exchange.Ticks { return nil }

func (d *demoMarket) said() saying {
	return saying{label: demo.Label, notice: demo.Label, kind: web.MarketReplay}
}

// keep notes the market's place.
func (d *demoMarket) keep(ctx context.Context) {
	d.anchor.keep(ctx, d.store, d.Replay, func(err error) { d.cfg.Log.Warn("the demo market's place was not kept", "error", err) })
}

// offer goes from two years before the market's start to the newest closed candle,
// without a hole.
func (d *demoMarket) offer(m exchange.Market) research.Offer {
	o := research.Offer{
		Ref: research.Ref{Source: research.FromMarket, Pair: m.Pair, Recorded: time.Minute}, Market: m, From: demo.HistoryStart(),
		To: d.Now().Truncate(time.Minute), Origin: demo.Name + ": " + demo.Label,
	}
	o.Candles = int64(o.To.Sub(o.From) / time.Minute)
	return o
}

func (d *demoMarket) load(_ context.Context, q research.Query, o research.Offer) (research.Data, error) {
	series, err := d.Series(q.Pair, q.From, q.To)
	if err == nil && q.Interval > series.Interval {
		series, err = series.Aggregate(q.Interval)
	}
	if err != nil {
		return research.Data{}, err
	}
	data := research.Data{Series: series, Origin: o.Origin}
	if cycle := d.Cycle(q.Pair); q.To.Sub(q.From) > cycle {
		data.Notes = append(data.Notes, fmt.Sprintf("The demo market repeats the same %.1f days: this run saw them %.1f times. "+
			"More of them prove nothing more; what does well here may have learned these days by heart.", cycle.Hours()/24, q.To.Sub(q.From).Hours()/cycle.Hours()))
	}
	return data, nil
}

func (d *demoMarket) trades(pair string, from, to time.Time) (research.Tape, error) {
	return d.Tape(pair, from, to)
}
