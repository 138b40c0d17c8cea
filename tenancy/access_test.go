package tenancy_test

import (
	"crypto/ed25519"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

// proves S8: a token is taken only if everything about it is right.
func TestAccessTokens(t *testing.T) {
	t.Parallel()
	seed := []byte(strings.Repeat("seed", 8))
	public := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
	b := lite(t, func(cfg *tenancy.Config) {
		cfg.Tokens.Keys = append(cfg.Tokens.Keys, tenancy.SigningKey{Algorithm: tenancy.EdDSA, ID: "ed", Secret: seed})
	})
	l := b.join(t, "ada@example.com")
	stranger := b.join(t, "bob@example.com")
	now := b.clock.Now().Unix()
	good := jwt.MapClaims{
		"iss": "lunobot", "aud": "lunobot", "sub": l.User.ID, "tid": l.Tenant.ID, "sid": l.Principal.SessionID,
		"exp": now + 60, "nbf": now, "iat": now,
	}
	type token struct {
		method jwt.SigningMethod
		kid    any
		key    any
		change jwt.MapClaims // nil deletes
	}
	hmacKey := key("k1").Secret
	hs := func(change jwt.MapClaims) token { return token{jwt.SigningMethodHS256, "k1", hmacKey, change} }
	cases := map[string]struct {
		token token
		code  string
	}{
		"good":                        {hs(nil), ""},
		"good EdDSA":                  {token{jwt.SigningMethodEdDSA, "ed", ed25519.NewKeyFromSeed(seed), nil}, ""},
		"alg none":                    {token{jwt.SigningMethodNone, "k1", jwt.UnsafeAllowNoneSignatureType, nil}, "token_invalid"},
		"another HMAC":                {token{jwt.SigningMethodHS512, "k1", hmacKey, nil}, "token_invalid"},
		"public key as HMAC secret":   {token{jwt.SigningMethodHS256, "ed", []byte(public), nil}, "token_invalid"},
		"unknown kid":                 {token{jwt.SigningMethodHS256, "k2", hmacKey, nil}, "token_invalid"},
		"no kid":                      {token{jwt.SigningMethodHS256, nil, hmacKey, nil}, "token_invalid"},
		"kid of another type":         {token{jwt.SigningMethodHS256, 1, hmacKey, nil}, "token_invalid"},
		"wrong key":                   {token{jwt.SigningMethodHS256, "k1", key("k2").Secret, nil}, "token_invalid"},
		"wrong issuer":                {hs(jwt.MapClaims{"iss": "x"}), "token_invalid"},
		"no issuer":                   {hs(jwt.MapClaims{"iss": nil}), "token_invalid"},
		"wrong audience":              {hs(jwt.MapClaims{"aud": "x"}), "token_invalid"},
		"no audience":                 {hs(jwt.MapClaims{"aud": nil}), "token_invalid"},
		"expired":                     {hs(jwt.MapClaims{"exp": now}), "token_expired"},
		"no expiry":                   {hs(jwt.MapClaims{"exp": nil}), "token_invalid"},
		"not yet":                     {hs(jwt.MapClaims{"nbf": now + 1}), "token_invalid"},
		"no nbf":                      {hs(jwt.MapClaims{"nbf": nil}), "token_invalid"},
		"no session":                  {hs(jwt.MapClaims{"sid": nil}), "token_invalid"},
		"no tenant":                   {hs(jwt.MapClaims{"tid": nil}), "token_invalid"},
		"another user's session":      {hs(jwt.MapClaims{"sub": stranger.User.ID}), "token_invalid"},
		"another tenant's session":    {hs(jwt.MapClaims{"tid": stranger.Tenant.ID}), "session_ended"},
		"a session that is not there": {hs(jwt.MapClaims{"sid": "x"}), "session_ended"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claims := maps.Clone(good)
			for k, v := range c.token.change {
				claims[k] = v
				if v == nil {
					delete(claims, k)
				}
			}
			made := jwt.NewWithClaims(c.token.method, claims)
			made.Header["kid"] = c.token.kid
			p, err := b.Authenticate(t.Context(), check(made.SignedString(c.token.key))(t))
			if c.code != "" {
				want(t, name, err, errs.Unauthenticated, c.code)
			} else if err != nil || p != l.Principal {
				t.Errorf("got %+v, %v", p, err)
			}
		})
	}
	for _, text := range []string{"", "x", "a.b.c", l.Tokens.RefreshToken, l.Tokens.AccessToken + "x", strings.TrimRight(l.Tokens.AccessToken, "=")[:40]} {
		_, err := b.Authenticate(t.Context(), text)
		want(t, text, err, errs.Unauthenticated, "token_invalid")
	}
}

// proves S8: keys rotate with overlap, and tokens die in time.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	b := lite(t)
	l := b.join(t, "ada@example.com")
	with := func(keys ...tenancy.SigningKey) *tenancy.Service {
		cfg := b.cfg
		cfg.Tokens.Keys = keys
		return check(tenancy.New(cfg))(t)
	}
	both, after := with(key("k2"), key("k1")), with(key("k2"))
	check(both.Authenticate(t.Context(), l.Tokens.AccessToken))(t)
	next := check(both.Refresh(t.Context(), tenancy.RefreshInput{RefreshToken: l.Tokens.RefreshToken}))(t)
	check(after.Authenticate(t.Context(), next.Tokens.AccessToken))(t)
	_, err := after.Authenticate(t.Context(), l.Tokens.AccessToken)
	want(t, "a token of a key that is gone", err, errs.Unauthenticated, "token_invalid")
	b.clock.advance(15 * time.Minute)
	_, err = both.Authenticate(t.Context(), next.Tokens.AccessToken)
	want(t, "an old token", err, errs.Unauthenticated, "token_expired")
}

// New names everything that is missing or wrong.
func TestNewNamesAllProblems(t *testing.T) {
	t.Parallel()
	_, err := tenancy.New(tenancy.Config{
		Throttle: tenancy.ThrottleConfig{Network: tenancy.AttemptLimit{Free: 1}},
		Tokens:   tenancy.TokenConfig{Keys: []tenancy.SigningKey{{ID: "a", Secret: []byte("short")}, {Algorithm: "none"}}},
	})
	if err == nil {
		t.Fatal("an empty configuration was accepted")
	}
	for _, part := range []string{"Enrol", "Events", "Now", "Store", "Tx", "network", `"a" is shorter`, "key 1 has no id", `"none"`} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %q", part, err)
		}
	}
	if strings.Contains(err.Error(), "short\"") {
		t.Errorf("a secret is in the error: %v", err)
	}
}
