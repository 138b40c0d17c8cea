package saas

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/billing/billingdb"
	"github.com/lunobot/lunobot/billing/offline"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/api"
	"github.com/lunobot/lunobot/saas/backtester"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/event"
	"github.com/lunobot/lunobot/saas/hook"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/live"
	"github.com/lunobot/lunobot/saas/outbox"
	"github.com/lunobot/lunobot/saas/replay"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/saas/runner"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/saas/web"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
	"github.com/lunobot/lunobot/tenancy"
	"github.com/lunobot/lunobot/tenancy/tenancydb"
	"github.com/lunobot/lunobot/tenancy/vault"
)

// Migrations returns the migrations of every table, in their order.
func Migrations() []db.MigrationSet {
	return []db.MigrationSet{tenancydb.Migrations(), billingdb.Migrations(), saasdb.Migrations()}
}

// App is a whole installation: services, worker, pages and API in one process.
type App struct {
	cfg        Config
	lock       *os.File
	db         *db.DB
	store      *saasdb.Store
	tenancy    *tenancy.Service
	billing    *billing.Service
	bots       *bot.Service
	hooks      *hook.Service
	market     *demo.Replay
	history    *history
	anchor     anchor
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
	secrets, err := cfg.Secrets.load(cfg.Environment, cfg.DataDir)
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
	if err := errors.Join(a.buildWorker(ctx), a.buildPlayer()); err != nil {
		return nil, err
	}
	return a, a.buildHandler(ctx, secrets)
}

// openMarket places the demo market and its feed.
func (a *App) openMarket(ctx context.Context) (err error) {
	if a.anchor, err = loadAnchor(ctx, a.store, a.cfg.DemoSpeed, a.cfg.Now()); err != nil {
		return err
	}
	a.market, err = demo.New(demo.Config{
		Anchor: demo.Anchor{Wall: a.anchor.Wall, Index: a.anchor.Index}, Now: a.cfg.Now, Seed: a.cfg.DemoSeed, Speed: a.cfg.DemoSpeed,
	})
	if err != nil {
		return err
	}
	if a.history, err = openHistory(a.market, a.cfg.HistoryDir, a.cfg.Log); err != nil {
		return err
	}
	a.feed, err = marketdata.NewFeed(marketdata.FeedConfig{History: a.market, Upstream: a.market, Now: a.market.Now, Log: a.cfg.Log})
	return err
}

// openStrategies builds the host of the strategies' processes and the shelf of
// those that can be used.
func (a *App) openStrategies(ctx context.Context) error {
	sources, err := pluginhost.Bundled(a.cfg.Strategies)
	if err != nil {
		return err
	}
	if a.host, err = pluginhost.New(pluginhost.Config{Sources: sources, Logger: a.cfg.Log, Sandbox: a.cfg.Sandbox, Shim: a.cfg.Shim}); err != nil {
		return err
	}
	a.host.Sandbox(ctx) // whoever starts this shall be told at once what it lacks
	var contained []plugin.Manifest
	for _, d := range a.cfg.Strategies.Definitions() {
		contained = append(contained, plugin.ManifestOf(d))
	}
	a.shelf, err = catalog.NewShelf(catalog.ShelfConfig{
		Changed: a.wakeRunner, Contained: contained, Folder: catalog.NewFolder(a.cfg.PluginDir), Host: a.host, Log: a.cfg.Log, Store: a.store,
	})
	if err != nil {
		return err
	}
	return a.shelf.Look(ctx)
}

// wakeRunner makes the worker look at once, if there is one yet.
func (a *App) wakeRunner() {
	if a.runner != nil {
		a.runner.Wake()
	}
}

// openBroker builds the way of events: outbox, broker and live updates.
func (a *App) openBroker(ctx context.Context) (err error) {
	if a.broker, err = outbox.NewBroker(outbox.BrokerConfig{Dir: filepath.Join(a.cfg.DataDir, "events"), Log: a.cfg.Log}); err != nil {
		return err
	}
	if err := a.broker.Start(ctx); err != nil {
		return err
	}
	if a.relay, err = outbox.NewRelay(outbox.RelayConfig{Broker: a.broker, Log: a.cfg.Log, Now: a.cfg.Now, Store: a.store}); err != nil {
		return err
	}
	if a.events, err = outbox.NewSubscriber(outbox.SubscriberConfig{Broker: a.broker, Log: a.cfg.Log, Now: a.cfg.Now, Store: a.store}); err != nil {
		return err
	}
	a.hub, err = live.NewHub(live.HubConfig{Conn: a.broker.Conn()})
	return err
}

