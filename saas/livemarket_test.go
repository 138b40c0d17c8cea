package saas_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/exchange/lunosim"
	"github.com/lunobot/lunobot/saas"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/saas/replay"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/tenancy"
)

// liveLife is an App at a live market, one after another on the same data.
type liveLife struct {
	*life
	venue *liveVenue
	cfg   saas.Config
}

// liveAt starts an App at a venue with a tenant and a bot that trades often.
func liveAt(t *testing.T, v *liveVenue, url string) *liveLife {
	t.Helper()
	l := &liveLife{life: &life{t: t}, venue: v, cfg: saas.Config{DatabaseURL: url, DataDir: t.TempDir(), Live: &v.live, Strategies: bundle()}}
	d, err := db.Open(t.Context(), db.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	l.store = saasdb.New(d)
	l.open()
	login, err := l.app.Tenancy().Register(t.Context(), tenancy.RegisterInput{
		Email: "live@example.com", Password: "a long enough phrase", FirstName: "Lee", LastName: "Fe",
	})
	if err != nil {
		t.Fatal(err)
	}
	l.who = login.Principal
	if _, l.bot, err = l.app.Bots().Create(t.Context(), l.who, bot.CreateInput{
		Name: "busy", Pair: "XBTMYR", Strategy: "basic", Parameters: []byte(`{"fast":2,"slow":4}`),
	}); err != nil {
		t.Fatal(err)
	}
	return l
}

// open starts an App on the data.
func (l *liveLife) open() {
	l.t.Helper()
	var err error
	if l.app, err = saas.New(l.t.Context(), l.cfg); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(l.app.Stop)
	if err := l.app.Start(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
}

// minutes waits for so many more candles to be seen by the bot.
func (l *liveLife) minutes(more int64) {
	l.t.Helper()
	at := func() int64 {
		cp, err := l.store.Checkpoint(l.t.Context(), l.who.TenantID, l.bot.ID)
		if err != nil {
			return 0 // it has none yet
		}
		return cp.Sequence
	}
	begin := at()
	l.until("candles", func() bool { return at() >= begin+more })
}

// proves M1, M2, M3, M4 and T3 for bots on paper at live prices: with the stream cut, its
// messages lost, doubled and mangled, the venue out of reach for a while, and the server
// started anew, a bot sees each minute once, as the matching engine traded it, and what
// it did is what a replay comes to (rule PL2).
func TestLiveMarketLosesNoCandle(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		v := newLiveVenue(t, 5, nil)
		l := liveAt(t, v, url)
		l.start()
		l.minutes(3)
		for _, kind := range []lunosim.FaultKind{lunosim.StreamGap, lunosim.StreamDuplicate, lunosim.StreamReorder, lunosim.StreamGarbage, lunosim.StreamReset} {
			v.fault(kind, 1)
			l.minutes(1)
		}
		v.cut(true)
		out := v.now()
		waitFor(t, "three minutes without the venue", func() bool { return v.now().Sub(out) > 3*time.Minute })
		v.cut(false)
		l.minutes(4)
		l.app.Stop()
		out = v.now()
		waitFor(t, "three minutes without the server", func() bool { return v.now().Sub(out) > 3*time.Minute })
		l.open()
		l.minutes(4)
		l.until("two fills", func() bool { return len(l.fills()) >= 2 })
		l.stop()
		l.seesWhatWasTraded()
		l.replayed()
	})
}

// seesWhatWasTraded holds the candles that the bot saw up against the trades of the
// matching engine, from its start to its stop.
func (l *liveLife) seesWhatWasTraded() {
	l.t.Helper()
	list, err := l.store.Decisions(l.t.Context(), l.who.TenantID, l.bot.ID, page.Page{Limit: 500})
	if err != nil {
		l.t.Fatal(err)
	}
	started, stopped := list[len(list)-1], list[0]
	if started.Kind != "started" || stopped.Kind != "stopped" {
		l.t.Fatalf("the log begins with %q and ends with %q", started.Kind, stopped.Kind)
	}
	seen, err := l.store.SeenCandles(l.t.Context(), "XBTMYR", started.Time, stopped.Time)
	if err != nil {
		l.t.Fatal(err)
	}
	want := l.venue.candles("XBTMYR", started.Time.UnixMilli(), stopped.Time.UnixMilli())
	if len(seen) != len(want) || len(seen) < 18 {
		l.t.Errorf("it saw %d candles of %d", len(seen), len(want))
	}
	for i := range min(len(seen), len(want)) {
		if seen[i] != want[i] {
			l.t.Fatalf("candle %d: it saw %+v, and traded was %+v", i, seen[i], want[i])
		}
	}
}

