package parity

import (
	"fmt"
	"time"
)

// Cause is why a replay comes to something else.
type Cause string

// The causes.
const (
	// Data: the candles are not those that the bot saw.
	Data Cause = "data"
	// Late: a candle came to the history after the bot had taken its minute for
	// one without a trade.
	Late Cause = "late_candle"
	// Version: another version of the strategy ran.
	Version Cause = "version"
	// Venue: the same orders met another answer.
	Venue Cause = "venue"
	// Unsteady: the strategy, given the same, does not always decide alike.
	Unsteady Cause = "not_deterministic"
	// Engine: the engine of today cannot replay the session.
	Engine Cause = "engine"
	// Missing: the tape lacks something that the bot was told.
	Missing Cause = "missing_event"
)

// Difference is the first thing that a replay did otherwise.
type Difference struct {
	Cause Cause `json:"cause"`
	// Time is when the candle closed at which it was.
	Time time.Time `json:"time"`
	// Recorded and Replayed are the acts that differ; "" where there was none.
	Recorded string `json:"recorded,omitempty"`
	Replayed string `json:"replayed,omitempty"`
	// Detail says in a sentence why.
	Detail string `json:"detail"`
}

// Describe tells the difference in plain words.
func (d Difference) Describe() string {
	at := d.Time.UTC().Format("2006-01-02 15:04") + " UTC"
	switch {
	case d.Recorded == "" && d.Replayed == "":
		return fmt.Sprintf("At %s: %s", at, d.Detail)
	case d.Recorded == "":
		return fmt.Sprintf("At %s the replay did more than the bot: %s. %s", at, d.Replayed, d.Detail)
	case d.Replayed == "":
		return fmt.Sprintf("At %s the bot did more than the replay: %s. %s", at, d.Recorded, d.Detail)
	}
	return fmt.Sprintf("At %s the bot did: %s. The replay did: %s. %s", at, d.Recorded, d.Replayed, d.Detail)
}

// Report is what a replay showed.
type Report struct {
	// From is when the first replayed candle opened and To when the last closed.
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Candles were replayed, with so many Acts, and were identical.
	Candles int64 `json:"candles"`
	Acts    int64 `json:"acts"`
	// Restarts is how often another worker, or the same after a restart, went on.
	Restarts int `json:"restarts"`
	// LateCandles is how many were seen more than LateAfter after their close,
	// as after a pause of the worker; Latest is the longest delay of them.
	LateCandles int64         `json:"late_candles"`
	Latest      time.Duration `json:"latest"`
	// Changed is how many of the candles stand otherwise in the market's history
	// now, the first of them at ChangedFrom.
	Changed     int64     `json:"changed"`
	ChangedFrom time.Time `json:"changed_from,omitzero"`
	// Difference is the first one; nil if all was identical.
	Difference *Difference `json:"difference,omitempty"`
}

// LateAfter is how long after its close a candle counts as late.
const LateAfter = 2 * time.Minute
