package backtester

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/strategy/backtest"
)

// mostBeside bounds the candles of other pairs that one run holds.
const mostBeside = 3 * research.MaxCandles

// library has what the strategy of a run trades and looks at beside the candles of its
// market.
// What it has read it keeps for the other runs of a search.
type library struct {
	history  research.History
	run      research.Run
	interval time.Duration
	// lead is how long before the run candles are read.
	lead time.Duration

	mu    sync.Mutex
	pairs map[string]*marketdata.Packed
	held  int
	// notes say where the candles of further pairs that are traded lack.
	notes []string
}

var _ backtest.Library = (*library)(nil)

func (j *job) library(r research.Run, cfg backtest.Config) *library {
	return &library{history: j.b.cfg.History, run: r, interval: cfg.Interval, pairs: map[string]*marketdata.Packed{}}
}

// Candles implements backtest.Library. A pair of which the run's source has nothing
// has none.
func (l *library) Candles(ctx context.Context, pair string) (*marketdata.Packed, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if list, ok := l.pairs[pair]; ok {
		return list, nil
	}
	ref := research.Ref{Source: l.run.Source, Pair: pair}
	offer, err := l.history.Offer(ctx, ref)
	var data research.Data
	if err == nil {
		ref.Recorded = offer.Recorded
		from, to := latest(l.run.From.Add(-l.lead), offer.From.Truncate(l.interval)), earliest(l.run.To, offer.To)
		if l.interval%offer.Recorded != 0 || !from.Before(to) {
			l.pairs[pair] = nil
			return nil, nil
		}
		data, err = l.history.Load(ctx, research.Query{Ref: ref, Interval: l.interval, From: from, To: to})
	}
	if err != nil && errs.KindOf(err) != errs.NotFound {
		return nil, &historyError{err}
	}
	if l.held += len(data.Candles); l.held > mostBeside {
		return nil, errs.New(errs.Conflict, "too_many_candles",
			"The other pairs that the strategy trades or looks at have more than %s candles in this time. Choose a shorter time, or fewer pairs.", exchange.Grouped(fmt.Sprint(mostBeside)))
	}
	l.pairs[pair] = data.Packed()
	if slices.ContainsFunc(l.run.Further, func(m exchange.Market) bool { return m.Pair == pair }) {
		l.note(pair, data)
	}
	return l.pairs[pair], nil
}

// note notes where the candles of a traded pair lack.
func (l *library) note(pair string, data research.Data) {
	const minute = "2006-01-02 15:04"
	n := len(data.Candles)
	if n == 0 {
		return
	}
	from, to := data.Candles[0].OpenTime(), data.Candles[n-1].OpenTime().Add(l.interval)
	if from.After(l.run.From) || to.Before(l.run.To) {
		l.notes = append(l.notes, fmt.Sprintf("The candles of %s go from %s to %s UTC only: outside of that it cannot be traded, and a position keeps the value of its last close.",
			pair, from.Format(minute), to.Format(minute)))
	}
	if n := data.Read.Filled; n > 0 {
		l.notes = append(l.notes, fmt.Sprintf("Missing candles of %s: %s, each filled with the last close and no volume.", pair, exchange.Grouped(fmt.Sprint(n))))
	}
}

// lacking returns the notes, in an order that does not depend on which run read
// first.
func (l *library) lacking() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := slices.Clone(l.notes)
	slices.Sort(out)
	return out
}

// Trades implements backtest.Library.
func (l *library) Trades(ctx context.Context, from, to time.Time) (backtest.TradeSource, error) {
	tape, err := l.history.Trades(ctx, l.run.Ref(), from, to)
	if err != nil {
		return nil, &historyError{err}
	}
	if tape == nil {
		return nil, nil //nolint:nilnil // a library without trades
	}
	return tape, nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// brought runs backtests one after another with what the strategy looks at.
type brought struct {
	Process
	library *library
	needs   backtest.Needs
}

// bring asks the strategy what it looks at.
func (j *job) bring(ctx context.Context, p Process, r research.Run, cfg backtest.Config) (*brought, error) {
	needs, err := p.Needs(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &brought{Process: p, library: j.library(r, cfg), needs: needs}, nil
}

// over runs a backtest over candles, which go through a function unless that is nil.
func (b *brought) over(
	ctx context.Context, cfg backtest.Config, candles *marketdata.Packed, through backtest.Through, progress func(done int64),
) (*backtest.Result, error) {
	if first := candles.Index(cfg.Begin); first < candles.Len() {
		var err error
		if cfg, err = backtest.Priced(ctx, b.library, cfg, candles.At(first)); err != nil {
			return nil, unframed(err)
		}
	}
	src, end, err := backtest.Bring(ctx, b.library, cfg, b.needs, candles, through)
	if err != nil {
		return nil, unframed(err)
	}
	defer end()
	return b.Process.Backtest(ctx, cfg, src, progress)
}

// unframed returns the error that a tenant is told, if it is within another.
func unframed(err error) error {
	var known *errs.Error
	if errors.As(err, &known) {
		return known
	}
	return err
}
