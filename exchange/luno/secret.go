package luno

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
)

// Secret is the secret half of a key. It writes itself as stars, in text, logs and
// JSON.
type Secret string

// String hides the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "***"
}

// Format implements fmt.Formatter for all verbs that it is asked for, which is all
// but %T and %p.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) } // nobody hears of a printer's error

// LogValue hides the secret.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the secret, in JSON as well.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// signer returns what puts a key into a request, and what takes it out of an
// answer, should a server repeat it: neither errors nor logs can have it then. A
// secret that is too short to be one is left in, because it may be part of
// anything.
func signer(id string, secret Secret) (sign func(*http.Request), hide func([]byte) []byte) {
	const shortest = 8
	if id == "" {
		return func(*http.Request) {}, func(b []byte) []byte { return b }
	}
	words := [][]byte{[]byte(base64.StdEncoding.EncodeToString([]byte(id + ":" + string(secret))))}
	if len(secret) >= shortest {
		words = append(words, []byte(secret))
	}
	sign = func(r *http.Request) { r.SetBasicAuth(id, string(secret)) }
	hide = func(b []byte) []byte {
		for _, w := range words {
			if bytes.Contains(b, w) {
				b = bytes.ReplaceAll(b, w, []byte("***"))
			}
		}
		return b
	}
	return sign, hide
}
