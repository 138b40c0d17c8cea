package backtester

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/backtestreport"
	"github.com/lunobot/lunobot/strategy/backtest/search"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
)

// searchError is a search that cannot be made as it was asked for.
type searchError struct{ err error }

// Error implements error; it is one line for the tenant.
func (e *searchError) Error() string { return research.Plain(e.err) }

// Unwrap returns the cause.
func (e *searchError) Unwrap() error { return e.err }

// searching is a sweep or a walk forward at work.
type searching struct {
	job      *job
	run      research.Run
	key      string // what the plugins call the strategy
	cfg      backtest.Config
	manifest plugin.Manifest
	data     research.Data
	// candles are those of the run, shared what its sets see: them, and before them
	// what windows warm up with.
	candles, shared *marketdata.Packed
	library         *library
	processes       []Process
}

// search makes a sweep or a walk forward and packs its report.
func (j *job) search(ctx context.Context, r research.Run, key string, cfg backtest.Config, m plugin.Manifest, data research.Data) (research.Outcome, error) {
	s := &searching{job: j, run: r, key: key, cfg: cfg, manifest: m, data: data, candles: data.Packed()}
	s.data.Candles = nil // they are packed
	defer func() {
		for _, p := range s.processes {
			p.Stop()
		}
	}()
	task, err := s.prepare(ctx)
	if err != nil {
		return research.Outcome{}, err
	}
	if r.Kind == research.Sweep {
		return s.sweep(ctx, task)
	}
	return s.walk(ctx, task)
}

// prepare reads the ranges and starts the processes.
func (s *searching) prepare(ctx context.Context) (search.Config, error) {
	plugins := s.job.b.cfg.Plugins
	var check func(json.RawMessage) error
	if s.manifest.Can(plugin.Checks) {
		check = func(params json.RawMessage) error {
			return s.job.asked(func() error {
				_, err := plugins.Validate(ctx, s.key, params)
				return err
			})
		}
	}
	space, err := s.run.Space(s.manifest.Schema, check)
	if err != nil {
		return search.Config{}, &searchError{err}
	}
	s.library = s.job.library(s.run, s.cfg)
	if err := s.warm(ctx); err != nil {
		return search.Config{}, err
	}
	task := s.run.Searching(space)
	task.Progress = func(done, _ int) { s.job.done.Store(int64(done)) }
	for range s.job.b.cfg.Workers {
		p, err := s.job.open(ctx, s.key)
		if err != nil {
			return search.Config{}, err
		}
		s.processes = append(s.processes, p)
		task.Runners = append(task.Runners, search.NewRemote(search.RemoteConfig{
			Backtester: p, Candles: s.shared, Cold: !s.manifest.Can(plugin.Past), Config: s.cfg, Library: s.library, OfSet: plugin.Refused,
		}))
	}
	return task, nil
}

// warm reads the candles before a walk forward, as many as any strategy warms up
// with and the history has.
func (s *searching) warm(ctx context.Context) error {
	s.shared = s.candles
	if s.run.Kind != research.WalkForward {
		return nil
	}
	history, r := s.job.b.cfg.History, s.run
	offer, err := history.Offer(ctx, r.Ref())
	if err != nil {
		return &historyError{err}
	}
	lead := min(s.cfg.Lead(), r.From.Sub(offer.From)).Truncate(r.Interval)
	if lead <= 0 {
		return nil
	}
	s.library.lead = lead
	past, err := history.Load(ctx, research.Query{Ref: r.Ref(), Interval: s.cfg.Interval, From: r.From.Add(-lead), To: r.From})
	if err != nil {
		return &historyError{err}
	}
	s.shared, err = marketdata.Pack(ctx, past.Source(), s.candles.Source())
	return err
}

// fault returns an error of package search: as it is if it is one of a process or
// of ctx, else as one of what was asked for.
func fault(ctx context.Context, err error) error {
	var dead *pluginhost.Error
	if err == nil || ctx.Err() != nil || errors.As(err, &dead) || errors.As(err, new(*historyError)) {
		return err
	}
	return &searchError{unframed(err)}
}

func (s *searching) sweep(ctx context.Context, task search.Config) (research.Outcome, error) {
	result, err := search.Run(ctx, task)
	if err := fault(ctx, err); err != nil {
		return research.Outcome{}, err
	}
	in := backtestreport.SearchInput{
		Data: s.data.Read, Source: s.data.Origin, Notes: slices.Concat(s.data.Notes, notesOf(s.run), s.library.lacking()), Config: s.cfg,
		Info: s.manifest.Info, Schema: s.manifest.Schema, Result: result,
	}
	if best, ok := result.Best(); ok {
		cfg := s.cfg
		cfg.Params = best.Params
		with, err := s.job.bring(ctx, s.processes[0], s.run, cfg)
		if err != nil {
			return research.Outcome{}, err
		}
		with.library = s.library // which has read what the sets look at
		seen := backtestreport.NewWatch(cfg.Interval)
		if in.Best, err = with.over(ctx, cfg, s.candles, seen.Through, nil); err != nil {
			return research.Outcome{}, err
		}
		in.Closes, in.Further = seen.Of(cfg.Market.Pair), seen.Further(cfg)
	}
	report, err := backtestreport.NewSearch(in)
	if err != nil {
		return research.Outcome{}, err
	}
	return research.PackSearch(report)
}

func (s *searching) walk(ctx context.Context, task search.Config) (research.Outcome, error) {
	asked := s.run.Search
	task.From, task.To = s.run.From, s.run.To
	walk, err := search.WalkForward(ctx, search.WalkConfig{
		Anchored: asked.Anchored, InSample: asked.InSample, OutOfSample: asked.OutOfSample, Search: task,
	})
	if err := fault(ctx, err); err != nil {
		return research.Outcome{}, err
	}
	report, err := backtestreport.NewWalk(backtestreport.WalkInput{
		Candles: s.candles, Data: s.data.Read, Source: s.data.Origin, Notes: slices.Concat(s.data.Notes, notesOf(s.run), s.library.lacking()), Config: s.cfg,
		Info: s.manifest.Info, Walk: walk,
	})
	if err != nil {
		return research.Outcome{}, err
	}
	return research.PackWalk(report)
}
