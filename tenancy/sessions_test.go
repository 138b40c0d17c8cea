package tenancy_test

import (
	"testing"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

// proves S6: whatever ends a session is felt by its access token and its
// refresh token at once.
func TestEndsAtOnce(t *testing.T) {
	t.Parallel()
	type logins struct{ own, other tenancy.Login }
	cases := map[string]struct {
		act         func(t *testing.T, b *bundle, l logins) error
		own, other  bool // which of them live on
		revocations int
	}{
		"logout": {func(t *testing.T, b *bundle, l logins) error {
			return b.Logout(t.Context(), l.own.Principal)
		}, false, true, 1},
		"logout twice": {func(t *testing.T, b *bundle, l logins) error {
			if err := b.Logout(t.Context(), l.own.Principal); err != nil {
				return err
			}
			return b.Logout(t.Context(), l.own.Principal)
		}, false, true, 1},
		"revoke one": {func(t *testing.T, b *bundle, l logins) error {
			return b.RevokeSession(t.Context(), l.own.Principal, l.other.Principal.SessionID)
		}, true, false, 1},
		"revoke the others": {func(t *testing.T, b *bundle, l logins) error {
			n, err := b.RevokeOtherSessions(t.Context(), l.own.Principal)
			if n != 1 {
				t.Errorf("ended %d sessions, want 1", n)
			}
			return err
		}, true, false, 1},
		"change of password": {func(t *testing.T, b *bundle, l logins) error {
			return b.ChangePassword(t.Context(), l.own.Principal,
				tenancy.ChangePasswordInput{CurrentPassword: password, NewPassword: "quite another one", IP: "192.0.2.7"})
		}, true, false, 1},
		"disabling": {func(t *testing.T, b *bundle, l logins) error {
			root := tenancy.Principal{UserID: "root", TenantID: l.own.Tenant.ID, PlatformAdmin: true}
			return b.SetUserDisabled(t.Context(), root, l.own.User.ID, true)
		}, false, false, 2},
		"end of the membership": {func(t *testing.T, b *bundle, l logins) error {
			return b.store.DeleteMembership(t.Context(), l.own.Tenant.ID, l.own.User.ID)
		}, false, false, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, b *bundle) {
				l := logins{b.join(t, "ada@example.com"), b.enter(t, "ada@example.com")}
				bystander := b.join(t, "bob@example.com")
				if err := c.act(t, b, l); err != nil {
					t.Fatal(err)
				}
				for who, s := range map[string]struct {
					login tenancy.Login
					lives bool
				}{"own": {l.own, c.own}, "other": {l.other, c.other}, "bystander": {bystander, true}} {
					_, err := b.Authenticate(t.Context(), s.login.Tokens.AccessToken)
					_, rerr := b.refresh(s.login.Tokens.RefreshToken)
					switch {
					case s.lives && (err != nil || rerr != nil):
						t.Errorf("the %s session ended: %v, %v", who, err, rerr)
					case !s.lives:
						want(t, who+" access token", err, errs.Unauthenticated, "session_ended")
						if rerr == nil || errs.KindOf(rerr) != errs.Unauthenticated {
							t.Errorf("%s refresh token: %v", who, rerr)
						}
					}
				}
				if n := b.events.count(t, tenancy.EventSessionRevoked); n != c.revocations {
					t.Errorf("%d revocations were recorded, want %d", n, c.revocations)
				}
			})
		})
	}
}

