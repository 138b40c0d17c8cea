package hook

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lunobot/lunobot/saas/errs"
)

// What a message may be at most.
const (
	// MaxBody is its length in bytes with the secret.
	MaxBody = 8 << 10
	// MaxText is that of what the bot hears.
	MaxText = 4 << 10
	// maxKey is the length of the sender's id in characters.
	maxKey = 100
	// maxSignatures is how many are tried.
	maxSignatures = 10
	// tolerance is how far a signature's time may be off, either way.
	tolerance = 5 * time.Minute
)

// Delivery is a message as it came, before anything is known of its sender.
type Delivery struct {
	Body []byte
	// Bearer is the credential of the Authorization header; ID, Timestamp and
	// Signature are the headers of Standard Webhooks. Each may be empty.
	Bearer, ID, Timestamp, Signature string
}

// Errors of a delivery.
var (
	errProof = errs.New(errs.Unauthenticated, "webhook_unauthenticated",
		"send the webhook's secret as Authorization: Bearer …, as \"token\" in a JSON body, or sign the message after Standard Webhooks")
	errStale = errs.New(errs.Unauthenticated, "webhook_timestamp", "the signature's time is more than 5 minutes off")
)

// envelope is what the server itself reads of a body.
type envelope struct {
	Token string `json:"token"`
	ID    any    `json:"id"`
}

// open reads what the server needs of the body. A body that is no JSON object is
// a text that only a header can prove.
func (d Delivery) open() envelope {
	var e envelope
	if json.Unmarshal(d.Body, &e) != nil {
		return envelope{}
	}
	return e
}

// prove checks that the sender knows one of the hook's secrets (rule W3: any of
// several, in constant time).
func (m minter) prove(h Hook, d Delivery, e envelope, now time.Time) error {
	if d.Signature != "" {
		return m.verify(h, d, now)
	}
	token := d.Bearer
	if token == "" {
		token = e.Token
	}
	id, ok := keyID(token)
	if !ok {
		return errProof
	}
	hash := m.hash(token)
	for _, k := range h.Keys {
		if k.ID == id && k.Valid(now) && hmac.Equal(hash, k.Hash) {
			return nil
		}
	}
	return errProof
}

// verify checks a signature after Standard Webhooks.
func (m minter) verify(h Hook, d Delivery, now time.Time) error {
	at, err := strconv.ParseInt(d.Timestamp, 10, 64)
	if err != nil || d.ID == "" {
		return errProof
	}
	if off := now.Sub(time.Unix(at, 0)); off > tolerance || off < -tolerance {
		return errStale
	}
	signed := append([]byte(d.ID+"."+d.Timestamp+"."), d.Body...)
	signatures := strings.Fields(d.Signature)
	for _, k := range h.Keys {
		if !k.Valid(now) {
			continue
		}
		mac := hmac.New(sha256.New, m.signing(k))
		_, _ = mac.Write(signed)
		want := mac.Sum(nil)
		for _, s := range signatures[:min(len(signatures), maxSignatures)] {
			raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, "v1,"))
			if err == nil && strings.HasPrefix(s, "v1,") && hmac.Equal(raw, want) {
				return nil
			}
		}
	}
	return errProof
}

// key returns the sender's id of the message: that of the header, or of the body.
func (d Delivery) key(e envelope) (string, error) {
	key := d.ID
	if key == "" {
		switch id := e.ID.(type) {
		case string:
			key = id
		case float64:
			key = strconv.FormatFloat(id, 'f', -1, 64)
		}
	}
	printable := func(r rune) bool { return unicode.IsPrint(r) && r != utf8.RuneError }
	switch {
	case key == "":
		return "", errs.New(errs.Malformed, "signal_id_missing",
			"give the message an id, as the header webhook-id or as \"id\" in the JSON body, so that it is never taken twice; an alert's time makes a good one")
	case utf8.RuneCountInString(key) > maxKey || strings.TrimFunc(key, printable) != "" || strings.ContainsFunc(key, func(r rune) bool { return !printable(r) }):
		return "", errs.New(errs.Malformed, "signal_id_malformed", "an id is at most %d printable characters", maxKey)
	}
	return key, nil
}

// text returns what the bot hears: the body without its secret.
func (d Delivery) text(e envelope) (string, error) {
	text := string(d.Body)
	if e.Token != "" {
		var members map[string]json.RawMessage
		if err := json.Unmarshal(d.Body, &members); err != nil {
			return "", err
		}
		for name := range members {
			if strings.EqualFold(name, "token") { // as open reads it
				delete(members, name)
			}
		}
		var out bytes.Buffer
		enc := json.NewEncoder(&out)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(members); err != nil {
			return "", err
		}
		text = out.String()
	}
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "", errs.New(errs.Malformed, "signal_empty", "the message is empty")
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return "", errs.New(errs.Malformed, "signal_encoding", "the message is not UTF-8 text")
	case len(text) > MaxText:
		return "", errs.New(errs.Malformed, "signal_too_long", "the message has %d bytes, and %d are allowed", len(text), MaxText)
	}
	return text, nil
}
