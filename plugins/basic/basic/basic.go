// Package basic buys when a fast average of the closes crosses above a slow one, and sells while it is below.
package basic

import (
	"math"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/indicator"
)

// Params are what a tenant chooses.
type Params struct {
	Fast  int    `param:"fast" label:"Fast average" unit:"candles" validate:"min=1,max=1000,ltfield=Slow" help:"Follows the price closely."`
	Slow  int    `param:"slow" label:"Slow average" unit:"candles" validate:"min=2,max=5000" help:"Shows the trend."`
	Kind  string `param:"kind" label:"Kind of average" validate:"oneof=sma ema" options:"sma=Simple,ema=Exponential"`
	Size  int    `param:"size" label:"Size of a buy" unit:"% of the free cash" validate:"min=1,max=100"`
	Trend int    `param:"trend" label:"Trend filter" unit:"candles" validate:"min=0,max=5000" help:"Buys only above this average; 0 is off."`
}

// Definition returns the strategy.
func Definition() strategy.Definition {
	return strategy.MustDefine(strategy.Info{
		Name: "basic", Version: "1.2.0", Title: "Moving-average cross",
		Summary: "Buys when a fast moving average crosses above a slow one and sells when it crosses below.",
	}, Params{Fast: 10, Slow: 30, Kind: "sma", Size: 100}, open)
}

// average is what both kinds of moving average do.
type average interface{ Update(x float64) float64 }

// cross is the strategy with its state.
type cross struct {
	Params     Params `json:"-"`
	Fast, Slow average
	Trend      average `json:",omitempty"`
	Cross      indicator.Cross
}

func open(p Params) strategy.Strategy {
	return &cross{Params: p, Fast: p.average(p.Fast), Slow: p.average(p.Slow), Trend: p.average(p.Trend)}
}

// average returns an average of n candles; none for 0.
func (p Params) average(n int) average {
	switch {
	case n == 0:
		return nil
	case p.Kind == "ema":
		return indicator.NewEMA(n)
	}
	return indicator.NewSMA(n)
}

// Warmup implements strategy.Warmer. An exponential average remembers its
// beginning longer than its period.
func (s *cross) Warmup() int {
	n := max(s.Params.Slow, s.Params.Trend)
	if s.Params.Kind == "ema" {
		n *= 3
	}
	return n
}

// OnCandle implements strategy.CandleHandler.
func (s *cross) OnCandle(b *strategy.Bot, c exchange.Candle) {
	price, trend := c.Close.Float(), math.Inf(-1)
	if s.Trend != nil {
		trend = s.Trend.Update(price)
	}
	fast, slow := s.Fast.Update(price), s.Slow.Update(price)
	event := s.Cross.Update(fast, slow)
	var order strategy.Order
	if event == indicator.CrossUp && price > trend {
		order = b.BuyWith((exchange.RateOne / 100 * exchange.Rate(s.Params.Size)).Of(b.FreeCounter()))
	} else if s.Cross.Side() == indicator.CrossDown && b.FreeBase() > 0 { // also what a refused sale left
		order = b.SellAll()
	}
	if b.Explaining() {
		s.explain(b, order, event, price, trend, fast, slow)
	}
}

// explain says in a sentence what was decided, or why nothing was.
func (s *cross) explain(b *strategy.Bot, order strategy.Order, event indicator.CrossEvent, price, trend, fast, slow float64) {
	if math.IsNaN(slow) {
		b.Note("waiting: the slow average needs %d candles", s.Params.Slow)
		return
	}
	b.Plot("fast", fast)
	b.Plot("slow", slow)
	b.Plot("trend", trend)
	way := map[indicator.CrossEvent]string{indicator.CrossUp: "crossed above", indicator.CrossDown: "crossed below", indicator.CrossNone: "is below"}[event]
	switch f, sl := b.Price(fast), b.Price(slow); {
	case order.Ref() != 0:
		order.Because("fast %s %s slow %s", f, way, sl)
	case event == indicator.CrossNone && fast > slow:
		b.Note("waiting: fast %s is above slow %s", f, sl)
	case event == indicator.CrossNone:
		b.Note("waiting: fast %s is not above slow %s", f, sl)
	case event == indicator.CrossUp && !(price > trend):
		b.Note("fast %s crossed above slow %s, but the close %s is not above the trend %s", f, sl, b.Price(price), b.Price(trend))
	default:
		b.Note("fast %s %s slow %s, but there is nothing to trade with", f, way, sl)
	}
}
