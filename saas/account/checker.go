package account

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/event"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/tenancy/vault"
)

const (
	// checkLimit is how long one check may take, and for how long no other worker
	// makes it too.
	checkLimit = 2 * time.Minute
	// checksAtOnce is how many checks one look takes on.
	checksAtOnce = 8
	// longestRetry is the longest time after which a check that could not be made is
	// tried again.
	longestRetry = 10 * time.Minute
	// lookEvery is how often a worker looks that nobody wakes.
	lookEvery = 5 * time.Second
	// recheckEvery is how often a key is checked that was fine: its owner can change
	// its rights at the exchange.
	recheckEvery = 24 * time.Hour
)

// codeTwin is the code of the error that another account has the key.
const codeTwin = "key_connected"

// CheckerConfig are the checker's collaborators; all are required but Log and Venues.
type CheckerConfig struct {
	Events event.Recorder
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
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return &Checker{cfg: cfg}, nil
}

// Run looks for checks that are due, at once when it is woken, until ctx ends.
func (c *Checker) Run(ctx context.Context, woken <-chan struct{}) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		more, err := c.Look(ctx)
		if err != nil && ctx.Err() == nil {
			c.cfg.Log.Error("checking the keys of accounts", "error", err)
		}
		if more == checksAtOnce && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-woken:
		case <-tick.C:
		}
	}
}

// Look makes the checks that are due, and returns how many there were. A check
// that could not be made is tried again later, by whichever worker looks first; so
// is one of a worker that died. The error is the store's.
func (c *Checker) Look(ctx context.Context) (int, error) {
	now := c.cfg.Now().UTC()
	due, err := c.cfg.Store.ClaimChecks(ctx, now, now.Add(checkLimit), checksAtOnce)
	if err != nil {
		return 0, err
	}
	var problems []error
	for _, a := range due {
		if err := c.check(ctx, a); err != nil {
			problems = append(problems, fmt.Errorf("checking account %s: %w", a.ID, err))
		}
	}
	return len(due), errors.Join(problems...)
}

// check asks about one account's key and stores what was found, unless the account
// was changed or deleted meanwhile.
func (c *Checker) check(ctx context.Context, a Account) error {
	asking, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	report, err := c.ask(asking, a)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return c.cfg.Tx.Tx(ctx, a.TenantID, func(ctx context.Context) error {
		now, claimed := c.cfg.Now().UTC(), a.CheckAt
		a, found := c.cfg.Store.LockAccount(ctx, a.TenantID, a.ID)
		switch {
		case errs.KindOf(found) == errs.NotFound:
			return nil
		case found != nil:
			return found
		case !a.CheckAt.Equal(claimed): // asked for anew
			return nil
		}
		a.UpdatedAt = now
		if err != nil && !final(err) {
			c.cfg.Log.Warn("a key could not be checked", "account", a.ID, "error", err)
			a.Tries++
			a.CheckAt = now.Add(min(longestRetry, 5*time.Second<<min(a.Tries, 8)))
			if a.State == Checking {
				a.Reason = "the key could not be checked yet and will be tried again: " + unreached(err)
			}
			return c.cfg.Store.UpdateAccount(ctx, a.TenantID, a)
		}
		a.Tries, a.CheckedAt = 0, now
		if report.Balances != nil {
			a.Balances, a.BalancesAt = balancesOf(report.Balances), now
		}
		judge(&a, report, err)
		if err := c.cfg.Store.UpdateAccount(ctx, a.TenantID, a); err != nil {
			return err
		}
		return tell(ctx, c.cfg.Events, now, EventChecked, a, "")
	})
}

// judge sets what a check that was made says of an account.
func judge(a *Account, report exchange.KeyReport, err error) {
	known := len(a.Rights) > 0
	a.CheckAt = time.Time{}
	switch {
	case err != nil && known && exchange.KindOf(err) == exchange.KindKey:
		a.State, a.Reason = Revoked, "the exchange does not take this key any more: it was deleted or blocked there"
	case err != nil:
		a.State, a.Reason = Refused, refusal(err)
	default:
		a.State, a.Reason, a.Rights, a.Notes = Connected, "", rightsOf(report), report.Notes
		if err := report.Err(); err != nil {
			a.State, a.Reason = Refused, refusal(err)
			return
		}
		a.CheckAt = a.CheckedAt.Add(recheckEvery)
	}
}

