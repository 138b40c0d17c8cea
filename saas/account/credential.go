package account

import (
	"context"

	"github.com/lunobot/lunobot/tenancy/vault"
)

// The parts of the context that an account's key is sealed with, before its id.
const (
	purposeAccountKey    = "account key"
	purposeAccountSecret = "account secret"
)

// Credential is an exchange key with its secret, opened. It prints, logs and
// marshals as redacted.
type Credential struct{ Key, Secret vault.Secret }

// Sealer seals secrets; vault.Sealer is one.
type Sealer interface {
	Seal(ctx context.Context, tenantID string, secret vault.Secret, context ...string) (string, error)
}

// hint returns what may be shown of a key's id: its last four characters, or
// nothing of an id so short that these would be half of it.
func hint(keyID string) string {
	if len(keyID) < 8 {
		return ""
	}
	return keyID[len(keyID)-4:]
}
