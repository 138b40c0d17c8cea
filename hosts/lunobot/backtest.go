package main

import (
	"context"
	"errors"
	"runtime/debug"

	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/backtestreport"
	"github.com/lunobot/lunobot/strategy/backtest/lookahead"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
)

// backtestCommand runs a strategy over history and reports.
type backtestCommand struct {
	runFlags
	signalFlag
	companyFlags
	pairsFlag
	LookAhead bool `help:"Look closely whether the strategy knows the future: other futures are tried after every trade, not just a few. A find is an error."`
	reportFlags
}

// collectAt is the collector's percentage. Nearly all that a long run keeps is one
// equity curve without a pointer in it: it costs little to look often, and half
// as much lies about.
const collectAt = 50

// Run runs the backtest in a process of the strategy's own.
func (b backtestCommand) Run(ctx context.Context, c *console) error {
	debug.SetGCPercent(collectAt)
	subject, err := b.strategyFlags.open(ctx, c)
	if err != nil {
		return err
	}
	defer subject.host.Stop()
	params, err := b.params(ctx, subject)
	if err != nil {
		return err
	}
	files, err := b.reportFlags.open()
	if err != nil {
		return err
	}
	defer files.discard()
	past, err := b.load(ctx)
	if err != nil {
		return err
	}
	traded, err := b.further(ctx, subject, b.historyFlags, past)
	if err != nil {
		return err
	}
	cfg, err := b.config(past, traded)
	if err != nil {
		return err
	}
	cfg.Params = params
	if cfg.Signals, err = b.messages(subject); err != nil {
		return err
	}
	process, err := subject.host.Start(ctx, subject.key)
	if err != nil {
		return err
	}
	defer process.Stop()
	with, err := b.company(ctx, process, cfg, b.historyFlags, past)
	if err != nil {
		return runFault(ctx, err)
	}
	with.traded = traded
	seen := backtestreport.NewWatch(cfg.Interval)
	result, elapsed, err := c.runIn(ctx, process, cfg, with, seen)
	if err != nil {
		return err
	}
	in := backtestreport.Input{
		Result: result, Closes: seen.Of(cfg.Market.Pair), Further: seen.Further(cfg), Data: past.report, Source: past.source, Title: subject.manifest.Title, Seed: 1,
		Notes: with.notes(),
	}
	if err := b.check(ctx, c, process, with, &in); err != nil {
		return err
	}
	report, err := backtestreport.New(in)
	if err != nil {
		return err
	}
	if err := errors.Join(ctx.Err(), files.json.write(report.WriteJSON), files.html.write(report.WriteHTML)); err != nil {
		return err
	}
	b.comment(c, subject, result, len(cfg.Signals))
	with.comment(c)
	if err := report.WriteTable(c.out, elapsed); err != nil {
		return err
	}
	if b.LookAhead && in.LookAhead.Finding != nil {
		return errors.New("the look-ahead check failed: " + in.LookAhead.Finding.Describe(cfg.Market))
	}
	return nil
}

// check looks whether the strategy knows the future and puts the outcome into the
// report. A strategy that fails over other candles, though not over those given,
// only is an error if it was asked to look closely.
func (b backtestCommand) check(ctx context.Context, c *console, process *pluginhost.Process, with *company, in *backtestreport.Input) error {
	cfg := lookahead.Config{
		Whole: in.Result,
		Run: func(ctx context.Context, through backtest.Through) (*backtest.Result, error) {
			return with.run(ctx, process, in.Result.Config, through, nil)
		},
	}
	if b.LookAhead { // it goes over the candles thousands of times
		if err := with.kept(ctx); err != nil {
			return err
		}
		cfg.Depth = lookahead.Full
		var bar *progress
		cfg.Progress = func(done, total int64) {
			if bar == nil {
				bar = newProgress(c.problems, total)
			}
			bar.set(done)
			if done == total {
				bar.clear()
			}
		}
	}
	report, err := lookahead.Check(ctx, cfg)
	var failed *plugin.RunError
	switch {
	case err == nil:
		in.LookAhead = &report
	case ctx.Err() == nil && errors.As(err, &failed) && !b.LookAhead:
		in.Unchecked = failed.Text
	default:
		return runFault(ctx, err)
	}
	return nil
}