// replayed asks for a replay, which must be identical.
func (l *liveLife) replayed() {
	l.t.Helper()
	p := l.app.Replays()
	if _, err := p.Request(l.t.Context(), l.who, l.bot.ID); err != nil {
		l.t.Fatal(err)
	}
	var r replay.Replay
	l.until("the replay", func() bool {
		var err error
		if r, err = p.Replay(l.t.Context(), l.who, l.bot.ID); err != nil {
			l.t.Fatal(err)
		}
		return r.Status.Over()
	})
	if r.Status != replay.Done || r.Report.Difference != nil || r.Report.Candles < 18 || r.Report.Changed > 0 {
		l.t.Errorf("the replay: %s %+v", r.Headline(), r.Report)
	}
}

// A server whose venue does not answer comes up, says so and why, and is ready when
// the venue is; one whose key is refused does not start.
func TestLiveMarketOutOfReach(t *testing.T) {
	t.Parallel()
	v := newLiveVenue(t, 6, nil)
	v.cut(true)
	cfg := saas.Config{DatabaseURL: dbtest.SQLiteURL(t), DataDir: t.TempDir(), Live: &v.live, Strategies: bundle()}
	app, err := saas.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(app.Stop)
	if err := app.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if status, body := ready(t, app); status != http.StatusServiceUnavailable || !strings.Contains(body, "the simulated Luno was not reached since the start") {
		t.Errorf("without the venue: %d %s", status, body)
	}
	v.cut(false)
	waitFor(t, "the server to be ready", func() bool { status, _ := ready(t, app); return status == http.StatusOK })
	app.Stop()
	if _, err := v.sim.AddFault(lunosim.Fault{Kind: lunosim.RevokedKey, Key: v.sim.Keys()[1].ID}); err != nil {
		t.Fatal(err)
	}
	if _, err := saas.New(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "refuses the venue's key") {
		t.Errorf("with a key that was taken back: %v", err)
	}
}

// An installation keeps to its market as long as it has bots: their accounts and
// orders are of its prices and its clock.
func TestLiveMarketIsSettled(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		v := newLiveVenue(t, 7, nil)
		demo := saas.Config{DatabaseURL: url, DataDir: t.TempDir(), Strategies: bundle()}
		atVenue := demo
		atVenue.Live = &v.live
		open := func(cfg saas.Config) (*saas.App, error) {
			app, err := saas.New(t.Context(), cfg)
			if err == nil {
				t.Cleanup(app.Stop)
			}
			return app, err
		}
		for _, cfg := range []saas.Config{demo, atVenue, demo} {
			app, err := open(cfg)
			if err != nil {
				t.Fatal(err)
			}
			app.Stop()
		}
		l := liveLife{life: &life{t: t}, venue: v, cfg: atVenue}
		l.open()
		login, err := l.app.Tenancy().Register(t.Context(), tenancy.RegisterInput{
			Email: "live@example.com", Password: "a long enough phrase", FirstName: "Lee", LastName: "Fe",
		})
		if err != nil {
			t.Fatal(err)
		}
		_, b, err := l.app.Bots().Create(t.Context(), login.Principal, bot.CreateInput{Name: "one", Pair: "ETHMYR", Strategy: "basic"})
		if err != nil {
			t.Fatal(err)
		}
		l.app.Stop()
		if _, err := open(demo); errs.CodeOf(err) != "market_settled" || !strings.Contains(err.Error(), `"luno-simulated"`) {
			t.Errorf("with a bot of the venue the demo market begins: %v", err)
		}
		l.open()
		if err := l.app.Bots().Delete(t.Context(), login.Principal, b.ID); err != nil {
			t.Fatal(err)
		}
		l.app.Stop()
		if _, err := open(demo); err != nil {
			t.Errorf("without a bot: %v", err)
		}
	})
}

