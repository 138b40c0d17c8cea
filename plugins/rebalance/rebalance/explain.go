package rebalance

import (
	"fmt"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// explain says in a sentence what was decided, or why nothing was.
func (s *mix) explain(b *strategy.Bot, order strategy.Order, now state, due bool) {
	share := func(u exchange.Units) string { return fmt.Sprintf("%.2f %%", 100*float64(u)/float64(now.whole)) }
	held, edge, side := share(now.held), share(now.low), "below"
	if now.held > now.high {
		edge, side = share(now.high), "above"
	}
	out := now.held < now.low || now.held > now.high
	switch {
	case len(b.Orders()) > 0:
		b.Note("waiting for the order that is open")
	case order.Ref() != 0:
		order.Because("%s of the account are in %s, %s the edge at %s: back to %s", held, b.Market().Base, side, edge, share(now.back))
	case !out:
		b.Note("waiting: %s of the account are in %s, within %s and %s", held, b.Market().Base, share(now.low), share(now.high))
	case !due:
		b.Note("%s of the account are in %s, %s the edge at %s; it looks again at %s",
			held, b.Market().Base, side, edge, time.UnixMilli(s.Next.At).UTC().Format("2 January 15:04 UTC"))
	default:
		b.Note("%s of the account are in %s, %s the edge at %s, but the trade would be below the market's least order", held, b.Market().Base, side, edge)
	}
}
