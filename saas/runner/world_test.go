package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	"github.com/lunobot/lunobot/saas/halt"
	"github.com/lunobot/lunobot/saas/hook"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/live"
	"github.com/lunobot/lunobot/saas/runner"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const tenant = "t"

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
	// grace and stale are the worker's; 0 is the default.
	grace, stale time.Duration
	// pauses, if set, is the clock of the worker's back-offs.
	pauses func() time.Time
	// takers are those who took the lease on a bot, in order, by bot.
	takers   map[string][]string
	latest   map[string]journal.Entry // the newest entry with a checkpoint, by bot
	orders   map[int64]journal.Order  // of all bots, in their newest state, by number
	fills    map[int64]journal.Fill   // of all bots, by sequence
	seen     map[string]time.Time     // the newest market time that watchers heard of, by bot
	statuses map[string][]bot.Status
	// kept are the candles that bots saw of XBTMYR, and keptToo of the other pair; the
	// others are by bot.
	kept      []exchange.Candle
	keptToo   []exchange.Candle
	plots     map[string][][]journal.Plot // by commit
	drew      map[string]int              // how often watchers were told of lines, by pair
	points    map[string][]journal.TapePoint
	baselines map[string][]journal.Baseline
	// missing are the times of candles that the history has not.
	missing map[int64]bool
	// edits, if set, changes what the history answers; it is asked without the lock.
	edits func(pair string, list []exchange.Candle) ([]exchange.Candle, error)
	// gone are pairs that there are no markets of any more.
	gone map[string]bool
	// finer are pairs whose ticks are a tenth of what they were.
	finer map[string]bool
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
	// tripped are the breakers that were told of.
	tripped []string
	// reasons are those of the statuses.
	reasons map[string][]string
	// peers, if set, counts the workers.
	peers runner.Peers
	// readBots, if set, answers for the list of bots.
	readBots func(read int, all []bot.Runnable) []bot.Runnable
	// switches are the kill switches that are on, and enforced how often they were.
	switches halt.Halts
	enforced int
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
		plots: map[string][][]journal.Plot{}, drew: map[string]int{}, seen: map[string]time.Time{}, lines: map[string][]journal.Decision{}, points: map[string][]journal.TapePoint{},
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
		Bots: w, Feed: w.feed, Grace: w.grace, Halts: w, History: past{w}, Journal: book{world: w}, Keeper: keeper, Live: w, Markets: w, MarketNow: w.market.Now,
		Now: w.pauses, Peers: w.peers, Plugins: plugins, Poll: 10 * time.Millisecond, Signals: w, Stale: w.stale, Status: w,
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

// interrupted lets a worker take 120 of something, with a planned stop after 40 and
// the death of the strategy's process after 80.
func (w *world) interrupted(await func(n int)) {
	w.t.Helper()
	r := w.start()
	await(40)
	r.Stop()
	r = w.start()
	await(80)
	w.change(func() { w.process = newProcess(w.t) })
	await(120)
	r.Stop()
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

// Guarded implements runner.Status.
func (w *world) Guarded(_ context.Context, _, id string, run int64, g bot.Guard) error {
	w.change(func() {
		for i := range w.bots {
			b := &w.bots[i].Bot
			if b.ID == id && b.Run == run && (b.Desired || b.Guarded()) {
				b.Desired, b.Status, b.Failure, b.Reason = false, bot.Failed, g.Failure, g.Reason
			}
		}
	})
	return nil
}

// Unwound implements runner.Status.
func (w *world) Unwound(_ context.Context, _, id string, run int64) error {
	w.change(func() {
		for i := range w.bots {
			if b := &w.bots[i].Bot; b.ID == id && b.Run == run && b.CloseOnly {
				b.Desired, b.Ending = false, bot.WoundDown
			}
		}
	})
	return nil
}

// Tripped implements runner.Status.
func (w *world) Tripped(_ context.Context, _, id, kind, reason string, _ time.Time) error {
	w.change(func() { w.tripped = append(w.tripped, id+" "+kind+": "+reason) })
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
	switch u.Type {
	case "summary":
		w.change(func() { w.seen[id] = u.Time })
	case "plot":
		var drawn struct {
			Pair string `json:"pair"`
		}
		if err := json.Unmarshal(u.Data, &drawn); err != nil {
			return err
		}
		w.change(func() { w.drew[drawn.Pair]++ })
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
	if p.edits != nil && err == nil {
		list, err = p.edits(pair, list)
	}
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
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range list {
		if w.finer[m.Pair] {
			m.Tick = m.Tick.Shift(-1)
		}
		if m.Pair == pair && !w.gone[pair] {
			return m, nil
		}
	}
	return exchange.Market{}, errors.Join(err, fmt.Errorf("there is no market %q", pair))
}

// Pairs implements bot.Markets.
func (w *world) Pairs() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc([]string{demo.XBTMYR, demo.ETHMYR}, func(pair string) bool { return w.gone[pair] })
}
