package vault

import (
	"encoding/base64"
	"encoding/binary"
	"strings"

	"github.com/lunobot/lunobot/saas/errs"
)

// version begins every sealed value and every context.
const version = "v1"

// sealed is a sealed value: the key that opens it, and what it opens.
type sealed struct {
	keyID      string
	ciphertext []byte
}

// encode returns the form in which sealed values are stored.
func (s sealed) encode() string {
	return version + "." + s.keyID + "." + base64.RawURLEncoding.EncodeToString(s.ciphertext)
}

func parseSealed(text string) (sealed, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 || parts[0] != version || parts[1] == "" {
		return sealed{}, errUnreadable()
	}
	c, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil {
		return sealed{}, errUnreadable()
	}
	return sealed{keyID: parts[1], ciphertext: c}, nil
}

// contextOf joins the parts of a context so that no two lists of parts give the
// same bytes: each is preceded by its length.
func contextOf(purpose string, parts ...string) []byte {
	var b []byte
	for _, p := range append([]string{"lunobot vault " + version, purpose}, parts...) {
		b = binary.BigEndian.AppendUint64(b, uint64(len(p)))
		b = append(b, p...)
	}
	return b
}

// secretContext is the context of a tenant's secret, wrapContext that of its
// wrapped private half.
func secretContext(tenantID, keyID string, parts []string) []byte {
	return contextOf("secret", append([]string{tenantID, keyID}, parts...)...)
}

func wrapContext(tenantID, keyID string) []byte { return contextOf("tenant key", tenantID, keyID) }

// errUnreadable says no more than that: why a value does not open is nobody's
// business who cannot open it.
func errUnreadable() *errs.Error {
	return errs.New(errs.Conflict, "secret_unreadable", "the sealed value cannot be opened here")
}
