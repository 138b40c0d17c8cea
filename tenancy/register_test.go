package tenancy_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

func TestRegister(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		in := registration("  Ada@Example.COM ")
		l := check(b.Register(t.Context(), in))(t)
		if l.User.Email != "ada@example.com" || l.Tenant.Name != "Ada Lovelace" || l.Principal.Role != tenancy.Owner ||
			l.Principal.TenantID != l.Tenant.ID || l.User.PlatformAdmin || l.Principal.Name != "Ada Lovelace" {
			t.Errorf("login = %+v", l)
		}
		if l.Tokens.TokenType != "Bearer" || l.Tokens.ExpiresIn != 900 {
			t.Errorf("tokens = %s %d", l.Tokens.TokenType, l.Tokens.ExpiresIn)
		}
		if got := check(b.Authenticate(t.Context(), l.Tokens.AccessToken))(t); got != l.Principal {
			t.Errorf("principal = %+v, want %+v", got, l.Principal)
		}
		_, err := b.Register(t.Context(), registration("ADA@example.com"))
		want(t, "the same address again", err, errs.Conflict, "email_taken")
		if faults(err) != "/email" {
			t.Errorf("faulty fields %q, want /email", faults(err))
		}
		for typ, n := range map[string]int{tenancy.EventRegistered: 1, tenancy.EventLoggedIn: 1} {
			if got := b.events.count(t, typ); got != n {
				t.Errorf("%d events %s, want %d", got, typ, n)
			}
		}
	})
}

// A registration whose enrolment fails leaves nothing behind.
func TestRegisterIsAllOrNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		b.enrol = errors.New("no plans today")
		before := b.dump(t)
		if _, err := b.Register(t.Context(), registration("ada@example.com")); !errors.Is(err, b.enrol) {
			t.Fatalf("got %v, want the error of the enrolment", err)
		}
		if after := b.dump(t); after != before {
			t.Errorf("something is left:\n%s", after)
		}
		b.enrol = nil
		b.join(t, "ada@example.com")
	})
}

func TestRegisterTheSameAddressAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		var won atomic.Int64
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				switch _, err := b.Register(t.Context(), registration("ada@example.com")); {
				case err == nil:
					won.Add(1)
				default:
					want(t, "a later one", err, errs.Conflict, "email_taken")
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || b.events.count(t, tenancy.EventRegistered) != 1 {
			t.Errorf("%d registrations of one address succeeded", won.Load())
		}
	})
}

// proves L6: length and likeness count, composition does not; all faults are
// named at once.
func TestRegisterInput(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change func(*tenancy.RegisterInput)
		faults string
	}{
		"good": {func(*tenancy.RegisterInput) {}, ""},
		"all wrong": {func(in *tenancy.RegisterInput) {
			*in = tenancy.RegisterInput{FirstName: "a\x00", LastName: strings.Repeat("x", 101)}
		}, "/email /password /first_name /last_name"},
		"no domain":            {func(in *tenancy.RegisterInput) { in.Email = "ada" }, "/email"},
		"display name":         {func(in *tenancy.RegisterInput) { in.Email = "Ada <ada@example.com>" }, "/email"},
		"two addresses":        {func(in *tenancy.RegisterInput) { in.Email = "a@example.com, b@example.com" }, "/email"},
		"long address":         {func(in *tenancy.RegisterInput) { in.Email = strings.Repeat("a", 250) + "@example.com" }, "/email"},
		"seven characters":     {func(in *tenancy.RegisterInput) { in.Password = "ferny7x" }, "/password"},
		"eight characters":     {func(in *tenancy.RegisterInput) { in.Password = "ferny7xq" }, ""},
		"eight runes":          {func(in *tenancy.RegisterInput) { in.Password = "péçhéüñx" }, ""},
		"128 characters":       {func(in *tenancy.RegisterInput) { in.Password = strings.Repeat("xy", 64) }, ""},
		"129 characters":       {func(in *tenancy.RegisterInput) { in.Password = strings.Repeat("xyz", 43) }, "/password"},
		"common":               {func(in *tenancy.RegisterInput) { in.Password = "Password123" }, "/password"},
		"first of the list":    {func(in *tenancy.RegisterInput) { in.Password = "!@#$%^&*" }, "/password"},
		"one character":        {func(in *tenancy.RegisterInput) { in.Password = "ééééééééé" }, "/password"},
		"blanks":               {func(in *tenancy.RegisterInput) { in.Password = "         " }, "/password"},
		"the address":          {func(in *tenancy.RegisterInput) { in.Password = "Ada@Example.com" }, "/password"},
		"the name before @":    {func(in *tenancy.RegisterInput) { in.Email, in.Password = "adalovelace@x.org", "AdaLovelace" }, "/password"},
		"not text":             {func(in *tenancy.RegisterInput) { in.Password = "ferny7xq\xff" }, "/password"},
		"no names":             {func(in *tenancy.RegisterInput) { in.FirstName, in.LastName = "", "" }, ""},
		"lower case is enough": {func(in *tenancy.RegisterInput) { in.Password = "rubberfernlamp" }, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := registration("ada@example.com")
			c.change(&in)
			err := in.Validate()
			if got := faults(err); got != c.faults {
				t.Errorf("faulty fields %q, want %q (%v)", got, c.faults, err)
			}
			if err != nil && in.Password != "" && strings.Contains(err.Error(), in.Password) {
				t.Errorf("the password is in the error: %v", err)
			}
		})
	}
}

// Nothing of a password is cut off.
func TestLongPasswordsCountToTheEnd(t *testing.T) {
	t.Parallel()
	b, in := lite(t), registration("ada@example.com")
	in.Password = strings.Repeat("xy", 64)
	check(b.Register(t.Context(), in))(t)
	_, err := b.Login(t.Context(), tenancy.LoginInput{Email: in.Email, Password: in.Password[:127] + "z"})
	want(t, "a password that differs at the end", err, errs.Unauthenticated, "bad_credentials")
	check(b.Login(t.Context(), tenancy.LoginInput{Email: in.Email, Password: in.Password}))(t)
}
