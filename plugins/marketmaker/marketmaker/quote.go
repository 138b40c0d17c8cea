package marketmaker

import (
	"cmp"
	"slices"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// plan is what the quotes should be; a volume of 0 is no quote.
type plan struct {
	mid                   exchange.Ticks
	bid, offer            exchange.Ticks
	bidVolume, sellVolume exchange.Steps
	// held and whole are what the inventory and the account are worth.
	held, whole exchange.Units
	// tolerance is by how much a quote may be off.
	tolerance exchange.Ticks
}

// plan works out the quotes around a price; it is not ok where that does not fit.
func (s *maker) plan(b *strategy.Bot, mid exchange.Ticks) (p plan, ok bool) {
	cash, base := s.account(b)
	held, err := mid.Times(b.Position())
	if err != nil || mid < 2 || mid > 1<<50 || held < 0 || cash < 0 || held+cash <= 0 {
		return plan{}, false
	}
	p = plan{mid: mid, held: held, whole: held + cash, tolerance: exchange.Ticks(part(int64(mid), s.Rates.Tolerance))}
	half := exchange.Ticks(part(int64(mid), s.Rates.Half))
	most := exchange.Units(part(int64(p.whole), s.Rates.Most))
	center := mid - lean(half, s.Rates.Skew, held, most)
	// Rounded away from the price, and never at it: a quote takes nothing.
	p.bid = max(1, min(center-half-1, mid-1))
	p.offer = max(center+half+1, mid+1)
	value := exchange.Units(part(int64(p.whole), s.Rates.Size))
	spend := max(0, min(value, most-held, cash-cash/100-s.fees(b))) // a hundredth for the fee
	p.bidVolume = s.fit(b, exchange.Buy, p.bid, exchange.Steps(int64(spend)/int64(p.bid)))
	p.sellVolume = s.fit(b, exchange.Sell, p.offer, min(base, exchange.Steps(int64(value)/int64(p.offer))))
	return p, true
}

// lean is how far the quotes move down: by the skew where the inventory is full,
// by as much up where there is none, and not at all in the middle.
func lean(half exchange.Ticks, skew exchange.Rate, held, most exchange.Units) exchange.Ticks {
	most = max(1, most)
	full, err := exchange.MulDiv(part(int64(half), skew), int64(2*min(held, most)-most), int64(most))
	if err != nil {
		return 0
	}
	return exchange.Ticks(full)
}

// part is a multiple of an amount, rounded down; 0 if it does not fit.
func part(amount int64, of exchange.Rate) int64 {
	n, err := exchange.MulDiv(amount, int64(of), int64(exchange.RateOne))
	if err != nil {
		return 0
	}
	return n
}

// account returns the cash and the base that the quotes may use: what is free,
// and what the present quotes hold.
func (s *maker) account(b *strategy.Bot) (exchange.Units, exchange.Steps) {
	cash, base := b.FreeCounter(), b.FreeBase()
	for _, o := range b.Orders() {
		switch value, err := o.Price.Times(o.Volume - o.Filled); {
		case o.Ref == s.Bid.Ref && err == nil:
			cash += value
		case o.Ref == s.Offer.Ref:
			base += o.Volume - o.Filled
		}
	}
	return cash, base
}

// fees is what the present bid may have paid of fees, which the account counts as
// free while the bid is open.
func (s *maker) fees(b *strategy.Bot) exchange.Units {
	for _, o := range b.Orders() {
		if value, err := o.Price.Times(o.Filled); o.Ref == s.Bid.Ref && err == nil {
			return value / 100
		}
	}
	return 0
}

// fit makes a volume one that the market takes; 0 if there is none.
func (s *maker) fit(b *strategy.Bot, side exchange.Side, price exchange.Ticks, volume exchange.Steps) exchange.Steps {
	m := b.Market()
	if m.MaxVolume > 0 {
		volume = min(volume, m.MaxVolume)
	}
	if volume < max(1, m.MinVolume) || m.Check(exchange.OrderRequest{
		Pair: m.Pair, Side: side, Type: exchange.LimitOrder, Price: price, Volume: volume, PostOnly: true,
	}) != nil {
		return 0
	}
	return volume
}

// moved reports whether the quotes are to be made anew: one is missing, is not
// wanted any more, or is off by more than the tolerance.
func (s *maker) moved(b *strategy.Bot, p plan) bool {
	return s.Bid.stale(b, p.bid, p.bidVolume, p.tolerance) || s.Offer.stale(b, p.offer, p.sellVolume, p.tolerance)
}

func (q *Quote) stale(b *strategy.Bot, price exchange.Ticks, volume exchange.Steps, tolerance exchange.Ticks) bool {
	if q.Ref == 0 {
		return volume > 0 && !q.resting(b)
	}
	return volume == 0 || max(price-q.Price, q.Price-price) > tolerance
}

// resting reports whether a refusal was not long ago.
func (q *Quote) resting(b *strategy.Bot) bool { return q.Rest.Pending() && !q.Rest.Due(b) }

// quote replaces both quotes, so that both follow from the same price and never
// meet: first it takes back what is at another price, then it places.
func (s *maker) quote(b *strategy.Bot, p plan) (bid, offer strategy.Order) {
	s.Bid.drop(b, p.bid, p.bidVolume)
	s.Offer.drop(b, p.offer, p.sellVolume)
	if s.Bid.Ref == 0 && p.bidVolume > 0 && !s.Bid.resting(b) {
		bid = b.PostOnly(exchange.Buy, p.bid, p.bidVolume)
		s.Bid.Ref, s.Bid.Price = bid.Ref(), p.bid
	}
	if s.Offer.Ref == 0 && p.sellVolume > 0 && !s.Offer.resting(b) {
		offer = b.PostOnly(exchange.Sell, p.offer, p.sellVolume)
		s.Offer.Ref, s.Offer.Price = offer.Ref(), p.offer
	}
	return bid, offer
}

// drop takes a quote back unless it stays as it is.
func (q *Quote) drop(b *strategy.Bot, price exchange.Ticks, volume exchange.Steps) {
	if q.Ref != 0 && (volume == 0 || q.Price != price) {
		b.Cancel(q.Ref)
		q.Ref = 0
	}
}

// forget lets go of quotes that are not open any more.
func (s *maker) forget(b *strategy.Bot) {
	for _, q := range []*Quote{&s.Bid, &s.Offer} {
		_, found := slices.BinarySearchFunc(b.Orders(), q.Ref, func(o strategy.OpenOrder, ref uint64) int { return cmp.Compare(o.Ref, ref) })
		if found {
			q.Refused = 0
		} else {
			q.Ref = 0
		}
	}
}