// buildServices builds what tenants use.
func (a *App) buildServices(ctx context.Context, k keys) error {
	events, err := outbox.NewRecorder(outbox.RecorderConfig{Store: a.store, Wake: a.relay.Wake})
	if err != nil {
		return err
	}
	provider, err := offline.New(offline.Config{})
	if err != nil {
		return err
	}
	a.billing, err = billing.New(billing.Config{
		Catalog: a.cfg.Catalog, Events: events, Logger: a.cfg.Log, Now: a.cfg.Now, Provider: provider, Store: billingdb.New(a.db), Tx: a.db,
	})
	if err != nil {
		return err
	}
	if err := a.billing.Publish(ctx); err != nil {
		return err
	}
	a.strategies = strategies{a.host, a.shelf, &plans{billing: a.billing, now: a.cfg.Now, known: map[string]planned{}}}
	people := tenancydb.New(a.db)
	a.tenancy, err = tenancy.New(tenancy.Config{
		Enrol: func(ctx context.Context, t tenancy.Tenant) error { return a.billing.Enrol(ctx, t.ID) }, Events: events, Logger: a.cfg.Log,
		Now: a.cfg.Now, Store: people, Tokens: tenancy.TokenConfig{Keys: []tenancy.SigningKey{k.signing}}, Tx: a.db,
	})
	if err != nil {
		return err
	}
	sealer, err := vault.NewSealer(vault.SealerConfig{KEK: k.vault.Public(), Now: a.cfg.Now, Store: people})
	if err != nil {
		return err
	}
	if err := sealer.Check(ctx); err != nil {
		return err
	}
	credentials, err := account.NewKeeper(account.KeeperConfig{Now: a.cfg.Now, Sealer: sealer, Store: a.store})
	if err != nil {
		return err
	}
	m, err := newMarkets(ctx, a.market)
	if err != nil {
		return err
	}
	a.catalog, err = catalog.NewService(catalog.Config{
		Contained: Contained(a.cfg.Strategies), Events: events, Folder: catalog.NewFolder(a.cfg.PluginDir), Host: a.host, Now: a.cfg.Now, Store: a.store, Tx: a.db,
	})
	if err != nil {
		return err
	}
	a.bots, err = bot.NewService(bot.ServiceConfig{
		Credentials: credentials, Events: events, Gate: a.billing.Gate(), Markets: m, Now: a.cfg.Now, Store: a.store,
		Strategies: a.strategies, Tx: a.db,
	})
	if err != nil {
		return err
	}
	a.replays, err = replay.NewService(replay.ServiceConfig{Bots: a.bots, Now: a.cfg.Now, Store: a.store, Wake: func() { a.player.Wake() }})
	if err != nil {
		return err
	}
	a.hooks, err = hook.NewService(hook.Config{
		Events: events, MarketNow: a.market.Now, Now: a.cfg.Now, Pepper: k.pepper, Rand: rand.Reader, Store: a.store, Takes: a.strategies.takesSignals, Tx: a.db,
	})
	if err != nil {
		return err
	}
	a.runs, err = research.NewService(research.ServiceConfig{
		Events: events, Gate: a.billing.Gate(), History: a.history, Leases: a.store, Markets: m, Now: a.cfg.Now, Store: a.store,
		Strategies: a.strategies, Tx: a.db,
	})
	return err
}

// buildWorker builds the workers of this process. Their names are the same after
// a restart, so that they go on with their own bots and backtests at once.
func (a *App) buildWorker(ctx context.Context) error {
	installation, err := a.store.EnsureSetting(ctx, "installation", uuid.Must(uuid.NewV7()).String())
	if err != nil {
		return err
	}
	keeper, err := lease.NewKeeper(lease.KeeperConfig{Holder: "server:" + installation, Log: a.cfg.Log, Now: a.cfg.Now, Store: a.store})
	if err != nil {
		return err
	}
	m, err := newMarkets(ctx, a.market)
	if err != nil {
		return err
	}
	a.runner, err = runner.New(runner.Config{
		Bots: a.store, Feed: a.feed, History: a.market, Journal: a.store, Keeper: keeper, Live: a.hub, Log: a.cfg.Log, Markets: m,
		MarketNow: a.market.Now, Plugins: a.strategies, Signals: a.store, Status: a.bots,
	})
	if err != nil {
		return err
	}
	keeper, err = lease.NewKeeper(lease.KeeperConfig{Holder: "backtests:" + installation, Log: a.cfg.Log, Now: a.cfg.Now, Store: a.store})
	if err != nil {
		return err
	}
	a.tester, err = backtester.New(backtester.Config{
		AtOnce: a.cfg.Backtests, History: a.history, Keeper: keeper, Live: a.hub, Log: a.cfg.Log, Now: a.cfg.Now,
		Plugins: tests{a.host}, Queue: a.store, Work: a.runs,
	})
	return err
}

// buildPlayer builds the worker that makes parity reports.
func (a *App) buildPlayer() (err error) {
	a.player, err = replay.NewWorker(replay.Config{
		History: a.market, Log: a.cfg.Log, MarketNow: a.market.Now, Now: a.cfg.Now, Plugins: a.strategies, Store: a.store,
	})
	return err
}

