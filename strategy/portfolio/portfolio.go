package portfolio

import (
	"fmt"

	"github.com/lunobot/lunobot/exchange"
)

// Portfolio is one bot's account in one market. It is a value without pointers
// and can be copied and saved as JSON; it is not safe for concurrent use.
type Portfolio struct {
	// Base is the position. Fees taken in base are finer than a step; Dust is
	// what is held beyond Base, less than one step.
	Base exchange.Steps `json:"base"`
	Dust exchange.Dust  `json:"dust"`
	// Counter is the cash.
	Counter exchange.Units `json:"counter"`
	// Cost is what the position was bought for, fees included (average cost).
	Cost exchange.Units `json:"cost"`
	// Realised is the profit of what was sold, fees of both sides taken off.
	Realised exchange.Units `json:"realised"`
	// Fees is what was charged in the counter currency, FeesBase in base.
	Fees     exchange.Units `json:"fees"`
	FeesBase exchange.Dust  `json:"fees_base"`
	// Start is the cash that the account began with, and what else it held then was
	// worth.
	Start exchange.Units `json:"start"`
	// Fills and Trades count the executions and the closed trades.
	Fills  int64 `json:"fills"`
	Trades int64 `json:"trades"`
	// Opened is when the position was opened, in epoch milliseconds; 0 without
	// one.
	Opened int64 `json:"opened"`
	// Closing is the sale under way: fills of one order make one trade.
	Closing Trade `json:"closing"`
}

// Trade is a part of a position that was closed by one order.
type Trade struct {
	// OrderID is the closing order at its venue.
	OrderID string `json:"order_id"`
	// EntryTime is when the position was opened and ExitTime when this part was
	// closed, in epoch milliseconds.
	EntryTime int64 `json:"entry_time"`
	ExitTime  int64 `json:"exit_time"`
	// Volume is what was closed.
	Volume exchange.Steps `json:"volume"`
	// Cost is what it was bought for, fees included, and Proceeds what it was
	// sold for before the fee.
	Cost     exchange.Units `json:"cost"`
	Proceeds exchange.Units `json:"proceeds"`
	// EntryFee is the part of Cost that was fees, ExitFee what selling cost.
	EntryFee exchange.Units `json:"entry_fee"`
	ExitFee  exchange.Units `json:"exit_fee"`
	// PaidFees is the part of the position's Cost that was fees, kept while the
	// position lasts.
	PaidFees exchange.Units `json:"paid_fees"`
	// Leg is in which of several pairs it was: 0 is the account's own, 1 the first
	// of the further ones. The amounts are in units of that pair's market.
	Leg int64 `json:"leg,omitempty"`
}

// Profit returns what the trade realised, fees of both sides taken off.
func (t Trade) Profit() exchange.Units { return t.Proceeds - t.ExitFee - t.Cost }

// New returns an account that holds cash only.
func New(cash exchange.Units) Portfolio { return Portfolio{Counter: cash, Start: cash} }

// Price values what the account held of the base currency when it began, as if it
// had been bought at a price without a fee, and opens the position at a time in
// epoch milliseconds. It is called once, before the first fill. The error is an
// overflow, and the account is left as it was.
func (p *Portfolio) Price(price exchange.Ticks, at int64) error {
	worth, err := price.Times(p.Base)
	if err != nil {
		return err
	}
	start := p.Start + worth
	if start < worth {
		return fmt.Errorf("portfolio: %d and %d units: %w", p.Start, worth, exchange.ErrOverflow)
	}
	p.Cost, p.Start, p.Opened = worth, start, at
	return nil
}

// Result is what a fill did to the account.
type Result struct {
	// Profit is what the fill realised; 0 for one that opens.
	Profit exchange.Units
	// Trade is the trade that the fill's order has closed so far. A later fill
	// of the same order replaces it.
	Trade Trade
	// Closes is true if the fill sold something.
	Closes bool
}

