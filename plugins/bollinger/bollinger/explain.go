package bollinger

import (
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/indicator"
)

// state is what a candle was judged by.
type state struct {
	price  float64
	bands  indicator.Bands
	signal bool // the close crossed the band that is bought at
	wanted bool // the filter lets it through
	holds  bool
}

// explain says in a sentence what was decided, or why nothing was.
func (s *banded) explain(b *strategy.Bot, order strategy.Order, now state) {
	if !s.Bands.Ready() || !s.ready() {
		b.Note("waiting: the bands need %d candles and the true range %d", s.Params.Period, s.Params.ATR+1)
		return
	}
	b.Plot("lower", now.bands.Lower)
	b.Plot("middle", now.bands.Middle)
	b.Plot("upper", now.bands.Upper)
	if stop := b.Exits().Stop; stop > 0 {
		b.Plot("stop", stop.Float())
	}
	price, exit := b.Price(now.price), b.Price(s.line(now.bands))
	way, band, end, edge := "below the lower band", b.Price(now.bands.Lower), "reached", "below"
	if !s.reverts() {
		way, band, end, edge = "above the upper band", b.Price(now.bands.Upper), "fell below", "not below"
	}
	switch {
	case now.holds && order.Ref() != 0:
		order.Because("the close %s %s the exit at %s", price, end, exit)
	case now.holds:
		b.Note("holding: the close %s is %s the exit at %s", price, edge, exit)
	case order.Ref() != 0:
		order.Because("the close %s went %s at %s", price, way, band)
	case now.signal && !now.wanted && s.reverts():
		b.Note("the close %s went %s at %s, but the bands are not wider than their average", price, way, band)
	case now.signal && !now.wanted:
		b.Note("the close %s went %s at %s, but the bands were not narrower than their average before", price, way, band)
	case now.signal:
		b.Note("the close %s went %s at %s, but there is nothing to trade with", price, way, band)
	case now.price < now.bands.Lower && s.reverts(), now.price > now.bands.Upper && !s.reverts():
		b.Note("waiting: the close %s is still %s at %s and must come back first", price, way, band)
	default:
		b.Note("waiting: the close %s is not %s at %s", price, way, band)
	}
}
