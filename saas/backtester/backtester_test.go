package backtester_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/saas/backtester"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/backtestreport"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
)

// A run goes over the candles that were asked for, with the tenant's fees and
// bounds, and leaves what the engine says of it.
func TestRunIsTheEngines(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ada := w.tenant("a", "basic")
		r, err := w.runs.Create(t.Context(), ada, research.CreateInput{
			Pair: demo.XBTMYR, Strategy: "swing", Interval: time.Hour, From: demo.Start().Add(-48 * time.Hour), To: demo.Start(), Parameters: []byte(`{"every":3}`),
			Terms: research.Terms{
				Holding: decimal.New(5, -1), Spread: decimal.New(1, -3), RangeShare: decimal.New(1, -1), Impact: decimal.New(1, -2), MaxShare: decimal.New(2, -1),
				Latency: 90 * time.Second, FeeTiers: []research.FeeTier{{Volume: decimal.NewFromInt(50_000), MakerFee: decimal.New(1, -3), TakerFee: decimal.New(2, -3)}},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		w.worker("worker")
		got := w.await(r, research.Done)
		m, err := w.Market(demo.XBTMYR)
		if err != nil {
			t.Fatal(err)
		}
		series, err := w.market.Series(demo.XBTMYR, r.From, r.To)
		if err != nil {
			t.Fatal(err)
		}
		holding, err := m.Steps(decimal.New(5, -1), exchange.Exact)
		if err != nil {
			t.Fatal(err)
		}
		want, err := backtest.Run(t.Context(), definition(), backtest.Config{
			Market: m, Interval: time.Minute, Decide: time.Hour, Balance: 10_000_000_000, Base: holding, Fees: exchange.Fees{Maker: 250_000, Taker: 250_000}, Params: []byte(`{"every":3}`),
			Tiers: []paper.Tier{{Volume: 50_000_000_000, Fees: exchange.Fees{Maker: 100_000, Taker: 200_000}}},
			Costs: paper.Costs{Spread: 100_000, Range: 10_000_000, Impact: 1_000_000, MaxShare: 20_000_000, Latency: 90 * time.Second},
		}, series.Source(), nil)
		if err != nil {
			t.Fatal(err)
		}
		equity, err := research.Equity(w.part(r, research.PartEquity))
		if err != nil || len(equity) != len(want.Equity) || !slices.EqualFunc(equity, want.Equity, func(a exchange.Units, b int64) bool { return int64(a) == b }) {
			t.Errorf("the equity differs from the engine's: %d and %d values, %v", len(equity), len(want.Equity), err)
		}
		if f := got.Figures; !f.Final.Equal(m.Amount(want.FinalEquity)) || f.Trades != want.Trades.Len() || f.Trades < 5 || got.Done != 2880 || w.used("a") != 0 {
			t.Errorf("figures = %+v, %d trades, %d candles done", f, want.Trades.Len(), got.Done)
		}
		kept, err := research.Page(w.part(r, research.PartPage))
		page, curve := kept.Page, kept.Curve
		if err != nil || page.Title != "Swing" || page.Source != "the tests' market" || !slices.Contains(page.Warnings, "It repeats.") || len(curve.Times) != 500 {
			t.Errorf("page of %q from %q with %q, %v", page.Title, page.Source, page.Warnings, err)
		}
		if !slices.Contains(page.Settings, backtestreport.Setting{Name: "Look-ahead check", Value: "passed; cheap, 6 other futures tried"}) {
			t.Errorf("settings = %+v", page.Settings)
		}
		if !slices.Contains(page.Settings, backtestreport.Setting{Name: "Decides on candles of", Value: "1 h"}) {
			t.Errorf("settings = %+v", page.Settings)
		}
	})
}

// proves PL3: a run that asks for it tries other futures at every entry and exit, and
// that is the second half of its progress.
func TestFullLook(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ada := w.tenant("a", "basic")
		r, err := w.runs.Create(t.Context(), ada, research.CreateInput{
			Pair: demo.XBTMYR, Strategy: "swing", FullLook: true, From: demo.Start().Add(-4 * time.Hour), To: demo.Start(), Parameters: []byte(`{"every":30}`),
		})
		if err != nil || r.Total != 480 {
			t.Fatalf("a run of %d, %v", r.Total, err)
		}
		w.worker("worker")
		got := w.await(r, research.Done)
		kept, err := research.Page(w.part(r, research.PartPage))
		// Seven turns and fifty other places, each with another close and with other prices after it.
		want := backtestreport.Setting{Name: "Look-ahead check", Value: "passed; full, 114 other futures tried"}
		if err != nil || !got.FullLook || got.Done != 480 || !slices.Contains(kept.Page.Settings, want) {
			t.Errorf("%d of %d done, settings = %+v, %v", got.Done, got.Total, kept.Page.Settings, err)
		}
	})
}

