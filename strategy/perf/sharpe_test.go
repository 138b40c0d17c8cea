package perf_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/strategy/perf"
)

func about(t *testing.T, name string, got perf.Number, want, within float64) {
	t.Helper()
	if !got.Defined() || math.Abs(got.Float()-want) > within {
		t.Errorf("%s = %v, want %v", name, got, want)
	}
}

// moments returns moments with a Sharpe ratio.
func moments(count int, sharpe, skewness, kurtosis float64) perf.Moments {
	return perf.Moments{Count: count, Mean: sharpe, Deviation: 1, Skewness: skewness, Kurtosis: kurtosis}
}

func TestMomentsByHand(t *testing.T) {
	t.Parallel()
	// Mean 2, distances −2, −1, −1, 0, 4: squares 22, cubes 54, fourth powers 274.
	m := perf.MomentsOf([]float64{0, 1, 1, 2, 6})
	near(t, "mean", perf.Number(m.Mean), 2)
	near(t, "deviation", perf.Number(m.Deviation), math.Sqrt(22.0/4))
	near(t, "skewness", perf.Number(m.Skewness), 54.0/5/math.Pow(22.0/5, 1.5))
	near(t, "kurtosis", perf.Number(m.Kurtosis), 274.0/5/math.Pow(22.0/5, 2))
	near(t, "Sharpe", m.Sharpe(), 2/math.Sqrt(5.5))
	for name, returns := range map[string][]float64{"none": nil, "one": {0.1}, "equal": {0.1, 0.1, 0.1}} {
		if m := perf.MomentsOf(returns); m.Sharpe().Defined() || m.Skewness != 0 || m.Kurtosis != 0 || m.Count != len(returns) {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

// The worked examples of both papers.
func TestSharpeRatiosAsPublished(t *testing.T) {
	t.Parallel()
	// Two years of monthly returns with a ratio of 1.59 a year (2012).
	about(t, "probability if normal", perf.ProbabilisticSharpe(moments(24, 0.458, 0, 3), 0), 0.982, 5e-4)
	about(t, "probability", perf.ProbabilisticSharpe(moments(24, 0.458, -2.448, 10.164), 0), 0.913, 5e-4)
	// How many years tell a ratio of 2 a year from one of 1 (2012).
	for _, c := range []struct {
		name     string
		a        float64
		skewness float64
		kurtosis float64
		want     float64
	}{{"daily", 252, 0, 3, 2.73}, {"weekly", 52, 0, 3, 2.83}, {"monthly", 12, 0, 3, 3.24}, {"monthly hedge fund", 12, -0.72, 5.78, 4.99}} {
		n := perf.MinTrackRecord(moments(0, 2/math.Sqrt(c.a), c.skewness, c.kurtosis), 1/math.Sqrt(c.a), 0.95)
		about(t, c.name, perf.Number(n.Float()/c.a), c.want, 5e-3)
	}
	// A ratio of 2.5 a year over five years of 250 days, the best of 100 whose
	// ratios have the variance 1/2 a year (2014).
	about(t, "expected maximum", perf.Number(perf.ExpectedMaxSharpe(100, 0.5/250)), 0.1132, 5e-5)
	best := moments(1250, 2.5/math.Sqrt(250), -3, 10)
	about(t, "deflated", perf.DeflatedSharpe(best, 100, 0.5/250), 0.9004, 5e-4)
	about(t, "deflated, 46 trials", perf.DeflatedSharpe(best, 46, 0.5/250), 0.9505, 5e-4)
	normal := moments(1250, 2.5/math.Sqrt(250), 0, 3)
	about(t, "deflated, normal, 88 trials", perf.DeflatedSharpe(normal, 88, 0.5/250), 0.9505, 5e-4)
}

func TestSharpeRatiosThatTellNothing(t *testing.T) {
	t.Parallel()
	if p := perf.ProbabilisticSharpe(perf.Moments{Count: 9, Mean: 1}, 0); p.Defined() {
		t.Errorf("without deviation: %v", p)
	}
	for _, c := range []struct{ sharpe, benchmark, confidence float64 }{{0.1, 0.1, 0.95}, {-0.1, 0, 0.95}, {0.1, 0, 1}, {0.1, 0, 0}} {
		if n := perf.MinTrackRecord(moments(100, c.sharpe, 0, 3), c.benchmark, c.confidence); n.Defined() {
			t.Errorf("%+v: %v periods", c, n)
		}
	}
	if e := perf.ExpectedMaxSharpe(1, 1) + perf.ExpectedMaxSharpe(0, 1) + perf.ExpectedMaxSharpe(10, 0); e != 0 {
		t.Errorf("one trial, none, and trials that do not differ expect %v", e)
	}
	near(t, "one trial", perf.DeflatedSharpe(moments(100, 0.1, 0, 3), 1, 1), perf.ProbabilisticSharpe(moments(100, 0.1, 0, 3), 0).Float())
}

func TestSharpeRatiosHaveTheirProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		one := rapid.Float64Range(-0.2, 0.2)
		equal := rapid.Custom(func(t *rapid.T) []float64 {
			return slices.Repeat([]float64{one.Draw(t, "return")}, rapid.IntRange(3, 60).Draw(t, "count"))
		})
		returns := rapid.OneOf(rapid.SliceOfN(one, 3, 60), equal).Draw(t, "returns")
		m := perf.MomentsOf(returns)
		if !m.Sharpe().Defined() {
			// Only equal returns have no ratio, and without one nothing is told.
			if spread := slices.Max(returns) - slices.Min(returns); spread > 1e-10*math.Abs(m.Mean)+1e-150 {
				t.Fatalf("returns that differ by %v have no ratio: %+v", spread, m)
			}
			for name, n := range map[string]perf.Number{
				"probability": perf.ProbabilisticSharpe(m, 0), "deflated": perf.DeflatedSharpe(m, 10, 1), "length": perf.MinTrackRecord(m, -1, 0.95),
			} {
				if n.Defined() {
					t.Fatalf("%s of equal returns: %v", name, n)
				}
			}
			return
		}
		if m.Kurtosis < 1+m.Skewness*m.Skewness-1e-6 {
			t.Fatalf("%+v breaks Pearson's inequality", m)
		}
		benchmark := rapid.Float64Range(-1, 1).Draw(t, "benchmark")
		p, higher := perf.ProbabilisticSharpe(m, benchmark), perf.ProbabilisticSharpe(m, benchmark+0.1)
		if p.Defined() && (p < 0 || p > 1 || higher > p) {
			t.Fatalf("probability %v, against a higher benchmark %v", p, higher)
		}
		variance := rapid.Float64Range(1e-6, 1).Draw(t, "variance")
		trials := rapid.IntRange(1, 100_000).Draw(t, "trials")
		if few, many := perf.ExpectedMaxSharpe(trials, variance), perf.ExpectedMaxSharpe(trials+1, variance); few > many {
			t.Fatalf("%d trials expect %v, one more %v", trials, few, many)
		}
		if d := perf.DeflatedSharpe(m, trials, variance); d.Defined() && d > perf.ProbabilisticSharpe(m, 0) {
			t.Fatalf("deflated %v is above %v", d, perf.ProbabilisticSharpe(m, 0))
		}
		// A record as long as it must be tells with the confidence asked for.
		if n := perf.MinTrackRecord(m, 0, 0.95); n.Defined() && n < 1e9 && n > 1.01 {
			long := m
			long.Count = int(math.Ceil(n.Float()))
			if p := perf.ProbabilisticSharpe(long, 0); p < 0.95-1e-9 {
				t.Fatalf("%d periods give %v", long.Count, p)
			}
		}
		// Order does not matter, and scale does not either.
		slices.Reverse(returns)
		for i := range returns {
			returns[i] *= 4
		}
		if o := perf.MomentsOf(returns); math.Abs(o.Sharpe().Float()-m.Sharpe().Float()) > 1e-6*max(1, math.Abs(m.Sharpe().Float())) {
			t.Fatalf("scaled %v, before %v", o.Sharpe(), m.Sharpe())
		}
	})
}

// The expected maximum is what the best of random records shows on average.
func TestExpectedMaximumIsWhatChanceGives(t *testing.T) {
	t.Parallel()
	r := noise(7)
	const trials, rounds = 50, 2000
	sum := 0.0
	for range rounds {
		best := math.Inf(-1)
		for range trials {
			best = max(best, r.NormFloat64()/10)
		}
		sum += best
	}
	about(t, "mean of maxima", perf.Number(sum/rounds), perf.ExpectedMaxSharpe(trials, 0.01), 0.005)
}
