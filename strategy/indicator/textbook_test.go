package indicator_test

import (
	"math"

	"github.com/markcheno/go-talib"
)

// The functions here are slow and plain: an indicator's definition as a book has
// it, for what the oracle lacks or sees otherwise.

func hullOracle(h history, n int) [][]float64 {
	weighted := func(values []float64, i, n int) float64 {
		if i < n-1 {
			return math.NaN()
		}
		sum := 0.0
		for k := range n {
			sum += float64(k+1) * values[i-n+1+k]
		}
		return sum / float64(n*(n+1)/2)
	}
	half := max(1, n/2)
	raw := h.column(func(i int) float64 { return 2*weighted(h.closing, i, half) - weighted(h.closing, i, n) })
	return one(h.column(func(i int) float64 { return weighted(raw, i, int(math.Sqrt(float64(n)))) }))
}

func superTrendOracle(h history, n int) [][]float64 {
	reach := talib.Atr(h.high, h.low, h.closing, n)
	upper, lower, line := math.NaN(), math.NaN(), math.NaN()
	up := false
	return one(h.column(func(i int) float64 {
		if i < n {
			return math.NaN()
		}
		middle := (h.high[i] + h.low[i]) / 2
		basicUpper, basicLower := middle+3*reach[i], middle-3*reach[i]
		if i == n {
			upper, lower, up = basicUpper, basicLower, h.closing[i] >= middle
		} else {
			if basicUpper < upper || h.closing[i-1] > upper {
				upper = basicUpper
			}
			if basicLower > lower || h.closing[i-1] < lower {
				lower = basicLower
			}
			if up {
				up = h.closing[i] >= lower
			} else {
				up = h.closing[i] > upper
			}
		}
		line = upper
		if up {
			line = lower
		}
		return line
	}))
}

// smoothed is a stochastic by its definition.
func smoothed(h history, n, smoothing, signal int) [][]float64 {
	fast := h.window(n, func(from, to int) float64 {
		low, high := math.Inf(1), math.Inf(-1)
		for _, b := range h.bars[from:to] {
			low, high = min(low, b.low), max(high, b.high)
		}
		if low == high {
			return 50
		}
		return 100 * (h.closing[to-1] - low) / (high - low)
	})
	mean := func(values []float64, n int) []float64 {
		return h.window(n, func(from, to int) float64 { return sumOf(values[from:to]) / float64(n) })
	}
	k := mean(fast, smoothing)
	return [][]float64{k, mean(k, signal)}
}

func stochasticOracle(h history, n int) [][]float64 { return smoothed(h, n, 3, 4) }

func fitOracle(h history, n int) []float64 {
	return h.window(n, func(from, to int) float64 {
		if n < 3 {
			return math.NaN()
		}
		x, y, xy, xx, yy := 0.0, 0.0, 0.0, 0.0, 0.0
		base := h.closing[from]
		for i := from; i < to; i++ {
			a, b := float64(i-from), h.closing[i]-base
			x, y, xy, xx, yy = x+a, y+b, xy+a*b, xx+a*a, yy+b*b
		}
		m := float64(n)
		spread := m*yy - y*y
		if spread == 0 {
			return 1
		}
		c := m*xy - x*y
		return c * c / ((m*xx - x*x) * spread)
	})
}

func pivotOracle(h history, _ int) [][]float64 {
	const hour = 3_600_000
	out := make([][]float64, 7)
	for i, b := range h.bars {
		levels := [7]float64{math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN()}
		last := i
		for last >= 0 && h.bars[last].time/hour == b.time/hour {
			last--
		}
		if last >= 0 {
			high, low, closing := math.Inf(-1), math.Inf(1), h.closing[last]
			for k := last; k >= 0 && h.bars[k].time/hour == h.bars[last].time/hour; k-- {
				high, low = max(high, h.high[k]), min(low, h.low[k])
			}
			p := (high + low + closing) / 3
			levels = [7]float64{p, 2*p - low, 2*p - high, p + high - low, p - (high - low), high + 2*(p-low), low - 2*(high-p)}
		}
		for k, level := range levels {
			out[k] = append(out[k], level)
		}
	}
	return out
}

func choppinessOracle(h history, n int) [][]float64 {
	if n = max(2, n); n > 100 {
		return nil // the same, only slower
	}
	return one(h.window(n, func(from, to int) float64 {
		way, low, high := 0.0, math.Inf(1), math.Inf(-1)
		for i := from; i < to; i++ {
			low, high = min(low, h.low[i]), max(high, h.high[i])
			if i == 0 {
				way += h.high[i] - h.low[i]
			} else {
				way += max(h.high[i], h.closing[i-1]) - min(h.low[i], h.closing[i-1])
			}
		}
		if high == low {
			return 100
		}
		return max(0, min(100, 100*math.Log10(way/(high-low))/math.Log10(float64(n))))
	}))
}
