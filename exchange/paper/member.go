package paper

import (
	"context"
	"fmt"
	"slices"
	"sort"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

// Member is one account at an Exchange. It is safe for concurrent use.
type Member struct {
	exchange *Exchange
	id       string
	// forgets is set if nothing that is over is kept.
	forgets bool
	// The fields below belong to the exchange's lock.
	purses   []purse
	watch    func(MemberEvent)
	orders   []*entry
	byClient map[string]*entry
	byID     map[string]*entry
	open     map[string]map[*entry]struct{}
	fills    map[string][]exchange.Fill
}

var (
	_ exchange.Trader = (*Member)(nil)
	_ exchange.Quotes = (*Exchange)(nil)
)

// ID returns the member's id.
func (m *Member) ID() string { return m.id }

// Deposit adds to a balance. The amount must not be finer than the currency's
// markets need, and everybody's balances together must fit 64 bits.
func (m *Member) Deposit(currency string, amount decimal.Decimal) error {
	e := m.exchange
	e.mu.Lock()
	defer e.mu.Unlock()
	e.begin()
	defer e.end()
	e.record(Input{Member: m.id, Currency: currency, Deposit: amount})
	i := assetIndex(e.assets, currency)
	if i < 0 {
		return exchange.Rejected("ErrInvalidCurrency", "no market trades %q", currency)
	}
	a := &e.assets[i]
	n, err := a.atoms(amount)
	if err != nil {
		return fmt.Errorf("deposit: %w", err)
	}
	if n <= 0 {
		return exchange.Rejected("ErrInvalidAmount", "the deposit %s must be above 0", amount)
	}
	if a.supply+n < a.supply {
		return fmt.Errorf("deposit: all %s together: %w", currency, exchange.ErrOverflow)
	}
	a.supply += n
	m.post(i, PostingTransfer, n, 0, nil)
	return nil
}

// Place sends an order, which is matched before the call returns. A repeat under
// its client id returns the order that is there, with an *exchange.Error of
// OutcomeAccepted and the code "ErrDuplicateClientOrderID"; any other
// *exchange.Error is a rejection, also that of another order under a client id that
// is taken. A stop order is told with the direction that it was placed with; Detail
// tells which StopRelative became.
func (m *Member) Place(ctx context.Context, r exchange.OrderRequest) (exchange.Order, error) {
	if err := ctx.Err(); err != nil {
		return exchange.Order{}, err
	}
	m.exchange.mu.Lock()
	defer m.exchange.mu.Unlock()
	m.exchange.begin()
	defer m.exchange.end()
	if m.exchange.recorded() {
		placed := r // so that r need not outlive the call
		m.exchange.record(Input{Member: m.id, Place: &placed})
	}
	x, err := m.exchange.place(m, r)
	switch {
	case err != nil && exchange.OutcomeOf(err) == exchange.OutcomeAccepted:
		return m.byClient[r.ClientID].order, err
	case err != nil:
		return exchange.Order{}, err
	}
	return x.order, nil
}

// Cancel takes the rest of an order back. An order that is unknown, of another
// member or over is refused with "ErrCannotStopUnknownOrNonPendingOrder".
func (m *Member) Cancel(ctx context.Context, pair, orderID string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e := m.exchange
	e.mu.Lock()
	defer e.mu.Unlock()
	b, err := e.book(pair)
	if err != nil {
		return err
	}
	x := m.byID[orderID]
	if x == nil || x.book != b || x.order.Status == exchange.Complete {
		return exchange.Rejected("ErrCannotStopUnknownOrNonPendingOrder", "order %s is not open", orderID)
	}
	e.begin()
	defer e.end()
	e.record(Input{Member: m.id, Pair: pair, Cancel: orderID})
	now := e.now()
	x.asked = now
	if x.order.Status == exchange.Pending {
		b.unwait(x)
		x.finish(now)
		return nil
	}
	b.side(x.order.Request.Side).remove(x)
	b.changed = now
	b.publish(BookUpdate{Deleted: x.order.ID, Time: now})
	x.finish(now)
	return nil
}

// Order looks an order up by the client id that it was placed under.
func (m *Member) Order(ctx context.Context, pair, clientID string) (exchange.Order, error) {
	return m.look(ctx, pair, clientID, m.byClient)
}

// OrderByID looks an order up by the exchange's id.
func (m *Member) OrderByID(ctx context.Context, pair, id string) (exchange.Order, error) {
	return m.look(ctx, pair, id, m.byID)
}

// Fees returns the exchange's rates, which are the same for both sides.
func (m *Member) Fees(ctx context.Context, pair string) (exchange.FeeSchedule, error) {
	if err := ctx.Err(); err != nil {
		return exchange.FeeSchedule{}, err
	}
	m.exchange.mu.Lock()
	defer m.exchange.mu.Unlock()
	if _, err := m.exchange.book(pair); err != nil {
		return exchange.FeeSchedule{}, err
	}
	fees := m.exchange.cfg.Fees
	return exchange.FeeSchedule{Buy: fees, Sell: fees}, nil
}

func (m *Member) look(ctx context.Context, pair, key string, in map[string]*entry) (exchange.Order, error) {
	if err := ctx.Err(); err != nil {
		return exchange.Order{}, err
	}
	m.exchange.mu.Lock()
	defer m.exchange.mu.Unlock()
	x := in[key]
	if x == nil || x.book.market.Pair != pair {
		return exchange.Order{}, exchange.Rejected("ErrOrderNotFound", "there is no order %q in %s", key, pair)
	}
	return x.order, nil
}

// OpenOrders lists the resting orders in a market, oldest first.
func (m *Member) OpenOrders(ctx context.Context, pair string) ([]exchange.Order, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.exchange.mu.Lock()
	defer m.exchange.mu.Unlock()
	if _, err := m.exchange.book(pair); err != nil {
		return nil, err
	}
	entries := make([]*entry, 0, len(m.open[pair]))
	for x := range m.open[pair] {
		entries = append(entries, x)
	}
	slices.SortFunc(entries, func(a, b *entry) int { return int(a.number - b.number) })
	orders := make([]exchange.Order, len(entries))
	for i, x := range entries {
		orders[i] = x.order
	}
	return orders, nil
}

// Fills lists the member's fills in a market with a sequence above after, oldest
// first, at most limit.
func (m *Member) Fills(ctx context.Context, pair string, after int64, limit int) ([]exchange.Fill, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if limit <= 0 {
		return nil, exchange.Rejected("ErrLimitOutOfRange", "the limit %d must be above 0", limit)
	}
	m.exchange.mu.Lock()
	defer m.exchange.mu.Unlock()
	if _, err := m.exchange.book(pair); err != nil {
		return nil, err
	}
	fills := m.fills[pair]
	from := sort.Search(len(fills), func(i int) bool { return fills[i].Sequence > after })
	return slices.Clone(fills[from:min(len(fills), from+limit)]), nil
}

// Balances lists what the member holds of every currency of the exchange, also
// of those that it has nothing of.
func (m *Member) Balances(ctx context.Context) ([]exchange.Balance, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.exchange.mu.Lock()
	defer m.exchange.mu.Unlock()
	out := make([]exchange.Balance, len(m.purses))
	for i, p := range m.purses {
		a := m.exchange.assets[i]
		out[i] = exchange.Balance{Currency: a.currency, Total: a.decimal(p.total), Reserved: a.decimal(p.reserved)}
	}
	return out, nil
}

// enter files a new order under its ids.
func (m *Member) enter(x *entry) {
	m.byID[x.order.ID] = x
	if !m.forgets {
		m.orders = append(m.orders, x)
	}
	if id := x.order.Request.ClientID; id != "" {
		m.byClient[id] = x
	}
	pair := x.book.market.Pair
	if m.open[pair] == nil {
		m.open[pair] = make(map[*entry]struct{})
	}
	m.open[pair][x] = struct{}{}
}

// leave takes an order that is over from the open ones.
func (m *Member) leave(x *entry) {
	delete(m.open[x.book.market.Pair], x)
	if m.forgets {
		delete(m.byID, x.order.ID)
		delete(m.byClient, x.order.Request.ClientID)
	}
}

// fill files an execution of an order.
func (m *Member) fill(x *entry, f exchange.Fill) {
	if !m.forgets {
		m.fills[f.Pair] = append(m.fills[f.Pair], f)
	}
	if m.watch != nil {
		d := x.detail()
		m.watch(MemberEvent{Order: &d, Fill: &f})
	}
}
