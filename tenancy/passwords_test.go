package tenancy_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

func cheap(t testing.TB, change func(*tenancy.PasswordConfig)) *tenancy.Passwords {
	t.Helper()
	cfg := tenancy.PasswordConfig{MemoryKiB: 64, Passes: 1}
	if change != nil {
		change(&cfg)
	}
	p, err := tenancy.NewPasswords(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// proves L1
func TestDefaultParameters(t *testing.T) {
	t.Parallel()
	p := check(tenancy.NewPasswords(tenancy.PasswordConfig{}))(t)
	hash := check(p.Hash(t.Context(), password))(t)
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash = %q", hash)
	}
	ok, stale, err := p.Verify(t.Context(), hash, password)
	if !ok || stale || err != nil {
		t.Errorf("verify = %v, %v, %v", ok, stale, err)
	}
}

func TestHashAndVerify(t *testing.T) {
	t.Parallel()
	p := cheap(t, nil)
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.String().Draw(t, "a"), rapid.String().Draw(t, "b")
		hash, err := p.Hash(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		for _, given := range []string{a, b} {
			ok, stale, err := p.Verify(t.Context(), hash, given)
			if ok != (given == a) || stale || err != nil {
				t.Fatalf("verify %q against the hash of %q = %v, %v, %v", given, a, ok, stale, err)
			}
		}
	})
}

// proves L1: what stands in the database cannot make a login eat the machine.
func TestStoredHashesAreBounded(t *testing.T) {
	t.Parallel()
	p := cheap(t, nil)
	const tail = "$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for name, stored := range map[string]string{
		"memory":        "$argon2id$v=19$m=4194304,t=1,p=1" + tail,
		"passes":        "$argon2id$v=19$m=64,t=1000000,p=1" + tail,
		"no passes":     "$argon2id$v=19$m=64,t=0,p=1" + tail,
		"lanes":         "$argon2id$v=19$m=64000,t=1,p=255" + tail,
		"no lanes":      "$argon2id$v=19$m=64,t=1,p=0" + tail,
		"overflow":      "$argon2id$v=19$m=4294967360,t=1,p=1" + tail,
		"little memory": "$argon2id$v=19$m=1,t=1,p=1" + tail,
		"kind":          "$argon2i$v=19$m=64,t=1,p=1" + tail,
		"version":       "$argon2id$v=16$m=64,t=1,p=1" + tail,
		"more":          "$argon2id$v=19$m=64,t=1,p=1,x=1" + tail,
		"short key":     "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
		"long key":      "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$" + strings.Repeat("A", 4000),
		"no salt":       "$argon2id$v=19$m=64,t=1,p=1$$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"clear text":    password,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ok, _, err := p.Verify(t.Context(), stored, password)
			if ok || err == nil || errs.KindOf(err) != errs.Internal {
				t.Errorf("verify = %v, %v; want an internal error", ok, err)
			}
			if err != nil && strings.Contains(err.Error(), "AAAA") {
				t.Errorf("the stored value is in the error: %v", err)
			}
		})
	}
	if ok, _, err := p.Verify(t.Context(), "", password); ok || err != nil {
		t.Errorf("no stored hash: %v, %v", ok, err)
	}
}

func TestHashesOfOtherParametersAreStale(t *testing.T) {
	t.Parallel()
	hash := check(cheap(t, nil).Hash(t.Context(), password))(t)
	ok, stale, err := cheap(t, func(c *tenancy.PasswordConfig) { c.Passes = 2 }).Verify(t.Context(), hash, password)
	if !ok || !stale || err != nil {
		t.Errorf("verify = %v, %v, %v", ok, stale, err)
	}
}

// gate is a random source that holds its readers until it is opened.
type gate struct{ entered, open chan struct{} }

// Read implements io.Reader.
func (g gate) Read(b []byte) (int, error) {
	g.entered <- struct{}{}
	<-g.open
	return len(b), nil
}

// proves L2: as many hashes as places, as many waiting as the queue has room
// for, and the rest is told to come back.
func TestHashingIsBounded(t *testing.T) {
	t.Parallel()
	g := gate{make(chan struct{}, 10), make(chan struct{})}
	made := make(chan *tenancy.Passwords, 1)
	go func() { made <- cheap(t, func(c *tenancy.PasswordConfig) { c.Rand, c.Concurrency, c.Queue = g, 1, 1 }) }()
	<-g.entered // the dummy hash
	g.open <- struct{}{}
	p := <-made
	results := make(chan error, 3)
	hash := func() {
		_, err := p.Hash(t.Context(), password)
		results <- err
	}
	go hash()
	<-g.entered
	go hash() // one of these two waits and the other is refused
	go hash()
	err := <-results
	want(t, "one too many", err, errs.Unavailable, "busy")
	var e *errs.Error
	if !errors.As(err, &e) || e.Meta["retry_after"] != 1 {
		t.Errorf("meta = %v", e)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	close(g.open)
	for range 2 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if _, err := p.Hash(ctx, password); err != nil {
		t.Errorf("a free place was not taken: %v", err)
	}
}

func TestNothingSecretIsLogged(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, nil))
	log.Info("all",
		"register", tenancy.RegisterInput{Email: "a@b.c", Password: "canary-1"},
		"login", tenancy.LoginInput{Email: "a@b.c", Password: "canary-2"},
		"change", tenancy.ChangePasswordInput{CurrentPassword: "canary-3", NewPassword: "canary-4"},
		"refresh", tenancy.RefreshInput{RefreshToken: "canary-5"},
		"tokens", tenancy.Tokens{AccessToken: "canary-6", RefreshToken: "canary-7", ExpiresIn: 900})
	if s := out.String(); strings.Contains(s, "canary") || !strings.Contains(s, "900") {
		t.Errorf("logged %s", s)
	}
}
