package tenancy

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/lunobot/lunobot/saas/errs"
)

// clockSkew is how far behind another node's clock may be and still accept a
// token that was issued just now.
const clockSkew = 30 * time.Second

// Algorithm is how access tokens are signed.
type Algorithm string

// The two algorithms; a token with any other is refused.
const (
	// HS256 is HMAC with SHA-256: every node that checks tokens can issue them.
	HS256 Algorithm = "HS256"
	// EdDSA is Ed25519.
	EdDSA Algorithm = "EdDSA"
)

// SigningKey is one key that signs access tokens.
type SigningKey struct {
	// Algorithm defaults to HS256.
	Algorithm Algorithm
	// ID is the key's name in the tokens, so that keys can be rotated. It must
	// change with the secret.
	ID string
	// Secret is the key of HS256, at least 32 bytes, or the seed of EdDSA,
	// exactly 32 bytes.
	Secret []byte
}

// TokenConfig says how tokens are made and how long they live.
type TokenConfig struct {
	// AccessTTL is the life of an access token. Defaults to 15 minutes.
	AccessTTL time.Duration
	// Audience is whom access tokens are for. Defaults to "lunobot".
	Audience string
	// Issuer is who issues access tokens. Defaults to "lunobot".
	Issuer string
	// Keys sign and check access tokens: the first signs, all check. To rotate,
	// put a new key first and drop the old one when AccessTTL has passed.
	// Required.
	Keys []SigningKey
	// RefreshAbsolute is the life of a session, however much it is used.
	// Defaults to 90 days.
	RefreshAbsolute time.Duration
	// RefreshIdle is the life of a refresh token that is not used. Defaults to
	// 30 days.
	RefreshIdle time.Duration
	// ReuseGrace is how long the parent of the newest refresh token still answers
	// with that same newest token, for clients that lost the answer or asked twice
	// at once. Whoever steals a token can use it for as long. Defaults to 10
	// seconds; negative means none.
	ReuseGrace time.Duration
}

func (c TokenConfig) withDefaults() TokenConfig {
	if c.AccessTTL == 0 {
		c.AccessTTL = 15 * time.Minute
	}
	if c.Audience == "" {
		c.Audience = "lunobot"
	}
	if c.Issuer == "" {
		c.Issuer = "lunobot"
	}
	c.Keys = slices.Clone(c.Keys)
	for i := range c.Keys {
		if c.Keys[i].Algorithm == "" {
			c.Keys[i].Algorithm = HS256
		}
	}
	if c.RefreshAbsolute == 0 {
		c.RefreshAbsolute = 90 * 24 * time.Hour
	}
	if c.RefreshIdle == 0 {
		c.RefreshIdle = 30 * 24 * time.Hour
	}
	if c.ReuseGrace == 0 {
		c.ReuseGrace = 10 * time.Second
	}
	return c
}

func (c TokenConfig) validate() error {
	var problems []error
	complain := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("tenancy: tokens: "+format, args...))
	}
	if c.AccessTTL < 0 || c.RefreshIdle < 0 || c.RefreshAbsolute < 0 {
		complain("lifetimes must not be negative")
	}
	if len(c.Keys) == 0 {
		complain("a signing key is needed")
	}
	seen := map[string]bool{}
	for i, k := range c.Keys {
		switch {
		case k.ID == "":
			complain("signing key %d has no id", i)
		case seen[k.ID]:
			complain("two signing keys have the id %q", k.ID)
		}
		seen[k.ID] = true
		switch k.Algorithm {
		case HS256:
			if len(k.Secret) < 32 {
				complain("signing key %q is shorter than 32 bytes", k.ID)
			}
		case EdDSA:
			if len(k.Secret) != ed25519.SeedSize {
				complain("the seed of signing key %q is not 32 bytes long", k.ID)
			}
		default:
			complain("signing key %q has the unknown algorithm %q", k.ID, k.Algorithm)
		}
	}
	return errors.Join(problems...)
}

// claims is the content of an access token. Role and rights are not in it: they
// are read from the database each time.
type claims struct {
	jwt.RegisteredClaims
	TenantID  string `json:"tid"`
	SessionID string `json:"sid"`
}

// issuer signs and checks access tokens.
type issuer struct {
	cfg     TokenConfig
	signing signingKey
	checks  map[string]signingKey
	parser  *jwt.Parser
}

// signingKey is a key in the form that the library wants.
type signingKey struct {
	id     string
	method jwt.SigningMethod
	sign   any
	check  any
}

func newIssuer(cfg TokenConfig, now func() time.Time) *issuer {
	i := &issuer{cfg: cfg, checks: map[string]signingKey{}}
	var methods []string
	for n, k := range cfg.Keys {
		key := signingKey{id: k.ID, method: jwt.SigningMethodHS256, sign: k.Secret, check: k.Secret}
		if k.Algorithm == EdDSA {
			private := ed25519.NewKeyFromSeed(k.Secret)
			key.method, key.sign, key.check = jwt.SigningMethodEdDSA, private, private.Public()
		}
		if n == 0 {
			i.signing = key
		}
		i.checks[k.ID] = key
		methods = append(methods, key.method.Alg())
	}
	i.parser = jwt.NewParser(
		jwt.WithValidMethods(methods), jwt.WithIssuer(cfg.Issuer), jwt.WithAudience(cfg.Audience),
		jwt.WithExpirationRequired(), jwt.WithNotBeforeRequired(), jwt.WithTimeFunc(now), jwt.WithStrictDecoding())
	return i
}

// issue returns an access token for the principal's session.
func (i *issuer) issue(p Principal, now time.Time) (string, error) {
	t := jwt.NewWithClaims(i.signing.method, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: i.cfg.Issuer, Subject: p.UserID, Audience: jwt.ClaimStrings{i.cfg.Audience},
			ExpiresAt: jwt.NewNumericDate(now.Add(i.cfg.AccessTTL)),
			NotBefore: jwt.NewNumericDate(now.Add(-clockSkew)), IssuedAt: jwt.NewNumericDate(now),
		},
		TenantID: p.TenantID, SessionID: p.SessionID,
	})
	t.Header["kid"] = i.signing.id
	signed, err := t.SignedString(i.signing.sign)
	if err != nil {
		return "", fmt.Errorf("signing an access token: %w", err)
	}
	return signed, nil
}

// read checks a token and returns what it claims. Every fault but age is
// Unauthenticated with code token_invalid; age has code token_expired.
func (i *issuer) read(token string) (claims, error) {
	var c claims
	_, err := i.parser.ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		key, ok := i.checks[kid]
		// A key checks the algorithm that it was made for and no other, lest a
		// public key be taken for the secret of an HMAC.
		if !ok || key.method.Alg() != t.Method.Alg() {
			return nil, errors.New("unknown key")
		}
		return key.check, nil
	})
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return claims{}, errs.New(errs.Unauthenticated, "token_expired", "the access token has expired")
	case err != nil:
		return claims{}, errInvalidToken().Wrap(err)
	case c.Subject == "" || c.TenantID == "" || c.SessionID == "":
		return claims{}, errInvalidToken()
	}
	return c, nil
}

func errInvalidToken() *errs.Error {
	return errs.New(errs.Unauthenticated, "token_invalid", "the token is not valid")
}

func errSessionEnded() *errs.Error {
	return errs.New(errs.Unauthenticated, "session_ended", "the session has ended; please log in again")
}
