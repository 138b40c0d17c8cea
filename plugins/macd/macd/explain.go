package macd

import (
	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/indicator"
)

// state is what a candle was judged by.
type state struct {
	price, trend float64 // the trend is −∞ without the filter
	lines        indicator.MACDLines
	up, holds    bool
}

// explain says in a sentence what was decided, or why nothing was. The chart
// shows the two averages whose difference the line is, as they are prices.
func (s *cross) explain(b *strategy.Bot, order strategy.Order, now state) {
	if !s.MACD.Ready() {
		b.Note("waiting: MACD needs %d candles", s.Params.Slow+s.Params.Signal-1)
		return
	}
	fast, slow := s.MACD.Averages()
	b.Plot("fast", fast)
	b.Plot("slow", slow)
	b.Plot("trend", now.trend)
	line, signal, price, trend := fine(b, now.lines.Line), fine(b, now.lines.Signal), b.Price(now.price), b.Price(now.trend)
	switch {
	case now.holds && order.Ref() != 0:
		order.Because("MACD %s is below its signal %s", line, signal)
	case now.holds:
		b.Note("holding: MACD %s is not below its signal %s", line, signal)
	case order.Ref() != 0:
		order.Because("MACD %s crossed above its signal %s", line, signal)
	case now.up && !s.side(now.lines.Line):
		b.Note("MACD %s crossed above its signal %s, but it is not %s zero", line, signal, s.Params.Zero)
	case now.up && !(now.price > now.trend):
		b.Note("MACD %s crossed above its signal %s, but the close %s is not above the trend %s", line, signal, price, trend)
	case now.up:
		b.Note("MACD %s crossed above its signal %s, but there is nothing to trade with", line, signal)
	case now.lines.Line > now.lines.Signal:
		b.Note("waiting: MACD %s is above its signal %s already", line, signal)
	default:
		b.Note("waiting: MACD %s is not above its signal %s", line, signal)
	}
}

// fine writes a difference of averages with two decimals more than prices have.
func fine(b *strategy.Bot, ticks float64) string {
	m := b.Market()
	return m.Tick.Mul(decimal.NewFromFloat(ticks)).StringFixed(m.PriceScale() + 2)
}
