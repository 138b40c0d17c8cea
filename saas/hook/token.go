package hook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"strings"

	"github.com/lunobot/lunobot/tenancy/vault"
)

// A token is lunobot_hook_<id>_<secret><checksum>: scanners of leaked secrets
// know the beginning, and a misspelt one is told from a wrong one without a look
// into the database (rule K1).
const (
	tokenPrefix  = "lunobot_hook_" //nolint:gosec // the part of a token that everybody may see
	idBytes      = 8
	secretBytes  = 32 // 256 bits
	addressBytes = 16
	sumChars     = 8
)

// letters writes secrets in digits and lower-case letters.
func letters() *base32.Encoding {
	return base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
}

// minter makes addresses, secrets and what is kept of them.
type minter struct {
	pepper []byte
	rand   io.Reader
}

func (m minter) random(n int) ([]byte, error) {
	raw := make([]byte, n)
	if _, err := io.ReadFull(m.rand, raw); err != nil {
		return nil, fmt.Errorf("no randomness for a secret: %w", err)
	}
	return raw, nil
}

// address returns a new hook's id.
func (m minter) address() (string, error) {
	raw, err := m.random(addressBytes)
	return letters().EncodeToString(raw), err
}

// mint returns a new secret and what is kept of it.
func (m minter) mint() (Secret, Key, error) {
	raw, err := m.random(idBytes + secretBytes)
	if err != nil {
		return Secret{}, Key{}, err
	}
	k := Key{ID: hex.EncodeToString(raw[:idBytes])}
	text := tokenPrefix + k.ID + "_" + letters().EncodeToString(raw[idBytes:])
	text += checksum(text)
	k.Hash = m.hash(text)
	return Secret{
		Token: vault.NewSecret(text), Signing: vault.NewSecret("whsec_" + base64.StdEncoding.EncodeToString(m.signing(k))),
	}, k, nil
}

// hash is what is kept of a token. A fast one is right for 256 random bits.
func (m minter) hash(token string) []byte { return m.mac("token", []byte(token)) }

// signing is the key of signatures that belongs to a secret. It follows from what
// is kept, and nobody without the pepper can make it.
func (m minter) signing(k Key) []byte { return m.mac("signing key", k.Hash) }

func (m minter) mac(purpose string, data []byte) []byte {
	h := hmac.New(sha256.New, m.pepper)
	_, _ = h.Write([]byte("lunobot webhook " + purpose + "\x00"))
	_, _ = h.Write(data)
	return h.Sum(nil)
}

// keyID returns which secret a token claims to be; false if it is none at all.
func keyID(token string) (string, bool) {
	rest, ok := strings.CutPrefix(token, tokenPrefix)
	id, _, parted := strings.Cut(rest, "_")
	if !ok || !parted || len(id) != 2*idBytes || len(token) < len(tokenPrefix)+2*idBytes+1+sumChars {
		return "", false
	}
	body := token[:len(token)-sumChars]
	return id, token == body+checksum(body)
}

func checksum(text string) string { return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(text))) }
