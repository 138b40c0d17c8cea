package backtester_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lunobot/lunobot/billing/billingdb"
	"github.com/lunobot/lunobot/billing/billingtest"
	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/backtester"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/live"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/strategytest/nosy"
	"github.com/lunobot/lunobot/tenancy"
	"github.com/lunobot/lunobot/tenancy/tenancydb"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// swing buys and sells in turns.
type swing struct {
	Params swingParams `json:"-"`
	Seen   int
}

type swingParams struct {
	Every int `param:"every" label:"Turn every" validate:"min=1"`
}

func (s *swing) OnCandle(b *strategy.Bot, _ exchange.Candle) {
	if s.Seen++; s.Seen%s.Params.Every != 0 {
		return
	}
	if b.Position() > 0 {
		b.SellAll()
	} else {
		b.BuyWith(b.FreeCounter())
	}
}

func (s *swing) Warmup() int { return s.Params.Every / 2 }

func definition() strategy.Definition {
	return strategy.MustDefine(strategy.Info{Name: "swing", Version: "1.0.0", Title: "Swing"}, swingParams{Every: 30},
		func(p swingParams) strategy.Strategy { return &swing{Params: p} })
}

// definitionOf is the strategy of a name.
func definitionOf(name string) strategy.Definition {
	if name == "nosy" {
		return nosy.Definition()
	}
	if name == "flock" {
		return strategy.MustDefine(strategy.Info{Name: "flock", Version: "1.0.0", Title: "Flock"}, swingParams{Every: 30},
			func(p swingParams) strategy.Strategy { return &flock{Params: p} })
	}
	return definition()
}

// names are those of the strategies that there are.
func names() []string { return []string{"swing", "nosy", "flock"} }

// flock puts a third of its cash into each pair every so many candles, and sells all
// half the time later.
type flock struct {
	Params swingParams `json:"-"`
	Count  int
}

func (f *flock) TradePairs(exchange.Market, []exchange.Market) error { return nil }

func (f *flock) OnPair(*strategy.Bot, string, exchange.Candle) {}

func (f *flock) OnCandle(b *strategy.Bot, _ exchange.Candle) {
	f.Count++
	for _, p := range b.Pairs() {
		switch f.Count % f.Params.Every {
		case 0:
			p.BuyWith(p.FreeCounter() / 3)
		case f.Params.Every / 2:
			p.SellAll()
		}
	}
}

// work is what a test does in place of the strategy's process; nil runs it.
type work func(ctx context.Context, cfg backtest.Config, progress func(done int64)) error

// world is a worker's surroundings: real stores and services, a strategy in the
// test's own process, and the demo market.
type world struct {
	t       *testing.T
	db      *db.DB
	store   *saasdb.Store
	billing *billingtest.Bench
	runs    *research.Service
	market  *demo.Replay

	mu   sync.Mutex
	work work
	// starts is how a process starts, nil for at once.
	starts  func(ctx context.Context) error
	outage  error         // of the history
	silent  bool          // without trades
	lost    string        // a pair whose candles are gone
	passed  time.Duration // that the worker's clock goes before the machine's
	updates []live.Update
}

// each runs a test on both databases.
func each(t *testing.T, fn func(w *world)) {
	t.Helper()
	sets := []db.MigrationSet{tenancydb.Migrations(), billingdb.Migrations(), saasdb.Migrations()}
	dbtest.Each(t, sets, func(t *testing.T, d *db.DB) { fn(newWorld(t, d)) })
}

