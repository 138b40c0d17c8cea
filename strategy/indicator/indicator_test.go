package indicator_test

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"strconv"
	"testing"

	"github.com/markcheno/go-talib"
	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/strategy/indicator"
)

// walk returns a seeded random walk of prices in ticks that often stands still.
func walk(n int, seed uint64) []float64 {
	r := rand.New(rand.NewPCG(seed, 0))
	prices := make([]float64, n)
	price := 25_000_000.0
	for i := range prices {
		if r.IntN(3) == 0 {
			price = max(1, price+float64(r.IntN(21)-10))
		}
		prices[i] = price
	}
	return prices
}

type candles struct{ high, low, closing []float64 }

// realCandles reads testdata in ticks of a cent.
func realCandles(t *testing.T) candles {
	t.Helper()
	f, err := os.Open("testdata/btcusd-1m.csv")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	ticks := func(text string) float64 {
		price, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		return math.Round(price * 100)
	}
	var c candles
	for _, row := range rows[1:] {
		c.high = append(c.high, ticks(row[2]))
		c.low = append(c.low, ticks(row[3]))
		c.closing = append(c.closing, ticks(row[4]))
	}
	return c
}

// near compares with the oracle; lead is how many values it has none for.
func near(t *testing.T, name string, got, want []float64, lead int) {
	t.Helper()
	if len(got) != len(want) || len(want) < 1000 {
		t.Fatalf("%s: %d values, oracle has %d", name, len(got), len(want))
	}
	for i := range got {
		switch {
		case i < lead && !math.IsNaN(got[i]):
			t.Fatalf("%s[%d] = %v before it is ready", name, i, got[i])
		case i >= lead && !(math.Abs(got[i]-want[i]) <= 1e-7*max(1, math.Abs(want[i]))):
			t.Fatalf("%s[%d] = %v, oracle %v", name, i, got[i], want[i])
		}
	}
}

func each(prices []float64, update func(float64) float64) []float64 {
	out := make([]float64, len(prices))
	for i, p := range prices {
		out[i] = update(p)
	}
	return out
}

func TestAgainstTALib(t *testing.T) {
	t.Parallel()
	c := realCandles(t)
	for _, n := range []int{2, 5, 14, 30, 199} {
		near(t, "SMA", each(c.closing, indicator.NewSMA(n).Update), talib.Sma(c.closing, n), n-1)
		near(t, "EMA", each(c.closing, indicator.NewEMA(n).Update), talib.Ema(c.closing, n), n-1)

		rsi, oracle := each(c.closing, indicator.NewRSI(n).Update), talib.Rsi(c.closing, n)
		flat := 0
		for i := n; i < len(oracle); i++ {
			// The oracle calls a market without movement 0, which is the mark of
			// a fall.
			if oracle[i] == 0 && rsi[i] == 50 {
				flat++
				oracle[i] = 50
			}
		}
		near(t, "RSI", rsi, oracle, n)
		if n > 5 && flat > 0 {
			t.Errorf("RSI %d: %d flat values in a moving market", n, flat)
		}

		atr, got := indicator.NewATR(n), make([]float64, len(c.closing))
		for i := range got {
			got[i] = atr.Update(c.high[i], c.low[i], c.closing[i])
		}
		near(t, "ATR", got, talib.Atr(c.high, c.low, c.closing, n), n)

		bands := indicator.NewBollinger(n, 2.5)
		lower, middle, upper := make([]float64, len(c.closing)), make([]float64, len(c.closing)), make([]float64, len(c.closing))
		for i, p := range c.closing {
			b := bands.Update(p)
			lower[i], middle[i], upper[i] = b.Lower, b.Middle, b.Upper
		}
		// The oracle squares whole prices, which costs it half of its digits, so
		// the distance is compared with a direct sum instead.
		wantUpper, wantMiddle, _ := talib.BBands(c.closing, n, 2.5, 2.5, talib.SMA)
		near(t, "Bollinger middle", middle, wantMiddle, n-1)
		for i := n - 1; i < len(upper); i++ {
			if away := 2.5 * deviation(c.closing[i-n+1:i+1]); math.Abs(upper[i]-middle[i]-away) > 1e-6 ||
				math.Abs(middle[i]-lower[i]-away) > 1e-6 || math.Abs(upper[i]-wantUpper[i]) > 1 {
				t.Fatalf("Bollinger[%d] = %v, want %v around %v, oracle %v", i, upper[i], away, middle[i], wantUpper[i])
			}
		}
	}
}

// deviation is the standard deviation of a population, in two passes.
func deviation(values []float64) float64 {
	mean, squares := 0.0, 0.0
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	return math.Sqrt(squares / float64(len(values)))
}

