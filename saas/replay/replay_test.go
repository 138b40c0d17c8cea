package replay_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/plugins/basic/basic"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/replay"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
)

// world is a store with one bot of the demo market, and where its strategy runs.
type world struct {
	t      *testing.T
	market *demo.Replay
	m      exchange.Market

	mu   sync.Mutex
	now  replay.Replay
	over chan struct{}
	// most is the highest total that was noted.
	most   int64
	bases  []journal.Baseline
	points []journal.TapePoint
	seen   []exchange.Candle
	// version is that of the strategy now; broken, if set, keeps it from starting.
	version string
	broken  error
	// notes is how often a claim was made to last; hold, if set, is called with the
	// number of the bot before a round goes to its strategy.
	notes int
	hold  func(ctx context.Context, bot uint64) error
	// sees is what the strategy looks at beside candles.
	sees strategy.Subscription
}

func newWorld(t *testing.T) *world {
	t.Helper()
	market, err := demo.New(demo.Config{Speed: 0.001, Anchor: demo.Anchor{Wall: time.Now(), Index: 2_000}})
	if err != nil {
		t.Fatal(err)
	}
	list, err := market.Markets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, market: market, m: list[0], version: "1.0.0", over: make(chan struct{})}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// live runs the bot over candles of the market under a run, as its worker would,
// with a point each 15 candles.
func (w *world) live(run, from, to int64, params string) {
	w.t.Helper()
	bot, err := basic.Definition().Open(strategy.OpenInput{Explain: true, Interval: time.Minute, Market: w.m, Params: json.RawMessage(params)})
	w.must(err)
	venue, err := paper.NewVenue(paper.VenueConfig{Market: w.m, Balance: 1 << 40})
	w.must(err)
	tape := parity.NewTape(w.m, parity.Sums{})
	session, err := engine.New(engine.Config{Market: w.m, Interval: time.Minute, Balance: 1 << 40, Venue: venue, Recorder: tape, Wants: bot.Wants})
	w.must(err)
	w.must(session.Seek(w.market.Candle(w.m.Pair, from)))
	snapshot, err := bot.Snapshot()
	w.must(err)
	raw, err := json.Marshal(parity.Baseline{
		Terms: parity.Terms{
			Strategy: "basic", Version: "1.0.0", Params: json.RawMessage(params), Market: w.m, Interval: time.Minute, Decide: time.Minute, Balance: 1 << 40,
		},
		AccountState: parity.AccountState{Engine: session.State(), Venue: venue.State()}, Snapshot: &snapshot,
	})
	w.must(err)
	w.bases = append(w.bases, journal.Baseline{Run: run, Sequence: from, MarketTime: w.market.Time(from + 1), Body: raw})
	for i := from + 1; i <= to; i++ {
		c := w.market.Candle(w.m.Pair, i)
		w.seen = append(w.seen, c)
		tape.Candle(&c)
		w.must(session.Begin(&c))
		for ev := session.Next(); ev != nil; ev = session.Next() {
			cs := bot.Deliver(session.View(), ev)
			tape.Commands(cs)
			w.must(session.Commands(cs))
		}
		if i%15 == 0 || i == to {
			raw, err := json.Marshal(tape.Point())
			w.must(err)
			tape.Next()
			w.points = append(w.points, journal.TapePoint{Run: run, Sequence: i, Body: raw})
		}
	}
}

// report has a worker make the report of the bot.
func (w *world) report(change func(*replay.Config)) replay.Replay {
	w.t.Helper()
	return w.resume(replay.Replay{}, change)
}

