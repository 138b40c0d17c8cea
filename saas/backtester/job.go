package backtester

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/live"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/backtestreport"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
)

// errTooLong ends a run that takes longer than it may.
var errTooLong = errors.New("the run took too long")

const (
	// storeTries is how often a result is stored before it is given up, with
	// storePause between two tries.
	storeTries = 10
	storePause = 2 * time.Second
	// leastHang is what a run counts as hung for at least that was ended for it: a process
	// that does not start or answer in time is in no backtest yet.
	leastHang = 10 * time.Second
)

// job is one run at work.
type job struct {
	b      *Backtester
	lease  lease.Lease
	cancel context.CancelCauseFunc
	// suspect is true for a run that may well hang.
	suspect bool
	done    atomic.Int64
	// processes are all that were started for the run.
	processes []Process
	// waited is the longest time, in nanoseconds, after which the strategy failed to start
	// or to answer outside of a backtest.
	waited atomic.Int64
}

// open starts a process of the strategy, which the caller stops.
func (j *job) open(ctx context.Context, key string) (Process, error) {
	var p Process
	err := j.asked(func() (err error) {
		p, err = j.b.cfg.Plugins.Open(ctx, key)
		return err
	})
	if err != nil {
		return nil, err
	}
	j.processes = append(j.processes, p)
	return patient{p, j}, nil
}

// asked asks the strategy something outside of a backtest. The time that it takes until
// there is no answer counts as standing still: else whoever cancels before it could hold
// places again and again.
func (j *job) asked(question func() error) error {
	begun := j.b.cfg.Now()
	err := question()
	if err != nil {
		waited := int64(j.b.cfg.Now().Sub(begun))
		for most := j.waited.Load(); waited > most && !j.waited.CompareAndSwap(most, waited); most = j.waited.Load() {
		}
	}
	return err
}

// patient is a process whose time to answer is watched.
type patient struct {
	Process
	job *job
}

// Needs implements Process.
func (p patient) Needs(ctx context.Context, cfg backtest.Config) (needs backtest.Needs, err error) {
	err = p.job.asked(func() error {
		needs, err = p.Process.Needs(ctx, cfg)
		return err
	})
	return needs, err
}

// stood returns for how long a process of the run had made no progress when the run was
// ended, and the longest time without after which one went on.
func (j *job) stood() (ended, longest time.Duration) {
	ended = time.Duration(j.waited.Load())
	for _, p := range j.processes {
		e, l := p.Stood()
		ended, longest = max(ended, e), max(longest, l)
	}
	return ended, longest
}

// run begins the run, works on it and stores what came of it. When ctx ends it
// gives the run back.
func (j *job) run(ctx context.Context) {
	cfg := j.b.cfg
	r, err := cfg.Work.Begin(ctx, j.lease, cfg.Attempts)
	if err != nil {
		if !gone(err) && ctx.Err() == nil {
			cfg.Log.WarnContext(ctx, "a backtest was not begun", "tenant_id", j.lease.TenantID, "backtest_id", j.lease.ID, "error", err)
		}
		return
	}
	j.publish(ctx, "status", map[string]any{"status": r.Status, "status_reason": "", "done": 0, "total": r.Total, "percent": 0})
	limited, cancel := context.WithTimeoutCause(ctx, cfg.Limit, errTooLong)
	defer cancel()
	watching := make(chan struct{})
	watch, stop := context.WithCancel(limited)
	go func() {
		defer close(watching)
		j.watch(watch, r)
	}()
	out, err := j.work(limited, r)
	stop()
	<-watching
	if err == nil {
		err = j.store(limited, out)
	}
	if err != nil {
		j.settle(ctx, limited, r, err)
	}
}

// watch notes the progress from time to time, and ends the run when it is over
// or another worker's.
func (j *job) watch(ctx context.Context, r research.Run) {
	tick := time.NewTicker(j.b.cfg.Every)
	defer tick.Stop()
	for last := int64(0); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		r.Done = j.done.Load()
		if r.Done != last {
			last = r.Done
			j.publish(ctx, "progress", map[string]any{"done": r.Done, "total": r.Total, "percent": r.Percent()})
		}
		err := j.b.cfg.Work.Progress(ctx, j.lease, r.Done)
		switch {
		case gone(err):
			j.cancel(err)
			return
		case err != nil && ctx.Err() == nil:
			j.b.cfg.Log.DebugContext(ctx, "progress was not noted", "backtest_id", r.ID, "error", err)
		}
	}
}

// work runs the backtest and packs its report. A panic of ours is an error.
func (j *job) work(ctx context.Context, r research.Run) (out research.Outcome, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	cfg := j.b.cfg
	key := pluginhost.Key(r.Strategy, r.StrategyVersion)
	var manifest plugin.Manifest
	if err := j.asked(func() (err error) {
		manifest, err = cfg.Plugins.Manifest(ctx, key)
		return err
	}); err != nil {
		return out, err
	}
	data, err := cfg.History.Load(ctx, research.Query{Ref: r.Ref(), Interval: r.Detail(), From: r.From, To: r.To})
	if err != nil {
		return out, &historyError{err}
	}
	bt, err := configOf(r, data.Market)
	if err != nil {
		return out, err
	}
	if r.Kind != research.Backtest {
		return j.search(ctx, r, key, bt, manifest, data)
	}
	process, err := j.open(ctx, key)
	if err != nil {
		return out, err
	}
	defer process.Stop()
	with, err := j.bring(ctx, process, r, bt)
	if err != nil {
		return out, err
	}
	candles, seen := data.Packed(), backtestreport.NewWatch(bt.Interval)
	data.Candles = nil // they are packed
	result, err := with.over(ctx, bt, candles, seen.Through, j.done.Store)
	if err != nil {
		return out, err
	}
	in := backtestreport.Input{
		Result: result, Closes: seen.Of(bt.Market.Pair), Further: seen.Further(bt), Data: data.Read, Source: data.Origin, Notes: slices.Concat(data.Notes, notesOf(r), with.library.lacking()),
		Seed: 1, Title: manifest.Title, Schema: manifest.Schema,
	}
	if err := j.look(ctx, r, with, candles, &in); err != nil {
		return out, err
	}
	report, err := backtestreport.New(in)
	if err != nil {
		return out, err
	}
	return research.Pack(report, result.Equity)
}