func TestMACDAgainstTALib(t *testing.T) {
	t.Parallel()
	prices := realCandles(t).closing
	m := indicator.NewMACD(26, 12, 9)
	line, signal, histogram := make([]float64, len(prices)), make([]float64, len(prices)), make([]float64, len(prices))
	for i, p := range prices {
		l := m.Update(p)
		line[i], signal[i], histogram[i] = l.Line, l.Signal, l.Histogram
		if m.Ready() != (i >= 33) {
			t.Fatalf("ready at value %d: %v", i+1, m.Ready())
		}
	}
	fast, slow := talib.Ema(prices, 12), talib.Ema(prices, 26)
	want := make([]float64, len(prices))
	for i := range want {
		want[i] = fast[i] - slow[i]
	}
	near(t, "MACD line", line, want, 25)
	// The Go port of TA-Lib begins its signal with zeros; ours begins, as the
	// original does, with the mean of the first nine lines.
	wantSignal := append(make([]float64, 25), talib.Ema(want[25:], 9)...)
	near(t, "MACD signal", signal, wantSignal, 33)
	for i := range want {
		want[i] -= wantSignal[i]
	}
	near(t, "MACD histogram", histogram, want, 33)
}

// proves design §3: sums of ticks do not drift.
func TestCrossesEqualIntegerArithmetic(t *testing.T) {
	t.Parallel()
	prices := walk(1_000_000, 7)
	fast, slow := indicator.NewSMA(10), indicator.NewSMA(30)
	var cross indicator.Cross
	var sumFast, sumSlow, side int64
	exact, got, plain := 0, 0, 0
	var plainFast, plainSlow, plainSide float64
	for i, p := range prices {
		event := cross.Update(fast.Update(p), slow.Update(p))
		if event != indicator.CrossNone {
			got++
		}
		want := indicator.CrossNone
		sumFast, sumSlow = sumFast+int64(p), sumSlow+int64(p)
		plainFast, plainSlow = plainFast+p/10, plainSlow+p/30
		if i >= 10 {
			sumFast -= int64(prices[i-10])
			plainFast -= prices[i-10] / 10
		}
		if i >= 30 {
			sumSlow -= int64(prices[i-30])
			plainSlow -= prices[i-30] / 30
		}
		if i >= 29 {
			if now := sign(3*sumFast - sumSlow); now != 0 {
				if side == -now {
					want = indicator.CrossEvent(now)
					exact++
				}
				side = now
			}
			if now := math.Copysign(1, plainFast-plainSlow); plainFast != plainSlow {
				if plainSide == -now {
					plain++
				}
				plainSide = now
			}
		}
		if event != want {
			t.Fatalf("candle %d: %v, exact arithmetic says %v", i, event, want)
		}
	}
	if got != exact || exact < 10_000 {
		t.Errorf("%d crosses, exact %d", got, exact)
	}
	if plain == exact {
		t.Error("the data is too kind: running sums of quotients find the same crosses")
	}
}

func sign(n int64) int64 {
	switch {
	case n > 0:
		return 1
	case n < 0:
		return -1
	}
	return 0
}

func TestSMADoesNotDriftOnFloats(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 0))
	const period = 50
	s := indicator.NewSMA(period)
	var window []float64
	for i := range 500_000 {
		x := math.Exp(20 * (r.Float64() - 0.5)) // over eight orders of magnitude
		window = append(window, x)
		got := s.Update(x)
		if i%997 == 0 && i > period {
			want := 0.0
			for _, v := range window[len(window)-period:] {
				want += v / period
			}
			if math.Abs(got-want) > 1e-9 {
				t.Fatalf("value %d: %v, want %v", i, got, want)
			}
		}
	}
}

func TestBollingerOfFlatPricesIsFlat(t *testing.T) {
	t.Parallel()
	b := indicator.NewBollinger(20, 2)
	for range 20 {
		b.Update(1)
	}
	for i := range 200 {
		got := b.Update(987_654_321)
		if want := (indicator.Bands{Lower: 987_654_321, Middle: 987_654_321, Upper: 987_654_321}); i >= 20 && got != want {
			t.Fatalf("update %d: %v", i, got)
		}
	}
}

func TestRSIBounds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ step, want float64 }{"rising": {1, 100}, "falling": {-1, 0}, "flat": {0, 50}} {
		r := indicator.NewRSI(14)
		for i := range 100 {
			if got := r.Update(1000 + c.step*float64(i)); i >= 14 && got != c.want {
				t.Errorf("%s: %v, want %v", name, got, c.want)
			}
		}
	}
}

func TestCross(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	const none, up, down = indicator.CrossNone, indicator.CrossUp, indicator.CrossDown
	cases := map[string]struct {
		fast []float64 // against a slow line of 0
		want []indicator.CrossEvent
	}{
		"the first side is no cross":        {[]float64{1, 2}, []indicator.CrossEvent{none, none}},
		"up and down":                       {[]float64{-1, 1, 2, -1}, []indicator.CrossEvent{none, up, none, down}},
		"a touch is no cross":               {[]float64{1, 0, 1}, []indicator.CrossEvent{none, none, none}},
		"a cross by way of equality":        {[]float64{1, 0, 0, -1}, []indicator.CrossEvent{none, none, none, down}},
		"equal from the beginning":          {[]float64{0, 0, 1, -1}, []indicator.CrossEvent{none, none, none, down}},
		"what is not a number is passed by": {[]float64{nan, 1, nan, -1}, []indicator.CrossEvent{none, none, none, down}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var cross indicator.Cross
			for i, f := range c.fast {
				if got := cross.Update(f, 0); got != c.want[i] {
					t.Errorf("value %d: %v, want %v", i, got, c.want[i])
				}
			}
		})
	}
}

