package pluginhost_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/plugins/basic/basic"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

func basicHost(tb testing.TB) *pluginhost.Host {
	tb.Helper()
	return newHost(tb, pluginhost.Config{Sources: basicSources(tb)})
}

func basicSources(tb testing.TB) []pluginhost.Source {
	tb.Helper()
	return []pluginhost.Source{{Name: "basic", Path: strategytest.Build(tb, "./plugins/basic")}}
}

func sourceOf(candles []exchange.Candle) marketdata.Source { return marketdata.NewSliceSource(candles) }

// proves PL1
func TestBacktestInThePluginIsTheOneInProcess(t *testing.T) {
	t.Parallel()
	host := basicHost(t)
	for _, part := range []struct {
		n, past int
		base    exchange.Steps
		params  string // many trades, which is more than a segment of the memory holds
	}{
		{1, 0, 0, ""}, {29, 0, 5, ""}, {4096, 0, 0, ""}, {4097, 0, 0, ""}, {30_000, 0, 1_000, ""}, {30_000, 9_000, 0, ""},
		{30_000, 29_999, 7, ""}, {200_000, 0, 0, ""}, {5_000, 4_096, 0, ""}, {30, 1, 0, ""}, {60_000, 0, 0, `{"fast":1,"slow":2}`},
	} {
		n := part.n
		cfg, candles := strategytest.Demo(t, n)
		cfg.Base, cfg.Params = part.base, json.RawMessage(part.params)
		if part.past > 0 {
			cfg.Begin = candles[part.past].Time
		}
		want, err := backtest.Run(t.Context(), basic.Definition(), cfg, marketdata.NewSliceSource(candles), nil)
		if err != nil {
			t.Fatal(err)
		}
		var seen []int64
		got, err := host.Backtest(t.Context(), "basic", cfg, marketdata.NewSliceSource(candles), func(done int64) { seen = append(seen, done) })
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Equity, want.Equity) || !reflect.DeepEqual(got.Trades, want.Trades) {
			t.Fatalf("%d candles give %d trades and an equity of %d points, want %d and %d",
				n, got.Trades.Len(), len(got.Equity), want.Trades.Len(), len(want.Equity))
		}
		if a, b := asJSON(t, got), asJSON(t, want); !bytes.Equal(a, b) {
			t.Fatalf("%d candles give\n%s\nwant\n%s", n, a, b)
		}
		var curve []int64
		grown, err := stream(t, host, cfg, candles, func(part []int64) { curve = append(curve, part...) })
		if err != nil {
			t.Fatal(err)
		}
		if grown.Equity != nil || len(curve) != n || !slices.Equal(curve[part.past:], want.Equity) || !bytes.Equal(asJSON(t, grown), asJSON(t, want)) {
			t.Fatalf("%d candles give a curve of %d values while it grows, %d of them at the end", n, len(curve), len(grown.Equity))
		}
		if got.Past != int64(part.past) || len(got.Equity) != n-part.past {
			t.Fatalf("of %d candles %d are of the past, want %d", n, got.Past, part.past)
		}
		if part.params != "" && want.Trades.Len() < 5_000 {
			t.Errorf("there are only %d trades", want.Trades.Len())
		}
		if n == 200_000 && (want.Trades.Len() < 100 || !slices.IsSorted(seen) || len(seen) == 0 || seen[len(seen)-1] != 200_000) {
			t.Errorf("%d trades and the progress %v", want.Trades.Len(), seen)
		}
	}
}

// stream runs a backtest of which the equity curve is taken while it grows.
func stream(t *testing.T, host *pluginhost.Host, cfg backtest.Config, candles []exchange.Candle, equity func([]int64)) (*backtest.Result, error) {
	t.Helper()
	p, err := host.Start(t.Context(), "basic")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	return p.Stream(t.Context(), cfg, marketdata.NewSliceSource(candles), equity)
}