// resume has a worker make the report of which an attempt before has noted how far
// it came.
func (w *world) resume(from replay.Replay, change func(*replay.Config)) replay.Replay {
	w.t.Helper()
	from.TenantID, from.BotID, from.Status = "t", "b", replay.Queued
	w.mu.Lock()
	w.now, w.most, w.over = from, 0, make(chan struct{})
	w.mu.Unlock()
	cfg := replay.Config{History: w.market, MarketNow: w.market.Now, Now: time.Now, Plugins: w, Store: w, Poll: time.Millisecond}
	if change != nil {
		change(&cfg)
	}
	worker, err := replay.NewWorker(cfg)
	w.must(err)
	worker.Start(w.t.Context())
	defer worker.Stop()
	select {
	case <-w.over:
	case <-time.After(30 * time.Second):
		w.t.Fatal("no report")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// proves PL2: stops, other parameters and a restart are told apart from faults.
func TestALifeIsReplayed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.live(1, 100, 400, `{"fast":3,"slow":8}`)
	w.live(2, 460, 700, `{"fast":5,"slow":9}`)
	r := w.report(nil)
	if r.Status != replay.Done || r.Report.Difference != nil || r.Report.Candles != 540 || r.Report.Acts < 20 || r.Percent() != 100 {
		t.Fatalf("%+v %+v", r, r.Report)
	}
	if got := r.Headline(); got != "Replayed 540 candles: identical." {
		t.Error(got)
	}
	if e := r.Report.Events; len(e) != 1 || e[0].Kind != replay.Started || !strings.Contains(e[0].Text, "1h0m0s in which it did not run") || !strings.Contains(e[0].Text, `{"fast":5,"slow":9}`) {
		t.Errorf("%+v", e)
	}
}

// A replay that is begun again counts its candles anew.
func TestASecondAttemptCountsAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.live(1, 100, 400, `{"fast":3,"slow":8}`)
	r := w.resume(replay.Replay{Attempt: 1, Done: 150, Total: 300}, func(c *replay.Config) { c.Every = time.Nanosecond })
	if r.Status != replay.Done || r.Total != 300 || r.Done != 300 || w.most != 300 {
		t.Errorf("%d of %d candles, of %d at most: %+v", r.Done, r.Total, w.most, r)
	}
}

// The newest tapes are replayed, as many as are asked for and as candles are kept.
func TestOldTapesAreLeftOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.live(1, 100, 400, `{}`)
	w.live(2, 460, 700, `{}`)
	w.seen = w.seen[300:] // those of the first run have been dropped
	for name, change := range map[string]func(*replay.Config){
		"enough": func(c *replay.Config) { c.Candles = 200 },
		"kept":   func(c *replay.Config) { c.Keep = 1_600 * time.Minute },
	} {
		if r := w.report(change); r.Status != replay.Done || r.Report.Difference != nil || r.Report.Candles != 240 {
			t.Errorf("%s: %+v", name, r.Report)
		}
	}
	if r := w.report(nil); r.Report.Difference == nil || r.Report.Difference.Cause != parity.Data || !strings.Contains(r.Headline(), "is not kept") {
		t.Errorf("%+v", r.Report)
	}
}

func TestWhatAReplayLacksIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.live(1, 100, 400, `{"fast":3,"slow":8}`)
	w.broken = &pluginhost.Error{Plugin: "basic", Kind: pluginhost.NotFound, Err: context.Canceled}
	if r := w.report(nil); r.Status != replay.Failed || !strings.Contains(r.Headline(), "not installed here any more") {
		t.Errorf("%+v", r)
	}
	w.broken, w.version = nil, "2.0.0"
	if r := w.report(nil); r.Status != replay.Done || r.Report.Difference != nil {
		t.Errorf("another version that does the same is no difference: %+v", r.Report)
	}
	var p parity.Point
	w.must(json.Unmarshal(w.points[3].Body, &p))
	p.Said++
	raw, err := json.Marshal(p)
	w.must(err)
	w.points[3].Body = raw
	if r := w.report(nil); r.Report.Difference == nil || r.Report.Difference.Cause != parity.Version || !strings.Contains(r.Headline(), "version 2.0.0") {
		t.Errorf("%+v", r.Report)
	}
	if r := w.report(func(c *replay.Config) { c.Attempts = -1 }); r.Status != replay.Failed || !strings.Contains(r.Reason, "again and again") {
		t.Errorf("%+v", r)
	}
	if _, err := replay.NewWorker(replay.Config{}); err == nil || !strings.Contains(err.Error(), "Store is required") {
		t.Error(err)
	}
	if _, err := replay.NewService(replay.ServiceConfig{}); err == nil || !strings.Contains(err.Error(), "Bots is required") {
		t.Error(err)
	}
}

