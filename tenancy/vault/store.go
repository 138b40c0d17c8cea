package vault

import (
	"context"
	"time"
)

// Key is a tenant's key pair as it is stored.
type Key struct {
	TenantID string
	// ID is part of every value that was sealed with the key.
	ID string
	// Generation counts the tenant's keys, from 1; the newest one seals.
	Generation int
	// KEK is the id of the key-encryption key to which Wrapped is wrapped.
	KEK string
	// Public is the public half.
	Public []byte
	// Wrapped is the private half, sealed to the KEK.
	Wrapped   []byte
	CreatedAt time.Time
}

// Store keeps tenants' keys. Package tenancydb implements it. Methods join the
// transaction that ctx carries; other tenants' keys are NotFound.
type Store interface {
	// NewestKey returns the tenant's key of the highest generation, or NotFound.
	NewestKey(ctx context.Context, tenantID string) (Key, error)
	// Key returns one of the tenant's keys, or NotFound.
	Key(ctx context.Context, tenantID, keyID string) (Key, error)
	// AddKey stores a key unless the tenant has one of that generation already.
	AddKey(ctx context.Context, tenantID string, k Key) error
	// DeleteKeys deletes all of the tenant's keys.
	DeleteKeys(ctx context.Context, tenantID string) error
	// KEKs lists the ids of the key-encryption keys in use, over all tenants.
	KEKs(ctx context.Context) ([]string, error)
}
