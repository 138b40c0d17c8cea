package engine_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/risk"
)

// percent is a hundredth.
const percent = exchange.RateOne / 100

// proves RK1: the trailing stop is below the highest price since the entry, and the path
// inside a candle is the worse one.
func TestTrailingStop(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name    string
		candles []exchange.Candle
		want    []string
	}{
		{"from the entry on", []exchange.Candle{bar(2, 100, 101, 95, 100)}, []string{"sell 10@95"}},
		{"a high before counts", []exchange.Candle{bar(2, 100, 200, 99, 199), bar(3, 195, 196, 185, 186)}, []string{"sell 10@190"}},
		{"a high of the same candle does not", []exchange.Candle{bar(2, 100, 200, 96, 150)}, nil},
		{"it never falls", []exchange.Candle{bar(2, 100, 200, 99, 199), flat(3, 191), flat(4, 190)}, []string{"sell 10@190"}},
		{"a candle that opens below", []exchange.Candle{bar(2, 100, 200, 99, 199), bar(3, 150, 160, 140, 150)}, []string{"sell 10@150"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, terms{risk: risk.Config{TrailingStop: 5 * percent}})
			r.candle(flat(1, 100), buy(10))
			for _, k := range c.candles {
				r.candle(k)
			}
			var sold []string
			for _, f := range r.log.fills[1:] {
				sold = append(sold, f[3:])
			}
			if !slices.Equal(sold, c.want) {
				t.Errorf("sold %v, want %v", sold, c.want)
			}
			if len(c.want) > 0 && !r.log.said(engine.Exit, "trailing stop at") {
				t.Errorf("not said: %v", r.log.decisions)
			}
		})
	}
	t.Run("a resting buy knows no high of its candle but the close", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, terms{risk: risk.Config{TrailingStop: 5 * percent}})
		r.candle(flat(1, 100), limit(exchange.Buy, 90, 10))
		r.candle(bar(2, 100, 200, 89, 100))
		if got := r.session.View().Exits.Stop; got != 95 {
			t.Errorf("the stop is at %d, want 95", got)
		}
	})
	t.Run("a new position begins anew", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, terms{risk: risk.Config{TrailingStop: 5 * percent}, least: 5})
		r.candle(flat(1, 100), buy(10))
		r.candle(flat(2, 200), sell(7)) // what is left is too little to be sold
		r.candle(flat(3, 100), buy(10))
		if r.candle(flat(4, 100)); r.session.View().Exits.Stop != 95 || r.session.View().Base != 13 {
			t.Errorf("the stop is at %d, want 95 with 13 held: %v", r.session.View().Exits.Stop, r.log.fills)
		}
	})
}

// proves RK1: a position is closed at the open that follows its longest time.
func TestTimeExit(t *testing.T) {
	t.Parallel()
	r := newRig(t, terms{risk: risk.Config{MaxHold: 3 * time.Minute}})
	r.candle(flat(1, 100), buy(10))
	r.candle(flat(2, 100))
	r.candle(flat(3, 100), limit(exchange.Sell, 150, 4))
	r.candle(flat(4, 100), sell(6))
	if len(r.log.fills) != 1 || !r.log.said(engine.Denied, "free") {
		t.Fatalf("fills %v, decisions %v", r.log.fills, r.log.decisions)
	}
	r.candle(flat(5, 110))
	if want := []string{"1: buy 10@100", "3: sell 10@110"}; !slices.Equal(r.log.fills, want) || !r.log.said(engine.Exit, "time exit: the position is held since 00:02:00 UTC") {
		t.Errorf("fills %v, want %v; %v", r.log.fills, want, r.log.decisions)
	}
}

// proves RK1: after a protective exit that lost nothing is bought for a while, and after
// one that won it is.
func TestCoolDown(t *testing.T) {
	t.Parallel()
	r := newRig(t, terms{risk: risk.Config{StopLoss: 5 * percent, TakeProfit: 5 * percent, CoolDown: 2 * time.Minute}})
	r.candle(flat(1, 100), buy(10))
	r.candle(flat(2, 100))
	r.candle(flat(3, 110), buy(10)) // the target: it won
	if r.candle(flat(4, 110)); len(r.log.fills) != 3 {
		t.Fatalf("fills %v", r.log.fills)
	}
	r.candle(bar(5, 110, 110, 100, 100), buy(1)) // the stop, at 104
	r.candle(flat(6, 100), buy(1))
	if !r.log.said(engine.Denied, "cool-down after an exit that lost 60 BBB; nothing is bought until 00:08:00 UTC on 1 Jan 1970") || !r.log.said(engine.Protection, "cool-down") {
		t.Fatalf("not said: %v", r.log.decisions)
	}
	r.candle(flat(7, 100), buy(1))
	if r.candle(flat(8, 100)); len(r.log.fills) != 5 || r.log.fills[4] != "7: buy 1@100" {
		t.Errorf("fills %v, want one more after the cool-down", r.log.fills)
	}
}

