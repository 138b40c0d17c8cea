// Package rsi is a mean reversion by Wilder's relative strength index: it buys
// when the index comes back from below the oversold level and sells when it has
// risen to the middle or to the overbought level. A stop a number of average
// true ranges below the purchase bounds the loss.
package rsi

import (
	"math"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/indicator"
)

// Params are what a tenant chooses.
type Params struct {
	Period     int     `param:"period" group:"Index" label:"Period of the index" unit:"candles" validate:"min=2,max=500" help:"Short ones turn often, long ones seldom."`
	Oversold   int     `param:"oversold" group:"Index" label:"Oversold below" validate:"min=1,max=98,ltfield=Middle" help:"Buys when the index comes back above it."`
	Middle     int     `param:"middle" group:"Index" label:"Middle" validate:"min=2,max=98,ltfield=Overbought"`
	Overbought int     `param:"overbought" group:"Index" label:"Overbought above" validate:"min=3,max=99"`
	Exit       string  `param:"exit" group:"Position" label:"Sell at" validate:"oneof=middle overbought" options:"middle=The middle,overbought=The overbought level"`
	Size       int     `param:"size" group:"Position" label:"Size of a buy" unit:"% of the free cash" validate:"min=1,max=100"`
	Stop       float64 `param:"stop" group:"Position" label:"Stop below the purchase" unit:"average true ranges" validate:"min=0,max=50" step:"0.5" help:"0 is no stop."`
	ATR        int     `param:"atr" group:"Position" label:"Period of the true range" unit:"candles" validate:"min=2,max=500"`
}

// Definition returns the strategy.
func Definition() strategy.Definition {
	return strategy.MustDefine(strategy.Info{
		Name: "rsi", Version: "1.0.0", Title: "RSI reversion",
		Summary: "Buys when the relative strength index comes back from oversold and sells when it has recovered, with a stop by volatility.",
	}, Params{Period: 14, Oversold: 30, Middle: 50, Overbought: 70, Exit: "overbought", Size: 100, Stop: 3, ATR: 14}, open)
}

// reversion is the strategy with its state.
type reversion struct {
	Params Params `json:"-"`
	RSI    *indicator.RSI
	ATR    *indicator.ATR
	// Back tells when the index crosses the oversold level.
	Back indicator.Cross
}

func open(p Params) strategy.Strategy {
	return &reversion{Params: p, RSI: indicator.NewRSI(p.Period), ATR: indicator.NewATR(p.ATR)}
}

// Warmup implements strategy.Warmer. Wilder's averages forget their beginning
// slowly.
func (s *reversion) Warmup() int { return 6 * max(s.Params.Period, s.Params.ATR) }

// OnCandle implements strategy.CandleHandler.
func (s *reversion) OnCandle(b *strategy.Bot, c exchange.Candle) {
	price := c.Close.Float()
	s.ATR.Update(c.High.Float(), c.Low.Float(), price)
	rsi := s.RSI.Update(price)
	back := s.Back.Update(rsi, float64(s.Params.Oversold)) == indicator.CrossUp
	holds := b.Position() >= max(1, b.Market().MinVolume)
	var order strategy.Order
	switch {
	case b.Warming():
	case holds && rsi >= s.exit():
		order = b.SellAll()
	case holds && b.Exits().Stop == 0:
		s.protect(b, c.Close) // an earlier run left the position
	case !holds && back && s.ready() && len(b.Orders()) == 0:
		order = b.BuyWith((exchange.RateOne / 100 * exchange.Rate(s.Params.Size)).Of(b.FreeCounter()))
	}
	if b.Explaining() {
		s.explain(b, order, rsi, back, holds)
	}
}

// OnFill implements strategy.FillHandler: what was bought gets its stop.
func (s *reversion) OnFill(b *strategy.Bot, f strategy.Fill) {
	if f.Side == exchange.Buy {
		s.protect(b, f.Price)
	}
}

// ready reports whether a position could be looked after.
func (s *reversion) ready() bool { return s.Params.Stop == 0 || s.ATR.Ready() }

// exit is the index at which a position is sold.
func (s *reversion) exit() float64 {
	if s.Params.Exit == "middle" {
		return float64(s.Params.Middle)
	}
	return float64(s.Params.Overbought)
}

// protect sets the stop below a price.
func (s *reversion) protect(b *strategy.Bot, price exchange.Ticks) {
	if stop := under(price, s.Params.Stop*s.ATR.Value()); s.Params.Stop > 0 && stop > 0 {
		b.SetExits(strategy.Exits{Stop: stop})
		if b.Explaining() {
			b.Note("stop at %s: %g average true ranges of %s below %s", b.Price(stop.Float()), s.Params.Stop, b.Price(s.ATR.Value()), b.Price(price.Float()))
		}
	}
}

// under returns the price a distance below another, and at least a tick below
// it; 0 if there is none.
func under(price exchange.Ticks, distance float64) exchange.Ticks {
	if !(distance < price.Float()) { // also where the distance is no number
		return 0
	}
	return min(exchange.Ticks(math.Floor(price.Float()-distance)), price-1)
}
