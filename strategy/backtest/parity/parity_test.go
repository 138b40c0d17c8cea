package parity_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/plugins/basic/basic"
	"github.com/lunobot/lunobot/plugins/bollinger/bollinger"
	"github.com/lunobot/lunobot/plugins/breakout/breakout"
	"github.com/lunobot/lunobot/plugins/dca/dca"
	"github.com/lunobot/lunobot/plugins/grid/grid"
	"github.com/lunobot/lunobot/plugins/macd/macd"
	"github.com/lunobot/lunobot/plugins/marketmaker/marketmaker"
	"github.com/lunobot/lunobot/plugins/rebalance/rebalance"
	"github.com/lunobot/lunobot/plugins/rsi/rsi"
	"github.com/lunobot/lunobot/plugins/rules/rules"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

func bundled() []strategy.Definition {
	return []strategy.Definition{
		basic.Definition(), bollinger.Definition(), breakout.Definition(), dca.Definition(), grid.Definition(), macd.Definition(),
		marketmaker.Definition(), rebalance.Definition(), rsi.Definition(), rules.Definition(),
	}
}

// proves PL2: what each bundled strategy saw on the demo market, on short and on
// longer candles, gives the same again, whatever restarts lay in between.
func TestBundledStrategiesAreIdentical(t *testing.T) {
	t.Parallel()
	_, candles := strategytest.Demo(t, 3_000)
	for _, def := range bundled() {
		for _, decide := range []time.Duration{time.Minute, 5 * time.Minute} {
			t.Run(fmt.Sprintf("%s on %s", def.Info().Name, decide), func(t *testing.T) {
				t.Parallel()
				on := terms(t, def)
				on.Decide, on.Risk.StopLoss, on.Risk.TrailingStop, on.Risk.MaxHold = decide, 2_000_000, 3_000_000, 8*time.Hour
				on.Risk.CoolDown, on.Risk.MaxDailyLoss, on.Risk.MaxOrdersAMinute = 20*time.Minute, 20_000_000, 5
				w := begin(t, def, on, candles[0])
				for i, c := range candles[1:] {
					w.candle(c)
					if i%97 == 50 {
						w.restart()
					}
				}
				w.point()
				in := w.input(candles)
				in.History = candles
				r := check(t, in)
				if r.Difference != nil {
					t.Fatal(r.Difference.Describe())
				}
				if r.Candles != 2_999 || r.Restarts < 20 || r.Changed != 0 || !r.To.Equal(candles[2_999].OpenTime().Add(time.Minute)) {
					t.Errorf("%+v", r)
				}
				if def.Info().Name != "dca" && r.Acts == 0 {
					t.Error("nothing was done, so nothing was shown")
				}
			})
		}
	}
}

// whim is a strategy for faults: it buys and sells in turns.
type whim struct {
	Params whimParams `json:"-"`
	N      int
	// Odd, if set, says at which candles it does nothing, which its state does not
	// hold.
	Odd func(n int) bool `json:"-"`
}

type whimParams struct {
	Every int `param:"every" label:"Every" default:"10" min:"1" max:"100"`
}

func (w *whim) OnCandle(b *strategy.Bot, c exchange.Candle) {
	w.N++
	b.Note("candle %d closed at %v", w.N, c.Close)
	if w.N%w.Params.Every != 0 || w.Odd != nil && w.Odd(w.N) {
		return
	}
	if b.Position() > 0 {
		b.SellAll()
		return
	}
	b.BuyWith(b.FreeCounter() / 2)
}

func (w *whim) OnSignal(b *strategy.Bot, s strategy.Signal) {
	b.Note("told %s", s.Text)
	b.SellAll()
}

func whims(version string, odd func(n int) bool) strategy.Definition {
	return strategy.MustDefine(strategy.Info{Name: "whim", Version: version}, whimParams{Every: 10}, func(p whimParams) strategy.Strategy {
		return &whim{Params: p, Odd: odd}
	})
}

// recorded is a bot of whims that ran over the demo market.
func recorded(t *testing.T, def strategy.Definition, change func(i int, c exchange.Candle) exchange.Candle) (*worker, []exchange.Candle) {
	t.Helper()
	_, candles := strategytest.Demo(t, 301)
	w := begin(t, def, terms(t, def), candles[0])
	seen := []exchange.Candle{}
	for i, c := range candles[1:] {
		if change != nil {
			c = change(i, c)
		}
		seen = append(seen, c)
		w.candle(c)
	}
	w.point()
	return w, seen
}

