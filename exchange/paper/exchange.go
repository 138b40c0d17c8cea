package paper

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

// ExchangeConfig describes a simulated exchange.
type ExchangeConfig struct {
	// BaseFees takes the fees in the base currency: a buyer gets less of it, a seller
	// gives more. Defaults to false: they are taken in the counter currency.
	BaseFees bool
	// Fees are every member's rates. Defaults to none.
	Fees exchange.Fees
	// Markets are what is traded. At least one is required, with unique pairs.
	Markets []exchange.Market
	// MaxSlip is how far from the best price a market order may run, as a share
	// of it. One that would run further, or that the book cannot fill, is refused
	// with "ErrNotEnoughLiquidity". Defaults to 0, no bound: what the book cannot
	// fill is cancelled.
	MaxSlip exchange.Rate
	// Now is the exchange's clock. Required.
	Now func() time.Time
	// OrderID names the order of a number; the names must be unique. Defaults to
	// the number.
	OrderID func(number int64) string
	// Record is told of everything that is done to the exchange, in its order and before
	// it happens, under the exchange's lock: it must be quick and must not call the
	// exchange. Replay does the same again. Defaults to nobody.
	Record func(Input)
	// Tape is for how long trades stay on the tape, a day at least. Defaults to 0,
	// for ever.
	Tape time.Duration
}

func (c ExchangeConfig) withDefaults() ExchangeConfig {
	if c.OrderID == nil {
		c.OrderID = func(number int64) string { return strconv.FormatInt(number, 10) }
	}
	return c
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
	if c.MaxSlip < 0 || c.MaxSlip > exchange.RateOne {
		problems = append(problems, fmt.Errorf("the share %s that a market order may run must be between 0 and 1", c.MaxSlip.Decimal()))
	}
	if c.Tape != 0 && c.Tape < day*time.Millisecond {
		problems = append(problems, fmt.Errorf("a tape of %s is shorter than a day", c.Tape))
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
//   - A post-only order that would trade at once is refused, or cancelled after
//     SetQuietPostOnly.
//   - What a market, IOC or FOK order cannot fill at once is cancelled; the order
//     is Complete then, and its volumes tell what was filled (rule T4).
//   - A buy order reserves its value at its limit and the higher fee of it; a sale
//     its volume, and the higher fee of it if fees are of the base currency. The
//     fees of an order are rounded up over the whole order, not at every fill, so
//     that they never exceed what was reserved.
//   - A client id is taken from the first order that is accepted under it, for
//     ever.
//   - A stop order reserves when it is placed and waits, Pending, outside the book
//     until a trade reaches its price; then it is matched like any other. One that is
//     reached already goes to the book at once. "ErrNoTradesToInferStopDirection"
//     refuses exchange.StopRelative in a market without a trade. A post-only order
//     that would trade when it is let go is cancelled.
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
	// quiet is set if post-only orders that would trade are cancelled, not refused.
	quiet bool
	// at is when what is being done came, in milliseconds, and again when what is
	// being replayed did; 0 if nothing is.
	at, again int64
}

// NewExchange returns an exchange without members; the error names everything
// that is wrong with cfg.
func NewExchange(cfg ExchangeConfig) (*Exchange, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	e := &Exchange{cfg: cfg, books: make(map[string]*book), members: make(map[string]*Member)}
	e.assets = assetsOf(cfg.Markets, cfg.BaseFees)
	for _, m := range cfg.Markets {
		b, err := newBook(m, e.assets)
		if err != nil {
			return nil, fmt.Errorf("paper exchange: %w", err)
		}
		b.changed = e.now()
		e.books[m.Pair] = b
		e.pairs = append(e.pairs, m.Pair)
	}
	return e, nil
}

// Join makes a new member with an empty account.
func (e *Exchange) Join(id string) (*Member, error) { return e.join(id, false) }

// JoinForgetful makes a new member like Join of whose orders that are over, and of
// whose fills, nothing is kept: for those who make the market day and night.
func (e *Exchange) JoinForgetful(id string) (*Member, error) { return e.join(id, true) }

func (e *Exchange) join(id string, forgets bool) (*Member, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if id == "" || e.members[id] != nil {
		return nil, fmt.Errorf("paper exchange: the member id %q is empty or taken", id)
	}
	m := &Member{
		exchange: e, id: id, forgets: forgets,
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
	e.begin()
	defer e.end()
	e.record(Input{Pair: pair, Status: status})
	b.market.Status, b.changed = status, e.now()
	b.publish(BookUpdate{Status: status, Time: b.changed})
	return nil
}

// SetQuietPostOnly says what happens to a post-only order that would trade at once:
// it is refused, or accepted and cancelled.
func (e *Exchange) SetQuietPostOnly(quiet bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.quiet != quiet {
		e.begin()
		defer e.end()
		e.record(Input{Quiet: &quiet})
		e.quiet = quiet
	}
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

// ofCounter returns the rates of what is taken in the counter currency.
func (e *Exchange) ofCounter() exchange.Fees {
	if e.cfg.BaseFees {
		return exchange.Fees{}
	}
	return e.cfg.Fees
}

// now is the time, which stands still while something is being done.
func (e *Exchange) now() int64 {
	if e.at != 0 {
		return e.at
	}
	return e.cfg.Now().UnixMilli()
}
