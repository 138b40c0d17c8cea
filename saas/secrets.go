package saas

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lunobot/lunobot/tenancy"
	"github.com/lunobot/lunobot/tenancy/vault"
)

// Secrets are the keys of an installation. They print as redacted. A role is given
// those that it uses and no others: what a process does not hold nobody can take from
// it (rule X4).
type Secrets struct {
	// Signing signs access tokens and, derived from it, list cursors and what is
	// kept of webhooks' secrets: at least 32 bytes in base64. The roles All and Web
	// need it. LUNOBOT_SIGNING_KEY.
	Signing vault.Secret
	// Vault opens the tenants' exchange keys. The roles All and Worker need it.
	// LUNOBOT_VAULT_KEY.
	Vault vault.Secret
	// VaultPublic is the other half of Vault, which seals; it is no secret. The role
	// Web needs it; the others have it from Vault. LUNOBOT_VAULT_PUBLIC_KEY.
	VaultPublic string
}

// keys are the secrets in use; those that a role does not use are empty.
type keys struct {
	signing tenancy.SigningKey
	cursor  []byte
	// pepper keys what is kept of webhooks' secrets.
	pepper []byte
	// seals and opens are the halves of the vault's key.
	seals *vault.PublicKEK
	opens *vault.KEK
}

// load reads the secrets of a role, and names everything that is missing, broken or
// not the role's. In development a process that is the whole installation makes those
// that are missing; processes that share one must be given them.
func (s Secrets) load(role Role, env Environment, dir string) (keys, error) {
	problems := s.foreign(role, env)
	pick := func(given vault.Secret, name, file string, create func() (vault.Secret, error)) vault.Secret {
		if !given.Empty() {
			return given
		}
		switch {
		case role != All:
			problems = append(problems, fmt.Errorf("%s is required by the role %s (lunobot keys new)", name, role))
			return given
		case env == Production:
			problems = append(problems, fmt.Errorf("%s is required in production (lunobot keys new)", name))
			return given
		}
		text, err := keep(filepath.Join(dir, file), func() (string, error) { made, err := create(); return made.Reveal(), err })
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
		return vault.NewSecret(text)
	}
	var k keys
	if role.serves() {
		if signing := pick(s.Signing, "LUNOBOT_SIGNING_KEY", "signing.key", NewSigningKey); !signing.Empty() {
			problems = append(problems, k.sign(signing))
		}
	}
	if role.works() {
		if kek := pick(s.Vault, "LUNOBOT_VAULT_KEY", "vault.key", newVaultKey); !kek.Empty() {
			problems = append(problems, k.open(kek, s.VaultPublic))
		}
		return k, errors.Join(problems...)
	}
	var err error
	if k.seals, err = vault.ParsePublicKEK(s.VaultPublic); err != nil {
		problems = append(problems, fmt.Errorf("LUNOBOT_VAULT_PUBLIC_KEY, which the role %s seals with (lunobot keys new): %w", role, err))
	}
	return k, errors.Join(problems...)
}

// foreign names the secrets that a role was given and must not hold. In development
// they are not used and no more is said: one file of settings may serve all processes.
func (s Secrets) foreign(role Role, env Environment) []error {
	var problems []error
	if env != Production {
		return nil
	}
	if !role.works() && !s.Vault.Empty() {
		problems = append(problems, fmt.Errorf(
			"LUNOBOT_VAULT_KEY opens the tenants' exchange keys, and the role %s must not hold it: take it out of this process's settings, LUNOBOT_VAULT_PUBLIC_KEY is enough", role))
	}
	if !role.serves() && !s.Signing.Empty() {
		problems = append(problems, fmt.Errorf(
			"LUNOBOT_SIGNING_KEY signs people in, and the role %s must not hold it: take it out of this process's settings", role))
	}
	return problems
}

// sign takes the signing key and what is derived from it.
func (k *keys) sign(signing vault.Secret) (err error) {
	raw, err := base64.StdEncoding.DecodeString(signing.Reveal())
	if err != nil || len(raw) < 32 {
		return errors.New("LUNOBOT_SIGNING_KEY is not at least 32 bytes in base64")
	}
	id := sha256.Sum256(append([]byte("lunobot signing key id\x00"), raw...))
	k.signing = tenancy.SigningKey{ID: base64.RawURLEncoding.EncodeToString(id[:6]), Secret: raw}
	if k.cursor, err = hkdf.Key(sha256.New, raw, nil, "lunobot list cursors", 32); err != nil {
		return err
	}
	k.pepper, err = hkdf.Key(sha256.New, raw, nil, "lunobot webhook pepper", 32)
	return err
}

// open takes the vault's key, which must be that of the public half if one is given.
func (k *keys) open(kek vault.Secret, public string) (err error) {
	if k.opens, err = vault.ParseKEK(kek); err != nil {
		return fmt.Errorf("LUNOBOT_VAULT_KEY: %w", err)
	}
	k.seals = k.opens.Public()
	if public == "" {
		return nil
	}
	given, err := vault.ParsePublicKEK(public)
	switch {
	case err != nil:
		return fmt.Errorf("LUNOBOT_VAULT_PUBLIC_KEY: %w", err)
	case given.ID() != k.seals.ID():
		return fmt.Errorf("LUNOBOT_VAULT_PUBLIC_KEY is not the other half of LUNOBOT_VAULT_KEY: it is %s, and that one's is %s", given.ID(), k.seals.ID())
	}
	return nil
}

// keep returns the text of a file, making it with mode 0600 if it is missing.
// Of two processes that make it at once, one wins and both get the same.
func keep(path string, create func() (string, error)) (string, error) {
	raw, err := os.ReadFile(path) //nolint:gosec // the operator says where the data folder is
	if err == nil {
		return strings.TrimSpace(string(raw)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	text, err := create()
	if err != nil {
		return "", err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(text + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Link(f.Name(), path) // fails if another process was first
	}
	err = errors.Join(err, os.Remove(f.Name()))
	if errors.Is(err, fs.ErrExist) {
		return keep(path, create)
	}
	return text, err
}

// NewSigningKey makes a key for Secrets.Signing.
func NewSigningKey() (vault.Secret, error) {
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		return vault.Secret{}, err
	}
	return vault.NewSecret(base64.StdEncoding.EncodeToString(raw)), nil
}

func newVaultKey() (vault.Secret, error) {
	k, err := vault.NewKEK()
	if err != nil {
		return vault.Secret{}, err
	}
	return k.Encode()
}