func newWorld(t *testing.T, d *db.DB) *world {
	t.Helper()
	w := &world{t: t, db: d, store: saasdb.New(d), billing: billingtest.NewBench(t, billingdb.New(d), d, nil)}
	var err error
	if w.market, err = demo.New(demo.Config{}); err != nil {
		t.Fatal(err)
	}
	w.runs, err = research.NewService(research.ServiceConfig{
		Events: w.billing.Events, Gate: w.billing.Gate(), History: w, Leases: w.store, Markets: w, Now: w.now, Store: w.store, Strategies: w, Tx: d,
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) Market(pair string) (exchange.Market, error) {
	list, err := w.market.Markets(context.Background())
	if i := slices.IndexFunc(list, func(m exchange.Market) bool { return m.Pair == pair }); i >= 0 {
		return list[i], nil
	}
	return exchange.Market{}, errors.Join(err, fmt.Errorf("no market %q", pair))
}

func (*world) Pairs() []string { return []string{demo.XBTMYR, demo.ETHMYR} }

func (*world) Names() []string { return names() }

func (*world) Pin(name, version string) (string, error) {
	if !slices.Contains(names(), name) || version != "" {
		return "", &catalog.UnusableError{Ref: catalog.Ref{Name: name, Version: version}, Why: catalog.Unknown}
	}
	return "", nil
}

func (*world) Validate(_ context.Context, name, _ string, params json.RawMessage) (json.RawMessage, error) {
	if !slices.Contains(names(), name) {
		return nil, errors.New("no such strategy")
	}
	return definitionOf(name).Schema().Validate(params)
}

func (w *world) Offers(ctx context.Context) ([]research.Offer, error) {
	o, err := w.Offer(ctx, research.Ref{Source: research.FromMarket, Pair: demo.XBTMYR})
	return []research.Offer{o}, err
}

func (w *world) Offer(_ context.Context, ref research.Ref) (research.Offer, error) {
	m, err := w.Market(ref.Pair)
	ref.Recorded = time.Minute
	return research.Offer{Ref: ref, Market: m, From: demo.Start().AddDate(-2, 0, 0), To: demo.Start()}, err
}

func (w *world) Load(_ context.Context, q research.Query) (research.Data, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.outage != nil {
		return research.Data{}, w.outage
	}
	if q.Pair == w.lost {
		return research.Data{}, errs.New(errs.NotFound, "history_not_found", "it is gone")
	}
	series, err := w.market.Series(q.Pair, q.From, q.To)
	if err == nil && q.Interval > series.Interval {
		series, err = series.Aggregate(q.Interval)
	}
	return research.Data{Series: series, Origin: "the tests' market", Notes: []string{"It repeats."}}, err
}

func (w *world) Trades(_ context.Context, ref research.Ref, from, to time.Time) (research.Tape, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.silent {
		return nil, nil //nolint:nilnil // a history without trades
	}
	return w.market.Tape(ref.Pair, from, to)
}

func (*world) Manifest(_ context.Context, key string) (plugin.Manifest, error) {
	return plugin.ManifestOf(definitionOf(key)), nil
}

func (*world) Schema(_ context.Context, name, _ string) (*param.Schema, error) {
	if !slices.Contains(names(), name) {
		return nil, errors.New("no such strategy")
	}
	return definitionOf(name).Schema(), nil
}

func (*world) CanTrade(_ context.Context, name, _ string, _ json.RawMessage, _ exchange.Market, also ...exchange.Market) error {
	if name != "flock" && len(also) > 0 {
		return &bot.PairsError{Reason: "must be empty: it trades one pair only"}
	}
	return nil
}

// worlds have two Validates: that of the service and, behind plugins, that of the
// worker.
type plugins struct{ *world }

func (p plugins) Validate(ctx context.Context, name string, params json.RawMessage) (json.RawMessage, error) {
	return p.world.Validate(ctx, name, "", params)
}

// process stands for the strategy's process.
type process struct {
	w    *world
	key  string
	used bool

	seen           time.Time // when it was last known to work
	ended, longest time.Duration
}

func (w *world) Open(ctx context.Context, key string) (backtester.Process, error) {
	w.mu.Lock()
	starts := w.starts
	w.mu.Unlock()
	if starts != nil {
		if err := starts(ctx); err != nil {
			return nil, err
		}
	}
	return &process{w: w, key: key}, nil
}

func (*process) Stop() {}

func (p *process) Stood() (ended, longest time.Duration) { return p.ended, p.longest }

func (p *process) moved() {
	now := p.w.now()
	p.longest, p.seen = max(p.longest, now.Sub(p.seen)), now
}

func (p *process) Needs(_ context.Context, cfg backtest.Config) (backtest.Needs, error) {
	return backtest.NeedsOf(definitionOf(p.key), cfg)
}

// Backtest does the test's work in the first run of a process; those after it
// look for knowledge of the future.
func (p *process) Backtest(ctx context.Context, cfg backtest.Config, src marketdata.Source, progress func(done int64)) (*backtest.Result, error) {
	p.w.mu.Lock()
	do := p.w.work
	p.w.mu.Unlock()
	if do != nil && !p.used {
		p.seen = p.w.now()
		err := do(ctx, cfg, func(done int64) {
			p.moved()
			progress(done)
		})
		if err != nil {
			p.ended = p.w.now().Sub(p.seen)
			return nil, err
		}
	}
	p.used = true
	return backtest.Run(ctx, definitionOf(p.key), cfg, src, progress)
}

func (p *process) Stream(ctx context.Context, cfg backtest.Config, src marketdata.Source, equity func(part []int64)) (*backtest.Result, error) {
	r, err := p.Backtest(ctx, cfg, src, nil)
	if err == nil {
		equity(make([]int64, r.Past)) // nobody looks at the values
		equity(r.Equity)
		r.Equity = nil
	}
	return r, err
}

func (w *world) Publish(_ context.Context, _, _ string, u live.Update) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.updates = append(w.updates, u)
	return nil
}

// now is the clock of the service and the worker, but not of its leases.
func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.passed)
}

