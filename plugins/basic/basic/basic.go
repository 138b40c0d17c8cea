// Package basic is a moving-average cross: it buys when the fast average of the
// closes goes above the slow one and sells when it goes below.
package basic

import (
	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/indicator"
)

// Params are what a tenant chooses.
type Params struct {
	Fast int    `param:"fast" label:"Fast average" unit:"candles" validate:"min=1,max=1000,ltfield=Slow" help:"Follows the price closely."`
	Slow int    `param:"slow" label:"Slow average" unit:"candles" validate:"min=2,max=5000" help:"Shows the trend."`
	Kind string `param:"kind" label:"Kind of average" validate:"oneof=sma ema" options:"sma=Simple,ema=Exponential"`
	Size int    `param:"size" label:"Size of a buy" unit:"% of the free cash" validate:"min=1,max=100"`
}

// Definition returns the strategy.
func Definition() strategy.Definition {
	return strategy.MustDefine(strategy.Info{
		Name: "basic", Version: "1.0.0", Title: "Moving-average cross",
		Summary: "Buys when a fast moving average crosses above a slow one and sells when it crosses below.",
	}, Params{Fast: 10, Slow: 30, Kind: "sma", Size: 100}, open)
}

// average is what both kinds of moving average do.
type average interface {
	Update(x float64) float64
	Ready() bool
}

// cross is the strategy with its state.
type cross struct {
	Params     Params `json:"-"`
	Fast, Slow average
	Cross      indicator.Cross
}

func open(p Params) strategy.Strategy {
	if p.Kind == "ema" {
		return &cross{Params: p, Fast: indicator.NewEMA(p.Fast), Slow: indicator.NewEMA(p.Slow)}
	}
	return &cross{Params: p, Fast: indicator.NewSMA(p.Fast), Slow: indicator.NewSMA(p.Slow)}
}

// Warmup implements strategy.Warmer. An exponential average remembers its
// beginning longer than its period.
func (s *cross) Warmup() int {
	if s.Params.Kind == "ema" {
		return 3 * s.Params.Slow
	}
	return s.Params.Slow
}

// OnCandle implements strategy.CandleHandler.
func (s *cross) OnCandle(b *strategy.Bot, c exchange.Candle) {
	price := c.Close.Float()
	fast, slow := s.Fast.Update(price), s.Slow.Update(price)
	event := s.Cross.Update(fast, slow)
	var order strategy.Order
	switch event {
	case indicator.CrossUp:
		order = b.BuyWith(s.share(b.FreeCounter()))
	case indicator.CrossDown:
		order = b.SellAll()
	case indicator.CrossNone:
	}
	if b.Explaining() {
		s.explain(b, order, event, fast, slow)
	}
}

// share returns the part of the cash that a buy spends.
func (s *cross) share(cash exchange.Units) exchange.Units {
	part, err := exchange.MulDiv(int64(cash), int64(s.Params.Size), 100)
	if err != nil {
		return 0 // cannot be: the part is not larger than the whole
	}
	return exchange.Units(part)
}

// explain says in a sentence what was decided, or why nothing was.
func (s *cross) explain(b *strategy.Bot, order strategy.Order, event indicator.CrossEvent, fast, slow float64) {
	if !s.Slow.Ready() {
		b.Note("waiting: the slow average needs %d candles", s.Params.Slow)
		return
	}
	b.Plot("fast", fast)
	b.Plot("slow", slow)
	way := "above"
	if event == indicator.CrossDown {
		way = "below"
	}
	switch {
	case event == indicator.CrossNone && fast > slow:
		b.Note("waiting: fast %s is above slow %s", b.Price(fast), b.Price(slow))
	case event == indicator.CrossNone:
		b.Note("waiting: fast %s is not above slow %s", b.Price(fast), b.Price(slow))
	case order.Ref() == 0:
		b.Note("fast %s crossed %s slow %s, but there is nothing to trade with", b.Price(fast), way, b.Price(slow))
	default:
		order.Because("fast %s crossed %s slow %s", b.Price(fast), way, b.Price(slow))
	}
}
