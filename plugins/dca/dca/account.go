package dca

import (
	"cmp"
	"slices"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// rung returns the safety order of a reference, -1 if it is none's.
func (s *averager) rung(ref uint64) int {
	return slices.IndexFunc(s.Rungs, func(r Rung) bool { return ref != 0 && r.Ref == ref })
}

// forget lets go of orders that are not open any more.
func (s *averager) forget(b *strategy.Bot) {
	for i := range s.Rungs {
		if r := &s.Rungs[i]; r.Ref != 0 && !isOpen(b, r.Ref) {
			r.Ref = 0
		}
	}
	if s.First != 0 && !isOpen(b, s.First) {
		s.First = 0
	}
}

// isOpen reports whether an order is among the bot's open ones, which come in
// the order of their references.
func isOpen(b *strategy.Bot, ref uint64) bool {
	_, found := slices.BinarySearchFunc(b.Orders(), ref, func(o strategy.OpenOrder, ref uint64) int { return cmp.Compare(o.Ref, ref) })
	return found
}

// selling reports whether a sale of the position is under way.
func selling(b *strategy.Bot) bool {
	return slices.ContainsFunc(b.Orders(), func(o strategy.OpenOrder) bool { return o.Side == exchange.Sell })
}

// cash is the free cash less a hundredth of what is bid for, which the venue
// keeps back for fees that a strategy does not see.
func cash(b *strategy.Bot) exchange.Units {
	var bid exchange.Units
	for _, o := range b.Orders() {
		if value, err := o.Price.Times(o.Volume); err == nil && o.Side == exchange.Buy {
			bid += value
		}
	}
	return b.FreeCounter() - bid/100
}

// suffices reports whether the market takes a purchase for an amount at about a price.
func suffices(b *strategy.Bot, amount exchange.Units, price exchange.Ticks) bool {
	m := b.Market()
	volume := exchange.Steps(int64(amount-amount/100) / int64(max(1, price))) // a hundredth for the fee
	return amount > 0 && volume >= max(1, m.MinVolume) &&
		m.Check(exchange.OrderRequest{Pair: m.Pair, Side: exchange.Buy, Type: exchange.MarketOrder, Value: amount}) == nil
}

// scale multiplies an amount and rounds down; it is 0 if the product does not fit.
func scale(amount int64, by exchange.Rate) int64 {
	n, err := exchange.MulDiv(amount, int64(by), int64(exchange.RateOne))
	if err != nil {
		return 0
	}
	return n
}

// share is a part of the cycle's cash.
func (s *averager) share(of exchange.Rate) exchange.Units {
	return exchange.Units(scale(int64(s.Budget), of))
}

// ticks is a computed price in ticks; 0 if it is none.
func ticks(price float64) exchange.Ticks {
	if !(price >= 1 && price < 1<<53) {
		return 0
	}
	return exchange.Ticks(price)
}
