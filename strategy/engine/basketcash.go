package engine

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// enter lends all free cash to a pair, and makes it go on with the numbers of
// orders and the time of the basket.
func (b *Basket) enter(l *leg) {
	units := exchange.Units(b.pool / l.per)
	b.fund(l, units)
	l.elsewhere = 0
	for _, o := range b.legs {
		if o != l {
			going, _ := o.replaced()
			l.elsewhere += len(o.state.Orders) - going.orders
		}
		l.state.NextRef = max(l.state.NextRef, o.state.NextRef)
	}
	l.behind = b.behind(l)
	l.present.Time = max(l.present.Time, b.now)
	l.sync()
}

// leave takes back what a pair's orders do not hold.
func (b *Basket) leave(l *leg) {
	b.fund(l, -l.venue.Free())
	l.sync()
}

// Lend lets the venue of a pair hear what happened there while it has all free cash: an order
// that waits there may need some of it. Of another pair it only does.
func (b *Basket) Lend(pair string, do func()) {
	l := b.find(pair)
	if l == nil {
		do()
		return
	}
	b.enter(l)
	do()
	b.leave(l)
}

// fund moves cash from the pool to a pair, or back if units is below 0.
func (b *Basket) fund(l *leg, units exchange.Units) {
	if err := l.venue.Fund(units); err != nil {
		b.failed = errors.Join(b.failed, err)
		return
	}
	l.state.Portfolio.Counter += units
	b.pool -= int64(units) * l.per
}

// open values what the pairs hold to begin with at the opens of the first step. A
// pair that has neither a candle in it nor a price is an error and changes nothing.
func (b *Basket) open(candles []PairCandle) error {
	held := false
	for _, l := range b.legs {
		if !l.unpriced() {
			continue
		}
		if held = true; l.among(candles) == nil && l.begins <= 0 {
			return fmt.Errorf("engine: %s %s are held to begin with, and there is no candle of %s at %s to value them", l.cfg.Market.Volume(l.state.Portfolio.Base),
				l.cfg.Market.Base, l.cfg.Market.Pair, candles[0].Candle.OpenTime().Format(time.RFC3339))
		}
	}
	if !held {
		return nil
	}
	start := b.pool
	for _, l := range b.legs {
		if !l.unpriced() {
			continue
		}
		c := l.among(candles)
		if c == nil {
			c = &exchange.Candle{Time: candles[0].Candle.Time, Open: l.begins}
			l.state.LastPrice = l.begins
		}
		if b.failed = l.price(c); b.failed != nil {
			return b.failed
		}
		worth, err := c.Open.Times(l.state.Portfolio.Base)
		if err == nil {
			var part int64
			if part, err = exchange.MulDiv(int64(worth), l.per, 1); err == nil && part > math.MaxInt64-start {
				err = exchange.ErrOverflow
			}
			start += part
		}
		if err != nil {
			b.failed = fmt.Errorf("engine: what the account begins with: %w", err)
			return b.failed
		}
	}
	st := &b.own().state
	st.Equity = exchange.Units(start / b.own().per)
	st.Peak, st.MaxDrawdown = st.Equity, 0
	b.own().measure()
	return nil
}

// among returns the pair's candle among those of a step; nil if there is none.
func (l *leg) among(candles []PairCandle) *exchange.Candle {
	for i := range candles {
		if candles[i].Pair == l.cfg.Market.Pair {
			return &candles[i].Candle
		}
	}
	return nil
}

// View returns the account as the strategy shall see it; it belongs to the basket
// and changes with it.
func (b *Basket) View() *strategy.View {
	total := b.cash()
	next := uint64(0)
	b.view.Others = b.view.Others[:0]
	for i, l := range b.legs {
		v := &l.view
		free := exchange.Units(b.pool/l.per) + v.Counter - v.ReservedCounter
		counter := exchange.Units(total / l.per)
		shown := strategy.View{
			Base: v.Base, ReservedBase: v.ReservedBase, Counter: counter, ReservedCounter: counter - free, Cost: v.Cost, Exits: v.Exits, Orders: v.Orders,
		}
		next = max(next, l.state.NextRef)
		if i == 0 {
			shown.Warming, shown.Top, shown.Others = v.Warming, v.Top, b.view.Others
			b.view = shown
		} else {
			b.view.Others = append(b.view.Others, shown)
		}
	}
	b.view.NextRef = next
	return &b.view
}

// cash is all that the account has, what orders hold included, in shared units.
func (b *Basket) cash() int64 {
	total := b.pool
	for _, l := range b.legs {
		total += int64(l.state.Portfolio.Counter) * l.per
	}
	return total
}
