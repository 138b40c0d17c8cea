package indicator

import "math"

// PriceAt returns the next value that would bring the index to a level above 0
// and below 100, NaN until Ready: where the price must go for a signal. The
// equation is that of Giorgos Siligardos, Reverse Engineering RSI (Stocks &
// Commodities, 2003).
func (r *RSI) PriceAt(level float64) float64 {
	if !r.Ready() || !(level > 0 && level < 100) {
		return math.NaN()
	}
	before := float64(r.gain.period - 1)
	gain, loss := float64(before*r.gain.value), float64(before*r.loss.value)
	if rise := float64(loss*(level/(100-level))) - gain; rise >= 0 {
		return r.last + rise
	}
	return r.last + loss - float64(gain*((100-level)/level))
}

// Averages returns the two averages whose difference is the line, each NaN until
// it is ready. Unlike the line they are prices and fit on a chart of prices.
func (m *MACD) Averages() (fast, slow float64) { return m.fast.Value(), m.slow.Value() }
