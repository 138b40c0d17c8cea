package vault_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
	"github.com/lunobot/lunobot/tenancy/tenancydb"
	"github.com/lunobot/lunobot/tenancy/vault"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

const canary = "luno-secret-canary-4711"

type bundle struct {
	db     *db.DB
	kek    *vault.KEK
	store  *tenancydb.Store
	sealer *vault.Sealer
	opener *vault.Opener
}

func each(t *testing.T, fn func(t *testing.T, b *bundle)) {
	t.Helper()
	dbtest.Each(t, []db.MigrationSet{tenancydb.Migrations()}, func(t *testing.T, d *db.DB) {
		b := &bundle{db: d, kek: must(vault.NewKEK())(t), store: tenancydb.New(d)}
		b.sealer = must(vault.NewSealer(vault.SealerConfig{KEK: b.kek.Public(), Now: time.Now, Store: b.store}))(t)
		b.opener = must(vault.NewOpener(vault.OpenerConfig{KEK: b.kek, Store: b.store}))(t)
		for _, id := range []string{"a", "b"} {
			if err := b.store.InsertTenant(t.Context(), id, tenancy.Tenant{ID: id, CreatedAt: time.Now()}); err != nil {
				t.Fatal(err)
			}
		}
		fn(t, b)
	})
}

func (b *bundle) seal(t *testing.T, tenantID string, parts ...string) string {
	t.Helper()
	return must(b.sealer.Seal(t.Context(), tenantID, vault.NewSecret(canary), parts...))(t)
}

func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func want(t *testing.T, what string, err error, kind errs.Kind, code string) {
	t.Helper()
	if err == nil || errs.KindOf(err) != kind || errs.CodeOf(err) != code {
		t.Errorf("%s: got %v, want %s %s", what, err, kind, code)
	}
}

// proves X2, X4: a sealed value opens for its tenant, its context and its row,
// and nowhere else.
func TestSealAndOpen(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		value := b.seal(t, "a", "account", "1", "secret")
		if strings.Contains(value, canary) {
			t.Fatalf("sealed value %q", value)
		}
		if again := b.seal(t, "a", "account", "1", "secret"); again == value {
			t.Error("sealing twice gave the same value")
		}
		got := must(b.opener.Open(t.Context(), "a", value, "account", "1", "secret"))(t)
		if got.Reveal() != canary {
			t.Errorf("opened %q", got.Reveal())
		}
		b.seal(t, "b", "account", "1", "secret") // so that tenant b has a key too
		for name, parts := range map[string][]string{
			"another account": {"account", "2", "secret"},
			"another column":  {"account", "1", "key"},
			"fewer parts":     {"account", "1"},
			"more parts":      {"account", "1", "secret", ""},
			"another cut":     {"account", "1s", "ecret"},
			"another order":   {"1", "account", "secret"},
			"none":            nil,
		} {
			_, err := b.opener.Open(t.Context(), "a", value, parts...)
			want(t, name, err, errs.Conflict, "secret_unreadable")
		}
		_, err := b.opener.Open(t.Context(), "b", value, "account", "1", "secret")
		want(t, "another tenant", err, errs.Conflict, "secret_shredded")

		// Not even with the other tenant's key in its place.
		key := must(b.store.NewestKey(t.Context(), "a"))(t)
		foreign := key
		foreign.Generation = 9
		if err := b.store.AddKey(t.Context(), "b", foreign); err != nil {
			t.Fatal(err)
		}
		_, err = b.opener.Open(t.Context(), "b", value, "account", "1", "secret")
		want(t, "another tenant with a copied key", err, errs.Conflict, "secret_unreadable")

		for name, damaged := range map[string]string{
			"empty": "", "text": canary, "version": "v2" + value[2:], "cut": value[:len(value)-8],
			"bit": value[:len(value)-8] + flip(value[len(value)-8]) + value[len(value)-7:], "no key": "v1.." + value[40:],
		} {
			_, err := b.opener.Open(t.Context(), "a", damaged, "account", "1", "secret")
			want(t, name, err, errs.Conflict, "secret_unreadable")
		}
	})
}

func flip(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

// proves X4: with everything that the web tier holds and a dump of the database
// nothing can be opened.
func TestTheSealersSideCannotOpen(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		value := b.seal(t, "a", "account")
		public := must(b.kek.Public().Encode())(t)
		if _, err := vault.ParseKEK(vault.NewSecret(public)); errs.CodeOf(err) != "kek_invalid" {
			t.Errorf("the public half was taken for the private one: %v", err)
		}
		key := must(b.store.NewestKey(t.Context(), "a"))(t)
		for name, raw := range map[string][]byte{"public half": key.Public, "wrapped half": key.Wrapped} {
			text := vault.NewSecret("lunobot-kek-private-1:" + base64.StdEncoding.EncodeToString(raw))
			if _, err := vault.ParseKEK(text); errs.CodeOf(err) != "kek_invalid" {
				t.Errorf("the %s was taken for a private key: %v", name, err)
			}
		}
		dump := b.dump(t) + value + public
		private := must(b.kek.Encode())(t).Reveal()
		_, body, _ := strings.Cut(private, ":")
		for name, text := range map[string]string{"secret": canary, "private half": body,
			"secret in base64": base64.StdEncoding.EncodeToString([]byte(canary))} {
			if strings.Contains(dump, text) {
				t.Errorf("the %s is in the database", name)
			}
		}
		if !strings.Contains(dump, key.ID) {
			t.Fatal("the dump is empty")
		}
	})
}

