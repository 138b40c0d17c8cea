package rebalance

import (
	"fmt"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// explain says in a sentence for each pair what was decided, or why nothing was.
func (s *mix) explain(b *strategy.Bot, due bool) {
	if waiting(s.Parts) {
		b.Note("waiting for the order that is open")
		return
	}
	for i := range s.Parts {
		s.Parts[i].explain(due, s.Next)
	}
}

func (p *part) explain(due bool, next strategy.Timer) {
	share := func(u exchange.Units) string { return fmt.Sprintf("%.2f %%", 100*float64(u)/float64(p.whole)) }
	b, base := p.bot, p.bot.Market().Base
	held, edge, side := share(p.held), share(p.low), "below"
	if p.held > p.high {
		edge, side = share(p.high), "above"
	}
	out := p.held < p.low || p.held > p.high
	switch {
	case p.order.Ref() != 0:
		p.order.Because("%s of the account are in %s, %s the edge at %s: back to %s", held, base, side, edge, share(p.back))
	case !out:
		b.Note("waiting: %s of the account are in %s, within %s and %s", held, base, share(p.low), share(p.high))
	case !due:
		b.Note("%s of the account are in %s, %s the edge at %s; it looks again at %s",
			held, base, side, edge, time.UnixMilli(next.At).UTC().Format("2 January 15:04 UTC"))
	case p.short:
		b.Note("%s of the account are in %s, %s the edge at %s: waiting for the cash of a sale", held, base, side, edge)
	default:
		b.Note("%s of the account are in %s, %s the edge at %s, but the trade would be below the market's least order", held, base, side, edge)
	}
}
