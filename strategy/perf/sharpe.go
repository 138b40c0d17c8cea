package perf

import "math"

// euler is the constant of Euler and Mascheroni.
const euler = 0.57721566490153286060651209008240243104215933593992

// ProbabilisticSharpe returns the probability that the true Sharpe ratio of one
// period is above a benchmark's, given the length of the record and how far its
// returns are from normal:
//
//	Z((SR − SR*) × √(n − 1) / √(1 − γ3 × SR + (γ4 − 1) / 4 × SR²))
//
// (Bailey and López de Prado, The Sharpe Ratio Efficient Frontier, Journal of
// Risk 15, 2012). The benchmark is per period too. It is undefined where the
// Sharpe ratio is, and for a record whose skewness and kurtosis leave the
// estimate no variance.
func ProbabilisticSharpe(m Moments, benchmark float64) Number {
	sr := m.Sharpe()
	if !sr.Defined() || m.Count < 2 {
		return undefined()
	}
	z := ratio((sr.Float()-benchmark)*math.Sqrt(float64(m.Count-1)), math.Sqrt(m.sharpeVariance(sr.Float())))
	if !z.Defined() {
		return undefined()
	}
	return Number(normal(z.Float()))
}

// MinTrackRecord returns how many periods a record needs to tell with a
// confidence, such as 0.95, that its Sharpe ratio is above a benchmark's:
//
//	1 + (1 − γ3 × SR + (γ4 − 1) / 4 × SR²) × (Z⁻¹(confidence) / (SR − SR*))²
//
// (Bailey and López de Prado, The Sharpe Ratio Efficient Frontier, Journal of
// Risk 15, 2012). It is undefined for a Sharpe ratio that is not above the
// benchmark: no length would do.
func MinTrackRecord(m Moments, benchmark, confidence float64) Number {
	sr := m.Sharpe()
	if !sr.Defined() || sr.Float() <= benchmark || !(confidence > 0 && confidence < 1) {
		return undefined()
	}
	q := quantile(confidence) / (sr.Float() - benchmark)
	n := Number(1 + m.sharpeVariance(sr.Float())*q*q)
	if !n.Defined() {
		return undefined()
	}
	return n
}

// sharpeVariance is the variance of an estimated Sharpe ratio × (n − 1); not
// below 0, though the moments of a small sample may say so.
func (m Moments) sharpeVariance(sr float64) float64 {
	return max(0, 1-m.Skewness*sr+(m.Kurtosis-1)/4*sr*sr)
}

// ExpectedMaxSharpe returns the Sharpe ratio that the best of several trials is
// expected to show if none has any skill, by the variance of the trials' Sharpe
// ratios:
//
//	√V × ((1 − γ) × Z⁻¹(1 − 1/N) + γ × Z⁻¹(1 − 1/(N e)))
//
// with Euler's γ (Bailey and López de Prado, The Deflated Sharpe Ratio, Journal
// of Portfolio Management 40, 2014). It is 0 for one trial, which is no choice.
// Trials that resemble each other count for fewer; counting them in full errs on
// the strict side.
func ExpectedMaxSharpe(trials int, variance float64) float64 {
	if trials < 2 || !(variance > 0) {
		return 0
	}
	n := float64(trials)
	return math.Sqrt(variance) * ((1-euler)*upper(1/n) + euler*upper(1/(n*math.E)))
}

// DeflatedSharpe returns the probability that the best of several trials has a
// true Sharpe ratio above 0 once it is taken into account that it was chosen:
// ProbabilisticSharpe against ExpectedMaxSharpe (Bailey and López de Prado, The
// Deflated Sharpe Ratio, Journal of Portfolio Management 40, 2014). Variance is
// that of the Sharpe ratios of all trials, per period.
func DeflatedSharpe(m Moments, trials int, variance float64) Number {
	return ProbabilisticSharpe(m, ExpectedMaxSharpe(trials, variance))
}

// normal is the standard normal distribution function.
func normal(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }

// quantile is the inverse of normal; upper(p) is quantile(1 − p), exact for a
// small p too.
func quantile(p float64) float64 { return -upper(p) }

func upper(p float64) float64 { return math.Sqrt2 * math.Erfcinv(2*p) }
