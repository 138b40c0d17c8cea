package paper

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

// ExchangeConfig describes a simulated exchange.
type ExchangeConfig struct {
	// Fees are every member's rates, taken in the counter currency. Defaults to
	// none.
	Fees exchange.Fees
	// Markets are what is traded. At least one is required, with unique pairs.
	Markets []exchange.Market
	// Now is the exchange's clock. Required.
	Now func() time.Time
}

func (c ExchangeConfig) validate() error {
	var problems []error
	if c.Now == nil {
		problems = append(problems, errors.New("a clock is required"))
	}
	if len(c.Markets) == 0 {
		problems = append(problems, errors.New("at least one market is required"))
	}
	seen := make(map[string]bool)
	for _, m := range c.Markets {
		problems = append(problems, m.Validate())
		if seen[m.Pair] {
			problems = append(problems, fmt.Errorf("market %s is there twice", m.Pair))
		}
		seen[m.Pair] = true
	}
	for _, r := range []exchange.Rate{c.Fees.Maker, c.Fees.Taker} {
		if r < 0 || r >= exchange.RateOne {
			problems = append(problems, fmt.Errorf("the fee rate %s must be at least 0 and below 1", r.Decimal()))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("paper exchange: %w", err)
	}
	return nil
}

// Exchange is a matching engine of several markets and members. Orders trade by
// price, then by time, at the price of the order that rested. It is safe for
// concurrent use; what it did is kept in memory for as long as it lives.
//
// Details that a caller can notice:
//
//   - An order never trades with another one of its own member: whatever of it
//     would meet such an order is cancelled, and the resting one stays.
//   - A post-only order that would trade at once is refused.
//   - What a market, IOC or FOK order cannot fill at once is cancelled; the order
//     is Complete then, and its volumes tell what was filled (rule T4).
//   - A buy order reserves its value at its limit and the higher fee of it. The
//     fees of an order are rounded up over the whole order, not at every fill, so
//     that they never exceed what was reserved.
//   - A client id is taken from the first order that is accepted under it, for
//     ever.
type Exchange struct {
	cfg ExchangeConfig

	// mu guards everything below, the members and the books.
	mu      sync.Mutex
	assets  []asset
	books   map[string]*book
	pairs   []string
	members map[string]*Member
	// lastOrder numbers the orders from 1.
	lastOrder int64
}

// NewExchange returns an exchange without members; the error names everything
// that is wrong with cfg.
func NewExchange(cfg ExchangeConfig) (*Exchange, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	e := &Exchange{cfg: cfg, books: make(map[string]*book), members: make(map[string]*Member)}
	e.assets = assetsOf(cfg.Markets)
	for _, m := range cfg.Markets {
		b, err := newBook(m, e.assets)
		if err != nil {
			return nil, fmt.Errorf("paper exchange: %w", err)
		}
		e.books[m.Pair] = b
		e.pairs = append(e.pairs, m.Pair)
	}
	return e, nil
}

// Join makes a new member with an empty account.
func (e *Exchange) Join(id string) (*Member, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if id == "" || e.members[id] != nil {
		return nil, fmt.Errorf("paper exchange: the member id %q is empty or taken", id)
	}
	m := &Member{
		exchange: e, id: id,
		purses:   make([]purse, len(e.assets)),
		byClient: make(map[string]*entry),
		byID:     make(map[string]*entry),
		open:     make(map[string]map[*entry]struct{}),
		fills:    make(map[string][]exchange.Fill),
	}
	e.members[id] = m
	return m, nil
}

// Member returns a member; false if there is none of that id.
func (e *Exchange) Member(id string) (*Member, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	m := e.members[id]
	return m, m != nil
}

// SetStatus opens, closes or restricts a market. Resting orders stay and can
// always be cancelled.
func (e *Exchange) SetStatus(pair string, status exchange.MarketStatus) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	b, err := e.book(pair)
	if err != nil {
		return err
	}
	b.market.Status = status
	return nil
}

// CollectedFees lists what the exchange has taken of each currency.
func (e *Exchange) CollectedFees() []exchange.Balance {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make([]exchange.Balance, len(e.assets))
	for i, a := range e.assets {
		out[i] = exchange.Balance{Currency: a.currency, Total: a.decimal(a.fees), Reserved: decimal.Zero}
	}
	return out
}

func (e *Exchange) book(pair string) (*book, error) {
	b := e.books[pair]
	if b == nil {
		return nil, exchange.Rejected("ErrInvalidMarketPair", "there is no market %q", pair)
	}
	return b, nil
}

func (e *Exchange) now() int64 { return e.cfg.Now().UnixMilli() }
