package hook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/errs"
)

func clock() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func testMinter() minter {
	return minter{pepper: []byte(strings.Repeat("p", 32)), rand: rand.NewChaCha8([32]byte{1})}
}

// sign signs a message as a sender does who knows the signing key.
func sign(t testing.TB, signing, id string, at time.Time, body string) Delivery {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(signing, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	stamp := fmt.Sprint(at.Unix())
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", id, stamp, body)
	return Delivery{Body: []byte(body), ID: id, Timestamp: stamp, Signature: "v1,AAAA v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))}
}

// proves K1, K2
func TestTokens(t *testing.T) {
	t.Parallel()
	m := testMinter()
	secret, key, err := m.mint()
	if err != nil {
		t.Fatal(err)
	}
	token := secret.Token.Reveal()
	id, ok := keyID(token)
	if !ok || id != key.ID || !strings.HasPrefix(token, "lunobot_hook_"+id+"_") || len(token) != len(tokenPrefix)+16+1+52+8 {
		t.Errorf("the token is %s, its id %s, %v", token, id, ok)
	}
	for i := range token { // each misspelling is noticed without the database
		if _, ok := keyID(token[:i] + "~" + token[i+1:]); ok {
			t.Errorf("a token with another character %d is taken for one", i)
		}
	}
	for _, bad := range []string{"", tokenPrefix, tokenPrefix + "_", token[:len(token)-1], token + "0"} {
		if _, ok := keyID(bad); ok {
			t.Errorf("%q is taken for a token", bad)
		}
	}
	if strings.Contains(string(key.Hash), token) || fmt.Sprint(secret) != "{[redacted] [redacted]}" {
		t.Errorf("a secret shows: %v", secret)
	}
	other := m
	other.pepper = []byte(strings.Repeat("q", 32))
	if hmac.Equal(m.hash(token), other.hash(token)) || hmac.Equal(m.signing(key), other.signing(key)) || hmac.Equal(m.signing(key), key.Hash) {
		t.Error("the database alone knows what proves a sender")
	}
}

// proves W1, W2, W3, H1
func TestProofs(t *testing.T) {
	t.Parallel()
	m, now := testMinter(), clock()
	secret, key, _ := m.mint()
	old, oldKey, _ := m.mint()
	over, overKey, _ := m.mint()
	foreign, _, _ := m.mint()
	oldKey.ExpiresAt, overKey.ExpiresAt = now.Add(time.Second), now
	h := Hook{Keys: []Key{key, oldKey, overKey}}
	const body = `{"action":"buy"}`
	bearer := func(s Secret) Delivery { return Delivery{Body: []byte(body), Bearer: s.Token.Reveal()} }
	inBody := func(s Secret) Delivery { return Delivery{Body: []byte(`{"token":"` + s.Token.Reveal() + `"}`)} }
	signed := func(s Secret, at time.Time) Delivery { return sign(t, s.Signing.Reveal(), "m1", at, body) }
	change := func(d Delivery, change func(*Delivery)) Delivery { change(&d); return d }
	for name, c := range map[string]struct {
		d    Delivery
		code string
	}{
		"bearer":                     {bearer(secret), ""},
		"bearer of before":           {bearer(old), ""},
		"bearer that ended":          {bearer(over), "webhook_unauthenticated"},
		"bearer of another":          {bearer(foreign), "webhook_unauthenticated"},
		"in the body":                {inBody(secret), ""},
		"in the body, ended":         {inBody(over), "webhook_unauthenticated"},
		"nothing":                    {Delivery{Body: []byte(body)}, "webhook_unauthenticated"},
		"no JSON":                    {Delivery{Body: []byte(secret.Token.Reveal())}, "webhook_unauthenticated"},
		"signed":                     {signed(secret, now), ""},
		"signed by the one before":   {signed(old, now), ""},
		"signed by one that ended":   {signed(over, now), "webhook_unauthenticated"},
		"signed by another":          {signed(foreign, now), "webhook_unauthenticated"},
		"signed 5 minutes ago":       {signed(secret, now.Add(-5*time.Minute)), ""},
		"signed too long ago":        {signed(secret, now.Add(-301*time.Second)), "webhook_timestamp"},
		"signed in the future":       {signed(secret, now.Add(301*time.Second)), "webhook_timestamp"},
		"another body":               {change(signed(secret, now), func(d *Delivery) { d.Body = []byte(`{"action":"sell"}`) }), "webhook_unauthenticated"},
		"another id":                 {change(signed(secret, now), func(d *Delivery) { d.ID = "m2" }), "webhook_unauthenticated"},
		"another time":               {change(signed(secret, now), func(d *Delivery) { d.Timestamp = fmt.Sprint(now.Unix() + 1) }), "webhook_unauthenticated"},
		"no id":                      {change(signed(secret, now), func(d *Delivery) { d.ID = "" }), "webhook_unauthenticated"},
		"no time":                    {change(signed(secret, now), func(d *Delivery) { d.Timestamp = "now" }), "webhook_unauthenticated"},
		"another form":               {change(signed(secret, now), func(d *Delivery) { d.Signature = strings.ReplaceAll(d.Signature, "v1,", "v2,") }), "webhook_unauthenticated"},
		"a bad one beside a bearer":  {change(bearer(secret), func(d *Delivery) { d.Signature = "v1,AAAA" }), "webhook_unauthenticated"},
		"too many signatures before": {change(signed(secret, now), func(d *Delivery) { d.Signature = strings.Repeat("v1,AAAA ", 10) + d.Signature }), "webhook_unauthenticated"},
	} {
		err := m.prove(h, c.d, c.d.open(), now)
		if (err == nil) != (c.code == "") || err != nil && (errs.CodeOf(err) != c.code || errs.KindOf(err) != errs.Unauthenticated) {
			t.Errorf("%s gave %v, want %q", name, err, c.code)
		}
	}
}

func TestTexts(t *testing.T) {
	t.Parallel()
	secret, _, _ := testMinter().mint()
	token := secret.Token.Reveal()
	for body, want := range map[string]string{
		`{"token":"` + token + `","action":"buy","note":"a<b & c"}`:      `{"action":"buy","note":"a<b & c"}`,
		`{"Token":"` + token + `","token":"` + token + `","limit":1.50}`: `{"limit":1.50}`,
		` {"action":"buy"} `: `{"action":"buy"}`,
		"buy 5":              "buy 5",
	} {
		d := Delivery{Body: []byte(body)}
		if got, err := d.text(d.open()); err != nil || got != want {
			t.Errorf("of %s is heard %q, %v, want %q", body, got, err, want)
		}
	}
	for body, code := range map[string]string{
		"": "signal_empty", " \n": "signal_empty", "\xff": "signal_encoding", "a\x00b": "signal_encoding", strings.Repeat("x", MaxText+1): "signal_too_long",
	} {
		d := Delivery{Body: []byte(body)}
		if _, err := d.text(d.open()); errs.CodeOf(err) != code {
			t.Errorf("%.10q gave %v, want %s", body, err, code)
		}
	}
	for _, c := range []struct{ header, body, want, code string }{
		{"h1", `{"id":"b1"}`, "h1", ""}, {"", `{"id":"b1"}`, "b1", ""}, {"", `{"id":1764581400000}`, "1764581400000", ""}, {"", `{}`, "", "signal_id_missing"},
		{"", `buy`, "", "signal_id_missing"}, {"", `{"id":["x"]}`, "", "signal_id_missing"}, {strings.Repeat("x", 101), ``, "", "signal_id_malformed"},
		{"a\u202eb", ``, "", "signal_id_malformed"}, {"2026-03-01T12:00:00Z XBTMYR", ``, "2026-03-01T12:00:00Z XBTMYR", ""}, {"\xff", ``, "", "signal_id_malformed"},
	} {
		d := Delivery{ID: c.header, Body: []byte(c.body)}
		if got, err := d.key(d.open()); got != c.want || err != nil && errs.CodeOf(err) != c.code {
			t.Errorf("%q, %s: the id is %q, %v", c.header, c.body, got, err)
		}
	}
}

// proves R1, R4
func TestRate(t *testing.T) {
	t.Parallel()
	now, due, taken := clock(), int64(0), 0
	try := func() (wait time.Duration) {
		due, wait = admit(due, now)
		if wait == 0 {
			taken++
		}
		return wait
	}
	for range 100 {
		try()
	}
	if taken != burst {
		t.Errorf("%d are taken at once, want %d", taken, burst)
	}
	wait := try()
	if now = now.Add(wait - time.Microsecond); try() == 0 {
		t.Error("one is taken before its time")
	}
	if now = now.Add(time.Microsecond); try() != 0 {
		t.Error("one is refused after its time")
	}
	taken = 0
	for range 600 {
		now = now.Add(time.Second)
		try()
	}
	if taken < 10*perMinute-1 || taken > 10*perMinute+1 {
		t.Errorf("%d are taken in ten minutes, want %d", taken, 10*perMinute)
	}
}

// FuzzDelivery gives any message to the parts that read what a stranger sent.
func FuzzDelivery(f *testing.F) {
	f.Add([]byte(`{"token":"x","id":7}`), "b", "i", "1", "v1,AA==")
	f.Add([]byte("\xff"), "", "", "", "")
	m, now := testMinter(), clock()
	_, key, _ := m.mint()
	f.Fuzz(func(t *testing.T, body []byte, bearer, id, at, signature string) {
		d := Delivery{Body: body, Bearer: bearer, ID: id, Timestamp: at, Signature: signature}
		e := d.open()
		if m.prove(Hook{Keys: []Key{key}}, d, e, now) == nil {
			t.Fatal("a stranger is let in")
		}
		_, _ = d.key(e)
		if text, err := d.text(e); err == nil && (len(text) > MaxText || e.Token != "" && len(e.Token) > 5 && strings.Contains(text, `"token"`)) {
			t.Fatalf("of %q is heard %q", body, text)
		}
	})
}
