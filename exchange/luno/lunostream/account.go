package lunostream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// AccountConfig describes the user stream of an account.
type AccountConfig struct {
	// BackoffMax is the longest pause before Keep opens the stream again. Defaults
	// to a minute.
	BackoffMax time.Duration
	// BackoffMin is the first such pause. Defaults to 500 ms.
	BackoffMin time.Duration
	// Dialer opens the stream with the account's key. Required.
	Dialer *Dialer
	// Log hears of broken streams. Defaults to nobody.
	Log *slog.Logger
	// Markets gives the tick and the step that amounts are told in. Required.
	Markets interface {
		Market(ctx context.Context, pair string) (exchange.Market, error)
	}
	// Rand returns a number from 0 to below 1 that spreads the pauses. Defaults to
	// the runtime's random numbers.
	Rand func() float64
}

// Account is the user stream of one account: what happens to its own orders and
// balances. Luno numbers nothing there and repeats the last five minutes to who
// comes back; what was told before, or is older than what was told, is left out
// (rule T7). It is for one stream at a time.
type Account struct {
	cfg  AccountConfig
	told told
}

var _ exchange.AccountStreamer = (*Account)(nil)

// NewAccount returns a user stream; the error names all that is wrong with cfg.
// It opens nothing.
func NewAccount(cfg AccountConfig) (*Account, error) {
	if cfg.BackoffMax == 0 {
		cfg.BackoffMax = time.Minute
	}
	if cfg.BackoffMin == 0 {
		cfg.BackoffMin = 500 * time.Millisecond
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Float64
	}
	var problems []error
	if cfg.Dialer == nil || cfg.Markets == nil {
		problems = append(problems, errors.New("luno user stream: a dialer and the markets are required"))
	}
	if cfg.BackoffMin < 0 || cfg.BackoffMin > cfg.BackoffMax {
		problems = append(problems, errors.New("luno user stream: the pauses must be above 0 and the first no longer than the longest"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return &Account{cfg: cfg, told: newTold()}, nil
}

// Keep is StreamAccount again and again, with growing pauses, until ctx ends,
// whose error it returns. After each Connected something may be missing that
// happened more than five minutes before (rule T6).
func (a *Account) Keep(ctx context.Context, sink func(exchange.AccountEvent)) error {
	backoff := exchange.Backoff{Min: a.cfg.BackoffMin, Max: a.cfg.BackoffMax, Rand: a.cfg.Rand}
	for failures := 0; ; {
		var worked, pause time.Duration
		var connected time.Time
		err := a.StreamAccount(ctx, func(e exchange.AccountEvent) {
			if e.Connected {
				connected = time.Now()
			}
			sink(e)
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !connected.IsZero() {
			worked = time.Since(connected)
		}
		pause, failures = backoff.Next(failures, worked)
		a.cfg.Log.WarnContext(ctx, "user stream broke", slog.Duration("pause", pause), slog.Any("error", err))
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// StreamAccount implements exchange.AccountStreamer. Nothing is said when Luno
// has taken the key, only when it has not: Connected means that the connection
// stands and the key was sent.
func (a *Account) StreamAccount(ctx context.Context, sink func(exchange.AccountEvent)) error {
	s, err := a.cfg.Dialer.open(ctx, "/api/1/userstream")
	if err != nil {
		return fmt.Errorf("opening the user stream: %w", err)
	}
	defer s.close()
	sink(exchange.AccountEvent{Connected: true})
	for {
		message, err := s.next()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("user stream: %w", err)
		}
		own, err := DecodeOwn(message)
		if err != nil {
			return fmt.Errorf("user stream: %w", s.explain(err, message))
		}
		if e := a.event(ctx, own); e != (exchange.AccountEvent{}) {
			sink(e)
		}
	}
}

// event translates a message; the event is zero if there is nothing new in it. An
// order whose amounts cannot be told here, because they are finer than its market
// allows or the market is not known, is told without them.
func (a *Account) event(ctx context.Context, o Own) (e exchange.AccountEvent) {
	switch o.Kind {
	case OwnBalance:
		if a.told.balance(o) {
			e.Balance = &exchange.BalanceUpdate{Account: o.Account, Row: o.Row, Total: o.Balance, Free: o.Available, Time: o.Time}
		}
	case OwnStatus:
		if u := o.update(); a.told.order(u) {
			e.Order = &u
		}
	case OwnFill:
		u := o.update()
		m, err := a.cfg.Markets.Market(ctx, o.Pair)
		if err == nil {
			err = amounts(m, o, &u)
		}
		switch {
		case err != nil:
			a.cfg.Log.WarnContext(ctx, "what an order has traded is not understood and must be looked up",
				slog.String("order_id", o.Order), slog.String("pair", o.Pair), slog.Any("error", err))
			e.Order = new(o.update())
		case a.told.order(u):
			e.Order = &u
		}
	case OwnOther:
	}
	return e
}

// update is what a message tells of an order, but for the amounts.
func (o Own) update() exchange.OrderUpdate {
	return exchange.OrderUpdate{Pair: o.Pair, OrderID: o.Order, ClientID: o.Client, Status: o.Status, Time: o.Time}
}

// amounts translates what an order has traded.
func amounts(m exchange.Market, o Own, u *exchange.OrderUpdate) (err error) {
	u.Executed = true
	if o.Base.IsNegative() || o.Counter.IsNegative() {
		return fmt.Errorf("it has traded %s for %s", o.Base, o.Counter)
	}
	if u.Filled, err = m.Steps(o.Base, exchange.Exact); err != nil {
		return err
	}
	if u.Value, err = m.Units(o.Counter, exchange.Nearest); err != nil {
		return err
	}
	if u.Fee, err = m.Units(o.CounterFee, exchange.Up); err != nil {
		return err
	}
	u.FeeBase, err = m.Dust(o.BaseFee, exchange.Up)
	return err
}