// proves RK1: the strategy's orders of any minute are counted, the host's are not.
func TestOrderRate(t *testing.T) {
	t.Parallel()
	r := newRig(t, terms{risk: risk.Config{MaxOrdersAMinute: 2, StopLoss: 5 * percent}})
	r.candle(flat(1, 100), buy(1), buy(1), buy(1))
	if !r.log.said(engine.Denied, "2 orders were placed within a minute, which is the most, until 00:03:00 UTC on 1 Jan 1970") {
		t.Fatalf("not said: %v", r.log.decisions)
	}
	r.candle(flat(2, 100))
	r.candle(flat(3, 90), buy(1), buy(1)) // the stop has sold beside
	if r.candle(flat(4, 90)); len(r.log.fills) != 5 {
		t.Errorf("fills %v", r.log.fills)
	}
}

// proves RK1, RK2: a sale that closes a position for the host is not bound by the order
// rate, over all pairs and however often it is refused, and does not count towards it; the
// other bounds hold.
func TestTheHostSellsAtAnyRate(t *testing.T) {
	t.Parallel()
	r := newRig(t, terms{risk: risk.Config{MaxOrdersAMinute: 2, MaxOrders: 4}})
	r.candle(flat(1, 100), buy(10))
	r.candle(flat(2, 100), limit(exchange.Sell, 150, 1), limit(exchange.Sell, 150, 1), sell(1))
	if !r.log.said(engine.Denied, "denied sell: 2 orders were placed within a minute") {
		t.Fatalf("the strategy's sale is not denied: %v", r.log.decisions)
	}
	if err := r.session.CancelAll("it stops"); err != nil {
		t.Fatal(err)
	}
	host := func(volumes ...exchange.Steps) {
		t.Helper()
		for _, v := range volumes {
			if err := r.session.Sell("AAABBB", v, "closed by hand"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if host(11, 11, 11); !r.log.said(engine.Denied, "needs more than the 10 that are free") {
		t.Fatalf("more than is held is sold: %v", r.log.decisions)
	}
	if host(1, 2, 3, 4, 1); len(r.session.View().Orders) != 4 || !r.log.said(engine.Denied, "4 orders are open") {
		t.Fatalf("open are %+v: %v", r.session.View().Orders, r.log.decisions)
	}
	r.candle(flat(3, 90), buy(1))
	if host(1); len(r.log.fills) != 5 || !r.log.said(engine.Denied, "needs more than the 0 that are free") {
		t.Fatalf("the host's sales did not trade: %v; %v", r.log.fills, r.log.decisions)
	}
	r.candle(flat(4, 90))
	host(1) // which counts for nothing
	two := []strategy.Command{buy(1), buy(1)}
	for i := range two {
		two[i].Ref = r.session.View().NextRef + uint64(i)
	}
	if err := r.session.Commands(two); err != nil {
		t.Fatal(err)
	}
	if r.candle(flat(5, 90)); len(r.log.fills) != 9 {
		t.Errorf("the fills are %v: %v", r.log.fills, r.log.decisions)
	}
	if err := r.session.Sell("CCCBBB", 1, "closed by hand"); err == nil {
		t.Error("it sells in a pair that it does not trade")
	}
}

// proves RK1: winding down denies entries and takes open ones back; exits and sales go on.
func TestCloseOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t, terms{risk: risk.Config{StopLoss: 5 * percent}})
	r.candle(flat(1, 100), buy(10), limit(exchange.Buy, 98, 5))
	r.candle(flat(2, 100), limit(exchange.Sell, 200, 1))
	r.session.SetCloseOnly(true)
	if n := len(r.session.View().Orders); n != 1 {
		t.Fatalf("%d orders are open, want the sale alone", n)
	}
	r.candle(flat(3, 98), buy(1), sell(2))
	r.candle(flat(4, 90))
	if want := []string{"1: buy 10@100", "5: sell 2@90", "6: sell 8@90"}; !slices.Equal(r.log.fills, want) || !r.log.said(engine.Denied, "only closes") {
		t.Errorf("fills %v, want %v; %v", r.log.fills, want, r.log.decisions)
	}
	r.session.SetCloseOnly(false)
	r.candle(flat(5, 90), buy(1))
	if r.candle(flat(6, 90)); len(r.log.fills) != 4 {
		t.Errorf("fills %v, want one more", r.log.fills)
	}
	always := newRig(t, terms{risk: risk.Config{CloseOnly: true}})
	always.candle(flat(1, 100), buy(1))
	if always.candle(flat(2, 100)); len(always.log.fills) > 0 {
		t.Errorf("fills %v", always.log.fills)
	}
}

// dayMinute is the number of the candle that closes a UTC day.
const dayMinute = 24*60 - 1

// proves RK1: a daily loss closes and holds back until the next UTC day, fees included.
func TestDailyLoss(t *testing.T) {
	t.Parallel()
	r := newRig(t, terms{balance: 10_000, fees: exchange.Fees{Taker: percent}, risk: risk.Config{MaxDailyLoss: 10 * percent}})
	r.candle(flat(dayMinute-5, 100), buy(50))
	r.candle(flat(dayMinute-4, 100), limit(exchange.Buy, 50, 5)) // 9,950: the fee
	r.candle(flat(dayMinute-3, 82))                              // 9,050
	if got := r.session.Breaker(); got != (risk.Breaker{}) {
		t.Fatalf("at a loss of 9.5 %%: %+v", got)
	}
	r.candle(flat(dayMinute-2, 81), buy(1)) // 9,000
	got := r.session.Breaker()
	if got.Kind != risk.DailyLoss || got.Since != (dayMinute-1)*minute || got.Until != (dayMinute+1)*minute ||
		!strings.Contains(got.Reason, "the largest daily loss of 10 % is reached: the equity is 9,000 BBB, after 10,000 BBB at the beginning") {
		t.Fatalf("the breaker is %+v", got)
	}
	if !r.log.said(engine.Protection, "daily loss") || !r.log.said(engine.Denied, "the equity is 9,000 BBB") || !r.log.said(engine.Denied, "until 00:00:00 UTC on 2 Jan 1970") {
		t.Errorf("not said: %v", r.log.decisions)
	}
	r.candle(flat(dayMinute-1, 80), buy(1))
	if n := len(r.log.fills); n != 2 || r.log.fills[1] != "3: sell 50@80" || len(r.session.View().Orders) != 0 {
		t.Fatalf("fills %v", r.log.fills)
	}
	r.session.ResumeBreaker() // which lifts no daily loss
	if r.session.Breaker().Kind != risk.DailyLoss {
		t.Error("a daily loss was lifted")
	}
	r.candle(flat(dayMinute, 80), buy(1)) // closes with the day
	if r.candle(flat(dayMinute+1, 80)); len(r.log.fills) != 3 {
		t.Errorf("fills %v, want a buy on the next day", r.log.fills)
	}
}

// proves RK1: a daily loss that is reached with the last close of the day closes the position
// and can be told, though it holds back nothing of the next day.
func TestDailyLossAtMidnight(t *testing.T) {
	t.Parallel()
	r := newRig(t, terms{balance: 10_000, risk: risk.Config{MaxDailyLoss: 10 * percent}})
	r.candle(flat(dayMinute-2, 100), buy(100))
	r.candle(flat(dayMinute-1, 100))
	if got := r.session.Reached(); got != (risk.Breaker{}) {
		t.Fatalf("reached is %+v", got)
	}
	r.candle(flat(dayMinute, 90))
	end := int64(dayMinute+1) * minute
	if got := r.session.Reached(); got.Kind != risk.DailyLoss || got.Since != end || got.Until != end || r.session.Breaker() != (risk.Breaker{}) {
		t.Errorf("reached is %+v, in force %+v", got, r.session.Breaker())
	}
	r.candle(flat(dayMinute+1, 90), buy(1))
	if got := r.session.Reached(); got != (risk.Breaker{}) || len(r.log.fills) != 2 {
		t.Errorf("on the next day reached is %+v, and the fills are %v", got, r.log.fills)
	}
}

// proves RK1: a drawdown holds back until somebody resumes the bot; the peak begins anew.
func TestDrawdown(t *testing.T) {
	t.Parallel()
	r := newRig(t, terms{balance: 10_000, risk: risk.Config{MaxDrawdown: 10 * percent, MaxDailyLoss: 50 * percent}})
	r.candle(flat(1, 100), buy(100))
	r.candle(flat(2, 100))
	r.candle(bar(3, 100, 120, 100, 120)) // 12,000
	r.candle(flat(4, 108), buy(1))       // 10,800
	if got := r.session.Breaker(); got.Kind != risk.Drawdown || got.Until != 0 || !strings.Contains(got.Reason, "10,800 BBB, after 12,000 BBB at its highest") {
		t.Fatalf("the breaker is %+v", got)
	}
	r.candle(flat(5, 100), buy(1))
	r.candle(flat(3*(dayMinute+1), 100), buy(1))
	if len(r.log.fills) != 2 || !r.log.said(engine.Denied, "nothing is bought until the bot is resumed") {
		t.Fatalf("fills %v; %v", r.log.fills, r.log.decisions)
	}
	r.session.ResumeBreaker()
	r.candle(flat(3*(dayMinute+1)+1, 100), buy(100))
	if r.candle(flat(3*(dayMinute+1)+2, 100)); len(r.log.fills) != 3 || r.session.Breaker().Kind != "" {
		t.Errorf("fills %v after going on, breaker %+v", r.log.fills, r.session.Breaker())
	}
	r.candle(flat(3*(dayMinute+1)+3, 90))
	if got := r.session.Breaker(); !strings.Contains(got.Reason, "9,000 BBB, after 10,000 BBB") {
		t.Errorf("the breaker is %+v", got)
	}
}

// proves RK1: what warms up does not count.
func TestWarmUpTripsNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, terms{balance: 10_000, risk: risk.Config{MaxDrawdown: percent, MaxDailyLoss: percent, TrailingStop: percent}})
	for at := int64(1); at < 5; at++ {
		c := flat(at, exchange.Ticks(100*at))
		if err := r.session.Past(&c); err != nil {
			t.Fatal(err)
		}
		for r.session.Next() != nil {
			continue
		}
	}
	if w := r.session.State().Watch; w.DayEnd != 0 || w.Peak != 0 {
		t.Errorf("it was judged: %+v", w)
	}
}

