package engine_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/risk"
)

// prints are prices of the minute after a candle, a second apart from one on.
func prints(after, second int64, prices ...exchange.Ticks) *engine.Prints {
	from := (after+1)*minute + second*1000
	return &engine.Prints{
		From: from, To: from + int64(len(prices)-1)*1000, Low: slices.Min(prices), High: slices.Max(prices), Last: prices[len(prices)-1],
	}
}

// proves RK1, RK3: between two candles the exits act on the prices that reach them, at these,
// for the same reasons as on a candle, and the strategy hears of it with the next candle.
func TestExitsActBetweenCandles(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		bounds risk.Config
		wanted strategy.Exits
		prints []*engine.Prints
		want   string // the sale, and why
		at     int64  // the second of it
	}{
		{"a stop-loss", risk.Config{StopLoss: 5 * percent}, strategy.Exits{}, []*engine.Prints{prints(2, 1, 96), prints(2, 2, 95)}, "sell 10@95 stop-loss at 95 reached", 2},
		{"a stop of the strategy's", risk.Config{}, strategy.Exits{Stop: 97}, []*engine.Prints{prints(2, 3, 96)}, "sell 10@96 stop-loss at 97 reached", 3},
		{"a market that came back is sold to no better", risk.Config{}, strategy.Exits{Stop: 97}, []*engine.Prints{prints(2, 3, 96, 99)}, "sell 10@97 stop-loss at 97 reached", 4},
		{"a take-profit", risk.Config{TakeProfit: 5 * percent}, strategy.Exits{}, []*engine.Prints{prints(2, 1, 104), prints(2, 9, 107)}, "sell 10@107 take-profit at 105 reached", 9},
		{"the worse one of both", risk.Config{}, strategy.Exits{Stop: 97, Target: 103}, []*engine.Prints{prints(2, 1, 104, 96)}, "sell 10@96 stop-loss at 97 reached", 2},
		{"a trailing stop below the highest price of before", risk.Config{TrailingStop: 5 * percent}, strategy.Exits{}, []*engine.Prints{
			prints(2, 1, 120), {From: 3*minute + 5000, To: 3*minute + 5000, Low: 114, High: 114, Last: 114, Peak: 120, Floor: 120},
		}, "sell 10@114 trailing stop at 114 reached", 5},
		{"a trailing stop knows no order among prices", risk.Config{TrailingStop: 5 * percent}, strategy.Exits{}, []*engine.Prints{prints(2, 1, 120, 114)}, "", 0},
		{"a time exit", risk.Config{MaxHold: 70 * time.Second}, strategy.Exits{}, []*engine.Prints{prints(2, 9, 100), prints(2, 10, 101)}, "sell 10@101 time exit", 10},
		{"nothing that it has not reached", risk.Config{StopLoss: 5 * percent, TakeProfit: 5 * percent}, strategy.Exits{}, []*engine.Prints{prints(2, 1, 96, 104)}, "", 0},
		{"nothing of a minute that was judged", risk.Config{}, strategy.Exits{Stop: 97}, []*engine.Prints{prints(1, 30, 90)}, "", 0},
		{"of prices from before its end only the newest", risk.Config{}, strategy.Exits{Stop: 97}, []*engine.Prints{prints(1, 58, 90, 90, 99)}, "", 0},
		{"nothing on paper after a candle that is missing", risk.Config{}, strategy.Exits{Stop: 97}, []*engine.Prints{prints(3, 1, 90)}, "", 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, terms{risk: c.bounds})
			r.candle(flat(1, 100), buy(10))
			r.candle(flat(2, 100), strategy.Command{Kind: strategy.ExitsCommand, Exits: c.wanted})
			acted := 0
			for _, p := range c.prints {
				if r.session.Reaches(p) {
					acted++
				}
				if alarm := r.session.Alarm(); r.session.Reaches(p) && !alarm.Rings(p.Low, p.High, max(100, p.Peak), p.To) {
					t.Errorf("%+v does not ring at %+v", alarm, p)
				}
				r.session.ProtectBetween(p)
			}
			got := ""
			if len(r.log.fills) > 1 {
				got = r.log.fills[1][3:]
			}
			sale, why, _ := strings.Cut(c.want, " ")
			if c.want != "" {
				volume, rest, _ := strings.Cut(why, " ")
				sale, why = sale+" "+volume, rest
			}
			if got != sale || c.want != "" && (!r.log.said(engine.Exit, why) || acted != 1) {
				t.Fatalf("it %q, want %q: %v", got, c.want, r.log.decisions)
			}
			if c.want == "" {
				return
			}
			if st := r.session.State(); st.Struck != 3*minute+c.at*1000 || st.LastTime != 2*minute || st.Portfolio.Base != 0 || st.Equity != st.Portfolio.Counter {
				t.Errorf("it is %+v", st)
			}
			var heard []string
			k := flat(3, 50) // deep below, and there is nothing left to sell
			if err := r.session.Begin(&k); err != nil {
				t.Fatal(err)
			}
			for ev := r.session.Next(); ev != nil; ev = r.session.Next() {
				heard = append(heard, ev.Kind.String())
			}
			if !slices.Equal(heard, []string{"fill", "order", "candle"}) || len(r.log.fills) != 2 {
				t.Errorf("it hears %v, after %v", heard, r.log.fills)
			}
		})
	}
}

