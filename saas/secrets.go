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

// Secrets are the keys of an installation. They print as redacted.
type Secrets struct {
	// Signing signs access tokens and, derived from it, list cursors and what is
	// kept of webhooks' secrets: at least 32 bytes in base64. LUNOBOT_SIGNING_KEY.
	Signing vault.Secret
	// Vault opens the tenants' exchange keys; only workers need it.
	// LUNOBOT_VAULT_KEY.
	Vault vault.Secret
}

// keys are the secrets in use.
type keys struct {
	signing tenancy.SigningKey
	cursor  []byte
	// pepper keys what is kept of webhooks' secrets.
	pepper []byte
	vault  *vault.KEK
}

// load reads the secrets, making those that are missing in development, and
// names everything that is missing or broken.
func (s Secrets) load(env Environment, dir string) (keys, error) {
	var problems []error
	pick := func(given vault.Secret, name, file string, create func() (string, error)) vault.Secret {
		if given.Reveal() != "" {
			return given
		}
		if env == Production {
			problems = append(problems, fmt.Errorf("%s is required in production", name))
			return given
		}
		text, err := keep(filepath.Join(dir, file), create)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
		return vault.NewSecret(text)
	}
	signing := pick(s.Signing, "LUNOBOT_SIGNING_KEY", "signing.key", newSigningKey)
	kek := pick(s.Vault, "LUNOBOT_VAULT_KEY", "vault.key", newVaultKey)
	if err := errors.Join(problems...); err != nil {
		return keys{}, err
	}
	var k keys
	raw, err := base64.StdEncoding.DecodeString(signing.Reveal())
	if err != nil || len(raw) < 32 {
		problems = append(problems, errors.New("LUNOBOT_SIGNING_KEY is not at least 32 bytes in base64"))
	} else {
		id := sha256.Sum256(append([]byte("lunobot signing key id\x00"), raw...))
		k.signing = tenancy.SigningKey{ID: base64.RawURLEncoding.EncodeToString(id[:6]), Secret: raw}
		if k.cursor, err = hkdf.Key(sha256.New, raw, nil, "lunobot list cursors", 32); err != nil {
			problems = append(problems, err)
		}
		if k.pepper, err = hkdf.Key(sha256.New, raw, nil, "lunobot webhook pepper", 32); err != nil {
			problems = append(problems, err)
		}
	}
	if k.vault, err = vault.ParseKEK(kek); err != nil {
		problems = append(problems, fmt.Errorf("LUNOBOT_VAULT_KEY: %w", err))
	}
	return k, errors.Join(problems...)
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

func newSigningKey() (string, error) {
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(raw), nil
}

func newVaultKey() (string, error) {
	k, err := vault.NewKEK()
	if err != nil {
		return "", err
	}
	text, err := k.Encode()
	return text.Reveal(), err
}
