package vault

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/tink-crypto/tink-go/v2/hybrid"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/lunobot/lunobot/saas/errs"
)

// The first letters of the two halves in text form, so that neither is taken
// for the other.
const (
	privatePrefix = "lunobot-kek-private-1:"
	publicPrefix  = "lunobot-kek-public-1:"
)

// KEK is a key-encryption key: it opens the wrapped private halves of all
// tenants. Only workers hold one.
type KEK struct {
	private *keyset.Handle
	public  *PublicKEK
}

// NewKEK makes a key-encryption key from the system's random source.
func NewKEK() (*KEK, error) {
	h, err := newPair()
	if err != nil {
		return nil, err
	}
	return kekOf(h)
}

// ParseKEK reads what Encode wrote. Anything else is an Invalid error that says
// what is wrong and repeats nothing of the text.
func ParseKEK(text Secret) (*KEK, error) {
	s := strings.TrimSpace(text.Reveal())
	switch {
	case s == "":
		return nil, errs.New(errs.Invalid, "kek_missing", "the key-encryption key is missing")
	case strings.HasPrefix(s, publicPrefix):
		return nil, errs.New(errs.Invalid, "kek_invalid", "this is the public half of a key-encryption key; the private half is needed here")
	}
	body, ok := strings.CutPrefix(s, privatePrefix)
	raw, err := base64.StdEncoding.DecodeString(body)
	if !ok || err != nil {
		return nil, errs.New(errs.Invalid, "kek_invalid", "the key-encryption key is not in the form %s…", privatePrefix)
	}
	h, err := readPrivate(raw)
	if err != nil {
		return nil, errs.New(errs.Invalid, "kek_invalid", "the key-encryption key is damaged")
	}
	return kekOf(h)
}

func kekOf(h *keyset.Handle) (*KEK, error) {
	pub, err := h.Public()
	if err != nil {
		return nil, errs.New(errs.Invalid, "kek_invalid", "the key-encryption key has no public half")
	}
	return &KEK{private: h, public: &PublicKEK{handle: pub}}, nil
}

// Encode returns the key as text, for a file or a secret manager.
func (k *KEK) Encode() (Secret, error) {
	raw, err := writePrivate(k.private)
	if err != nil {
		return Secret{}, err
	}
	return NewSecret(privatePrefix + base64.StdEncoding.EncodeToString(raw)), nil
}

// Public returns the half that the web tier holds.
func (k *KEK) Public() *PublicKEK { return k.public }

// ID returns the key's name, which is no secret.
func (k *KEK) ID() string { return k.public.ID() }

// String implements fmt.Stringer without the key.
func (k *KEK) String() string { return "kek " + k.ID() + " " + redacted }

// PublicKEK is the half of a key-encryption key that wraps and cannot unwrap.
type PublicKEK struct{ handle *keyset.Handle }

// ParsePublicKEK reads what Encode wrote; anything else is an Invalid error.
func ParsePublicKEK(text string) (*PublicKEK, error) {
	s := strings.TrimSpace(text)
	switch {
	case s == "":
		return nil, errs.New(errs.Invalid, "kek_missing", "the public half of the key-encryption key is missing")
	case strings.HasPrefix(s, privatePrefix):
		return nil, errs.New(errs.Invalid, "kek_invalid",
			"this is the private half of a key-encryption key, which must not be here; give the public half")
	}
	body, ok := strings.CutPrefix(s, publicPrefix)
	raw, err := base64.StdEncoding.DecodeString(body)
	if !ok || err != nil {
		return nil, errs.New(errs.Invalid, "kek_invalid", "the public half of the key-encryption key is not in the form %s…", publicPrefix)
	}
	h, err := readPublic(raw)
	if err != nil {
		return nil, errs.New(errs.Invalid, "kek_invalid", "the public half of the key-encryption key is damaged")
	}
	return &PublicKEK{handle: h}, nil
}

// Encode returns the key as text. It is no secret.
func (k *PublicKEK) Encode() (string, error) {
	raw, err := writePublic(k.handle)
	if err != nil {
		return "", err
	}
	return publicPrefix + base64.StdEncoding.EncodeToString(raw), nil
}

// ID returns the key's name, the same as that of the private half.
func (k *PublicKEK) ID() string { return fmt.Sprintf("%08x", k.handle.KeysetInfo().GetPrimaryKeyId()) }

// newPair makes an HPKE key pair.
func newPair() (*keyset.Handle, error) {
	h, err := keyset.NewHandle(hybrid.DHKEM_X25519_HKDF_SHA256_HKDF_SHA256_AES_256_GCM_Key_Template())
	if err != nil {
		return nil, fmt.Errorf("making a key pair: %w", err)
	}
	return h, nil
}

func readPrivate(raw []byte) (*keyset.Handle, error) {
	h, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(raw)))
	if err != nil {
		return nil, fmt.Errorf("reading a private key: %w", err)
	}
	if _, err := hybrid.NewHybridDecrypt(h); err != nil {
		return nil, fmt.Errorf("reading a private key: %w", err)
	}
	return h, nil
}

func writePrivate(h *keyset.Handle) ([]byte, error) {
	var b bytes.Buffer
	if err := insecurecleartextkeyset.Write(h, keyset.NewBinaryWriter(&b)); err != nil {
		return nil, fmt.Errorf("encoding a private key: %w", err)
	}
	return b.Bytes(), nil
}

func readPublic(raw []byte) (*keyset.Handle, error) {
	h, err := keyset.ReadWithNoSecrets(keyset.NewBinaryReader(bytes.NewReader(raw)))
	if err != nil {
		return nil, fmt.Errorf("reading a public key: %w", err)
	}
	if _, err := hybrid.NewHybridEncrypt(h); err != nil {
		return nil, fmt.Errorf("reading a public key: %w", err)
	}
	return h, nil
}

func writePublic(h *keyset.Handle) ([]byte, error) {
	var b bytes.Buffer
	if err := h.WriteWithNoSecrets(keyset.NewBinaryWriter(&b)); err != nil {
		return nil, fmt.Errorf("encoding a public key: %w", err)
	}
	return b.Bytes(), nil
}
