package account

import (
	"context"
	"errors"
	"fmt"

	"github.com/lunobot/lunobot/tenancy/vault"
)

// Unsealer opens sealed secrets; vault.Opener is one.
type Unsealer interface {
	Open(ctx context.Context, tenantID, value string, context ...string) (vault.Secret, error)
}

// OpenerConfig says what an Opener works with; both fields are required.
type OpenerConfig struct {
	Opener Unsealer
	Store  Store
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

// Open returns a configuration's credential. Errors: NotFound, code
// "credential_not_found", if there is none; those of vault.Opener otherwise.
func (o *Opener) Open(ctx context.Context, tenantID, configID string) (Credential, error) {
	sealed, err := o.cfg.Store.Credential(ctx, tenantID, configID)
	if err != nil {
		return Credential{}, err
	}
	key, err := o.cfg.Opener.Open(ctx, tenantID, sealed.Key, purposeKey, configID)
	if err != nil {
		return Credential{}, fmt.Errorf("opening the exchange key of configuration %s: %w", configID, err)
	}
	secret, err := o.cfg.Opener.Open(ctx, tenantID, sealed.Secret, purposeSecret, configID)
	if err != nil {
		return Credential{}, fmt.Errorf("opening the exchange secret of configuration %s: %w", configID, err)
	}
	return Credential{Key: key, Secret: secret}, nil
}
