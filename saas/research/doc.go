// Package research holds a tenant's backtests, sweeps and walk-forwards: what was
// asked for, how far each is, and what came of it.
//
// It owns runs and their results, the service with the checks of role, plan and
// input, the events, and the interfaces of the store and of the history that
// runs go over. It does not own the work (package backtester), the engine
// (package backtest) or how a result is shown (package backtestreport).
//
// # A run's life
//
// A run is queued, taken by a worker, and ends done, failed or cancelled. What a
// worker writes is fenced by its lease: a worker that lost it changes nothing. A
// run whose worker died is taken again from its beginning, a few times at most.
// While a run waits or runs it holds one of the tenant's places; the place is
// taken in the transaction that stores the run and given back in the one that
// ends it.
//
// # Kinds
//
// A backtest runs one set of parameters. A sweep tries many and keeps what each
// did; its figures are those of the best set's run. A walk-forward chooses a set
// window by window. Both take a plan with advanced backtests, are bounded by
// MaxSets and MaxSearched, and take a place as a backtest does.
//
// # What is kept
//
// Of a finished run the report, every trade and the equity at every candle,
// compressed, MaxResult bytes at most; a result that is larger fails the run.
// The newest runs of a tenant are kept, ServiceConfig.Keep of them; older ones
// go, with their results, when a new one is made.
//
// Smallest use:
//
//	run, err := service.Create(ctx, principal, research.CreateInput{Pair: "XBTMYR", Strategy: "basic"})
//	run, err = service.Run(ctx, principal, run.ID)
package research
