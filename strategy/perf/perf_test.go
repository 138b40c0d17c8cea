package perf_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/strategy/perf"
)

const day = 24 * time.Hour

func at(text string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		panic(err)
	}
	return t
}

func daily(t testing.TB, equity []int64, r perf.Result) perf.Stats {
	t.Helper()
	s, err := perf.Of(perf.Config{Start: at("2024-01-30 00:00"), Interval: day, Initial: 1000}, equity, r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func near(t *testing.T, name string, got perf.Number, want float64) {
	t.Helper()
	if !got.Defined() || math.Abs(got.Float()-want) > 1e-9*max(1, math.Abs(want)) {
		t.Errorf("%s = %v, want %v", name, got.Float(), want)
	}
}

func TestStatsByHand(t *testing.T) {
	t.Parallel()
	// Returns: +10 %, −20 %, +50 %, −10 %.
	s := daily(t, []int64{1100, 880, 1320, 1188}, perf.Result{FirstPrice: 200, LastPrice: 210})
	if s.Initial != 1000 || s.Final != 1188 || s.Profit != 188 || s.Candles != 4 || s.Days != 4 || !s.End.Equal(at("2024-02-03 00:00")) {
		t.Errorf("got %+v", s)
	}
	near(t, "total return", s.TotalReturn, 0.188)
	near(t, "CAGR", s.CAGR, math.Pow(1.188, 365.0/4)-1)
	mean := (0.1 - 0.2 + 0.5 - 0.1) / 4
	deviation := math.Sqrt((math.Pow(0.1-mean, 2) + math.Pow(-0.2-mean, 2) + math.Pow(0.5-mean, 2) + math.Pow(-0.1-mean, 2)) / 3)
	near(t, "volatility", s.Volatility, deviation*math.Sqrt(365))
	near(t, "Sharpe", s.Sharpe, mean/deviation*math.Sqrt(365))
	near(t, "Sortino", s.Sortino, mean/math.Sqrt((0.04+0.01)/4)*math.Sqrt(365))
	near(t, "Calmar", s.Calmar, (math.Pow(1.188, 365.0/4)-1)/0.2)
	near(t, "under water", s.UnderWater, 0.5)
	near(t, "buy and hold", s.BuyAndHold, 0.05)
	near(t, "excess", s.Excess, 0.138)
	d := s.MaxDrawdown
	if d == nil || d.Depth != 0.2 || d.Amount != 220 || !d.Peak.Equal(at("2024-01-31 00:00")) || !d.Trough.Equal(at("2024-02-01 00:00")) ||
		d.Recovery == nil || !d.Recovery.Equal(at("2024-02-02 00:00")) {
		t.Errorf("drawdown %+v", d)
	}
	if s.LongestDrawdownSeconds != 2*86400 {
		t.Errorf("longest drawdown %d s", s.LongestDrawdownSeconds)
	}
	if len(s.Months) != 2 || s.Months[0].Month != time.January || s.Months[1].Month != time.February || s.Months[1].Year != 2024 {
		t.Fatalf("months %+v", s.Months)
	}
	near(t, "January", s.Months[0].Return, -0.12)
	near(t, "February", s.Months[1].Return, 0.35)
}

func TestDrawdownThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	s := daily(t, []int64{900, 1000, 500, 600, 700}, perf.Result{})
	d := s.MaxDrawdown
	if d == nil || d.Depth != 0.5 || d.Recovery != nil || !d.Peak.Equal(at("2024-02-01 00:00")) || !d.Trough.Equal(at("2024-02-02 00:00")) {
		t.Errorf("drawdown %+v", d)
	}
	if s.LongestDrawdownSeconds != 3*86400 {
		t.Errorf("longest drawdown %d s", s.LongestDrawdownSeconds)
	}
	near(t, "under water", s.UnderWater, 0.8)
}

func TestUndefinedFiguresAreNull(t *testing.T) {
	t.Parallel()
	for name, equity := range map[string][]int64{"no candle": nil, "flat": {1000, 1000, 1000}, "steady": {1100, 1210, 1331}, "ruin": {0, 0, 0}} {
		s := daily(t, equity, perf.Result{})
		raw, err := json.Marshal(s)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if s.Sharpe.Defined() != (name == "ruin") || s.Trades.ProfitFactor.Defined() || s.BuyAndHold.Defined() {
			t.Errorf("%s: %s", name, raw)
		}
		if !strings.Contains(string(raw), `"profit_factor":null`) || strings.Contains(string(raw), "NaN") {
			t.Errorf("%s: %s", name, raw)
		}
		var back perf.Stats
		if err := json.Unmarshal(raw, &back); err != nil || back.Trades.ProfitFactor.Defined() {
			t.Errorf("%s: read back: %v", name, err)
		}
	}
	if text := perf.Number(math.NaN()).String() + perf.Number(0.25).String(); text != "–0.25" {
		t.Errorf("got %q", text)
	}
}

func TestReturnsAreDaily(t *testing.T) {
	t.Parallel()
	// Hours, from noon: the half day is no sample, nor is the last one.
	const hours = 12 + 3*24 + 5
	equity := make([]int64, hours)
	for i := range equity {
		equity[i] = 1_000_000 + int64(i*i)
	}
	s, err := perf.Of(perf.Config{Start: at("2024-02-28 12:00"), Interval: time.Hour, Initial: 1_000_000}, equity, perf.Result{})
	if err != nil {
		t.Fatal(err)
	}
	var closes []int64
	for _, e := range []int{12, 36, 60, 84} {
		closes = append(closes, equity[e-1])
	}
	mean, squares := 0.0, 0.0
	for i := range 3 {
		mean += (float64(closes[i+1])/float64(closes[i]) - 1) / 3
	}
	for i := range 3 {
		squares += math.Pow(float64(closes[i+1])/float64(closes[i])-1-mean, 2)
	}
	if s.Days != 3 {
		t.Fatalf("%d days", s.Days)
	}
	near(t, "volatility", s.Volatility, math.Sqrt(squares/2)*math.Sqrt(365))
	if len(s.Months) != 2 {
		t.Fatalf("months %+v", s.Months)
	}
	// February has 29 days in 2024: the month ends after 36 hours.
	near(t, "February", s.Months[0].Return, float64(equity[35])/1e6-1)
	near(t, "March", s.Months[1].Return, float64(equity[hours-1])/float64(equity[35])-1)

	// Candles of a week are samples themselves.
	s, err = perf.Of(perf.Config{Start: at("2024-01-01 00:00"), Interval: 7 * day, Initial: 100}, []int64{110, 99}, perf.Result{})
	if err != nil || s.Days != 2 {
		t.Fatalf("weeks: %+v, %v", s, err)
	}
	near(t, "weekly volatility", s.Volatility, math.Sqrt(0.02)*math.Sqrt(365.0/7))
}

func TestTradeStats(t *testing.T) {
	t.Parallel()
	trade := func(entry, exit string, profit, fees int64) perf.Trade {
		tr := perf.Trade{EntryTime: at("2024-01-30 " + entry), Profit: profit, Fees: fees}
		if exit != "" {
			tr.ExitTime = at("2024-01-30 " + exit)
		}
		return tr
	}
	s := daily(t, []int64{1000}, perf.Result{Trades: []perf.Trade{
		trade("10:00", "12:00", -40, 3), // out of order: it exits last but one
		trade("00:00", "02:00", 100, 1),
		trade("01:00", "03:00", -30, 1), // overlaps the one before
		trade("04:00", "05:00", -20, 1),
		trade("06:00", "07:00", 0, 1),
		trade("08:00", "09:00", -10, 1),
		trade("20:00", "", 999, 999), // open: four hours of exposure
		trade("12:00", "13:00", 50, 2),
	}})
	got := s.Trades
	if got.Count != 7 || got.Won != 2 || got.Lost != 4 || got.LongestLosing != 2 || got.Fees != 10 || got.LargestWin != 100 || got.LargestLoss != 40 {
		t.Errorf("got %+v", got)
	}
	near(t, "win rate", got.WinRate, 2.0/7)
	near(t, "profit factor", got.ProfitFactor, 1.5)
	near(t, "expectancy", got.Expectancy, 50.0/7)
	near(t, "average win", got.AverageWin, 75)
	near(t, "average loss", got.AverageLoss, 25)
	near(t, "average time", got.AverageSeconds, 10*3600.0/7)
	near(t, "exposure", s.Exposure, 13.0/24)
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	_, err := perf.NewCurve(perf.Config{Interval: time.Microsecond})
	if err == nil || !strings.Contains(err.Error(), "initial equity") || !strings.Contains(err.Error(), "interval") {
		t.Errorf("got %v", err)
	}
}

func TestCurveAgainstDefinitions(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		equity := rapid.SliceOfN(rapid.Int64Range(1, 2000), 1, 60).Draw(t, "equity")
		cfg := perf.Config{Start: at("2024-01-30 00:00"), Interval: 6 * time.Hour, Initial: 1000}
		s, err := perf.Of(cfg, equity, perf.Result{})
		if err != nil {
			t.Fatal(err)
		}
		all := append([]int64{1000}, equity...)
		depth, under, longest := 0.0, 0, 0
		peak, peakAt := int64(0), 0
		for i, e := range all {
			if e >= peak {
				if i > peakAt+1 {
					longest = max(longest, i-peakAt)
				}
				peak, peakAt = e, i
				continue
			}
			under++
			longest = max(longest, i-peakAt)
			depth = max(depth, float64(peak-e)/float64(peak))
		}
		if (s.MaxDrawdown == nil) != (depth == 0) || s.MaxDrawdown != nil && s.MaxDrawdown.Depth != depth {
			t.Fatalf("drawdown %+v, want depth %v", s.MaxDrawdown, depth)
		}
		if want := int64(longest) * 6 * 3600; s.LongestDrawdownSeconds != want {
			t.Fatalf("longest %d s, want %d", s.LongestDrawdownSeconds, want)
		}
		if got := s.UnderWater.Float() * float64(len(equity)); math.Abs(got-float64(under)) > 1e-9 {
			t.Fatalf("under water %v candles, want %d", got, under)
		}
		// The months multiply to the whole.
		product := 1.0
		for _, m := range s.Months {
			product *= 1 + m.Return.Float()
		}
		if math.Abs(product-1-s.TotalReturn.Float()) > 1e-9 {
			t.Fatalf("months give %v, total %v", product-1, s.TotalReturn)
		}
		if s.Days != int64(len(equity)/4) {
			t.Fatalf("%d days of %d candles", s.Days, len(equity))
		}
		if _, err := json.Marshal(s); err != nil {
			t.Fatal(err)
		}
		// Ten times the money is the same curve.
		scaled := make([]int64, len(equity))
		for i, e := range equity {
			scaled[i] = 10 * e
		}
		cfg.Initial *= 10
		ten, err := perf.Of(cfg, scaled, perf.Result{})
		if err != nil || ten.Sharpe.String() != s.Sharpe.String() || ten.TotalReturn != s.TotalReturn {
			t.Fatalf("scaled: %v and %v, %v", ten.Sharpe, s.Sharpe, err)
		}
	})
}

func TestStatsDoNotDisturbTheCurve(t *testing.T) {
	t.Parallel()
	cfg := perf.Config{Start: at("2024-01-30 00:00"), Interval: day, Initial: 1000}
	asked, err := perf.NewCurve(cfg)
	if err != nil {
		t.Fatal(err)
	}
	equity := []int64{1100, 900, 950, 1200, 1100, 1150}
	for _, e := range equity {
		asked.Update(e)
		asked.Stats(perf.Result{})
	}
	got, err := json.Marshal(asked.Stats(perf.Result{}))
	if err != nil {
		t.Fatal(err)
	}
	want, err := json.Marshal(daily(t, equity, perf.Result{}))
	if err != nil || string(got) != string(want) {
		t.Errorf("got  %s\nwant %s, %v", got, want, err)
	}
}

func BenchmarkCurve(b *testing.B) {
	c, err := perf.NewCurve(perf.Config{Start: at("2024-01-30 00:00"), Interval: time.Minute, Initial: 1_000_000})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	equity, i := int64(1_000_000), int64(0)
	for b.Loop() {
		i++
		equity += (i*7919)%41 - 20
		c.Update(equity)
	}
}
