// Package macd trades the cross of Gerald Appel's MACD and its signal line: it
// buys when the line goes above the signal and sells while it is below. Two
// filters can keep it out: the side of zero that the line is on, and a long
// average of the closes.
package macd

import (
	"math"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/indicator"
)

// Params are what a tenant chooses.
type Params struct {
	Fast   int    `param:"fast" group:"MACD" label:"Fast average" unit:"candles" validate:"min=1,max=1000,ltfield=Slow"`
	Slow   int    `param:"slow" group:"MACD" label:"Slow average" unit:"candles" validate:"min=2,max=2000"`
	Signal int    `param:"signal" group:"MACD" label:"Signal" unit:"candles" validate:"min=2,max=500" help:"Average of the line, which the line crosses."`
	Zero   string `param:"zero" group:"Filters" label:"Side of zero" validate:"oneof=any above below" options:"any=Any,above=Above: with the trend,below=Below: early"`
	Trend  int    `param:"trend" group:"Filters" label:"Trend filter" unit:"candles" validate:"min=0,max=5000" help:"Buys only above this exponential average of the closes; 0 is off."`
	Size   int    `param:"size" group:"Position" label:"Size of a buy" unit:"% of the free cash" validate:"min=1,max=100"`
}

// Definition returns the strategy.
func Definition() strategy.Definition {
	return strategy.MustDefine(strategy.Info{
		Name: "macd", Version: "1.0.0", Title: "MACD cross",
		Summary: "Buys when MACD crosses above its signal line and sells below it, filtered by the zero line and a long average.",
	}, Params{Fast: 12, Slow: 26, Signal: 9, Zero: "any", Size: 100}, open)
}

// cross is the strategy with its state.
type cross struct {
	Params Params `json:"-"`
	MACD   *indicator.MACD
	// Trend is the long average; none without the filter.
	Trend *indicator.EMA `json:",omitempty"`
	// Cross tells when the line crosses the signal.
	Cross indicator.Cross
}

func open(p Params) strategy.Strategy {
	s := &cross{Params: p, MACD: indicator.NewMACD(p.Fast, p.Slow, p.Signal)}
	if p.Trend > 0 {
		s.Trend = indicator.NewEMA(p.Trend)
	}
	return s
}

// Warmup implements strategy.Warmer. Exponential averages remember their
// beginning longer than their period.
func (s *cross) Warmup() int { return 3 * max(s.Params.Slow+s.Params.Signal, s.Params.Trend) }

// OnCandle implements strategy.CandleHandler.
func (s *cross) OnCandle(b *strategy.Bot, c exchange.Candle) {
	now := state{price: c.Close.Float(), trend: math.Inf(-1)}
	if s.Trend != nil {
		now.trend = s.Trend.Update(now.price)
	}
	now.lines = s.MACD.Update(now.price)
	now.up = s.Cross.Update(now.lines.Line, now.lines.Signal) == indicator.CrossUp
	now.holds = b.Position() >= max(1, b.Market().MinVolume)
	var order strategy.Order
	switch {
	case b.Warming():
	case now.holds && now.lines.Line < now.lines.Signal:
		order = b.SellAll()
	case !now.holds && now.up && s.side(now.lines.Line) && now.price > now.trend && len(b.Orders()) == 0:
		order = b.BuyWith((exchange.RateOne / 100 * exchange.Rate(s.Params.Size)).Of(b.FreeCounter()))
	}
	if b.Explaining() {
		s.explain(b, order, now)
	}
}

// side reports whether the line is on the side of zero that is wanted.
func (s *cross) side(line float64) bool {
	switch s.Params.Zero {
	case "above":
		return line > 0
	case "below":
		return line < 0
	}
	return true
}
