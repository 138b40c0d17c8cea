package backtest

import (
	"errors"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/engine"
)

// maxExposures bounds how many of a run's closes are kept with what was held of each
// pair: more than a chart draws.
const maxExposures = 2_048

// Exposure is what a run held of each pair at the close of a candle of its own.
type Exposure struct {
	// Index is the candle's place in the equity column.
	Index int `json:"index"`
	// Worth is what was held of each pair at its newest close, in units of the
	// configuration's market and in the order of its Markets; the rest of the equity
	// is cash.
	Worth []exchange.Units `json:"worth"`
}

// exposures keep what was held at closes of candles in which was traded, by others or by
// the run, equally many apart, for years without a trade are drawn as a line: when there
// are too many, every second one goes.
type exposures struct {
	kept []Exposure
	// seen counts the candles in which was traded; next is which of them is kept next,
	// below 0 for none.
	seen, next, stride int
	// quiet is how many fills were in candles in which nobody else traded.
	quiet int64
	// room is where the amounts of the next ones lie.
	room []exchange.Units
}

// newExposures returns exposures of a run that keep nothing yet, or never do if it is
// a lean one.
func newExposures(cfg Config) exposures {
	if cfg.Lean {
		return exposures{next: -1}
	}
	return exposures{stride: 1}
}

// due counts a candle, in which so many of the run's fills had been quiet ones by its
// close, and reports whether what is held then is to be noted.
func (e *exposures) due(c *exchange.Candle, quiet int64) bool {
	if c.Volume == 0 && quiet == e.quiet {
		return false
	}
	e.quiet = quiet
	e.seen++
	return e.seen-1 == e.next
}

// note keeps what is held at the close of the candle of an index.
func (e *exposures) note(index int, worth ...exchange.Units) {
	e.add(index, worth)
	e.next += e.stride
	if len(e.kept) < maxExposures {
		return
	}
	e.stride *= 2
	half := e.kept[:0]
	for i := 0; i < len(e.kept); i += 2 {
		half = append(half, e.kept[i])
	}
	e.kept = half
}

func (e *exposures) add(index int, worth []exchange.Units) {
	if len(e.room) < len(worth) {
		e.room = make([]exchange.Units, maxExposures/4*len(worth))
	}
	at := e.room[:len(worth):len(worth)]
	e.room = e.room[len(worth):]
	copy(at, worth)
	e.kept = append(e.kept, Exposure{Index: index, Worth: at})
}

// whole returns what was kept, and what is held at the close of the last candle.
func (e *exposures) whole(last int, worth ...exchange.Units) []Exposure {
	if n := len(e.kept); e.next >= 0 && (n == 0 || e.kept[n-1].Index != last) {
		e.add(last, worth)
	}
	return e.kept
}

// worthOf is what a volume is worth at a price; 0 if it does not fit, as the account's
// own value overflows before.
func worthOf(held exchange.Steps, price exchange.Ticks) exchange.Units {
	worth, err := price.Times(held)
	if err != nil {
		return 0
	}
	return worth
}

// worthIn is what is held of each pair of a basket now.
func worthIn(cfg Config, b *engine.Basket) []exchange.Units {
	out := make([]exchange.Units, 0, 1+len(cfg.Pairs))
	for leg, m := range cfg.Markets() {
		a, _ := b.Account(m.Pair)
		out = append(out, cfg.InUnits(int64(leg), worthOf(a.Base, b.LastPrice(m.Pair))))
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
