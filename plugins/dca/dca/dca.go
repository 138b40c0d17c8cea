// Package dca averages the cost of a position: it buys by schedule, and a ladder
// of limit orders buys more where the price dips. When the price is so much
// above the average, the position is sold and a new cycle begins.
package dca

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/param"
)

// Params are what a tenant chooses. Shares are of the cash at the beginning of
// the cycle.
type Params struct {
	Every     int             `param:"every" group:"Schedule" label:"Buys every" validate:"min=0,max=10000" help:"0 buys once at the beginning of a cycle."`
	Unit      string          `param:"unit" group:"Schedule" label:"Counted in" validate:"oneof=hours candles" options:"hours=Hours,candles=Candles"`
	Size      decimal.Decimal `param:"size" group:"Schedule" label:"Size of a buy" unit:"% of the cash" validate:"min=0.01,max=100" step:"0.01"`
	Dips      int             `param:"dips" group:"Dips" label:"Safety orders" validate:"min=0,max=20" help:"Limit orders below the first buy of a cycle."`
	Dip       decimal.Decimal `param:"dip" group:"Dips" label:"First safety order below the first buy" unit:"%" validate:"min=0.05,max=90" step:"0.05"`
	DipScale  decimal.Decimal `param:"dip_scale" group:"Dips" label:"Growth of the distances" validate:"min=0.5,max=5" step:"0.05" help:"Each further safety order is so many times as far from the one before."`
	DipSize   decimal.Decimal `param:"dip_size" group:"Dips" label:"Size of the first safety order" unit:"% of the cash" validate:"min=0.01,max=100" step:"0.01"`
	SizeScale decimal.Decimal `param:"size_scale" group:"Dips" label:"Growth of the sizes" validate:"min=0.5,max=5" step:"0.05" help:"Each further safety order is so many times as large."`
	Target    decimal.Decimal `param:"target" group:"Exit" label:"Take-profit" unit:"% above the average" validate:"min=0,max=1000" step:"0.1" help:"0 never sells."`
	Stop      decimal.Decimal `param:"stop" group:"Exit" label:"Stop" unit:"% below the average" validate:"min=0,max=99" step:"0.1" help:"0 is none."`
	Cooldown  int             `param:"cooldown" group:"Exit" label:"Pause after a sale" unit:"candles" validate:"min=0,max=10000"`
}

// Check implements strategy.Checker: the safety orders must lie above nothing and
// be paid with what there is.
func (p Params) Check() error {
	hundred := decimal.NewFromInt(100)
	depth, spent := decimal.Zero, p.Size
	gap, size := p.Dip, p.DipSize
	for range p.Dips {
		depth, spent = depth.Add(gap), spent.Add(size)
		gap, size = gap.Mul(p.DipScale).Round(8), size.Mul(p.SizeScale).Round(8)
	}
	var faults param.Errors
	if depth.GreaterThanOrEqual(hundred) {
		faults = append(faults, param.Error{Name: "dips", Reason: "reach " + depth.String() + " % below the first buy, which must be less than 100"})
	}
	if spent.GreaterThan(hundred) {
		faults = append(faults, param.Error{Name: "dip_size", Reason: "lets the first buy and the safety orders take " + spent.String() + " % of the cash, which must be at most 100"})
	}
	if len(faults) > 0 {
		return faults
	}
	return nil
}

// Definition returns the strategy.
func Definition() strategy.Definition {
	d := decimal.RequireFromString
	return strategy.MustDefine(strategy.Info{
		Name: "dca", Version: "1.1.0", Title: "Cost averaging",
		Summary: "Buys by schedule and more into dips, and sells when the price is so much above the average that was paid.",
	}, Params{
		Every: 24, Unit: "hours", Size: d("2"), Dips: 4, Dip: d("1.5"), DipScale: d("1.5"), DipSize: d("4"), SizeScale: d("1.5"), Target: d("2"),
	}, open)
}

// averager is the strategy with its state, which keeps which open order is which
// step of the ladder over restarts.
type averager struct {
	Params Params `json:"-"`
	Rates  Rates  `json:"-"`
	// Active is true during a cycle, and Budget the cash that it began with.
	Active bool
	Budget exchange.Units
	// First is the market order that begins the cycle; 0 once it is over.
	First uint64
	// Rungs are the safety orders, downwards; none until the first buy is filled.
	Rungs []Rung
	// Next is when the schedule buys again, Pause when a new cycle may begin.
	Next, Pause strategy.Timer
	// Again is when safety orders that ended without having bought all are asked for
	// again.
	Again strategy.Timer
}

// Rung is a safety order.
type Rung struct {
	Price  exchange.Ticks
	Volume exchange.Steps
	// Bought is what its newest order has bought.
	Bought exchange.Steps
	// Ref is its order while that is open, else 0.
	Ref uint64
}

// Rates are percentages and factors of the parameters in hundred-millionths.
type Rates struct {
	Size, Dip, DipScale, DipSize, SizeScale exchange.Rate
}

func open(p Params) strategy.Strategy {
	rate := func(d decimal.Decimal) exchange.Rate { return exchange.Rate(d.Shift(8).IntPart()) }
	return &averager{Params: p, Rates: Rates{
		Size: rate(p.Size.Shift(-2)), Dip: rate(p.Dip.Shift(-2)), DipScale: rate(p.DipScale), DipSize: rate(p.DipSize.Shift(-2)), SizeScale: rate(p.SizeScale),
	}}
}

// interval is how long the schedule waits between two buys.
func (s *averager) interval(b *strategy.Bot) time.Duration {
	if s.Params.Unit == "candles" {
		return time.Duration(s.Params.Every) * b.Interval()
	}
	return time.Duration(s.Params.Every) * time.Hour
}
