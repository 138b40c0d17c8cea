package tenancy_test

import (
	"context"
	"encoding/base64"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

// proves S1, S3, S5: 50 parallel refreshes of one token all get the same
// successor, if need be when they try again as they are told to, and the session lives
// on.
func TestRefreshParallel(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		l := b.join(t, "ada@example.com")
		got := make([]string, 50)
		var wg sync.WaitGroup
		for i := range got {
			wg.Go(func() {
				next, err := b.refresh(l.Tokens.RefreshToken)
				for errs.CodeOf(err) == "session_busy" { // on a machine that has much else to do
					next, err = b.refresh(l.Tokens.RefreshToken)
				}
				if err != nil {
					t.Error(err)
					return
				}
				got[i] = next.Tokens.RefreshToken
				if _, err := b.Authenticate(t.Context(), next.Tokens.AccessToken); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, token := range got {
			if token != got[0] || token == l.Tokens.RefreshToken || token == "" {
				t.Fatalf("tokens differ: %q and %q", token, got[0])
			}
		}
		if _, err := b.refresh(got[0]); err != nil {
			t.Fatalf("the successor does not work: %v", err)
		}
	})
}

// proves S2: reuse ends the session, and that is committed although the caller
// gets an error.
func TestRefreshReuse(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		l := b.join(t, "ada@example.com")
		other := b.enter(t, "ada@example.com")
		second := check(b.refresh(l.Tokens.RefreshToken))(t)
		b.clock.advance(11 * time.Second)
		_, err := b.refresh(l.Tokens.RefreshToken)
		want(t, "an old token", err, errs.Unauthenticated, "token_reused")
		_, err = b.refresh(second.Tokens.RefreshToken)
		want(t, "the newest token after reuse", err, errs.Unauthenticated, "session_ended")
		_, err = b.Authenticate(t.Context(), second.Tokens.AccessToken)
		want(t, "the access token after reuse", err, errs.Unauthenticated, "session_ended")
		if n := b.events.count(t, tenancy.EventReuseDetected); n != 1 {
			t.Errorf("%d events of reuse, want 1", n)
		}
		if n := b.events.count(t, tenancy.EventSessionRevoked); n != 1 {
			t.Errorf("%d events of revocation, want 1", n)
		}
		s := check(b.store.Session(t.Context(), l.Tenant.ID, l.Principal.SessionID))(t)
		if s.RevokedReason != tenancy.RevokedReuse {
			t.Errorf("reason = %q", s.RevokedReason)
		}
		if _, err := b.refresh(other.Tokens.RefreshToken); err != nil {
			t.Errorf("another session ended too: %v", err)
		}
	})
}

// A caller who goes away does not keep the session from being ended.
func TestRefreshReuseByACallerWhoHangsUp(t *testing.T) {
	t.Parallel()
	b := lite(t)
	l := b.join(t, "ada@example.com")
	check(b.refresh(l.Tokens.RefreshToken))(t)
	b.clock.advance(time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.Refresh(ctx, tenancy.RefreshInput{RefreshToken: l.Tokens.RefreshToken})
	want(t, "an old token", err, errs.Unauthenticated, "token_reused")
	_, err = b.Authenticate(t.Context(), l.Tokens.AccessToken)
	want(t, "the session", err, errs.Unauthenticated, "session_ended")
}

// proves S3, S4: the grace is for the parent of the newest token, and short.
func TestRefreshGrace(t *testing.T) {
	t.Parallel()
	const edge = 10 * time.Second
	cases := map[string]struct {
		grace  time.Duration
		rounds int // refreshes before the first token comes back
		wait   time.Duration
		code   string // "" means the newest token is given again
	}{
		"parent at once":           {0, 1, 0, ""},
		"parent just in time":      {0, 1, edge - 1, ""},
		"parent too late":          {0, 1, edge, "token_reused"},
		"grandparent within grace": {0, 2, 0, "token_superseded"},
		"grandparent too late":     {0, 2, edge, "token_reused"},
		"ancestor too late":        {0, 5, edge, "token_reused"},
		"no grace":                 {-1, 1, 0, "token_reused"},
		"longer grace":             {time.Minute, 1, 59 * time.Second, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := lite(t, func(cfg *tenancy.Config) { cfg.Tokens.ReuseGrace = c.grace })
			first := b.join(t, "ada@example.com")
			newest := first
			for range c.rounds {
				newest = check(b.refresh(newest.Tokens.RefreshToken))(t)
			}
			b.clock.advance(c.wait)
			again, err := b.refresh(first.Tokens.RefreshToken)
			if c.code != "" {
				want(t, "the first token", err, errs.Unauthenticated, c.code)
			} else if err != nil || again.Tokens.RefreshToken != newest.Tokens.RefreshToken {
				t.Errorf("the first token gave %v and not the newest token", err)
			}
			_, err = b.refresh(newest.Tokens.RefreshToken)
			if ended := c.code == "token_reused"; ended != (err != nil) {
				t.Errorf("afterwards the newest token gave %v", err)
			}
		})
	}
}

