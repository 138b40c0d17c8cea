package research

import (
	"encoding/json"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/strategy/perf"
)

// Status is where a run stands.
type Status string

// The states of a run.
const (
	Queued    Status = "queued"
	Running   Status = "running"
	Done      Status = "done"
	Failed    Status = "failed"
	Cancelled Status = "cancelled"
)

// Over reports whether nothing more will happen to the run.
func (s Status) Over() bool { return s != Queued && s != Running }

// Request is what a tenant asked for, complete and valid.
type Request struct {
	Name string
	// Kind is what is done with the history.
	Kind Kind
	// Source is where the candles are from, Pair the market's symbol, Recorded the
	// length of the candles there, and Market what they were traded by.
	Source   Source
	Pair     string
	Recorded time.Duration
	Market   exchange.Market
	// Further are further markets of the same source that are traded with the same
	// balance, in the order in which the strategy hears them.
	Further []exchange.Market
	// Strategy is the strategy's name.
	Strategy string
	// StrategyVersion is the version that it is run with; "" is the one that the
	// server contains.
	StrategyVersion string
	// Parameters are the strategy's parameters, complete, as JSON.
	Parameters json.RawMessage
	// Interval is the length of the candles that the strategy decides on. Its
	// orders meet those of Detail.
	Interval time.Duration
	// From is when the first candle opens and To when the last closes; whole
	// intervals.
	From, To time.Time
	// Balance is the cash to begin with, in the counter currency.
	Balance decimal.Decimal
	// MakerFee, TakerFee and Slippage are fractions, such as 0.0025.
	MakerFee, TakerFee, Slippage decimal.Decimal
	Terms                        Terms
	Risk                         bot.Risk
	// FullLook says that a backtest looks closely for knowledge of the future (rule PL3), at
	// every entry and exit, which takes as long as hundreds of backtests. Each looks at a few
	// places.
	FullLook bool
	// Search says what a sweep or a walk forward tries; nil for a backtest.
	Search *Search
	// Sets is how many sets that is at the most, those of all windows counted.
	Sets int
}

// Run is a backtest, a sweep or a walk forward.
type Run struct {
	ID       string
	TenantID string
	Request
	Status Status
	// Reason says in a sentence why a run failed or ended early, or why it waits if it does
	// not wait for a worker; "" else.
	Reason string
	// Done of Total candles have been run; of a sweep or a walk forward these are
	// sets of parameters. The full look for knowledge of the future counts as many again.
	Done, Total int64
	// Attempt counts the workers that began the run.
	Attempt int64
	// Figures are what came of a run that is done; nil before.
	Figures *Figures
	// Line is the equity of a run that is done, in few points, for a small
	// picture.
	Line      []float64
	CreatedAt time.Time
	// StartedAt is when the present or last attempt began, FinishedAt when the
	// run was over; zero before.
	StartedAt  time.Time
	FinishedAt time.Time
}

// Percent returns how much of the run is done, from 0 to 100. Only a run that is
// done has come to 100: one may still fail after its last candle.
func (r Run) Percent() int {
	switch {
	case r.Status == Done:
		return 100
	case r.Total <= 0:
		return 0
	}
	return min(int(min(r.Done, r.Total)*100/r.Total), 99)
}

// Figures are the figures of a run that lists show. Amounts are in the counter
// currency.
type Figures struct {
	Counter string          `json:"counter"`
	Initial decimal.Decimal `json:"initial"`
	Final   decimal.Decimal `json:"final"`
	Profit  decimal.Decimal `json:"profit"`
	Fees    decimal.Decimal `json:"fees"`
	// Held is what buying at the first open and holding would have given.
	Held decimal.Decimal `json:"held"`

	// Return is Profit / Initial, HoldReturn that of the price.
	Return     perf.Number `json:"return"`
	HoldReturn perf.Number `json:"hold_return"`
	// Drawdown is the deepest fall below a peak, as a fraction of it; 0 if there
	// was none.
	Drawdown     perf.Number `json:"drawdown"`
	CAGR         perf.Number `json:"cagr"`
	Volatility   perf.Number `json:"volatility"`
	Sharpe       perf.Number `json:"sharpe"`
	Sortino      perf.Number `json:"sortino"`
	Calmar       perf.Number `json:"calmar"`
	Exposure     perf.Number `json:"exposure"`
	WinRate      perf.Number `json:"win_rate"`
	ProfitFactor perf.Number `json:"profit_factor"`
	Trades       int         `json:"trades"`
	// Warnings is how many warnings the report has.
	Warnings int `json:"warnings"`
	// Best are the parameters of a sweep's best set, of which the other figures
	// are; nil if there is none.
	Best json.RawMessage `json:"best,omitempty"`
}

// Events of runs: their types, as package event carries them. The subject is the
// run's id.
const (
	EventQueued    = "backtest.queued"
	EventDone      = "backtest.done"
	EventFailed    = "backtest.failed"
	EventCancelled = "backtest.cancelled"
	EventDeleted   = "backtest.deleted"
)

// ErrOver is the error of work on a run that is over or gone: a Conflict, code
// "backtest_over".
var ErrOver = errs.New(errs.Conflict, "backtest_over", "the backtest is over")
