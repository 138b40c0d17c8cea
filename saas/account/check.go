package account

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/tenancy/vault"
)

// Codes of the errors that an account is connected already: by the same key, or by
// another one of the same account at the venue.
const (
	codeTwin  = "key_connected"
	codeTaken = "venue_account_connected"
	// codeOther is of a new key that is another account's than the key before.
	codeOther = "other_venue_account"
)

// holderChecked is for how long a connection is believed that keeps others from
// connecting the same account, before its key is checked anew.
const holderChecked = 10 * time.Minute

// finding is what a check has found out.
type finding struct {
	report exchange.KeyReport
	// venueAccount is whose key it is; "" if the venue did not tell.
	venueAccount string
	// spent counts the calls that were made.
	spent func(Turns, time.Time) Turns
	// silent says that the venue was asked and gave no answer.
	silent bool
	err    error
}

// check asks about one account's key and stores what was found, unless the account
// was changed or deleted meanwhile.
func (c *Checker) check(ctx context.Context, a Account) error {
	asking, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	f := c.ask(asking, a)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	err := c.note(ctx, a, f)
	if errs.CodeOf(err) != codeTaken {
		return err
	}
	if f.err, err = c.taken(ctx, a, f.venueAccount); err != nil {
		return err
	}
	return c.note(ctx, a, f)
}

// note stores what a check has found.
func (c *Checker) note(ctx context.Context, a Account, f finding) error {
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
		was := a
		if f.err != nil && !final(f.err) {
			c.cfg.Log.Warn("a key could not be checked", "account", a.ID, "error", f.err)
			if a.Tries++; f.silent && a.UnreachedAt.IsZero() {
				a.UnreachedAt = now
			}
			a.CheckAt = now.Add(min(longestRetry, 5*time.Second<<min(a.Tries, 8)))
			if a.State == Checking {
				a.Reason = "the key could not be checked yet and will be tried again: " + unreached(f.err)
			}
			return c.cfg.Store.UpdateAccount(ctx, a.TenantID, a)
		}
		a.Tries, a.UnreachedAt, a.CheckedAt = 0, time.Time{}, now
		if f.report.Balances != nil {
			a.Balances, a.BalancesAt = balancesOf(f.report.Balances), now
		}
		judge(&a, f)
		if err := c.hope(ctx, was, &a); err != nil {
			return err
		}
		if err := c.cfg.Store.UpdateAccount(ctx, a.TenantID, a); err != nil {
			return err
		}
		if a.VenueAccount != was.VenueAccount && a.VenueAccount != "" { // the check was counted before it was known where
			err := c.cfg.Turns.ChangeTurns(ctx, a.TenantID, a.ID, func(t Turns) Turns { return f.spent(t, now) })
			if err != nil {
				return err
			}
		}
		if was.State == Revoked && a.State == Revoked {
			return nil
		}
		return tell(ctx, c.cfg.Events, now, EventChecked, a, "")
	})
}

// hope has a revoked key checked again, later each time, for as long as bots trade with it
// and it is here: nobody watches what they hold, and an exchange may have refused it by
// mistake. It stays revoked since the first time.
func (c *Checker) hope(ctx context.Context, was Account, a *Account) error {
	if a.State != Revoked {
		return nil
	}
	bots, err := c.cfg.Store.AccountBots(ctx, a.TenantID, a.ID)
	if err != nil || len(bots) == 0 {
		return err
	}
	a.CheckAt = c.cfg.Now().UTC().Add(min(longestHope, time.Minute<<min(was.Tries, 6)))
	a.Tries = was.Tries + 1
	if was.State == Revoked {
		a.CheckedAt = was.CheckedAt
	}
	return nil
}

// judge sets what a check that was made says of an account.
func judge(a *Account, f finding) {
	known := len(a.Rights) > 0
	a.CheckAt, a.VenueAccount = time.Time{}, ""
	switch {
	case f.err != nil && known && exchange.KindOf(f.err) == exchange.KindKey:
		a.State, a.Reason = Revoked, "the exchange does not take this key any more: it was deleted or blocked there"
	case f.err != nil:
		a.State, a.Reason = Refused, refusal(f.err)
	default:
		a.State, a.Reason, a.Rights, a.Notes = Connected, "", rightsOf(f.report), f.report.Notes
		if err := f.report.Err(); err != nil {
			a.State, a.Reason = Refused, refusal(err)
			return
		}
		a.CheckAt, a.VenueAccount = a.CheckedAt.Add(recheckEvery), f.venueAccount
	}
}