// proves S7: an idle token and an old session end.
func TestRefreshLifetimes(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	t.Run("idle", func(t *testing.T) {
		t.Parallel()
		b := lite(t)
		l := b.join(t, "ada@example.com")
		b.clock.advance(30*day - time.Second)
		next := check(b.refresh(l.Tokens.RefreshToken))(t)
		b.clock.advance(30 * day)
		_, err := b.refresh(next.Tokens.RefreshToken)
		want(t, "an idle token", err, errs.Unauthenticated, "session_ended")
	})
	t.Run("absolute", func(t *testing.T) {
		t.Parallel()
		b := lite(t)
		l := b.join(t, "ada@example.com")
		for range 8 {
			b.clock.advance(11 * day)
			l = check(b.refresh(l.Tokens.RefreshToken))(t)
		}
		b.clock.advance(2 * day)
		_, err := b.refresh(l.Tokens.RefreshToken)
		want(t, "a session of 90 days", err, errs.Unauthenticated, "session_ended")
		_, err = b.Authenticate(t.Context(), l.Tokens.AccessToken)
		if errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("its access token gave %v", err)
		}
	})
}

// A token that was made up is refused and harms nobody.
func TestRefreshForged(t *testing.T) {
	t.Parallel()
	b := lite(t)
	l := b.join(t, "ada@example.com")
	stranger := b.join(t, "bob@example.com")
	next := check(b.refresh(l.Tokens.RefreshToken))(t)
	b.clock.advance(time.Minute)
	decode := func(s string) []byte {
		return check(base64.RawURLEncoding.DecodeString(strings.TrimPrefix(s, "lrt_")))(t)
	}
	raw := decode(l.Tokens.RefreshToken)
	encode := func(change func(raw []byte)) string {
		c := append([]byte(nil), raw...)
		change(c)
		return "lrt_" + base64.RawURLEncoding.EncodeToString(c)
	}
	for name, token := range map[string]string{
		"nonsense":       "x",
		"no prefix":      strings.TrimPrefix(l.Tokens.RefreshToken, "lrt_"),
		"cut":            l.Tokens.RefreshToken[:40],
		"longer":         l.Tokens.RefreshToken + "AAAA",
		"access token":   l.Tokens.AccessToken,
		"other secret":   encode(func(r []byte) { r[40] ^= 1 }),
		"generation":     encode(func(r []byte) { r[35] = 2 }),
		"generation max": encode(func(r []byte) { r[32] = 255 }),
		"other tenant":   encode(func(r []byte) { copy(r, decode(stranger.Tokens.RefreshToken)[:16]) }),
		"other session":  encode(func(r []byte) { copy(r[:32], decode(stranger.Tokens.RefreshToken)[:32]) }),
	} {
		_, err := b.refresh(token)
		want(t, name, err, errs.Unauthenticated, "token_invalid")
	}
	_, err := b.refresh("")
	want(t, "none", err, errs.Invalid, "invalid_input")
	check(b.refresh(next.Tokens.RefreshToken))(t)
	check(b.refresh(stranger.Tokens.RefreshToken))(t)
}

// proves S1 and L8's storage: no credential can be read from the database.
func TestNoCredentialIsStored(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		l := b.join(t, "ada@example.com")
		next := check(b.refresh(l.Tokens.RefreshToken))(t)
		link, ok, err := b.AdminLink(t.Context())
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		dump := b.dump(t)
		if !strings.Contains(dump, "ada@example.com") {
			t.Fatal("the dump is empty")
		}
		for name, token := range map[string]string{
			"password": password, "first refresh token": l.Tokens.RefreshToken, "second refresh token": next.Tokens.RefreshToken,
			"access token": next.Tokens.AccessToken, "link": link,
		} {
			if strings.Contains(dump, token) {
				t.Errorf("the %s is in the database", name)
			}
		}
		for _, l := range []tenancy.Login{l, next} {
			raw := check(base64.RawURLEncoding.DecodeString(strings.TrimPrefix(l.Tokens.RefreshToken, "lrt_")))(t)
			for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
				if strings.Contains(dump, enc.EncodeToString(raw[36:])) {
					t.Error("the secret of a refresh token is in the database")
				}
			}
		}
	})
}