func (b *bundle) dump(t *testing.T) string {
	t.Helper()
	var rows []map[string]any
	err := b.db.SystemRead(t.Context(), "dumping", func(ctx context.Context, tx bun.IDB) error {
		return tx.NewSelect().Table("tenant_keys").Scan(ctx, &rows)
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(rows)
}

// The web tier can seal with what it reads from its configuration.
func TestPublicHalfFromText(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		pub := must(vault.ParsePublicKEK(must(b.kek.Public().Encode())(t) + "\n"))(t)
		sealer := must(vault.NewSealer(vault.SealerConfig{KEK: pub, Now: time.Now, Store: b.store}))(t)
		value := must(sealer.Seal(t.Context(), "a", vault.NewSecret(canary)))(t)
		kek := must(vault.ParseKEK(must(b.kek.Encode())(t)))(t)
		opener := must(vault.NewOpener(vault.OpenerConfig{KEK: kek, Store: b.store}))(t)
		if got := must(opener.Open(t.Context(), "a", value))(t); got.Reveal() != canary {
			t.Errorf("opened %q", got.Reveal())
		}
		if err := sealer.Check(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// proves X5: a missing or wrong key is refused, clearly.
func TestWrongKEK(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		other := must(vault.NewKEK())(t)
		opener := must(vault.NewOpener(vault.OpenerConfig{KEK: other, Store: b.store}))(t)
		sealer := must(vault.NewSealer(vault.SealerConfig{KEK: other.Public(), Now: time.Now, Store: b.store}))(t)
		for _, check := range []func(context.Context) error{opener.Check, sealer.Check} {
			if err := check(t.Context()); err != nil {
				t.Errorf("before anything was sealed: %v", err)
			}
		}
		value := b.seal(t, "a")
		_, err := opener.Open(t.Context(), "a", value)
		want(t, "opening", err, errs.Invalid, "kek_mismatch")
		want(t, "the opener's check", opener.Check(t.Context()), errs.Invalid, "kek_mismatch")
		want(t, "the sealer's check", sealer.Check(t.Context()), errs.Invalid, "kek_mismatch")
		if err := b.opener.Check(t.Context()); err != nil {
			t.Errorf("the right key: %v", err)
		}
	})
	private := must(must(vault.NewKEK())(t).Encode())(t).Reveal()
	for name, c := range map[string]struct{ text, code string }{
		"missing": {" \n", "kek_missing"}, "nonsense": {"hunter2", "kek_invalid"},
		"damaged": {private[:len(private)-12], "kek_invalid"}, "not base64": {private + "!", "kek_invalid"},
	} {
		_, err := vault.ParseKEK(vault.NewSecret(c.text))
		want(t, name, err, errs.Invalid, c.code)
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the text is in the error: %v", err)
		}
		_, err = vault.ParsePublicKEK(c.text)
		want(t, name+" public half", err, errs.Invalid, c.code)
	}
	_, err := vault.ParsePublicKEK(private)
	want(t, "the private half where the public one belongs", err, errs.Invalid, "kek_invalid")
	_, err = vault.NewOpener(vault.OpenerConfig{})
	if err == nil || !strings.Contains(err.Error(), "missing") || !strings.Contains(err.Error(), "Store") {
		t.Errorf("an opener of nothing: %v", err)
	}
	_, err = vault.NewSealer(vault.SealerConfig{})
	if err == nil || !strings.Contains(err.Error(), "missing") || !strings.Contains(err.Error(), "Now") {
		t.Errorf("a sealer of nothing: %v", err)
	}
}

// Many first uses at once end with one key, and all of them open.
func TestFirstUseAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		values := make([]string, 20)
		var wg sync.WaitGroup
		for i := range values {
			wg.Go(func() {
				v, err := b.sealer.Seal(t.Context(), "a", vault.NewSecret(fmt.Sprint(canary, i)))
				if err != nil {
					t.Error(err)
				}
				values[i] = v
			})
		}
		wg.Wait()
		for i, v := range values {
			if got := must(b.opener.Open(t.Context(), "a", v))(t); got.Reveal() != fmt.Sprint(canary, i) {
				t.Errorf("opened %q", got.Reveal())
			}
		}
	})
}

// A key that is made in a transaction goes with it, and so does what it sealed.
func TestSealInATransaction(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		value := ""
		err := b.db.Tx(t.Context(), "a", func(ctx context.Context) error {
			v, err := b.sealer.Seal(ctx, "a", vault.NewSecret(canary))
			value = v
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		must(b.opener.Open(t.Context(), "a", value))(t)
	})
}

// proves X7: without its keys a tenant's secrets are gone, at once and for good.
func TestShred(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bundle) {
		value, others := b.seal(t, "a"), b.seal(t, "b")
		if err := b.sealer.Shred(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		_, err := b.opener.Open(t.Context(), "a", value)
		want(t, "a shredded secret", err, errs.Conflict, "secret_shredded")
		must(b.opener.Open(t.Context(), "b", others))(t)
		must(b.opener.Open(t.Context(), "a", b.seal(t, "a")))(t)
		_, err = b.opener.Open(t.Context(), "a", value)
		want(t, "a shredded secret under a new key", err, errs.Conflict, "secret_shredded")
	})
}