// proves PL4: on paper an order that would have traded by now is left to the candle, which
// knows what came first; one that would not have is taken back for the exit.
func TestOpenOrdersOnPaperWaitForTheCandle(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		order  strategy.Command
		prints engine.Prints
		want   bool
	}{
		"a buy above":            {limit(exchange.Buy, 97, 1), *prints(2, 1, 95), false},
		"a buy below":            {limit(exchange.Buy, 90, 1), *prints(2, 1, 95), true},
		"a buy above one before": {limit(exchange.Buy, 90, 1), engine.Prints{From: 3*minute + 1, To: 3*minute + 1, Low: 95, High: 95, Last: 95, Floor: 90, Peak: 99}, false},
		"a sale above":           {limit(exchange.Sell, 110, 1), *prints(2, 1, 95), true},
		"a sale below one before": {
			limit(exchange.Sell, 103, 1), engine.Prints{From: 3*minute + 1, To: 3*minute + 1, Low: 95, High: 95, Last: 95, Floor: 95, Peak: 103}, false,
		},
		"a buy that trades at the open": {buy(1), *prints(2, 1, 95), false},
	} {
		r := newRig(t, terms{risk: risk.Config{StopLoss: 5 * percent}})
		r.candle(flat(1, 100), buy(10))
		r.candle(flat(2, 100), c.order)
		if got := r.session.Reaches(&c.prints); got != c.want {
			t.Errorf("%s: it acts: %t", name, got)
		}
		if r.session.ProtectBetween(&c.prints); c.want != (r.session.View().Base == 0) || c.want != (len(r.session.View().Orders) == 0) {
			t.Errorf("%s: it is %+v", name, r.session.View())
		}
	}
}

// proves RK3: a price that is not believed closes nothing when its candle comes and raises no
// trailing stop; the strategy hears the candle as it is.
func TestExitsSeeWhatIsBelievedOfACandle(t *testing.T) {
	t.Parallel()
	r := newRig(t, terms{risk: risk.Config{StopLoss: 5 * percent, TakeProfit: 20 * percent, TrailingStop: 4 * percent}})
	r.candle(flat(1, 100), buy(10))
	for at, k := range []exchange.Candle{2: bar(2, 100, 101, 50, 100), 3: bar(3, 100, 200, 99, 200)} {
		if at < 2 {
			continue
		}
		r.session.Believe(k.Within(99, 101))
		if err := r.session.Begin(&k); err != nil {
			t.Fatal(err)
		}
		for ev := r.session.Next(); ev != nil; ev = r.session.Next() {
			if ev.Kind == strategy.CandleEvent && ev.Candle != k {
				t.Errorf("it hears %+v", ev.Candle)
			}
		}
	}
	if v := r.session.View(); v.Base != 10 || v.Exits.Stop != 96 {
		t.Fatalf("it is %+v", v)
	}
	r.candle(bar(4, 100, 100, 96, 100)) // of this one all is believed
	if len(r.log.fills) != 2 || r.log.fills[1] != "2: sell 10@96" {
		t.Errorf("the fills are %v", r.log.fills)
	}
}

