package saas

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/billing/billingdb"
	"github.com/lunobot/lunobot/billing/offline"
	"github.com/lunobot/lunobot/saas/api"
	"github.com/lunobot/lunobot/saas/backtester"
	"github.com/lunobot/lunobot/saas/blotter"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/ceiling"
	"github.com/lunobot/lunobot/saas/event"
	"github.com/lunobot/lunobot/saas/halt"
	"github.com/lunobot/lunobot/saas/hook"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/live"
	"github.com/lunobot/lunobot/saas/outbox"
	"github.com/lunobot/lunobot/saas/replay"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/saas/runner"
	"github.com/lunobot/lunobot/saas/web"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
	"github.com/lunobot/lunobot/tenancy"
	"github.com/lunobot/lunobot/tenancy/tenancydb"
	"github.com/lunobot/lunobot/tenancy/vault"
)

// openStrategies builds the host of the strategies' processes and the shelf of
// those that can be used.
func (a *App) openStrategies(ctx context.Context) error {
	sources, err := pluginhost.Bundled(a.cfg.Strategies)
	if err != nil {
		return err
	}
	if a.host, err = pluginhost.New(pluginhost.Config{Sources: sources, Logger: a.cfg.Log, Processor: a.cfg.Processor, Sandbox: a.cfg.Sandbox, Shim: a.cfg.Shim}); err != nil {
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
	cfg := outbox.BrokerConfig{Log: a.cfg.Log, Replicas: a.cfg.EventsReplicas, URL: a.cfg.EventsURL}
	if cfg.URL == "" {
		cfg.Dir = filepath.Join(a.cfg.DataDir, "events")
	}
	if a.broker, err = outbox.NewBroker(cfg); err != nil {
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

// buildServices builds what tenants use, and what of it workers do.
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
	a.strategies = strategies{a.host, a.shelf, &plans{billing: a.billing, now: a.cfg.Now, known: map[string]planned{}}}
	people := tenancydb.New(a.db)
	sealer, err := vault.NewSealer(vault.SealerConfig{KEK: k.seals, Now: a.cfg.Now, Store: people})
	if err != nil {
		return err
	}
	if err := sealer.Check(ctx); err != nil {
		return err
	}
	if err := a.buildAccounts(k, sealer, people, events); err != nil {
		return err
	}
	a.halts, err = halt.NewService(halt.Config{Events: events, Now: a.cfg.Now, Store: a.store, Tx: a.db})
	if err != nil {
		return err
	}
	a.ceilings, err = ceiling.NewService(ceiling.Config{Events: events, Log: a.cfg.Log, Markets: a.market.traded(), Now: a.cfg.Now, Store: a.store, Tx: a.db})
	if err != nil {
		return err
	}
	a.bots, err = bot.NewService(bot.ServiceConfig{
		Events: events, Gate: a.billing.Gate(), Halts: a.halts, LiveVenue: a.cfg.Live.venue(), Markets: a.market.traded(), Now: a.cfg.Now, Prices: a.market.prices(),
		Store: a.store, Strategies: a.strategies, Tx: a.db,
	})
	if err != nil {
		return err
	}
	a.runs, err = research.NewService(research.ServiceConfig{
		Events: events, Gate: a.billing.Gate(), History: a.history, Leases: a.store, Markets: a.market.traded(), Now: a.cfg.Now, Store: a.store,
		Strategies: a.strategies, Tx: a.db,
	})
	if err != nil || !a.cfg.Role.serves() {
		return err
	}
	return a.buildServed(ctx, k, events, people)
}

// buildServed builds the services that pages and API alone use.
func (a *App) buildServed(ctx context.Context, k keys, events event.Recorder, people *tenancydb.Store) (err error) {
	if err := a.billing.Publish(ctx); err != nil {
		return err
	}
	a.tenancy, err = tenancy.New(tenancy.Config{
		Enrol: func(ctx context.Context, t tenancy.Tenant) error { return a.billing.Enrol(ctx, t.ID) }, Events: events, Logger: a.cfg.Log,
		Now: a.cfg.Now, Store: people, Tokens: tenancy.TokenConfig{Keys: []tenancy.SigningKey{k.signing}}, Tx: a.db,
	})
	if err != nil {
		return err
	}
	a.catalog, err = catalog.NewService(catalog.Config{
		Contained: Contained(a.cfg.Strategies), Events: events, Folder: catalog.NewFolder(a.cfg.PluginDir), Host: a.host, Now: a.cfg.Now, Store: a.store, Tx: a.db,
	})
	if err != nil {
		return err
	}
	if a.blotter, err = blotter.New(blotter.Config{Bots: a.bots, Events: events, Now: a.cfg.Now, Store: a.store, Tx: a.db}); err != nil {
		return err
	}
	a.replays, err = replay.NewService(replay.ServiceConfig{Bots: a.bots, Now: a.cfg.Now, Store: a.store, Wake: a.wakePlayer})
	if err != nil {
		return err
	}
	a.hooks, err = hook.NewService(hook.Config{
		Events: events, MarketNow: a.market.Now, Now: a.cfg.Now, Pepper: k.pepper, Rand: rand.Reader, Store: a.store, Takes: a.strategies.takesSignals, Tx: a.db,
	})
	return err
}

// wakePlayer makes the worker of parity reports look at once, if it is in this
// process; another one looks by itself.
func (a *App) wakePlayer() {
	if a.player != nil {
		a.player.Wake()
	}
}

// holder returns the name by which this process has leases, after a restart the same:
// it goes on with its own bots and backtests at once. Where no other process can reach
// the broker it is the installation's, and a second process of it replaces this one.
func (a *App) holder(ctx context.Context) (string, error) {
	fresh := uuid.Must(uuid.NewV7()).String()
	if a.cfg.EventsURL == "" {
		return a.store.EnsureSetting(ctx, "installation", fresh)
	}
	return keep(filepath.Join(a.cfg.DataDir, "worker.id"), func() (string, error) { return fresh, nil })
}

// buildWorker builds the workers of this process.
func (a *App) buildWorker(ctx context.Context) error {
	name, err := a.holder(ctx)
	if err != nil {
		return fmt.Errorf("naming this worker: %w", err)
	}
	leases := func(kind string) (*lease.Keeper, error) {
		return lease.NewKeeper(lease.KeeperConfig{
			Holder: kind + ":" + name, Log: a.cfg.Log, Now: a.cfg.Now, RenewEvery: a.cfg.Lease * 3 / 10, Store: a.store, TTL: a.cfg.Lease,
		})
	}
	keeper, err := leases("server")
	if err != nil {
		return err
	}
	installation, err := a.store.EnsureSetting(ctx, "installation", uuid.Must(uuid.NewV7()).String())
	if err != nil {
		return err
	}
	a.runner, err = runner.New(runner.Config{
		Bots: a.store, Feed: a.feed, Halts: a.halts, History: a.market.bots(), Journal: a.store, Keeper: keeper, Live: a.hub, Log: a.cfg.Log, Markets: a.market.traded(),
		MarketNow: a.market.Now, Peers: a.store, Plugins: a.strategies, Signals: a.store, Status: a.bots,
		Trading: &runner.Trading{Accounts: a.connector, Installation: installation, Journal: a.store, Now: a.cfg.Now},
	})
	if err != nil {
		return err
	}
	if keeper, err = leases("backtests"); err != nil {
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
		History: a.market.replays(), Log: a.cfg.Log, MarketNow: a.market.Now, Now: a.cfg.Now, Plugins: a.strategies, Store: a.store,
	})
	return err
}

// buildHandler builds the pages and the API; a worker answers load balancers only.
func (a *App) buildHandler(k keys) error {
	if !a.cfg.Role.serves() {
		a.handler = api.Probes(a.cfg.Log, a.Ready)
		return nil
	}
	s := a.strategies
	watch := watcher{hub: a.hub, feed: a.feed, bots: a.store, markets: a.market.traded()}
	streams := live.NewPlaces(live.DefaultPlaces)
	var err error
	a.rest, err = api.New(api.Config{
		Accounts: a.accounts, Ceilings: a.ceilings, Halts: a.halts, Replays: a.replays, Streams: streams,
		Backtests: a.runs, Progress: a.hub, Billing: a.billing, Blotter: a.blotter, Bots: a.bots, Catalog: a.catalog, ClientIP: a.cfg.ClientIP, CursorKey: k.cursor, Hooks: a.hooks, Journal: a.store, Live: watch, Logger: a.cfg.Log,
		Markets: a.market, MarketLabel: a.market.said().label, Now: a.cfg.Now, Ready: a.Ready, Strategies: s, Tenancy: a.tenancy, Version: a.cfg.Version,
	})
	if err != nil {
		return err
	}
	pages, err := web.New(web.Config{
		Accounts: a.accounts, Ceilings: a.ceilings, Halts: a.halts, BaseURL: a.cfg.BaseURL, Billing: a.billing, Gate: a.billing.Gate(), Bots: a.bots, Catalog: shownCatalog{a.catalog, a.shelf}, ClientIP: a.cfg.ClientIP, Hooks: a.hooks, Journal: a.store, Live: watch,
		Blotter: a.blotter, LiveTitle: a.cfg.Live.title(), Logger: a.cfg.Log, Machine: s.machine, MarketKind: a.market.said().kind, MarketNotice: a.market.said().notice, MarketTime: a.market.Now, Markets: a.market, Now: a.cfg.Now, Prices: a.market.prices(),
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
