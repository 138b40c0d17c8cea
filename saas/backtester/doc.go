// Package backtester is the worker of backtests: it takes queued runs under
// leases, runs them in plugin processes of their own, and stores what came of
// them.
//
// It owns the choice of the next run, the bound on how many run at once, the
// progress that tenants see, and what they are told when a run fails. It does
// not own runs and their rules (package research), the engine (package backtest)
// or the processes (package pluginhost). It is a package of its own beside
// runner, the worker of bots: the two share leases and nothing else.
//
// A backtest is run in one process, which then looks in the cheap form whether the
// strategy knows the future. A sweep or a walk-forward runs its sets in several,
// one after another in each.
//
// Runs are taken fairly: the tenant with the fewest runs at work is next, and of
// one tenant the oldest. A run is not gone on with after a crash but begun anew,
// because it takes seconds to minutes and has no state worth keeping; one that
// ends its worker again and again is given up.
//
// A run that makes no progress is ended by the host. It keeps its place so long, so what
// may well hang (see research.Hangs) comes last and one at a time, and while one tenant
// has all places there is one more for another. What a tenant's hangs have used up the time
// of waits in the queue.
//
// A run that was cancelled is dropped when the worker next looks, which it does
// with every note of progress, when it is woken, and at least once a second.
//
// Smallest use:
//
//	b, err := backtester.New(backtester.Config{…})
//	err = b.Start(ctx)
//	defer b.Stop()
package backtester