// ask opens the key and asks the venue what it may do.
func (c *Checker) ask(ctx context.Context, a Account) (f finding) {
	venue, ok := c.cfg.Venues[a.Venue]
	if !ok {
		f.err = errs.New(errs.Unavailable, "venue_missing", "this worker does not reach the exchange %q", a.Venue)
		return f
	}
	key, err := c.cfg.Opener.Open(ctx, a.TenantID, a.ID)
	if err != nil {
		f.err = err
		return f
	}
	if f.err = c.twin(ctx, a, key.Key); f.err != nil {
		return f
	}
	budget, err := NewBudget(BudgetConfig{TenantID: a.TenantID, AccountID: a.ID, Holder: c.cfg.Holder, Now: c.cfg.Now, Store: c.cfg.Turns})
	if err != nil {
		f.err = err
		return f
	}
	f.spent = budget.spent
	checker, err := venue.KeyChecker(key, budget)
	if err != nil {
		f.err = err
		return f
	}
	f.report, f.err = checker.CheckKey(ctx)
	if known := len(a.Rights) > 0 && a.State != Revoked; known && exchange.KindOf(f.err) == exchange.KindKey { // once may be a mistake
		select {
		case <-ctx.Done():
		case <-time.After(c.cfg.Confirm):
		}
		f.report, f.err = checker.CheckKey(ctx)
	}
	if f.err != nil {
		f.silent = true
		return f
	}
	if unclear := (*exchange.KeyError)(nil); errors.As(f.report.Err(), &unclear) && unclear.Unclear() {
		f.err = errs.New(errs.Unavailable, "key_unclear", "%s", unclear.Error())
		return f
	}
	if told := len(f.report.Balances) > 0 || f.report.Err() == nil; told && !a.reaches(f.report.Balances) {
		f.report.Balances = nil // a stranger's
		f.err = errs.New(errs.Conflict, codeOther, "this key belongs to another account at the exchange than the one that is connected here: "+
			"give a key of the same account, or connect the other one beside it")
		return f
	}
	f.venueAccount, f.err = c.venueAccount(ctx, a.Venue, f.report.Balances)
	return f
}

// reaches reports whether balances are those of the account that was connected: it has
// one of the wallets still. An account of which no wallet is known yet is whatever its key
// reaches.
func (a Account) reaches(balances []exchange.Balance) bool {
	known := slices.DeleteFunc(slices.Clone(a.Balances), func(b Balance) bool { return b.Wallet == "" })
	return len(known) == 0 || slices.ContainsFunc(balances, func(b exchange.Balance) bool {
		return slices.ContainsFunc(known, func(k Balance) bool { return k.Wallet == b.Account })
	})
}

// venueAccount returns by which id an account at a venue is known: the one by which it
// is known here already, for a later one may have been added there, or the first. It
// is "" if the venue tells none.
func (c *Checker) venueAccount(ctx context.Context, venue string, balances []exchange.Balance) (string, error) {
	var ids []string
	for _, b := range balances {
		if b.Account != "" {
			ids = append(ids, b.Account)
		}
	}
	slices.SortFunc(ids, byAge)
	known, err := c.cfg.Store.VenueAccount(ctx, venue, ids)
	if err != nil || known != "" || len(ids) == 0 {
		return known, err
	}
	return ids[0], nil
}

// taken returns why an account is refused whose account at the venue is connected
// already. The key of the one that has it is checked soon, so that whoever deletes it
// at the exchange can connect another one.
func (c *Checker) taken(ctx context.Context, a Account, venueAccount string) (refusal, err error) {
	now := c.cfg.Now().UTC()
	if err := c.cfg.Store.CheckSoon(ctx, a.Venue, venueAccount, now, now.Add(-holderChecked)); err != nil {
		return nil, err
	}
	name, err := c.own(ctx, a, func(b Account) (bool, error) { return b.VenueAccount == venueAccount, nil })
	if err != nil {
		return nil, err
	}
	if name != "" {
		return errs.New(errs.Conflict, codeTaken, "the account that this key belongs to is connected already, as %q: disconnect that first", name), nil
	}
	return errs.New(errs.Conflict, codeTaken, "the account that this key belongs to is connected by another tenant of this installation: "+
		"have it disconnected there, or delete the key that is used there at the exchange and check again in a minute"), nil
}

// twin returns an error if an account of the tenant has the same key already. One with
// a key of its own keeps it, and of two that are new the older one gets it: one key
// has one count of calls and one set of books.
func (c *Checker) twin(ctx context.Context, a Account, key vault.Secret) error {
	name, err := c.own(ctx, a, func(b Account) (bool, error) {
		first := b.State == Connected && a.State != Connected || (b.State == Connected || b.State == Checking) && b.ID < a.ID
		if b.KeyHint != a.KeyHint || !first {
			return false, nil
		}
		other, err := c.cfg.Opener.Open(ctx, b.TenantID, b.ID)
		if kind := errs.KindOf(err); kind == errs.Conflict || kind == errs.NotFound { // unreadable, or deleted meanwhile
			return false, nil
		}
		return err == nil && other.Key.Reveal() == key.Reveal(), err
	})
	if err != nil || name == "" {
		return err
	}
	return errs.New(errs.Conflict, codeTwin, "this key is connected already, as %q: make another one at the exchange", name)
}

// own returns the name of the first other account of the same tenant and venue that
// is sought; "" if there is none.
func (c *Checker) own(ctx context.Context, a Account, sought func(Account) (bool, error)) (string, error) {
	for p := (page.Page{Limit: page.MaxLimit}); ; {
		list, err := c.cfg.Store.Accounts(ctx, a.TenantID, p)
		if err != nil {
			return "", err
		}
		l := page.Of(list, p.Limit, func(a Account) string { return a.ID })
		for _, b := range l.Items {
			if b.ID == a.ID || b.Venue != a.Venue {
				continue
			}
			if found, err := sought(b); found || err != nil {
				return b.Name, err
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
	case errors.As(err, &told) && (told.Code == codeTwin || told.Code == codeTaken || told.Code == codeOther):
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
