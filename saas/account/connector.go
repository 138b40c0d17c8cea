package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/errs"
)

// ConnectorConfig are a Connector's collaborators; all are required but Venues and
// Wake.
type ConnectorConfig struct {
	// Holder names this worker among those that share accounts.
	Holder string
	Now    func() time.Time
	Opener *Opener
	Store  Connections
	Turns  TurnStore
	Tx     Transactor
	// Venues are the exchanges by name. Defaults to none.
	Venues map[string]Venue
	// Wake tells a Checker in this process that there is a key to check. Defaults to
	// nothing; workers look by themselves.
	Wake func()
}

// Connector opens accounts for bots that trade there, in a worker. It is safe for
// concurrent use.
type Connector struct{ cfg ConnectorConfig }

// NewConnector returns a connector; the error names every collaborator that is missing.
func NewConnector(cfg ConnectorConfig) (*Connector, error) {
	var problems []error
	need := func(ok bool, name string) {
		if !ok {
			problems = append(problems, fmt.Errorf("account: ConnectorConfig.%s is required", name))
		}
	}
	need(cfg.Holder != "", "Holder")
	need(cfg.Now != nil, "Now")
	need(cfg.Opener != nil, "Opener")
	need(cfg.Store != nil, "Store")
	need(cfg.Turns != nil, "Turns")
	need(cfg.Tx != nil, "Tx")
	if cfg.Wake == nil {
		cfg.Wake = func() {}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return &Connector{cfg}, nil
}

// Open returns a tenant's account as its key reaches it; nothing is sent. Its calls
// share the account's budget with those of all workers. Errors: NotFound, code
// "account_not_found"; Conflict, code "account_unusable", if its key must not be used;
// Unavailable, code "key_unchecked", if nobody knows yet whose its new key is, and code
// "venue_missing", if this worker does not reach the exchange; those of the Opener and of
// the stores.
func (c *Connector) Open(ctx context.Context, tenantID, accountID string, markets []exchange.Market) (Connection, error) {
	key, err := c.cfg.Opener.Open(ctx, tenantID, accountID)
	if err != nil {
		return nil, err
	}
	// After the key, which may be replaced meanwhile: what the check found is of this one
	// or of a later one.
	a, err := c.cfg.Store.Account(ctx, tenantID, accountID)
	if err != nil {
		return nil, err
	}
	switch {
	case a.State == Refused || a.State == Revoked:
		return nil, errs.New(errs.Conflict, "account_unusable", "the exchange account %s cannot be used: %s", a.Name, a.Reason)
	case a.State == Checking && len(a.Rights) == 0:
		return nil, errs.New(errs.Unavailable, "key_unchecked", "the new key of the exchange account %s is being checked", a.Name)
	}
	venue, ok := c.cfg.Venues[a.Venue]
	if !ok {
		return nil, errs.New(errs.Unavailable, "venue_missing", "this worker does not reach the exchange %q", a.Venue)
	}
	budget, err := NewBudget(BudgetConfig{TenantID: tenantID, AccountID: accountID, Holder: c.cfg.Holder, Now: c.cfg.Now, Store: c.cfg.Turns})
	if err != nil {
		return nil, err
	}
	return venue.Connect(key, budget, markets, a.Wallets())
}