// configOf is what the engine is told of a run.
func configOf(r research.Run, m exchange.Market) (backtest.Config, error) {
	cfg := backtest.Config{Interval: r.Detail(), Market: m, Params: r.Parameters}
	if cfg.Interval != r.Interval {
		cfg.Decide = r.Interval
	}
	var err, errMaker, errTaker, errBase, errCosts, errTiers, errRisk error
	cfg.Balance, err = m.Units(r.Balance, exchange.Exact)
	cfg.Fees.Maker, errMaker = exchange.ParseRate(r.MakerFee.String())
	cfg.Fees.Taker, errTaker = exchange.ParseRate(r.TakerFee.String())
	cfg.Base, errBase = m.Steps(r.Terms.Holding, exchange.Exact)
	cfg.Costs, errCosts = costsIn(r.Terms, r.Slippage)
	cfg.Tiers, errTiers = tiersIn(m, r.Terms)
	cfg.Risk, errRisk = r.Risk.Limits(m)
	err = errors.Join(err, errMaker, errTaker, errBase, errCosts, errTiers, errRisk)
	for _, one := range r.Further {
		pair, errPair := pairIn(one, r)
		cfg.Pairs = append(cfg.Pairs, pair)
		err = errors.Join(err, errPair)
	}
	return cfg, err
}

// notesOf says where a run differs from a bot.
func notesOf(r research.Run) []string {
	switch {
	case r.Detail() <= time.Minute:
		return nil
	case r.Recorded > time.Minute:
		return []string{"The history has no minutes, so orders met the candles that it has. A bot's orders meet every minute."}
	}
	return []string{"The run is long, so its orders met the candles that the strategy decides on. A bot's orders meet every minute."}
}

// store stores the outcome; a database that is away is tried again for a while.
func (j *job) store(ctx context.Context, out research.Outcome) error {
	for try := 1; ; try++ {
		err := j.b.cfg.Work.Finish(ctx, j.lease, out)
		if err == nil || gone(err) || try == storeTries || ctx.Err() != nil {
			return err
		}
		j.b.cfg.Log.WarnContext(ctx, "a result was not stored and is tried again", "backtest_id", j.lease.ID, "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(storePause):
		}
	}
}

// settle ends a run that did not finish; limited is ctx with the time that the
// run had.
func (j *job) settle(ctx, limited context.Context, r research.Run, err error) {
	cfg := j.b.cfg
	log := cfg.Log.With("tenant_id", r.TenantID, "backtest_id", r.ID, "strategy", r.Strategy)
	cause := context.Cause(limited)
	after := context.WithoutCancel(ctx)
	switch {
	case gone(err), gone(cause):
		log.InfoContext(after, "a backtest was dropped", "error", errors.Join(cause, err))
		j.stalled(after, r, errors.Join(cause, err))
		return
	case ctx.Err() != nil: // this worker stops
		if err := cfg.Work.Yield(after, j.lease); err != nil && !gone(err) {
			log.WarnContext(after, "a backtest was not given back; its lease ends by itself", "error", err)
		}
		return
	case errors.Is(cause, errTooLong):
		err = errTooLong
	}
	log.WarnContext(after, "a backtest failed", "error", err)
	reason := reasonOf(r, cfg.Limit, err)
	if errors.Is(err, &pluginhost.Error{Kind: pluginhost.Timeout}) {
		ended, _ := j.stood()
		err = cfg.Work.Hung(after, j.lease, reason, max(ended, leastHang))
	} else {
		err = cfg.Work.Fail(after, j.lease, reason)
	}
	if err != nil && !gone(err) {
		log.WarnContext(after, "a failed backtest was not noted; it is begun again", "error", err)
	}
}

// stalled counts how much longer than ever before a run that was cancelled had made no
// progress: else whoever cancels in time could hold places again and again. One that is
// merely slow counts for little.
func (j *job) stalled(ctx context.Context, r research.Run, cause error) {
	cfg := j.b.cfg
	ended, longest := j.stood()
	if !errors.Is(cause, research.ErrOver) || ended <= longest {
		return
	}
	if err := cfg.Work.Stalled(ctx, r, ended-longest); err != nil {
		cfg.Log.WarnContext(ctx, "a backtest that hung was not noted", "backtest_id", r.ID, "error", err)
	}
}

func (j *job) publish(ctx context.Context, typ string, data any) {
	raw, err := json.Marshal(data)
	if err == nil {
		err = j.b.cfg.Live.Publish(ctx, j.lease.TenantID, j.lease.ID, live.Update{Type: typ, Time: j.b.cfg.Now().UTC(), Data: raw})
	}
	if err != nil {
		j.b.cfg.Log.DebugContext(ctx, "an update was not published", "backtest_id", j.lease.ID, "error", err)
	}
}
