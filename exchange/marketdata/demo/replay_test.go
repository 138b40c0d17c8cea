package demo_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
)

func open(t *testing.T, cfg demo.Config) *demo.Replay {
	t.Helper()
	r, err := demo.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// far is more than 10,000 cycles of the longer series.
const far = 10_000 * 12_600

func TestCandlesNeverJump(t *testing.T) {
	t.Parallel()
	r := open(t, demo.Config{})
	// The largest moves from one close to the next in the recordings, as
	// logarithms: 1.49 % and 1.76 %, and the drift that is taken out of every
	// minute, 0.004 % at most.
	for pair, largest := range map[string]float64{demo.XBTMYR: 0.01486 + 0.00004, demo.ETHMYR: 0.01761 + 0.00004} {
		for _, begin := range []int64{-20_000, 0, far} {
			last := r.Candle(pair, begin-1)
			for i := begin; i < begin+30_000; i++ {
				c := r.Candle(pair, i)
				if !c.Valid() {
					t.Fatalf("%s %d: %+v is not valid", pair, i, c)
				}
				if c.Time != last.Time+60_000 || c.Time != r.Time(i).UnixMilli() || r.Index(c.OpenTime()) != i {
					t.Fatalf("%s %d: time %d after %d", pair, i, c.Time, last.Time)
				}
				move := math.Abs(math.Log(c.Close.Float() / last.Close.Float()))
				gap := math.Abs(math.Log(c.Open.Float() / last.Close.Float()))
				if move > largest || gap > largest {
					t.Fatalf("%s %d: from %d to %d .. %d", pair, i, last.Close, c.Open, c.Close)
				}
				last = c
			}
		}
	}
}

func TestPricesStayBounded(t *testing.T) {
	t.Parallel()
	r := open(t, demo.Config{Seed: 7})
	for pair, around := range map[string]float64{demo.XBTMYR: 400_000, demo.ETHMYR: 12_000_00} {
		rapid.Check(t, func(t *rapid.T) {
			c := r.Candle(pair, rapid.Int64Range(-far, far).Draw(t, "index"))
			if c.Low.Float() < 0.6*around || c.High.Float() > 1.6*around {
				t.Fatalf("%s: %+v", pair, c)
			}
		})
	}
}

func TestSeedDecides(t *testing.T) {
	t.Parallel()
	a, b, other := open(t, demo.Config{Seed: 3}), open(t, demo.Config{Seed: 3}), open(t, demo.Config{Seed: 4})
	same, paths := 0, 0
	for i := int64(-500); i < 500; i++ {
		if a.Candle(demo.XBTMYR, i) != b.Candle(demo.XBTMYR, i) {
			t.Fatalf("candle %d differs for one seed", i)
		}
		pa, na := a.Path(demo.XBTMYR, i)
		pb, nb := b.Path(demo.XBTMYR, i)
		if pa != pb || na != nb {
			t.Fatalf("path %d differs for one seed", i)
		}
		if a.Candle(demo.XBTMYR, i) == other.Candle(demo.XBTMYR, i) {
			same++
		}
		if po, _ := other.Path(demo.XBTMYR, i); po == pa {
			paths++
		}
	}
	if same > 100 || paths > 100 {
		t.Fatalf("another seed gave %d of 1000 equal candles and %d equal paths", same, paths)
	}
}

func TestPathFoldsToCandle(t *testing.T) {
	t.Parallel()
	r := open(t, demo.Config{})
	for _, pair := range []string{demo.XBTMYR, demo.ETHMYR} {
		flat := 0
		for i := int64(-13_000); i < 13_000; i++ {
			want := r.Candle(pair, i)
			ticks, n := r.Path(pair, i)
			if want.Volume == 0 {
				flat++
				if n != 0 || !want.IsFlat() {
					t.Fatalf("%s %d: a quiet minute has %d ticks: %+v", pair, i, n, want)
				}
				continue
			}
			got := exchange.Flat(want.Time, ticks[0].Price)
			last := want.Time - 1
			for _, tick := range ticks[:n] {
				if tick.Time <= last || tick.Time >= want.Time+60_000 || tick.Volume <= 0 {
					t.Fatalf("%s %d: tick %+v after %d", pair, i, tick, last)
				}
				last = tick.Time
				got = exchange.Merge(got, exchange.Candle{
					Open: tick.Price, High: tick.Price, Low: tick.Price, Close: tick.Price, Volume: tick.Volume,
				})
			}
			if got != want {
				t.Fatalf("%s %d: ticks fold to %+v, want %+v", pair, i, got, want)
			}
		}
		if flat == 0 {
			t.Errorf("%s: no quiet minute was seen", pair)
		}
	}
}

func TestUnknownPair(t *testing.T) {
	t.Parallel()
	r := open(t, demo.Config{})
	if c := r.Candle("XBTZAR", 0); c.Valid() {
		t.Errorf("unknown pair has a candle: %+v", c)
	}
	if _, err := r.Candles(t.Context(), "XBTZAR", time.Minute, demo.Start(), 1); exchange.OutcomeOf(err) != exchange.OutcomeRejected {
		t.Errorf("Candles: %v", err)
	}
	if err := r.Stream(t.Context(), "XBTZAR", func(exchange.StreamEvent) {}); exchange.OutcomeOf(err) != exchange.OutcomeRejected {
		t.Errorf("Stream: %v", err)
	}
	if _, err := r.Series("XBTZAR", demo.Start(), demo.Start().Add(time.Hour)); err == nil {
		t.Error("Series took it")
	}
}

func TestMarketsAreWhole(t *testing.T) {
	t.Parallel()
	r := open(t, demo.Config{})
	markets, err := r.Markets(t.Context())
	if err != nil || len(markets) != 2 {
		t.Fatal(markets, err)
	}
	for _, m := range markets {
		if err := m.Validate(); err != nil {
			t.Error(err)
		}
		if got := m.Amount(m.MinValue).String(); got != "10" {
			t.Errorf("%s: least value %s", m.Pair, got)
		}
		c := r.Candle(m.Pair, 0)
		if err := m.Check(exchange.OrderRequest{Pair: m.Pair, Side: exchange.Buy, Type: exchange.LimitOrder,
			Price: c.Close, Volume: 10 * m.MinVolume}); err != nil {
			t.Errorf("%s: an order at the market is refused: %v", m.Pair, err)
		}
	}
}

func TestConfigProblemsTogether(t *testing.T) {
	t.Parallel()
	for _, speed := range []float64{-1, 10_001, math.NaN(), math.Inf(1)} {
		if _, err := demo.New(demo.Config{Speed: speed}); err == nil {
			t.Errorf("speed %v was taken", speed)
		}
	}
	if _, err := demo.New(demo.Config{Anchor: demo.Anchor{Wall: time.Unix(1, 0), Index: 1 << 60}}); err == nil {
		t.Error("an absurd anchor was taken")
	}
}

func BenchmarkCandle(b *testing.B) {
	r, err := demo.New(demo.Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var sum exchange.Ticks
	for i := range int64(b.N) {
		sum += r.Candle(demo.ETHMYR, i).Close
	}
	_ = sum
}

func TestCandleDoesNotAllocate(t *testing.T) {
	r := open(t, demo.Config{})
	index := int64(0)
	if n := testing.AllocsPerRun(100, func() {
		_ = r.Candle(demo.ETHMYR, index)
		_, _ = r.Path(demo.ETHMYR, index)
		index += 977
	}); n != 0 {
		t.Errorf("%v allocations a candle", n)
	}
}

func TestSeriesIsTheCandles(t *testing.T) {
	t.Parallel()
	r := open(t, demo.Config{})
	from := r.Time(-90).Add(time.Second)
	s, err := r.Series(demo.XBTMYR, from, r.Time(10).Add(time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Candles) != 100 || s.Interval != time.Minute || s.Market.Pair != demo.XBTMYR {
		t.Fatalf("%d candles of %s", len(s.Candles), s.Interval)
	}
	for i, c := range s.Candles {
		if want := r.Candle(demo.XBTMYR, int64(i)-89); c != want {
			t.Fatalf("candle %d: %+v, want %+v", i, c, want)
		}
	}
	if _, err := r.Series(demo.XBTMYR, from, from); err == nil {
		t.Error("an empty span was taken")
	}
	if _, err := r.Candles(t.Context(), demo.XBTMYR, 2*time.Minute, from, 1); err == nil {
		t.Error("an interval that does not exist was taken")
	}
}
