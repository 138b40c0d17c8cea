package saas

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/billing/billingdb"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/api"
	"github.com/lunobot/lunobot/saas/backtester"
	"github.com/lunobot/lunobot/saas/blotter"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/ceiling"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/event"
	"github.com/lunobot/lunobot/saas/halt"
	"github.com/lunobot/lunobot/saas/hook"
	"github.com/lunobot/lunobot/saas/live"
	"github.com/lunobot/lunobot/saas/outbox"
	"github.com/lunobot/lunobot/saas/replay"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/saas/runner"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/strategy/pluginhost"
	"github.com/lunobot/lunobot/tenancy"
	"github.com/lunobot/lunobot/tenancy/tenancydb"
)

// Migrations returns the migrations of every table, in their order.
func Migrations() []db.MigrationSet {
	return []db.MigrationSet{tenancydb.Migrations(), billingdb.Migrations(), saasdb.Migrations()}
}

// App is an installation: services, worker, pages and API in one process, or, by its
// Role, one of several processes of an installation.
type App struct {
	cfg        Config
	lock       *os.File
	db         *db.DB
	store      *saasdb.Store
	tenancy    *tenancy.Service
	billing    *billing.Service
	bots       *bot.Service
	blotter    *blotter.Service
	accounts   *account.Service
	checker    *account.Checker
	connector  *account.Connector
	keys       chan struct{} // wakes the checker
	ceilings   *ceiling.Service
	halts      *halt.Service
	hooks      *hook.Service
	market     market
	history    *history
	feed       *marketdata.Feed
	host       *pluginhost.Host
	catalog    *catalog.Service
	shelf      *catalog.Shelf
	strategies strategies
	broker     *outbox.Broker
	relay      *outbox.Relay
	events     *outbox.Subscriber
	hub        *live.Hub
	runner     *runner.Runner
	runs       *research.Service
	replays    *replay.Service
	player     *replay.Worker
	tester     *backtester.Backtester
	rest       *api.API
	handler    http.Handler

	cancel context.CancelFunc
	work   sync.WaitGroup
	stop   sync.Once
}

// New opens the database, applies its migrations and builds every part; nothing
// runs yet. Everything that is wrong with cfg is named in one error. The caller
// stops the App in the end, started or not.
func New(ctx context.Context, cfg Config) (_ *App, err error) {
	cfg = cfg.withDefaults()
	if err := errors.Join(cfg.validate(), cfg.prepareDir()); err != nil {
		return nil, err
	}
	secrets, err := cfg.Secrets.load(cfg.Role, cfg.Environment, cfg.DataDir)
	if err != nil {
		return nil, err
	}
	a := &App{cfg: cfg}
	defer func() {
		if err != nil {
			a.Stop()
		}
	}()
	if a.lock, err = lockDir(cfg.DataDir); err != nil {
		return nil, err
	}
	if a.db, err = db.Open(ctx, db.Config{URL: cfg.DatabaseURL}); err != nil {
		return nil, err
	}
	if _, err := a.db.Migrate(ctx, Migrations()...); err != nil {
		return nil, err
	}
	a.store = saasdb.New(a.db)
	if err := a.openMarket(ctx); err != nil {
		return nil, err
	}
	if err := a.openBroker(ctx); err != nil {
		return nil, err
	}
	if err := a.openStrategies(ctx); err != nil {
		return nil, err
	}
	if err := a.buildServices(ctx, secrets); err != nil {
		return nil, err
	}
	if cfg.Role.works() {
		if err := errors.Join(a.buildWorker(ctx), a.buildPlayer()); err != nil {
			return nil, err
		}
	}
	return a, a.buildHandler(secrets)
}

// Handler serves the pages and, under /api, /health, /ready, /docs and
// /openapi.json, the API; in the role Worker /health and /ready alone.
func (a *App) Handler() http.Handler { return a.handler }

// Tenancy, Billing and Bots are the services, for programs that embed the App. Those
// that only pages and API use, which are Tenancy, Hooks and Catalog, are nil in the role
// Worker.
func (a *App) Tenancy() *tenancy.Service { return a.tenancy }

// Billing returns the service of plans and subscriptions.
func (a *App) Billing() *billing.Service { return a.billing }

// Bots returns the service of bots.
func (a *App) Bots() *bot.Service { return a.bots }

// Ceilings returns the service of what all live bots of a tenant may do together.
func (a *App) Ceilings() *ceiling.Service { return a.ceilings }

// Halts returns the service of the kill switches.
func (a *App) Halts() *halt.Service { return a.halts }

// Accounts returns the service of the tenants' exchange accounts.
func (a *App) Accounts() *account.Service { return a.accounts }

// Hooks returns the service of the bots' webhooks.
func (a *App) Hooks() *hook.Service { return a.hooks }

// Replays returns the service of parity reports.
func (a *App) Replays() *replay.Service { return a.replays }

// Backtests returns the service of backtests.
func (a *App) Backtests() *research.Service { return a.runs }

// Catalog returns the service of the strategies that operators put in.
func (a *App) Catalog() *catalog.Service { return a.catalog }

// Host returns the host of the strategies' processes.
func (a *App) Host() *pluginhost.Host { return a.host }

// DatabaseURL returns the database's address without its password.
func (a *App) DatabaseURL() string { return db.Redact(a.cfg.DatabaseURL) }