func want(t *testing.T, r parity.Report, cause parity.Cause, texts ...string) {
	t.Helper()
	if r.Difference == nil || r.Difference.Cause != cause {
		t.Fatalf("%+v, want a difference of cause %s", r.Difference, cause)
	}
	for _, text := range texts {
		if said := r.Difference.Describe(); !strings.Contains(said, text) {
			t.Errorf("%q does not say %q", said, text)
		}
	}
}

// proves PL2: each cause, provoked once, is named with the first difference.
func TestCausesAreNamed(t *testing.T) {
	t.Parallel()
	steady := whims("1.0.0", nil)
	t.Run("nothing", func(t *testing.T) {
		t.Parallel()
		w, seen := recorded(t, steady, nil)
		if r := check(t, w.input(seen)); r.Difference != nil || r.Candles != 300 || r.Acts < 60 || r.Restarts != 0 {
			t.Errorf("%+v", r)
		}
	})
	t.Run("other candles are kept", func(t *testing.T) {
		t.Parallel()
		w, seen := recorded(t, steady, nil)
		seen[144].Close++
		r := check(t, w.input(seen))
		want(t, r, parity.Data, "other candles")
		if r.Candles != 141 { // the order of candle 140 filled in the next
			t.Errorf("%d candles", r.Candles)
		}
	})
	t.Run("a candle is not kept", func(t *testing.T) {
		t.Parallel()
		w, seen := recorded(t, steady, nil)
		want(t, check(t, w.input(append(seen[:200:200], seen[201:]...))), parity.Data, "not kept", clock(seen[200]))
	})
	t.Run("another bot saw another candle", func(t *testing.T) {
		t.Parallel()
		w, seen := recorded(t, steady, nil)
		other := seen[144]
		other.Close++
		kept := append(seen[:144:144], append([]exchange.Candle{other}, seen[144:]...)...)
		if r := check(t, w.input(kept)); r.Difference != nil || r.Candles != 300 {
			t.Errorf("%+v", r)
		}
	})
	t.Run("another version", func(t *testing.T) {
		t.Parallel()
		w, seen := recorded(t, steady, nil)
		in := w.input(seen)
		in.Version, in.Open = "2.0.0", parity.Local(whims("2.0.0", func(n int) bool { return n == 100 }))
		want(t, check(t, in), parity.Version, "1.0.0", "2.0.0", clock(seen[99]))
	})
	t.Run("other parameters", func(t *testing.T) {
		t.Parallel()
		w, seen := recorded(t, steady, nil)
		in := w.input(seen)
		in.Baseline.Params = json.RawMessage(`{"every":20}`)
		want(t, check(t, in), parity.Unsteady, "the bot did more", clock(seen[9]))
		if changed := w.base.Changes(in.Baseline.Terms); len(changed) != 1 || !strings.Contains(changed[0], `{"every":20}`) {
			t.Errorf("%q", changed)
		}
	})
	t.Run("another answer of the venue", func(t *testing.T) {
		t.Parallel()
		w, seen := recorded(t, steady, nil)
		in := w.input(seen)
		in.Baseline.Fees.Taker *= 2
		want(t, check(t, in), parity.Venue, "fee", clock(seen[10]))
	})
	t.Run("a strategy that does not always decide alike", func(t *testing.T) {
		t.Parallel()
		calls := 0 // 30 of the bot, the next of the first replay
		def := whims("1.0.0", func(int) bool { calls++; return calls == 31 })
		w, seen := recorded(t, def, nil)
		want(t, check(t, w.input(seen)), parity.Unsteady, "does not always decide alike")
	})
	t.Run("a strategy that looks at something else", func(t *testing.T) {
		t.Parallel()
		live := true
		def := whims("1.0.0", func(n int) bool { return live && n == 50 })
		w, seen := recorded(t, def, nil)
		live = false
		want(t, check(t, w.input(seen)), parity.Unsteady, "such as the clock", "the replay did more", clock(seen[49]))
	})
	t.Run("only the words differ", func(t *testing.T) {
		t.Parallel()
		w, seen := recorded(t, steady, nil)
		for i := range w.points {
			w.points[i].Said++
		}
		want(t, check(t, w.input(seen)), parity.Unsteady, "explained")
	})
	t.Run("a candle that came too late", func(t *testing.T) {
		t.Parallel()
		_, all := strategytest.Demo(t, 301)
		// Without the trades of one minute in which an order fills, of which the bot
		// did not know.
		late := 10
		for all[late].Close == all[late+1].Open {
			late += 10
		}
		w, seen := recorded(t, steady, func(i int, c exchange.Candle) exchange.Candle {
			if i == late {
				return exchange.Flat(c.Time, all[i].Close)
			}
			return c
		})
		in := w.input(seen)
		in.History = all
		r := check(t, in)
		want(t, r, parity.Late, "too late", clock(seen[late]), "is identical")
		if r.Changed != 1 || !r.ChangedFrom.Equal(seen[late].OpenTime()) || r.Candles != 300 {
			t.Errorf("%+v", r)
		}
	})
	t.Run("a history that was corrected where it does not matter", func(t *testing.T) {
		t.Parallel()
		w, seen := recorded(t, steady, nil)
		in := w.input(seen)
		in.History = append([]exchange.Candle(nil), seen...)
		in.History[3].Volume++
		if r := check(t, in); r.Difference != nil || r.Changed != 1 {
			t.Errorf("%+v", r)
		}
	})
	t.Run("a replay that fails", func(t *testing.T) {
		t.Parallel()
		w, seen := recorded(t, steady, nil)
		in := w.input(seen)
		in.Open = parity.Local(whims("1.0.0", func(n int) bool {
			if n == 120 {
				panic("out of order")
			}
			return false
		}))
		want(t, check(t, in), parity.Engine, "out of order")
	})
}

