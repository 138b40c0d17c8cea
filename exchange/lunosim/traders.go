package lunosim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
)

const (
	// crowd is how many orders the house keeps in a market's book.
	crowd = 60
	// parts is what the traders' random moves are counted in: hundred-thousandths of
	// the price.
	parts = 100_000
)

// Traders make one market move: the house quotes around a price that wanders, and a
// stranger takes. A seed gives the same orders every time, as far as nobody else
// trades. They are for one goroutine.
type Traders struct {
	sim    *Sim
	market *market
	random *rand.Rand
	// fair is what they take the price for.
	fair   exchange.Ticks
	quotes []string
}

// NewTraders returns the traders of a market.
func (s *Sim) NewTraders(pair string) (*Traders, error) {
	m := s.markets[pair]
	if m == nil {
		return nil, fmt.Errorf("lunosim: there is no market %q", pair)
	}
	t := &Traders{sim: s, market: m, fair: m.around}
	for i, p := range s.pairs {
		if p == pair {
			t.random = rand.New(rand.NewPCG(s.cfg.Seed, uint64(100+i))) //nolint:gosec // choices that must be the same for one seed
		}
	}
	m.mu.Lock()
	if n := len(m.candles); n > 0 {
		t.fair = m.candles[n-1].Close
	}
	m.mu.Unlock()
	if t.fair <= 0 {
		return nil, fmt.Errorf("lunosim: %s has no price to trade around", pair)
	}
	return t, nil
}

// Run takes a step each time a pause has passed, until ctx ends; it returns ctx's
// error.
func (t *Traders) Run(ctx context.Context, pause time.Duration) error {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for range crowd / 2 { // a book to begin with
		if err := t.quote(ctx); err != nil {
			return err
		}
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
			if err := t.Step(ctx); err != nil {
				return err
			}
		}
	}
}

// Step lets one trader act.
func (t *Traders) Step(ctx context.Context) error {
	t.fair += exchange.Ticks(t.random.Int64N(81)-40) * t.fair / parts
	t.fair = max(t.fair, t.market.MinPrice, 1)
	if t.market.MaxPrice > 0 {
		t.fair = min(t.fair, t.market.MaxPrice)
	}
	switch t.random.IntN(20) {
	case 0, 1:
		return t.cancel(ctx, t.random.IntN(max(1, len(t.quotes))))
	case 2, 3, 4, 5, 6, 7:
		return t.take(ctx)
	}
	return t.quote(ctx)
}

// near returns a price up to a share of the fair one away from it, at least a tick.
func (t *Traders) near(side exchange.Side, most int64) exchange.Ticks {
	away := max(1, exchange.Ticks(1+t.random.Int64N(most))*t.fair/parts)
	if side == exchange.Buy {
		return max(1, t.fair-away)
	}
	return t.fair + away
}

// volume returns a volume of up to a hundred of the least one.
func (t *Traders) volume() exchange.Steps {
	return max(1, t.market.MinVolume) * exchange.Steps(1+t.random.Int64N(100))
}

func (t *Traders) side() exchange.Side {
	if t.random.IntN(2) == 0 {
		return exchange.Buy
	}
	return exchange.Sell
}

// quote lets the house place an order, and take its oldest back if it has many.
func (t *Traders) quote(ctx context.Context) error {
	r := exchange.OrderRequest{Pair: t.market.Pair, Side: t.side(), Type: exchange.LimitOrder, Volume: t.volume()}
	r.Price = t.near(r.Side, 500)
	o, err := t.sim.send(ctx, t.sim.house, t.market, r)
	if err != nil {
		return err
	}
	if o.Status == exchange.Open {
		t.quotes = append(t.quotes, o.ID)
	}
	if len(t.quotes) > crowd {
		return t.cancel(ctx, 0)
	}
	return nil
}

// take lets the stranger take what is offered near the fair price.
func (t *Traders) take(ctx context.Context) error {
	r := exchange.OrderRequest{Pair: t.market.Pair, Side: t.side(), Type: exchange.LimitOrder, TimeInForce: exchange.IOC, Volume: t.volume()}
	r.Price = t.near(r.Side.Opposite(), 300)
	_, err := t.sim.send(ctx, t.sim.stranger, t.market, r)
	return err
}

// cancel takes one of the house's orders back, if it is still there.
func (t *Traders) cancel(ctx context.Context, i int) error {
	if i >= len(t.quotes) {
		return nil
	}
	id := t.quotes[i]
	t.quotes = append(t.quotes[:i], t.quotes[i+1:]...)
	return passable(t.sim.house.Cancel(ctx, t.market.Pair, id))
}

// send places an order of the house or the stranger, who never run out of money.
func (s *Sim) send(ctx context.Context, member *paper.Member, m *market, r exchange.OrderRequest) (exchange.Order, error) {
	s.tick()
	o, err := member.Place(ctx, r)
	var refused *exchange.Error
	if !errors.As(err, &refused) || refused.Code != "ErrInsufficientBalance" {
		return o, passable(err)
	}
	currency, amount := m.Base, m.Volume(r.Volume)
	if r.Side == exchange.Buy {
		value, err := r.Price.Times(r.Volume)
		if err != nil {
			return o, err
		}
		currency, amount = m.Counter, m.Amount(value)
	}
	if err := member.Deposit(currency, amount.Mul(decimal.New(refill, 0))); err != nil {
		return o, fmt.Errorf("lunosim: funding the traders: %w", err)
	}
	o, err = member.Place(ctx, r)
	return o, passable(err)
}

// refill is how many orders' worth of money a trader without any gets.
const refill = 1000

// passable drops refusals, which happen to traders: the order was filled before, or
// the market takes none now.
func passable(err error) error {
	var refused *exchange.Error
	if errors.As(err, &refused) && refused.Outcome == exchange.OutcomeRejected {
		return nil
	}
	return err
}