// pass moves that clock on.
func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.passed += d
}

func (w *world) set(do work) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.work = do
}

func (w *world) start(how func(ctx context.Context) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.starts = how
}

// worker starts a worker, which stops with the test.
func (w *world) worker(name string, change ...func(*backtester.Config)) *backtester.Backtester {
	w.t.Helper()
	keeper, err := lease.NewKeeper(lease.KeeperConfig{Holder: name, Now: time.Now, Store: w.store})
	if err != nil {
		w.t.Fatal(err)
	}
	cfg := backtester.Config{
		Every: 20 * time.Millisecond, History: w, Keeper: keeper, Live: w, Now: w.now, Plugins: plugins{w}, Poll: 20 * time.Millisecond,
		Queue: w.store, Work: w.runs,
	}
	for _, fn := range change {
		fn(&cfg)
	}
	b, err := backtester.New(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := b.Start(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(b.Stop)
	return b
}

// tenant is somebody on a plan.
func (w *world) tenant(id, plan string) tenancy.Principal {
	w.t.Helper()
	w.billing.Tenant(w.t, id, plan)
	return w.owner(id)
}

func (*world) owner(id string) tenancy.Principal {
	return tenancy.Principal{UserID: "user-" + id, TenantID: id, Role: tenancy.Owner}
}

func (w *world) create(who tenancy.Principal) research.Run {
	w.t.Helper()
	r, err := w.runs.Create(w.t.Context(), who, research.CreateInput{
		Pair: demo.XBTMYR, Strategy: "swing", From: demo.Start().Add(-48 * time.Hour), To: demo.Start(),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) run(r research.Run) research.Run {
	w.t.Helper()
	now, err := w.store.Run(w.t.Context(), r.TenantID, r.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return now
}

// await waits until a run has a status.
func (w *world) await(r research.Run, status research.Status) research.Run {
	w.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		now := w.run(r)
		if now.Status == status {
			return now
		}
		if time.Now().After(deadline) || now.Status.Over() {
			w.t.Fatalf("the run is %s (%s), want %s", now.Status, now.Reason, status)
		}
	}
}

// part reads a part of a result.
func (w *world) part(r research.Run, part research.Part) []byte {
	w.t.Helper()
	raw, err := w.store.ResultPart(w.t.Context(), r.TenantID, r.ID, part)
	if err != nil {
		w.t.Fatal(err)
	}
	return raw
}

func (w *world) used(tenantID string) int64 {
	w.t.Helper()
	list, err := w.billing.Gate().Usage(w.t.Context(), tenantID)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, u := range list {
		if u.Feature == "running_backtests" {
			return u.Used
		}
	}
	w.t.Fatal(errs.Internal)
	return 0
}

// lease takes the lease of a run for a holder; at is the time of the taking,
// which defaults to now.
func (w *world) lease(h lease.Holder, r research.Run, until time.Time, at ...time.Time) lease.Lease {
	w.t.Helper()
	now := time.Now()
	if len(at) > 0 {
		now = at[0]
	}
	got, err := w.store.TakeLeases(w.t.Context(), lease.Take{
		Holder: h, Resources: []lease.Resource{research.Resource(r.TenantID, r.ID)}, Limit: 1, Now: now, Until: until,
	})
	if err != nil || len(got) != 1 {
		w.t.Fatalf("taking the lease of %s: %v, %v", r.ID, got, err)
	}
	return got[0]
}
