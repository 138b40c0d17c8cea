package backtest

import (
	"errors"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/engine"
)

// maxExposures bounds how many of a run's closes are kept with what was held of each
// pair: more than a chart draws.
const maxExposures = 2_048

// Exposure is what a run of several pairs held of each of them at the close of a
// candle of its own.
type Exposure struct {
	// Index is the candle's place in the equity column.
	Index int `json:"index"`
	// Worth is what was held of each pair at its newest close, in units of the
	// configuration's market and in the order of its Markets; the rest of the equity
	// is cash.
	Worth []exchange.Units `json:"worth"`
}

// exposures keep what was held at closes that are equally many candles apart: when
// there are too many, every second one goes.
type exposures struct {
	kept   []Exposure
	stride int
}

// note takes what is held at the close of a candle, if that one is kept.
func (e *exposures) note(cfg Config, index int, b *engine.Basket) {
	if e.stride = max(e.stride, 1); index%e.stride != 0 {
		return
	}
	e.kept = append(e.kept, exposureOf(cfg, index, b))
	if len(e.kept) < maxExposures {
		return
	}
	e.stride *= 2
	half := e.kept[:0]
	for _, one := range e.kept {
		if one.Index%e.stride == 0 {
			half = append(half, one)
		}
	}
	e.kept = half
}

// whole returns what was kept, and what is held at the close of the last candle.
func (e *exposures) whole(cfg Config, last int, b *engine.Basket) []Exposure {
	if n := len(e.kept); n > 0 && e.kept[n-1].Index == last {
		return e.kept
	}
	return append(e.kept, exposureOf(cfg, last, b))
}

// exposureOf is what is held now.
func exposureOf(cfg Config, index int, b *engine.Basket) Exposure {
	out := Exposure{Index: index}
	for leg, m := range cfg.Markets() {
		a, _ := b.Account(m.Pair)
		worth, err := b.LastPrice(m.Pair).Times(a.Base)
		if err != nil {
			worth = 0 // the account's own value overflows before
		}
		out.Worth = append(out.Worth, cfg.InUnits(int64(leg), worth))
	}
	return out
}

// CheckExposures reports what is wrong with the exposures of a result that came from
// somebody else; that there are none is nothing.
func (r *Result) CheckExposures() error {
	last := -1
	for _, e := range r.Exposures {
		if e.Index <= last || int64(e.Index) >= r.Candles || len(e.Worth) != 1+len(r.Pairs) || len(r.Exposures) > maxExposures+1 {
			return errors.New("backtest: what was held over time does not fit the run")
		}
		last = e.Index
	}
	return nil
}
