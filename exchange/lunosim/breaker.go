package lunosim

import (
	"context"
	"math"

	"github.com/shopspring/decimal"
)

// The circuit breaker's usual measures: the mean price of every five minutes is held
// against that of the five before, in milliseconds and per cent.
const (
	breakerWindow  = 5 * minute
	breakerPercent = 10
)

// measures returns how long the windows of a circuit breaker are and how far the price
// may move between two.
func (f Fault) measures() (window int64, percent int) {
	window, percent = breakerWindow, breakerPercent
	if f.Delay > 0 {
		window = f.Delay
	}
	if f.Percent > 0 {
		percent = f.Percent
	}
	return window, percent
}

// halted reports whether the last full window's mean price is further from that of the
// one before than it may be. A window without a trade has none: after a halt, in which
// nothing trades, the market goes on.
func (s *Sim) halted(pair string, now, window int64, percent int) (bool, error) {
	end := now - now%window
	tape, err := s.venue.NewestTrades(context.Background(), pair, end-2*window, math.MaxInt)
	if err != nil {
		return false, err
	}
	var value, volume [2]decimal.Decimal // of the window that is over, and of the one before
	for _, t := range tape {
		if t.Time >= end {
			continue
		}
		i := 0
		if t.Time < end-window {
			i = 1
		}
		v := decimal.NewFromInt(int64(t.Volume))
		value[i], volume[i] = value[i].Add(v.Mul(decimal.NewFromInt(int64(t.Price)))), volume[i].Add(v)
	}
	if volume[0].IsZero() || volume[1].IsZero() {
		return false, nil
	}
	// |value₀/volume₀ − value₁/volume₁| > share × value₁/volume₁, without a division
	last, before := value[0].Mul(volume[1]), value[1].Mul(volume[0])
	return last.Sub(before).Abs().GreaterThan(before.Mul(decimal.New(int64(percent), -2))), nil
}

// tick lets the circuit breakers look at a window that is over.
func (s *Sim) tick() {
	due := s.faults.due.Load()
	if due == 0 || s.now() < due {
		return
	}
	if err := s.settle(); err != nil {
		s.cfg.Log.Error("lunosim: a circuit breaker failed", "error", err)
	}
}

// breaks halts the markets whose price has moved too far for a circuit breaker, and
// returns when it looks again. The caller holds settling.
func (s *Sim) breaks(f Fault, now int64, states map[string]string) (next int64, err error) {
	window, percent := f.measures()
	for _, pair := range s.pairs {
		if f.Pair != "" && f.Pair != pair || states[pair] != "" {
			continue
		}
		halted, err := s.halted(pair, now, window, percent)
		if err != nil {
			return 0, err
		}
		if halted {
			states[pair] = "POST_ONLY"
			if s.forced[pair] == "" {
				s.faults.strikeOne(f.ID)
			}
		}
	}
	return now - now%window + window, nil
}
