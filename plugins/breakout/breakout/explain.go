package breakout

import (
	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// state is what a candle was judged by.
type state struct {
	price, top, bottom float64
	amount             exchange.Units // what a buy was to spend
	holds              bool
}

// explain says in a sentence what was decided, or why nothing was.
func (s *turtle) explain(b *strategy.Bot, order strategy.Order, now state) {
	if !(now.top >= now.bottom) || !s.ATR.Ready() {
		b.Note("waiting: the channel needs %d candles and the true range %d", s.Params.Entry+1, s.Params.ATR+1)
		return
	}
	b.Plot("high", now.top)
	b.Plot("low", now.bottom)
	if s.Stop > 0 {
		b.Plot("stop", s.Stop.Float())
	}
	price := b.Price(now.price)
	switch {
	case now.holds && order.Ref() != 0:
		order.Because("the close %s fell below the low %s of %d candles", price, b.Price(now.bottom), s.Params.Exit)
	case now.holds:
		b.Note("holding: the close %s is not below the low %s, the stop is at %s", price, b.Price(now.bottom), b.Price(s.Stop.Float()))
	case order.Ref() != 0:
		order.Because("the close %s broke the high %s of %d candles; for %s %s the stop %s below risks %s %% of the cash or less",
			price, b.Price(now.top), s.Params.Entry, b.Market().Amount(now.amount).StringFixed(2), b.Market().Counter, b.Price(s.distance()), s.Params.Risk)
	case now.price > now.top:
		b.Note("the close %s broke the high %s of %d candles, but there is nothing to trade with", price, b.Price(now.top), s.Params.Entry)
	default:
		b.Note("waiting: the close %s is not above the high %s of %d candles", price, b.Price(now.top), s.Params.Entry)
	}
}
