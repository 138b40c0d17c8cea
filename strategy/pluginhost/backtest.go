package pluginhost

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
)

// Backtest runs a backtest in a process of its own, which ends with it. Errors
// are those of Process.Backtest and Start.
func (h *Host) Backtest(ctx context.Context, name string, cfg backtest.Config, src marketdata.Source, progress func(done int64)) (*backtest.Result, error) {
	p, err := h.Start(ctx, name)
	if err != nil {
		return nil, err
	}
	defer p.Stop()
	return p.Backtest(ctx, cfg, src, progress)
}

// Needs returns what the strategy wants to see in a run beside the candles of its
// market, so that it can be brought: it depends on the parameters. Those that it
// refuses are a *plugin.BotError.
func (p *Process) Needs(ctx context.Context, cfg backtest.Config) (backtest.Needs, error) {
	opened, err := p.Open(ctx, []strategy.OpenInput{{Interval: cmp.Or(cfg.Decide, cfg.Interval), Market: cfg.Market, Also: cfg.Markets()[1:], Params: cfg.Params}})
	if err != nil {
		return backtest.Needs{}, err
	}
	if opened[0].Err != nil {
		return backtest.Needs{}, opened[0].Err
	}
	needs := backtest.Needs{Subscription: opened[0].Subscription, Warmup: opened[0].Warmup}
	if err := needs.Check(cfg.Market.Pair); err != nil {
		return backtest.Needs{}, fmt.Errorf("what the strategy subscribes to: %w", err)
	}
	return needs, p.Close(ctx, []uint64{opened[0].Bot})
}

// Backtest runs a backtest in this process, which should serve no live bots; one
// process may run several after another. What is wrong with the run itself (bad
// parameters, no candles, a panic) is a *plugin.RunError. A plugin that makes no
// progress is killed.
func (p *Process) Backtest(ctx context.Context, cfg backtest.Config, src marketdata.Source, progress func(done int64)) (*backtest.Result, error) {
	return p.backtest(ctx, src, progress, func(ctx context.Context, src marketdata.Source, progress func(done int64)) (*backtest.Result, error) {
		return p.c.rpc.Backtest(ctx, cfg, src, progress)
	})
}

// Stream is Backtest for somebody who takes the equity curve while it grows, as
// plugin.Client.Stream is.
func (p *Process) Stream(ctx context.Context, cfg backtest.Config, src marketdata.Source, equity func(part []int64)) (*backtest.Result, error) {
	return p.backtest(ctx, src, nil, func(ctx context.Context, src marketdata.Source, progress func(done int64)) (*backtest.Result, error) {
		return p.c.rpc.Stream(ctx, cfg, src, equity, progress)
	})
}

// Stood returns for how long the last backtest of this process had made no progress when
// it was ended, 0 if it came to an end by itself, and the longest time without progress after which
// one of its backtests went on. Time that sources take is in neither.
func (p *Process) Stood() (ended, longest time.Duration) {
	return time.Duration(p.stood.Load()), time.Duration(p.longest.Load())
}

// backtest makes a run with a dog that watches over it.
func (p *Process) backtest(
	ctx context.Context, src marketdata.Source, progress func(done int64),
	run func(ctx context.Context, src marketdata.Source, progress func(done int64)) (*backtest.Result, error),
) (out *backtest.Result, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	d := &dog{source: src, now: p.cfg.Now, longest: &p.longest}
	d.wake()
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel(nil)
	watching.Go(func() { d.watch(ctx, p.cfg.BacktestStall, cancel) })
	err = p.guarded(ctx, "running a backtest", func(ctx context.Context) (err error) {
		out, err = run(ctx, d, func(done int64) {
			d.moved()
			if progress != nil {
				progress(done)
			}
		})
		if err == nil {
			d.moved()
		}
		p.stood.Store(d.standing(ctx))
		return err
	})
	return out, err
}

// dog watches over a backtest. Time that the source takes is not the plugin's.
type dog struct {
	source marketdata.Source
	now    func() time.Time
	// longest is the longest pause that ended in progress, in nanoseconds.
	longest *atomic.Int64
	// seen is when the plugin was last known to work, reading whether the
	// source is being read.
	seen    atomic.Int64
	reading atomic.Bool
}

// wake begins the plugin's time anew.
func (d *dog) wake() { d.seen.Store(d.now().UnixNano()) }

// moved notes progress, from one goroutine at a time.
func (d *dog) moved() {
	now := d.now().UnixNano()
	d.longest.Store(max(d.longest.Load(), now-d.seen.Swap(now)))
}

// standing is how long there was no progress when ctx ended the run, in nanoseconds; 0
// for one that came to an end by itself.
func (d *dog) standing(ctx context.Context) int64 {
	if ctx.Err() == nil || d.reading.Load() {
		return 0
	}
	return d.now().UnixNano() - d.seen.Load()
}

// read marks that the source is being read until the returned function is called.
func (d *dog) read() (end func()) {
	d.reading.Store(true)
	return func() {
		d.wake()
		d.reading.Store(false)
	}
}

var (
	_ marketdata.Sized   = (*dog)(nil)
	_ backtest.Companion = (*dog)(nil)
)

// Carries implements backtest.Companion; it is nothing if the source is none.
func (d *dog) Carries() strategy.Subscription {
	if c, ok := d.source.(backtest.Companion); ok {
		return c.Carries()
	}
	return strategy.Subscription{}
}

// Beside implements backtest.Companion.
func (d *dog) Beside(ctx context.Context, until int64) (backtest.Beside, error) {
	c, ok := d.source.(backtest.Companion)
	if !ok {
		return backtest.Beside{}, nil
	}
	defer d.read()()
	return c.Beside(ctx, until)
}

// Len implements marketdata.Sized; it is 0 if the source does not know.
func (d *dog) Len() int {
	if sized, ok := d.source.(marketdata.Sized); ok {
		return sized.Len()
	}
	return 0
}

// Next implements marketdata.Source.
func (d *dog) Next(ctx context.Context) ([]exchange.Candle, error) {
	defer d.read()()
	return d.source.Next(ctx)
}

// watch cancels the run when the plugin stands still.
func (d *dog) watch(ctx context.Context, stall time.Duration, cancel context.CancelCauseFunc) {
	ticker := time.NewTicker(max(stall/4, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if d.reading.Load() {
			d.wake()
		} else if d.now().UnixNano()-d.seen.Load() > int64(stall) {
			cancel(errLate)
			return
		}
	}
}
