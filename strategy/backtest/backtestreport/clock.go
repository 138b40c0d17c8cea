package backtestreport

import "sort"

// closeTime returns when the candle of the index closed, in epoch milliseconds.
func (r *Report) closeTime(index int) int64 {
	segments := r.result.Segments
	at := sort.Search(len(segments), func(i int) bool { return segments[i].Index > index }) - 1
	return segments[at].Time + int64(index-segments[at].Index+1)*r.result.Config.Interval.Milliseconds()
}

// indexAt returns the candle that was open at a time.
func (r *Report) indexAt(ms int64) int {
	segments := r.result.Segments
	at := max(0, sort.Search(len(segments), func(i int) bool { return segments[i].Time > ms })-1)
	index := segments[at].Index + int((ms-segments[at].Time)/r.result.Config.Interval.Milliseconds())
	return min(max(0, index), len(r.result.Equity)-1)
}
