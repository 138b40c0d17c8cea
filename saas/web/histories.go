package web

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/research"
)

// historyCard is one stored history to choose.
type historyCard struct {
	// Value is what the form sends, Pair and Detail what is read.
	Value, Pair, Detail, Span string
	Selected                  bool
}

// historyView is the history that a run would go over.
type historyView struct {
	research.Offer
	// Asked is the time that would be run; zero if that is not known.
	Asked research.Hole
}

// refValue writes a history for the form: a pair of the market as it is, another
// with its source and the length of its candles.
func refValue(ref research.Ref) string {
	if cmp.Or(ref.Source, research.FromMarket) == research.FromMarket {
		return ref.Pair
	}
	return strings.Join([]string{string(ref.Source), ref.Pair, lengthName(ref.Recorded)}, "/")
}

// parseRef reads what refValue writes. A length that cannot be read is one that no
// history has.
func parseRef(text string) research.Ref {
	parts := strings.Split(text, "/")
	if len(parts) != 3 {
		return research.Ref{Source: research.FromMarket, Pair: text}
	}
	length := bot.ParseInterval(parts[2])
	if length <= 0 {
		var err error
		if length, err = time.ParseDuration(parts[2]); err != nil {
			length = -1
		}
	}
	return research.Ref{Source: research.Source(parts[0]), Pair: parts[1], Recorded: length}
}

// lengthName writes a length of candles.
func lengthName(d time.Duration) string { return cmp.Or(bot.IntervalName(d), d.String()) }

// storedPairs lists the pairs of the store, each once.
func (w *Web) storedPairs(rq *request) ([]string, error) {
	all, err := w.cfg.Research.Offers(rq.Context(), rq.who)
	var pairs []string
	for _, o := range all {
		if o.Source == research.FromStore && !slices.Contains(pairs, o.Pair) {
			pairs = append(pairs, o.Pair)
		}
	}
	return pairs, err
}

// cardsOf lists the stored histories.
func cardsOf(all []research.Offer, chosen string) []historyCard {
	var cards []historyCard
	for _, o := range all {
		if o.Source != research.FromStore {
			continue
		}
		c := historyCard{Value: refValue(o.Ref), Pair: o.Pair, Detail: fmt.Sprintf("%s in %s, candles of %s", o.Market.Base, o.Market.Counter, lengthName(o.Recorded)), Span: span(o.From, o.To)}
		c.Selected = c.Value == chosen
		cards = append(cards, c)
	}
	return cards
}

// Stored says that the candles are not those of the market that bots trade in.
func (v historyView) Stored() bool { return v.Source == research.FromStore }

// First and Last bound the history.
func (v historyView) First() moment { return moment{v.From} }

// Last is described with First.
func (v historyView) Last() moment { return moment{v.To} }

// Length is that of the recorded candles.
func (v historyView) Length() string { return lengthName(v.Recorded) }

// GapText says which candles are missing; "" if none is.
func (v historyView) GapText() string {
	if v.Missing == 0 {
		return ""
	}
	gaps := "1 gap"
	if v.Gaps > 1 {
		gaps = exchange.Grouped(fmt.Sprint(v.Gaps)) + " gaps"
	}
	text := fmt.Sprintf("%s of %s candles are missing, in %s", exchange.Grouped(fmt.Sprint(v.Missing)), exchange.Grouped(fmt.Sprint(v.Missing+v.Candles)), gaps)
	if v.Missing == 1 {
		text = fmt.Sprintf("1 of %s candles is missing", exchange.Grouped(fmt.Sprint(v.Candles+1)))
	}
	var longest research.Hole
	for _, h := range v.Holes {
		if h.To.Sub(h.From) > longest.To.Sub(longest.From) {
			longest = h
		}
	}
	if longest.From.IsZero() {
		return text + "."
	}
	which := ", from "
	if v.Gaps > 1 {
		which = "; the longest goes from "
	}
	return text + which + longest.From.UTC().Format("2 Jan 2006, 15:04") + " to " + longest.To.UTC().Format("2 Jan 2006, 15:04") + "."
}

// stripWidth is how wide the picture of a history is, in its own units.
const stripWidth = 1000

// bar is a part of the picture of a history.
type bar struct{ X, Width float64 }

// place is where a time lies in the picture; what is too short to be seen is made
// longer.
func (v historyView) place(h research.Hole, least float64) bar {
	whole := v.To.Sub(v.From).Seconds()
	at := func(t time.Time) float64 {
		return min(max(t.Sub(v.From).Seconds()/whole, 0), 1) * stripWidth
	}
	b := bar{X: at(h.From), Width: max(at(h.To)-at(h.From), least)}
	b.X = min(b.X, stripWidth-b.Width)
	return b
}

// Bars are the gaps of the picture.
func (v historyView) Bars() []bar {
	var bars []bar
	for _, h := range v.Holes {
		bars = append(bars, v.place(h, 2))
	}
	return bars
}

// AskedBar is what would be run; nil if that is not known.
func (v historyView) AskedBar() *bar {
	if v.Asked.From.IsZero() || !v.To.After(v.From) {
		return nil
	}
	b := v.place(v.Asked, 4)
	return &b
}

// Says describes the picture in words.
func (v historyView) Says() string {
	text := "History from " + span(v.From, v.To) + "."
	if gaps := v.GapText(); gaps != "" {
		text += " " + gaps
	}
	if !v.Asked.From.IsZero() {
		text += " The run goes from " + span(v.Asked.From, v.Asked.To) + "."
	}
	return text
}