// RequestReplay implements replay.Store.
func (w *world) RequestReplay(context.Context, string, string, time.Time) (replay.Replay, error) {
	return w.now, nil
}

// Replay implements replay.Store.
func (w *world) Replay(context.Context, string, string) (replay.Replay, error) { return w.now, nil }

// ClaimReplay implements replay.Store.
func (w *world) ClaimReplay(context.Context, time.Time, time.Time) (replay.Replay, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.now.Status != replay.Queued {
		return replay.Replay{}, false, nil
	}
	w.now.Status = replay.Running
	w.now.Attempt++
	return w.now, true, nil
}

// YieldReplay implements replay.Store.
func (w *world) YieldReplay(_ context.Context, _ string, r replay.Replay) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.now.Status != replay.Running || w.now.Attempt != r.Attempt {
		return replay.ErrLost
	}
	w.now.Status, w.now.Attempt = replay.Queued, w.now.Attempt-1
	return nil
}

// UpdateReplay implements replay.Store.
func (w *world) UpdateReplay(_ context.Context, _ string, r replay.Replay, _ time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.now.Status != replay.Running || w.now.Attempt != r.Attempt {
		return replay.ErrLost
	}
	w.now, w.most = r, max(w.most, r.Total)
	w.notes++
	if r.Status.Over() {
		close(w.over)
	}
	return nil
}

// Baselines implements replay.Store.
func (w *world) Baselines(_ context.Context, _, _ string, most int) ([]journal.Baseline, error) {
	return w.bases[max(0, len(w.bases)-most):], nil
}

// TapePoints implements replay.Store.
func (w *world) TapePoints(_ context.Context, _, _ string, from journal.Baseline, until *journal.Baseline) (out []journal.TapePoint, _ error) {
	for _, p := range w.points {
		if p.Run == from.Run && p.Sequence > from.Sequence && (until == nil || p.Sequence <= until.Sequence) {
			out = append(out, p)
		}
	}
	return out, nil
}

// SeenCandles implements replay.Store.
func (w *world) SeenCandles(_ context.Context, _ string, from, to time.Time) (out []exchange.Candle, _ error) {
	for _, c := range w.seen {
		if !c.OpenTime().Before(from) && c.OpenTime().Before(to) {
			out = append(out, c)
		}
	}
	return out, nil
}

// Start implements replay.Plugins.
func (w *world) Start(context.Context, catalog.Ref) (replay.Process, error) {
	if w.broken != nil {
		return nil, w.broken
	}
	client, stop, err := plugin.Loopback(basic.Definition())
	if err != nil {
		return nil, err
	}
	return &process{Client: client, world: w, stop: stop, version: w.version}, nil
}

// process is a strategy's process within the test's own.
type process struct {
	*plugin.Client
	world   *world
	stop    func()
	version string
	next    uint64
}

func (p *process) Open(ctx context.Context, bots []strategy.OpenInput) ([]pluginhost.Opened, error) {
	p.next++
	opened, err := p.Client.Open(ctx, []plugin.OpenBot{{Bot: p.next, OpenInput: bots[0]}})
	if err != nil {
		return nil, err
	}
	opened[0].Subscription = p.world.sees
	return []pluginhost.Opened{{Bot: p.next, Opened: opened[0]}}, nil
}

func (p *process) Live(ctx context.Context, r *plugin.Round) error {
	if p.world.hold != nil {
		if err := p.world.hold(ctx, r.Deliveries[0].Bots[0].Bot); err != nil {
			return err
		}
	}
	return p.Client.Live(ctx, r)
}

func (p *process) Manifest() plugin.Manifest {
	m := plugin.ManifestOf(basic.Definition())
	m.Version = p.version
	return m
}

func (p *process) Stop() { p.stop() }
