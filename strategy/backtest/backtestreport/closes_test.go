package backtestreport_test

import (
	"errors"
	"io"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/backtestreport"
)

// The axis of the charts leaves out long rests and nothing else, wherever they
// begin and whatever gaps there are beside them; what is read on it are the
// candles that a plain list of those that are kept has at the same places.
func TestTheAxisLeavesOutLongRests(t *testing.T) {
	t.Parallel()
	market := series(t).Market
	rapid.Check(t, func(t *rapid.T) {
		from := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
		res := &backtest.Result{Config: backtest.Config{Market: market, Interval: time.Minute, Balance: 1_000_000}, From: from, FirstPrice: 1_000}
		var candles []exchange.Candle
		at, price := from, exchange.Ticks(1_000)
		res.Segments = append(res.Segments, backtest.Segment{Time: at})
		for range rapid.IntRange(1, 12).Draw(t, "pieces") {
			rest := rapid.Bool().Draw(t, "rest")
			for range rapid.SampledFrom([]int{1, 3, 120, 239, 240, 241, 700}).Draw(t, "length") {
				c := exchange.Flat(at, price)
				if !rest {
					c.Close = max(1, price+exchange.Ticks(rapid.IntRange(-3, 3).Draw(t, "move")))
					c.High, c.Low, c.Volume = max(c.Open, c.Close), min(c.Open, c.Close), 1
				}
				candles = append(candles, c)
				price, at = c.Close, at+60_000
			}
			if rapid.Bool().Draw(t, "gap") {
				at += rapid.SampledFrom([]int64{60_000, 238 * 60_000, 239 * 60_000, 10_000 * 60_000}).Draw(t, "missing")
				res.Segments = append(res.Segments, backtest.Segment{Index: len(candles), Time: at})
			}
		}
		if n := len(res.Segments); res.Segments[n-1].Index == len(candles) {
			res.Segments = res.Segments[:n-1]
		}
		for i := range candles {
			res.Equity = append(res.Equity, 1_000_000+int64(candles[i].Close)*1_000)
		}
		res.Candles, res.To, res.LastPrice = int64(len(candles)), candles[len(candles)-1].Time+60_000, price
		res.FinalEquity = exchange.Units(res.Equity[len(candles)-1])

		watched := &backtestreport.Closes{}
		drain(t, watched.Watch(marketdata.NewSliceSource(candles)))
		r, err := backtestreport.New(backtestreport.Input{Result: res, Closes: watched})
		if err != nil {
			t.Fatal(err)
		}
		page := r.Page()

		var kept []int
		for i := 0; i < len(candles); i++ {
			kept = append(kept, i)
			end := i
			for end < len(candles) && candles[end].IsFlat() {
				end++
			}
			if end-i >= 240 {
				i = end - 1
			}
		}
		folded := false
		for k := 1; k < len(kept); k++ {
			folded = folded || candles[kept[k]].Time-candles[kept[k-1]].Time >= 240*60_000
		}
		buckets := min(640, len(kept))
		if page.Folded != folded || len(page.Readings.Time) != buckets {
			t.Fatalf("folded %v, want %v; %d readings, want %d", page.Folded, folded, len(page.Readings.Time), buckets)
		}
		for b := range buckets {
			c := candles[kept[(b+1)*len(kept)/buckets-1]]
			if want := time.UnixMilli(c.Time + 60_000).UTC().Format("2006-01-02 15:04"); page.Readings.Time[b] != want {
				t.Fatalf("reading %d is of %s, want %s", b, page.Readings.Time[b], want)
			}
			if want := exchange.Grouped(market.Price(c.Close).StringFixed(market.PriceScale())); page.Readings.Values["price"][b] != want {
				t.Fatalf("reading %d is %s, want %s", b, page.Readings.Values["price"][b], want)
			}
		}
	})
}

// drain reads a source to its end.
func drain(t *rapid.T, src marketdata.Source) {
	for {
		if _, err := src.Next(t.Context()); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// A watched source is as long as the one that it is of, and its closes give the
// page that those of the whole series give.
func TestClosesAreWatched(t *testing.T) {
	t.Parallel()
	s := series(t)
	closes := &backtestreport.Closes{}
	src := closes.Watch(s.Source())
	if sized, ok := src.(marketdata.Sized); !ok || sized.Len() != len(s.Candles) {
		t.Errorf("it is a %T", src)
	}
	result, err := backtest.Run(t.Context(), definition(), swingConfig(s), src, nil)
	if err != nil {
		t.Fatal(err)
	}
	var pages []string
	for _, c := range []*backtestreport.Closes{closes, backtestreport.ClosesOf(s.Candles)} {
		r, err := backtestreport.New(backtestreport.Input{Result: result, Closes: c})
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, html(t, r.Page()))
	}
	if pages[0] != pages[1] {
		t.Error("the pages differ")
	}
	short := backtestreport.ClosesOf(s.Candles[1:])
	if _, err := backtestreport.New(backtestreport.Input{Result: result, Closes: short}); err == nil {
		t.Error("closes of fewer candles are taken")
	}
	if _, ok := (&backtestreport.Closes{}).Watch(unsized{s.Source()}).(marketdata.Sized); ok {
		t.Error("a source of no known length has one once it is watched")
	}
}

// unsized hides how long a source is.
type unsized struct{ marketdata.Source }
