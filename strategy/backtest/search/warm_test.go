package search_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/search"
	"github.com/lunobot/lunobot/strategy/indicator"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// late follows its mean, but gives no order by the time Mute.
type late struct {
	Params lateParams `json:"-"`
	Mean   *indicator.EMA
}

type lateParams struct {
	Length int `param:"length" label:"Length" validate:"min=1"`
	Mute   int `param:"mute" label:"Mute"`
}

func (l *late) Warmup() int { return 3 * l.Params.Length }

func (l *late) OnCandle(b *strategy.Bot, c exchange.Candle) {
	price := c.Close.Float()
	mean := l.Mean.Update(price)
	switch {
	case b.Now().UnixMilli() <= int64(l.Params.Mute):
	case price > mean && b.Position() == 0:
		b.BuyWith(b.FreeCounter())
	case price < mean:
		b.SellAll()
	}
}

func lateDefinition() strategy.Definition {
	return strategy.MustDefine(strategy.Info{Name: "late", Version: "1.0.0"}, lateParams{Length: 20}, func(p lateParams) strategy.Strategy {
		return &late{Params: p, Mean: indicator.NewEMA(p.Length)}
	})
}

// compared is a runner whose runs are held up against backtests that began earlier.
type compared struct {
	*search.Local
	t    *testing.T
	cfg  backtest.Config
	all  []exchange.Candle
	cold int // how many windows give something else without the past
	runs int
	lag  int // how many runs had less of the past than asked for
}

func (r *compared) Run(ctx context.Context, job search.Job) (search.Outcome, error) {
	params, from, to := job.Params, job.From, job.To
	o, err := r.Local.Run(ctx, job)
	if err != nil {
		return o, err
	}
	var p lateParams
	if err := json.Unmarshal(params, &p); err != nil {
		return o, err
	}
	at := func(t time.Time) int {
		i := slices.IndexFunc(r.all, func(c exchange.Candle) bool { return c.Time >= t.UnixMilli() })
		if i < 0 {
			return len(r.all)
		}
		return i
	}
	run := func(first int, mute int64) *backtest.Result {
		cfg := r.cfg
		cfg.Params = json.RawMessage(fmt.Sprintf(`{"length":%d,"mute":%d}`, p.Length, mute))
		out, err := backtest.Run(ctx, lateDefinition(), cfg, marketdata.NewSliceSource(r.all[first:at(to)]), nil)
		if err != nil {
			r.t.Fatal(err)
		}
		return out
	}
	first := at(from)
	warm := max(0, first-3*p.Length)
	want := run(warm, from.UnixMilli())
	if o.FinalEquity != want.FinalEquity || o.Trades != want.Trades.Len() || o.Fees != want.Account.Fees || o.MaxDrawdown != want.MaxDrawdown ||
		o.Candles != want.Candles-int64(first-warm) || o.Curve[0].Time != from.UnixMilli() {
		r.t.Errorf("the window of %s from %s gives %d with %d trades, and the longer backtest %d with %d", params, from, o.FinalEquity, o.Trades,
			want.FinalEquity, want.Trades.Len())
	}
	r.runs++
	if run(first, 0).FinalEquity != o.FinalEquity {
		r.cold++
	}
	if short := first < 3*p.Length; short != o.Short {
		r.t.Errorf("the window from %s says that its past is short: %v", from, o.Short)
	} else if short {
		r.lag++
	}
	return o, nil
}

// proves PL1: each run of a walk, within a window and after it, is what a backtest
// gives that began earlier and was warmed up the same.
func TestWindowsAreWarmedByTheCandlesBefore(t *testing.T) {
	t.Parallel()
	cfg, series := demo(t, 6_000)
	first := series.Candles[70].OpenTime() // too little for the longest mean
	for _, anchored := range []bool{false, true} {
		r := &compared{Local: search.NewLocal(lateDefinition(), cfg, series.Packed()), t: t, cfg: cfg, all: series.Candles}
		w := walk(t, search.WalkConfig{
			Anchored: anchored, InSample: 24 * time.Hour, OutOfSample: 8 * time.Hour, Search: search.Config{
				Objective: search.Objective{Measure: search.Equity}, Runners: []search.Runner{r}, Space: space(t, lateDefinition().Schema(), "length=10,20,30"),
				From: first, To: first.Add(96 * time.Hour),
			},
		})
		lag := 1
		if anchored {
			lag = len(w.Windows)
		}
		if len(w.Windows) != 9 || r.runs != 9*4 || r.cold < 9*2 || r.lag != lag {
			t.Errorf("%d windows, %d runs, %d of which are others when cold, and %d with less of the past than asked for", len(w.Windows), r.runs, r.cold, r.lag)
		}
		for i, window := range w.Windows {
			if short := window.Best.Values[0] == "30" && (anchored || i == 0); window.Short != short {
				t.Errorf("window %d of %v is short: %v", i, window.Best.Values, window.Short)
			}
		}
	}
}

// elsewhere runs backtests as a process does that was built with an older kit: it
// trades in every candle.
type elsewhere struct{ t *testing.T }

func (elsewhere) Needs(_ context.Context, cfg backtest.Config) (backtest.Needs, error) {
	return backtest.NeedsOf(lateDefinition(), cfg)
}

func (e elsewhere) Stream(ctx context.Context, cfg backtest.Config, src marketdata.Source, equity func(part []int64)) (*backtest.Result, error) {
	if cfg.Begin != 0 {
		e.t.Errorf("it is told when to begin, at %d", cfg.Begin)
	}
	r, err := backtest.Run(ctx, lateDefinition(), cfg, src, nil)
	if err == nil {
		equity(r.Equity)
	}
	return r, err
}

// What cannot warm up is given no candle of the past, and its runs say so.
func TestAColdBacktesterTradesNothingOfThePast(t *testing.T) {
	t.Parallel()
	cfg, series := demo(t, 2_000)
	params, from := json.RawMessage(`{"length":20,"mute":0}`), series.Candles[500].OpenTime()
	o, err := search.NewRemote(search.RemoteConfig{Backtester: elsewhere{t}, Cold: true, Config: cfg, OfSet: plugin.Refused, Candles: series.Packed()}).Run(t.Context(), search.Job{Params: params, From: from})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Params = params
	want, err := backtest.Run(t.Context(), lateDefinition(), cfg, marketdata.NewSliceSource(series.Candles[500:]), nil)
	if err != nil {
		t.Fatal(err)
	}
	if o.FinalEquity != want.FinalEquity || o.Candles != 1_500 || !o.Short {
		t.Errorf("it comes to %d over %d candles, want %d; short %v", o.FinalEquity, o.Candles, want.FinalEquity, o.Short)
	}
}
