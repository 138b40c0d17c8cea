package perf

import "math"

// Moments describe a sample of returns of equal periods, by which a Sharpe
// ratio is judged. They are per period, nothing is made annual.
type Moments struct {
	// Count is the number of returns.
	Count int `json:"count"`
	// Mean is their mean and Deviation their standard deviation as a sample.
	Mean      float64 `json:"mean"`
	Deviation float64 `json:"deviation"`
	// Skewness is the third standardised moment, 0 for a symmetric sample, and
	// Kurtosis the fourth, 3 for a normal one; both are 0 for equal returns.
	Skewness float64 `json:"skewness"`
	Kurtosis float64 `json:"kurtosis"`
}

// MomentsOf returns the moments of the returns.
func MomentsOf(returns []float64) Moments {
	m := Moments{Count: len(returns)}
	if m.Count == 0 {
		return m
	}
	n, sum := float64(m.Count), 0.0
	for _, r := range returns {
		sum += r
	}
	m.Mean = sum / n
	var second, third, fourth float64
	for _, r := range returns {
		d := r - m.Mean
		s := float64(d * d)
		second += s
		third += float64(s * d)
		fourth += float64(s * s)
	}
	if m.Count < 2 {
		return m
	}
	if m.Deviation = math.Sqrt(second / (n - 1)); m.Deviation < 1e-12*math.Abs(m.Mean) {
		m.Deviation = 0 // equal returns differ by rounding only
	}
	if m.Deviation > 0 {
		variance := second / n
		m.Skewness = third / n / math.Pow(variance, 1.5)
		m.Kurtosis = fourth / n / (variance * variance)
	}
	return m
}

// Sharpe returns the Sharpe ratio of one period: Mean / Deviation. It is
// undefined for fewer than two returns and for equal ones.
func (m Moments) Sharpe() Number { return ratio(m.Mean, m.Deviation) }
