package search_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/plugins/rebalance/rebalance"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/search"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

// twin is a run that trades the pair OTHER of the shelf, too.
func twin(t *testing.T, n int) (backtest.Config, marketdata.Series, *shelf) {
	t.Helper()
	cfg, series := demo(t, n)
	market := cfg.Market
	market.Pair, market.Base, market.Tick = "OTHER", "OTH", cfg.Market.Tick.Shift(-1)
	cfg.Pairs = []backtest.Pair{{Market: market}}
	swinging := slices.Clone(series.Candles)
	for i := range swinging {
		if c := &swinging[i]; i/40%2 == 0 {
			c.Open, c.High, c.Low, c.Close = c.Open+c.Open/20, c.High+c.High/20, c.Low+c.Low/20, c.Close+c.Close/20
		}
	}
	return cfg, series, &shelf{candles: swinging}
}

// proves PL1: a run of a search trades the further pairs as a backtest of the same
// candles does, and begins with the same holdings, over the whole history and in a
// warm window, here and in a process of the strategy's own.
func TestRunsTradeFurtherPairs(t *testing.T) {
	t.Parallel()
	cfg, series, lib := twin(t, 3_000)
	cfg.Base, cfg.Pairs[0].Base = 20_000, 3_000_000
	others, err := lib.Candles(t.Context(), "OTHER")
	if err != nil {
		t.Fatal(err)
	}
	def := rebalance.Definition()
	host, err := pluginhost.New(pluginhost.Config{Sources: []pluginhost.Source{{Name: "rebalance", Path: strategytest.Build(t, "./plugins/rebalance")}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(host.Stop)
	process, err := host.Start(t.Context(), "rebalance")
	if err != nil {
		t.Fatal(err)
	}
	runners := map[string]search.Runner{
		"local":  search.NewLocal(def, cfg, series.Packed()).With(lib),
		"remote": search.NewRemote(search.RemoteConfig{Backtester: process, Candles: series.Packed(), Config: cfg, Library: lib, OfSet: plugin.Refused}),
	}
	params := json.RawMessage(`{"weight":"60","band":"0.5"}`)
	for _, first := range []int{0, 1_000} {
		want, from := cfg, time.Time{}
		want.Params = params
		if first > 0 {
			from, want.Begin = series.Candles[first].OpenTime(), series.Candles[first].Time
		}
		r, err := backtest.Run(t.Context(), def, want, &backtest.Feed{
			Source: series.Source(), Pairs: []backtest.PairSource{{Pair: "OTHER", Source: others.Source()}},
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, runner := range runners {
			o, err := runner.Run(t.Context(), search.Job{Params: params, From: from})
			if err != nil {
				t.Fatal(name, err)
			}
			if o.Curve[0].Equity != r.Initial() || r.Initial() <= cfg.Balance {
				t.Errorf("%s from %d: it begins with %d, want %d", name, first, o.Curve[0].Equity, r.Initial())
			}
			if o.FinalEquity != r.FinalEquity || o.Fees != r.Fees() || o.Trades != r.Trades.Len() || o.Trades < 20 || r.Pairs[0].Account.Trades == 0 {
				t.Errorf("%s from %d: %d with %d trades, want %d with %d", name, first, o.FinalEquity, o.Trades, r.FinalEquity, r.Trades.Len())
			}
		}
	}
}

// proves PL1: a walk of two pairs gives the same with one worker and with two, with
// windows in which the further pair has no candle yet, too.
func TestAWalkOfTwoPairs(t *testing.T) {
	t.Parallel()
	cfg, series, lib := twin(t, 6_000)
	lib.from = 2_500
	def := rebalance.Definition()
	var walks []*search.Walk
	for _, workers := range []int{1, 2} {
		task := search.Config{Objective: search.Objective{Measure: search.Equity}, Space: space(t, def.Schema(), "band=0.2:1:0.2"), From: series.Candles[0].OpenTime(), To: series.Candles[5_999].OpenTime().Add(time.Minute)}
		for range workers {
			task.Runners = append(task.Runners, search.NewLocal(def, cfg, series.Packed()).With(lib))
		}
		w, err := search.WalkForward(t.Context(), search.WalkConfig{InSample: 1_000 * time.Minute, OutOfSample: 500 * time.Minute, Search: task})
		if err != nil {
			t.Fatal(err)
		}
		walks = append(walks, w)
	}
	if a, b := fmt.Sprintf("%+v", walks[0].Curve), fmt.Sprintf("%+v", walks[1].Curve); a != b || !reflect.DeepEqual(walks[0].Axes, walks[1].Axes) || walks[0].Trades < 10 {
		t.Errorf("two workers give another walk, of %d trades and %d", walks[1].Trades, walks[0].Trades)
	}
}

// proves PL4: each window of a walk begins with the holdings, at what they are worth
// then, whether there is a candle at that time or not.
func TestAWalkWithHoldings(t *testing.T) {
	t.Parallel()
	cfg, series, lib := twin(t, 3_000)
	cfg.Balance, cfg.Base, cfg.Pairs[0].Base = 0, 20_000, 3_000_000
	def := rebalance.Definition()
	walk := func() (*search.Walk, error) {
		task := search.Config{
			Objective: search.Objective{Measure: search.Equity}, Space: space(t, def.Schema(), "band=0.5,100"), From: series.Candles[0].OpenTime(),
			To: series.Candles[2_999].OpenTime().Add(time.Minute), Runners: []search.Runner{search.NewLocal(def, cfg, series.Packed()).With(lib)},
		}
		return search.WalkForward(t.Context(), search.WalkConfig{InSample: 1_000 * time.Minute, OutOfSample: 500 * time.Minute, Search: task})
	}
	w, err := walk()
	if err != nil {
		t.Fatal(err)
	}
	others, err := lib.Candles(t.Context(), "OTHER")
	if err != nil {
		t.Fatal(err)
	}
	if want := cfg.Initial(series.Candles[1_000].Open, others.At(1_000).Open); w.Initial != want || want <= 0 || len(w.Windows) != 4 {
		t.Errorf("%d windows begin with %d, want %d", len(w.Windows), w.Initial, want)
	}
	// What has no candle when a window begins is worth what the last one before said.
	lib.hole = series.Candles[1_000].Time
	if w, err = walk(); err != nil {
		t.Fatal(err)
	}
	if want := cfg.Initial(series.Candles[1_000].Open, others.At(999).Close); w.Initial != want {
		t.Errorf("with a hole there it begins with %d, want %d", w.Initial, want)
	}
}

// proves PL4: between the ends of its windows a walk of two pairs tells what holding was
// worth and what the account held as a backtest of the same candles does, also while the
// further pair has no candle yet, and here as in a process of the strategy's own.
func TestAWalkTellsWhatWasHeld(t *testing.T) {
	t.Parallel()
	cfg, series, lib := twin(t, 3_000)
	lib.from = 1_620 // within the second window that is traded
	def := rebalance.Definition()
	host, err := pluginhost.New(pluginhost.Config{Sources: []pluginhost.Source{{Name: "rebalance", Path: strategytest.Build(t, "./plugins/rebalance")}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(host.Stop)
	process, err := host.Start(t.Context(), "rebalance")
	if err != nil {
		t.Fatal(err)
	}
	others, err := lib.Candles(t.Context(), "OTHER")
	if err != nil {
		t.Fatal(err)
	}
	for name, runner := range map[string]search.Runner{
		"local":  search.NewLocal(def, cfg, series.Packed()).With(lib),
		"remote": search.NewRemote(search.RemoteConfig{Backtester: process, Candles: series.Packed(), Config: cfg, Library: lib, OfSet: plugin.Refused}),
	} {
		w, err := search.WalkForward(t.Context(), search.WalkConfig{InSample: 1_000 * time.Minute, OutOfSample: 500 * time.Minute, Search: search.Config{
			Objective: search.Objective{Measure: search.Equity}, Space: space(t, def.Schema(), "band=0.2,1"), From: series.Candles[0].OpenTime(),
			To: series.Candles[2_999].OpenTime().Add(time.Minute), Runners: []search.Runner{runner},
		}})
		if err != nil {
			t.Fatal(name, err)
		}
		if last := w.Curve[len(w.Curve)-1]; math.Abs(last.Held-1-w.Held.Float()) > 1e-7 {
			t.Errorf("%s: holding ends at %v, want %v", name, last.Held, 1+w.Held)
		}
		before, value, held, swung := 1.0, 1.0, 0, 0.0
		for _, window := range w.Windows {
			want := cfg
			want.Params, want.Begin = window.Best.Params, window.To.UnixMilli()
			part := series.Candles[:(window.End.UnixMilli()-series.Candles[0].Time)/60_000]
			r, err := backtest.Run(t.Context(), def, want, &backtest.Feed{
				Source: marketdata.NewSliceSource(part), Pairs: []backtest.PairSource{{Pair: "OTHER", Source: others.Source()}},
			}, nil)
			if err != nil {
				t.Fatal(name, err)
			}
			holding := r.Holding()
			for _, p := range w.Curve {
				i := int((p.Time-r.From)/60_000) - 1 // the candle that closes then
				if i < 0 || i >= len(r.Equity) {
					continue
				}
				prices := []exchange.Ticks{series.Candles[int(r.Past)+i].Close, 0}
				if n := others.Index(p.Time); n > 0 && r.Pairs[0].FirstPrice > 0 && others.Time(n-1) >= r.From {
					prices[1] = others.At(n - 1).Close
				}
				value = before * float64(holding.Worth(prices...)) / float64(r.Initial())
				if math.Abs(p.Held-value) > 1e-7 {
					t.Fatalf("%s: holding was worth %v at %d, want %v", name, p.Held, p.Time, value)
				}
				swung = max(swung, math.Abs(p.Held-1))
				at := slices.IndexFunc(r.Exposures, func(e backtest.Exposure) bool { return e.Index > i })
				if at < 0 {
					at = len(r.Exposures)
				}
				e := r.Exposures[max(0, at-1)]
				for leg, part := range p.Parts {
					if at > 0 && math.Abs(part-float64(e.Worth[leg])/float64(r.Equity[e.Index])) > 1e-7 {
						t.Fatalf("%s: pair %d is %v of the account at %d, want %d of %d", name, leg, part, p.Time, e.Worth[leg], r.Equity[e.Index])
					}
					if part > 0.2 {
						held++
					}
				}
			}
			before = value
		}
		if len(w.Windows) != 4 || held < 500 || swung < 0.01 {
			t.Errorf("%s: %d windows, held %d times, holding swung by %v: it proves little", name, len(w.Windows), held, swung)
		}
	}
}

// A further pair of which there is nothing at all ends the search and is named.
func TestAFurtherPairWithoutCandles(t *testing.T) {
	t.Parallel()
	cfg, series, lib := twin(t, 100)
	cfg.Pairs[0].Market.Pair = "NONE"
	_, err := search.NewLocal(rebalance.Definition(), cfg, series.Packed()).With(lib).Run(t.Context(), search.Job{})
	var lacks *backtest.LackError
	if !errors.As(err, &lacks) || lacks.Pair != "NONE" {
		t.Errorf("it says %v", err)
	}
}
