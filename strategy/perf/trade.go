package perf

import (
	"cmp"
	"slices"
	"time"
)

// Trade is a position from its entry to its exit.
type Trade struct {
	EntryTime time.Time
	// ExitTime is zero while the position is open. An open trade counts for the
	// exposure and nothing else.
	ExitTime time.Time
	// Profit is in units, after fees.
	Profit int64
	// Fees are what was paid on both sides, in units.
	Fees int64
}

// TradeStats are the figures of the closed trades. A trade without profit or
// loss is neither won nor lost.
type TradeStats struct {
	Count int `json:"count"`
	Won   int `json:"won"`
	Lost  int `json:"lost"`
	// WinRate is the share of the trades that were won.
	WinRate Number `json:"win_rate"`
	// ProfitFactor is the sum of the profits divided by the sum of the losses
	// (Kaufman, Trading Systems and Methods, 1998).
	ProfitFactor Number `json:"profit_factor"`
	// Expectancy is the mean profit of a trade in units (Tharp, Trade Your Way
	// to Financial Freedom, 1998, there divided by the mean loss).
	Expectancy Number `json:"expectancy"`
	// AverageWin and AverageLoss are means in units, both positive.
	AverageWin  Number `json:"average_win"`
	AverageLoss Number `json:"average_loss"`
	// LargestWin and LargestLoss are in units, both positive or 0.
	LargestWin  int64 `json:"largest_win"`
	LargestLoss int64 `json:"largest_loss"`
	// LongestLosing is the largest number of trades lost one after another, in
	// the order of their exits.
	LongestLosing int `json:"longest_losing"`
	// Fees are those of all trades in units.
	Fees int64 `json:"fees"`
	// AverageSeconds is the mean time from entry to exit.
	AverageSeconds Number `json:"average_seconds"`
}

// tradeStats computes the figures of the closed trades.
func tradeStats(trades []Trade) TradeStats {
	closed := slices.DeleteFunc(slices.Clone(trades), func(t Trade) bool { return t.ExitTime.IsZero() })
	slices.SortStableFunc(closed, func(a, b Trade) int { return a.ExitTime.Compare(b.ExitTime) })
	s := TradeStats{Count: len(closed)}
	var won, lost, held float64
	losing := 0
	for _, t := range closed {
		s.Fees += t.Fees
		held += t.ExitTime.Sub(t.EntryTime).Seconds()
		if t.Profit >= 0 {
			losing = 0
		}
		switch {
		case t.Profit > 0:
			s.Won++
			won += float64(t.Profit)
			s.LargestWin = max(s.LargestWin, t.Profit)
		case t.Profit < 0:
			s.Lost++
			lost -= float64(t.Profit)
			s.LargestLoss = max(s.LargestLoss, -t.Profit)
			losing++
			s.LongestLosing = max(s.LongestLosing, losing)
		}
	}
	n := float64(s.Count)
	s.WinRate = ratio(float64(s.Won), n)
	s.ProfitFactor = ratio(won, lost)
	s.Expectancy = ratio(won-lost, n)
	s.AverageWin = ratio(won, float64(s.Won))
	s.AverageLoss = ratio(lost, float64(s.Lost))
	s.AverageSeconds = ratio(held, n)
	return s
}

// exposed returns how long at least one trade was open between two times.
func exposed(trades []Trade, from, to time.Time) time.Duration {
	type span struct{ from, to time.Time }
	spans := make([]span, 0, len(trades))
	for _, t := range trades {
		s := span{t.EntryTime, t.ExitTime}
		if s.to.IsZero() || s.to.After(to) {
			s.to = to
		}
		if s.from.Before(from) {
			s.from = from
		}
		spans = append(spans, s)
	}
	slices.SortFunc(spans, func(a, b span) int {
		return cmp.Or(a.from.Compare(b.from), a.to.Compare(b.to))
	})
	var total time.Duration
	reached := from
	for _, s := range spans {
		if s.from.Before(reached) {
			s.from = reached
		}
		if s.to.After(s.from) {
			total += s.to.Sub(s.from)
			reached = s.to
		}
	}
	return total
}
