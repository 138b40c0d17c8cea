package marketdata

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/exchange"
)

// proves RK3: one bad print is believed neither at once nor later, whether it is one trade or
// a whole book that was emptied; what the market confirms a second later is.
func TestOneBadPrintIsNotBelieved(t *testing.T) {
	t.Parallel()
	// Each word is a trade, "price@milliseconds", or a book, "bid/ask@milliseconds".
	for name, c := range map[string]struct{ told, want string }{
		"small steps":                        {"1000@0 995@10 1010@20 990@30", "1000 995 1010 990"},
		"one trade":                          {"1000@0 700@100 1000@200 999@5000", "1000 1000 999"},
		"one trade, and the book stays":      {"1000@0 700@100 999/1001@1200 700@2000 999/1001@3100 1000@9000", "1000 1000"},
		"one trade upwards":                  {"1000@0 1400@100 999/1001@1200 1000@1300", "1000 1000"},
		"one order that empties the book":    {"1000@0 995@100 980@100 950@100 900@100 890/1000@100 999/1001@1100 1000@1200", "1000 995 1000"},
		"and it stays empty on its side":     {"1000@0 900@100 890/1000@1200 1000@2000", "1000 1000"},
		"a crash that the book confirms":     {"1000@0 900@100 890/910@500 890/910@1200 905@1300", "1000 910 905"},
		"a crash that another trade does":    {"1000@0 900@100 880@900 890@1100 895@1200", "1000 890 895"},
		"a crash that goes on":               {"1000@0 900@100 800@1100 700@2100", "1000 900 800"},
		"a rise that the book confirms":      {"1000@0 1200@100 1150/1210@1200", "1000 1150"},
		"one bad print after another side's": {"1000@0 900@100 1100@1500 1000@1600", "1000 1000"},
		"a slow fall, a per cent a second":   {"1000@0 990@1000 981@2000 972@3000", "1000 990 981 972"},
		"a per cent a second is not more":    {"1000@0 995@100 989@200 1000@300", "1000 995 1000"},
		"a book of one side tells nothing":   {"1000@0 900@100 890/0@1200 0/910@1300", "1000"},
	} {
		var s sieve
		var got []string
		for _, word := range strings.Fields(c.told) {
			var p exchange.Ticks
			var ok bool
			var price, bid, ask, at int64
			if n, _ := fmt.Sscanf(word, "%d/%d@%d", &bid, &ask, &at); n == 3 {
				p, ok = s.book(exchange.Top{Bid: exchange.Level{Price: exchange.Ticks(bid)}, Ask: exchange.Level{Price: exchange.Ticks(ask)}}, at)
			} else if n, _ := fmt.Sscanf(word, "%d@%d", &price, &at); n == 2 {
				p, ok = s.trade(exchange.Tick{Time: at, Price: exchange.Ticks(price)})
			} else {
				t.Fatalf("%q", word)
			}
			if ok {
				got = append(got, fmt.Sprint(p))
			}
		}
		if got := strings.Join(got, " "); got != c.want {
			t.Errorf("%s: %s is believed as %q, want %q", name, c.told, got, c.want)
		}
	}
}

// proves RK3: a bad print that nobody trades after is no price in the minutes after it either,
// until a trade or the book says the same; what was believed is the price of quiet minutes.
func TestOneBadPrintIsNotBelievedInQuietMinutes(t *testing.T) {
	t.Parallel()
	const minute = 60_000
	top := func(bid, ask exchange.Ticks) exchange.Top {
		return exchange.Top{Bid: exchange.Level{Price: bid}, Ask: exchange.Level{Price: ask}}
	}
	for name, c := range map[string]struct {
		trades []exchange.Tick
		// forgotten is the book a second after them, asked the one at the end of each minute.
		forgotten exchange.Top
		asked     []exchange.Top
		price     exchange.Ticks
		want      []exchange.Ticks
	}{
		"no trade was told of":         {nil, exchange.Top{}, []exchange.Top{{}}, 1000, []exchange.Ticks{0}},
		"a plausible one":              {[]exchange.Tick{{Price: 1000}, {Time: 1, Price: 995}}, exchange.Top{}, []exchange.Top{{}}, 995, []exchange.Ticks{0}},
		"a bad one that was forgotten": {[]exchange.Tick{{Price: 1000}, {Time: 1, Price: 500}}, top(999, 1001), []exchange.Top{top(999, 1001), {}}, 500, []exchange.Ticks{1000, 1000}},
		"one in the minute's last":     {[]exchange.Tick{{Price: 1000}, {Time: 1, Price: 500}}, exchange.Top{}, []exchange.Top{top(999, 1001)}, 500, []exchange.Ticks{1000}},
		"a bad one upwards":            {[]exchange.Tick{{Price: 1000}, {Time: 1, Price: 2000}}, top(999, 1001), []exchange.Top{{}}, 2000, []exchange.Ticks{1000}},
		"a gap that the book confirms": {[]exchange.Tick{{Price: 1000}, {Time: 1, Price: 500}}, top(499, 501), []exchange.Top{{}}, 500, []exchange.Ticks{0}},
		"one that it confirms later":   {[]exchange.Tick{{Price: 1000}, {Time: 1, Price: 500}}, top(999, 1001), []exchange.Top{top(999, 1001), top(499, 501)}, 500, []exchange.Ticks{1000, 0}},
		"one that it confirms in part": {[]exchange.Tick{{Price: 1000}, {Time: 1, Price: 500}}, top(999, 1001), []exchange.Top{top(590, 600), {}}, 500, []exchange.Ticks{600, 600}},
		"a gap that a trade confirms":  {[]exchange.Tick{{Price: 1000}, {Time: 1, Price: 500}, {Time: 1001, Price: 500}}, exchange.Top{}, []exchange.Top{{}}, 500, []exchange.Ticks{0}},
		"a candle of another price":    {[]exchange.Tick{{Price: 1000}, {Time: 1, Price: 500}}, top(999, 1001), []exchange.Top{{}}, 700, []exchange.Ticks{0}},
	} {
		var s sieve
		for _, tick := range c.trades {
			s.trade(tick)
		}
		s.book(c.forgotten, 1001)
		for i, want := range c.want {
			k := exchange.Flat(int64(i+1)*minute, c.price)
			if got := s.quiet(&k, c.asked[i]); got != want {
				t.Errorf("%s: in minute %d %d is believed, want %d", name, i+1, got, want)
			}
		}
		if k := (exchange.Candle{Time: 9 * minute, Open: c.price, High: c.price, Low: c.price, Close: c.price, Volume: 1}); s.quiet(&k, exchange.Top{}) != 0 {
			t.Errorf("%s: a minute with a trade is taken for a quiet one", name)
		}
	}
}
