package account

import (
	"context"
	"time"
)

// Sealed is a configuration's credential as it is stored.
type Sealed struct {
	TenantID, ConfigID string
	// Key and Secret are sealed texts.
	Key, Secret string
	// KeyHint is the end of the key's id, for people to recognise it by.
	KeyHint   string
	CreatedAt time.Time
}

// Store keeps sealed credentials. Every method is of one tenant; what belongs
// to another is a NotFound error, code "credential_not_found". Writes join the
// transaction that ctx carries.
type Store interface {
	// PutCredential stores a credential in place of the configuration's last
	// one.
	PutCredential(ctx context.Context, tenantID string, c Sealed) error
	// Credential returns a configuration's credential.
	Credential(ctx context.Context, tenantID, configID string) (Sealed, error)
	// DeleteCredential removes a configuration's credential.
	DeleteCredential(ctx context.Context, tenantID, configID string) error
}
