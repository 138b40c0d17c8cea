package vault

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/tink-crypto/tink-go/v2/hybrid"

	"github.com/lunobot/lunobot/saas/errs"
)

// SealerConfig says what a Sealer works with.
type SealerConfig struct {
	// KEK is the public half of the key-encryption key. Required.
	KEK *PublicKEK
	// Now is the clock. Required.
	Now func() time.Time
	// Store keeps the tenants' keys. Required.
	Store Store
}

func (c SealerConfig) validate() error {
	var problems []error
	if c.KEK == nil {
		problems = append(problems, errs.New(errs.Invalid, "kek_missing", "the public half of the key-encryption key is missing"))
	}
	if c.Now == nil {
		problems = append(problems, errors.New("vault: SealerConfig.Now is required"))
	}
	if c.Store == nil {
		problems = append(problems, errors.New("vault: SealerConfig.Store is required"))
	}
	return errors.Join(problems...)
}

// Sealer seals secrets and cannot open them. It is safe for concurrent use.
type Sealer struct{ cfg SealerConfig }

// NewSealer checks cfg and builds a Sealer. A missing KEK is an Invalid error
// with code kek_missing.
func NewSealer(cfg SealerConfig) (*Sealer, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Sealer{cfg: cfg}, nil
}

// Seal seals a tenant's secret, bound to the tenant and to the parts of a
// context, such as what the secret is and the id of the row that holds it; the
// same parts in the same order open it. The result is text without secrets.
// The tenant's key pair is made on first use, in the transaction that ctx
// carries, if any.
func (s *Sealer) Seal(ctx context.Context, tenantID string, secret Secret, parts ...string) (string, error) {
	k, err := s.key(ctx, tenantID)
	if err != nil {
		return "", fmt.Errorf("sealing a secret of tenant %s: %w", tenantID, err)
	}
	h, err := readPublic(k.Public)
	if err != nil {
		return "", fmt.Errorf("sealing a secret of tenant %s: %w", tenantID, err)
	}
	enc, err := hybrid.NewHybridEncrypt(h)
	if err != nil {
		return "", fmt.Errorf("sealing a secret of tenant %s: %w", tenantID, err)
	}
	c, err := enc.Encrypt([]byte(secret.Reveal()), secretContext(tenantID, k.ID, parts))
	if err != nil {
		return "", fmt.Errorf("sealing a secret of tenant %s: %w", tenantID, err)
	}
	return sealed{keyID: k.ID, ciphertext: c}.encode(), nil
}

// Shred deletes a tenant's keys: whatever was sealed for the tenant cannot be
// opened any more, by anybody. What is sealed afterwards gets a new key.
func (s *Sealer) Shred(ctx context.Context, tenantID string) error {
	if err := s.cfg.Store.DeleteKeys(ctx, tenantID); err != nil {
		return fmt.Errorf("shredding the keys of tenant %s: %w", tenantID, err)
	}
	return nil
}

// Check returns an Invalid error with code kek_mismatch if the database holds
// keys that were wrapped to another KEK: the programs must not start with it.
func (s *Sealer) Check(ctx context.Context) error { return checkKEK(ctx, s.cfg.Store, s.cfg.KEK.ID()) }

// key returns the key that seals for the tenant, and makes one if there is
// none. Of two makers at once one wins, and both use its key.
func (s *Sealer) key(ctx context.Context, tenantID string) (Key, error) {
	k, err := s.cfg.Store.NewestKey(ctx, tenantID)
	if err == nil || errs.KindOf(err) != errs.NotFound {
		return k, err
	}
	if k, err = s.newKey(tenantID); err != nil {
		return Key{}, err
	}
	if err := s.cfg.Store.AddKey(ctx, tenantID, k); err != nil {
		return Key{}, err
	}
	return s.cfg.Store.NewestKey(ctx, tenantID)
}

func (s *Sealer) newKey(tenantID string) (Key, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Key{}, fmt.Errorf("naming a key: %w", err)
	}
	pair, err := newPair()
	if err != nil {
		return Key{}, err
	}
	pub, err := pair.Public()
	if err != nil {
		return Key{}, fmt.Errorf("taking the public half of a key: %w", err)
	}
	public, err := writePublic(pub)
	if err != nil {
		return Key{}, err
	}
	private, err := writePrivate(pair)
	if err != nil {
		return Key{}, err
	}
	defer clear(private)
	enc, err := hybrid.NewHybridEncrypt(s.cfg.KEK.handle)
	if err != nil {
		return Key{}, fmt.Errorf("wrapping a key: %w", err)
	}
	wrapped, err := enc.Encrypt(private, wrapContext(tenantID, id.String()))
	if err != nil {
		return Key{}, fmt.Errorf("wrapping a key: %w", err)
	}
	return Key{
		TenantID: tenantID, ID: id.String(), Generation: 1, KEK: s.cfg.KEK.ID(),
		Public: public, Wrapped: wrapped, CreatedAt: s.cfg.Now().UTC(),
	}, nil
}