// A run longer than is met in minutes says so.
func TestLongRunsMeetLongerCandles(t *testing.T) {
	t.Parallel()
	cfg := research.Request{Interval: time.Hour, From: demo.Start(), To: demo.Start().AddDate(4, 0, 0)}
	if cfg.Detail() != time.Hour || cfg.Candles() != 4*365*24+24 {
		t.Errorf("four years are %d candles of %s", cfg.Candles(), cfg.Detail())
	}
}

// Tenants take turns, and no more runs are at work than the worker takes.
func TestTurns(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		var mu sync.Mutex
		var order []string
		atWork, most := 0, 0
		names := map[string]string{}
		w.set(func(_ context.Context, cfg backtest.Config, _ func(int64)) error {
			mu.Lock()
			order = append(order, names[cfg.Market.Pair+string(cfg.Params)])
			atWork++
			most = max(most, atWork)
			mu.Unlock()
			time.Sleep(30 * time.Millisecond) // so that runs can overlap
			mu.Lock()
			atWork--
			mu.Unlock()
			return nil
		})
		var all []research.Run
		add := func(who string, every string) {
			p := w.tenant(who, "premium")
			r, err := w.runs.Create(t.Context(), p, research.CreateInput{
				Pair: demo.XBTMYR, Strategy: "swing", Parameters: []byte(`{"every":` + every + `}`), From: demo.Start().Add(-time.Hour), To: demo.Start(),
			})
			if err != nil {
				t.Fatal(err)
			}
			names[demo.XBTMYR+`{"every":`+every+`}`] = who + every
			all = append(all, r)
		}
		for _, n := range []string{"1", "2", "3", "4"} {
			add("a", n)
		}
		add("b", "5")
		add("b", "6")
		add("c", "7")
		w.worker("worker", func(c *backtester.Config) { c.AtOnce = 1 })
		for _, r := range all {
			w.await(r, research.Done)
		}
		mu.Lock()
		defer mu.Unlock()
		if got := strings.Join(order, " "); got != "a1 b5 c7 a2 b6 a3 a4" {
			t.Errorf("the turns were %s", got)
		}
		if most != 1 {
			t.Errorf("%d runs were at work at once", most)
		}
	})
}

func TestCancelDropsTheRun(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ada := w.tenant("a", "basic")
		began, ended := make(chan struct{}), make(chan time.Time, 1)
		w.set(func(ctx context.Context, _ backtest.Config, progress func(int64)) error {
			progress(100)
			close(began)
			<-ctx.Done() // a strategy that hangs
			ended <- time.Now()
			return ctx.Err()
		})
		r := w.create(ada)
		w.worker("worker")
		<-began
		w.await(r, research.Running)
		cancelled := time.Now()
		if _, err := w.runs.Cancel(t.Context(), ada, r.ID); err != nil {
			t.Fatal(err)
		}
		if took := (<-ended).Sub(cancelled); took > time.Second {
			t.Errorf("the process was told %s after the cancel", took)
		}
		w.set(nil)
		second := w.create(ada)
		w.await(second, research.Done)
		if now := w.run(r); now.Status != research.Cancelled || now.Reason != "cancelled by you" {
			t.Errorf("the run is %s: %s", now.Status, now.Reason)
		}
	})
}

// A worker that stops gives its runs back, and the next goes on with them; that
// is no attempt.
func TestStopGivesBack(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ada := w.tenant("a", "basic")
		began := make(chan struct{}, 10)
		w.set(func(ctx context.Context, _ backtest.Config, _ func(int64)) error {
			began <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		})
		r := w.create(ada)
		for range 4 {
			b := w.worker("worker")
			<-began
			b.Stop()
			if now := w.run(r); now.Status != research.Queued || now.Attempt != 0 {
				t.Fatalf("after a stop it is %s in attempt %d", now.Status, now.Attempt)
			}
		}
		w.set(nil)
		w.worker("another")
		w.await(r, research.Done)
	})
}

