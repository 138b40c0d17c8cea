// Package marketmaker quotes a bid and an offer around the middle of the book, or
// around the last price where no book is known, and earns their distance when
// both trade. The more it holds, the lower it quotes, so that it does not gather
// what nobody wants: the inventory skew of Avellaneda and Stoikov, High-frequency
// trading in a limit order book (2008), in a linear form.
package marketmaker

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// Params are what a tenant chooses.
type Params struct {
	Spread    decimal.Decimal `param:"spread" group:"Quotes" label:"Spread" unit:"% of the price" validate:"min=0.01,max=50" step:"0.01" help:"Distance of the offer from the bid."`
	Tolerance decimal.Decimal `param:"tolerance" group:"Quotes" label:"Tolerance" unit:"% of the price" validate:"min=0,max=10" step:"0.01" help:"Quotes stay while they would move by less."`
	Size      decimal.Decimal `param:"size" group:"Inventory" label:"Size of a quote" unit:"% of the account" validate:"min=0.1,max=50" step:"0.1"`
	Most      decimal.Decimal `param:"most" group:"Inventory" label:"Largest inventory" unit:"% of the account" validate:"min=1,max=100" step:"1" help:"It does not bid for more."`
	Skew      decimal.Decimal `param:"skew" group:"Inventory" label:"Skew" unit:"half spreads" validate:"min=0,max=5" step:"0.1" help:"How far a full inventory moves both quotes down, and none moves them up."`
}

// Definition returns the strategy.
func Definition() strategy.Definition {
	d := decimal.RequireFromString
	return strategy.MustDefine(strategy.Info{
		Name: "marketmaker", Version: "1.2.0", Title: "Market making",
		Summary: "Quotes a bid and an offer around the middle of the book that take nothing from the book, and moves both against its inventory.",
	}, Params{Spread: d("0.4"), Tolerance: d("0.05"), Size: d("10"), Most: d("50"), Skew: d("1")}, open)
}

// restCandles is how long a side rests at most after its quotes were refused.
const restCandles = 30

// maker is the strategy with its state, which keeps which open order is which
// quote over restarts.
type maker struct {
	Params Params `json:"-"`
	Rates  Rates  `json:"-"`
	// Bid and Offer are the quotes in the book.
	Bid, Offer Quote
}

// Rates are the parameters in hundred-millionths.
type Rates struct {
	Half, Tolerance, Size, Most, Skew exchange.Rate
}

// Quote is one side's order.
type Quote struct {
	// Ref is the order, 0 if there is none, and Price its price.
	Ref   uint64
	Price exchange.Ticks
	// Refused counts the quotes in a row that were refused, and Rest is set after
	// the second.
	Refused int
	Rest    strategy.Timer
}

func open(p Params) strategy.Strategy {
	rate := func(d decimal.Decimal) exchange.Rate { return exchange.Rate(d.IntPart()) }
	return &maker{Params: p, Rates: Rates{
		Half: rate(p.Spread.Shift(6).Div(decimal.NewFromInt(2))), Tolerance: rate(p.Tolerance.Shift(6)), Size: rate(p.Size.Shift(6)),
		Most: rate(p.Most.Shift(6)), Skew: rate(p.Skew.Shift(8)),
	}}
}

// Subscribe implements strategy.Subscriber: the quotes are around the middle of
// the book where one is known, and around the last price where none is.
func (s *maker) Subscribe() strategy.Subscription { return strategy.Subscription{Book: true} }

// OnCandle implements strategy.CandleHandler.
func (s *maker) OnCandle(b *strategy.Bot, c exchange.Candle) {
	if b.Warming() {
		return
	}
	s.forget(b)
	want, ok := s.plan(b, middle(b, c))
	var bid, offer strategy.Order
	moved := ok && s.moved(b, want)
	if moved {
		bid, offer = s.quote(b, want)
	}
	if b.Explaining() && ok {
		s.explain(b, want, moved, bid, offer)
	}
}

// middle is the price that the quotes are around.
func middle(b *strategy.Bot, c exchange.Candle) exchange.Ticks {
	if top, ok := b.Book(); ok && top.Whole() {
		return top.Bid.Price + (top.Ask.Price-top.Bid.Price)/2
	}
	return c.Close
}

// OnFill implements strategy.FillHandler.
func (s *maker) OnFill(b *strategy.Bot, f strategy.Fill) {
	if b.Explaining() {
		verb := "bought"
		if f.Side == exchange.Sell {
			verb = "sold"
		}
		b.Note("%s %s %s at %s; the inventory is %s %s", verb, b.Market().Volume(f.Volume), b.Market().Base, b.Price(f.Price.Float()),
			b.Market().Volume(b.Position()), b.Market().Base)
	}
}

// OnOrder implements strategy.OrderHandler.
func (s *maker) OnOrder(b *strategy.Bot, u strategy.OrderUpdate) {
	for _, q := range []*Quote{&s.Bid, &s.Offer} {
		if u.Ref != q.Ref || u.State == strategy.OrderOpen {
			continue
		}
		q.Ref = 0
		switch u.State {
		case strategy.OrderDenied, strategy.OrderRejected:
			q.refuse(b)
		case strategy.OrderFilled:
			q.Refused = 0 // it was taken
		default: // taken back: that says nothing of the market
		}
	}
}

// refuse notes that a quote was refused. The first refusal is of no account: the market
// had gone through the price, or the quote before it was not over yet and still held what
// this one needed. The side rests longer with each more.
func (q *Quote) refuse(b *strategy.Bot) {
	if q.Refused++; q.Refused > 1 {
		q.Rest.After(b, time.Duration(min(restCandles, 1<<min(q.Refused-1, 6)-1))*b.Interval())
	}
}
