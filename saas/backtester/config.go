package backtester

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/live"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// Work is what a worker tells of its runs; *research.Service is one.
type Work interface {
	Begin(ctx context.Context, l lease.Lease, most int) (research.Run, error)
	Progress(ctx context.Context, l lease.Lease, done int64) error
	Finish(ctx context.Context, l lease.Lease, out research.Outcome) error
	Fail(ctx context.Context, l lease.Lease, reason string) error
	Hung(ctx context.Context, l lease.Lease, reason string, stood time.Duration) error
	Stalled(ctx context.Context, r research.Run, stood time.Duration) error
	Yield(ctx context.Context, l lease.Lease) error
}

// Plugins runs strategies, which it knows by the keys of a plugin host.
type Plugins interface {
	// Manifest returns what a strategy tells of itself.
	Manifest(ctx context.Context, key string) (plugin.Manifest, error)
	// Open starts a process of a strategy's own; the caller stops it.
	Open(ctx context.Context, key string) (Process, error)
	// Validate returns parameters complete, also checked by the strategy itself;
	// bad ones are param.Errors.
	Validate(ctx context.Context, key string, params json.RawMessage) (json.RawMessage, error)
}

// Process runs one backtest after another; *pluginhost.Process is one.
type Process interface {
	// Needs returns what the strategy wants to see in a run.
	Needs(ctx context.Context, cfg backtest.Config) (backtest.Needs, error)
	// Backtest runs a backtest, which ends with ctx.
	Backtest(ctx context.Context, cfg backtest.Config, src marketdata.Source, progress func(done int64)) (*backtest.Result, error)
	// Stream is Backtest for a run of a search: its equity curve is told as it
	// grows, and is not in the result.
	Stream(ctx context.Context, cfg backtest.Config, src marketdata.Source, equity func(part []int64)) (*backtest.Result, error)
	// Stood returns for how long the last run had made no progress when it was ended, 0 if
	// it came to an end by itself, and the longest time without after which a run went on.
	Stood() (ended, longest time.Duration)
	// Stop ends the process.
	Stop()
}

// Publisher tells whoever watches a run; what nobody watches is dropped.
type Publisher interface {
	Publish(ctx context.Context, tenantID, runID string, u live.Update) error
}

// Config are the worker's collaborators; all are required unless a default is
// named.
type Config struct {
	// AtOnce is how many runs this worker has at work at most. If it is above 1, there is
	// one more while all of these are of one tenant and another one waits, and of the runs
	// that may well hang (see research.Hangs) there is one at work at a time. Defaults
	// to 2.
	AtOnce int
	// Attempts is how often a run is begun before it is given up. Defaults to 3.
	Attempts int
	// Every is how often progress is noted. Defaults to half a second.
	Every   time.Duration
	History research.History
	// Keeper holds this worker's leases and nobody else's.
	Keeper *lease.Keeper
	// Limit is how long a run may take. Defaults to 30 minutes.
	Limit time.Duration
	Live  Publisher
	// Log defaults to none.
	Log     *slog.Logger
	Now     func() time.Time
	Plugins Plugins
	// Poll is how often runs are looked for when nobody calls Wake. Defaults to
	// one second.
	Poll  time.Duration
	Queue research.Queue
	Work  Work
	// Workers is how many runs of a sweep or a walk forward go on at once. Defaults
	// to the cores, shared by AtOnce.
	Workers int
}

func (c Config) withDefaults() Config {
	if c.AtOnce == 0 {
		c.AtOnce = 2
	}
	if c.Attempts == 0 {
		c.Attempts = 3
	}
	if c.Every == 0 {
		c.Every = 500 * time.Millisecond
	}
	if c.Limit == 0 {
		c.Limit = 30 * time.Minute
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Poll == 0 {
		c.Poll = time.Second
	}
	if c.Workers == 0 {
		c.Workers = max(1, runtime.GOMAXPROCS(0)/max(1, c.AtOnce))
	}
	return c
}

func (c Config) validate() error {
	var problems []error
	need := func(ok bool, name string) {
		if !ok {
			problems = append(problems, fmt.Errorf("backtester: %s is required", name))
		}
	}
	need(c.History != nil, "History")
	need(c.Keeper != nil, "Keeper")
	need(c.Live != nil, "Live")
	need(c.Now != nil, "Now")
	need(c.Plugins != nil, "Plugins")
	need(c.Queue != nil, "Queue")
	need(c.Work != nil, "Work")
	if c.AtOnce < 0 || c.Attempts < 0 || c.Every < 0 || c.Limit < 0 || c.Poll < 0 || c.Workers < 0 {
		problems = append(problems, errors.New("backtester: AtOnce, Attempts, Every, Limit, Poll and Workers must not be negative"))
	}
	return errors.Join(problems...)
}
