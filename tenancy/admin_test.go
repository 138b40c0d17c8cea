package tenancy_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

func (b *bundle) link(t *testing.T) string {
	t.Helper()
	token, ok, err := b.AdminLink(t.Context())
	if err != nil || !ok || token == "" {
		t.Fatalf("link %q, %v, %v", token, ok, err)
	}
	return token
}

// proves L8: a link works once, however many try at the same time.
func TestRedeemAdminLinkTwice(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		token := b.link(t)
		var won atomic.Int64
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				l, err := b.RedeemAdminLink(t.Context(), token, registration(fmt.Sprintf("root%d@example.com", i)))
				if err != nil {
					want(t, "a later one", err, errs.NotFound, "link_invalid")
					return
				}
				won.Add(1)
				if p, err := b.Authenticate(t.Context(), l.Tokens.AccessToken); err != nil || !p.PlatformAdmin {
					t.Errorf("principal = %+v, %v", p, err)
				}
			})
		}
		wg.Wait()
		if n := check(b.store.PlatformAdmins(t.Context()))(t); won.Load() != 1 || n != 1 {
			t.Errorf("%d redemptions and %d administrators, want 1 and 1", won.Load(), n)
		}
		if token, ok, err := b.AdminLink(t.Context()); ok || token != "" || err != nil {
			t.Errorf("with an administrator there is a link: %q, %v, %v", token, ok, err)
		}
	})
}

func TestAdminLinkIsGoodForALittleWhile(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		redeem := func(token, email string) error {
			_, err := b.RedeemAdminLink(t.Context(), token, registration(email))
			return err
		}
		first := b.link(t)
		second := b.link(t)
		want(t, "a link that was replaced", redeem(first, "root@example.com"), errs.NotFound, "link_invalid")
		want(t, "nonsense", redeem("x", "root@example.com"), errs.NotFound, "link_invalid")
		want(t, "nothing", redeem("", "root@example.com"), errs.NotFound, "link_invalid")
		b.clock.advance(time.Hour)
		want(t, "a link that is too old", redeem(second, "root@example.com"), errs.NotFound, "link_invalid")

		third := b.link(t)
		b.join(t, "ada@example.com")
		want(t, "an address in use", redeem(third, "ada@example.com"), errs.Conflict, "email_taken")
		want(t, "a bad address", redeem(third, "x"), errs.Invalid, "invalid_input")
		if err := redeem(third, "root@example.com"); err != nil {
			t.Errorf("a refused registration used the link up: %v", err)
		}
	})
}

func TestCreateAdminWithdrawsTheLink(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		token := b.link(t)
		u := check(b.CreateAdmin(t.Context(), registration("root@example.com")))(t)
		if !u.PlatformAdmin {
			t.Errorf("user = %+v", u)
		}
		_, err := b.RedeemAdminLink(t.Context(), token, registration("eve@example.com"))
		want(t, "the link afterwards", err, errs.NotFound, "link_invalid")
		l := b.enter(t, "root@example.com")
		if !l.Principal.PlatformAdmin || l.Principal.Role != tenancy.Owner {
			t.Errorf("principal = %+v", l.Principal)
		}
		_, err = b.CreateAdmin(t.Context(), registration("root@example.com"))
		want(t, "the same address", err, errs.Conflict, "email_taken")
		check(b.CreateAdmin(t.Context(), registration("second@example.com")))(t)
	})
}
