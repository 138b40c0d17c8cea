package account

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/event"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/tenancy"
	"github.com/lunobot/lunobot/tenancy/vault"
)

// The events of this package. Their data never holds more of a key than its hint.
const (
	// EventAdded is told when a tenant gives a key, before it is checked.
	EventAdded = "account.added"
	// EventChecked is told when a check is over, with its state.
	EventChecked = "account.checked"
	// EventRecheck is told when somebody has a key checked again.
	EventRecheck = "account.recheck"
	// EventKeyReplaced is told when a tenant gives another key of the same account.
	EventKeyReplaced = "account.key_replaced"
	// EventKeyDestroyed is told when the sealed key of a refused account was deleted.
	EventKeyDestroyed = "account.key_destroyed"
	// EventRemoved is told when an account and its key were deleted.
	EventRemoved = "account.removed"
)

// Transactor makes several stores' changes one.
type Transactor interface {
	Tx(ctx context.Context, tenantID string, fn func(ctx context.Context) error) error
}

// Gate enforces the plan's limits in the caller's transaction.
type Gate interface {
	Reserve(ctx context.Context, tenantID string, wants ...billing.Want) error
	Release(ctx context.Context, tenantID string, wants ...billing.Want) error
}

// place is what an account takes of its tenant's plan.
func place(id string) billing.Want { return billing.Want{Feature: billing.ExchangeAccounts, Key: id} }

// ServiceConfig are the service's collaborators; all are required but Venues and Wake.
type ServiceConfig struct {
	Events event.Recorder
	Gate   Gate
	Now    func() time.Time
	Sealer Sealer
	Store  Connections
	Tx     Transactor
	// Venues are the names of the exchanges that can be connected. Defaults to none.
	Venues []string
	// Wake tells a worker in this process that there is a key to check. Defaults to
	// nothing; workers look by themselves.
	Wake func()
}

// Service is what tenants do with their exchange accounts. It seals keys and
// holds nothing that opens them, though a Checker in the same process does. It is safe for concurrent use.
type Service struct{ cfg ServiceConfig }

// NewService returns a service; the error names every collaborator that is
// missing.
func NewService(cfg ServiceConfig) (*Service, error) {
	var problems []error
	need := func(ok bool, name string) {
		if !ok {
			problems = append(problems, fmt.Errorf("account: ServiceConfig.%s is required", name))
		}
	}
	need(cfg.Events != nil, "Events")
	need(cfg.Gate != nil, "Gate")
	need(cfg.Now != nil, "Now")
	need(cfg.Sealer != nil, "Sealer")
	need(cfg.Store != nil, "Store")
	need(cfg.Tx != nil, "Tx")
	if cfg.Wake == nil {
		cfg.Wake = func() {}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return &Service{cfg: cfg}, nil
}

// Connect is what a tenant gives to connect an account.
type Connect struct {
	Name, Venue string
	// KeyID and Secret are the key that the tenant made at the exchange.
	KeyID, Secret vault.Secret
}

// NewConnect returns the input that connects an account with a key.
func NewConnect(name, venue, keyID, secret string) Connect {
	return Connect{Name: name, Venue: venue, KeyID: vault.NewSecret(keyID), Secret: vault.NewSecret(secret)}
}

// The longest name, and the longest half of a key.
const (
	maxName = 80
	maxKey  = 200
)

// check names every faulty field.
func (c Connect) check(venues []string) error {
	var f errs.Fields
	f.Check(c.Name != "" && len([]rune(c.Name)) <= maxName, "/name", fmt.Sprintf("must have 1 to %d characters", maxName))
	f.CheckLine("/name", c.Name)
	f.Check(slices.Contains(venues, c.Venue), "/venue", "must be an exchange that can be connected here: "+cmp.Or(strings.Join(venues, ", "), "there is none"))
	c.checkKey(&f)
	return f.Err()
}

// checkKey notes a half of the key that cannot be one.
func (c Connect) checkKey(f *errs.Fields) {
	half := func(path string, s vault.Secret) {
		text := s.Reveal()
		f.Check(text != "" && len(text) <= maxKey, path, fmt.Sprintf("must have 1 to %d characters", maxKey))
		f.Check(!strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }), path, "must be without spaces and special characters: copy it whole from the exchange's page")
	}
	half("/key_id", c.KeyID)
	half("/secret", c.Secret)
}

