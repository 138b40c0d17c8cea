// Package report measures how bots have done, from their journal.
//
// It owns which part of the journal counts: that of the account that the bot has
// now, since it began. It does not own the formulas, which are package perf's
// with their sources, nor the pages and the API that show the figures.
//
// Smallest use:
//
//	p, err := report.Measure(ctx, store, b, market)
//	if p.Sharpe.Defined() { … }
package report
