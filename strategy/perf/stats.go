package perf

import (
	"math"
	"time"
)

// Result is what the statistics need beside the equity curve.
type Result struct {
	// Trades are the trades of the curve's time.
	Trades []Trade
	// FirstPrice is the open of the first candle and LastPrice the close of the
	// last one, in ticks, or the worth of what was held then of several: what
	// holding instead would have given. 0 leaves that out.
	FirstPrice, LastPrice int64
}

// Stats are the figures of an equity curve and its trades.
type Stats struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	// Candles is how many candles the curve has.
	Candles int64 `json:"candles"`
	// Initial, Final and Profit are in units.
	Initial int64 `json:"initial"`
	Final   int64 `json:"final"`
	Profit  int64 `json:"profit"`
	// TotalReturn is Profit / Initial.
	TotalReturn Number `json:"total_return"`
	// CAGR is the compound annual growth rate, (Final / Initial)^(year / time) −
	// 1 (CFA Institute, Global Investment Performance Standards, 2020);
	// undefined for a curve of less than a day.
	CAGR Number `json:"cagr"`
	// Volatility is the standard deviation of the daily returns as a sample,
	// × √365.
	Volatility Number `json:"volatility"`
	// Sharpe is the mean daily return divided by its standard deviation, × √365
	// (Sharpe, Journal of Portfolio Management 21, 1994).
	Sharpe Number `json:"sharpe"`
	// Sortino is the mean daily return divided by the root of the mean squared
	// loss over all days, × √365 (Sortino and Price, Journal of Investing 3,
	// 1994, with the target 0).
	Sortino Number `json:"sortino"`
	// Calmar is CAGR divided by the deepest drawdown (Young, Futures, October
	// 1991, there over three years, here over the whole curve).
	Calmar Number `json:"calmar"`
	// Days is the number of daily returns that the four figures rest on.
	Days int64 `json:"days"`
	// MaxDrawdown is the deepest drawdown; nil if the equity never fell.
	MaxDrawdown *Drawdown `json:"max_drawdown"`
	// LongestDrawdownSeconds is the longest time from a peak until it was
	// reached again, or until the end.
	LongestDrawdownSeconds int64 `json:"longest_drawdown_seconds"`
	// UnderWater is the share of the candles that closed below an earlier peak.
	UnderWater Number `json:"under_water"`
	// Exposure is the share of the time in which a trade was open.
	Exposure Number `json:"exposure"`
	// BuyAndHold is the return of the price, without fees; Excess is
	// TotalReturn less it.
	BuyAndHold Number `json:"buy_and_hold"`
	Excess     Number `json:"excess"`
	// Months are the monthly returns, oldest first.
	Months []Month `json:"months"`
	// Trades are the figures of the trades.
	Trades TradeStats `json:"trades"`
}

// Of computes the statistics of a whole curve: the equity at the close of each
// candle, in units.
func Of(cfg Config, equity []int64, r Result) (Stats, error) {
	c, err := NewCurve(cfg)
	if err != nil {
		return Stats{}, err
	}
	for _, e := range equity {
		c.Update(e)
	}
	return c.Stats(r), nil
}

// Stats returns the statistics so far; the curve can go on growing.
func (c *Curve) Stats(r Result) Stats {
	end := c.time(c.count)
	elapsed := end.Sub(c.time(0))
	s := Stats{
		Start: c.time(0), End: end, Candles: c.count, Days: c.days.n,
		Initial: c.initial, Final: c.last, Profit: c.last - c.initial,
		TotalReturn: ratio(float64(c.last-c.initial), float64(c.initial)),
		CAGR:        undefined(), BuyAndHold: undefined(), Excess: undefined(),
		Exposure: ratio(float64(exposed(r.Trades, c.time(0), end)), float64(elapsed)),
		Months:   append([]Month{}, c.months...), Trades: tradeStats(r.Trades),
	}
	if c.count > c.monthFrom {
		s.Months = append(s.Months, c.partMonth())
	}
	if elapsed >= day && c.last >= 0 {
		s.CAGR = ratio(math.Pow(float64(c.last)/float64(c.initial), float64(year)/float64(elapsed))-1, 1)
	}
	c.risk(&s)
	c.drawdowns(&s)
	if r.FirstPrice > 0 && r.LastPrice > 0 {
		s.BuyAndHold = Number(change(r.FirstPrice, r.LastPrice))
		s.Excess = s.TotalReturn - s.BuyAndHold
	}
	return s
}

// risk sets the figures that rest on daily returns.
func (c *Curve) risk(s *Stats) {
	s.Volatility, s.Sharpe, s.Sortino = undefined(), undefined(), undefined()
	if c.days.n < 2 {
		return
	}
	period := max(day, time.Duration(c.interval)*time.Millisecond)
	annual := math.Sqrt(float64(year) / float64(period))
	deviation := math.Sqrt(c.days.squares / float64(c.days.n-1))
	if deviation < 1e-12*math.Abs(c.days.mean) {
		deviation = 0 // equal returns differ by rounding only
	}
	s.Volatility = Number(deviation * annual)
	s.Sharpe = ratio(c.days.mean*annual, deviation)
	s.Sortino = ratio(c.days.mean*annual, math.Sqrt(c.days.losses/float64(c.days.n)))
}

// drawdowns sets the figures of the valleys, the present one included.
func (c *Curve) drawdowns(s *Stats) {
	deepest, longest := c.deepest, c.longest
	if c.under > 0 {
		if v := c.valley(); v.Depth > deepest.Depth {
			deepest = v
		}
		longest = max(longest, c.under)
	}
	s.Calmar = undefined()
	if deepest.Depth > 0 {
		s.MaxDrawdown = &deepest
		s.Calmar = ratio(s.CAGR.Float(), deepest.Depth)
	}
	s.LongestDrawdownSeconds = longest * c.interval / 1000
	s.UnderWater = ratio(float64(c.drowning+c.under), float64(c.count))
}