// DataDir returns the folder in which the installation keeps its files.
func (a *App) DataDir() string { return a.cfg.DataDir }

// Ready reports why the App cannot do its work at present, as an Unavailable
// error; nil if it can. The database must answer, its workers must not have been
// replaced by those of another process, and a live market must have been reached.
func (a *App) Ready(ctx context.Context) error {
	err := errors.Join(a.db.Ping(ctx), a.market.ready())
	if a.cfg.Role.works() {
		err = errors.Join(err, a.runner.Ready(), a.tester.Ready())
	}
	return err
}

// Start begins the work: events are relayed, bots and backtests run, the market's place
// or its list of pairs is kept, periodic jobs are done.
func (a *App) Start(ctx context.Context) error {
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	a.cancel = cancel
	if err := a.relay.Start(run); err != nil {
		return fmt.Errorf("starting the relay of events: %w", err)
	}
	if err := a.shelf.Start(run); err != nil {
		return err
	}
	if a.cfg.Role.works() {
		if err := a.startWorkers(run); err != nil {
			return err
		}
	}
	if err := errors.Join(a.events.Listen(run, a.hear), a.events.Subscribe(run, "worker", a.tellWatchers)); err != nil {
		return fmt.Errorf("listening to events: %w", err)
	}
	a.work.Go(func() { a.market.keep(run) })
	if a.cfg.Role.serves() {
		a.work.Go(func() { a.housekeeping(run) })
	}
	return nil
}

// startWorkers starts what runs bots and jobs.
func (a *App) startWorkers(run context.Context) error {
	if err := a.runner.Start(run); err != nil {
		return fmt.Errorf("starting the worker: %w", err)
	}
	if err := a.tester.Start(run); err != nil {
		return fmt.Errorf("starting the worker of backtests: %w", err)
	}
	a.work.Go(func() { a.checker.Run(run, a.keys) })
	a.work.Go(func() { a.ceilings.Run(run) })
	a.player.Start(run)
	return nil
}

// hear makes this process look at once when something has happened, in whichever
// process that was: a tenant starts or stops a bot or a backtest, connects an account or
// changes its plan, an operator approves a strategy. What is missed is found a little
// later all the same.
func (a *App) hear(e event.Event) {
	switch e.Type {
	case catalog.EventApproved, catalog.EventRevoked, catalog.EventRemoved, catalog.EventIsolated:
		a.shelf.Wake()
	case billing.EventSubscriptionChanged:
		a.strategies.plans.forget(e.TenantID)
	}
	if !a.cfg.Role.works() {
		return
	}
	switch e.Type {
	case bot.EventForeignDecided, bot.EventResumeRequested:
		a.runner.Nudge(e.TenantID, e.Subject, "")
	case account.EventChecked:
		a.runner.Nudge(e.TenantID, "", e.Subject)
	case bot.EventStartRequested, bot.EventStopRequested, bot.EventUpgradeRequested, bot.EventCloseOnlyAsked, bot.EventBreakerResumed,
		billing.EventSubscriptionChanged:
		a.runner.Wake()
	case halt.EventPulled, halt.EventReleased:
		a.runner.WakeHalts()
	case research.EventQueued, research.EventCancelled:
		a.tester.Wake()
	case account.EventAdded:
		a.wakeChecker()
	}
}

// tellWatchers tells who watches a backtest that it is over.
func (a *App) tellWatchers(ctx context.Context, e event.Event) error {
	switch e.Type {
	case research.EventDone, research.EventFailed, research.EventCancelled:
		return a.hub.Publish(ctx, e.TenantID, e.Subject, live.Update{Type: "status", Time: e.Time, Data: e.Data})
	}
	return nil
}

// housekeeping does what is to be done every hour.
func (a *App) housekeeping(ctx context.Context) {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		if _, err := a.billing.ApplyDue(ctx, a.cfg.Now()); err != nil && ctx.Err() == nil {
			a.cfg.Log.Error("applying what is due of subscriptions", "error", err)
		}
		if err := a.tenancy.Prune(ctx); err != nil && ctx.Err() == nil {
			a.cfg.Log.Error("pruning ended sessions", "error", err)
		}
		if err := a.hooks.Prune(ctx); err != nil && ctx.Err() == nil {
			a.cfg.Log.Error("pruning signals", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Stop ends the work and closes everything; bots are checkpointed and go on at
// the next start. It may be called more than once, and after a failed New.
func (a *App) Stop() {
	a.stop.Do(func() {
		if a.rest != nil {
			a.rest.Stop()
		}
		if a.cancel != nil {
			if a.cfg.Role.works() {
				a.tester.Stop()
				a.player.Stop()
				a.runner.Stop()
			}
			a.shelf.Stop()
			a.cancel()
			a.work.Wait()
			a.events.Stop()
			a.relay.Stop()
		}
		if a.feed != nil {
			a.feed.Stop()
		}
		if a.host != nil {
			a.host.Stop()
		}
		if a.hub != nil {
			a.hub.Stop()
		}
		if a.broker != nil {
			a.broker.Stop()
		}
		if a.db != nil {
			if err := a.db.Close(); err != nil {
				a.cfg.Log.Warn("closing the database", "error", err)
			}
		}
		if a.lock != nil {
			if err := a.lock.Close(); err != nil {
				a.cfg.Log.Warn("leaving the data folder", "error", err)
			}
		}
	})
}
