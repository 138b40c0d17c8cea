// Package grid trades a ladder of prices between a low and a high one: each cell
// between two neighbouring lines buys at the lower and sells at the upper, over
// and over, as long as the price swings within the ladder.
package grid

import (
	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/param"
)

// Params are what a tenant chooses.
type Params struct {
	Low     decimal.Decimal `param:"low" group:"Ladder" label:"Lowest line" unit:"counter currency" validate:"min=0" help:"0, as the highest line too, lays the ladder around the price at the start."`
	High    decimal.Decimal `param:"high" group:"Ladder" label:"Highest line" unit:"counter currency" validate:"min=0"`
	Reach   decimal.Decimal `param:"reach" group:"Ladder" label:"Reach around the price" unit:"% up and down" validate:"min=0.1,max=90" step:"0.1" help:"Counts only without lowest and highest line."`
	Lines   int             `param:"lines" group:"Ladder" label:"Lines" validate:"min=2,max=50"`
	Spacing string          `param:"spacing" group:"Ladder" label:"Spacing" validate:"oneof=arithmetic geometric" options:"arithmetic=Arithmetic: equal amounts apart,geometric=Geometric: equal percentages apart"`
	Size    int             `param:"size" group:"Money" label:"Cash at work" unit:"% of the free cash" validate:"min=1,max=100" help:"Shared by the cells; the rest pays the fees."`
	Stock   bool            `param:"stock" group:"Money" label:"Buy what the upper cells sell" help:"Off, cells above the price wait until it has been there."`
	Stop    decimal.Decimal `param:"stop" group:"Money" label:"Stop below the ladder" unit:"% below the lowest line" validate:"min=0,max=99" step:"0.1" help:"Sells everything and ends. 0 is no stop."`
}

// Check implements strategy.Checker.
func (p Params) Check() error {
	switch {
	case p.Low.IsZero() && p.High.IsZero():
		return nil
	case p.Low.IsZero():
		return param.Errors{{Name: "low", Reason: "must be above 0 where there is a highest line"}}
	case p.High.LessThanOrEqual(p.Low):
		return param.Errors{{Name: "high", Reason: "must be above Lowest line (" + p.Low.String() + ")"}}
	}
	return nil
}

// Definition returns the strategy.
func Definition() strategy.Definition {
	return strategy.MustDefine(strategy.Info{
		Name: "grid", Version: "1.1.0", Title: "Grid",
		Summary: "Keeps limit orders on a ladder of prices: what is bought at a line is sold one line higher, over and over.",
	}, Params{Reach: decimal.NewFromInt(5), Lines: 11, Spacing: "geometric", Size: 95, Stock: true}, open)
}

// ladder is the strategy with its state, which keeps the ladder and which open
// order belongs to which cell over restarts.
type ladder struct {
	Params Params `json:"-"`
	// Lines are the prices of the ladder, upwards; none until it is laid.
	Lines []exchange.Ticks
	// Cells are the spaces between the lines: cell i buys at line i and sells at
	// line i+1.
	Cells []Cell
	// Stock is the market order that buys what the upper cells sell; 0 if there
	// is none under way.
	Stock uint64
	// Stop is the price that ends the grid; 0 for none.
	Stop exchange.Ticks
	// Over is true once the stop was reached.
	Over bool
	// Price is the newest close.
	Price exchange.Ticks
	// Problem is why no ladder could be laid.
	Problem string
}

// Cell is one space of the ladder. It has at most one open order: a purchase at
// its lower line or a sale at its upper one.
type Cell struct {
	// Volume is what it buys.
	Volume exchange.Steps
	// Held is what it has bought and not sold yet.
	Held exchange.Steps
	// Ref is its open order, 0 if there is none, and Side that order's side.
	Ref  uint64
	Side exchange.Side
	// Rest is set after its order was refused.
	Rest strategy.Timer
}

func open(p Params) strategy.Strategy { return &ladder{Params: p} }