// proves P12: another tenant's session is like one that never was.
func TestSessionsOfOthers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		ada, bob := b.join(t, "ada@example.com"), b.join(t, "bob@example.com")
		err := b.RevokeSession(t.Context(), ada.Principal, bob.Principal.SessionID)
		want(t, "another tenant's session", err, errs.NotFound, "session_not_found")
		want(t, "no session", b.RevokeSession(t.Context(), ada.Principal, "x"), errs.NotFound, "session_not_found")
		colleague := tenancy.Membership{TenantID: ada.Tenant.ID, UserID: bob.User.ID, Role: tenancy.Admin, CreatedAt: b.clock.Now()}
		if err := b.store.InsertMembership(t.Context(), ada.Tenant.ID, colleague); err != nil {
			t.Fatal(err)
		}
		asBob := tenancy.Principal{UserID: bob.User.ID, TenantID: ada.Tenant.ID}
		err = b.RevokeSession(t.Context(), asBob, ada.Principal.SessionID)
		want(t, "a colleague's session", err, errs.NotFound, "session_not_found")
		for _, l := range []tenancy.Login{ada, bob} {
			check(b.Authenticate(t.Context(), l.Tokens.AccessToken))(t)
		}
	})
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		l := b.join(t, "ada@example.com")
		change := func(current, next string) error {
			return b.ChangePassword(t.Context(), l.Principal, tenancy.ChangePasswordInput{CurrentPassword: current, NewPassword: next})
		}
		for _, c := range []struct{ current, next, faults string }{
			{"", "short", "/current_password /new_password"},
			{"wrong", "quite another one", "/current_password"},
			{password, "ada@example.com", "/new_password"},
		} {
			if err := change(c.current, c.next); faults(err) != c.faults {
				t.Errorf("%q to %q: %v, want faults at %s", c.current, c.next, err, c.faults)
			}
		}
		b.enter(t, "ada@example.com")
		if err := change(password, "quite another one"); err != nil {
			t.Fatal(err)
		}
		_, err := b.Login(t.Context(), tenancy.LoginInput{Email: "ada@example.com", Password: password})
		want(t, "the old password", err, errs.Unauthenticated, "bad_credentials")
		check(b.Login(t.Context(), tenancy.LoginInput{Email: "ada@example.com", Password: "quite another one"}))(t)
		if n := b.events.count(t, tenancy.EventPasswordChanged); n != 1 {
			t.Errorf("%d events, want 1", n)
		}
	})
}

// A disabled user who is enabled again can log in, and has to.
func TestEnableAgain(t *testing.T) {
	t.Parallel()
	b := lite(t)
	l := b.join(t, "ada@example.com")
	root := tenancy.Principal{UserID: "root", TenantID: l.Tenant.ID, PlatformAdmin: true}
	for _, disabled := range []bool{true, false} {
		if err := b.SetUserDisabled(t.Context(), root, l.User.ID, disabled); err != nil {
			t.Fatal(err)
		}
	}
	_, err := b.Authenticate(t.Context(), l.Tokens.AccessToken)
	want(t, "the session of before", err, errs.Unauthenticated, "session_ended")
	b.enter(t, "ada@example.com")
	want(t, "an ordinary user", b.SetUserDisabled(t.Context(), l.Principal, "x", true), errs.Forbidden, "admin_only")
	root.UserID = l.User.ID
	want(t, "oneself", b.SetUserDisabled(t.Context(), root, l.User.ID, true), errs.Conflict, "own_user")
	root.UserID = "root"
	want(t, "nobody", b.SetUserDisabled(t.Context(), root, "x", true), errs.NotFound, "user_not_found")
}

func TestProfile(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		l := b.join(t, "ada@example.com")
		name, bad := "Augusta", "a\tb"
		_, err := b.UpdateProfile(t.Context(), l.Principal, tenancy.UpdateProfileInput{FirstName: &bad, LastName: &bad})
		if faults(err) != "/first_name /last_name" {
			t.Errorf("got %v", err)
		}
		check(b.UpdateProfile(t.Context(), l.Principal, tenancy.UpdateProfileInput{FirstName: &name}))(t)
		me := check(b.Me(t.Context(), l.Principal))(t)
		if me.User.FirstName != name || me.User.LastName != "Lovelace" || me.Principal.Name != "Augusta Lovelace" || me.Tenant != l.Tenant {
			t.Errorf("profile = %+v", me)
		}
	})
}

func TestPrune(t *testing.T) {
	t.Parallel()
	b := lite(t)
	l := b.join(t, "ada@example.com")
	if err := b.Logout(t.Context(), l.Principal); err != nil {
		t.Fatal(err)
	}
	_, err := b.Login(t.Context(), tenancy.LoginInput{Email: "ada@example.com", Password: "wrong"})
	want(t, "a guess", err, errs.Unauthenticated, "bad_credentials")
	kept := b.enter(t, "ada@example.com")
	b.clock.advance(31 * 24 * 3600e9)
	if err := b.Prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = b.store.Session(t.Context(), l.Tenant.ID, l.Principal.SessionID)
	want(t, "the ended session", err, errs.NotFound, "session_not_found")
	check(b.store.Session(t.Context(), l.Tenant.ID, kept.Principal.SessionID))(t)
}
