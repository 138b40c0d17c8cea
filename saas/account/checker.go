package account

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/event"
)

const (
	// keptRefused is for how long the key of a refused account is kept, for its owner
	// to have it checked again.
	keptRefused = 30 * 24 * time.Hour
	// tidyEvery is how often a worker looks for what nobody needs any more.
	tidyEvery = time.Hour
	// keptTurns is for how long turns are kept of an account that makes no calls. They
	// are all there again after a minute.
	keptTurns = time.Hour
	// keysAtOnce is how many keys are destroyed at one look.
	keysAtOnce = 100
	// checkLimit is how long one check may take, and for how long no other worker
	// makes it too.
	checkLimit = 2 * time.Minute
	// checksAtOnce is how many checks a worker makes at once, each of another tenant.
	checksAtOnce = 16
	// longestRetry is the longest time after which a check that could not be made is
	// tried again.
	longestRetry = 10 * time.Minute
	// longestHope is the longest time after which a revoked key is checked again with which
	// bots trade.
	longestHope = time.Hour
	// lookEvery is how often a worker looks that nobody wakes.
	lookEvery = 5 * time.Second
	// recheckEvery is how often a key is checked that was fine: its owner can change
	// its rights at the exchange.
	recheckEvery = 24 * time.Hour
)

// CheckerConfig are the checker's collaborators; all are required but Confirm, Log
// and Venues.
type CheckerConfig struct {
	// Confirm is after what time a venue is asked a second time that refuses a key which was
	// good. Defaults to 5 s.
	Confirm time.Duration
	Events  event.Recorder
	// Holder names this worker among those that share accounts.
	Holder string
	// Log hears of checks that could not be made. Defaults to nobody.
	Log    *slog.Logger
	Now    func() time.Time
	Opener *Opener
	Store  Connections
	Turns  TurnStore
	Tx     Transactor
	// Venues are the exchanges by name. Defaults to none.
	Venues map[string]Venue
}

// Checker finds out what keys may do, in a worker, which opens them. In the server of
// one process the web tier is in the same one. It is safe for concurrent use.
type Checker struct{ cfg CheckerConfig }

// NewChecker returns a checker; the error names every collaborator that is
// missing.
func NewChecker(cfg CheckerConfig) (*Checker, error) {
	var problems []error
	need := func(ok bool, name string) {
		if !ok {
			problems = append(problems, fmt.Errorf("account: CheckerConfig.%s is required", name))
		}
	}
	need(cfg.Events != nil, "Events")
	need(cfg.Holder != "", "Holder")
	need(cfg.Now != nil, "Now")
	need(cfg.Opener != nil, "Opener")
	need(cfg.Store != nil, "Store")
	need(cfg.Turns != nil, "Turns")
	need(cfg.Tx != nil, "Tx")
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Confirm == 0 {
		cfg.Confirm = 5 * time.Second
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return &Checker{cfg: cfg}, nil
}

// Run makes the checks that are due, at once when it is woken, and destroys what
// nobody needs any more, until ctx ends.
func (c *Checker) Run(ctx context.Context, woken <-chan struct{}) {
	tick, tidy := time.NewTicker(lookEvery), time.NewTicker(tidyEvery)
	defer tick.Stop()
	defer tidy.Stop()
	log := func(err error, doing string) {
		if err != nil && ctx.Err() == nil {
			c.cfg.Log.Error("the keys of accounts", "doing", doing, "error", err)
		}
	}
	log(c.Tidy(ctx), "tidying up")
	for s := newShift(c); ; {
		_, err := s.start(ctx)
		log(err, "looking")
		select {
		case <-ctx.Done():
			for len(s.busy) > 0 {
				_ = s.end(<-s.done)
			}
			return
		case d := <-s.done:
			log(s.end(d), "checking")
		case <-tidy.C:
			log(c.Tidy(ctx), "tidying up")
		case <-woken:
		case <-tick.C:
		}
	}
}

// Look makes the checks that are due, until none is, and returns how many there
// were. A check that could not be made is tried again later, by whichever worker
// looks first; so is one of a worker that died. The error is the store's.
func (c *Checker) Look(ctx context.Context) (int, error) {
	var problems []error
	for s, n := newShift(c), 0; ; {
		started, err := s.start(ctx)
		problems = append(problems, err)
		if n += started; len(s.busy) == 0 {
			return n, errors.Join(problems...)
		}
		problems = append(problems, s.end(<-s.done))
	}
}

// Tidy destroys the keys of accounts that were refused long ago, and forgets turns
// that say nothing any more.
func (c *Checker) Tidy(ctx context.Context) error {
	now := c.cfg.Now().UTC()
	problems := []error{c.cfg.Turns.SweepTurns(ctx, now.Add(-keptTurns))}
	stale, err := c.cfg.Store.StaleKeys(ctx, now.Add(-keptRefused), keysAtOnce)
	problems = append(problems, err)
	for _, a := range stale {
		problems = append(problems, c.destroy(ctx, a))
	}
	return errors.Join(problems...)
}

// destroy destroys the key of an account, unless somebody has it checked again.
func (c *Checker) destroy(ctx context.Context, a Account) error {
	return c.cfg.Tx.Tx(ctx, a.TenantID, func(ctx context.Context) error {
		now := c.cfg.Now().UTC()
		a, err := c.cfg.Store.LockAccount(ctx, a.TenantID, a.ID)
		if errs.KindOf(err) == errs.NotFound {
			return nil
		}
		if until := a.KeyUntil(); err != nil || until.IsZero() || until.After(now) {
			return err
		}
		if err := c.cfg.Store.DestroyKey(ctx, a.TenantID, a.ID); err != nil {
			return err
		}
		a.KeyDestroyedAt, a.UpdatedAt = now, now
		if err := c.cfg.Store.UpdateAccount(ctx, a.TenantID, a); err != nil {
			return err
		}
		return tell(ctx, c.cfg.Events, now, EventKeyDestroyed, a, "")
	})
}

// shift is the checks that a worker makes at present. Each is of another tenant, so
// that one whose venue hangs keeps no other waiting, however many accounts it has.
type shift struct {
	c    *Checker
	busy []string // the tenants
	done chan checked
}

// checked is a check that is over.
type checked struct {
	a   Account
	err error
}

func newShift(c *Checker) *shift { return &shift{c: c, done: make(chan checked)} }

// start begins checks that are due, as many as there is room for, and returns how
// many. Who called it hears of each from done, and must.
func (s *shift) start(ctx context.Context) (started int, err error) {
	for len(s.busy) < checksAtOnce {
		now := s.c.cfg.Now().UTC()
		a, found, err := s.c.cfg.Store.ClaimCheck(ctx, now, now.Add(checkLimit), s.busy)
		if err != nil || !found {
			return started, err
		}
		started++
		s.busy = append(s.busy, a.TenantID)
		go func() { s.done <- checked{a, s.c.check(ctx, a)} }()
	}
	return started, nil
}

// end takes note that a check is over and returns its error.
func (s *shift) end(d checked) error {
	s.busy = slices.DeleteFunc(s.busy, func(tenant string) bool { return tenant == d.a.TenantID })
	if d.err != nil {
		return fmt.Errorf("checking account %s: %w", d.a.ID, d.err)
	}
	return nil
}
