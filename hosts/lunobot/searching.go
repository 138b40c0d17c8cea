package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/search"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
)

// searchFlags say which sets of parameters are tried and which is best.
type searchFlags struct {
	Range       []string `sep:"none" placeholder:"NAME=VALUES" help:"A parameter to vary and its values; repeat it for others: kind=sma,ema, fast=5:50 or fast=5:50:5 for numbers and times from, to, step; size=1:100:log:8 for 8 values in equal ratios."`
	Method      string   `default:"grid" placeholder:"METHOD" help:"grid tries every set, random draws --trials of them, tpe draws more where the good ones lie. Default: ${default}."`
	Trials      int      `default:"200" placeholder:"N" help:"How many sets random and tpe try. Default: ${default}."`
	Seed        uint64   `default:"1" placeholder:"N" help:"Makes the random choices; the same seed gives the same report. Default: ${default}."`
	Objective   string   `default:"sharpe" placeholder:"MEASURE" help:"What the sets compete in: sharpe, sortino, calmar, profit-factor or equity. Default: ${default}."`
	MaxDrawdown float64  `placeholder:"SHARE" help:"Leave out sets that fell deeper below a peak, such as 0.2. Default: none."`
	MinTrades   int      `placeholder:"N" help:"Leave out sets with fewer closed trades. Default: none."`
	Workers     int      `placeholder:"N" help:"How many runs go on at once; the report does not depend on it. Default: one for each core."`
}

// collectLong is the collector's percentage where very many candles are shared: they
// have no pointer that it follows, so that it costs little to look often.
const collectLong = 5

// searching is a search that is ready. A strategy that this program contains is run
// in it, where all runs share the candles; another in processes of its own.
type searching struct {
	subject *subject
	past    history
	run     backtest.Config
	// shared are the candles that runs see and share: those of past, and before
	// them so many that windows warm up with.
	shared *marketdata.Packed
	before int
	// traded are the further pairs that they trade, library has these and what they
	// look at.
	traded  []further
	library *library
	search  search.Config
	files   reportFiles
	// workers are the processes; none for a strategy that is contained.
	workers []*pluginhost.Process
}

// close ends what belongs to it.
func (s *searching) close() {
	s.files.discard()
	for _, p := range s.workers {
		if p != nil {
			p.Stop()
		}
	}
	if s.subject != nil {
		s.subject.host.Stop()
	}
}