// ask opens the key and asks the venue what it may do.
func (c *Checker) ask(ctx context.Context, a Account) (exchange.KeyReport, error) {
	venue, ok := c.cfg.Venues[a.Venue]
	if !ok {
		return exchange.KeyReport{}, errs.New(errs.Unavailable, "venue_missing", "this worker does not reach the exchange %q", a.Venue)
	}
	key, err := c.cfg.Opener.Open(ctx, a.TenantID, a.ID)
	if err != nil {
		return exchange.KeyReport{}, err
	}
	name, err := c.twin(ctx, a, key.Key)
	if err != nil {
		return exchange.KeyReport{}, err
	}
	if name != "" {
		return exchange.KeyReport{}, errs.New(errs.Conflict, codeTwin, "this key is connected already, as %q: make another one at the exchange", name)
	}
	budget, err := NewBudget(BudgetConfig{TenantID: a.TenantID, AccountID: a.ID, Holder: c.cfg.Holder, Now: c.cfg.Now, Store: c.cfg.Turns})
	if err != nil {
		return exchange.KeyReport{}, err
	}
	checker, err := venue.KeyChecker(key, budget)
	if err != nil {
		return exchange.KeyReport{}, err
	}
	report, err := checker.CheckKey(ctx)
	if unclear := (*exchange.KeyError)(nil); err == nil && errors.As(report.Err(), &unclear) && unclear.Unclear() {
		return report, errs.New(errs.Unavailable, "key_unclear", "%s", unclear.Error())
	}
	return report, err
}

// twin returns the account of the tenant that has the same key already; "" if there
// is none. An account with a key of its own keeps it, and of two that are new the
// older one gets it: one key has one count of calls and one set of books.
func (c *Checker) twin(ctx context.Context, a Account, key vault.Secret) (string, error) {
	for p := (page.Page{Limit: page.MaxLimit}); ; {
		list, err := c.cfg.Store.Accounts(ctx, a.TenantID, p)
		if err != nil {
			return "", err
		}
		l := page.Of(list, p.Limit, func(a Account) string { return a.ID })
		for _, b := range l.Items {
			first := b.State == Connected && a.State != Connected || (b.State == Connected || b.State == Checking) && b.ID < a.ID
			if b.ID == a.ID || b.Venue != a.Venue || b.KeyHint != a.KeyHint || !first {
				continue
			}
			other, err := c.cfg.Opener.Open(ctx, b.TenantID, b.ID)
			switch kind := errs.KindOf(err); {
			case err == nil && other.Key.Reveal() == key.Reveal():
				return b.Name, nil
			case err != nil && kind != errs.Conflict && kind != errs.NotFound: // unreadable, or deleted meanwhile
				return "", err
			}
		}
		if p.After = l.Next; p.After == "" {
			return "", nil
		}
	}
}

// final reports whether asking again cannot help: the venue does not take the key,
// it cannot be opened any more, or another account has it.
func final(err error) bool {
	return exchange.KindOf(err) == exchange.KindKey || errs.KindOf(err) == errs.Conflict
}

// refusal says to the key's owner why it is not used.
func refusal(err error) string {
	var (
		key  *exchange.KeyError
		told *errs.Error
	)
	switch {
	case errors.As(err, &key):
		return key.Error()
	case errors.As(err, &told) && told.Code == codeTwin:
		return told.Message
	case errs.KindOf(err) == errs.Conflict:
		return "the stored key cannot be opened any more: connect the account again"
	}
	return "the exchange does not take this key: it is wrong, or was revoked, or may not be used from here"
}

// unreached says why there was no answer, without addresses and insides.
func unreached(err error) string {
	if errs.CodeOf(err) == "venue_missing" {
		return "no worker that reaches the exchange has looked"
	}
	return "the exchange did not answer as it should"
}