func asJSON(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// stuck is a source that fails, or that never has anything.
type stuck struct{ err error }

func (s stuck) Next(ctx context.Context) ([]exchange.Candle, error) {
	if s.err != nil {
		return nil, s.err
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

// proves PL5: a strategy that takes its time is not taken for one that hangs, also
// when all of its candles are on its side.
func TestSlowBacktestIsNotStuck(t *testing.T) {
	t.Parallel()
	host := newHost(t, pluginhost.Config{Sources: []pluginhost.Source{hostile("serve")}, BacktestStall: 1500 * time.Millisecond})
	cfg, candles := strategytest.Demo(t, 20_000)
	cfg.Params = []byte(`{"at":"steady"}`)
	var seen []int64
	r, err := host.Backtest(t.Context(), "hostile", cfg, marketdata.NewSliceSource(candles), func(done int64) { seen = append(seen, done) })
	if err != nil || r.Candles != 20_000 {
		t.Fatalf("it ends with %v", err)
	}
	if len(seen) < 3 || !slices.IsSorted(seen) || seen[len(seen)-1] != 20_000 {
		t.Errorf("the progress is %v", seen)
	}
}

func TestBacktestsThatFail(t *testing.T) {
	t.Parallel()
	host := newHost(t, pluginhost.Config{Sources: []pluginhost.Source{hostile("serve")}, BacktestStall: 300 * time.Millisecond})
	cfg, candles := strategytest.Demo(t, 100)
	run := func(ctx context.Context, at string, src marketdata.Source) error {
		cfg := cfg
		cfg.Params = []byte(`{"at":"` + at + `"}`)
		_, err := host.Backtest(ctx, "hostile", cfg, src, nil)
		return err
	}
	for at, want := range map[string]string{"nonsense": "at must be one of", "panic": "boom in OnCandle"} {
		var wrong *plugin.RunError
		if err := run(t.Context(), at, marketdata.NewSliceSource(candles)); !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) {
			t.Errorf("a run that shall %s gave %v, want a RunError with %q", at, err, want)
		}
	}
	wantKind(t, run(t.Context(), "exit", marketdata.NewSliceSource(candles)), pluginhost.Crashed, "exit status 3")
	wantKind(t, run(t.Context(), "hang", marketdata.NewSliceSource(candles)), pluginhost.Timeout, "running a backtest")
	if err := run(t.Context(), "nothing", stuck{io.ErrUnexpectedEOF}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a source that fails gave %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := run(ctx, "nothing", stuck{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a source that waits longer than a plugin may gave %v, want the caller's own deadline", err)
	}
}

// BenchmarkBacktest reports candles a second of the bundled strategy over a
// million candles, in process and behind the plugin boundary.
func BenchmarkBacktest(b *testing.B) {
	cfg, candles := strategytest.Demo(b, 1_000_000)
	report := func(b *testing.B) {
		b.Helper()
		b.ReportMetric(float64(b.N)*float64(len(candles))/b.Elapsed().Seconds()/1e6, "Mcandles/s")
	}
	b.Run("process", func(b *testing.B) {
		for b.Loop() {
			if _, err := backtest.Run(b.Context(), basic.Definition(), cfg, marketdata.NewSliceSource(candles), nil); err != nil {
				b.Fatal(err)
			}
		}
		report(b)
	})
	b.Run("plugin", func(b *testing.B) {
		p, err := basicHost(b).Start(b.Context(), "basic")
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := p.Backtest(b.Context(), cfg, marketdata.NewSliceSource(candles), nil); err != nil {
				b.Fatal(err)
			}
		}
		report(b)
	})
	b.Run("plugin with its start", func(b *testing.B) {
		host := basicHost(b)
		for b.Loop() {
			if _, err := host.Backtest(b.Context(), "basic", cfg, marketdata.NewSliceSource(candles), nil); err != nil {
				b.Fatal(err)
			}
		}
		report(b)
	})
}

// proves PL1: runs at once in one process share its memory or go without, and a
// run that was given up leaves nothing behind for the next one.
func TestBacktestsInOneProcess(t *testing.T) {
	t.Parallel()
	process, err := basicHost(t).Start(t.Context(), "basic")
	if err != nil {
		t.Fatal(err)
	}
	cfg, candles := strategytest.Demo(t, 60_000)
	want, err := backtest.Run(t.Context(), basic.Definition(), cfg, marketdata.NewSliceSource(candles), nil)
	if err != nil {
		t.Fatal(err)
	}
	check := func(r *backtest.Result, err error) {
		t.Helper()
		switch {
		case err != nil:
			t.Error(err)
		case !slices.Equal(r.Equity, want.Equity) || !reflect.DeepEqual(r.Trades, want.Trades) || r.FinalEquity != want.FinalEquity:
			t.Errorf("a run has %d trades and ends with %d, want %d and %d", r.Trades.Len(), r.FinalEquity, want.Trades.Len(), want.FinalEquity)
		}
	}
	for range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := process.Backtest(ctx, cfg, marketdata.NewSliceSource(candles), func(int64) { cancel() }); err == nil {
			t.Log("the run was over before it was given up")
		}
		cancel()
		check(process.Backtest(t.Context(), cfg, marketdata.NewSliceSource(candles), nil))
	}
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() { check(process.Backtest(t.Context(), cfg, marketdata.NewSliceSource(candles), nil)) })
	}
	running.Wait()
}

// A process tells for how long a run had stood when it was ended, beside the pauses that
// are usual for it; what the source takes is no pause of the plugin's.
func TestStood(t *testing.T) {
	t.Parallel()
	const stall = 1500 * time.Millisecond
	host := newHost(t, pluginhost.Config{Sources: []pluginhost.Source{hostile("serve")}, BacktestStall: stall})
	run := func(ctx context.Context, at string, n int, src marketdata.Source) (ended, longest time.Duration, err error) {
		t.Helper()
		p, err := host.Start(t.Context(), "hostile")
		if err != nil {
			t.Fatal(err)
		}
		defer p.Stop()
		cfg, candles := strategytest.Demo(t, n)
		cfg.Params = []byte(`{"at":"` + at + `"}`)
		if src == nil {
			src = marketdata.NewSliceSource(candles)
		}
		_, err = p.Backtest(ctx, cfg, src, nil)
		ended, longest = p.Stood()
		return ended, longest, err
	}
	if ended, longest, err := run(t.Context(), "steady", 20_000, nil); err != nil || ended != 0 || longest <= 0 || longest > 2*stall {
		t.Errorf("one that takes its time stood for %s, %s at the most, %v", ended, longest, err)
	}
	ended, longest, err := run(t.Context(), "hang", 100, nil)
	if wantKind(t, err, pluginhost.Timeout, "running a backtest"); ended < stall || longest != 0 {
		t.Errorf("one that hangs stood for %s, %s at the most", ended, longest)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if ended, _, err := run(ctx, "nothing", 100, stuck{}); !errors.Is(err, context.DeadlineExceeded) || ended > time.Second {
		t.Errorf("one whose source waits stood for %s, %v", ended, err)
	}
}
