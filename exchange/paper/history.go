package paper

import (
	"context"
	"slices"
	"sort"

	"github.com/lunobot/lunobot/exchange"
)

// Detail is an order with what an exchange tells only its owner.
type Detail struct {
	exchange.Order
	// Stop is what it waits, or waited, for, with its direction resolved; the
	// zero value if it is no stop order.
	Stop exchange.Stop
	// Cancelled is when its owner asked for it to be taken back, in epoch
	// milliseconds; 0 if never.
	Cancelled int64
}

func (x *entry) detail() Detail { return Detail{Order: x.order, Stop: x.trigger, Cancelled: x.asked} }

// Detail looks an order of any market up by the exchange's id.
func (m *Member) Detail(ctx context.Context, id string) (Detail, error) {
	return m.findDetail(ctx, id, m.byID)
}

// DetailByClient looks an order of any market up by the client id that it was
// placed under.
func (m *Member) DetailByClient(ctx context.Context, clientID string) (Detail, error) {
	return m.findDetail(ctx, clientID, m.byClient)
}

func (m *Member) findDetail(ctx context.Context, key string, in map[string]*entry) (Detail, error) {
	if err := ctx.Err(); err != nil {
		return Detail{}, err
	}
	m.exchange.mu.Lock()
	defer m.exchange.mu.Unlock()
	x := in[key]
	if x == nil {
		return Detail{}, exchange.Rejected("ErrOrderNotFound", "there is no order %q", key)
	}
	return x.detail(), nil
}

// OrderFilter chooses orders; the zero value chooses all.
type OrderFilter struct {
	// Pair keeps those of one market.
	Pair string
	// Live keeps those that are not over, Over those that are.
	Live, Over bool
	// Before keeps those that were placed before it, in epoch milliseconds.
	Before int64
	// Limit is how many there are at most; required.
	Limit int
}

// Orders lists the member's orders, the newest first.
func (m *Member) Orders(ctx context.Context, f OrderFilter) ([]Detail, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.exchange.mu.Lock()
	defer m.exchange.mu.Unlock()
	from := m.orders
	if f.Live { // those few instead of all
		from = nil
		for _, open := range m.open {
			for x := range open {
				from = append(from, x)
			}
		}
		slices.SortFunc(from, func(a, b *entry) int { return int(a.number - b.number) })
	}
	var out []Detail
	for i := len(from) - 1; i >= 0 && len(out) < f.Limit; i-- {
		x := from[i]
		over := x.order.Status == exchange.Complete
		if f.Pair != "" && x.book.market.Pair != f.Pair || f.Live && over || f.Over && !over || f.Before != 0 && x.order.Created >= f.Before {
			continue
		}
		out = append(out, x.detail())
	}
	return out, nil
}

// FillFilter chooses fills of one market; zero fields choose all.
type FillFilter struct {
	Pair string
	// Since and Before keep those at Since or later and before Before, in epoch
	// milliseconds.
	Since, Before int64
	// FromSequence and ToSequence keep those from the first on and before the
	// second.
	FromSequence, ToSequence int64
	// Newest lists the newest first; without it the oldest come first.
	Newest bool
	// Limit is how many there are at most; required.
	Limit int
}

// FillsOf lists the member's fills that a filter chooses.
func (m *Member) FillsOf(ctx context.Context, f FillFilter) ([]exchange.Fill, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.exchange.mu.Lock()
	defer m.exchange.mu.Unlock()
	all := m.fills[f.Pair] // by sequence, and so by time
	from := sort.Search(len(all), func(i int) bool { return all[i].Sequence >= f.FromSequence && all[i].Time >= f.Since })
	to := sort.Search(len(all), func(i int) bool {
		return f.Before != 0 && all[i].Time >= f.Before || f.ToSequence != 0 && all[i].Sequence >= f.ToSequence
	})
	if from >= to {
		return nil, nil
	}
	if f.Newest {
		out := slices.Clone(all[max(from, to-f.Limit):to])
		slices.Reverse(out)
		return out, nil
	}
	return slices.Clone(all[from:min(to, from+f.Limit)]), nil
}