// Apply books a fill. Selling more than the position and spending more than
// the cash are errors, and the account is left as it was: they mean that
// somebody else moved money.
func (p *Portfolio) Apply(f exchange.Fill) (Result, error) {
	if f.Volume <= 0 || f.Value < 0 || f.FeeCounter < 0 || f.FeeBase < 0 {
		return Result{}, fmt.Errorf("portfolio: fill %d of order %s has a volume, value or fee below 0", f.Sequence, f.OrderID)
	}
	switch f.Side {
	case exchange.Buy:
		if spent := f.Value + f.FeeCounter; spent > p.Counter {
			return Result{}, fmt.Errorf("portfolio: fill %d spends %d of %d units", f.Sequence, spent, p.Counter)
		}
		p.buy(f)
		return Result{}, nil
	case exchange.Sell:
		if f.Volume > p.Base {
			return Result{}, fmt.Errorf("portfolio: fill %d sells %d of %d steps", f.Sequence, f.Volume, p.Base)
		}
		return p.sell(f)
	}
	return Result{}, fmt.Errorf("portfolio: fill %d of order %s has no side", f.Sequence, f.OrderID)
}

// Book is Apply for a fill of a venue that holds the money itself: it has happened,
// whatever the account says, so cash or position may fall below 0.
func (p *Portfolio) Book(f exchange.Fill) (Result, error) {
	switch f.Side {
	case exchange.Buy:
		p.buy(f)
		return Result{}, nil
	case exchange.Sell:
		return p.sell(f)
	}
	return Result{}, fmt.Errorf("portfolio: fill %d of order %s has no side", f.Sequence, f.OrderID)
}

func (p *Portfolio) buy(f exchange.Fill) {
	spent := f.Value + f.FeeCounter
	if p.Base == 0 && p.Opened == 0 {
		p.Opened = f.Time
	}
	p.Counter -= spent
	p.Cost += spent
	p.Closing.PaidFees += f.FeeCounter
	p.Base += f.Volume
	p.takeBaseFee(f.FeeBase)
	p.Fees += f.FeeCounter
	p.Fills++
}

func (p *Portfolio) sell(f exchange.Fill) (Result, error) {
	// Of a sale beyond the position, the part beyond cost nothing.
	held := max(1, p.Base)
	part := min(f.Volume, held)
	cost, err := exchange.MulDiv(int64(p.Cost), int64(part), int64(held))
	if err != nil {
		return Result{}, err
	}
	fee, err := exchange.MulDiv(int64(p.Closing.PaidFees), int64(part), int64(held))
	if err != nil {
		return Result{}, err
	}
	if p.Closing.OrderID != f.OrderID || p.Closing.Volume == 0 {
		p.Closing = Trade{OrderID: f.OrderID, EntryTime: p.Opened, PaidFees: p.Closing.PaidFees}
		p.Trades++
	}
	t := &p.Closing
	t.ExitTime = f.Time
	t.Volume += f.Volume
	t.Cost += exchange.Units(cost)
	t.EntryFee += exchange.Units(fee)
	t.PaidFees -= exchange.Units(fee)
	t.Proceeds += f.Value
	t.ExitFee += f.FeeCounter

	p.Base -= f.Volume
	p.takeBaseFee(f.FeeBase)
	p.Cost -= exchange.Units(cost)
	p.Counter += f.Value - f.FeeCounter
	profit := f.Value - f.FeeCounter - exchange.Units(cost)
	p.Realised += profit
	p.Fees += f.FeeCounter
	p.Fills++
	if p.Base == 0 {
		p.Opened = 0
	}
	return Result{Profit: profit, Trade: *t, Closes: true}, nil
}

// takeBaseFee takes a fee from the position, borrowing a step where the dust
// does not cover it.
func (p *Portfolio) takeBaseFee(fee exchange.Dust) {
	if fee == 0 {
		return
	}
	p.FeesBase += fee
	p.Dust -= fee
	if p.Dust < 0 {
		steps := (-p.Dust + exchange.DustPerStep - 1) / exchange.DustPerStep
		p.Base -= exchange.Steps(steps)
		p.Dust += steps * exchange.DustPerStep
	}
}

// Equity returns what the account is worth at a price; dust is worth nothing.
// The error is an overflow.
func (p *Portfolio) Equity(price exchange.Ticks) (exchange.Units, error) {
	if p.Base == 0 {
		return p.Counter, nil
	}
	value, err := price.Times(p.Base)
	if err != nil {
		return 0, err
	}
	worth := p.Counter + value
	if worth < value {
		return 0, fmt.Errorf("portfolio: %d and %d units: %w", p.Counter, value, exchange.ErrOverflow)
	}
	return worth, nil
}

// Entry returns the average price of the position in ticks, fees included,
// rounded down; 0 without a position.
func (p *Portfolio) Entry() exchange.Ticks {
	if p.Base <= 0 {
		return 0
	}
	return exchange.Ticks(int64(p.Cost) / int64(p.Base))
}
