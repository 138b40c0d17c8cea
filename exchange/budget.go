package exchange

import (
	"context"
	"time"
)

// Turn says who wants to make a call, and how badly.
type Turn struct {
	// Bot is whose queue the call waits in; "" for what belongs to no bot.
	Bot string
	// Urgent calls may use the reserve: cancels and protective exits.
	Urgent bool
	// Spare calls are those by which nobody trades, as of backtests and pages: they
	// leave half of what is beside the reserve to the others. A call is not both.
	Spare bool
	// Bots is how many bots have calls waiting in this process, this one among them;
	// 0 if nobody counted, which is one. A budget that several processes share gives
	// them turns accordingly.
	Bots int
}

// Budget is how many calls an account may make of its venue. All that call for
// the account share one, in whatever process they are (rule T10). It is safe for
// concurrent use.
//
// One for several processes lives in a store that they share; which of the
// waiting calls is asked for next is the caller's matter, within one process.
type Budget interface {
	// Take asks for one call. Where wait is 0 the call is counted and may be made
	// at once. Otherwise nothing is counted, and asking again earlier than after
	// wait is of no use. An error means that the budget was not reached: the call
	// must not be made.
	Take(ctx context.Context, t Turn) (wait time.Duration, err error)
	// Pause lets no call of the account pass for so long, urgent ones included:
	// the venue has said that there were too many. A pause never shortens one that
	// is under way.
	Pause(ctx context.Context, d time.Duration) error
}
