package journal_test

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/journal"
)

func market() exchange.Market {
	return exchange.Market{Pair: "XBTMYR", Base: "XBT", Counter: "MYR", Tick: dec("1"), Step: dec("0.0001"), MinVolume: 1, Status: exchange.MarketActive}
}

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func submitted(volume string) journal.LiveOrder {
	return journal.LiveOrder{Order: journal.Order{ClientID: "lb.i.b.1.1", Number: 1, Side: "buy", Volume: dec(volume), State: journal.Submitted, Reason: "why"}}
}

// proves T4: a venue's "complete" is no state; the volumes say which one it is.
func TestHear(t *testing.T) {
	t.Parallel()
	m, asked := market(), time.UnixMilli(1)
	cases := map[string]struct {
		order  journal.LiveOrder
		told   exchange.Order
		state  journal.OrderState
		reason string
	}{
		"only an id":              {submitted("0.001"), exchange.Order{ID: "BX1"}, journal.Open, "why"},
		"not in the book yet":     {submitted("0.001"), exchange.Order{ID: "BX1", Status: exchange.Pending}, journal.Open, "why"},
		"a part":                  {submitted("0.001"), exchange.Order{Status: exchange.Open, Filled: 4}, journal.PartiallyFilled, "why"},
		"all":                     {submitted("0.001"), exchange.Order{Status: exchange.Complete, Filled: 10}, journal.Filled, "why"},
		"complete with nothing":   {submitted("0.001"), exchange.Order{Status: exchange.Complete}, journal.Cancelled, "the venue took the rest back"},
		"complete with a part":    {submitted("0.001"), exchange.Order{Status: exchange.Complete, Filled: 4}, journal.Cancelled, "the venue took the rest back"},
		"by value, bought":        {submitted("0"), exchange.Order{Status: exchange.Complete, Filled: 4}, journal.Filled, "why"},
		"by value, nothing":       {submitted("0"), exchange.Order{Status: exchange.Complete}, journal.Cancelled, "the venue took the rest back"},
		"filled before a cancel":  {wanted(submitted("0.001"), asked), exchange.Order{Status: exchange.Complete, Filled: 10}, journal.Filled, "enough"},
		"cancelled":               {wanted(submitted("0.001"), asked), exchange.Order{Status: exchange.Complete, Filled: 3}, journal.Cancelled, "enough"},
		"cancel not done":         {wanted(submitted("0.001"), asked), exchange.Order{Status: exchange.Open}, journal.Open, "enough"},
		"late news of a dead one": {in(submitted("0.001"), journal.Filled), exchange.Order{Status: exchange.Open}, journal.Filled, "why"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := c.order.Hear(m, c.told); got.State != c.state || got.Reason != c.reason {
				t.Errorf("%s, %q; want %s, %q", got.State, got.Reason, c.state, c.reason)
			}
		})
	}
}

func wanted(o journal.LiveOrder, at time.Time) journal.LiveOrder {
	o.CancelAsked, o.Reason = at, "enough"
	return o
}

func in(o journal.LiveOrder, s journal.OrderState) journal.LiveOrder {
	o.State = s
	return o
}

// proves T7: whatever order news and fills come in, and however often news does,
// the order and the book end the same.
func TestNewsInAnyOrder(t *testing.T) {
	t.Parallel()
	m := market()
	rapid.Check(t, func(t *rapid.T) {
		const volume = 20
		var fills []journal.LiveFill
		var news []exchange.Order
		left := exchange.Steps(volume)
		cancelled := rapid.Bool().Draw(t, "cancelled")
		news = append(news, exchange.Order{ID: "BX1", Status: exchange.Pending})
		for left > 0 && (!cancelled || len(fills) < 2) {
			v := exchange.Steps(rapid.IntRange(1, int(left)).Draw(t, "volume"))
			left -= v
			price := exchange.Ticks(rapid.IntRange(1, 1000).Draw(t, "price"))
			fills = append(fills, journal.LiveFill{Order: 1, Pair: m.Pair, Fill: journal.Fill{
				Sequence: int64(len(fills) + 1), Side: "buy", Price: m.Price(price), Volume: m.Volume(v), Value: m.Amount(price.MustTimes(v)),
				FeeCounter: dec("0.01"), FeeBase: dec("0.000000001"),
			}})
			news = append(news, exchange.Order{ID: "BX1", Status: exchange.Open, Filled: volume - left})
		}
		news = append(news, exchange.Order{ID: "BX1", Status: exchange.Complete, Filled: volume - left})
		want, book := submitted("0.002"), journal.Book{}
		for _, f := range fills {
			want, book = want.Take(f), book.Take(f)
		}
		want = want.Hear(m, news[len(news)-1])
		got, shuffled := submitted("0.002"), journal.Book{}
		for _, i := range rapid.Permutation(indices(len(news)*2+len(fills))).Draw(t, "order") {
			switch {
			case i < len(news)*2:
				got = got.Hear(m, news[i%len(news)])
			default:
				f := fills[i-len(news)*2]
				got, shuffled = got.Take(f), shuffled.Take(f)
			}
		}
		if got.State != want.State || !got.Filled.Equal(want.Filled) || !got.FilledValue.Equal(want.FilledValue) || !got.Fee.Equal(want.Fee) || !got.Settled() {
			t.Errorf("%+v\nwant %+v", got, want)
		}
		if !shuffled.Base.Equal(book.Base) || !shuffled.Counter.Equal(book.Counter) {
			t.Errorf("the book has %s and %s, want %s and %s", shuffled.Base, shuffled.Counter, book.Base, book.Counter)
		}
	})
}

func indices(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}
