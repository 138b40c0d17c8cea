package demo

import "time"

// Cycle returns after how long the prices of a pair repeat themselves; 0 for a
// pair that the market does not have.
func (r *Replay) Cycle(pair string) time.Duration {
	p := r.find(pair)
	if p == nil {
		return 0
	}
	return time.Duration(len(p.cycle)) * time.Minute
}

// HistoryStart is when the history that Candles serves begins.
func HistoryStart() time.Time { return time.UnixMilli(startMillis + historyIndex*minute).UTC() }
