// Package rebalance keeps a share of the account in the base currency of each of
// its pairs and the rest in cash: where a share has drifted out of a band it trades
// back. It is
// the constant-mix strategy of Perold and Sharpe, Dynamic Strategies for Asset
// Allocation (1988).
package rebalance

import (
	"math"
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
	Others string          `param:"others" label:"Shares of further pairs" validate:"max=200" help:"In % of the account, one for each of the further pairs, such as ETHMYR=20, SOLMYR=10. Left empty, the share above is divided evenly among all pairs."`
	Every  int             `param:"every" label:"Looks every" unit:"candles" validate:"min=1,max=10000"`
}

// Check implements strategy.Checker.
func (p Params) Check() error {
	if !p.fits(p.Weight) {
		return param.Errors{{Name: "band", Reason: "must end above 0 and below 100 % on both sides of Share in the base currency (" + p.Weight.String() + ")"}}
	}
	_, err := p.others()
	return err
}

// fits reports whether the band around a share lies between nothing and all.
func (p Params) fits(weight decimal.Decimal) bool {
	return weight.GreaterThan(p.Band) && weight.Add(p.Band).LessThan(decimal.NewFromInt(100))
}

// Definition returns the strategy.
func Definition() strategy.Definition {
	return strategy.MustDefine(strategy.Info{
		Name: "rebalance", Version: "1.1.0", Title: "Rebalancing",
		Summary: "Keeps fixed shares of the account in one or several currencies: sells some after a rise and buys some after a fall.",
	}, Params{Weight: decimal.NewFromInt(50), Band: decimal.NewFromInt(5), Back: "target", Every: 1}, open)
}

// restCandles is how long it rests after an order was refused.
const restCandles = 30

// mix is the strategy with its state.
type mix struct {
	Params Params `json:"-"`
	// Weights are the shares of the pairs in hundred-millionths, the bot's own first,
	// and Band is how far they may drift. Names are the further pairs'.
	Weights []exchange.Rate `json:"-"`
	Band    exchange.Rate   `json:"-"`
	Names   []string        `json:"-"`
	// Next is when it looks again; not set before the first look.
	Next strategy.Timer
	// Closes are the newest closes of the further pairs, 0 for one not heard of.
	Closes []exchange.Ticks `json:",omitempty"`

	// Parts is room for the parts of the account.
	Parts []part `json:"-"`
}

// rate returns a share in percent as a rate.
func rate(percent decimal.Decimal) exchange.Rate { return exchange.Rate(percent.Shift(6).IntPart()) }

func open(p Params) strategy.Strategy {
	return &mix{Params: p, Weights: []exchange.Rate{rate(p.Weight)}, Band: rate(p.Band)}
}

// OnPair implements strategy.PairHandler.
func (s *mix) OnPair(_ *strategy.Bot, pair string, c exchange.Candle) {
	for i, name := range s.Names {
		if name == pair && i < len(s.Closes) {
			s.Closes[i] = c.Close
		}
	}
}

// OnCandle implements strategy.CandleHandler.
func (s *mix) OnCandle(b *strategy.Bot, c exchange.Candle) {
	if b.Warming() {
		return
	}
	ok := s.measure(b, c.Close)
	due := !s.Next.Pending() || s.Next.Due(b)
	if due {
		s.Next.After(b, time.Duration(s.Params.Every)*b.Interval())
	}
	if ok && due && !waiting(s.Parts) {
		s.trade(b)
	}
	if b.Explaining() && ok {
		s.explain(b, due)
	}
}