// proves RK1, RK3, PL1: a price that is not believed trips no drawdown and no daily loss at its
// candle's close, over a restart of the bot too; a true one does. Orders and the strategy have
// the close as it is.
func TestBreakersSeeWhatIsBelievedOfACandle(t *testing.T) {
	t.Parallel()
	for _, bounds := range []risk.Config{{MaxDrawdown: 20 * percent}, {MaxDailyLoss: 20 * percent}} {
		r := newRig(t, terms{balance: 1_000, risk: bounds})
		r.candle(flat(1, 100), buy(10))
		r.candle(flat(2, 100))
		for at, k := range []exchange.Candle{3: bar(3, 100, 100, 50, 50), 4: flat(4, 50)} {
			if at < 3 {
				continue
			}
			r.session.Believe(k.Within(100, 100))
			r.candle(k)
			r.session.Restore(r.session.State())
			if err := r.session.Hear(); err != nil {
				t.Fatal(err)
			}
			if st := r.session.State(); r.session.Breaker().Kind != "" || len(st.Orders) > 0 || st.Equity != 1_000 || st.MaxDrawdown != 0 || st.LastPrice != 50 || r.session.NewestPrice() != 100 {
				t.Fatalf("%+v: after candle %d it is held back by %+v, in %+v", bounds, at, r.session.Breaker(), st)
			}
		}
		r.candle(flat(5, 80)) // of this one all is believed
		if st := r.session.State(); r.session.Breaker().Kind == "" || len(st.Orders) != 1 || st.Equity != 800 || st.Believed != 0 {
			t.Errorf("%+v: after a true loss it is held back by %+v, in %+v", bounds, r.session.Breaker(), st)
		}
	}
}

// proves RK1, RK3: so it is in each of several pairs, whether the bot's own or another.
func TestBreakersOfSeveralPairsSeeWhatIsBelieved(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"AAABBB", "CCCBBB"} {
		for _, bounds := range []risk.Config{{MaxDrawdown: 20 * percent}, {MaxDailyLoss: 20 * percent}} {
			s := newStall(t, three()[:2], 1_000, exchange.Fees{}, paper.Costs{}, bounds, 0)
			s.step(t, once("candle", buy(5), in("CCCBBB", buy(5))), steps(1, 100, 100)...)
			s.step(t, nil, steps(2, 100, 100)...)
			worth := s.Equity()
			step := steps(3, 100, 100)
			for i := range step {
				if step[i].Pair == bad {
					step[i].Candle = bar(3, 100, 100, 10, 10)
					s.Believe(bad, step[i].Candle.Within(100, 100))
				}
			}
			s.step(t, nil, step...)
			if s.Breaker().Kind != "" || s.Equity() != worth || s.MaxDrawdown() != 0 || s.LastPrice(bad) != 10 || s.NewestPrice(bad) != 100 {
				t.Fatalf("%s, %+v: it is held back by %+v, worth %d of %d", bad, bounds, s.Breaker(), s.Equity(), worth)
			}
			if s.step(t, nil, steps(4, 60, 60)...); s.Breaker().Kind == "" {
				t.Errorf("%s, %+v: a true loss does not hold it back", bad, bounds)
			}
		}
	}
}

