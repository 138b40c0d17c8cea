package tenancytest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

func exerciseSessions(t *testing.T, s Subject) {
	ctx, v, now := t.Context(), s.seed(t, "ada@example.com"), start()
	id := v.tenant.ID
	if got := must[tenancy.Session](t)(s.Store.Session(ctx, id, v.session.ID)); got != v.session {
		t.Errorf("session = %+v, want %+v", got, v.session)
	}
	want := tenancy.Access{Session: v.session, Role: tenancy.Owner, Tenant: v.tenant, User: v.user}
	if got := must[tenancy.Access](t)(s.Store.Access(ctx, id, v.session.ID)); got != want {
		t.Errorf("access = %+v, want %+v", got, want)
	}

	second, expired := session(id, v.user.ID), session(id, v.user.ID)
	second.CreatedAt = now.Add(time.Minute)
	expired.ExpiresAt = now
	noError(t, s.Store.InsertSession(ctx, id, second))
	noError(t, s.Store.InsertSession(ctx, id, expired))
	if got := must[[]tenancy.Session](t)(s.Store.Sessions(ctx, id, v.user.ID, now)); !slices.Equal(got, []tenancy.Session{second, v.session}) {
		t.Errorf("live sessions = %+v, want the newer one first and no expired one", got)
	}

	seen := tenancy.Sighting{At: now.Add(time.Hour), IP: "2001:db8::1", Network: "2001:db8::/64"}
	noError(t, s.Store.AdvanceSession(ctx, id, v.session.ID, 2, seen))
	v.session.Generation, v.session.LastSeenAt, v.session.IP, v.session.Network = 2, seen.At, seen.IP, seen.Network
	if got := must[tenancy.Session](t)(s.Store.Session(ctx, id, v.session.ID)); got != v.session {
		t.Errorf("advanced session = %+v, want %+v", got, v.session)
	}

	revoked := must[[]string](t)(s.Store.RevokeSessions(ctx, id, v.user.ID, v.session.ID, now, tenancy.RevokedByUser))
	if !slices.Equal(revoked, []string{second.ID}) {
		t.Errorf("revoked %v, want the second session only", revoked)
	}
	for i, want := range []bool{true, false} {
		if live := must[bool](t)(s.Store.RevokeSession(ctx, id, v.session.ID, now, tenancy.RevokedLogout)); live != want {
			t.Errorf("revocation %d found it live: %v", i+1, live)
		}
	}
	got := must[tenancy.Session](t)(s.Store.Session(ctx, id, v.session.ID))
	if !got.RevokedAt.Equal(now) || got.RevokedReason != tenancy.RevokedLogout {
		t.Errorf("ended session = %+v", got)
	}
	if got := must[[]tenancy.Session](t)(s.Store.Sessions(ctx, id, v.user.ID, now)); len(got) != 0 {
		t.Errorf("ended sessions are listed: %+v", got)
	}
}

// exerciseSessionLock proves S5: a locked session is reported at once or its
// transactions follow each other; two never hold it together.
func exerciseSessionLock(t *testing.T, s Subject) {
	v := s.seed(t, "ada@example.com")
	locked, release, second := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	lock := func(then func()) error {
		return s.Tx.Tx(t.Context(), v.tenant.ID, func(ctx context.Context) error {
			got, err := s.Store.LockSession(ctx, v.tenant.ID, v.session.ID)
			if err == nil && got != v.session {
				err = errors.New("the locked session differs from the stored one")
			}
			if err == nil {
				then()
			}
			return err
		})
	}
	first, released := make(chan error, 1), make(chan struct{})
	go func() { first <- lock(func() { close(locked); <-release; close(released) }) }()
	<-locked
	go func() {
		second <- lock(func() {
			select {
			case <-released:
			default:
				t.Error("two transactions hold one session")
			}
		})
	}()
	select {
	case err := <-second:
		close(release)
		if errs.CodeOf(err) != "session_busy" {
			t.Errorf("the second transaction got %v, want session_busy", err)
		}
	case <-time.After(200 * time.Millisecond): // a database with one writer makes it wait
		close(release)
		noError(t, <-second)
	}
	noError(t, <-first)
}

func exerciseRefreshTokens(t *testing.T, s Subject) {
	ctx, v := t.Context(), s.seed(t, "ada@example.com")
	id := v.tenant.ID
	if got := must[tenancy.RefreshToken](t)(s.Store.RefreshToken(ctx, id, v.session.ID, 1)); !reflect.DeepEqual(got, v.token) {
		t.Errorf("token = %+v, want %+v", got, v.token)
	}
	_, err := s.Store.RefreshToken(ctx, id, v.session.ID, 2)
	wantKind(t, "a generation that does not exist", err, errs.NotFound)
	at := start().Add(time.Minute)
	noError(t, s.Store.ReplaceRefreshToken(ctx, id, v.session.ID, 1, at))
	got := must[tenancy.RefreshToken](t)(s.Store.RefreshToken(ctx, id, v.session.ID, 1))
	if !got.ReplacedAt.Equal(at) || len(got.Salt) != 0 || !slices.Equal(got.Hash, v.token.Hash) {
		t.Errorf("replaced token = %+v, want its time set and its salt gone", got)
	}
	if s.Store.InsertRefreshToken(ctx, id, v.token) == nil {
		t.Error("a generation was stored twice")
	}
	orphan := v.token
	orphan.SessionID = newID()
	if s.Store.InsertRefreshToken(ctx, id, orphan) == nil {
		t.Error("a token without a session was stored")
	}
}

func exercisePruning(t *testing.T, s Subject) {
	ctx, v, now := t.Context(), s.seed(t, "ada@example.com"), start()
	id := v.tenant.ID
	old, ended := session(id, v.user.ID), session(id, v.user.ID)
	old.ExpiresAt = now.Add(-time.Hour)
	ended.RevokedAt = now.Add(-time.Hour)
	noError(t, s.Store.InsertSession(ctx, id, old))
	noError(t, s.Store.InsertSession(ctx, id, ended))
	token := v.token
	token.SessionID = old.ID
	noError(t, s.Store.InsertRefreshToken(ctx, id, token))
	if n := must[int](t)(s.Store.PruneSessions(ctx, now)); n != 2 {
		t.Errorf("pruned %d sessions, want the expired and the ended one", n)
	}
	_, err := s.Store.RefreshToken(ctx, id, old.ID, 1)
	wantKind(t, "a token of a pruned session", err, errs.NotFound)
	must[tenancy.Session](t)(s.Store.Session(ctx, id, v.session.ID))
}
