package marketmaker

import (
	"fmt"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// explain says in a sentence what was quoted, or why not.
func (s *maker) explain(b *strategy.Bot, p plan, moved bool, bid, offer strategy.Order) {
	if s.Bid.Ref != 0 {
		b.Plot("bid", s.Bid.Price.Float())
	}
	if s.Offer.Ref != 0 {
		b.Plot("offer", s.Offer.Price.Float())
	}
	share := fmt.Sprintf("%.1f %%", 100*float64(p.held)/float64(p.whole))
	for _, o := range []strategy.Order{bid, offer} {
		o.Because("quotes around %s with an inventory of %s of the account", b.Price(p.mid.Float()), share)
	}
	what := "both quotes stay"
	switch {
	case moved:
		what = "the quotes were made anew"
	case s.Bid.Ref == 0 && s.Offer.Ref == 0:
		what = "neither side can be quoted: too little is free for the market's least order"
	case s.Bid.Ref == 0:
		what = "the offer stays, and nothing is bid: " + s.why(p.held, p.whole)
	case s.Offer.Ref == 0:
		what = "the bid stays, and there is nothing to offer"
	}
	around := "price"
	if top, ok := b.Book(); ok && top.Whole() {
		around = "middle of the book"
	}
	b.Note("the %s is %s and the inventory %s of the account: %s", around, b.Price(p.mid.Float()), share, what)
}

// why says why there is no bid.
func (s *maker) why(held, whole exchange.Units) string {
	if held >= exchange.Units(part(int64(whole), s.Rates.Most)) {
		return fmt.Sprintf("the inventory is at its largest, %s %%", s.Params.Most)
	}
	return "the cash does not suffice"
}