// proves RK1, RK3: the exits of each pair act on its own prices, with the cash of all.
func TestExitsOfSeveralPairsActBetweenCandles(t *testing.T) {
	t.Parallel()
	s := newStall(t, three()[:2], 1_000, exchange.Fees{}, paper.Costs{}, risk.Config{StopLoss: 5 * percent}, 0)
	s.step(t, once("candle", buy(4), in("CCCBBB", buy(4))), steps(1, 100, 100)...)
	s.step(t, nil, steps(2, 100, 100)...)
	p := prints(2, 7, 95)
	if s.Alarm("CCCBBB").Stop != 95 || !s.Reaches("CCCBBB", p) || s.Reaches("CCCBBB", prints(2, 7, 96)) || s.Reaches("XXXBBB", p) || s.Alarm("XXXBBB") != (risk.Alarm{}) {
		t.Fatalf("it is armed with %+v", s.Alarm("CCCBBB"))
	}
	for range 2 { // the second time nothing is left
		if err := s.ProtectBetween("CCCBBB", p); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"buy CCCBBB 4@100", "buy AAABBB 4@100", "sell CCCBBB 4@95"}
	if got := s.log.sold(); !slices.Equal(got, want) || s.View().Counter != 599 || s.Equity() != 999 {
		t.Fatalf("the fills are %v, want %v; it is %+v worth %d", got, want, s.View(), s.Equity())
	}
	s.step(t, once("candle", buy(1)), steps(3, 96, 95)...)
	if s.step(t, nil, steps(4, 96, 95)...); len(s.log.fills) != 4 || s.View().Base != 5 {
		t.Errorf("then the fills are %v", s.log.sold())
	}
}

// proves RK3, PL1: whatever the prices, an alarm that does not ring means that nothing is
// reached; nothing is done where nothing is reached; and a state that is written down and
// read again does the same.
func TestAlarmsMissNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		price := rapid.OneOf(rapid.Int64Range(85, 115), rapid.Int64Range(97, 103))
		bounds := risk.Config{
			StopLoss: exchange.Rate(rapid.Int64Range(0, 10).Draw(t, "stop")) * percent, TakeProfit: exchange.Rate(rapid.Int64Range(0, 10).Draw(t, "target")) * percent,
			TrailingStop: exchange.Rate(rapid.Int64Range(0, 10).Draw(t, "trail")) * percent, MaxHold: time.Duration(rapid.Int64Range(0, 200).Draw(t, "hold")) * time.Second,
		}
		r, twin := bought(t, bounds), bought(t, bounds)
		low, high := exchange.Ticks(0), exchange.Ticks(0)
		for second := range int64(15) {
			p := prints(2, second+1, exchange.Ticks(price.Draw(t, "price")))
			p.Floor, p.Peak = low, high
			rings := r.session.Alarm().Rings(p.Low, p.High, p.Peak, p.To)
			before := encoded(t, r.session.State())
			reaches := r.session.Reaches(p)
			if reaches && !rings {
				t.Fatalf("%+v is reached by %+v and does not ring", r.session.Alarm(), p)
			}
			var st engine.State
			if err := json.Unmarshal([]byte(encoded(t, twin.session.State())), &st); err != nil {
				t.Fatal(err)
			}
			twin.session.Restore(st)
			if twin.session.Reaches(p) != reaches {
				t.Fatal("read again it is of another mind")
			}
			r.session.ProtectBetween(p)
			twin.session.ProtectBetween(p)
			after := encoded(t, r.session.State())
			if !reaches && after != before || reaches && r.session.View().Base != 0 || after != encoded(t, twin.session.State()) {
				t.Fatalf("reached: %t; it was %s and is %s, its twin %s", reaches, before, after, encoded(t, twin.session.State()))
			}
			if low, high = p.Low, max(high, p.High); p.Floor > 0 {
				low = min(low, p.Floor)
			}
		}
	})
}

// bought is a rig that holds 10 since the second candle, at 100.
func bought(t *rapid.T, bounds risk.Config) *rig {
	r := newRig(t, terms{risk: bounds})
	r.candle(flat(1, 100), buy(10))
	r.candle(flat(2, 100))
	return r
}

func encoded(t *rapid.T, v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
