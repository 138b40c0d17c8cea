package engine

import (
	"fmt"

	"github.com/lunobot/lunobot/exchange"
)

// Seek is Session.Seek for all pairs: it places a basket right after the newest
// closed candle of each of them, one for each pair.
func (b *Basket) Seek(newest []PairCandle) error {
	if len(newest) != len(b.legs) {
		return fmt.Errorf("engine: %d candles are given for %d pairs", len(newest), len(b.legs))
	}
	for _, l := range b.legs {
		if len(l.state.Orders) > 0 {
			return fmt.Errorf("engine: %d orders of %s are open", len(l.state.Orders), l.cfg.Market.Pair)
		}
	}
	seen := make([]bool, len(b.legs))
	for i := range newest {
		n := b.index(newest[i].Pair)
		if n < 0 || seen[n] {
			return fmt.Errorf("engine: the candle of %q is of no pair, or a second one", newest[i].Pair)
		}
		seen[n] = true
	}
	b.now = 0
	for i := range newest {
		l := b.legs[b.index(newest[i].Pair)]
		l.take(&newest[i].Candle)
		l.cfg.Venue.Candle(&l.present.Candle)
		l.priced()
		l.sync()
		b.now = max(b.now, l.now())
	}
	worth, err := b.worth((*Session).worthAt)
	if err != nil {
		return fmt.Errorf("engine: what the account is worth: %w", err)
	}
	b.own().appraise(worth)
	return b.failed
}

// Resume is Session.Resume for the candles of the bot's own pair.
func (b *Basket) Resume(candles []exchange.Candle) { b.own().Resume(candles) }

// ResumePair is Resume for a further pair, which Seek has placed, and
// Session.ResumePair for one that is only looked at.
func (b *Basket) ResumePair(pair string, newest int64, candles []exchange.Candle) {
	if l := b.find(pair); l != nil {
		l.Resume(candles)
		return
	}
	b.own().ResumePair(pair, newest, candles)
}

// PairTime returns when the newest candle that the basket has had of a pair opened,
// one that it trades or only looks at, in epoch milliseconds; 0 if it has had none.
func (b *Basket) PairTime(pair string) int64 {
	if l := b.find(pair); l != nil {
		return l.state.LastTime
	}
	return b.own().PairTime(pair)
}

// Sequence returns how many candles of the bot's own pair the basket has taken.
func (b *Basket) Sequence() int64 { return b.own().state.Sequence }

// Renew lets the numbers of orders of a new basket go on from the next one of an
// earlier account.
func (b *Basket) Renew(next uint64) {
	b.own().state.NextRef = max(b.own().state.NextRef, next)
	b.own().sync()
}

// index returns which of the pairs a name is; -1 for none.
func (b *Basket) index(pair string) int {
	for n, l := range b.legs {
		if l.cfg.Market.Pair == pair {
			return n
		}
	}
	return -1
}
