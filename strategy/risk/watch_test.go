package risk_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/risk"
)

const (
	hour    = int64(60 * 60 * 1000)
	percent = exchange.RateOne / 100
)

// proves RK1: when a daily loss begins and ends, and that a drawdown outlasts it.
func TestJudge(t *testing.T) {
	t.Parallel()
	type closing struct {
		at     int64 // in hours
		equity exchange.Units
		want   risk.BreakerKind // in force after it
		says   string
	}
	both := risk.Config{MaxDailyLoss: 10 * percent, MaxDrawdown: 20 * percent}
	for name, c := range map[string]struct {
		cfg    risk.Config
		closes []closing
	}{
		"a day begins with the equity of its first moment": {risk.Config{MaxDailyLoss: 10 * percent}, []closing{
			{23, 1_000, "", ""}, {24, 920, "", ""}, {25, 829, "", ""}, {26, 828, risk.DailyLoss, "after 9.2 BBB"}, {47, 800, risk.DailyLoss, ""}, {48, 800, "", "a new UTC day"},
		}},
		"after a gap it begins with the newest that is known": {risk.Config{MaxDailyLoss: 10 * percent}, []closing{
			{20, 950, "", ""}, {30, 856, "", ""}, {31, 855, risk.DailyLoss, "after 9.5 BBB"}, {60, 855, "", "a new UTC day"},
		}},
		"the last moment of a day is of the day": {risk.Config{MaxDailyLoss: 10 * percent}, []closing{
			{24, 900, "", "largest daily loss"}, {25, 811, "", "a new UTC day"}, {26, 810, risk.DailyLoss, "after 9 BBB"},
		}},
		"candles of a day":         {risk.Config{MaxDailyLoss: 10 * percent}, []closing{{24, 950, "", ""}, {48, 856, "", ""}, {72, 700, "", "largest daily loss"}}},
		"a drawdown from the peak": {risk.Config{MaxDrawdown: 20 * percent}, []closing{{1, 1_500, "", ""}, {2, 1_201, "", ""}, {3, 1_200, risk.Drawdown, "after 15 BBB"}, {90, 1_200, risk.Drawdown, ""}}},
		"a drawdown outlasts a daily loss": {both, []closing{
			{1, 900, risk.DailyLoss, "daily loss"}, {2, 800, risk.Drawdown, "drawdown"}, {24, 800, risk.Drawdown, ""}, {48, 800, risk.Drawdown, ""},
		}},
		"no bound": {risk.Config{}, []closing{{1, 1, "", ""}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, w, before := guard(t, c.cfg), &risk.Watch{}, exchange.Units(1_000)
			for _, k := range c.closes {
				said, _ := g.Judge(w, k.at*hour, before, k.equity)
				if got := w.InForce(k.at * hour).Kind; got != k.want || !strings.Contains(said, k.says) || k.says == "" && said != "" {
					t.Fatalf("after %d hours with %d it says %q and %q is in force, want %q and %q", k.at, k.equity, said, got, k.says, k.want)
				}
				before = k.equity
			}
		})
	}
}

// proves RK1: no more orders than allowed are placed in any minute, and as many as
// allowed are.
func TestOrdersOfAnyMinute(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const most = 3
		g, err := risk.NewGuard(risk.Config{MaxOrdersAMinute: most}, market())
		if err != nil {
			t.Fatal(err)
		}
		w, now := &risk.Watch{}, int64(0)
		var placed []int64
		a := risk.Account{Watch: w, View: &strategy.View{Counter: 1_000_000}, Price: 10}
		for range 40 {
			now += rapid.Int64Range(0, 40_000).Draw(t, "later")
			a.Now = now
			within := 0
			for _, at := range placed {
				if at > now-60_000 {
					within++
				}
			}
			_, denied := g.Check(a, strategy.Command{Side: exchange.Buy, Type: exchange.MarketOrder, Volume: 10})
			if (denied != "") != (within >= most) {
				t.Fatalf("with %d orders in the minute before %d it says %q", within, now, denied)
			}
			if denied == "" {
				w.Place(now)
				placed = append(placed, now)
			}
		}
	})
}
