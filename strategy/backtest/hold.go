package backtest

import "github.com/lunobot/lunobot/exchange"

// Holding is what a run is compared with: all that the account began with is put into
// the pairs that the run trades, in equal shares of its worth, each at the open of the
// pair's first candle and without fees, and is held. What cannot be divided goes to the
// run's own pair, and the share of a pair without a candle stays cash.
type Holding struct {
	opens  []exchange.Ticks
	shares []exchange.Units
}

// Holding returns what the run is compared with.
func (r *Result) Holding() Holding {
	h := Holding{opens: r.Opens()}
	start, n := r.Initial(), exchange.Units(len(h.opens))
	for leg := range h.opens {
		share := start / n
		if leg == 0 {
			share += start % n
		}
		h.shares = append(h.shares, share)
	}
	return h
}

// Worth returns what is held at prices in the order of the configuration's Markets, in
// units of its market. At a price of 0 nothing of a pair was bought yet. It is 0 if it
// does not fit.
func (h Holding) Worth(prices ...exchange.Ticks) exchange.Units {
	var out exchange.Units
	for leg, share := range h.shares {
		if h.opens[leg] > 0 && leg < len(prices) && prices[leg] > 0 {
			worth, err := exchange.MulDiv(int64(share), int64(prices[leg]), int64(h.opens[leg]))
			if err != nil {
				return 0
			}
			share = exchange.Units(worth)
		}
		if out += share; out < share {
			return 0
		}
	}
	return out
}

// Held returns what holding is worth at the last prices of the run.
func (r *Result) Held() exchange.Units {
	prices := []exchange.Ticks{r.LastPrice}
	for _, p := range r.Pairs {
		prices = append(prices, p.LastPrice)
	}
	return r.Holding().Worth(prices...)
}

// compared returns a price at the beginning and one at the end, of which the change is
// that of holding.
func (r *Result) compared() (first, last int64) {
	if len(r.Pairs) == 0 {
		return int64(r.FirstPrice), int64(r.LastPrice)
	}
	return int64(r.Initial()), int64(r.Held())
}