// trade brings the shares that are outside of their bands back. Sales come first,
// but what they bring is there with a later candle: purchases that lack it are made
// then.
func (s *mix) trade(b *strategy.Bot) {
	for i := range s.Parts {
		if p := &s.Parts[i]; p.held > p.high {
			p.order = p.bot.Sell(min(p.volume(p.held-p.back), p.bot.FreeBase()))
		}
	}
	free := b.FreeCounter()
	for i := range s.Parts {
		p := &s.Parts[i]
		if p.held >= p.low {
			continue
		}
		room, ok := b.Convert(free, p.bot)
		if !ok {
			continue
		}
		if p.short = p.back-p.held > room; p.short {
			s.Next.After(b, b.Interval())
		}
		value := exchange.Units(p.volume(min(p.back-p.held, room))) * exchange.Units(p.price) // at most what is missing, which fits
		p.order = p.bot.BuyWith(value)
		if spent, ok := p.bot.Convert(value, b); ok {
			free -= spent + 1 // a part of a unit counts as one
		}
	}
}

// waiting reports whether any order is open.
func waiting(parts []part) bool {
	for i := range parts {
		if len(parts[i].bot.Orders()) > 0 {
			return true
		}
	}
	return false
}

// OnOrder implements strategy.OrderHandler: what was refused is not asked for
// again at once.
func (s *mix) OnOrder(b *strategy.Bot, u strategy.OrderUpdate) {
	if u.State == strategy.OrderDenied || u.State == strategy.OrderRejected || u.State == strategy.OrderCancelled && u.Filled == 0 {
		s.Next.After(b, restCandles*b.Interval())
	}
}

// part is what is held in a pair as the strategy looks at it, in units of the
// pair's market.
type part struct {
	bot   *strategy.Bot
	price exchange.Ticks
	// held is what the position is worth, and whole the account.
	held, whole exchange.Units
	// low and high are the edges of the band, and back where a trade leads.
	low, high, back exchange.Units
	// order is what was ordered, and short is true if cash lacked for it.
	order strategy.Order
	short bool
}

// measure values the account at the newest prices; it is not ok if one is not known
// or that does not fit.
func (s *mix) measure(b *strategy.Bot, price exchange.Ticks) (ok bool) {
	s.Parts = append(s.Parts[:0], part{bot: b, price: price})
	for i, name := range s.Names {
		p := part{bot: b.Pair(name)}
		if p.bot == nil {
			return false
		}
		if i < len(s.Closes) {
			p.price = s.Closes[i]
		}
		s.Parts = append(s.Parts, p)
	}
	cash := b.FreeCounter()
	whole := cash
	for i := range s.Parts {
		p := &s.Parts[i]
		held, err := p.price.Times(p.bot.Position())
		worth, fits := p.bot.Convert(held, b)
		if err != nil || !fits || p.price <= 0 || held < 0 || worth > math.MaxInt64-whole {
			return false
		}
		p.held = held
		whole += worth
	}
	if cash < 0 || whole <= 0 {
		return false
	}
	for i := range s.Parts {
		p := &s.Parts[i]
		var fits bool
		if p.whole, fits = b.Convert(whole, p.bot); !fits {
			return false
		}
		weight := s.Weights[i]
		p.low, p.high, p.back = share(p.whole, weight-s.Band), share(p.whole, weight+s.Band), share(p.whole, weight)
		if s.Params.Back == "edge" {
			if p.back = p.high; p.held < p.low {
				p.back = p.low
			}
		}
	}
	return true
}

// volume is what an amount buys or brings, within what one order may be; 0 if that
// is less than the market's least order.
func (p *part) volume(amount exchange.Units) exchange.Steps {
	m := p.bot.Market()
	volume := exchange.Steps(int64(amount) / int64(p.price))
	if volume < max(1, m.MinVolume) || amount < m.MinValue {
		return 0
	}
	if m.MaxVolume > 0 {
		volume = min(volume, m.MaxVolume)
	}
	return volume
}

// share is a part of an amount that is not larger than the whole, rounded down.
func share(amount exchange.Units, of exchange.Rate) exchange.Units {
	n, err := exchange.MulDiv(int64(amount), int64(of), int64(exchange.RateOne))
	if err != nil {
		return 0
	}
	return exchange.Units(n)
}