// proves PL5 for backtests: what goes wrong is told in sentences that name the
// strategy, with nothing of the inside.
func TestFailuresAreSentences(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ada := w.tenant("a", "basic")
		w.worker("worker", func(c *backtester.Config) { c.Limit = 300 * time.Millisecond })
		fail := func(err error) work {
			return func(context.Context, backtest.Config, func(int64)) error { return err }
		}
		secret := errors.New("open /etc/secret: permission denied")
		for name, c := range map[string]struct {
			work   work
			outage error
			want   string
		}{
			"the run itself": {fail(&plugin.RunError{Text: "at the candle of noon: the strategy panicked: index out of range"}), nil,
				"The strategy swing ended the run: at the candle of noon: the strategy panicked: index out of range"},
			"a crash":   {fail(&pluginhost.Error{Plugin: "swing", Kind: pluginhost.Crashed, Err: secret}), nil, "The strategy swing failed: its process ended by itself during the run."},
			"garbage":   {fail(&pluginhost.Error{Plugin: "swing", Kind: pluginhost.Garbage, Err: secret}), nil, "The strategy swing answered what cannot be understood."},
			"a hang":    {fail(&pluginhost.Error{Plugin: "swing", Kind: pluginhost.Timeout, Err: secret}), nil, "The strategy swing made no progress for too long and was stopped."},
			"overuse":   {fail(&pluginhost.Error{Plugin: "swing", Kind: pluginhost.Overuse, Err: secret}), nil, "The strategy swing was stopped: it used more of the processor, of memory or of files than a strategy may."},
			"tampering": {fail(&pluginhost.Error{Plugin: "swing", Kind: pluginhost.Tampered, Err: secret}), nil, "The strategy swing was not started: its file is not the one that was approved."},
			"history":   {nil, secret, "The history of XBTMYR could not be read. Try again in a while."},
			"ours":      {fail(secret), nil, "Something went wrong here, which is not your fault"},
			"a panic":   {func(context.Context, backtest.Config, func(int64)) error { panic("boom") }, nil, "Something went wrong here, which is not your fault"},
			"slowness": {func(ctx context.Context, _ backtest.Config, _ func(int64)) error { <-ctx.Done(); return ctx.Err() }, nil,
				"The run took longer than 300ms and was stopped."},
		} {
			w.mu.Lock()
			w.work, w.outage = c.work, c.outage
			w.mu.Unlock()
			r := w.create(ada)
			got := w.await(r, research.Failed)
			if !strings.HasPrefix(got.Reason, c.want) || strings.Contains(got.Reason, "secret") {
				t.Errorf("%s: %s, want %s", name, got.Reason, c.want)
			}
			if w.used("a") != 0 {
				t.Fatalf("%s: the failed run keeps its place", name)
			}
		}
	})
}

// The next start of a worker takes what the dead one left; a run that ends its
// workers again and again is given up.
func TestDeadWorkers(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ctx := t.Context()
		ada := w.tenant("a", "basic")
		r := w.create(ada)
		die := func() {
			t.Helper()
			h, err := w.store.StartHolder(ctx, "worker")
			if err != nil {
				t.Fatal(err)
			}
			l := w.lease(h, r, time.Now().Add(time.Hour))
			if _, err := w.runs.Begin(ctx, l, 3); err != nil {
				t.Fatal(err)
			}
		}
		die()
		next := w.worker("worker") // goes on at once, whatever the lease says
		if now := w.await(r, research.Done); now.Attempt != 2 {
			t.Errorf("it was done in attempt %d", now.Attempt)
		}
		next.Stop()
		r = w.create(w.tenant("b", "basic"))
		for range 3 {
			die()
		}
		w.worker("worker")
		got := w.await(r, research.Failed)
		if !strings.Contains(got.Reason, "ended 3 times") || w.used("b") != 0 {
			t.Errorf("given up with %q, %d places", got.Reason, w.used("b"))
		}
	})
}

// proves T5 for backtests: a worker whose run was taken drops it and writes
// nothing.
func TestLostLease(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ada := w.tenant("a", "basic")
		began, ended := make(chan struct{}), make(chan error, 1)
		w.set(func(ctx context.Context, _ backtest.Config, _ func(int64)) error {
			close(began)
			<-ctx.Done()
			ended <- context.Cause(ctx)
			return ctx.Err()
		})
		r := w.create(ada)
		w.worker("worker")
		<-began
		h, err := w.store.StartHolder(t.Context(), "thief")
		if err != nil {
			t.Fatal(err)
		}
		w.lease(h, r, time.Now().Add(time.Hour), time.Now().Add(time.Minute))
		if cause := <-ended; errs.CodeOf(cause) != "lease_lost" {
			t.Errorf("it ended because of %v", cause)
		}
		if now := w.run(r); now.Status != research.Running || now.Attempt != 1 {
			t.Errorf("the loser left it %s in attempt %d", now.Status, now.Attempt)
		}
	})
}

func TestProgressIsTold(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ada := w.tenant("a", "basic")
		go1 := make(chan struct{})
		w.set(func(_ context.Context, _ backtest.Config, progress func(int64)) error {
			progress(1440)
			<-go1
			return nil
		})
		r := w.create(ada)
		w.worker("worker")
		for deadline := time.Now().Add(30 * time.Second); w.run(r).Done != 1440; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the progress was not noted")
			}
		}
		close(go1)
		w.await(r, research.Done)
		w.mu.Lock()
		defer w.mu.Unlock()
		var told []string
		for _, u := range w.updates {
			told = append(told, u.Type+" "+string(u.Data))
		}
		text := strings.Join(told, "\n")
		if !strings.HasPrefix(text, `status {"done":0`) || !strings.Contains(text, `progress {"done":1440,"percent":50,"total":2880}`) {
			t.Errorf("told:\n%s", text)
		}
	})
}

func TestConfigNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := backtester.New(backtester.Config{AtOnce: -1})
	for _, name := range []string{"History", "Keeper", "Live", "Now", "Plugins", "Queue", "Work", "negative"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}
