package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/live"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
)

// Bots finds the bots that need a worker, over all tenants.
type Bots interface {
	// RunnableBots lists the bots that shall run and those that have yet to stop.
	RunnableBots(ctx context.Context) ([]bot.Runnable, error)
}

// Status tells the tenant what a worker saw of a bot.
type Status interface {
	Observe(ctx context.Context, tenantID, botID string, run int64, status bot.Status, reason string) error
	// Guarded tells that a bot has failed, and that what it left is looked after.
	Guarded(ctx context.Context, tenantID, botID string, run int64, g bot.Guard) error
	// Unwound asks a bot to stop that has wound down.
	Unwound(ctx context.Context, tenantID, botID string, run int64) error
	// Tripped tells that a circuit breaker has stopped a bot from buying.
	Tripped(ctx context.Context, tenantID, botID, kind, reason string, until time.Time) error
	// Upgraded writes that a bot has the version that it was to be upgraded to, and
	// returns its configuration.
	Upgraded(ctx context.Context, tenantID, botID, version string) (bot.Config, error)
	// UpgradeRefused writes why a bot stays with the version that it has, and
	// returns its configuration.
	UpgradeRefused(ctx context.Context, tenantID, botID, version, reason string) (bot.Config, error)
}

// Process is a strategy's process; *pluginhost.Process is one.
type Process interface {
	Open(ctx context.Context, bots []strategy.OpenInput) ([]pluginhost.Opened, error)
	Live(ctx context.Context, r *plugin.Round) error
	Snapshot(ctx context.Context, bots []uint64) ([]plugin.State, error)
	Close(ctx context.Context, bots []uint64) error
	// Manifest returns what the strategy tells of itself.
	Manifest() plugin.Manifest
}

// Plugins starts the processes of strategies. A version "" is that which the
// server contains.
type Plugins interface {
	// Usable reports why a version must not run, as a *catalog.UnusableError; it is
	// asked often and answers from memory.
	Usable(ref catalog.Ref) error
	// Share returns the key of the process of a bot that wishes for an isolation:
	// bots of one version and one key share it.
	Share(ctx context.Context, tenantID, botID string, ref catalog.Ref, wish catalog.Isolation) (string, error)
	// Process returns the running process of a version that those of one key
	// share, starting it if need be. A process that has died is replaced at the
	// next call. A version that must not run is a *catalog.UnusableError.
	Process(ctx context.Context, ref catalog.Ref, key string) (Process, error)
}

// Publisher tells whoever watches a bot; what nobody watches is dropped.
type Publisher interface {
	Publish(ctx context.Context, tenantID, botID string, u live.Update) error
}

// Config are the worker's collaborators; all are required unless a default is
// named.
type Config struct {
	Bots Bots
	// Capacity is how many bots this worker takes at most. Defaults to 10,000.
	Capacity int
	Feed     *marketdata.Feed
	// Grace is how long a candle waits for those of the other pairs that bots trade or
	// look at. What comes later is told with the next minute: a bot whose stop-loss is
	// near must not wait for another market. Defaults to two seconds.
	Grace time.Duration
	// Halts are the kill switches. Defaults to none.
	Halts   Halts
	History exchange.MarketData
	Journal journal.Store
	Keeper  *lease.Keeper
	Live    Publisher
	// Log defaults to none.
	Log     *slog.Logger
	Markets bot.Markets
	// MarketNow is the venue's clock.
	MarketNow func() time.Time
	Plugins   Plugins
	// Now is the clock of back-offs and of what is stale. Defaults to time.Now.
	Now func() time.Time
	// Peers counts the workers that share the bots. Defaults to none: this one takes
	// all that it can.
	Peers Peers
	// Poll is how often bots are looked for when nobody calls Wake. Defaults to
	// one second.
	Poll time.Duration
	// Signals are messages from outside. Defaults to none.
	Signals Signals
	// Stale is after how long without a candle the history is asked, and bots are degraded
	// if it does not answer. Defaults to three minutes.
	Stale  time.Duration
	Status Status
	// Trading lets bots trade at exchanges. Defaults to none: such bots wait for a worker
	// that has it.
	Trading *Trading
}

func (c Config) withDefaults() Config {
	if c.Capacity == 0 {
		c.Capacity = 10_000
	}
	if c.Grace == 0 {
		c.Grace = 2 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Poll == 0 {
		c.Poll = time.Second
	}
	if c.Stale == 0 {
		c.Stale = 3 * time.Minute
	}
	return c
}

func (c Config) validate() error {
	var problems []error
	need := func(ok bool, name string) {
		if !ok {
			problems = append(problems, fmt.Errorf("runner: %s is required", name))
		}
	}
	need(c.Bots != nil, "Bots")
	need(c.Feed != nil, "Feed")
	need(c.History != nil, "History")
	need(c.Journal != nil, "Journal")
	need(c.Keeper != nil, "Keeper")
	need(c.Live != nil, "Live")
	need(c.Markets != nil, "Markets")
	need(c.MarketNow != nil, "MarketNow")
	need(c.Plugins != nil, "Plugins")
	need(c.Status != nil, "Status")
	if c.Trading != nil {
		problems = append(problems, c.Trading.validate())
	}
	return errors.Join(problems...)
}
