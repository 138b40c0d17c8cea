package marketdata_test

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
)

// drawCandles draws candles that may be anything, in the order of time.
func drawCandles(t *rapid.T) []exchange.Candle {
	wide := rapid.SampledFrom([]int64{1, 1 << 7, 1 << 15, 1 << 31, math.MaxInt64}).Draw(t, "width")
	number := rapid.Int64Range(-wide, wide)
	list := make([]exchange.Candle, rapid.IntRange(0, 9000).Draw(t, "candles"))
	seeds := rapid.SliceOfN(number, 7, 7).Draw(t, "numbers")
	at := seeds[0] % (1 << 40)
	coarse := rapid.SampledFrom([]int64{1, 1, 100, 3 << 40}).Draw(t, "multiples")
	gap := rapid.SampledFrom([]int{0, 3, 1000}).Draw(t, "gap")
	for i := range list {
		// A few numbers in turns, so that a long list is drawn quickly.
		n := func(k int) int64 { return seeds[(i*k+k)%len(seeds)] * coarse }
		list[i] = exchange.Candle{
			Time: at, Open: exchange.Ticks(n(1)), High: exchange.Ticks(n(2)), Low: exchange.Ticks(n(3)), Close: exchange.Ticks(n(4)), Volume: exchange.Steps(n(5)),
		}
		at += 60_000
		if gap > 0 && i%gap == gap-1 {
			at += 60_000 * (1 + int64(i))
		}
	}
	return list
}

// read returns all candles of a source, whose blocks it checks.
func read(t rapid.TB, src marketdata.Sized) (out []exchange.Candle) {
	t.Helper()
	for {
		left := src.Len()
		block, err := src.Next(context.Background())
		if errors.Is(err, io.EOF) {
			if left != 0 {
				t.Fatalf("the source has ended with %d candles left", left)
			}
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(block) == 0 || len(block) > marketdata.BlockSize || src.Len() != left-len(block) {
			t.Fatalf("a block of %d candles, of %d, left %d", len(block), left, src.Len())
		}
		out = append(out, block...)
	}
}

// TestPackedGivesWhatItGot proves that packed candles are those that were packed,
// whatever their numbers, as a whole, in parts and one by one.
func TestPackedGivesWhatItGot(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		list := drawCandles(t)
		var packer marketdata.Packer
		for rest := list; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "block")
			packer.Add(rest[:n])
			rest = rest[n:]
		}
		packed := packer.Packed()
		if packed.Len() != len(list) {
			t.Fatalf("%d candles became %d", len(list), packed.Len())
		}
		if got := read(t, packed.Source()); !slices.Equal(got, list) {
			t.Fatal("other candles came back")
		}
		from := rapid.IntRange(0, len(list)).Draw(t, "from")
		to := rapid.IntRange(from, len(list)).Draw(t, "to")
		part := packed.Part(from, to)
		src := packed.Source()
		if len(list) > 0 {
			if _, err := src.Next(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		src.Reset(part)
		if got := read(t, src); !slices.Equal(got, list[from:to]) {
			t.Fatalf("other candles came back from %d to %d", from, to)
		}
		for i := 0; i < part.Len(); i += 1 + part.Len()/50 {
			if want := list[from+i]; part.At(i) != want || part.Time(i) != want.Time || part.Index(want.Time) != i || part.Index(want.Time+1) != i+1 {
				t.Fatalf("candle %d of the part is %+v at %d, want %+v", i, part.At(i), part.Index(want.Time), want)
			}
		}
	})
}

// TestPackedIsEmpty proves that there may be no candles.
func TestPackedIsEmpty(t *testing.T) {
	t.Parallel()
	for _, p := range []*marketdata.Packed{nil, marketdata.PackCandles(nil), marketdata.PackCandles(make([]exchange.Candle, 3)).Part(2, 2)} {
		if _, err := p.Source().Next(t.Context()); p.Len() != 0 || p.Index(5) != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("%d candles, %v", p.Len(), err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	one := marketdata.PackCandles(make([]exchange.Candle, 1))
	if _, err := one.Source().Next(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := marketdata.Pack(ctx, one.Source()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// BenchmarkPacked reads packed candles of a market.
func BenchmarkPacked(b *testing.B) {
	const n = 1 << 18
	list := make([]exchange.Candle, n)
	price := exchange.Ticks(250_000)
	for i := range list {
		next := price + exchange.Ticks(i*7919%401-200)
		list[i] = exchange.Candle{
			Time: int64(i) * time.Minute.Milliseconds(), Open: price, Close: next, High: max(price, next) + exchange.Ticks(i%97), Low: min(price, next) - exchange.Ticks(i%89),
			Volume: exchange.Steps(i * 104_729 % 9_000_000),
		}
		price = next
	}
	packed := marketdata.PackCandles(list)
	src := packed.Source()
	for b.Loop() {
		src.Reset(packed)
		for {
			if _, err := src.Next(b.Context()); err != nil {
				break
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/candle")
}
