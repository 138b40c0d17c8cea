package wire_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/plugin/internal/wire"
)

// walk returns candles as a market makes them: near each other, mostly regular.
func walk(n int) []exchange.Candle {
	candles := make([]exchange.Candle, n)
	price, seed := int64(2_500_000), uint64(7)
	for i := range candles {
		next := func(span uint64) int64 {
			seed = seed*6364136223846793005 + 1442695040888963407
			return int64(seed >> 33 % span)
		}
		open := price + next(41) - 20
		price = open + next(2001) - 1000
		candles[i] = exchange.Candle{
			Time: 1_700_000_000_000 + int64(i)*60_000,
			Open: exchange.Ticks(open), Close: exchange.Ticks(price),
			High: exchange.Ticks(max(open, price) + next(300)), Low: exchange.Ticks(min(open, price) - next(300)),
			Volume: exchange.Steps(next(60_000)),
		}
	}
	return candles
}

func TestCandlesSurviveTheWire(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-200, 200), rapid.Just(int64(math.MaxInt64)), rapid.Just(int64(math.MinInt64)))
		candle := rapid.Custom(func(t *rapid.T) exchange.Candle {
			return exchange.Candle{
				Time: number.Draw(t, "time"), Open: exchange.Ticks(number.Draw(t, "open")), High: exchange.Ticks(number.Draw(t, "high")),
				Low: exchange.Ticks(number.Draw(t, "low")), Close: exchange.Ticks(number.Draw(t, "close")), Volume: exchange.Steps(number.Draw(t, "volume")),
			}
		})
		candles := rapid.SliceOfN(candle, 0, 600).Draw(t, "candles")
		var encoder wire.CandleEncoder
		var decoder wire.CandleDecoder
		got, err := decoder.Decode(nil, encoder.Append(nil, candles))
		if err != nil || !slices.Equal(got, candles) {
			t.Fatalf("%v came back as %v, %v", candles, got, err)
		}
	})
}

func TestRegularCandlesAreSmall(t *testing.T) {
	t.Parallel()
	candles := walk(wire.MaxBlock)
	var encoder wire.CandleEncoder
	var decoder wire.CandleDecoder
	block := encoder.Append(nil, candles)
	if perCandle := float64(len(block)) / float64(len(candles)); perCandle > 12 {
		t.Errorf("a candle takes %.1f bytes, want at most 12", perCandle)
	}
	got, err := decoder.Decode(nil, block)
	if err != nil || !slices.Equal(got, candles) {
		t.Fatalf("the walk did not come back: %v", err)
	}
}

//nolint:paralleltest // AllocsPerRun counts the allocations of the whole process.
func TestBlocksNeedNoAllocation(t *testing.T) {
	candles := walk(wire.MaxBlock)
	var encoder wire.CandleEncoder
	var decoder wire.CandleDecoder
	block := encoder.Append(nil, candles)
	got, _ := decoder.Decode(nil, block)
	allocations := testing.AllocsPerRun(10, func() {
		block = encoder.Append(block[:0], candles)
		got, _ = decoder.Decode(got, block)
	})
	if allocations != 0 {
		t.Errorf("%v allocations a block, want none", allocations)
	}
}

func TestSeriesSurviveTheWire(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-9, 9), rapid.Int64Range(-70_000, 70_000))
		values := rapid.SliceOfN(number, 0, 700).Draw(t, "values")
		got, err := wire.DecodeSeries([]int64{42}, wire.AppendSeries(nil, values))
		if err != nil || !slices.Equal(got[1:], values) || got[0] != 42 {
			t.Fatalf("%v came back as %v, %v", values, got, err)
		}
	})
}

func TestCutBlocksAreRefused(t *testing.T) {
	t.Parallel()
	var encoder wire.CandleEncoder
	var decoder wire.CandleDecoder
	block := encoder.Append(nil, walk(20))
	series := wire.AppendSeries(nil, []int64{1, 500, 2})
	for cut := range len(block) {
		if _, err := decoder.Decode(nil, block[:cut]); !errors.Is(err, wire.ErrMalformed) {
			t.Fatalf("a block cut to %d bytes gave %v, want ErrMalformed", cut, err)
		}
	}
	for cut := range len(series) {
		if _, err := wire.DecodeSeries[int64](nil, series[:cut]); !errors.Is(err, wire.ErrMalformed) {
			t.Fatalf("a series cut to %d bytes gave %v, want ErrMalformed", cut, err)
		}
	}
	if _, err := decoder.Decode(nil, append(block, 0)); !errors.Is(err, wire.ErrMalformed) {
		t.Fatalf("a block with a byte too many gave %v, want ErrMalformed", err)
	}
}

func FuzzDecodeCandles(f *testing.F) {
	var encoder wire.CandleEncoder
	f.Add(encoder.Append(nil, walk(3)))
	f.Add(encoder.Append(nil, walk(300)))
	f.Add([]byte{})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, block []byte) {
		var encoder wire.CandleEncoder
		var decoder wire.CandleDecoder
		candles, err := decoder.Decode(nil, block)
		if err != nil {
			return
		}
		again, err := decoder.Decode(nil, encoder.Append(nil, candles))
		if err != nil || !slices.Equal(again, candles) {
			t.Fatalf("%v came back as %v, %v", candles, again, err)
		}
	})
}

func FuzzDecodeSeries(f *testing.F) {
	f.Add(wire.AppendSeries(nil, []int64{1, 2, 3}))
	f.Fuzz(func(t *testing.T, block []byte) {
		values, err := wire.DecodeSeries[int64](nil, block)
		if err != nil {
			return
		}
		again, err := wire.DecodeSeries[int64](nil, wire.AppendSeries(nil, values))
		if err != nil || !slices.Equal(again, values) {
			t.Fatalf("%v came back as %v, %v", values, again, err)
		}
	})
}

func BenchmarkEncodeCandles(b *testing.B) {
	candles := walk(wire.MaxBlock)
	var encoder wire.CandleEncoder
	var block []byte
	for b.Loop() {
		block = encoder.Append(block[:0], candles)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(candles)), "ns/candle")
}

func BenchmarkDecodeCandles(b *testing.B) {
	var encoder wire.CandleEncoder
	var decoder wire.CandleDecoder
	block := encoder.Append(nil, walk(wire.MaxBlock))
	candles := make([]exchange.Candle, 0, wire.MaxBlock)
	for b.Loop() {
		candles, _ = decoder.Decode(candles, block)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(candles)), "ns/candle")
}
