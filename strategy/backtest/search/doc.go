// Package search tries many sets of a strategy's parameters over one history and
// says how much the best of them is worth.
//
// It owns the space of sets, the ways to go through it (grid, random, TPE), the
// measure that they compete in, walk-forward windows and the doubts: deflated
// Sharpe ratio, overfitting, stability. It does not own a run (package backtest),
// the formulas (package perf) or how any of it is shown (package backtestreport).
//
// Runs are made by Runners, one for each worker. Local ones share the candles,
// which nobody changes; Remote ones drive whatever runs a backtest elsewhere,
// such as the processes of a plugin host.
//
// Of a set is kept what it scored, its figures, and its returns summed up in
// sixteen blocks: about a kilobyte, however long the history is. No equity curve
// outlives its run, so MaxSets sets take 100 MB.
//
// The result depends on the configuration alone: sets are asked for in batches
// of a fixed size and told in the order of asking, so one worker and many give
// the same bytes.
//
// Smallest use:
//
//	space, err := search.NewSpace(search.SpaceConfig{Schema: def.Schema(), Ranges: []string{"fast=5:50:5", "slow=20:200:10"}})
//	result, err := search.Run(ctx, search.Config{
//		Space: space, Runners: []search.Runner{search.NewLocal(def, cfg, series.Packed())}, Objective: search.Objective{Measure: search.Sharpe},
//	})
//	best, ok := result.Best()
package search
