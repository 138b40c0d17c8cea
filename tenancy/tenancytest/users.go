package tenancytest

import (
	"context"
	"errors"
	"testing"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

func exerciseUsers(t *testing.T, s Subject) {
	ctx, v := t.Context(), s.seed(t, "ada@example.com")
	if got := must[tenancy.User](t)(s.Store.User(ctx, v.user.ID)); got != v.user {
		t.Errorf("user = %+v, want %+v", got, v.user)
	}
	got, hash, err := s.Store.Credentials(ctx, v.user.Email)
	if err != nil || got != v.user || hash != "hash-1" {
		t.Errorf("credentials = %+v, %q, %v", got, hash, err)
	}
	again := v.user
	again.ID = newID()
	err = s.Store.InsertUser(ctx, again, "hash-2")
	wantKind(t, "a second user with an address", err, errs.Conflict)
	if errs.CodeOf(err) != "email_taken" {
		t.Errorf("code = %q, want email_taken", errs.CodeOf(err))
	}
	noError(t, s.Tx.SystemTx(ctx, "locking", func(ctx context.Context) error {
		got, hash, err := s.Store.LockCredentials(ctx, v.user.Email)
		if err == nil && (got != v.user || hash != "hash-1") {
			return errors.New("LockCredentials differs from Credentials")
		}
		return err
	}))

	for _, c := range []struct {
		name, old string
		want      bool
	}{{"wrong old hash", "hash-9", false}, {"right old hash", "hash-1", true}, {"old hash again", "hash-1", false}} {
		if ok := must[bool](t)(s.Store.SetPassword(ctx, v.user.ID, c.old, "hash-2")); ok != c.want {
			t.Errorf("SetPassword with the %s = %v", c.name, ok)
		}
	}

	name, yes := "Augusta", true
	want := v.user
	want.FirstName, want.Disabled = name, yes
	if got := must[tenancy.User](t)(s.Store.UpdateUser(ctx, v.user.ID, tenancy.UserUpdate{FirstName: &name, Disabled: &yes})); got != want {
		t.Errorf("updated user = %+v, want %+v", got, want)
	}
	if got := must[tenancy.User](t)(s.Store.UpdateUser(ctx, v.user.ID, tenancy.UserUpdate{})); got != want {
		t.Errorf("an empty update gave %+v, want %+v", got, want)
	}

	_, err = s.Store.User(ctx, newID())
	wantKind(t, "an unknown user", err, errs.NotFound)
	_, _, err = s.Store.Credentials(ctx, "nobody@example.com")
	wantKind(t, "an unknown address", err, errs.NotFound)
	_, _, err = s.Store.LockCredentials(ctx, "nobody@example.com")
	wantKind(t, "locking an unknown address", err, errs.NotFound)
	_, err = s.Store.UpdateUser(ctx, newID(), tenancy.UserUpdate{FirstName: &name})
	wantKind(t, "updating an unknown user", err, errs.NotFound)

	if n := must[int](t)(s.Store.PlatformAdmins(ctx)); n != 0 {
		t.Errorf("%d administrators, want none", n)
	}
	noError(t, s.Store.InsertUser(ctx, tenancy.User{ID: newID(), Email: "root@example.com", PlatformAdmin: true, CreatedAt: start()}, "h"))
	if n := must[int](t)(s.Store.PlatformAdmins(ctx)); n != 1 {
		t.Errorf("%d administrators, want 1", n)
	}
}

func exerciseMemberships(t *testing.T, s Subject) {
	ctx := t.Context()
	a, b := s.seed(t, "a@example.com"), s.seed(t, "b@example.com")
	m := must[tenancy.Membership](t)(s.Store.Membership(ctx, a.tenant.ID, a.user.ID))
	want := tenancy.Membership{TenantID: a.tenant.ID, UserID: a.user.ID, Role: tenancy.Owner, CreatedAt: start()}
	if m != want {
		t.Errorf("membership = %+v, want %+v", m, want)
	}
	if got := must[tenancy.Tenant](t)(s.Store.Tenant(ctx, a.tenant.ID)); got != a.tenant {
		t.Errorf("tenant = %+v, want %+v", got, a.tenant)
	}
	later := tenancy.Membership{TenantID: b.tenant.ID, UserID: a.user.ID, Role: tenancy.Viewer, CreatedAt: start().Add(1e9)}
	noError(t, s.Store.InsertMembership(ctx, b.tenant.ID, later))
	list := must[[]tenancy.Membership](t)(s.Store.Memberships(ctx, a.user.ID))
	if len(list) != 2 || list[0] != want || list[1] != later {
		t.Errorf("memberships = %+v, want the older one first", list)
	}
	if s.Store.InsertMembership(ctx, b.tenant.ID, later) == nil {
		t.Error("a user became a member twice")
	}
	noError(t, s.Store.DeleteMembership(ctx, a.tenant.ID, a.user.ID))
	_, err := s.Store.Access(ctx, a.tenant.ID, a.session.ID)
	wantKind(t, "access without a membership", err, errs.NotFound)
	_, err = s.Store.Session(ctx, a.tenant.ID, a.session.ID)
	wantKind(t, "a session without a membership", err, errs.NotFound)
	wantKind(t, "removing a member twice", s.Store.DeleteMembership(ctx, a.tenant.ID, a.user.ID), errs.NotFound)
}

// exerciseRollback proves that the store joins the transaction of its caller.
func exerciseRollback(t *testing.T, s Subject) {
	ctx, v := t.Context(), s.seed(t, "ada@example.com")
	boom := errors.New("boom")
	err := s.Tx.SystemTx(ctx, "failing", func(ctx context.Context) error {
		u := tenancy.User{ID: newID(), Email: "ghost@example.com", CreatedAt: start()}
		if err := s.Store.InsertUser(ctx, u, "h"); err != nil {
			return err
		}
		if _, err := s.Store.RevokeSession(ctx, v.tenant.ID, v.session.ID, start(), tenancy.RevokedLogout); err != nil {
			return err
		}
		if got, err := s.Store.Session(ctx, v.tenant.ID, v.session.ID); err != nil || got.RevokedAt.IsZero() {
			t.Errorf("inside its transaction the change is not seen: %+v, %v", got, err)
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatal(err)
	}
	_, _, err = s.Store.Credentials(ctx, "ghost@example.com")
	wantKind(t, "a user whose transaction failed", err, errs.NotFound)
	if got := must[tenancy.Session](t)(s.Store.Session(ctx, v.tenant.ID, v.session.ID)); !got.RevokedAt.IsZero() {
		t.Error("a revocation outlived its transaction")
	}
}
