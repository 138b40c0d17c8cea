// Package rebalance keeps a share of the account in the base currency and the
// rest in cash: where the share has drifted out of a band it trades back. It is
// the constant-mix strategy of Perold and Sharpe, Dynamic Strategies for Asset
// Allocation (1988).
package rebalance

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/param"
)

// Params are what a tenant chooses.
type Params struct {
	Weight decimal.Decimal `param:"weight" label:"Share in the base currency" unit:"% of the account" validate:"min=1,max=99" step:"0.5"`
	Band   decimal.Decimal `param:"band" label:"Band" unit:"percentage points" validate:"min=0.1,max=50" step:"0.1" help:"How far the share may drift up or down."`
	Back   string          `param:"back" label:"Trades back to" validate:"oneof=target edge" options:"target=The target,edge=The edge of the band"`
	Every  int             `param:"every" label:"Looks every" unit:"candles" validate:"min=1,max=10000"`
}

// Check implements strategy.Checker.
func (p Params) Check() error {
	if p.Weight.LessThanOrEqual(p.Band) || p.Weight.Add(p.Band).GreaterThanOrEqual(decimal.NewFromInt(100)) {
		return param.Errors{{Name: "band", Reason: "must end above 0 and below 100 % on both sides of Share in the base currency (" + p.Weight.String() + ")"}}
	}
	return nil
}

// Definition returns the strategy.
func Definition() strategy.Definition {
	return strategy.MustDefine(strategy.Info{
		Name: "rebalance", Version: "1.0.0", Title: "Rebalancing",
		Summary: "Keeps a fixed share of the account in the base currency: sells some after a rise and buys some after a fall.",
	}, Params{Weight: decimal.NewFromInt(50), Band: decimal.NewFromInt(5), Back: "target", Every: 1}, open)
}

// restCandles is how long it rests after an order was refused.
const restCandles = 30

// mix is the strategy with its state.
type mix struct {
	Params Params `json:"-"`
	// Weight and Band are the parameters in hundred-millionths.
	Weight exchange.Rate `json:"-"`
	Band   exchange.Rate `json:"-"`
	// Next is when it looks again; not set before the first look.
	Next strategy.Timer
}

func open(p Params) strategy.Strategy {
	rate := func(percent decimal.Decimal) exchange.Rate { return exchange.Rate(percent.Shift(6).IntPart()) }
	return &mix{Params: p, Weight: rate(p.Weight), Band: rate(p.Band)}
}

// OnCandle implements strategy.CandleHandler.
func (s *mix) OnCandle(b *strategy.Bot, c exchange.Candle) {
	if b.Warming() {
		return
	}
	now, ok := s.measure(b, c.Close)
	due := !s.Next.Pending() || s.Next.Due(b)
	if due {
		s.Next.After(b, time.Duration(s.Params.Every)*b.Interval())
	}
	var order strategy.Order
	switch {
	case !ok || !due || len(b.Orders()) > 0:
	case now.held < now.low:
		volume := s.volume(b, now.back-now.held, c.Close)
		order = b.BuyWith(exchange.Units(volume) * exchange.Units(c.Close)) // at most what is missing, which fits
	case now.held > now.high:
		order = b.Sell(min(s.volume(b, now.held-now.back, c.Close), b.FreeBase()))
	}
	if b.Explaining() && ok {
		s.explain(b, order, now, due)
	}
}

// OnOrder implements strategy.OrderHandler: what was refused is not asked for
// again at once.
func (s *mix) OnOrder(b *strategy.Bot, u strategy.OrderUpdate) {
	if u.State == strategy.OrderDenied || u.State == strategy.OrderRejected || u.State == strategy.OrderCancelled && u.Filled == 0 {
		s.Next.After(b, restCandles*b.Interval())
	}
}

// state is the account as the strategy looks at it, in units of the counter
// currency.
type state struct {
	// held is what the position is worth, and whole the account.
	held, whole exchange.Units
	// low and high are the edges of the band, and back where a trade leads.
	low, high, back exchange.Units
}

// measure values the account at a price; it is not ok if that does not fit.
func (s *mix) measure(b *strategy.Bot, price exchange.Ticks) (now state, ok bool) {
	held, err := price.Times(b.Position())
	cash := b.FreeCounter()
	if err != nil || price <= 0 || held < 0 || cash < 0 || held+cash <= 0 {
		return state{}, false
	}
	now = state{held: held, whole: held + cash}
	now.low, now.high, now.back = part(now.whole, s.Weight-s.Band), part(now.whole, s.Weight+s.Band), part(now.whole, s.Weight)
	if s.Params.Back == "edge" {
		if now.back = now.high; held < now.low {
			now.back = now.low
		}
	}
	return now, true
}

// volume is what an amount buys or brings at a price, within what one order may
// be; 0 if that is less than the market's least order.
func (s *mix) volume(b *strategy.Bot, amount exchange.Units, price exchange.Ticks) exchange.Steps {
	m := b.Market()
	volume := exchange.Steps(int64(amount) / int64(price))
	if volume < max(1, m.MinVolume) || amount < m.MinValue {
		return 0
	}
	if m.MaxVolume > 0 {
		volume = min(volume, m.MaxVolume)
	}
	return volume
}

// part is a share of an amount that is not larger than the whole, rounded down.
func part(amount exchange.Units, of exchange.Rate) exchange.Units {
	n, err := exchange.MulDiv(int64(amount), int64(of), int64(exchange.RateOne))
	if err != nil {
		return 0
	}
	return exchange.Units(n)
}
