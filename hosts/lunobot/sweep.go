package main

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/backtestreport"
	"github.com/lunobot/lunobot/strategy/backtest/search"
)

// sweepCommand tries many sets of parameters over history and reports.
type sweepCommand struct {
	runFlags
	searchFlags
	companyFlags
	pairsFlag
	reportFlags
}

// Run runs the sweep.
func (w sweepCommand) Run(ctx context.Context, c *console) error {
	s, err := w.prepare(ctx, c, w.runFlags, w.companyFlags, w.pairsFlag, w.reportFlags, false)
	if err != nil {
		return err
	}
	defer s.close()
	bar := s.watched(c)
	start := time.Now()
	result, err := search.Run(ctx, s.search)
	elapsed := time.Since(start)
	bar.clear()
	if err := s.fault(ctx, err); err != nil {
		return err
	}
	seen := backtestreport.NewWatch(s.run.Interval)
	best, err := s.best(ctx, result, seen)
	if err != nil {
		return err
	}
	s.forget() // before the report is made
	report, err := backtestreport.NewSearch(backtestreport.SearchInput{
		Best: best, Closes: seen.Of(s.run.Market.Pair), Further: seen.Further(s.run), Data: s.past.report, Schema: s.subject.manifest.Schema, Source: s.past.source, Notes: notesOf(s.past, s.traded), Config: s.run,
		Info: s.subject.manifest.Info, Result: result,
	})
	if err != nil {
		return err
	}
	if err := errors.Join(ctx.Err(), s.files.json.write(report.WriteJSON), s.files.html.write(report.WriteHTML)); err != nil {
		return err
	}
	return report.WriteTable(c.out, elapsed)
}

// forget lets the candles go that no run needs any more.
func (s *searching) forget() {
	s.shared, s.library, s.search.Runners = nil, nil, nil
	if s.long() {
		debug.FreeOSMemory()
	}
}

// best runs the best set once more, to show all of it; nil if there is none. What
// candles it saw goes into seen. It keeps the whole equity curve: where there are very
// many candles, those that the runs shared make room for it, and are read anew.
func (s *searching) best(ctx context.Context, result *search.Result, seen *backtestreport.Watch) (*backtest.Result, error) {
	set, ok := result.Best()
	if !ok {
		return nil, nil
	}
	cfg := s.run
	cfg.Params = set.Params
	var needs backtest.Needs
	var err error
	if def := s.subject.contained; def != nil {
		needs, err = backtest.NeedsOf(*def, cfg)
	} else {
		needs, err = s.workers[0].Needs(ctx, cfg)
	}
	if err != nil {
		return nil, err
	}
	through := seen.Through
	if s.long() {
		own, closed, err := s.past.open(ctx)
		if err != nil {
			return nil, err
		}
		defer closed()
		through = func(pair string, src marketdata.Source) marketdata.Source {
			if pair == cfg.Market.Pair {
				src = own
			}
			return seen.Through(pair, src)
		}
	}
	src, end, err := backtest.Bring(ctx, s.library, cfg, needs, s.candles(), through)
	if err != nil {
		return nil, err
	}
	defer end()
	if s.long() {
		s.forget()
	}
	var out *backtest.Result
	if def := s.subject.contained; def != nil {
		out, err = backtest.Run(ctx, *def, cfg, src, nil)
	} else {
		out, err = s.workers[0].Backtest(ctx, cfg, src, nil)
	}
	return out, runFault(ctx, err)
}
