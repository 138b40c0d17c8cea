package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"go.uber.org/goleak"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/hook"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/live"
	"github.com/lunobot/lunobot/saas/runner"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const tenant = "t"

// counting is a strategy that gives one order for each candle and counts them,
// so that an order that got lost shows in a checkpoint.
type counting struct {
	Params countingParams `json:"-"`
	Who    string
	Orders uint64
	Bad    float64
	// Heard are the candles that it was given, those of the past too.
	Warm  int
	Heard []exchange.Candle
	// Told is the volume of the trades that it was told of, and Traded that of
	// its candles.
	Told, Traded exchange.Steps
	// Other are the candles of the other pair that it was told, and Late counts
	// its own that came before the other's of the same time.
	Other []exchange.Candle
	Late  int
}

type countingParams struct {
	Who string `param:"who" label:"Who"`
	// Bad makes a state that cannot be saved, from the third candle on.
	Bad bool `param:"bad" label:"Bad"`
	// Trade buys and sells in turns too, and the orders rest where fills are near.
	Trade bool `param:"trade" label:"Trade"`
	Warm  int  `param:"warm" label:"Warm"`
	// Tape subscribes to trades.
	Tape bool `param:"tape" label:"Tape"`
	// Idle does nothing but draw.
	Idle bool `param:"idle" label:"Idle"`
	// Pair is another pair to look at.
	Pair string `param:"pair" label:"Pair"`
}

func (c *counting) Warmup() int { return c.Params.Warm }

func (c *counting) Subscribe() strategy.Subscription {
	sees := strategy.Subscription{Trades: c.Params.Tape, Book: c.Params.Tape}
	if c.Params.Pair != "" {
		sees.Pairs = []string{c.Params.Pair}
	}
	return sees
}

func (c *counting) OnPair(_ *strategy.Bot, _ string, k exchange.Candle) { c.Other = append(c.Other, k) }

func (c *counting) OnTrades(b *strategy.Bot, trades []exchange.Trade) {
	for _, t := range trades {
		if at := b.Now().UnixMilli(); t.Time >= at || t.Time < at-time.Minute.Milliseconds() {
			c.Told = -1 << 60
		}
		c.Told += t.Volume
	}
}

func (c *counting) OnCandle(b *strategy.Bot, k exchange.Candle) {
	if !b.Warming() {
		c.Traded += k.Volume
	}
	if n := len(c.Other); c.Params.Pair != "" && (n == 0 || c.Other[n-1].Time != k.Time) {
		c.Late++
	}
	if c.Params.Trade {
		c.Heard = append(c.Heard, k)
	}
	if b.Warming() {
		c.Warm++
		return
	}
	b.Plot("close", k.Close.Float())
	if c.Params.Idle {
		return
	}
	if c.Params.Trade {
		b.CancelAll()
		if b.SellAll() == (strategy.Order{}) {
			b.Buy(2_000)
		}
		b.Limit(exchange.Buy, (k.Low+3*k.Close)/4, 1_000+c.Told%100+exchange.Steps(len(c.Other)%7))
		return
	}
	c.Who = c.Params.Who
	c.Orders++
	b.Limit(exchange.Buy, k.Close/2, 100)
	if c.Params.Bad && c.Orders >= 3 {
		c.Bad = math.NaN()
	}
}

func definition() strategy.Definition { return definitionOf("1.0.0", 1) }

// definitionOf is a version that reads and writes states of a version.
func definitionOf(version string, state int) strategy.Definition {
	return strategy.MustDefine(strategy.Info{Name: "counting", Version: version, StateVersion: state}, countingParams{},
		func(p countingParams) strategy.Strategy { return &counting{Params: p} })
}

// process is a strategy's process within the test's own.
type process struct {
	client *plugin.Client
	mu     sync.Mutex
	next   uint64
	// after, if set, is called when a round has been answered, before the
	// worker learns the answer.
	after func(ctx context.Context) error
	// closing, if set, is called before bots are closed.
	closing func()
}

