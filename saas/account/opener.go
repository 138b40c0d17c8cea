package account

import (
	"context"
	"errors"
	"fmt"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy/vault"
)

// Unsealer opens sealed secrets; vault.Opener is one.
type Unsealer interface {
	Open(ctx context.Context, tenantID, value string, context ...string) (vault.Secret, error)
}

// OpenerConfig says what an Opener works with; both fields are required.
type OpenerConfig struct {
	Opener Unsealer
	Store  Connections
}

func (c OpenerConfig) validate() error {
	var problems []error
	if c.Opener == nil {
		problems = append(problems, errors.New("account: OpenerConfig.Opener is required"))
	}
	if c.Store == nil {
		problems = append(problems, errors.New("account: OpenerConfig.Store is required"))
	}
	return errors.Join(problems...)
}

// Opener opens credentials, for workers only. It is safe for concurrent use.
type Opener struct{ cfg OpenerConfig }

// NewOpener checks cfg and builds an Opener; the error names every fault.
func NewOpener(cfg OpenerConfig) (*Opener, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Opener{cfg: cfg}, nil
}

// Open returns the key of an account, whatever its check has found. Errors:
// NotFound, code "account_not_found", if there is no such account; Conflict, code "key_destroyed", if it
// has no key any more; those of
// vault.Opener otherwise.
func (o *Opener) Open(ctx context.Context, tenantID, accountID string) (Credential, error) {
	sealed, err := o.cfg.Store.SealedKey(ctx, tenantID, accountID)
	if err != nil {
		return Credential{}, err
	}
	if sealed == (SealedKey{}) {
		return Credential{}, errs.New(errs.Conflict, "key_destroyed", "the key of account %s was destroyed", accountID)
	}
	key, err := o.cfg.Opener.Open(ctx, tenantID, sealed.Key, purposeAccountKey, accountID)
	if err != nil {
		return Credential{}, fmt.Errorf("opening the key of account %s: %w", accountID, err)
	}
	secret, err := o.cfg.Opener.Open(ctx, tenantID, sealed.Secret, purposeAccountSecret, accountID)
	if err != nil {
		return Credential{}, fmt.Errorf("opening the secret of account %s: %w", accountID, err)
	}
	return Credential{Key: key, Secret: secret}, nil
}
