package backtestreport

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/portfolio"
)

// Trade is a closed trade in the market's currencies.
type Trade struct {
	// Pair is what was traded, leg which of the run's pairs that is.
	Pair string
	leg  int64

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

// TradeCount returns how many trades were closed.
func (r *Report) TradeCount() int { return r.result.Trades.Len() }

// Trade returns a closed trade; they are counted from 0 in the order of their
// closing.
func (r *Report) Trade(i int) Trade { return r.trade(r.result.Trades.At(i)) }

// trade returns a trade in the currencies of its market.
func (r *Report) trade(t portfolio.Trade) Trade { return tradeOf(r.result.Config.MarketOf(t.Leg), t) }

// Fees returns what was paid on both sides.
func (t Trade) Fees() decimal.Decimal { return t.EntryFee.Add(t.ExitFee) }

// Held returns the time from entry to exit.
func (t Trade) Held() time.Duration { return t.ExitTime.Sub(t.EntryTime) }

func tradeOf(m exchange.Market, t portfolio.Trade) Trade {
	out := Trade{
		Pair: m.Pair, leg: t.Leg,
		EntryTime: utc(t.EntryTime), ExitTime: utc(t.ExitTime), Volume: m.Volume(t.Volume),
		EntryPrice: average(m, t.Cost-t.EntryFee, t.Volume), ExitPrice: average(m, t.Proceeds, t.Volume),
		EntryFee: m.Amount(t.EntryFee), ExitFee: m.Amount(t.ExitFee), Profit: m.Amount(t.Profit()),
	}
	out.Return = returnOf(t)
	return out
}

// returnOf returns a trade's profit as a share of what was paid, fee included.
func returnOf(t portfolio.Trade) float64 {
	if t.Cost <= 0 {
		return 0
	}
	return float64(t.Profit()) / float64(t.Cost)
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
	n := int64(r.TradeCount())
	if n == 0 {
		return decimal.Zero
	}
	var sum exchange.Units
	for _, t := range r.result.Trades.All() {
		sum += r.result.Config.InUnits(t.Leg, t.Profit())
	}
	return r.Market.Amount(sum).DivRound(decimal.NewFromInt(n), r.Market.PriceScale()+8)
}