func newProcess(t testing.TB) *process {
	t.Helper()
	return newProcessOf(t, definition())
}

func newProcessOf(t testing.TB, def strategy.Definition) *process {
	t.Helper()
	client, stop, err := plugin.Loopback(def)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return &process{client: client}
}

func (p *process) Open(ctx context.Context, bots []strategy.OpenInput) ([]pluginhost.Opened, error) {
	requests, out := make([]plugin.OpenBot, len(bots)), make([]pluginhost.Opened, len(bots))
	p.mu.Lock()
	for i, b := range bots {
		p.next++
		out[i].Bot, requests[i] = p.next, plugin.OpenBot{Bot: p.next, OpenInput: b}
	}
	p.mu.Unlock()
	opened, err := p.client.Open(ctx, requests)
	for i := range opened {
		out[i].Opened = opened[i]
	}
	return out, err
}

func (p *process) Live(ctx context.Context, r *plugin.Round) error {
	if err := p.client.Live(ctx, r); err != nil || p.after == nil {
		return err
	}
	return p.after(ctx)
}

func (p *process) Snapshot(ctx context.Context, bots []uint64) ([]plugin.State, error) {
	return p.client.Snapshot(ctx, bots)
}

func (p *process) Manifest() plugin.Manifest { return plugin.ManifestOf(definition()) }

func (p *process) Close(ctx context.Context, bots []uint64) error {
	if p.closing != nil {
		p.closing()
	}
	return p.client.Close(ctx, bots)
}

// world is all that a worker works with, in memory.
type world struct {
	t      testing.TB
	market *demo.Replay
	feed   *marketdata.Feed

	mu       sync.Mutex
	changed  chan struct{}
	bots     []bot.Runnable
	process  *process
	versions map[string]*process // those of versions that are not the process
	asked    []string            // the versions and keys of the processes that were asked for
	reads    int                 // of the list of bots
	work     context.Context     //nolint:containedctx // the worker's, which ends when it stops
	holder   int64
	leases   map[lease.Resource]lease.Lease
	holders  map[lease.Resource]string // who has them
	// pauses, if set, is the clock of the worker's back-offs.
	pauses func() time.Time
	// takers are those who took the lease on a bot, in order, by bot.
	takers   map[string][]string
	latest   map[string]journal.Entry // the newest entry with a checkpoint, by bot
	orders   map[int64]journal.Order  // of all bots, in their newest state, by number
	fills    map[int64]journal.Fill   // of all bots, by sequence
	seen     map[string]time.Time     // the newest market time that watchers heard of, by bot
	statuses map[string][]bot.Status
	// kept are the candles that bots saw; the others are by bot.
	kept      []exchange.Candle
	plots     map[string][][]journal.Plot // by commit
	points    map[string][]journal.TapePoint
	baselines map[string][]journal.Baseline
	// missing are the times of candles that the history has not.
	missing map[int64]bool
	// outage, if set, fails what the journal is asked, and refuse what it is to
	// commit; the world is locked.
	outage error
	refuse func(entries []journal.Entry) error
	lines  map[string][]journal.Decision // the logs, by bot
	// letters are the signals that came in, and heard what became of them, by key.
	letters []hook.Signal
	heard   map[string][]journal.Heard
	// unusable are the versions of the strategy that must not run.
	unusable map[string]*catalog.UnusableError
	// reasons are those of the statuses.
	reasons map[string][]string
	// readBots, if set, answers for the list of bots.
	readBots func(read int, all []bot.Runnable) []bot.Runnable
}

func newWorld(t *testing.T) *world { return newWorldOf(t, demo.Config{Speed: 3_000}) }

