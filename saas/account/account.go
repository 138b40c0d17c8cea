package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lunobot/lunobot/tenancy/vault"
)

// The parts of the context that a value is sealed with, before the
// configuration's id.
const (
	purposeKey    = "exchange key"
	purposeSecret = "exchange secret"
)

// Credential is an exchange key with its secret, opened. It prints, logs and
// marshals as redacted.
type Credential struct{ Key, Secret vault.Secret }

// Sealer seals secrets; vault.Sealer is one.
type Sealer interface {
	Seal(ctx context.Context, tenantID string, secret vault.Secret, context ...string) (string, error)
}

// KeeperConfig says what a Keeper works with; all fields are required.
type KeeperConfig struct {
	Now    func() time.Time
	Sealer Sealer
	Store  Store
}

func (c KeeperConfig) validate() error {
	var problems []error
	if c.Now == nil {
		problems = append(problems, errors.New("account: KeeperConfig.Now is required"))
	}
	if c.Sealer == nil {
		problems = append(problems, errors.New("account: KeeperConfig.Sealer is required"))
	}
	if c.Store == nil {
		problems = append(problems, errors.New("account: KeeperConfig.Store is required"))
	}
	return errors.Join(problems...)
}

// Keeper seals and stores credentials. It is safe for concurrent use.
type Keeper struct{ cfg KeeperConfig }

// NewKeeper checks cfg and builds a Keeper; the error names every fault.
func NewKeeper(cfg KeeperConfig) (*Keeper, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Keeper{cfg: cfg}, nil
}

// Put seals a key and its secret and stores them for a configuration, in place
// of its last ones, in the transaction that ctx carries. It implements
// bot.Credentials.
func (k *Keeper) Put(ctx context.Context, tenantID, configID, apiKey, apiSecret string) error {
	key, err := k.cfg.Sealer.Seal(ctx, tenantID, vault.NewSecret(apiKey), purposeKey, configID)
	if err != nil {
		return fmt.Errorf("sealing the exchange key of configuration %s: %w", configID, err)
	}
	secret, err := k.cfg.Sealer.Seal(ctx, tenantID, vault.NewSecret(apiSecret), purposeSecret, configID)
	if err != nil {
		return fmt.Errorf("sealing the exchange secret of configuration %s: %w", configID, err)
	}
	err = k.cfg.Store.PutCredential(ctx, tenantID, Sealed{
		TenantID: tenantID, ConfigID: configID, Key: key, Secret: secret, KeyHint: k.Hint(apiKey), CreatedAt: k.cfg.Now().UTC(),
	})
	if err != nil {
		return fmt.Errorf("storing the exchange key of configuration %s: %w", configID, err)
	}
	return nil
}

// Hint returns what may be shown of a key's id: its last four characters, or
// nothing of an id so short that these would be half of it.
func (*Keeper) Hint(apiKey string) string { return hint(apiKey) }

func hint(apiKey string) string {
	if len(apiKey) < 8 {
		return ""
	}
	return apiKey[len(apiKey)-4:]
}

// Delete removes a configuration's credential; NotFound, code
// "credential_not_found", if there is none.
func (k *Keeper) Delete(ctx context.Context, tenantID, configID string) error {
	return k.cfg.Store.DeleteCredential(ctx, tenantID, configID)
}
