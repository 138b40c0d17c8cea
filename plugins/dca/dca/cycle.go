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
	var spent exchange.Units
	switch {
	case s.Active && !holds && s.First == 0: // sold by somebody else
		s.end(b)
	case s.Active && s.Next.Due(b):
		s.Next.After(b, s.interval(b))
		if amount := min(s.share(s.Rates.Size), cash(b)); holds && !selling(b) && suffices(b, amount, c.Close) {
			order, spent = b.BuyWith(amount), amount
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
	if s.Active && s.Again.Due(b) { // also where the schedule is due with every candle
		if holds && !selling(b) {
			s.ask(b, c.Close, spent)
		} else {
			s.Again.After(b, restCandles*b.Interval())
		}
	}
	if b.Explaining() {
		s.explain(b, order, holds, c.Close)
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
		if u.State != strategy.OrderFilled {
			s.Again.After(b, restCandles*b.Interval())
		}
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
	s.Again.Stop()
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
	above := price
	for n := range s.Params.Dips {
		left -= gap
		r, now := Rung{Price: exchange.Ticks(scale(int64(price), left))}, amount
		if r.Price < 1 || r.Price >= above {
			return // closer than a tick
		}
		r.Volume = exchange.Steps(int64(now) / int64(r.Price))
		above = r.Price
		gap, amount = exchange.Rate(scale(int64(gap), s.Rates.DipScale)), exchange.Units(scale(int64(amount), s.Rates.SizeScale))
		if now+now/100 > free || market.Check(bid(market, r)) != nil {
			continue // too little, or too much: a further one may be of another size
		}
		free -= now + now/100
		order := b.Limit(exchange.Buy, r.Price, r.Volume)
		if b.Explaining() {
			order.Because("safety order %d of %d below %s", n+1, s.Params.Dips, b.Price(price.Float()))
		}
		r.Ref = order.Ref()
		s.Rungs = append(s.Rungs, r)
	}
}

// bid is the order of a rung.
func bid(m exchange.Market, r Rung) exchange.OrderRequest {
	return exchange.OrderRequest{Pair: m.Pair, Side: exchange.Buy, Type: exchange.LimitOrder, Price: r.Price, Volume: r.Volume}
}

// ask asks once more for what the safety orders below the price have not bought though
// they are over: they were refused, or somebody took them back. What cannot be asked for
// yet, since the cash is short or the price below, is left for later. Spent is what the
// schedule has just ordered for.
func (s *averager) ask(b *strategy.Bot, price exchange.Ticks, spent exchange.Units) {
	free, market := cash(b)-spent, b.Market()
	for i := range s.Rungs {
		r := &s.Rungs[i]
		if r.Ref != 0 || r.Bought >= r.Volume {
			continue
		}
		rest := Rung{Price: r.Price, Volume: r.Volume - r.Bought}
		amount, err := rest.Price.Times(rest.Volume)
		if err != nil || market.Check(bid(market, rest)) != nil {
			continue // never
		}
		if rest.Price >= price || amount+amount/100 > free {
			s.Again.After(b, restCandles*b.Interval())
			continue
		}
		free -= amount + amount/100
		order := b.Limit(exchange.Buy, rest.Price, rest.Volume)
		order.Because("a safety order was not taken, or taken back: it is asked for again")
		rest.Ref = order.Ref()
		*r = rest
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
