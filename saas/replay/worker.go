package replay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
)

// Config are the worker's collaborators; all are required unless a default is
// named.
type Config struct {
	// Attempts is how often a replay is begun before it is given up. Defaults to 3.
	Attempts int64
	// Candles is how many candles a replay takes at least, if there are so many,
	// the newest ones. Defaults to those of a week.
	Candles int64
	// Claim is how long a claim lasts without a sign of life. Defaults to a minute.
	Claim time.Duration
	// Every is how often progress is looked at and noted. Defaults to half a second.
	Every time.Duration
	// History is what the market's history has now.
	History exchange.MarketData
	// Keep is how long candles that were seen are kept. Defaults to 8 days.
	Keep time.Duration
	// Limit is how long a replay may take. Defaults to 10 minutes.
	Limit time.Duration
	// Log defaults to none.
	Log *slog.Logger
	// MarketNow is the venue's clock, Now the wall's.
	MarketNow func() time.Time
	Now       func() time.Time
	Plugins   Plugins
	// Poll is how often replays are looked for when nobody calls Wake. Defaults to
	// two seconds.
	Poll  time.Duration
	Store Store
}

func (c Config) withDefaults() Config {
	if c.Attempts == 0 {
		c.Attempts = 3
	}
	if c.Candles == 0 {
		c.Candles = 7 * 24 * 60
	}
	if c.Claim == 0 {
		c.Claim = time.Minute
	}
	if c.Every == 0 {
		c.Every = 500 * time.Millisecond
	}
	if c.Keep == 0 {
		c.Keep = 8 * 24 * time.Hour
	}
	if c.Limit == 0 {
		c.Limit = 10 * time.Minute
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Poll == 0 {
		c.Poll = 2 * time.Second
	}
	return c
}

func (c Config) validate() error {
	var problems []error
	need := func(ok bool, name string) {
		if !ok {
			problems = append(problems, fmt.Errorf("replay: %s is required", name))
		}
	}
	need(c.History != nil, "History")
	need(c.MarketNow != nil, "MarketNow")
	need(c.Now != nil, "Now")
	need(c.Plugins != nil, "Plugins")
	need(c.Store != nil, "Store")
	return errors.Join(problems...)
}

// Worker makes the reports that were asked for, one after another. Start it once;
// Stop may be called more than once.
type Worker struct {
	cfg    Config
	wake   chan struct{}
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// NewWorker returns a worker that has not started; the error names everything
// that is missing.
func NewWorker(cfg Config) (*Worker, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Worker{cfg: cfg, wake: make(chan struct{}, 1)}, nil
}

// Start begins the work, which ends with Stop.
func (w *Worker) Start(ctx context.Context) {
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w.cancel = cancel
	w.done.Go(func() { w.loop(run) })
}

// Wake makes the worker look for work at once.
func (w *Worker) Wake() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Stop ends the work; a replay under way is made again later.
func (w *Worker) Stop() {
	if w.cancel == nil {
		return
	}
	w.cancel()
	w.done.Wait()
}

func (w *Worker) loop(ctx context.Context) {
	tick := time.NewTicker(w.cfg.Poll)
	defer tick.Stop()
	for {
		for w.next(ctx) {
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-w.wake:
		}
	}
}

// next makes one report, and reports whether there was one to be made.
func (w *Worker) next(ctx context.Context) bool {
	if ctx.Err() != nil {
		return false
	}
	now := w.cfg.Now()
	r, ok, err := w.cfg.Store.ClaimReplay(ctx, now, now.Add(w.cfg.Claim))
	if err != nil && ctx.Err() == nil {
		w.cfg.Log.WarnContext(ctx, "looking for replays", "error", err)
	}
	if err != nil || !ok {
		return false
	}
	log := w.cfg.Log.With("tenant_id", r.TenantID, "bot_id", r.BotID)
	report, err := w.make(ctx, &r)
	after := context.WithoutCancel(ctx)
	if errors.Is(err, ErrLost) {
		log.InfoContext(after, "a replay was left to the worker that has begun it anew")
		return true
	}
	if ctx.Err() != nil { // this worker stops: another one begins it anew
		if err := w.cfg.Store.YieldReplay(after, r.TenantID, r); err != nil {
			log.WarnContext(after, "a replay was not given back; its claim ends by itself", "error", err)
		}
		return false
	}
	r.FinishedAt = w.cfg.Now().UTC().Truncate(time.Microsecond)
	if err != nil {
		log.WarnContext(after, "a replay failed", "error", err)
		r.Status, r.Reason = Failed, reasonOf(err)
	} else {
		r.Status, r.Reason, r.Report, r.Done = Done, "", &report, r.Total
	}
	if err := w.cfg.Store.UpdateReplay(after, r.TenantID, r, w.cfg.Now()); err != nil && errs.CodeOf(err) != errs.CodeOf(ErrLost) {
		log.WarnContext(after, "a report was not stored; it is made again", "error", err)
	}
	return true
}

// errTries means that a replay ended its worker again and again.
var errTries = errors.New("the replay was begun too often")

// make makes a report. A panic of ours is an error.
func (w *Worker) make(ctx context.Context, r *Replay) (report Report, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if r.Attempt > w.cfg.Attempts {
		return Report{}, errTries
	}
	limited, cancel := context.WithTimeout(ctx, w.cfg.Limit)
	defer cancel()
	work, lost := context.WithCancelCause(limited)
	r.Done, r.Total = 0, 0 // what an attempt before has noted counts no more
	j := &job{w: w, replay: *r, stage: newStage(w.cfg.Plugins), sim: parity.Simulation{Slippage: SimulatedSlippage}}
	var keeping sync.WaitGroup
	keeping.Go(func() { j.keep(work, lost) })
	defer keeping.Wait()
	defer lost(nil)
	report, err = j.run(work)
	if errors.Is(context.Cause(work), ErrLost) {
		err = ErrLost
	}
	r.Done, r.Total = j.done.Load(), j.total.Load()
	return report, err
}