// prepare reads all flags before anything is run, and if asked the candles that the
// first window warms up with. The caller closes what it returns.
func (f searchFlags) prepare(
	ctx context.Context, c *console, run runFlags, with companyFlags, pairs pairsFlag, out reportFlags, warm bool,
) (s *searching, err error) {
	s = &searching{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.subject, err = run.strategyFlags.open(ctx, c); err != nil {
		return s, err
	}
	if err := f.check(); err != nil {
		return s, input("%s", lines(err))
	}
	space, err := f.space(ctx, s.subject, run)
	if err != nil {
		return s, err
	}
	s.search = search.Config{
		Method: search.Method(f.Method), Objective: search.Objective{Measure: search.Measure(f.Objective), MaxDrawdown: f.MaxDrawdown, MinTrades: f.MinTrades},
		Seed: f.Seed, Space: space, Trials: f.Trials,
	}
	if err := s.search.Check(); err != nil {
		return s, input("%s", lines(err))
	}
	if s.files, err = out.open(); err != nil {
		return s, err
	}
	if s.past, err = run.load(ctx); err != nil {
		return s, err
	}
	if s.traded, err = pairs.further(ctx, s.subject, run.historyFlags, s.past); err != nil {
		return s, err
	}
	if s.run, err = run.config(s.past, s.traded); err != nil {
		return s, err
	}
	if s.long() {
		debug.SetGCPercent(collectLong)
	}
	if warm {
		s.shared, s.before, err = run.warm(ctx, s.past, s.run)
	} else {
		s.shared, err = s.past.whole(ctx)
	}
	if err != nil {
		return s, err
	}
	first := time.UnixMilli(s.shared.Time(0)).UTC()
	if s.library, err = with.library(ctx, s.run, run.historyFlags, s.past, first, s.traded); err != nil {
		return s, err
	}
	workers := cmp.Or(f.Workers, runtime.GOMAXPROCS(0))
	if run.Attach != "" {
		workers = 1 // it is one process, which its author debugs
	}
	if def := s.subject.contained; def != nil {
		for range workers {
			s.search.Runners = append(s.search.Runners, search.NewLocal(*def, s.run, s.shared).With(s.library))
		}
		return s, nil
	}
	return s, s.start(ctx, workers)
}

// check names the flags that are wrong by themselves.
func (f searchFlags) check() error {
	var problems []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	check(f.Trials >= 1 && f.Trials <= search.MaxSets, "--trials %d must be from 1 to %d", f.Trials, search.MaxSets)
	check(f.MaxDrawdown >= 0 && f.MaxDrawdown <= 1, "--max-drawdown %v must be a share from 0 to 1, such as 0.2", f.MaxDrawdown)
	check(f.MinTrades >= 0, "--min-trades %d must be at least 0", f.MinTrades)
	check(f.Workers >= 0 && f.Workers <= 1024, "--workers %d must be from 1 to 1024", f.Workers)
	return errors.Join(problems...)
}

// space reads the ranges and the parameters that are not varied; the error names
// every wrong one.
func (f searchFlags) space(ctx context.Context, s *subject, run runFlags) (*search.Space, error) {
	fixed, problems := run.given()
	if len(problems) > 0 {
		return nil, input("--param: %s ('lunobot strategies describe %s' lists them)", strings.Join(problems, "; "), s.called)
	}
	cfg := search.SpaceConfig{Fixed: fixed, Ranges: f.Range, Schema: s.manifest.Schema}
	if s.manifest.Can(plugin.Checks) {
		cfg.Check = func(params json.RawMessage) error {
			_, err := s.host.Validate(ctx, s.key, params)
			return err
		}
	}
	space, err := search.NewSpace(cfg)
	if err != nil {
		return nil, input("--range: %s ('lunobot strategies describe %s' lists the parameters)", lines(err), s.called)
	}
	return space, nil
}

// lines writes joined errors in one line, without the package that they are from.
func lines(err error) string {
	texts := strings.Split(err.Error(), "\n")
	for i, text := range texts {
		texts[i] = strings.TrimPrefix(text, "search: ")
	}
	return strings.Join(texts, "; ")
}

// start starts the processes that run the sets.
func (s *searching) start(ctx context.Context, workers int) error {
	s.workers = make([]*pluginhost.Process, workers)
	problems := make([]error, workers)
	var starting sync.WaitGroup
	for i := range workers {
		starting.Go(func() { s.workers[i], problems[i] = s.subject.host.Start(ctx, s.subject.key) })
	}
	starting.Wait()
	if err := errors.Join(ctx.Err(), errors.Join(problems...)); err != nil {
		return err
	}
	for _, p := range s.workers {
		s.search.Runners = append(s.search.Runners, search.NewRemote(search.RemoteConfig{
			Backtester: p, Candles: s.shared, Cold: !s.subject.manifest.Can(plugin.Past), Config: s.run, Library: s.library, OfSet: plugin.Refused,
		}))
	}
	return nil
}

// long reports whether there are so many candles that memory is to be spared.
func (s *searching) long() bool { return s.past.candles*(1+len(s.traded)) > keptCandles }

// candles are those of the history.
func (s *searching) candles() *marketdata.Packed { return s.shared.Part(s.before, s.shared.Len()) }

// watched adds a bar to the search, which the caller clears.
func (s *searching) watched(c *console) *progress {
	bar := newProgress(c.problems, 1)
	s.search.Progress = func(done, total int) { bar.setOf(int64(done), int64(total)) }
	return bar
}

// fault returns the error of a search as it is told. What the strategy refuses is
// a fault of the ranges.
func (s *searching) fault(ctx context.Context, err error) error {
	var refused param.Errors
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &refused):
		return input("--range: %s ('lunobot strategies describe %s' lists the parameters)", lines(err), s.subject.called)
	}
	return fmt.Errorf("%s", lines(err))
}
