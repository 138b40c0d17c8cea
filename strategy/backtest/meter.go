package backtest

import (
	"fmt"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/perf"
)

// Meter measures a run from its equity at each candle's close. Where candles are
// missing the account stood still, so that times and days come out right. It
// belongs to one goroutine; make it with NewMeter.
type Meter struct {
	curve *perf.Curve
	span  int64
	next  int64 // when the next candle opens if there is no gap
	last  int64
}

// NewMeter returns a meter of a run whose first candles open at from, in epoch
// milliseconds, and at these prices, in the order of the configuration's Markets.
func NewMeter(cfg Config, from int64, opens ...exchange.Ticks) (*Meter, error) {
	initial := int64(cfg.Initial(opens...))
	curve, err := perf.NewCurve(perf.Config{Initial: initial, Interval: cfg.Interval, Start: time.UnixMilli(from)})
	if err != nil {
		return nil, fmt.Errorf("measuring the run: %w", err)
	}
	return &Meter{curve: curve, span: cfg.Interval.Milliseconds(), next: from, last: initial}, nil
}

// Add takes the equity, in units, at the close of the candle that opened at a
// time in epoch milliseconds.
func (m *Meter) Add(open, equity int64) {
	for ; m.next < open; m.next += m.span {
		m.curve.Update(m.last)
	}
	m.curve.Update(equity)
	m.next += m.span
	m.last = equity
}

// Stats returns the statistics of the run, of which the meter has seen every
// candle and r has the trades.
func (m *Meter) Stats(r *Result) perf.Stats {
	trades := r.perfTrades()
	for leg := range len(r.Pairs) + 1 {
		if a := r.AccountOf(int64(leg)); a.Base > 0 {
			trades = append(trades, perf.Trade{EntryTime: time.UnixMilli(a.Opened).UTC()})
		}
	}
	first, last := r.compared()
	return m.curve.Stats(perf.Result{Trades: trades, FirstPrice: first, LastPrice: last})
}

// Stats returns the statistics of a run that has its equity curve.
func (r *Result) Stats() (perf.Stats, error) {
	m, err := NewMeter(r.Config, r.From, r.Opens()...)
	if err != nil {
		return perf.Stats{}, err
	}
	for s, segment := range r.Segments {
		end := len(r.Equity)
		if s+1 < len(r.Segments) {
			end = r.Segments[s+1].Index
		}
		open := segment.Time
		for _, e := range r.Equity[segment.Index:end] {
			m.Add(open, e)
			open += m.span
		}
	}
	return m.Stats(r), nil
}

// TradeReturns returns what each closed trade did to the account, as
// perf.TradeReturns does.
func (r *Result) TradeReturns() []float64 {
	return perf.TradeReturns(int64(r.Initial()), r.perfTrades())
}

// perfTrades returns the closed trades as package perf reads them.
func (r *Result) perfTrades() []perf.Trade {
	out := make([]perf.Trade, 0, r.Trades.Len()+1)
	for _, t := range r.Trades.All() {
		out = append(out, perf.Trade{
			EntryTime: time.UnixMilli(t.EntryTime).UTC(), ExitTime: time.UnixMilli(t.ExitTime).UTC(),
			Profit: int64(r.Config.InUnits(t.Leg, t.Profit())), Fees: int64(r.Config.InUnits(t.Leg, t.EntryFee+t.ExitFee)),
		})
	}
	return out
}