// A market whose tick changes is not mixed up with what its bots have counted: they end
// with the reason, nobody makes new ones, and with the last of them the new tick holds.
// proves T9
func TestLiveMarketOfAnotherTick(t *testing.T) {
	t.Parallel()
	v := newLiveVenue(t, 8, nil)
	l := liveAt(t, v, dbtest.SQLiteURL(t))
	l.start()
	l.minutes(1)
	l.app.Stop()
	finer := newLiveVenue(t, 8, func(markets []lunosim.Market) {
		m := &markets[0]
		m.Tick = decimal.RequireFromString("0.1")
		m.MinPrice, m.MaxPrice, m.Around = m.MinPrice*10, m.MaxPrice*10, m.Around*10
	})
	l.cfg.Live = &finer.live
	l.open()
	l.until("the bot to end", func() bool { return l.status() == bot.Failed })
	if b, err := l.app.Bots().Bot(t.Context(), l.who, l.bot.ID); err != nil || !strings.Contains(b.Reason, "has changed the tick or the step of XBTMYR") {
		t.Errorf("it ended with %q, %v", b.Reason, err)
	}
	other := bot.CreateInput{Name: "other", Pair: "XBTMYR", Strategy: "basic"}
	if err := l.app.Bots().Delete(t.Context(), l.who, l.bot.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.app.Bots().Create(t.Context(), l.who, other); errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), "trading_pair") {
		t.Errorf("a bot of the pair is made: %v", err)
	}
	l.app.Stop()
	l.open()
	var err error
	if _, l.bot, err = l.app.Bots().Create(t.Context(), l.who, other); err != nil {
		t.Fatal(err)
	}
	l.start()
	l.minutes(1)
	l.stop()
}

// Backtests go over the venue's own candles, of which each page is asked for once.
func TestLiveMarketBacktests(t *testing.T) {
	t.Parallel()
	v := newLiveVenue(t, 10, nil)
	l := liveAt(t, v, dbtest.SQLiteURL(t))
	if _, err := l.app.Billing().ChangePlan(t.Context(), l.who.TenantID, billing.ChangePlanInput{Plan: "premium", Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	o, err := l.app.Backtests().Offer(t.Context(), l.who, research.Ref{Pair: "ETHMYR"})
	if err != nil || o.To.Sub(o.From) < 90*24*time.Hour || !strings.Contains(o.Origin, "recorded candles of the last 90 days") {
		t.Fatalf("the offer is %+v, %v", o, err)
	}
	from := v.began.Add(-48 * time.Hour).Truncate(time.Hour)
	in := research.CreateInput{Pair: "ETHMYR", Strategy: "basic", Interval: 15 * time.Minute, From: from, To: from.Add(40 * time.Hour)}
	done := func() research.Run {
		t.Helper()
		r := researcher{t: t, app: l.app, who: l.who}
		return r.await(r.createAs(in), research.Done)
	}
	first := done()
	v.mu.Lock()
	asked := v.pages
	v.mu.Unlock()
	second := done()
	v.mu.Lock()
	again := v.pages - asked
	v.mu.Unlock()
	if first.Figures.Trades == 0 || !first.Figures.Final.Equal(second.Figures.Final) || asked < 3 || again != 0 {
		t.Errorf("%+v with %d pages, and %+v with %d more", first.Figures, asked, second.Figures, again)
	}
	// What the venue does not have is told in the report, and is no fault.
	in.From = v.began.AddDate(0, 0, -5)
	in.To = in.From.AddDate(0, 0, 4)
	if r := done(); r.Figures.Trades == 0 {
		t.Errorf("of a time that is known in part: %+v", r.Figures)
	}
	v.cut(true)
	in.Pair = "XBTMYR"
	r := researcher{t: t, app: l.app, who: l.who}
	if failed := r.await(r.createAs(in), research.Failed); !strings.Contains(failed.Reason, "The history of XBTMYR could not be read") {
		t.Errorf("without the venue: %q", failed.Reason)
	}
}
