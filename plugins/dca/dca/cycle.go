package dca

import (
	"math"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// restCandles is how long nothing is begun after an order was refused.
const restCandles = 30

// OnCandle implements strategy.CandleHandler.
func (s *averager) OnCandle(b *strategy.Bot, c exchange.Candle) {
	if b.Warming() {
		return
	}
	s.forget(b)
	holds := b.Position() >= max(1, b.Market().MinVolume)
	var order strategy.Order
	switch {
	case s.Active && !holds && s.First == 0: // sold by somebody else
		s.end(b)
	case s.Active && s.Next.Due(b):
		s.Next.After(b, s.interval(b))
		if holds && !selling(b) {
			order = b.BuyWith(min(s.share(s.Rates.Size), cash(b)))
			order.Because("the schedule buys every %d %s", s.Params.Every, s.Params.Unit)
		}
	case s.Active:
	case holds: // an earlier run left the position
		s.begin(b)
		s.lay(b, c.Close)
		s.protect(b)
	case !s.Pause.Pending() || s.Pause.Due(b):
		s.begin(b)
		order = b.BuyWith(s.share(s.Rates.Size))
		order.Because("a cycle begins")
		s.First, s.Active = order.Ref(), order.Ref() != 0
	}
	if b.Explaining() {
		s.explain(b, order, holds)
	}
}

// OnFill implements strategy.FillHandler.
func (s *averager) OnFill(b *strategy.Bot, f strategy.Fill) {
	if f.Side == exchange.Sell {
		if b.Position() < max(1, b.Market().MinVolume) {
			s.end(b)
		}
		return
	}
	if i := s.rung(f.Ref); i >= 0 {
		s.Rungs[i].Bought += f.Volume
	}
	if f.Ref == s.First && len(s.Rungs) == 0 {
		s.lay(b, f.Price)
	}
	s.protect(b)
}

// OnOrder implements strategy.OrderHandler.
func (s *averager) OnOrder(b *strategy.Bot, u strategy.OrderUpdate) {
	if u.State == strategy.OrderOpen {
		return
	}
	if i := s.rung(u.Ref); i >= 0 {
		s.Rungs[i].Ref = 0
	}
	if u.Ref != s.First {
		return
	}
	s.First = 0
	if u.Filled == 0 && u.State != strategy.OrderFilled {
		s.Active = false // nothing came of it
		s.Next.Stop()
		s.Pause.After(b, restCandles*b.Interval())
	}
}

// begin begins a cycle with the cash that there is.
func (s *averager) begin(b *strategy.Bot) {
	s.Active, s.Budget, s.Rungs = true, b.FreeCounter(), nil
	s.Next.Stop()
	if s.Params.Every > 0 {
		s.Next.After(b, s.interval(b))
	}
}

// end ends a cycle whose position was sold.
func (s *averager) end(b *strategy.Bot) {
	if len(b.Orders()) > 0 {
		b.CancelAll()
	}
	if b.Explaining() {
		b.Note("the position was sold; the next cycle begins after %d candles", s.Params.Cooldown)
	}
	s.Active, s.First, s.Rungs = false, 0, nil
	s.Next.Stop()
	s.Pause.Stop()
	if s.Params.Cooldown > 0 {
		s.Pause.After(b, time.Duration(s.Params.Cooldown)*b.Interval())
	}
}

// lay places the safety orders below a price, as far as the cash goes and the
// market takes them.
func (s *averager) lay(b *strategy.Bot, price exchange.Ticks) {
	free, market := cash(b), b.Market()
	gap, left, amount := s.Rates.Dip, exchange.RateOne, s.share(s.Rates.DipSize)
	for above := price; len(s.Rungs) < s.Params.Dips; {
		left -= gap
		r := Rung{Price: exchange.Ticks(scale(int64(price), left))}
		if r.Price < 1 || r.Price >= above {
			return // closer than a tick
		}
		r.Volume = exchange.Steps(int64(amount) / int64(r.Price))
		request := exchange.OrderRequest{Pair: market.Pair, Side: exchange.Buy, Type: exchange.LimitOrder, Price: r.Price, Volume: r.Volume}
		if amount+amount/100 > free || market.Check(request) != nil {
			return
		}
		free -= amount + amount/100
		order := b.Limit(exchange.Buy, r.Price, r.Volume)
		if b.Explaining() {
			order.Because("safety order %d of %d below %s", len(s.Rungs)+1, s.Params.Dips, b.Price(price.Float()))
		}
		r.Ref = order.Ref()
		s.Rungs = append(s.Rungs, r)
		above = r.Price
		gap, amount = exchange.Rate(scale(int64(gap), s.Rates.DipScale)), exchange.Units(scale(int64(amount), s.Rates.SizeScale))
	}
}

// protect sets the exits by the average price, fees included, that was paid.
func (s *averager) protect(b *strategy.Bot) {
	var e strategy.Exits
	entry := b.Entry()
	if s.Params.Target.IsPositive() {
		e.Target = ticks(math.Ceil(entry * (1 + s.Params.Target.InexactFloat64()/100)))
	}
	if s.Params.Stop.IsPositive() {
		e.Stop = ticks(math.Floor(entry * (1 - s.Params.Stop.InexactFloat64()/100)))
	}
	if entry > 0 && e != (strategy.Exits{}) {
		b.SetExits(e)
	}
}
