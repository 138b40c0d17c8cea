package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/backtestreport"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// backtestCommand runs a strategy over history and reports.
type backtestCommand struct {
	strategyFlags
	Param []string `sep:"none" placeholder:"NAME=VALUE" help:"A parameter of the strategy; repeat it for others."`
	historyFlags
	intervalFlag
	Balance string `default:"10000" placeholder:"AMOUNT" help:"Cash to begin with, in the counter currency. Default: ${default}."`
	costFlags
	JSON string `name:"json" placeholder:"FILE" help:"Write all trades, the equity curve and the statistics there."`
	HTML string `name:"html" placeholder:"FILE" help:"Write a report with charts there."`
}

// Run runs the backtest in a process of the strategy's own.
func (b backtestCommand) Run(ctx context.Context, c *console) error {
	subject, err := b.open(ctx, c)
	if err != nil {
		return err
	}
	defer subject.host.Stop()
	params, err := b.params(ctx, subject)
	if err != nil {
		return err
	}
	jsonFile, err := openOut("--json", b.JSON)
	if err != nil {
		return err
	}
	defer jsonFile.discard()
	htmlFile, err := openOut("--html", b.HTML)
	if err != nil {
		return err
	}
	defer htmlFile.discard()
	past, err := b.load(ctx)
	if err != nil {
		return err
	}
	cfg, err := b.config(past, params)
	if err != nil {
		return err
	}
	result, elapsed, err := c.backtest(ctx, subject, cfg, past)
	if err != nil {
		return err
	}
	report, err := backtestreport.New(backtestreport.Input{
		Result: result, Candles: past.series.Candles, Data: past.report, Source: past.source, Title: subject.manifest.Title,
	})
	if err != nil {
		return err
	}
	if err := errors.Join(ctx.Err(), jsonFile.write(report.WriteJSON), htmlFile.write(report.WriteHTML)); err != nil {
		return err
	}
	return report.WriteTable(c.out, elapsed)
}

// params reads the strategy's parameters; the error names every wrong one.
func (b backtestCommand) params(ctx context.Context, s *subject) (json.RawMessage, error) {
	texts := make(map[string]string, len(b.Param))
	var problems []string
	for _, p := range b.Param {
		name, value, ok := strings.Cut(p, "=")
		_, twice := texts[name]
		switch {
		case !ok || name == "":
			problems = append(problems, p+" must be written as name=value")
		case twice:
			problems = append(problems, name+" is given twice")
		default:
			texts[name] = value
		}
	}
	raw, err := s.validate(ctx, s.manifest.Schema.FromTexts(texts))
	var faults param.Errors
	if err != nil && !errors.As(err, &faults) {
		return nil, err
	}
	for _, f := range faults {
		problems = append(problems, f.Error())
	}
	if len(problems) > 0 {
		return nil, input("--param: %s ('lunobot strategies describe %s' lists them)", strings.Join(problems, "; "), s.called)
	}
	return raw, nil
}

// config reads the flags about money and candles; the error names every wrong one.
func (b backtestCommand) config(past history, params json.RawMessage) (backtest.Config, error) {
	cfg := backtest.Config{Market: past.series.Market, Interval: past.series.Interval, Params: params}
	var problems []string
	balance, err := decimal.NewFromString(b.Balance)
	if err == nil {
		cfg.Balance, err = cfg.Market.Units(balance, exchange.Down)
	}
	if err != nil || cfg.Balance <= 0 {
		problems = append(problems, "--balance "+b.Balance+" must be an amount above 0 that fits the market's tick and step")
	}
	problems = append(problems, b.costFlags.into(&cfg)...)
	problems = append(problems, b.intervalFlag.into(&cfg)...)
	if len(problems) > 0 {
		return cfg, input("%s", strings.Join(problems, "; "))
	}
	return cfg, nil
}

// backtest runs a strategy in a process of its own and returns how long it took.
func (c *console) backtest(ctx context.Context, s *subject, cfg backtest.Config, past history) (*backtest.Result, time.Duration, error) {
	process, err := s.host.Start(ctx, s.key)
	if err != nil {
		return nil, 0, err
	}
	defer process.Stop()
	bar := newProgress(c.problems, int64(len(past.series.Candles)))
	start := time.Now()
	result, err := process.Backtest(ctx, cfg, past.series.Source(), bar.set)
	elapsed := time.Since(start)
	bar.clear()
	var failed *plugin.RunError
	switch {
	case ctx.Err() != nil:
		return nil, 0, ctx.Err()
	case errors.As(err, &failed):
		return nil, 0, errors.New(failed.Text)
	}
	return result, elapsed, err
}