// buildHandler builds the pages and the API.
func (a *App) buildHandler(ctx context.Context, k keys) error {
	s := a.strategies
	m, err := newMarkets(ctx, a.market)
	if err != nil {
		return err
	}
	watch := watcher{hub: a.hub, feed: a.feed, bots: a.store, markets: m}
	streams := live.NewPlaces(live.DefaultPlaces)
	a.rest, err = api.New(api.Config{
		Replays: a.replays, Streams: streams,
		Backtests: a.runs, Progress: a.hub, Billing: a.billing, Bots: a.bots, Catalog: a.catalog, ClientIP: a.cfg.ClientIP, CursorKey: k.cursor, Hooks: a.hooks, Journal: a.store, Live: watch, Logger: a.cfg.Log,
		Markets: a.market, MarketLabel: demo.Label, Now: a.cfg.Now, Ready: a.Ready, Strategies: s, Tenancy: a.tenancy, Version: a.cfg.Version,
	})
	if err != nil {
		return err
	}
	pages, err := web.New(web.Config{
		BaseURL: a.cfg.BaseURL, Billing: a.billing, Gate: a.billing.Gate(), Bots: a.bots, Catalog: shownCatalog{a.catalog, a.shelf}, ClientIP: a.cfg.ClientIP, Hooks: a.hooks, Journal: a.store, Live: watch,
		Logger: a.cfg.Log, Machine: s.machine, MarketNotice: demo.Label, MarketTime: a.market.Now, Markets: a.market, Now: a.cfg.Now,
		Progress: a.hub, Replays: a.replays, Research: a.runs, Secure: strings.HasPrefix(a.cfg.BaseURL, "https://"), Strategies: s.forPages, Streams: streams, Tenancy: a.tenancy, Versions: s.versions,
	})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	for _, path := range []string{"/api/", hook.Prefix, "/health", "/ready", "/openapi.json", "/docs", "/docs/"} {
		mux.Handle(path, a.rest.Handler())
	}
	mux.Handle("/", pages.Handler())
	a.handler = mux
	return nil
}

// Handler serves the pages and, under /api, /health, /ready, /docs and
// /openapi.json, the API.
func (a *App) Handler() http.Handler { return a.handler }

// Tenancy, Billing and Bots are the services, for programs that embed the App.
func (a *App) Tenancy() *tenancy.Service { return a.tenancy }

// Billing returns the service of plans and subscriptions.
func (a *App) Billing() *billing.Service { return a.billing }

// Bots returns the service of bots.
func (a *App) Bots() *bot.Service { return a.bots }

// Hooks returns the service of the bots' webhooks.
func (a *App) Hooks() *hook.Service { return a.hooks }

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
// error; nil if it can. The database must answer, and its workers must not have
// been replaced by those of another process.
func (a *App) Ready(ctx context.Context) error {
	return errors.Join(a.db.Ping(ctx), a.runner.Ready(), a.tester.Ready())
}

// Start begins the work: events are relayed, bots and backtests run, the demo market's place
// is kept, periodic jobs are done.
func (a *App) Start(ctx context.Context) error {
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	a.cancel = cancel
	if err := a.relay.Start(run); err != nil {
		return fmt.Errorf("starting the relay of events: %w", err)
	}
	if err := a.shelf.Start(run); err != nil {
		return err
	}
	if err := a.runner.Start(run); err != nil {
		return fmt.Errorf("starting the worker: %w", err)
	}
	if err := a.tester.Start(run); err != nil {
		return fmt.Errorf("starting the worker of backtests: %w", err)
	}
	if err := a.events.Subscribe(run, "worker", a.wakeWorkers); err != nil {
		return fmt.Errorf("listening to events: %w", err)
	}
	a.work.Go(func() {
		a.anchor.keep(run, a.store, a.market, func(err error) { a.cfg.Log.Warn("the demo market's place was not kept", "error", err) })
	})
	a.work.Go(func() { a.housekeeping(run) })
	a.player.Start(run)
	return nil
}

// wakeWorkers makes the workers look at once when a tenant starts or stops a bot
// or a backtest or changes its plan, and tells who watches a backtest that it is
// over.
func (a *App) wakeWorkers(ctx context.Context, e event.Event) error {
	switch e.Type {
	case bot.EventStartRequested, bot.EventStopRequested, bot.EventUpgradeRequested:
		a.runner.Wake()
	case research.EventQueued, research.EventCancelled:
		a.tester.Wake()
	case catalog.EventApproved, catalog.EventRevoked, catalog.EventRemoved, catalog.EventIsolated:
		a.shelf.Wake()
	case billing.EventSubscriptionChanged:
		a.strategies.plans.forget(e.TenantID)
		a.runner.Wake()
	}
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
			a.tester.Stop()
			a.player.Stop()
			a.runner.Stop()
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
