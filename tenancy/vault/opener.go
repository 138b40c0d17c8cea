package vault

import (
	"context"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/hybrid"

	"github.com/lunobot/lunobot/saas/errs"
)

// OpenerConfig says what an Opener works with.
type OpenerConfig struct {
	// KEK is the key-encryption key. Required.
	KEK *KEK
	// Store keeps the tenants' keys. Required.
	Store Store
}

func (c OpenerConfig) validate() error {
	var problems []error
	if c.KEK == nil {
		problems = append(problems, errs.New(errs.Invalid, "kek_missing", "the key-encryption key is missing"))
	}
	if c.Store == nil {
		problems = append(problems, errors.New("vault: OpenerConfig.Store is required"))
	}
	return errors.Join(problems...)
}

// Opener opens what a Sealer sealed. Only workers have one. It keeps no keys,
// so that a shredded tenant is unreadable at once. It is safe for concurrent
// use.
type Opener struct{ cfg OpenerConfig }

// NewOpener checks cfg and builds an Opener. A missing KEK is an Invalid error
// with code kek_missing.
func NewOpener(cfg OpenerConfig) (*Opener, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Opener{cfg: cfg}, nil
}

// Open returns the secret of a sealed value, given the tenant and the context
// that it was sealed with. Errors: Conflict with code secret_unreadable for a
// value that is damaged, was moved, or belongs to another tenant or context;
// Conflict with code secret_shredded if its key is gone; Invalid with code
// kek_mismatch if its key was wrapped to another KEK.
func (o *Opener) Open(ctx context.Context, tenantID, value string, parts ...string) (Secret, error) {
	v, err := parseSealed(value)
	if err != nil {
		return Secret{}, err
	}
	k, err := o.cfg.Store.Key(ctx, tenantID, v.keyID)
	switch {
	case err != nil && errs.KindOf(err) == errs.NotFound:
		return Secret{}, errs.New(errs.Conflict, "secret_shredded", "the key of this sealed value does not exist").Wrap(err)
	case err != nil:
		return Secret{}, fmt.Errorf("opening a secret of tenant %s: %w", tenantID, err)
	case k.KEK != o.cfg.KEK.ID():
		return Secret{}, errMismatch(k.KEK, o.cfg.KEK.ID())
	}
	plain, err := o.open(k, v.ciphertext, secretContext(tenantID, k.ID, parts))
	if err != nil {
		return Secret{}, errUnreadable().Wrap(err)
	}
	return NewSecret(string(plain)), nil
}

// Check is Sealer.Check.
func (o *Opener) Check(ctx context.Context) error { return checkKEK(ctx, o.cfg.Store, o.cfg.KEK.ID()) }

// open unwraps the private half and opens a ciphertext with it.
func (o *Opener) open(k Key, ciphertext, binding []byte) ([]byte, error) {
	unwrap, err := hybrid.NewHybridDecrypt(o.cfg.KEK.private)
	if err != nil {
		return nil, err
	}
	raw, err := unwrap.Decrypt(k.Wrapped, wrapContext(k.TenantID, k.ID))
	if err != nil {
		return nil, fmt.Errorf("unwrapping the key: %w", err)
	}
	defer clear(raw)
	h, err := readPrivate(raw)
	if err != nil {
		return nil, err
	}
	dec, err := hybrid.NewHybridDecrypt(h)
	if err != nil {
		return nil, err
	}
	return dec.Decrypt(ciphertext, binding)
}

// checkKEK reports stored keys that are wrapped to another KEK than ours.
func checkKEK(ctx context.Context, store Store, ours string) error {
	stored, err := store.KEKs(ctx)
	if err != nil {
		return fmt.Errorf("checking the key-encryption key: %w", err)
	}
	for _, id := range stored {
		if id != ours {
			return errMismatch(id, ours)
		}
	}
	return nil
}

func errMismatch(stored, ours string) *errs.Error {
	return errs.New(errs.Invalid, "kek_mismatch",
		"the database holds secrets under the key-encryption key %s, but %s was given: give the right one", stored, ours)
}
