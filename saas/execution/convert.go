package execution

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/journal"
)

// orderOf returns what is wanted in the journal's words.
func orderOf(m exchange.Market, r exchange.OrderRequest) journal.LiveOrder {
	return journal.LiveOrder{
		Order: journal.Order{
			ClientID: r.ClientID, Side: r.Side.String(), Type: r.Type.String(), Price: m.Price(r.Price), Volume: m.Volume(r.Volume), Value: m.Amount(r.Value),
			PostOnly: r.PostOnly, TimeInForce: r.TimeInForce.String(),
		},
		Pair: m.Pair, Urgent: r.Urgent,
	}
}

// requestOf returns what the venue is sent. The error says that the market's tick
// or step has changed since.
func requestOf(m exchange.Market, o journal.LiveOrder) (exchange.OrderRequest, error) {
	price, perr := m.Ticks(o.Price, exchange.Exact)
	volume, verr := m.Steps(o.Volume, exchange.Exact)
	value, uerr := m.Units(o.Value, exchange.Exact)
	r := exchange.OrderRequest{
		ClientID: o.ClientID, Pair: o.Pair, Side: exchange.Buy, Type: exchange.LimitOrder, Price: price, Volume: volume, Value: value,
		PostOnly: o.PostOnly, Urgent: o.Urgent, Time: o.CreatedAt.UnixMilli(), TTL: o.ValidUntil.Sub(o.CreatedAt).Milliseconds(),
	}
	if o.Side == exchange.Sell.String() {
		r.Side = exchange.Sell
	}
	if o.Type == exchange.MarketOrder.String() {
		r.Type = exchange.MarketOrder
	}
	for _, t := range []exchange.TimeInForce{exchange.IOC, exchange.FOK} {
		if o.TimeInForce == t.String() {
			r.TimeInForce = t
		}
	}
	return r, errors.Join(perr, verr, uerr)
}

// fillOf returns an execution of an order in the journal's words.
func fillOf(m exchange.Market, o journal.LiveOrder, f exchange.Fill) journal.LiveFill {
	return journal.LiveFill{
		Fill: journal.Fill{
			BotID: o.BotID, Sequence: f.Sequence, ClientID: o.ClientID, Side: o.Side, Price: m.Price(f.Price), Volume: m.Volume(f.Volume),
			Value: m.Amount(f.Value), FeeCounter: m.Amount(f.FeeCounter), FeeBase: m.DustAmount(f.FeeBase), Maker: f.Maker,
			Time: time.UnixMilli(f.Time).UTC(),
		},
		Order: o.Number, Pair: o.Pair,
	}
}

// alike reports whether two orders ask for the same. Exits do so however much was there to be
// sold.
func alike(a, b journal.LiveOrder) bool {
	if exits(a) && exits(b) {
		a.Volume = b.Volume
	}
	return a.Pair == b.Pair && a.Side == b.Side && a.Type == b.Type && a.PostOnly == b.PostOnly && a.TimeInForce == b.TimeInForce &&
		a.Price.Equal(b.Price) && a.Volume.Equal(b.Volume) && a.Value.Equal(b.Value)
}

// altered says how what the venue has under an order's id differs from what was
// asked for; "" if it does not. What the venue leaves out is not compared.
func altered(m exchange.Market, o journal.LiveOrder, v exchange.Order) string {
	r := v.Request
	switch {
	case r.Side != 0 && r.Side.String() != o.Side:
		return fmt.Sprintf("order %s is a %s at the venue, and a %s was wanted", called(o), r.Side, o.Side)
	case r.Price != 0 && o.Price.IsPositive() && !m.Price(r.Price).Equal(o.Price):
		return fmt.Sprintf("order %s has the price %s at the venue, and %s was wanted", called(o), m.Price(r.Price), o.Price)
	case r.Volume != 0 && o.Volume.IsPositive() && !m.Volume(r.Volume).Equal(o.Volume):
		return fmt.Sprintf("order %s has the volume %s at the venue, and %s was wanted", called(o), m.Volume(r.Volume), o.Volume)
	}
	return ""
}

// called is what people find an order by: the venue's id, or the number here of one that
// it gave none.
func called(o journal.LiveOrder) string {
	return cmp.Or(o.VenueID, "number "+strconv.FormatInt(o.Number, 10))
}

// describe says what an order is, for errors.
func describe(o journal.LiveOrder) string {
	if o.Volume.IsZero() {
		return fmt.Sprintf("a %s %s of %s for %s", o.Type, o.Side, o.Pair, o.Value)
	}
	return fmt.Sprintf("a %s %s of %s %s at %s", o.Type, o.Side, o.Volume, o.Pair, o.Price)
}