// trim takes away what was copied around the name and the key.
func (c *Connect) trim() {
	c.Name = strings.TrimSpace(c.Name)
	c.KeyID, c.Secret = vault.NewSecret(strings.TrimSpace(c.KeyID.Reveal())), vault.NewSecret(strings.TrimSpace(c.Secret.Reveal()))
}

// Connect seals a key and stores the account, which a worker then checks. Faulty
// fields are one Invalid error that names them all; a plan's limit is LimitExceeded
// and leaves nothing behind (rule E9).
func (s *Service) Connect(ctx context.Context, p tenancy.Principal, in Connect) (Account, error) {
	if err := p.Require(tenancy.AccountsWrite); err != nil {
		return Account{}, err
	}
	in.trim()
	if err := in.check(s.cfg.Venues); err != nil {
		return Account{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Account{}, fmt.Errorf("naming an account: %w", err)
	}
	now := s.cfg.Now().UTC()
	a := Account{
		ID: id.String(), TenantID: p.TenantID, Name: in.Name, Venue: in.Venue, KeyHint: hint(in.KeyID.Reveal()),
		State: Checking, Reason: "the key is being checked", CheckAt: now, CreatedAt: now, UpdatedAt: now,
	}
	err = s.cfg.Tx.Tx(ctx, p.TenantID, func(ctx context.Context) error {
		if err := s.cfg.Gate.Reserve(ctx, p.TenantID, place(a.ID)); err != nil {
			return err
		}
		key, err := s.seal(ctx, p.TenantID, a.ID, in)
		if err != nil {
			return err
		}
		if err := s.cfg.Store.InsertAccount(ctx, p.TenantID, a, key); err != nil {
			return err
		}
		return tell(ctx, s.cfg.Events, now, EventAdded, a, p.UserID)
	})
	if err != nil {
		return Account{}, err
	}
	s.cfg.Wake()
	return a, nil
}

// seal seals a key for an account.
func (s *Service) seal(ctx context.Context, tenantID, id string, in Connect) (key SealedKey, err error) {
	if key.Key, err = s.cfg.Sealer.Seal(ctx, tenantID, in.KeyID, purposeAccountKey, id); err != nil {
		return SealedKey{}, fmt.Errorf("sealing the key of account %s: %w", id, err)
	}
	if key.Secret, err = s.cfg.Sealer.Seal(ctx, tenantID, in.Secret, purposeAccountSecret, id); err != nil {
		return SealedKey{}, fmt.Errorf("sealing the secret of account %s: %w", id, err)
	}
	return key, nil
}

// ReplaceKey gives an account another key, of the same account at the exchange: the one
// before was revoked there, or is to be. The bots that trade on it go on once a worker has
// found the key good and of the same account; until then nothing is sent with it, and a
// worker that is connected with the one before goes on with that for as long as the
// exchange takes it. Name and venue of the input do not count. Faulty halves are one Invalid error.
func (s *Service) ReplaceKey(ctx context.Context, p tenancy.Principal, id string, in Connect) (Account, error) {
	if err := p.Require(tenancy.AccountsWrite); err != nil {
		return Account{}, err
	}
	in.trim()
	var f errs.Fields
	if in.checkKey(&f); f.Err() != nil {
		return Account{}, f.Err()
	}
	return s.again(ctx, p, id, EventKeyReplaced, func(ctx context.Context, a *Account) error {
		key, err := s.seal(ctx, p.TenantID, id, in)
		if err != nil {
			return err
		}
		a.KeyHint, a.KeyDestroyedAt, a.Rights, a.Notes = hint(in.KeyID.Reveal()), time.Time{}, nil, nil
		return s.cfg.Store.ReplaceKey(ctx, p.TenantID, id, key)
	})
}

// Account returns an account; one of another tenant is NotFound.
func (s *Service) Account(ctx context.Context, p tenancy.Principal, id string) (Account, error) {
	if err := p.Require(tenancy.BotsRead); err != nil {
		return Account{}, err
	}
	return s.cfg.Store.Account(ctx, p.TenantID, id)
}

// Accounts lists the tenant's accounts, newest first.
func (s *Service) Accounts(ctx context.Context, p tenancy.Principal, pg page.Page) (page.List[Account], error) {
	if err := p.Require(tenancy.BotsRead); err != nil {
		return page.List[Account]{}, err
	}
	pg = pg.Bounded()
	rows, err := s.cfg.Store.Accounts(ctx, p.TenantID, pg)
	return page.Of(rows, pg.Limit, func(a Account) string { return a.ID }), err
}

// Recheck has a worker look at the key again, after its rights were changed at the
// exchange. The account is not usable until it has. A Conflict error, code
// "key_destroyed", says that the key is here no more.
func (s *Service) Recheck(ctx context.Context, p tenancy.Principal, id string) (Account, error) {
	if err := p.Require(tenancy.AccountsWrite); err != nil {
		return Account{}, err
	}
	return s.again(ctx, p, id, EventRecheck, func(_ context.Context, a *Account) error {
		if !a.KeyDestroyedAt.IsZero() {
			return destroyed(*a)
		}
		return nil
	})
}

// again has an account's key checked after a change of the account, and tells it.
func (s *Service) again(ctx context.Context, p tenancy.Principal, id, typ string, change func(context.Context, *Account) error) (Account, error) {
	var a Account
	err := s.cfg.Tx.Tx(ctx, p.TenantID, func(ctx context.Context) (err error) {
		if a, err = s.cfg.Store.LockAccount(ctx, p.TenantID, id); err != nil {
			return err
		}
		if err := change(ctx, &a); err != nil {
			return err
		}
		now := s.cfg.Now().UTC()
		a.State, a.Reason, a.Tries, a.CheckAt, a.UpdatedAt = Checking, "the key is being checked", 0, now, now
		if err := s.cfg.Store.UpdateAccount(ctx, p.TenantID, a); err != nil {
			return err
		}
		return tell(ctx, s.cfg.Events, now, typ, a, p.UserID)
	})
	if err != nil {
		return Account{}, err
	}
	s.cfg.Wake()
	return a, nil
}

// Disconnect deletes an account with its sealed key: nothing here can use it any
// more. The key itself lives on at the exchange until its owner deletes it there. An
// account that live bots trade on is a Conflict, code "account_in_use": they would
// lose sight of their orders.
func (s *Service) Disconnect(ctx context.Context, p tenancy.Principal, id string) error {
	if err := p.Require(tenancy.AccountsWrite); err != nil {
		return err
	}
	return s.cfg.Tx.Tx(ctx, p.TenantID, func(ctx context.Context) error {
		a, err := s.cfg.Store.LockAccount(ctx, p.TenantID, id)
		if err != nil {
			return err
		}
		bots, err := s.cfg.Store.AccountBots(ctx, p.TenantID, id)
		if err != nil {
			return err
		}
		if len(bots) > 0 {
			return errs.New(errs.Conflict, "account_in_use", "%s is traded on by %s: take what trades on it back to paper first", a.Name, strings.Join(bots, " and "))
		}
		if err := s.cfg.Store.DeleteAccount(ctx, p.TenantID, id); err != nil {
			return err
		}
		if err := s.cfg.Gate.Release(ctx, p.TenantID, place(id)); err != nil {
			return err
		}
		return tell(ctx, s.cfg.Events, s.cfg.Now(), EventRemoved, a, p.UserID)
	})
}

// destroyed is the answer for what needs a key that is here no more.
func destroyed(a Account) error {
	return errs.New(errs.Conflict, "key_destroyed", "the key of %q was destroyed here, for it was refused and not checked again: give the account a new key", a.Name)
}

// tell records an event of an account.
func tell(ctx context.Context, to event.Recorder, now time.Time, typ string, a Account, userID string) error {
	e, err := event.New(now, a.TenantID, typ, a.ID, map[string]any{
		"name": a.Name, "venue": a.Venue, "key_hint": a.KeyHint, "state": a.State, "reason": a.Reason, "user_id": userID,
	})
	if err != nil {
		return err
	}
	return to.Record(ctx, e)
}
