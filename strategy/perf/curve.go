package perf

import (
	"errors"
	"math"
	"time"
)

const (
	day  = 24 * time.Hour
	year = 365 * day
)

// Config describes an equity curve.
type Config struct {
	// Initial is the equity at Start, in units; above 0.
	Initial int64
	// Interval is the length of a candle; at least a millisecond.
	Interval time.Duration
	// Start is when the first candle opens.
	Start time.Time
}

// Curve gathers an equity curve's statistics while it grows. An update costs a
// comparison or two: peaks and troughs are followed candle by candle, relative
// drawdowns are computed once for each valley and returns once a day. A Curve
// belongs to one goroutine. Make it with NewCurve.
type Curve struct {
	// start and interval are in milliseconds, start since the epoch.
	start, interval int64
	initial, last   int64
	// count is the number of candles so far.
	count int64

	// The valley between the last peak and now: under is how many candles the
	// equity has been below the peak.
	peak, trough    int64
	under, troughAt int64
	// Of the valleys that are over:
	deepest           Drawdown
	longest, drowning int64

	// left is how many candles the day still has.
	left int64
	// dayAt and dayEquity are the time and the equity that the day began with.
	dayAt, dayEquity int64
	days             sample

	month       time.Month
	year        int
	monthEquity int64
	// monthFrom is the number of the last candle before the month.
	monthFrom int64
	months    []Month
}

// Drawdown is a fall of the equity from a peak.
type Drawdown struct {
	// Depth is the fall as a share of the peak, from 0 to 1.
	Depth float64 `json:"depth"`
	// Amount is the fall in units.
	Amount int64 `json:"amount"`
	// Peak and Trough are the times of the highest and the lowest equity.
	Peak   time.Time `json:"peak"`
	Trough time.Time `json:"trough"`
	// Recovery is when the peak was reached again; nil if it was not.
	Recovery *time.Time `json:"recovery"`
}

// Month is the return of one calendar month (UTC), or of the part of it that
// the curve covers.
type Month struct {
	Year   int        `json:"year"`
	Month  time.Month `json:"month"`
	Return Number     `json:"return"`
}

// sample gathers daily returns: mean and sum of squared distances by Welford
// (Technometrics 4, 1962), and the squared losses.
type sample struct {
	n                     int64
	mean, squares, losses float64
}

func (s *sample) add(r float64) {
	s.n++
	d := r - s.mean
	s.mean += d / float64(s.n)
	s.squares += float64(d * (r - s.mean))
	if r < 0 {
		s.losses += float64(r * r)
	}
}

// NewCurve returns a curve that has only its initial equity.
func NewCurve(cfg Config) (*Curve, error) {
	var problems []error
	if cfg.Initial <= 0 {
		problems = append(problems, errors.New("perf: the initial equity must be above 0"))
	}
	if cfg.Interval < time.Millisecond || cfg.Interval%time.Millisecond != 0 {
		problems = append(problems, errors.New("perf: the interval must be whole milliseconds"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	start := cfg.Start.UTC()
	c := &Curve{
		start: start.UnixMilli(), interval: cfg.Interval.Milliseconds(), initial: cfg.Initial, last: cfg.Initial,
		peak: cfg.Initial, trough: math.MaxInt64, dayAt: start.UnixMilli(), dayEquity: cfg.Initial,
		month: start.Month(), year: start.Year(), monthEquity: cfg.Initial,
	}
	c.left = c.candlesOfDay()
	return c, nil
}

// Update adds the equity at the next candle's close, in units.
func (c *Curve) Update(equity int64) {
	c.count++
	c.last = equity
	if equity < c.peak {
		c.under++
		if equity < c.trough {
			c.trough, c.troughAt = equity, c.count
		}
	} else {
		if c.under > 0 {
			c.recover()
		}
		c.peak = equity
	}
	if c.left--; c.left == 0 {
		c.closeDay()
	}
}

// time returns when the candle of a number closed; 0 is the start.
func (c *Curve) time(candle int64) time.Time { return time.UnixMilli(c.at(candle)).UTC() }

func (c *Curve) at(candle int64) int64 { return c.start + candle*c.interval }

// candlesOfDay returns how many candles it takes from here to midnight.
func (c *Curve) candlesOfDay() int64 {
	now, length := c.at(c.count), day.Milliseconds()
	midnight := now - ((now%length)+length)%length + length
	return max(1, (midnight-now+c.interval-1)/c.interval)
}

// valley returns the present valley as a drawdown that is not over.
func (c *Curve) valley() Drawdown {
	return Drawdown{
		Depth: float64(c.peak-c.trough) / float64(c.peak), Amount: c.peak - c.trough,
		Peak: c.time(c.count - c.under), Trough: c.time(c.troughAt),
	}
}

// recover ends a valley: the equity is at its peak again.
func (c *Curve) recover() {
	v := c.valley()
	v.Peak = c.time(c.count - c.under - 1)
	if v.Depth > c.deepest.Depth {
		at := c.time(c.count)
		v.Recovery = &at
		c.deepest = v
	}
	c.longest = max(c.longest, c.under+1)
	c.drowning += c.under
	c.under, c.trough = 0, math.MaxInt64
}

// closeDay takes the return of the day that ends here, unless it began in the
// middle, and of the month if it ends too.
func (c *Curve) closeDay() {
	now := c.at(c.count)
	if now-c.dayAt > day.Milliseconds()-c.interval {
		c.days.add(change(c.dayEquity, c.last))
	}
	c.dayAt, c.dayEquity = now, c.last
	c.left = c.candlesOfDay()
	if y, m, _ := c.time(c.count).Date(); m != c.month || y != c.year {
		c.months = append(c.months, c.partMonth())
		c.year, c.month, c.monthEquity, c.monthFrom = y, m, c.last, c.count
	}
}

// partMonth returns the present month as far as it has come.
func (c *Curve) partMonth() Month {
	return Month{Year: c.year, Month: c.month, Return: Number(change(c.monthEquity, c.last))}
}

// change is the simple return from one equity to another; there is none from
// nothing.
func change(from, to int64) float64 {
	if from <= 0 {
		return 0
	}
	return float64(to-from) / float64(from)
}
