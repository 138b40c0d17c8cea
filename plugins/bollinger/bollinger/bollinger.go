// Package bollinger trades at John Bollinger's bands in one of two ways. As a
// reversion it buys a close below the lower band and sells at the middle or the
// upper one; as a breakout it buys a close above the upper band and sells below
// the middle or the lower one.
package bollinger

import (
	"fmt"
	"math"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/indicator"
	"github.com/lunobot/lunobot/strategy/param"
)

// Params are what a tenant chooses.
type Params struct {
	Mode    string  `param:"mode" group:"Bands" label:"Way to trade" validate:"oneof=reversion breakout" options:"reversion=Reversion: buy low,breakout=Breakout: buy strength"`
	Period  int     `param:"period" group:"Bands" label:"Period" unit:"candles" validate:"min=2,max=1000"`
	Width   float64 `param:"width" group:"Bands" label:"Width" unit:"standard deviations" validate:"min=0.1,max=10" step:"0.1"`
	Squeeze int     `param:"squeeze" group:"Bands" label:"Squeeze filter" unit:"candles" validate:"min=0,max=5000" help:"Compares the bands' width with its average: a reversion wants wide bands, a breakout narrow ones before. 0 is off."`
	Exit    string  `param:"exit" group:"Position" label:"Sell at" validate:"oneof=middle band" options:"middle=The middle line,band=The opposite band"`
	Size    int     `param:"size" group:"Position" label:"Size of a buy" unit:"% of the free cash" validate:"min=1,max=100"`
	Stop    float64 `param:"stop" group:"Position" label:"Stop below the purchase" unit:"average true ranges" validate:"min=0,max=50" step:"0.5" help:"0 is no stop."`
	ATR     int     `param:"atr" group:"Position" label:"Period of the true range" unit:"candles" validate:"min=2,max=500"`
}

// Check implements strategy.Checker: the newest of n values lies at most the root of n−1
// standard deviations from their mean, so wider bands are never left and nothing is bought.
func (p Params) Check() error {
	if most := math.Sqrt(float64(p.Period - 1)); p.Width >= most {
		return param.Errors{{Name: "width", Reason: fmt.Sprintf("must be below %.2f: no close of %d can leave wider bands", math.Floor(100*most)/100, p.Period)}}
	}
	return nil
}

// Definition returns the strategy.
func Definition() strategy.Definition {
	return strategy.MustDefine(strategy.Info{
		Name: "bollinger", Version: "1.1.0", Title: "Bollinger bands",
		Summary: "Buys below the lower band and sells at the middle or upper one, or buys the breakout above the upper band.",
	}, Params{Mode: "reversion", Period: 20, Width: 2, Exit: "middle", Size: 100, Stop: 4, ATR: 14}, open)
}

// banded is the strategy with its state.
type banded struct {
	Params Params `json:"-"`
	Bands  *indicator.Bollinger
	ATR    *indicator.ATR
	// Entry tells when the close crosses the band that is bought at.
	Entry indicator.Cross
	// Mean is the average width of the bands, as a share of the middle line;
	// none without the filter.
	Mean *indicator.SMA `json:",omitempty"`
	// Narrow and Wide are how the width compared with its mean at the newest
	// candle.
	Narrow, Wide bool
}

func open(p Params) strategy.Strategy {
	s := &banded{Params: p, Bands: indicator.NewBollinger(p.Period, p.Width), ATR: indicator.NewATR(p.ATR)}
	if p.Squeeze > 0 {
		s.Mean = indicator.NewSMA(p.Squeeze)
	}
	return s
}

// Warmup implements strategy.Warmer.
func (s *banded) Warmup() int { return max(s.Params.Period+s.Params.Squeeze, 6*s.Params.ATR) }

// OnCandle implements strategy.CandleHandler.
func (s *banded) OnCandle(b *strategy.Bot, c exchange.Candle) {
	price := c.Close.Float()
	s.ATR.Update(c.High.Float(), c.Low.Float(), price)
	bands := s.Bands.Update(price)
	calm := s.Narrow // how it was before this candle
	s.measure(bands)
	var signal bool
	if s.reverts() {
		signal = s.Entry.Update(price, bands.Lower) == indicator.CrossDown
	} else {
		signal = s.Entry.Update(price, bands.Upper) == indicator.CrossUp
	}
	wanted := s.Mean == nil || s.reverts() && s.Wide || !s.reverts() && calm
	holds := b.Position() >= max(1, b.Market().MinVolume)
	var order strategy.Order
	switch {
	case b.Warming():
	case holds && s.leaves(price, bands):
		order = b.SellAll()
	case holds && b.Exits().Stop == 0:
		s.protect(b, c.Close) // an earlier run left the position
	case !holds && signal && wanted && s.ready() && len(b.Orders()) == 0:
		order = b.BuyWith((exchange.RateOne / 100 * exchange.Rate(s.Params.Size)).Of(b.FreeCounter()))
	}
	if b.Explaining() {
		s.explain(b, order, state{price: price, bands: bands, signal: signal, wanted: wanted, holds: holds})
	}
}

// OnFill implements strategy.FillHandler: what was bought gets its stop.
func (s *banded) OnFill(b *strategy.Bot, f strategy.Fill) {
	if f.Side == exchange.Buy {
		s.protect(b, f.Price)
	}
}

func (s *banded) reverts() bool { return s.Params.Mode == "reversion" }

// ready reports whether a position could be looked after.
func (s *banded) ready() bool { return s.Params.Stop == 0 || s.ATR.Ready() }

// measure compares the width of the bands with its average.
func (s *banded) measure(bands indicator.Bands) {
	width := (bands.Upper - bands.Lower) / bands.Middle
	if s.Mean == nil || math.IsNaN(width) {
		return
	}
	mean := s.Mean.Update(width)
	s.Narrow, s.Wide = width < mean, width > mean
}

// line is where a position is to end.
func (s *banded) line(bands indicator.Bands) float64 {
	switch {
	case s.Params.Exit == "middle":
		return bands.Middle
	case s.reverts():
		return bands.Upper
	}
	return bands.Lower
}

// leaves reports whether the close ends a position.
func (s *banded) leaves(price float64, bands indicator.Bands) bool {
	if s.reverts() {
		return price >= s.line(bands)
	}
	return price < s.line(bands)
}

// protect sets the stop below a price.
func (s *banded) protect(b *strategy.Bot, price exchange.Ticks) {
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
