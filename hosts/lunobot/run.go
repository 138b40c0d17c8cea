package main

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/backtestreport"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
)

// runFlags say what is run over which candles and what trading costs.
type runFlags struct {
	strategyFlags
	Param []string `sep:"none" placeholder:"NAME=VALUE" help:"A parameter of the strategy; repeat it for others."`
	historyFlags
	intervalFlag
	fundsFlags
	boundFlags
	costFlags
}

// given reads the parameters that were given, as texts, and returns what is wrong
// with how they are written.
func (r runFlags) given() (texts map[string]string, problems []string) {
	texts = make(map[string]string, len(r.Param))
	for _, p := range r.Param {
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
	return texts, problems
}

// params reads the strategy's parameters; the error names every wrong one.
func (r runFlags) params(ctx context.Context, s *subject) (json.RawMessage, error) {
	texts, problems := r.given()
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

// config reads the flags about money and candles of a run over these histories; the
// error names every wrong one.
func (r runFlags) config(past history, traded []further) (backtest.Config, error) {
	cfg := backtest.Config{Market: past.market, Interval: past.interval}
	for _, one := range traded {
		cfg.Pairs = append(cfg.Pairs, backtest.Pair{Market: one.market})
	}
	problems := slices.Concat(r.fundsFlags.into(&cfg), r.boundFlags.into(&cfg), r.costFlags.into(&cfg), r.intervalFlag.into(&cfg))
	if len(problems) > 0 {
		return cfg, input("%s", strings.Join(problems, "; "))
	}
	return cfg, nil
}

// reportFlags say where a report is written besides the terminal.
type reportFlags struct {
	JSON string `name:"json" placeholder:"FILE" help:"Write all figures there as JSON."`
	HTML string `name:"html" placeholder:"FILE" help:"Write a report with charts there."`
}

// reportFiles are the files of a report; nil ones are not asked for.
type reportFiles struct{ json, html *outFile }

// open makes sure that the files can be written. The caller discards them.
func (f reportFlags) open() (reportFiles, error) {
	var files reportFiles
	var err error
	if files.json, err = openOut("--json", f.JSON); err != nil {
		return files, err
	}
	files.html, err = openOut("--html", f.HTML)
	if err == nil && samePlace(files.json, files.html) {
		err = input("--json and --html are both %s: give two files", f.HTML)
	}
	if err != nil {
		files.discard()
	}
	return files, err
}

func (f reportFiles) discard() {
	f.json.discard()
	f.html.discard()
}

// runIn runs a strategy in a process and returns how long it took. What candles it
// saw goes into seen.
func (c *console) runIn(
	ctx context.Context, process *pluginhost.Process, cfg backtest.Config, with *company, seen *backtestreport.Watch,
) (*backtest.Result, time.Duration, error) {
	bar := newProgress(c.problems, int64(with.past.candles))
	start := time.Now()
	result, err := with.run(ctx, process, cfg, seen.Through, bar.set)
	elapsed := time.Since(start)
	bar.clear()
	return result, elapsed, runFault(ctx, err)
}

// runFault returns the error of a run as it is told: that of an interruption, or
// what is wrong with the run without a frame around it.
func runFault(ctx context.Context, err error) error {
	var failed *plugin.RunError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &failed):
		return errors.New(failed.Text)
	}
	return err
}
