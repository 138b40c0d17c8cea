package lunostream_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

// market is the market of the tests.
func market(t testing.TB) exchange.Market {
	t.Helper()
	m := exchange.Market{
		Pair: "XBTMYR", Base: "XBT", Counter: "MYR", Tick: decimal.RequireFromString("0.01"), Step: decimal.RequireFromString("0.000001"),
		Status: exchange.MarketActive,
	}
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	return m
}

// modelOrder is an order of the slow model.
type modelOrder struct {
	ID     string          `json:"id"`
	Bid    bool            `json:"-"`
	Price  decimal.Decimal `json:"price"`
	Volume decimal.Decimal `json:"volume"`
}

// modelTrade is a trade that the model made.
type modelTrade struct {
	sequence      int64
	price, volume decimal.Decimal
	takerBought   bool
}

// model is the slow model of a market, in decimals, from which the messages of a
// stream are made as Luno writes them.
type model struct {
	sequence, trade, now int64
	ids                  int
	orders               []modelOrder
	status               string
	// clock, if not nil, says the time of each message.
	clock func() int64
}

func newModel() *model {
	return &model{sequence: 74_538_167, trade: 33_279_895, now: 1_790_127_197_639, status: "ACTIVE"}
}

func (m *model) id() string {
	m.ids++
	return fmt.Sprintf("BX%013d", m.ids)
}

func number(d decimal.Decimal, places int32) string { return d.StringFixed(max(places, -d.Exponent())) }

// snapshot writes the whole book.
func (m *model) snapshot() []byte {
	side := func(bid bool) []map[string]string {
		out := []map[string]string{}
		for _, o := range m.orders {
			if o.Bid == bid {
				out = append(out, map[string]string{"id": o.ID, "price": number(o.Price, 8), "volume": number(o.Volume, 8)})
			}
		}
		return out
	}
	text, err := json.Marshal(map[string]any{
		"sequence": fmt.Sprint(m.sequence), "asks": side(false), "bids": side(true), "status": m.status, "timestamp": m.now,
	})
	if err != nil {
		panic(err)
	}
	return text
}

// update writes the next message.
func (m *model) update(trades, create, remove, status string) []byte {
	m.sequence++
	m.now += 7
	if m.clock != nil {
		m.now = m.clock()
	}
	return fmt.Appendf(nil, `{"sequence":"%d","trade_updates":%s,"create_update":%s,"delete_update":%s,"status_update":%s,"timestamp":%d}`,
		m.sequence, trades, create, remove, status, m.now)
}

// rest adds an order and writes the part of the message that tells it.
func (m *model) rest(bid bool, price, volume decimal.Decimal) string {
	o := modelOrder{ID: m.id(), Bid: bid, Price: price, Volume: volume}
	m.orders = append(m.orders, o)
	side := "ASK"
	if bid {
		side = "BID"
	}
	return fmt.Sprintf(`{"order_id":%q,"type":%q,"price":%q,"volume":%q}`, o.ID, side, number(price, 8), number(volume, 8))
}

// best is the place of the best order of a side, the oldest at the price; -1 if
// there is none.
func (m *model) best(bid bool) int {
	best := -1
	for i, o := range m.orders {
		if o.Bid == bid && (best < 0 || bid && o.Price.GreaterThan(m.orders[best].Price) || !bid && o.Price.LessThan(m.orders[best].Price)) {
			best = i
		}
	}
	return best
}

// match lets a taker trade a volume and writes the parts that tell it.
func (m *model) match(takerBuys bool, volume decimal.Decimal) (text string, trades []modelTrade) {
	taker, parts := m.id(), []string{}
	for volume.IsPositive() {
		i := m.best(!takerBuys)
		if i < 0 {
			break
		}
		o := &m.orders[i]
		take := decimal.Min(volume, o.Volume)
		m.trade++
		trades = append(trades, modelTrade{sequence: m.trade, price: o.Price, volume: take, takerBought: takerBuys})
		parts = append(parts, fmt.Sprintf(`{"sequence":%d,"base":%q,"counter":%q,"maker_order_id":%q,"taker_order_id":%q,"order_id":%q}`,
			m.trade, number(take, 8), number(take.Mul(o.Price), 16), o.ID, taker, o.ID))
		volume = volume.Sub(take)
		if o.Volume = o.Volume.Sub(take); o.Volume.IsZero() {
			m.orders = slices.Delete(m.orders, i, i+1)
		}
	}
	return "[" + strings.Join(parts, ",") + "]", trades
}

// chance makes choices.
type chance interface{ IntN(n int) int }

// step does something at random and writes its message.
func (m *model) step(c chance) (message []byte, trades []modelTrade) {
	const none = "null"
	hundredths := func(n int) decimal.Decimal { return decimal.New(int64(n), -2) }
	volume := decimal.New(int64(1+c.IntN(50_000)), -6)
	switch kind := c.IntN(100); {
	case kind < 40 || len(m.orders) < 4:
		bid := c.IntN(2) == 0
		price := hundredths(25_000_000 + 100 + c.IntN(20_000))
		if bid {
			price = hundredths(25_000_000 - c.IntN(20_000))
		}
		return m.update("[]", m.rest(bid, price, volume), none, none), nil
	case kind < 70:
		i := c.IntN(len(m.orders))
		remove := fmt.Sprintf(`{"order_id":%q}`, m.orders[i].ID)
		m.orders = slices.Delete(m.orders, i, i+1)
		return m.update(none, none, remove, none), nil
	case kind < 90:
		text, trades := m.match(c.IntN(2) == 0, volume)
		return m.update(text, none, none, none), trades
	case kind < 94: // an order that is filled in part, and rests
		buys := c.IntN(2) == 0
		price := hundredths(25_000_000)
		if i := m.best(!buys); i >= 0 {
			price = m.orders[i].Price
		}
		text, trades := m.match(buys, volume)
		return m.update(text, m.rest(buys, price, volume), none, none), trades
	case kind < 96:
		m.status = []string{"ACTIVE", "POSTONLY", "DISABLED"}[c.IntN(3)]
		return m.update("[]", none, none, fmt.Sprintf(`{"status":%q}`, m.status)), nil
	}
	return m.update("[]", none, none, none), nil
}

// levels is one side by price, the best first.
func (m *model) levels(bid bool) (prices, volumes []decimal.Decimal) {
	var orders []modelOrder
	for _, o := range m.orders {
		if o.Bid == bid {
			orders = append(orders, o)
		}
	}
	slices.SortStableFunc(orders, func(a, b modelOrder) int {
		if bid {
			a, b = b, a
		}
		return cmp.Compare(a.Price.Cmp(b.Price), 0)
	})
	for _, o := range orders {
		if n := len(prices); n > 0 && prices[n-1].Equal(o.Price) {
			volumes[n-1] = volumes[n-1].Add(o.Volume)
			continue
		}
		prices, volumes = append(prices, o.Price), append(volumes, o.Volume)
	}
	return prices, volumes
}

// seeded is a model with so many steps behind it.
func seeded(seed uint64, steps int) (*model, *rand.Rand) {
	m, c := newModel(), rand.New(rand.NewPCG(seed, 1))
	for range steps {
		m.step(c)
	}
	return m, c
}