// proves PL7, RK3: a state of before there were these bounds goes on, and the exits begin
// with what is known.
func TestOldStateResumes(t *testing.T) {
	t.Parallel()
	old := newRig(t, terms{})
	old.candle(flat(1, 100), buy(10))
	old.candle(flat(2, 120))
	raw, err := json.Marshal(old.session.State())
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil {
		t.Fatal(err)
	}
	delete(fields, "held")
	delete(fields, "watch")
	if raw, err = json.Marshal(fields); err != nil {
		t.Fatal(err)
	}
	var st engine.State
	if err := json.Unmarshal(raw, &st); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, terms{risk: risk.Config{TrailingStop: 10 * percent, MaxDrawdown: 50 * percent}})
	r.venue.Restore(old.venue.State())
	r.session.Restore(st)
	if got := r.session.View().Exits.Stop; got != 108 {
		t.Errorf("the stop is at %d, want 108", got)
	}
	r.candle(flat(3, 119))
	if w := r.session.State().Watch; w.Peak != st.Equity || w.DayEquity != st.Equity {
		t.Errorf("it goes on with %+v, want the equity %d", w, st.Equity)
	}
}

// A position that is sold but for a rest below the least order is closed: the exits that its
// strategy wanted do not sell the next one, however the sale came about.
func TestExitsEndWithTheirPosition(t *testing.T) {
	t.Parallel()
	exits := strategy.Command{Kind: strategy.ExitsCommand, Exits: strategy.Exits{Target: 110}}
	r := newRig(t, terms{least: 10})
	r.candle(flat(1, 100), buy(30))
	r.candle(flat(2, 100), exits, sell(15))
	r.candle(flat(3, 100), sell(10)) // 15 are left, which can be sold
	if v := r.session.View(); v.Base != 15 || v.Exits.Target != 110 {
		t.Fatalf("with %d left the exits are %+v", v.Base, v.Exits)
	}
	r.candle(flat(4, 105), buy(100)) // 5 are left
	if v := r.session.View(); v.Base != 5 || v.Exits != (strategy.Exits{}) {
		t.Fatalf("with %d left the exits are %+v", v.Base, v.Exits)
	}
	r.candle(flat(5, 150))
	r.candle(flat(6, 150))
	if v := r.session.View(); v.Base != 105 {
		t.Errorf("it holds %d, want the new position: %v", v.Base, r.log.fills)
	}
}
