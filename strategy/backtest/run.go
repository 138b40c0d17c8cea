package backtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/portfolio"
)

// Run runs the strategy over the source's candles. Progress, if not nil, is
// called after each block with the number of candles done. A Companion brings
// what the strategy subscribes to; without, it decides without trades, which the
// result says, and is refused if it looks at other pairs. A source without
// candles, bad parameters (param.Errors) and a panic of the strategy
// (*strategy.PanicError) are errors; there is no half result.
func Run(ctx context.Context, def strategy.Definition, cfg Config, src marketdata.Source, progress func(done int64)) (*Result, error) {
	whole := &column{progress: progress}
	if sized, ok := src.(marketdata.Sized); ok {
		whole.values = make([]int64, 0, min(sized.Len(), maxReserve))
	}
	r, err := Stream(ctx, def, cfg, src, whole)
	if err != nil {
		return nil, err
	}
	r.Equity = whole.values[r.Past:]
	return r, nil
}

// Sink takes what a run brings while it goes on.
type Sink interface {
	// Room returns where the equity at the next n candles goes. Until Done it
	// belongs to the run. At candles of the past it is the balance.
	Room(n int) []int64
	// Done is called when it is there, with the trades that were closed since the
	// last call and will not change any more; they are valid until it returns. The
	// newest trade may still change: the last of all is in the result alone.
	Done(ctx context.Context, trades []portfolio.Trade)
}

// column is a Sink that keeps the equity curve as a whole.
type column struct {
	values   []int64
	room     int
	progress func(done int64)
}

// Room implements Sink.
func (c *column) Room(n int) []int64 {
	c.room = n
	c.values = slices.Grow(c.values, n)
	return c.values[len(c.values) : len(c.values)+n]
}

// Done implements Sink.
func (c *column) Done(context.Context, []portfolio.Trade) {
	c.values = c.values[:len(c.values)+c.room]
	if c.progress != nil {
		c.progress(int64(len(c.values)))
	}
}

// Stream is Run for somebody who takes the equity curve while it grows; the
// result is without it, and has all trades.
func Stream(ctx context.Context, def strategy.Definition, cfg Config, src marketdata.Source, sink Sink) (*Result, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if len(cfg.Pairs) > 0 {
		return streamPairs(ctx, def, cfg, src, sink)
	}
	decide := cmp.Or(cfg.Decide, cfg.Interval)
	instance, err := def.Open(strategy.OpenInput{Market: cfg.Market, Interval: decide, Params: cfg.Params})
	if err != nil {
		return nil, err
	}
	venue, err := paper.NewVenue(paper.VenueConfig{
		Market: cfg.Market, Fees: cfg.Fees, Tiers: cfg.Tiers, Costs: cfg.Costs, Balance: cfg.Balance, Base: cfg.Base,
	})
	if err != nil {
		return nil, err
	}
	with, lacks, err := companyOf(def, cfg, src, instance.Subscription())
	if err != nil {
		return nil, err
	}
	rec := &recorder{cfg: cfg, lacks: lacks, held: newExposures(cfg)}
	session, err := engine.New(engine.Config{
		Market: cfg.Market, Interval: cfg.Interval, Decide: decide, Balance: cfg.Balance, Base: cfg.Base, Venue: venue, Risk: cfg.Risk, Recorder: rec, OrderPrefix: "bt-",
		Wants: instance.Wants, Subscription: instance.Subscription(),
	})
	if err != nil {
		return nil, err
	}
	if len(cfg.Signals) > 0 && !instance.Wants(strategy.SignalEvent) {
		return nil, fmt.Errorf("backtest: %s takes no signals", def.Info().Name)
	}
	rec.curve = newCurve(cfg)
	mail := &mail{waiting: cfg.Signals, span: cfg.Interval.Milliseconds()}
	past := &past{begin: cfg.Begin, from: cfg.WarmFrom(instance.Warmup())}
	err = eachBlock(ctx, src, with, sink, rec, func(block []exchange.Candle, room []int64) error {
		n := past.within(block)
		if n > 0 {
			if err := past.show(session, instance, with, block[:n], room[:n]); err != nil {
				return err
			}
		}
		return runBlock(session, instance, rec, arrivals{mail, with}, block[n:], room[n:])
	})
	if err != nil {
		return nil, err
	}
	if rec.curve.count == 0 {
		return nil, errors.New("backtest: there is no candle in the span asked for")
	}
	result := rec.result(def, session)
	result.Signals, result.Past = mail.told, past.count
	return result, nil
}

// eachBlock runs each block of the source, whose equity curve goes into a room of
// the sink.
func eachBlock(ctx context.Context, src marketdata.Source, with *company, sink Sink, rec *recorder, run func(block []exchange.Candle, room []int64) error) error {
	for {
		block, err := src.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = with.begin(ctx, block)
		}
		if err == nil {
			err = run(block, sink.Room(len(block)))
		}
		if err != nil {
			return err
		}
		sink.Done(ctx, rec.take())
	}
}

// maxReserve bounds what is set aside for a source's own word of its length.
const maxReserve = 16 << 20

// arrivals are what comes beside the candles of a run.
type arrivals struct {
	mail    *mail
	company *company // nil for nothing
}

// runBlock runs a block of candles; a panic of the strategy ends it.
func runBlock(s *engine.Session, i *strategy.Instance, rec *recorder, with arrivals, block []exchange.Candle, equity []int64) (err error) {
	defer recoverAt(s, &err)
	equity = equity[:len(block)]
	asks, asked := rec.asks(len(block)), false
	defer i.Explain(false)
	for n := range block {
		c := &block[n]
		if n == asks && rec.curve.invested == 0 {
			asked = true
			i.Explain(true)
		}
		if len(with.mail.waiting) > 0 {
			if err := with.mail.deliver(s, c); err != nil {
				return err
			}
		}
		rec.calm = c.Volume == 0
		if err := s.Begin(c); err != nil {
			return err
		}
		if with.company != nil {
			s.With(with.company.next(c))
		}
		for ev := s.Next(); ev != nil; ev = s.Next() {
			if cs := i.Deliver(s.View(), ev); len(cs) > 0 {
				if asked {
					rec.hear(cs)
				}
				if err := s.Commands(cs); err != nil {
					return err
				}
			}
		}
		equity[n] = int64(s.Equity())
		base := s.View().Base
		if rec.held.due(c, rec.quiet) {
			rec.held.note(rec.curve.count, worthOf(base, c.Close))
		}
		rec.curve.add(c, base != 0)
	}
	return nil
}

// recoverAt turns a panic of the strategy into an error that says when it was.
func recoverAt(s interface{ LastTime() int64 }, err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("at the candle of %s: %w", time.UnixMilli(s.LastTime()).UTC(), strategy.NewPanicError(p))
	}
}
