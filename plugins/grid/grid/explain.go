package grid

import (
	"fmt"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// explain says in a sentence how the ladder stands.
func (s *ladder) explain(b *strategy.Bot) {
	if len(s.Lines) == 0 {
		b.Note("waiting: no ladder can be laid: %s", s.Problem)
		return
	}
	low, high := s.Lines[0], s.Lines[len(s.Lines)-1]
	b.Plot("lowest line", low.Float())
	b.Plot("highest line", high.Float())
	if s.Stop > 0 {
		b.Plot("stop", s.Stop.Float())
	}
	if s.Over {
		b.Note("the grid is over: its stop at %s was reached; start the bot again for a new one", b.Price(s.Stop.Float()))
		return
	}
	var buying, selling, resting int
	for _, c := range s.Cells {
		switch {
		case c.Ref == 0:
			resting++
		case c.Side == exchange.Sell:
			selling++
		default:
			buying++
		}
	}
	where := fmt.Sprintf("the price %s is within the ladder from %s to %s", b.Price(s.Price.Float()), b.Price(low.Float()), b.Price(high.Float()))
	switch {
	case s.Price < low:
		where = fmt.Sprintf("the price %s is below the ladder, which begins at %s", b.Price(s.Price.Float()), b.Price(low.Float()))
	case s.Price > high:
		where = fmt.Sprintf("the price %s is above the ladder, which ends at %s", b.Price(s.Price.Float()), b.Price(high.Float()))
	}
	b.Note("%s; of %d cells %d wait to buy, %d to sell and %d have no order", where, len(s.Cells), buying, selling, resting)
}
