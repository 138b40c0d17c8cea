// Package breakout is a channel breakout after the Turtles, whom Richard Dennis
// and William Eckhardt taught in 1983; the rules are told in Curtis Faith, Way of
// the Turtle (2007). It buys a close above the highest high of the candles
// before and sells a close below their lowest low or at a stop that follows the
// price. How much it buys follows from how far the stop is.
package breakout

import (
	"math"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/indicator"
)

// Params are what a tenant chooses.
type Params struct {
	Entry int             `param:"entry" group:"Channel" label:"Entry channel" unit:"candles" validate:"min=2,max=5000" help:"Buys a close above their highest high."`
	Exit  int             `param:"exit" group:"Channel" label:"Exit channel" unit:"candles" validate:"min=1,max=5000,ltefield=Entry" help:"Sells a close below their lowest low."`
	ATR   int             `param:"atr" group:"Stop" label:"Period of the true range" unit:"candles" validate:"min=2,max=500"`
	Stop  float64         `param:"stop" group:"Stop" label:"Distance of the stop" unit:"average true ranges" validate:"min=0.1,max=50" step:"0.1"`
	Trail bool            `param:"trail" group:"Stop" label:"The stop follows the price" help:"It only rises. Off, it stays where it was set."`
	Risk  decimal.Decimal `param:"risk" group:"Size" label:"Risk of a trade" unit:"% of the cash" validate:"min=0.01,max=100" step:"0.01" help:"What is lost if the stop is reached."`
	Size  int             `param:"size" group:"Size" label:"Largest size of a buy" unit:"% of the cash" validate:"min=1,max=100" help:"Bounds a buy where the stop is near."`
}

// Definition returns the strategy.
func Definition() strategy.Definition {
	return strategy.MustDefine(strategy.Info{
		Name: "breakout", Version: "1.0.0", Title: "Channel breakout",
		Summary: "Buys new highs, sells new lows, risks a fixed share of the cash a trade and moves its stop up behind the price.",
	}, Params{Entry: 20, Exit: 10, ATR: 20, Stop: 2, Trail: true, Risk: decimal.NewFromInt(1), Size: 100}, open)
}

// turtle is the strategy with its state.
type turtle struct {
	Params Params `json:"-"`
	// Risk is the share of the cash that a trade may lose.
	Risk  exchange.Rate `json:"-"`
	Entry *indicator.Donchian
	Exit  *indicator.Donchian
	ATR   *indicator.ATR
	// Stop is the position's stop; 0 without one.
	Stop exchange.Ticks
}

func open(p Params) strategy.Strategy {
	return &turtle{
		Params: p, Risk: exchange.Rate(p.Risk.Shift(6).IntPart()), // percent in hundred-millionths
		Entry: indicator.NewDonchian(p.Entry), Exit: indicator.NewDonchian(p.Exit), ATR: indicator.NewATR(p.ATR),
	}
}

// Warmup implements strategy.Warmer.
func (s *turtle) Warmup() int { return max(s.Params.Entry+1, 6*s.Params.ATR) }

// OnCandle implements strategy.CandleHandler.
func (s *turtle) OnCandle(b *strategy.Bot, c exchange.Candle) {
	high, low, price := c.High.Float(), c.Low.Float(), c.Close.Float()
	top, bottom := s.Entry.Bands().Upper, s.Exit.Bands().Lower // without this candle
	s.Entry.Update(high, low)
	s.Exit.Update(high, low)
	s.ATR.Update(high, low, price)
	holds := b.Position() >= max(1, b.Market().MinVolume)
	if !holds {
		s.Stop = 0
	}
	var order strategy.Order
	var amount exchange.Units
	switch {
	case b.Warming():
	case holds && price < bottom:
		order = b.SellAll()
	case holds && (s.Params.Trail || s.Stop == 0): // without one, an earlier run left the position
		s.raise(b, c.Close)
	case !holds && price > top && len(b.Orders()) == 0:
		amount = s.size(b.FreeCounter(), c.Close)
		order = b.BuyWith(amount)
	}
	if b.Explaining() {
		s.explain(b, order, state{price: price, top: top, bottom: bottom, amount: amount, holds: holds})
	}
}

// OnFill implements strategy.FillHandler: what was bought gets its stop.
func (s *turtle) OnFill(b *strategy.Bot, f strategy.Fill) {
	if f.Side == exchange.Buy {
		s.raise(b, f.Price)
	}
}

// distance is how far the stop is from the price, in ticks; NaN until the true
// range is ready.
func (s *turtle) distance() float64 { return s.Params.Stop * s.ATR.Value() }

// raise moves the stop up behind a price.
func (s *turtle) raise(b *strategy.Bot, price exchange.Ticks) {
	stop := under(price, s.distance())
	if stop <= s.Stop {
		return
	}
	s.Stop = stop
	b.SetExits(strategy.Exits{Stop: stop})
	if b.Explaining() {
		b.Note("stop at %s: %g average true ranges of %s below %s", b.Price(stop.Float()), s.Params.Stop, b.Price(s.ATR.Value()), b.Price(price.Float()))
	}
}

// size returns how much to buy for so that the fall from the price to the stop
// costs the risk and no more. It is 0 while the true range is not known.
func (s *turtle) size(cash exchange.Units, price exchange.Ticks) exchange.Units {
	distance := max(1, math.Ceil(s.distance()))
	if !(distance < price.Float()) { // also where it is no number
		return 0
	}
	most := (exchange.RateOne / 100 * exchange.Rate(s.Params.Size)).Of(cash)
	risked, err := exchange.MulDiv(int64(cash), int64(s.Risk), int64(exchange.RateOne))
	if err != nil {
		return 0 // cannot be: the risk is a part of the cash
	}
	value, err := price.Times(exchange.Steps(risked / int64(distance)))
	if err != nil {
		return most // so much more than the cash that it does not fit
	}
	return min(value, most)
}

// under returns the price a distance below another, and at least a tick below
// it; 0 if there is none.
func under(price exchange.Ticks, distance float64) exchange.Ticks {
	if !(distance < price.Float()) { // also where the distance is no number
		return 0
	}
	return min(exchange.Ticks(math.Floor(price.Float()-distance)), price-1)
}