// state holds every indicator as a strategy would.
type state struct {
	SMA       *indicator.SMA
	EMA       *indicator.EMA
	RSI       *indicator.RSI
	ATR       *indicator.ATR
	Bollinger *indicator.Bollinger
	MACD      *indicator.MACD
	Cross     indicator.Cross
}

func newState(n int) *state {
	return &state{
		SMA: indicator.NewSMA(n), EMA: indicator.NewEMA(n + 1), RSI: indicator.NewRSI(n), ATR: indicator.NewATR(n),
		Bollinger: indicator.NewBollinger(n, 2), MACD: indicator.NewMACD(n, 2*n, 3),
	}
}

// update returns the bits of everything that comes out.
func (s *state) update(x float64) []uint64 {
	sma, ema, bands, lines := s.SMA.Update(x), s.EMA.Update(x), s.Bollinger.Update(x), s.MACD.Update(x)
	out := []float64{
		sma, ema, s.RSI.Update(x), s.ATR.Update(x+2, x-1, x), bands.Lower, bands.Middle, bands.Upper,
		lines.Line, lines.Signal, lines.Histogram, float64(s.Cross.Update(sma, ema)),
		s.SMA.Value(), s.EMA.Value(), s.RSI.Value(), s.ATR.Value(), s.Bollinger.Value(), s.MACD.Value(),
	}
	bits := make([]uint64, len(out))
	for i, f := range out {
		bits[i] = math.Float64bits(f)
	}
	return bits
}

// proves PL1: snapshot after any event k, restore, and the rest is identical.
func TestSnapshotAtEveryValueGoesOnIdentically(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 9).Draw(t, "period")
		price := rapid.Float64Range(-1e9, 1e9)
		if rapid.Bool().Draw(t, "ticks") {
			price = rapid.Map(rapid.Int64Range(1, 1<<40), func(n int64) float64 { return float64(n) })
		}
		prices := rapid.SliceOfN(price, 1, 40).Draw(t, "prices")
		whole, parts := newState(n), newState(n)
		for i, p := range prices {
			raw, err := json.Marshal(*parts)
			if err != nil {
				t.Fatal(err)
			}
			parts = &state{}
			if err := json.Unmarshal(raw, parts); err != nil {
				t.Fatal(err)
			}
			if want, got := whole.update(p), parts.update(p); !reflect.DeepEqual(want, got) {
				t.Fatalf("value %d: %x after a restore, %x without", i, got, want)
			}
		}
	})
}

func TestDamagedStateIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		into json.Unmarshaler
		raw  string
	}{
		{&indicator.SMA{}, `{"ring":[],"next":0}`}, {&indicator.SMA{}, `{"ring":[1],"next":1}`}, {&indicator.SMA{}, `{"ring":["x"]}`},
		{&indicator.EMA{}, `{"period":0}`}, {&indicator.EMA{}, `{"period":3,"left":4}`}, {&indicator.RSI{}, `{}`},
		{&indicator.ATR{}, `null`}, {&indicator.Bollinger{}, `{"ring":[1,2],"next":-1}`}, {&indicator.MACD{}, `{}`},
		{&indicator.Cross{}, `{"side":2}`}, {&indicator.Cross{}, `7`},
	} {
		if err := c.into.UnmarshalJSON([]byte(c.raw)); err == nil {
			t.Errorf("%T accepts %s", c.into, c.raw)
		}
	}
}

func TestPeriodsAreClamped(t *testing.T) {
	t.Parallel()
	if got := indicator.NewSMA(-3); got.Period() != 1 || got.Update(7) != 7 || !got.Ready() {
		t.Errorf("SMA: %+v", got)
	}
	if got := indicator.NewEMA(math.MaxInt); got.Period() != indicator.MaxPeriod {
		t.Errorf("EMA: %d", got.Period())
	}
	if got := indicator.NewBollinger(0, 2).Update(5); got != (indicator.Bands{Lower: 5, Middle: 5, Upper: 5}) {
		t.Errorf("Bollinger: %v", got)
	}
}

func TestUpdatesAllocateNothing(t *testing.T) {
	prices := walk(1000, 2)
	s := newState(10)
	i := 0
	if n := testing.AllocsPerRun(500, func() {
		x := prices[i]
		i++
		s.Cross.Update(s.SMA.Update(x), s.EMA.Update(x))
		s.RSI.Update(x)
		s.ATR.Update(x+1, x-1, x)
		s.Bollinger.Update(x)
		s.MACD.Update(x)
	}); n != 0 {
		t.Errorf("%v allocations an update", n)
	}
}
