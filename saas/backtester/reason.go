package backtester

import (
	"errors"
	"fmt"
	"time"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
)

// historyError is a history that does not give what a run needs.
type historyError struct{ err error }

// Error implements error.
func (e *historyError) Error() string { return "reading the history: " + e.err.Error() }

// Unwrap returns the cause.
func (e *historyError) Unwrap() error { return e.err }

// reasonOf tells a tenant in a sentence why a run failed. Details that are not
// the tenant's are in the log.
func reasonOf(r research.Run, limit time.Duration, err error) string {
	var run *plugin.RunError
	var refused *plugin.BotError
	var dead *pluginhost.Error
	var known *errs.Error
	var wrong *searchError
	var lacks *backtest.LackError
	switch {
	case errors.As(err, &lacks):
		return fmt.Sprintf("The history has no candles of %s, which the run trades, any more. Choose another pair.", lacks.Pair)
	case errors.As(err, &run):
		return fmt.Sprintf("The strategy %s ended the run: %s", r.Strategy, run.Text)
	case errors.As(err, &refused):
		return fmt.Sprintf("The strategy %s ended the run: %s", r.Strategy, refused.Text)
	case errors.As(err, &dead):
		return fmt.Sprintf("The strategy %s %s", r.Strategy, pluginReason(dead.Kind))
	case errors.As(err, &wrong):
		return "The search could not be made: " + wrong.Error() + "."
	case errors.Is(err, errTooLong):
		return fmt.Sprintf("The run took longer than %s and was stopped. Try a shorter time, or a strategy that does less at each candle.", limit)
	case errors.As(err, new(*historyError)):
		return fmt.Sprintf("The history of %s could not be read. Try again in a while.", r.Pair)
	case errors.As(err, &known) && known.Kind != errs.Internal:
		return known.Message
	}
	return "Something went wrong here, which is not your fault, and the run was given up. Try again; if it happens again, tell support its number, " + r.ID + "."
}

// pluginReason completes "The strategy … ".
func pluginReason(kind pluginhost.Kind) string {
	switch kind {
	case pluginhost.NotFound:
		return "is not installed here any more."
	case pluginhost.Start, pluginhost.Handshake:
		return "could not be started. Whoever runs this installation finds the cause in the log."
	case pluginhost.Tampered:
		return "was not started: its file is not the one that was approved."
	case pluginhost.Protocol:
		return "speaks another version of the protocol than this server: one of the two has to be upgraded."
	case pluginhost.Garbage:
		return "answered what cannot be understood."
	case pluginhost.Timeout:
		return "made no progress for too long and was stopped."
	case pluginhost.Overuse:
		return "was stopped: it used more of the processor, of memory or of files than a strategy may."
	case pluginhost.Broken:
		return "failed too often in a row and rests for a few minutes."
	case pluginhost.Crashed:
		return "failed: its process ended by itself during the run."
	case pluginhost.Stopped:
		return "was stopped during the run."
	}
	return "failed. Whoever runs this installation finds the cause in the log."
}
