package saas

import (
	"context"
	"fmt"
	"time"

	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/research"
)

// history is the demo market's past, as backtests go over it. A store of real
// candles would take its place as another research.History.
type history struct{ market *demo.Replay }

var _ research.History = history{}

// Span implements research.Spans: from two years before the market's start to
// its present minute.
func (h history) Span(_ context.Context, pair string) (from, to time.Time, err error) {
	if h.market.Cycle(pair) == 0 {
		return time.Time{}, time.Time{}, fmt.Errorf("the demo market has no pair %q", pair)
	}
	return demo.HistoryStart(), h.market.Now().Truncate(time.Minute), nil
}

// Load implements research.History.
func (h history) Load(ctx context.Context, q research.Query) (research.Data, error) {
	first, last, err := h.Span(ctx, q.Pair)
	if err != nil {
		return research.Data{}, err
	}
	if q.From.Before(first) || q.To.After(last) {
		return research.Data{}, fmt.Errorf("there is no history from %s to %s, only from %s to %s", q.From, q.To, first, last)
	}
	series, err := h.market.Series(q.Pair, q.From, q.To)
	if err == nil && q.Interval > series.Interval {
		series, err = series.Aggregate(q.Interval)
	}
	if err != nil {
		return research.Data{}, err
	}
	data := research.Data{Series: series, Origin: demo.Name + ": " + demo.Label}
	if cycle := h.market.Cycle(q.Pair); q.To.Sub(q.From) > cycle {
		data.Notes = append(data.Notes, fmt.Sprintf("The demo market repeats the same %.1f days: this run saw them %.1f times. "+
			"More of them prove nothing more; what does well here may have learned these days by heart.", cycle.Hours()/24, q.To.Sub(q.From).Hours()/cycle.Hours()))
	}
	return data, nil
}
