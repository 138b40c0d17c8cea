package backtestreport

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/portfolio"
)

// Trade is a closed trade in the market's currencies.
type Trade struct {
	EntryTime, ExitTime time.Time
	// EntryPrice and ExitPrice are averages over the fills, fees left out.
	EntryPrice, ExitPrice decimal.Decimal
	// Volume is in the base currency.
	Volume decimal.Decimal
	// EntryFee and ExitFee were paid on either side.
	EntryFee, ExitFee decimal.Decimal
	// Profit is what it realised after fees, Return that as a share of what
	// was paid, fee included.
	Profit decimal.Decimal
	Return float64
}

// Fees returns what was paid on both sides.
func (t Trade) Fees() decimal.Decimal { return t.EntryFee.Add(t.ExitFee) }

// Held returns the time from entry to exit.
func (t Trade) Held() time.Duration { return t.ExitTime.Sub(t.EntryTime) }

func tradeOf(m exchange.Market, t portfolio.Trade) Trade {
	out := Trade{
		EntryTime: utc(t.EntryTime), ExitTime: utc(t.ExitTime), Volume: m.Volume(t.Volume),
		EntryPrice: average(m, t.Cost-t.EntryFee, t.Volume), ExitPrice: average(m, t.Proceeds, t.Volume),
		EntryFee: m.Amount(t.EntryFee), ExitFee: m.Amount(t.ExitFee), Profit: m.Amount(t.Profit()),
	}
	if t.Cost > 0 {
		out.Return = float64(t.Profit()) / float64(t.Cost)
	}
	return out
}

// average returns the price that a value was paid at for a volume: exact if it
// is a whole number of ticks.
func average(m exchange.Market, value exchange.Units, volume exchange.Steps) decimal.Decimal {
	switch {
	case volume <= 0:
		return decimal.Zero
	case int64(value)%int64(volume) == 0:
		return m.Price(exchange.Ticks(int64(value) / int64(volume)))
	}
	return m.Amount(value).DivRound(m.Volume(volume), m.PriceScale()+8)
}

// meanProfit returns the mean profit of the closed trades.
func (r *Report) meanProfit() decimal.Decimal {
	sum := decimal.Zero
	for _, t := range r.Trades {
		sum = sum.Add(t.Profit)
	}
	if len(r.Trades) == 0 {
		return sum
	}
	return sum.DivRound(decimal.NewFromInt(int64(len(r.Trades))), r.Market.PriceScale()+8)
}
