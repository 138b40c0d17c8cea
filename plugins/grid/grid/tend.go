package grid

import (
	"cmp"
	"slices"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// restCandles is how long a cell rests after its order was refused, so that a
// refusal is not asked for again and again.
const restCandles = 30

// OnCandle implements strategy.CandleHandler.
func (s *ladder) OnCandle(b *strategy.Bot, c exchange.Candle) {
	if b.Warming() {
		return
	}
	s.Price = c.Close
	var stock exchange.Units
	if len(s.Lines) == 0 {
		stock = s.lay(b)
	}
	s.forget(b)
	s.agree(b)
	if s.Stop > 0 && c.Close <= s.Stop {
		s.Over = true
	}
	switch {
	case s.Over:
		s.leave(b)
	case len(s.Lines) > 0:
		s.protect(b)
		free, base := cash(b)-stock, b.FreeBase()
		for i := range s.Cells {
			s.tend(b, i, &free, &base)
		}
	}
	if b.Explaining() {
		s.explain(b)
	}
}

// OnFill implements strategy.FillHandler: it books what a cell bought or sold.
func (s *ladder) OnFill(b *strategy.Bot, f strategy.Fill) {
	i := s.cell(f.Ref)
	switch {
	case f.Side == exchange.Buy && i >= 0:
		s.Cells[i].Held += f.Volume
	case f.Side == exchange.Buy && f.Ref == s.Stock:
		s.spread(f.Volume)
	case i >= 0:
		s.Cells[i].Held = max(0, s.Cells[i].Held-f.Volume)
		if b.Explaining() {
			b.Note("cell %d sold %s %s at %s, one line above the purchase at %s", i+1, b.Market().Volume(f.Volume), b.Market().Base,
				b.Price(f.Price.Float()), b.Price(s.Lines[i].Float()))
		}
	case f.Price <= s.Stop: // the host's sale at the stop
		s.Over = true
	}
	s.protect(b)
}

// OnOrder implements strategy.OrderHandler: a cell whose order is filled gives
// the opposite one at once.
func (s *ladder) OnOrder(b *strategy.Bot, u strategy.OrderUpdate) {
	if u.State == strategy.OrderOpen {
		return
	}
	if u.Ref == s.Stock {
		s.Stock = 0
	}
	i := s.cell(u.Ref)
	if i < 0 {
		return
	}
	s.Cells[i].Ref = 0
	switch u.State {
	case strategy.OrderFilled:
		if !s.Over {
			free, base := cash(b), b.FreeBase()
			s.tend(b, i, &free, &base)
		}
	case strategy.OrderDenied, strategy.OrderRejected:
		s.Cells[i].Rest.After(b, restCandles*b.Interval())
	default: // cancelled: the next candle tends to it
	}
}

// cell returns the cell of an order, -1 if it is none's.
func (s *ladder) cell(ref uint64) int {
	return slices.IndexFunc(s.Cells, func(c Cell) bool { return ref != 0 && c.Ref == ref })
}

// agree brings the cells in line with the position once all fills are told: base
// that something else sold is no cell's.
func (s *ladder) agree(b *strategy.Bot) {
	var held exchange.Steps
	for i := range s.Cells {
		held += s.Cells[i].Held
	}
	for i := len(s.Cells) - 1; i >= 0 && held > b.Position(); i-- {
		lost := min(s.Cells[i].Held, held-b.Position())
		s.Cells[i].Held -= lost
		held -= lost
	}
}

// forget lets go of orders that are not open any more.
func (s *ladder) forget(b *strategy.Bot) {
	for i := range s.Cells {
		if c := &s.Cells[i]; c.Ref != 0 && !isOpen(b, c.Ref) {
			c.Ref = 0
		}
	}
}

// isOpen reports whether an order is among the bot's open ones, which come in
// the order of their references.
func isOpen(b *strategy.Bot, ref uint64) bool {
	_, found := slices.BinarySearchFunc(b.Orders(), ref, func(o strategy.OpenOrder, ref uint64) int { return cmp.Compare(o.Ref, ref) })
	return found
}

// tend gives a cell the order that it lacks, as far as the free cash and base
// go, and takes what it uses off them.
func (s *ladder) tend(b *strategy.Bot, i int, free *exchange.Units, base *exchange.Steps) {
	c := &s.Cells[i]
	switch {
	case c.Ref != 0 && c.Side == exchange.Buy && c.Held > 0 && s.Price > s.Lines[i+1] && check(b.Market(), exchange.Sell, s.Lines[i+1], c.Held) == nil:
		b.Cancel(c.Ref) // bought in part, and the price has gone on to where it sells
	case c.Ref != 0, c.Rest.Pending() && !c.Rest.Due(b):
	case !s.sell(b, i, base):
		s.buy(b, i, free)
	}
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

// sell offers what a cell holds one line higher, or above its own bids where
// these are higher still; it reports whether it did.
func (s *ladder) sell(b *strategy.Bot, i int, base *exchange.Steps) bool {
	c, upper := &s.Cells[i], s.Lines[i+1]
	for j := i + 1; j < len(s.Cells); j++ {
		if other := &s.Cells[j]; other.Side == exchange.Buy && isOpen(b, other.Ref) {
			upper = s.Lines[j] + 1
		}
	}
	volume := min(c.Held, *base)
	if most := b.Market().MaxVolume; most > 0 {
		volume = min(volume, most)
	}
	if volume <= 0 || check(b.Market(), exchange.Sell, upper, volume) != nil {
		return false // nothing, or so little that the next purchase takes it along
	}
	*base -= volume
	order := b.Limit(exchange.Sell, upper, volume)
	c.Ref, c.Side = order.Ref(), exchange.Sell
	if b.Explaining() {
		order.Because("cell %d sells at %s what belongs to its line at %s", i+1, b.Price(upper.Float()), b.Price(s.Lines[i].Float()))
	}
	return true
}

// buy bids at a cell's lower line if the price is above it, the cash is there,
// and no cell below still has to sell, which would meet the bid.
func (s *ladder) buy(b *strategy.Bot, i int, free *exchange.Units) {
	c, lower := &s.Cells[i], s.Lines[i]
	if slices.ContainsFunc(s.Cells[:i], func(c Cell) bool { return c.Ref != 0 && c.Side == exchange.Sell }) {
		return
	}
	if lower >= s.Price || check(b.Market(), exchange.Buy, lower, c.Volume) != nil {
		return
	}
	cost, err := lower.Times(c.Volume)
	if err != nil || cost+cost/100 > *free {
		return
	}
	*free -= cost + cost/100
	order := b.Limit(exchange.Buy, lower, c.Volume)
	c.Ref, c.Side = order.Ref(), exchange.Buy
	if b.Explaining() {
		order.Because("cell %d buys at %s to sell at %s; the price is %s",
			i+1, b.Price(lower.Float()), b.Price(s.Lines[i+1].Float()), b.Price(s.Price.Float()))
	}
}

// protect sets the stop of the position.
func (s *ladder) protect(b *strategy.Bot) {
	if s.Stop > 0 && !s.Over && b.Position() > 0 && b.Exits().Stop < s.Stop {
		b.SetExits(strategy.Exits{Stop: s.Stop})
	}
}

// leave takes back all orders and sells what is left.
func (s *ladder) leave(b *strategy.Bot) {
	if len(b.Orders()) > 0 {
		b.CancelAll()
		return // they still hold base
	}
	for i := range s.Cells {
		s.Cells[i] = Cell{Volume: s.Cells[i].Volume}
	}
	if b.FreeBase() >= max(1, b.Market().MinVolume) {
		b.SellAll().Because("the stop of the grid at %s was reached", b.Price(s.Stop.Float()))
	}
}