func clock(c exchange.Candle) string {
	return c.OpenTime().Add(time.Minute).Format("2006-01-02 15:04")
}

// A pause of the worker and a restart are told, and are no fault.
func TestPausesAreNoFaults(t *testing.T) {
	t.Parallel()
	def := whims("1.0.0", nil)
	_, candles := strategytest.Demo(t, 200)
	w := begin(t, def, terms(t, def), candles[0])
	for i, c := range candles[1:] {
		if i == 100 {
			w.restart()
		}
		if i >= 100 && i < 120 {
			w.tape.Late(int64(120-i) * 60_000)
		}
		w.candle(c)
	}
	w.point()
	r := check(t, w.input(candles))
	if r.Difference != nil || r.Restarts != 1 || r.LateCandles < 18 || r.LateCandles > 25 || r.Latest != 20*time.Minute {
		t.Errorf("%+v", r)
	}
}

// Messages from outside are on the tape, and are told again, however many come
// with one candle.
func TestSignalsAreReplayed(t *testing.T) {
	t.Parallel()
	def := whims("1.0.0", nil)
	_, candles := strategytest.Demo(t, 100)
	w := begin(t, def, terms(t, def), candles[0])
	for i, c := range candles[1:] {
		if i%17 == 0 {
			if err := w.session.Signal(strategy.Signal{ID: fmt.Sprint(i), Text: "sell"}); err != nil {
				t.Fatal(err)
			}
		}
		if i == 50 { // more than a point holds of other acts
			for k := range parity.MaxActs + 50 {
				if err := w.session.Signal(strategy.Signal{ID: fmt.Sprint("flood ", k), Text: "sell"}); err != nil {
					t.Fatal(err)
				}
			}
		}
		w.candle(c)
	}
	w.point()
	if r := check(t, w.input(candles)); r.Difference != nil || r.Acts < parity.MaxActs+50 {
		t.Errorf("%+v", r)
	}
}

func TestReplaysEnd(t *testing.T) {
	t.Parallel()
	w, seen := recorded(t, whims("1.0.0", nil), nil)
	ctx, cancel := context.WithCancel(t.Context())
	in := w.input(seen)
	in.Progress = func(done int64) {
		if done > 100 {
			cancel()
		}
	}
	in.Open = func(ctx context.Context, b parity.Baseline) (parity.Strategy, error) {
		s, err := parity.Local(w.def)(ctx, b)
		return deaf{s}, err
	}
	if _, err := parity.Check(ctx, in); err == nil {
		t.Error("a replay went on after the end of its context")
	}
	if _, err := parity.Check(t.Context(), parity.Input{Points: w.points}); err == nil {
		t.Error("a replay without a strategy")
	}
	if r := check(t, parity.Input{Open: parity.Local(w.def)}); r.Candles != 0 || r.Difference != nil {
		t.Errorf("%+v", r)
	}
}

// deaf is a strategy whose process ends with the context.
type deaf struct{ parity.Strategy }

func (d deaf) Deliver(ctx context.Context, v *strategy.View, ev *strategy.Event) ([]strategy.Command, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return d.Strategy.Deliver(ctx, v, ev)
}
