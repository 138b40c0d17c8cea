package parity

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/engine/remote"
)

// GivenKind is the sort of something that a bot was given from outside.
type GivenKind string

// The sorts of what is given. A replay that meets one that it does not know ends there,
// and says so; who adds one adds it to Account.give.
const (
	// News is what became known of orders at an exchange.
	News GivenKind = "news"
	// Lag is the time at which a candle was taken long after its close: what answers it
	// may be too late for an exchange.
	Lag GivenKind = "lag"
	// Recall is that all orders are taken back, because the bot stops.
	Recall GivenKind = "recall"
	// Halt is that what the strategy has just asked for is not carried out.
	Halt GivenKind = "halt"
	// Pause is that the bot's exchange takes no new orders of it, or does again if there
	// is no reason: what that does to orders are news.
	Pause GivenKind = "pause"
	// CloseOnly is that the bot winds down from there on, or no longer.
	CloseOnly GivenKind = "close_only"
	// Protect is a candle on which exits and bounds were judged while the strategy was away.
	Protect GivenKind = "protect"
	// Between are prices between two candles that reached an exit.
	Between GivenKind = "between"
	// Belief is what exits shall see of a candle in which some trade was not believed.
	Belief GivenKind = "belief"
	// Resume is that somebody lets the bot go on after a breaker stopped its entries.
	Resume GivenKind = "resume"
)

// Given is something that came to a bot from outside between or within candles, at its
// place among the acts of a point. A replay gives it again there.
type Given struct {
	Kind GivenKind `json:"kind"`
	// Place is how many acts of the point come before it.
	Place int `json:"place,omitempty"`
	// News are what was heard at once, oldest first.
	News []remote.News `json:"news,omitempty"`
	// Now is the market's clock, in epoch milliseconds.
	Now int64 `json:"now,omitempty"`
	// Candle or Prints, and Pair, are what was judged; Pair is always set.
	Candle *exchange.Candle `json:"candle,omitempty"`
	Prints *engine.Prints   `json:"prints,omitempty"`
	Pair   string           `json:"pair,omitempty"`
	// On is what is the case from there on.
	On bool `json:"on,omitempty"`
	// Reason is why.
	Reason string `json:"reason,omitempty"`
}

// within reports whether it belongs to the round of a candle, and not between candles.
func (g *Given) within() bool { return g.Kind == Lag || g.Kind == Halt || g.Kind == Belief }

// text is all of it.
func (g *Given) text() string {
	raw, err := json.Marshal(g)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

// MaxNews is how much news a point holds, and of everything else that is given: of more that comes at once, such as after days
// without a worker, nothing is kept, and the tape begins anew.
const MaxNews = 2_000

// Give takes down what the bot is given from outside, before the account gets it.
func (t *Tape) Give(g Given) {
	g.Place = t.place()
	t.heard += max(1, len(g.News))
	t.act(Act{Kind: Outside, Text: t.tell(&g), Given: &g})
}

// place is how many acts there are since the point before.
func (t *Tape) place() int { return len(t.next.Acts) + t.next.Dropped }

// Full reports whether more came at once than a point holds.
func (t *Tape) Full() bool { return t.heard > MaxNews }

// tell writes what was given in words.
func (t *Tape) tell(g *Given) string {
	switch g.Kind {
	case News:
		parts := make([]string, 0, len(g.News))
		for i := range g.News {
			parts = append(parts, t.news(&g.News[i]))
		}
		return strings.Join(parts, "; ")
	case Lag:
		return "the candle came late"
	case Recall:
		return "all orders are taken back: " + g.Reason
	case Halt:
		return "that is not carried out: " + g.Reason
	case Pause:
		if g.Reason == "" {
			return "new orders are placed again"
		}
		return "no new orders are placed: " + g.Reason
	case CloseOnly:
		if g.On {
			return "it winds down: nothing is bought any more"
		}
		return "it no longer winds down"
	case Protect:
		return "its strategy was away, and its exits were judged on a candle of " + g.Pair
	case Between:
		m := t.of(g.Pair)
		return fmt.Sprintf("%s traded at %s between two candles, and its exits were judged", g.Pair, m.Price(g.Prints.Last))
	case Belief:
		m := t.of(g.Pair)
		return fmt.Sprintf("of a candle of %s only %s to %s was believed", g.Pair, m.Price(g.Candle.Low), m.Price(g.Candle.High))
	case Resume:
		return "it may go on after a breaker"
	}
	return string(g.Kind)
}

func (t *Tape) news(n *remote.News) string {
	switch {
	case n.Number == 0 && n.Fill != nil:
		m := t.of(n.Fill.Pair)
		return fmt.Sprintf("an order that was claimed %s %s %s at %s", past(n.Fill.Side), m.Volume(n.Fill.Volume), m.Base, m.Price(n.Fill.Price))
	case n.Number == 0:
		return "an order of another account changed"
	case n.Fill != nil:
		m := t.of(n.Fill.Pair)
		return fmt.Sprintf("order %d %s %s %s at %s", n.Number, past(n.Fill.Side), m.Volume(n.Fill.Volume), m.Base, m.Price(n.Fill.Price))
	case n.End != nil && n.End.Reason != "":
		return fmt.Sprintf("order %d is over: %s", n.Number, n.End.Reason)
	case n.End != nil:
		return fmt.Sprintf("order %d is over", n.Number)
	case n.Placed:
		return fmt.Sprintf("the exchange has order %d", n.Number)
	}
	return fmt.Sprintf("order %d was sent", n.Number)
}

// Wishes puts a sum of what the bot wants at its exchange on the next point. The ids of
// orders are left out: they differ from lease to lease.
func (t *Tape) Wishes(list []remote.Wish) {
	t.next.Wished = 0
	if len(list) == 0 {
		return
	}
	sum := fnv.New64a()
	to := json.NewEncoder(sum)
	for _, w := range list {
		w.Request.ClientID = ""
		if err := to.Encode(w); err != nil { // no wish can fail: there are numbers and texts in it only
			t.next.Wished = 1
			return
		}
	}
	t.next.Wished = sum.Sum64()
}

// give gives an account what it was given before; an error if it is of a kind that is not
// known here.
func (a *Account) give(g *Given) error {
	switch g.Kind {
	case News:
		_, err := a.News(g.News)
		return err
	case Lag:
		a.At(g.Now)
	case Recall:
		return a.CancelAll(g.Reason)
	case CloseOnly:
		a.SetCloseOnly(g.On)
	case Protect:
		return a.Protect(g.Pair, *g.Candle)
	case Between:
		return a.ProtectBetween(g.Pair, g.Prints)
	case Belief:
		a.Believe(g.Pair, *g.Candle)
	case Resume:
		a.ResumeBreaker()
	case Halt, Pause: // the one is heard where commands are, the other is for readers
	default:
		return fmt.Errorf("the tape has %q, which this version does not know", g.Kind)
	}
	return nil
}
