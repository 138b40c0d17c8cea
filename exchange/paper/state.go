package paper

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/lunobot/lunobot/exchange"
)

// State is all that an Exchange keeps, its config apart. Its JSON is exact.
type State struct {
	// LastOrder is the number of the newest order.
	LastOrder int64
	// Quiet is what SetQuietPostOnly was told.
	Quiet   bool `json:",omitzero"`
	Assets  []AssetState
	Books   []BookState
	Members []MemberState
}

// AssetState is a currency: what was deposited of it, and what the exchange has taken,
// in its smallest amounts.
type AssetState struct {
	Currency     string
	Supply, Fees int64
}

// BookState is a market.
type BookState struct {
	Pair   string
	Status exchange.MarketStatus
	// Sequence is that of the newest update, LastTrade of the newest trade.
	Sequence, LastTrade int64
	// Changed is the book's last change, in epoch milliseconds.
	Changed int64
	Tape    []exchange.Trade `json:",omitzero"`
	// Resting are the ids of the orders in the book, each side's in the order in which
	// they trade, and Waiting those of the stop orders, the oldest first.
	Resting, Waiting []string `json:",omitzero"`
}

// MemberState is a member.
type MemberState struct {
	ID string
	// Purses are the member's balances, one for each of the state's assets.
	Purses []PurseState
	// Orders are those that are not forgotten, by number.
	Orders []OrderState    `json:",omitzero"`
	Fills  []exchange.Fill `json:",omitzero"`
}

// PurseState is a balance in the smallest amounts of its currency.
type PurseState struct{ Total, Reserved int64 }

// OrderState is an order.
type OrderState struct {
	exchange.Order
	Number int64
	// FeeWhole and FeeRest are the exact fee so far: the rest is in fractions of
	// exchange.RateOne.
	FeeWhole exchange.Units `json:",omitzero"`
	FeeRest  int64          `json:",omitzero"`
	// Reserved is what it has set aside, in the smallest amounts.
	Reserved int64         `json:",omitzero"`
	Stopped  bool          `json:",omitzero"`
	Trigger  exchange.Stop `json:",omitzero"`
	Asked    int64         `json:",omitzero"`
}

// Save returns the present state. It calls also, unless that is nil, under the
// exchange's lock, for what watchers have made of what they were told until then.
func (e *Exchange) Save(also func()) State {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := State{LastOrder: e.lastOrder, Quiet: e.quiet}
	for _, a := range e.assets {
		s.Assets = append(s.Assets, AssetState{a.currency, a.supply, a.fees})
	}
	for _, pair := range e.pairs {
		b := e.books[pair]
		one := BookState{Pair: pair, Status: b.market.Status, Sequence: b.sequence, LastTrade: b.lastTrade, Changed: b.changed, Tape: slices.Clone(b.tape)}
		for _, side := range []*side{&b.bids, &b.asks} {
			for _, o := range side.orders() {
				one.Resting = append(one.Resting, o.ID)
			}
		}
		for _, x := range b.stops {
			one.Waiting = append(one.Waiting, x.order.ID)
		}
		s.Books = append(s.Books, one)
	}
	for _, id := range slices.Sorted(maps.Keys(e.members)) {
		s.Members = append(s.Members, e.members[id].save())
	}
	if also != nil {
		also()
	}
	return s
}

func (m *Member) save() MemberState {
	s := MemberState{ID: m.id}
	for _, p := range m.purses {
		s.Purses = append(s.Purses, PurseState{p.total, p.reserved})
	}
	for _, x := range m.byID {
		s.Orders = append(s.Orders, OrderState{
			Order: x.order, Number: x.number, FeeWhole: x.meter.whole, FeeRest: x.meter.rest, Reserved: x.reserved, Stopped: x.stopped, Trigger: x.trigger, Asked: x.asked,
		})
	}
	slices.SortFunc(s.Orders, func(a, b OrderState) int { return cmp.Compare(a.Number, b.Number) })
	for _, pair := range slices.Sorted(maps.Keys(m.fills)) {
		s.Fills = append(s.Fills, m.fills[pair]...)
	}
	return s
}

// Restore makes a new exchange what another one of the same config was when it was
// saved; its members must have joined, and nobody have done anything. Watchers are told
// nothing. An error says what of the state does not belong to this exchange, which is of
// no use then.
func (e *Exchange) Restore(s State) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.lastOrder != 0 {
		return errors.New("paper exchange: somebody has traded before the state was restored")
	}
	if len(s.Assets) != len(e.assets) || len(s.Books) != len(e.pairs) || len(s.Members) != len(e.members) {
		return errors.New("paper exchange: the state has other currencies, markets or members")
	}
	e.lastOrder, e.quiet = s.LastOrder, s.Quiet
	for i, a := range s.Assets {
		if e.assets[i].currency != a.Currency {
			return fmt.Errorf("paper exchange: the state has %s where there is %s", a.Currency, e.assets[i].currency)
		}
		e.assets[i].supply, e.assets[i].fees = a.Supply, a.Fees
	}
	entries := make(map[string]*entry)
	for _, one := range s.Members {
		m := e.members[one.ID]
		if m == nil || len(one.Purses) != len(m.purses) {
			return fmt.Errorf("paper exchange: the state has a member %q with %d balances", one.ID, len(one.Purses))
		}
		if err := m.restore(one, entries); err != nil {
			return err
		}
	}
	for _, one := range s.Books {
		b := e.books[one.Pair]
		if b == nil {
			return fmt.Errorf("paper exchange: the state has a market %q", one.Pair)
		}
		if err := b.restore(one, entries); err != nil {
			return err
		}
	}
	return nil
}

func (m *Member) restore(s MemberState, entries map[string]*entry) error {
	for i, p := range s.Purses {
		m.purses[i] = purse{p.Total, p.Reserved}
	}
	for _, o := range s.Orders {
		b := m.exchange.books[o.Request.Pair]
		if b == nil || entries[o.ID] != nil {
			return fmt.Errorf("paper exchange: the state has an order %q twice, or in no market", o.ID)
		}
		x := &entry{
			order: o.Order, member: m, book: b, number: o.Number, meter: feeMeter{o.FeeWhole, o.FeeRest}, reserved: o.Reserved, stopped: o.Stopped,
			trigger: o.Trigger, asked: o.Asked,
		}
		entries[o.ID] = x
		m.enter(x)
		if o.Status == exchange.Complete {
			m.leave(x)
		}
	}
	for _, f := range s.Fills {
		m.fills[f.Pair] = append(m.fills[f.Pair], f)
	}
	return nil
}

func (b *book) restore(s BookState, entries map[string]*entry) error {
	b.market.Status, b.sequence, b.lastTrade, b.changed = s.Status, s.Sequence, s.LastTrade, s.Changed
	b.tape = slices.Clone(s.Tape)
	for _, t := range b.tape {
		b.dayVolume += t.Volume
	}
	place := func(ids []string, status exchange.OrderStatus, add func(*entry)) error {
		for _, id := range ids {
			x := entries[id]
			if x == nil || x.book != b || x.order.Status != status || x.level != nil {
				return fmt.Errorf("paper exchange: the state has no order %q that could be in the book of %s", id, s.Pair)
			}
			add(x)
		}
		return nil
	}
	return errors.Join(
		place(s.Resting, exchange.Open, func(x *entry) { b.side(x.order.Request.Side).add(x) }),
		place(s.Waiting, exchange.Pending, func(x *entry) { b.stops = append(b.stops, x) }),
	)
}
