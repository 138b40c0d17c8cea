// Package lookahead finds strategies that know the future (rule PL3).
//
// It owns the probes: a strategy is run again over a history whose past is the
// same and whose future is another, and must have done the same until then. It
// does not own the runs, which are the caller's, nor what is done about a find.
//
// Check looks at results and so works across processes. A probe at a candle gives
// the history up to it with another close in the range of that candle, or with
// other prices after it; until there the equity must be the same, and at the
// candle the account, valued at the true close. Probes stand where the account
// traded, because what was decided a candle earlier shows there. What no result
// can show is a strategy that knows of the next candle alone and of it nothing but
// open, high, low or volume: those may change how honest orders fill.
//
// Commands looks at what a strategy asks for, candle by candle, which shows that
// too; it runs the strategy in this process and is for its author's tests.
//
// Neither can find a strategy that carries recorded prices in its own code.
//
// Smallest use:
//
//	report, err := lookahead.Check(ctx, lookahead.Config{Whole: result, Run: again})
//	if report.Finding != nil { … }
package lookahead
