package replay

import (
	"fmt"
	"strconv"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
)

// Status is where a replay stands.
type Status string

// The states of a replay.
const (
	Queued  Status = "queued"
	Running Status = "running"
	Done    Status = "done"
	Failed  Status = "failed"
)

// Over reports whether nothing more will come.
func (s Status) Over() bool { return s == Done || s == Failed }

// Replay is a parity report that was asked for.
type Replay struct {
	TenantID, BotID string
	Status          Status
	// Attempt counts how often it was begun.
	Attempt int64
	// Done and Total count candles.
	Done, Total int64
	// Reason is why it failed, as a sentence.
	Reason string
	// Report is what it showed; nil until it is done.
	Report *Report
	// RequestedAt is when it was asked for, FinishedAt when it was over; zero
	// before.
	RequestedAt, FinishedAt time.Time
}

// Report is what a bot's replay showed. It is stored as JSON.
type Report struct {
	// From is when the first replayed candle opened and To when the last closed.
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Candles were replayed and identical, with so many Acts.
	Candles int64 `json:"candles"`
	Acts    int64 `json:"acts"`
	// Events are what happened to the bot in between and is no fault, oldest
	// first; the newest MaxEvents.
	Events []Event `json:"events"`
	// Changed is how many of the candles stand otherwise in the history now.
	Changed int64 `json:"changed"`
	// Difference is the first one; nil if all was identical.
	Difference *parity.Difference `json:"difference,omitempty"`
	// Slippage sets what a live bot's exchange made of its orders against a simulation
	// with SimulatedSlippage; nil if there are none.
	Slippage *Slippage `json:"slippage,omitempty"`
}

// Slippage, Compared and Outcome are what a report says of orders at an exchange.
type (
	Slippage = parity.Slippage
	Compared = parity.Compared
	Outcome  = parity.Outcome
)

// SimulatedSlippage is by how much orders that take from the book trade worse in the simulation
// that live bots' orders are compared with: what the form of a backtest begins with.
const SimulatedSlippage exchange.Rate = exchange.RateOne / 2_000

// MaxEvents is how many events a report has.
const MaxEvents = 100

// EventKind says what an event was.
type EventKind string

// The kinds of events.
const (
	// Started: the bot was started anew and missed what was in between.
	Started EventKind = "started"
	// Changed: it went on under other terms.
	Changed EventKind = "changed"
	// Restarted: its worker was started again and it went on.
	Restarted EventKind = "restarted"
	// Skipped: more was heard at once than a tape holds.
	Skipped EventKind = "skipped"
	// Late: it saw candles late.
	Late EventKind = "late"
	// Corrected: the history has other candles now than the bot saw.
	Corrected EventKind = "corrected"
)

// Event is something in a bot's life that is no fault of the bot.
type Event struct {
	Time time.Time `json:"time"`
	Kind EventKind `json:"kind"`
	Text string    `json:"text"`
}

// Percent is how much of the replay is done.
func (r Replay) Percent() int {
	if r.Status == Done {
		return 100
	}
	if r.Total <= 0 {
		return 0
	}
	return int(min(99, 100*r.Done/r.Total))
}

// Headline tells in a sentence what the replay showed, or where it stands.
func (r Replay) Headline() string {
	switch {
	case r.Status == Queued:
		return "Waiting to be replayed."
	case r.Status == Running:
		return fmt.Sprintf("Replaying, %d %% done.", r.Percent())
	case r.Status == Failed || r.Report == nil:
		return "The replay failed: " + r.Reason
	case r.Report.Difference == nil:
		return fmt.Sprintf("Replayed %s: identical.", candles(r.Report.Candles))
	case r.Report.Candles == 0:
		return r.Report.Difference.Describe()
	}
	return fmt.Sprintf("Replayed %s identically, then one differs. %s", candles(r.Report.Candles), r.Report.Difference.Describe())
}

// candles counts candles in words, the thousands set apart.
func candles(n int64) string {
	if n == 1 {
		return "1 candle"
	}
	return exchange.Grouped(strconv.FormatInt(n, 10)) + " candles"
}

// ErrLost is the error of work on a replay that another worker has begun anew: a
// Conflict, code "replay_lost".
var ErrLost = errs.New(errs.Conflict, "replay_lost", "the replay was begun again by another worker")
