package search_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/plugins/basic/basic"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/search"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

func TestOutcomeIsThatOfTheBacktest(t *testing.T) {
	t.Parallel()
	cfg, series := demo(t, 20_000)
	series.Candles = slices.Delete(series.Candles, 7_000, 8_000)
	for _, c := range []struct{ from, to, points int }{{0, 19_000, 480}, {500, 700, 200}, {6_990, 7_010, 20}, {18_999, 19_000, 1}} {
		from, to := series.Candles[c.from].OpenTime(), time.UnixMilli(series.Candles[c.to-1].Time+1)
		o, err := search.NewLocal(basic.Definition(), cfg, series.Packed()).Run(t.Context(), search.Job{Params: []byte(`{"fast":3,"slow":9}`), From: from, To: to})
		if err != nil {
			t.Fatal(err)
		}
		part := series
		part.Candles = series.Candles[:c.to]
		asked := cfg
		asked.Params = []byte(`{"fast":3,"slow":9}`)
		asked.Begin = from.UnixMilli()
		r, err := backtest.Run(t.Context(), basic.Definition(), asked, part.Source(), nil)
		if err != nil {
			t.Fatal(err)
		}
		stats, err := r.Stats()
		if err != nil {
			t.Fatal(err)
		}
		if o.FinalEquity != r.FinalEquity || o.TotalReturn != stats.TotalReturn || o.Trades != r.Trades.Len() || o.Candles != r.Candles ||
			o.Sharpe.String() != stats.Sharpe.String() || o.MaxDrawdown != r.MaxDrawdown || o.Fees != r.Account.Fees || o.Held.String() != stats.BuyAndHold.String() {
			t.Errorf("%+v: %+v", c, o)
		}
		if len(o.Curve) != c.points+1 || o.Curve[0] != (search.Point{Time: r.From, Equity: cfg.Balance}) {
			t.Fatalf("%+v: %d points, the first %+v", c, len(o.Curve), o.Curve[0])
		}
		n := c.to - c.from
		for p := 1; p <= c.points; p++ {
			i := p*n/c.points - 1
			if want := (search.Point{Time: part.Candles[c.from+i].Time + 60_000, Equity: exchange.Units(r.Equity[i])}); o.Curve[p] != want {
				t.Fatalf("%+v: point %d is %+v, want %+v", c, p, o.Curve[p], want)
			}
		}
	}
	_, err := search.NewLocal(basic.Definition(), cfg, series.Packed()).Run(t.Context(), search.Job{From: time.UnixMilli(1), To: time.UnixMilli(2)})
	if err == nil || !strings.Contains(err.Error(), "no candle") {
		t.Errorf("before the history: %v", err)
	}
}

// Workers in processes of their own give what workers in this one do.
func TestProcessesGiveTheSame(t *testing.T) {
	t.Parallel()
	cfg, series := demo(t, 6_000)
	host, err := pluginhost.New(pluginhost.Config{Sources: []pluginhost.Source{{Name: "basic", Path: strategytest.Build(t, "./plugins/basic")}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(host.Stop)
	remotes := make([]search.Runner, 2)
	for i := range remotes {
		p, err := host.Start(t.Context(), "basic")
		if err != nil {
			t.Fatal(err)
		}
		remotes[i] = search.NewRemote(search.RemoteConfig{Backtester: p, Config: cfg, OfSet: plugin.Refused, Candles: series.Packed()})
	}
	c := search.Config{Method: search.TPE, Trials: 30, Space: crosses(t, "fast=2:30", "slow=31:90", "kind=sma,ema"), Seed: 3}
	c.Runners = remotes
	far := run(t, c)
	c.Runners = locals(2, cfg, series)
	if near := run(t, c); text(near) != text(far) {
		t.Error("processes give another result")
	}
	a, err := remotes[0].Run(t.Context(), search.Job{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Runners[0].Run(t.Context(), search.Job{})
	if err != nil || !reflect.DeepEqual(a, b) {
		t.Errorf("an outcome differs: %v", err)
	}
	from := series.Candles[1_000].OpenTime()
	a, err = remotes[0].Run(t.Context(), search.Job{From: from})
	if err != nil {
		t.Fatal(err)
	}
	if b, err = c.Runners[0].Run(t.Context(), search.Job{From: from}); err != nil || !reflect.DeepEqual(a, b) || a.Short || a.Candles != 5_000 {
		t.Errorf("an outcome of a part differs: %v", err)
	}
}

// A panic of the strategy is the set's fault and not the search's.
func TestAPanicIsTheSetsFault(t *testing.T) {
	t.Parallel()
	cfg, series := demo(t, 100)
	def := strategy.MustDefine(strategy.Info{Name: "touchy", Version: "1.0.0"}, struct {
		X int `param:"x"`
	}{}, func(p struct {
		X int `param:"x"`
	}) strategy.Strategy {
		return panicky{Candles: p.X}
	})
	r := run(t, search.Config{Space: space(t, def.Schema(), "x=0,1"), Runners: []search.Runner{search.NewLocal(def, cfg, series.Packed())}})
	if r.Failed != 1 || !strings.Contains(r.Sets[1].Failed, "the strategy panicked: x is 1") || string(r.Sets[1].Params) != `{"x":1}` {
		t.Errorf("%d failed, the last: %+v", r.Failed, r.Sets[1])
	}
}

type panicky struct{ Candles int }

func (p panicky) OnCandle(*strategy.Bot, exchange.Candle) {
	if p.Candles > 0 {
		panic("x is 1")
	}
}
