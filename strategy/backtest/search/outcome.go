package search

import (
	"context"
	"encoding/json"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/perf"
)

const (
	// Points is into how many parts, equally many candles each, a run's equity is
	// thinned; fewer if there are fewer candles.
	Points = 480
	// Blocks is how many blocks the returns of those parts are summed up in.
	Blocks = 16
)

// Runner makes runs of a strategy, each by itself. It is used by one goroutine at a
// time.
//
// Parameters that the strategy refuses are param.Errors, and what else is wrong
// with the set alone is a *SetError; any other error ends the search.
type Runner interface {
	Run(ctx context.Context, job Job) (Outcome, error)
}

// Job is a run of one set of parameters over the candles that open in [From, To); a
// zero time is the end of the history. The strategy warms up with the candles before
// From, as many as it asks for and the history has.
type Job struct {
	Params   json.RawMessage
	From, To time.Time
	// Follow asks for Outcome.Followed, which costs as much as a short run. Defaults
	// to false.
	Follow bool
}

// SetError is why a set cannot be run though others can: a panic, say.
type SetError struct{ Err error }

// Error implements error.
func (e *SetError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *SetError) Unwrap() error { return e.Err }

// Outcome is what a run gave.
type Outcome struct {
	Metrics
	// Candles is how many there were.
	Candles int64
	// Held is the return of holding what the run trades (backtest.Holding).
	Held perf.Number
	// Short says that the strategy asked for more candles of the past than there
	// were before the run.
	Short bool
	// Lacks is what the strategy looks at and the run had not.
	Lacks strategy.Subscription
	// Curve is the equity at the start and at the ends of at most Points parts of
	// equally many candles.
	Curve []Point
	// Followed is what was held at each point of Curve; nil unless the Job asks for it.
	Followed []Followed
}

// Followed is what holding and a run had at a time.
type Followed struct {
	// Held is what holding what the run trades (backtest.Holding) was worth.
	Held exchange.Units
	// Parts are what the run held of each pair as parts of what it was worth, in the
	// order of its Markets; the rest is cash. Nil if the runner cannot tell.
	Parts []float64
}

// Point is the equity at a time in epoch milliseconds.
type Point struct {
	Time   int64
	Equity exchange.Units
}

// Metrics are the figures of a run; those of package perf have its meaning.
type Metrics struct {
	FinalEquity  exchange.Units
	Fees         exchange.Units
	TotalReturn  perf.Number
	CAGR         perf.Number
	Sharpe       perf.Number
	Sortino      perf.Number
	Calmar       perf.Number
	ProfitFactor perf.Number
	WinRate      perf.Number
	Exposure     perf.Number
	// MaxDrawdown is the deepest fall below a peak, as a share of it.
	MaxDrawdown float64
	// Trades counts the closed trades, Fills all fills and QuietFills those in candles in
	// which nobody else traded.
	Trades            int
	Fills, QuietFills int64
}

// returns are the outcome's returns from point to point; what is lost as a whole
// stays lost.
func (o *Outcome) returns() []float64 {
	if len(o.Curve) < 2 {
		return nil
	}
	out := make([]float64, len(o.Curve)-1)
	for i := range out {
		if before := o.Curve[i].Equity; before > 0 {
			out[i] = float64(o.Curve[i+1].Equity-before) / float64(before)
		}
	}
	return out
}