func newWorldOf(t testing.TB, cfg demo.Config) *world {
	t.Helper()
	market, err := demo.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	feed, err := marketdata.NewFeed(marketdata.FeedConfig{History: market, Upstream: market, Now: market.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(feed.Stop)
	return &world{
		t: t, market: market, feed: feed, process: newProcess(t), changed: make(chan struct{}), leases: map[lease.Resource]lease.Lease{},
		holders: map[lease.Resource]string{}, takers: map[string][]string{},
		latest: map[string]journal.Entry{}, statuses: map[string][]bot.Status{}, orders: map[int64]journal.Order{}, fills: map[int64]journal.Fill{},
		plots: map[string][][]journal.Plot{}, seen: map[string]time.Time{}, lines: map[string][]journal.Decision{}, points: map[string][]journal.TapePoint{},
		baselines: map[string][]journal.Baseline{}, heard: map[string][]journal.Heard{},
	}
}

// start starts a worker; the test stops it in the end, if not before.
func (w *world) start() *runner.Runner { return w.startAs("worker", w) }

// startAs starts a worker of a name that has plugins of its own.
func (w *world) startAs(name string, plugins runner.Plugins) *runner.Runner {
	w.t.Helper()
	keeper, err := lease.NewKeeper(lease.KeeperConfig{Holder: name, Now: time.Now, Store: w})
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := runner.New(runner.Config{
		Bots: w, Feed: w.feed, History: past{w}, Journal: book{world: w}, Keeper: keeper, Live: w, Markets: w, MarketNow: w.market.Now,
		Now: w.pauses, Plugins: plugins, Poll: 10 * time.Millisecond, Signals: w, Status: w,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := r.Start(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(r.Stop)
	return r
}

// working returns the context in which the worker reads the list of bots.
func (w *world) working() context.Context {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.work
}

// add makes a bot that shall run.
func (w *world) add(id, params string) { w.addEvery(time.Minute, id, params) }

// addEvery makes a bot that shall run and decide on candles of a length.
func (w *world) addEvery(interval time.Duration, id, params string) {
	w.addRun(1, interval, id, params)
}

// addRun makes it one that has been started so many times.
func (w *world) addRun(run int64, interval time.Duration, id, params string) {
	w.change(func() {
		w.bots = append(w.bots, bot.Runnable{
			Bot:    bot.Bot{ID: id, TenantID: tenant, Pair: demo.XBTMYR, Strategy: "counting", Desired: true, Status: bot.Starting, Run: run},
			Config: bot.Config{Interval: interval, Parameters: json.RawMessage(params), Balance: decimal.NewFromInt(10_000)},
		})
	})
}

// change changes the world and wakes those that await something.
func (w *world) change(do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do()
	close(w.changed)
	w.changed = make(chan struct{})
}

// await waits until ok, which is asked after each change.
func (w *world) await(what string, ok func() bool) {
	w.t.Helper()
	late := time.After(30 * time.Second)
	for {
		w.mu.Lock()
		done, changed := ok(), w.changed
		w.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-late:
			w.t.Fatalf("waited too long for %s; statuses %v", what, w.statuses)
		}
	}
}

// point is what a checkpoint says of a counting bot.
type point struct {
	Engine struct {
		Sequence int64  `json:"sequence"`
		NextRef  uint64 `json:"next_ref"`
	} `json:"engine"`
	Strategy struct {
		Data counting `json:"data"`
	} `json:"strategy"`
}

// point returns the bot's newest checkpoint; the zero point without one. The
// world is locked.
func (w *world) point(id string) point {
	var p point
	if e, ok := w.latest[id]; ok {
		if err := json.Unmarshal(e.Checkpoint.State, &p); err != nil {
			w.t.Error(err)
		}
	}
	return p
}

// look is point for somebody who has not locked the world.
func (w *world) look(id string) point {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.point(id)
}

// RunnableBots implements runner.Bots.
func (w *world) RunnableBots(ctx context.Context) ([]bot.Runnable, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reads++
	w.work = ctx
	if w.readBots != nil {
		return w.readBots(w.reads, w.bots), nil
	}
	return slices.Clone(w.bots), nil
}

// Observe implements runner.Status.
func (w *world) Observe(_ context.Context, _, id string, _ int64, s bot.Status, reason string) error {
	w.change(func() {
		if w.reasons == nil {
			w.reasons = map[string][]string{}
		}
		w.reasons[id] = append(w.reasons[id], reason)
		w.statuses[id] = append(w.statuses[id], s)
		if !s.Active() {
			w.bots = slices.DeleteFunc(w.bots, func(a bot.Runnable) bool { return a.Bot.ID == id })
		}
	})
	return nil
}

// Upgraded implements runner.Status.
func (w *world) Upgraded(_ context.Context, _, id, version string) (bot.Config, error) {
	return w.reconfigure(id, func(c *bot.Config) {
		c.StrategyVersion, c.Parameters, c.Upgrade = version, c.Upgrade.Parameters, bot.Upgrade{}
	})
}

// UpgradeRefused implements runner.Status.
func (w *world) UpgradeRefused(_ context.Context, _, id, _, reason string) (bot.Config, error) {
	return w.reconfigure(id, func(c *bot.Config) { c.Upgrade = bot.Upgrade{Fault: reason} })
}

func (w *world) reconfigure(id string, do func(c *bot.Config)) (c bot.Config, err error) {
	w.change(func() {
		i := slices.IndexFunc(w.bots, func(a bot.Runnable) bool { return a.Bot.ID == id })
		if err = w.outage; err == nil {
			do(&w.bots[i].Config)
			w.bots[i].Config.Version++
			c = w.bots[i].Config
		}
	})
	return c, err
}

// config returns a bot's configuration; the world is locked.
func (w *world) config(id string) bot.Config {
	i := slices.IndexFunc(w.bots, func(a bot.Runnable) bool { return a.Bot.ID == id })
	return w.bots[i].Config
}

// Usable implements runner.Plugins.
func (w *world) Usable(ref catalog.Ref) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.unusable[ref.Version]; err != nil {
		return err
	}
	return nil
}

// Share implements runner.Plugins.
func (w *world) Share(_ context.Context, tenantID, botID string, _ catalog.Ref, wish catalog.Isolation) (string, error) {
	return wish.Key(tenantID, botID), nil
}

// Process implements runner.Plugins.
func (w *world) Process(_ context.Context, ref catalog.Ref, key string) (runner.Process, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if as := ref.Version + " " + key; !slices.Contains(w.asked, as) {
		w.asked = append(w.asked, as)
	}
	if p := w.versions[ref.Version]; p != nil {
		return p, nil
	}
	return w.process, nil
}

// Publish implements runner.Publisher.
func (w *world) Publish(_ context.Context, _, id string, u live.Update) error {
	if u.Type == "summary" {
		w.change(func() { w.seen[id] = u.Time })
	}
	return nil
}

// past is the history of the world's market, as far as it is not missing.
type past struct{ *world }

// Markets implements exchange.MarketData.
func (p past) Markets(ctx context.Context) ([]exchange.Market, error) { return p.market.Markets(ctx) }

// Candles implements exchange.MarketData.
func (p past) Candles(ctx context.Context, pair string, interval time.Duration, since time.Time, limit int) ([]exchange.Candle, error) {
	list, err := p.market.Candles(ctx, pair, interval, since, limit)
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(list, func(c exchange.Candle) bool { return p.missing[c.Time] }), err
}

// TradesBetween implements exchange.TradeHistory.
func (p past) TradesBetween(ctx context.Context, pair string, from, to time.Time) ([]exchange.Trade, error) {
	return p.market.TradesBetween(ctx, pair, from, to)
}

// Market implements bot.Markets.
func (w *world) Market(pair string) (exchange.Market, error) {
	list, err := w.market.Markets(context.Background())
	for _, m := range list {
		if m.Pair == pair {
			return m, nil
		}
	}
	return exchange.Market{}, errors.Join(err, fmt.Errorf("there is no market %q", pair))
}

// Pairs implements bot.Markets.
func (w *world) Pairs() []string { return []string{demo.XBTMYR, demo.ETHMYR} }

// book is the world's journal.
type book struct {
	journal.Store // what a worker does not use
	*world
}

// Commit implements journal.Store.
func (b book) Commit(_ context.Context, entries ...journal.Entry) (err error) {
	b.change(func() {
		if err = b.outage; err != nil {
			return
		}
		if b.refuse != nil {
			if err = b.refuse(entries); err != nil {
				return
			}
		}
		for _, e := range entries {
			if b.leases[lease.Resource{Kind: lease.Bots, TenantID: e.TenantID, ID: e.BotID}].Epoch != e.Epoch {
				err = lease.ErrLost
				return
			}
		}
		for _, e := range entries {
			b.latest[e.BotID] = e
			for _, h := range e.Heard {
				b.heard[h.Key] = append(b.heard[h.Key], h)
			}
			b.lines[e.BotID] = append(b.lines[e.BotID], e.Decisions...)
			if len(e.Plots) > 0 {
				b.plots[e.BotID] = append(b.plots[e.BotID], e.Plots)
			}
			if e.Point != nil {
				b.points[e.BotID] = append(b.points[e.BotID], *e.Point)
			}
			if e.Baseline != nil {
				b.baselines[e.BotID] = append(b.baselines[e.BotID], *e.Baseline)
			}
			for _, o := range e.Orders {
				o.ClientID = "" // names the lease's epoch
				b.orders[o.Number] = o
			}
			for _, f := range e.Fills {
				f.ClientID = ""
				b.fills[f.Sequence] = f
			}
		}
	})
	return err
}

// Checkpoint implements journal.Store.
func (b book) Checkpoint(_ context.Context, _, id string) (journal.Checkpoint, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e, ok := b.latest[id]; ok || b.outage != nil {
		if b.outage != nil {
			return journal.Checkpoint{}, b.outage
		}
		return *e.Checkpoint, nil
	}
	return journal.Checkpoint{}, errs.New(errs.NotFound, "checkpoint_not_found", "none")
}

// KeepCandles implements journal.Store.
func (b book) KeepCandles(_ context.Context, _ string, candles []exchange.Candle) error {
	b.change(func() { b.kept = append(b.kept, candles...) })
	return nil
}

// DropCandles implements journal.Store.
func (b book) DropCandles(context.Context, string, time.Time) error { return nil }

// Prune implements journal.Store.
func (b book) Prune(context.Context, string, string, int, time.Time) (int64, error) { return 0, nil }

// StartHolder implements lease.Store.
func (w *world) StartHolder(_ context.Context, name string) (lease.Holder, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.holder++
	return lease.Holder{Name: name, Incarnation: w.holder}, nil
}

// TakeLeases implements lease.Store.
func (w *world) TakeLeases(_ context.Context, t lease.Take) (got []lease.Lease, _ error) {
	w.change(func() {
		for _, r := range t.Resources {
			l := w.leases[r]
			if l.ExpiresAt.After(t.Now) {
				continue
			}
			l.Resource, l.Epoch, l.ExpiresAt = r, l.Epoch+1, t.Until
			w.leases[r], w.holders[r] = l, t.Holder.Name
			w.takers[r.ID] = append(w.takers[r.ID], t.Holder.Name)
			got = append(got, l)
		}
	})
	return got, nil
}

// RenewLeases implements lease.Store.
func (w *world) RenewLeases(_ context.Context, h lease.Holder, until time.Time) (got []lease.Lease, _ error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for r, l := range w.leases {
		if !l.ExpiresAt.IsZero() && w.holders[r] == h.Name {
			l.ExpiresAt = until
			w.leases[r] = l
			got = append(got, l)
		}
	}
	return got, nil
}

// ReleaseLeases implements lease.Store.
func (w *world) ReleaseLeases(_ context.Context, _ lease.Holder, leases []lease.Lease) error {
	w.change(func() {
		for _, l := range leases {
			if now := w.leases[l.Resource]; now.Epoch == l.Epoch {
				now.ExpiresAt = time.Time{}
				w.leases[l.Resource] = now
			}
		}
	})
	return nil
}

// CheckLease implements lease.Store.
func (w *world) CheckLease(context.Context, lease.Lease) error { return nil }
