package marketdata_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
)

func builder(t *testing.T, from int64) *marketdata.Builder {
	t.Helper()
	b, err := marketdata.NewBuilder(time.Minute, time.UnixMilli(from))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBuilder(t *testing.T) {
	t.Parallel()
	b := builder(t, 30_000)
	var got []exchange.Candle
	add := func(at int64, price exchange.Ticks, volume exchange.Steps) {
		t.Helper()
		var err error
		if got, err = b.AddTick(got, exchange.Tick{Time: at, Price: price, Volume: volume}); err != nil {
			t.Fatal(err)
		}
	}
	add(45_000, 7, 1) // in the interval whose beginning was not seen
	add(60_000, 10, 1)
	add(90_000, 12, 2)
	add(119_999, 9, 3)
	if len(got) != 0 { // proves M4
		t.Fatalf("a forming candle was given: %v", got)
	}
	if c, ok := b.Forming(); !ok || c != (exchange.Candle{Time: 60_000, Open: 10, High: 12, Low: 9, Close: 9, Volume: 6}) {
		t.Fatalf("forming %v %v", c, ok)
	}
	add(310_000, 11, 1)
	if _, err := b.AddTick(nil, exchange.Tick{Time: 250_000, Price: 1}); !errors.Is(err, marketdata.ErrLate) {
		t.Errorf("a late trade: %v", err)
	}
	got = b.Advance(got, time.UnixMilli(359_999))
	got = b.Advance(got, time.UnixMilli(420_000))
	want := []exchange.Candle{
		{Time: 60_000, Open: 10, High: 12, Low: 9, Close: 9, Volume: 6},
		exchange.Flat(120_000, 9), exchange.Flat(180_000, 9), exchange.Flat(240_000, 9),
		{Time: 300_000, Open: 11, High: 11, Low: 11, Close: 11, Volume: 1},
		exchange.Flat(360_000, 11),
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("candles\n%v, want\n%v", got, want)
	}
	if _, err := b.AddTick(nil, exchange.Tick{Time: 1 << 60, Price: 1}); err == nil {
		t.Error("a trade of the far future was taken")
	}
}

func TestBuilderBeforeAnyTrade(t *testing.T) {
	t.Parallel()
	b := builder(t, 60_000)
	if got := b.Advance(nil, time.UnixMilli(600_000)); len(got) != 0 {
		t.Errorf("candles of no trade: %v", got)
	}
	got, err := b.AddTick(nil, exchange.Tick{Time: 700_000, Price: 5, Volume: 1})
	if err != nil || len(got) != 0 {
		t.Errorf("%v %v", got, err)
	}
	if _, err := marketdata.NewBuilder(0, time.Now()); err == nil {
		t.Error("an interval of 0 was taken")
	}
}

// Trades that come twice or in any number of calls change nothing, and larger
// candles from smaller ones are those from the trades.
func TestBuilderAndAggregate(t *testing.T) { // proves M1
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		small, err := marketdata.NewBuilder(time.Minute, time.UnixMilli(0))
		if err != nil {
			t.Fatal(err)
		}
		large, err := marketdata.NewBuilder(5*time.Minute, time.UnixMilli(0))
		if err != nil {
			t.Fatal(err)
		}
		var minutes, fives []exchange.Candle
		at, volume := int64(0), exchange.Steps(0)
		for i := range rapid.IntRange(1, 200).Draw(t, "trades") {
			at += rapid.Int64Range(0, 100_000).Draw(t, "gap")
			trade := exchange.Trade{
				Sequence: int64(i + 1), Time: at,
				Price:  exchange.Ticks(rapid.Int64Range(1, 100).Draw(t, "price")),
				Volume: exchange.Steps(rapid.Int64Range(1, 100).Draw(t, "volume")),
			}
			volume += trade.Volume
			for range rapid.IntRange(1, 2).Draw(t, "times") {
				if minutes, err = small.AddTrade(minutes, trade); err != nil {
					t.Fatal(err)
				}
				if fives, err = large.AddTrade(fives, trade); err != nil {
					t.Fatal(err)
				}
			}
		}
		end := time.UnixMilli(at + 5*60_000)
		minutes, fives = small.Advance(minutes, end), large.Advance(fives, end)
		var sum exchange.Steps
		for i, c := range minutes {
			if !c.Valid() || i > 0 && c.Time != minutes[i-1].Time+60_000 {
				t.Fatalf("candle %d of %v", i, minutes)
			}
			sum += c.Volume
		}
		if sum != volume {
			t.Fatalf("the candles' volume is %d, the trades' %d", sum, volume)
		}
		folded, err := marketdata.Series{Interval: time.Minute, Candles: minutes}.Aggregate(5 * time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		// The builder sees time pass to the end of the last interval; the first
		// candle is whole for the aggregator only if its first minute had a trade.
		if minutes[0].Time%(5*60_000) != 0 && len(fives) > 0 {
			fives = fives[1:]
		}
		if fmt.Sprint(folded.Candles) != fmt.Sprint(fives) {
			t.Fatalf("folded\n%v, built\n%v", folded.Candles, fives)
		}
	})
}

func TestAggregate(t *testing.T) {
	t.Parallel()
	c := func(minute int64, o, h, l, c exchange.Ticks) exchange.Candle {
		return exchange.Candle{Time: minute * 60_000, Open: o, High: h, Low: l, Close: c, Volume: 1}
	}
	s := marketdata.Series{Interval: time.Minute, Candles: []exchange.Candle{
		c(3, 9, 9, 9, 9), c(4, 9, 9, 9, 9), // without their beginning
		c(5, 10, 12, 9, 11), c(6, 11, 15, 11, 14), c(9, 14, 14, 8, 9), // a hole inside
		c(11, 9, 9, 9, 9), c(12, 9, 9, 7, 8), // holes at both ends
		c(20, 8, 8, 8, 8), // a large candle without any trade before
		c(21, 8, 8, 8, 8), // not complete
	}}
	got, err := s.Aggregate(5 * time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	want := []exchange.Candle{
		{Time: 5 * 60_000, Open: 10, High: 15, Low: 8, Close: 9, Volume: 3},
		{Time: 10 * 60_000, Open: 9, High: 9, Low: 7, Close: 8, Volume: 2},
	}
	if fmt.Sprint(got.Candles) != fmt.Sprint(want) || got.Interval != 5*time.Minute {
		t.Errorf("%s\n%v, want\n%v", got.Interval, got.Candles, want)
	}
	for _, bad := range []time.Duration{0, 30 * time.Second, 90 * time.Second} {
		if _, err := s.Aggregate(bad); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

func TestSliceSource(t *testing.T) {
	t.Parallel()
	s := marketdata.Series{Candles: make([]exchange.Candle, marketdata.BlockSize+3)}
	for i := range s.Candles {
		s.Candles[i].Time = int64(i)
	}
	source := s.Source()
	n := int64(0)
	for _, want := range []int{marketdata.BlockSize, 3} {
		block, err := source.Next(t.Context())
		if err != nil || len(block) != want {
			t.Fatalf("%d candles, %v; want %d", len(block), err, want)
		}
		for _, c := range block {
			if c.Time != n {
				t.Fatalf("candle %d at place %d", c.Time, n)
			}
			n++
		}
	}
	if block, err := source.Next(t.Context()); err == nil {
		t.Errorf("after the end: %v", block)
	}
}
