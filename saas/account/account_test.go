package account_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/event"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/tenancy"
	"github.com/lunobot/lunobot/tenancy/tenancydb"
	"github.com/lunobot/lunobot/tenancy/vault"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// The canaries: whatever shows one of them gives a secret away.
const (
	canaryKey    = "canary-key-5f21wxyz"
	canarySecret = "canary-secret-90aa"
)

func now() time.Time { return time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC) }

func sets() []db.MigrationSet { return []db.MigrationSet{tenancydb.Migrations(), saasdb.Migrations()} }

// told remembers the data of events.
type told struct{ text strings.Builder }

func (r *told) Record(_ context.Context, events ...event.Event) error {
	for _, e := range events {
		r.text.Write(e.Data)
	}
	return nil
}

// halves are the one that seals and the one that opens, on one database.
type halves struct {
	*account.Service
	*account.Opener
	store  *saasdb.Store
	events told
}

// build returns both halves on a database with the tenants "a" and "b".
func build(t *testing.T, d *db.DB) *halves {
	t.Helper()
	kek, err := vault.NewKEK()
	if err != nil {
		t.Fatal(err)
	}
	keys := tenancydb.New(d)
	h := &halves{store: saasdb.New(d)}
	seal, err := vault.NewSealer(vault.SealerConfig{KEK: kek.Public(), Now: now, Store: keys})
	if err != nil {
		t.Fatal(err)
	}
	open, err := vault.NewOpener(vault.OpenerConfig{KEK: kek, Store: keys})
	if err != nil {
		t.Fatal(err)
	}
	if h.Service, err = account.NewService(account.ServiceConfig{
		Events: &h.events, Gate: roomy{}, Now: now, Sealer: seal, Store: h.store, Tx: d, Venues: []string{"luno"},
	}); err != nil {
		t.Fatal(err)
	}
	if h.Opener, err = account.NewOpener(account.OpenerConfig{Opener: open, Store: h.store}); err != nil {
		t.Fatal(err)
	}
	for _, tenant := range []string{"a", "b"} {
		if err := keys.InsertTenant(t.Context(), tenant, tenancy.Tenant{ID: tenant, Name: tenant, CreatedAt: now()}); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// connect connects an account of a tenant with a key.
func (h *halves) connect(t *testing.T, tenant, key, secret string) account.Account {
	t.Helper()
	a, err := h.Connect(t.Context(), owner(tenant), account.NewConnect("Main", "luno", key, secret))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func owner(tenant string) tenancy.Principal {
	return tenancy.Principal{TenantID: tenant, UserID: "u", Role: tenancy.Owner}
}

func TestKeysOpenForTheirTenantOnly(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, sets(), func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		h := build(t, d)
		a := h.connect(t, "a", canaryKey, canarySecret)
		cred, err := h.Open(ctx, "a", a.ID)
		if err != nil || cred.Key.Reveal() != canaryKey || cred.Secret.Reveal() != canarySecret {
			t.Fatalf("opened %v, %v", cred, err)
		}
		if a.KeyHint != "wxyz" {
			t.Errorf("the hint is %q", a.KeyHint)
		}
		if _, err := h.Open(ctx, "b", a.ID); errs.CodeOf(err) != "account_not_found" {
			t.Errorf("another tenant opened it: %v", err)
		}
		if err := h.Disconnect(ctx, owner("a"), a.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Open(ctx, "a", a.ID); errs.CodeOf(err) != "account_not_found" {
			t.Errorf("the key of an account that is gone gave %v", err)
		}
	})
}

// altered is a store whose sealed keys are not those that were stored.
type altered struct {
	account.Connections
	alter func(account.SealedKey) account.SealedKey
}

func (s altered) SealedKey(ctx context.Context, tenantID, id string) (account.SealedKey, error) {
	key, err := s.Connections.SealedKey(ctx, tenantID, id)
	return s.alter(key), err
}

// proves X4: a value that was moved to another row, of whichever tenant, or to the
// other half of its own, does not open.
func TestMovedValuesDoNotOpen(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t, sets()...)
	kek, err := vault.NewKEK()
	if err != nil {
		t.Fatal(err)
	}
	keys, store := tenancydb.New(d), saasdb.New(d)
	seal, err := vault.NewSealer(vault.SealerConfig{KEK: kek.Public(), Now: now, Store: keys})
	if err != nil {
		t.Fatal(err)
	}
	unsealer, err := vault.NewOpener(vault.OpenerConfig{KEK: kek, Store: keys})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	sealed := map[string]account.SealedKey{}
	ids := map[string]string{}
	for row, tenant := range map[string]string{"one": "a", "two": "a", "other": "b"} {
		if row != "two" {
			if err := keys.InsertTenant(ctx, tenant, tenancy.Tenant{ID: tenant, Name: tenant, CreatedAt: now()}); err != nil {
				t.Fatal(err)
			}
		}
	}
	service, err := account.NewService(account.ServiceConfig{Events: &told{}, Gate: roomy{}, Now: now, Sealer: seal, Store: store, Tx: d, Venues: []string{"luno"}})
	if err != nil {
		t.Fatal(err)
	}
	for row, tenant := range map[string]string{"one": "a", "two": "a", "other": "b"} {
		a, err := service.Connect(ctx, owner(tenant), account.NewConnect(row, "luno", canaryKey, canarySecret))
		if err != nil {
			t.Fatal(err)
		}
		ids[row] = a.ID
		if sealed[row], err = store.SealedKey(ctx, tenant, a.ID); err != nil {
			t.Fatal(err)
		}
	}
	for name, alter := range map[string]func(account.SealedKey) account.SealedKey{
		"halves swapped":          func(k account.SealedKey) account.SealedKey { return account.SealedKey{Key: k.Secret, Secret: k.Key} },
		"of another account":      func(account.SealedKey) account.SealedKey { return sealed["two"] },
		"of another tenant":       func(account.SealedKey) account.SealedKey { return sealed["other"] },
		"secret of another's row": func(k account.SealedKey) account.SealedKey { k.Secret = sealed["two"].Secret; return k },
	} {
		opener, err := account.NewOpener(account.OpenerConfig{Opener: unsealer, Store: altered{store, alter}})
		if err != nil {
			t.Fatal(err)
		}
		cred, err := opener.Open(ctx, "a", ids["one"])
		if err == nil || errs.KindOf(err) != errs.Conflict || !cred.Key.Empty() {
			t.Errorf("%s: it opened: %v", name, err)
		}
	}
}

// proves X4: no secret is in clear in the database's files, in errors, in events, in
// logs or in anything printed.
func TestSecretsAreNeverInClear(t *testing.T) {
	t.Parallel()
	url := dbtest.SQLiteURL(t)
	d, err := db.Open(t.Context(), db.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Migrate(t.Context(), sets()...); err != nil {
		t.Fatal(err)
	}
	h := build(t, d)
	ctx := t.Context()
	a := h.connect(t, "a", canaryKey, canarySecret)
	cred, err := h.Open(ctx, "a", a.ID)
	if err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	slog.New(slog.NewJSONHandler(&shown, nil)).Info("opened", "credential", cred, "key", cred.Key, "account", a)
	fmt.Fprintf(&shown, "%v %+v %#v %s %q %x", cred, cred, cred, cred.Secret, &cred, cred.Key)
	raw, err := json.Marshal([]any{cred, a})
	if err != nil {
		t.Fatal(err)
	}
	shown.Write(raw)
	if !strings.Contains(h.events.text.String(), "wxyz") {
		t.Error("not even the hint is in the events: the test looks at the wrong place")
	}
	shown.WriteString(h.events.text.String())
	broken, err := account.NewService(account.ServiceConfig{
		Events: &h.events, Gate: roomy{}, Now: now, Sealer: sealerThatFails{}, Store: h.store, Tx: d, Venues: []string{"luno"},
	})
	if err != nil {
		t.Fatal(err)
	}
	in := account.NewConnect("Main", "luno", canaryKey, canarySecret)
	if _, err = broken.Connect(ctx, owner("a"), in); err == nil {
		t.Fatal("a key was stored that could not be sealed")
	}
	fmt.Fprint(&shown, err, in)
	look := func(where, text string) {
		for _, canary := range []string{canaryKey, canarySecret} {
			if strings.Contains(text, canary) {
				t.Errorf("%s is in clear in %s", canary, where)
			}
		}
	}
	look("what was printed", shown.String())
	folder := filepath.Dir(strings.TrimPrefix(url, "sqlite://"))
	read := func() (all string) {
		files, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			raw, err := os.ReadFile(filepath.Join(folder, f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			look(f.Name(), string(raw))
			all += string(raw)
		}
		return all
	}
	if all := read(); !strings.Contains(all, "wxyz") { // the write-ahead log is still there
		t.Error("not even the hint is in the files: the test looks at the wrong place")
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	read()
}

// sealerThatFails is a Sealer without its keys.
type sealerThatFails struct{}

func (sealerThatFails) Seal(context.Context, string, vault.Secret, ...string) (string, error) {
	return "", errors.New("no keys")
}

// roomy is a plan without limits.
type roomy struct{}

func (roomy) Reserve(context.Context, string, ...billing.Want) error { return nil }
func (roomy) Release(context.Context, string, ...billing.Want) error { return nil }

func TestConstructorsNameEveryFault(t *testing.T) {
	t.Parallel()
	_, err2 := account.NewOpener(account.OpenerConfig{})
	_, err3 := account.NewBudget(account.BudgetConfig{Lease: time.Minute, Burst: 300, Reserve: 300})
	_, err4 := account.NewService(account.ServiceConfig{})
	_, err5 := account.NewChecker(account.CheckerConfig{})
	text := fmt.Sprint(err2, err3, err4, err5)
	for _, want := range []string{
		"ServiceConfig.Events", "ServiceConfig.Now", "ServiceConfig.Sealer", "ServiceConfig.Store", "ServiceConfig.Tx",
	} {
		for _, want := range []string{want, strings.NewReplacer("Service", "Checker", "Sealer", "Opener").Replace(want)} {
			if !strings.Contains(text, want) {
				t.Errorf("%q does not name %s", text, want)
			}
		}
	}
	for _, want := range []string{
		"ServiceConfig.Gate", "BudgetConfig.TenantID", "BudgetConfig.AccountID", "BudgetConfig.Holder", "BudgetConfig.Now", "BudgetConfig.Store", "BudgetConfig.Lease",
		"BudgetConfig.Burst", "BudgetConfig.Reserve", "BudgetConfig.Batch",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q does not name %s", text, want)
		}
	}
	for _, want := range []string{"OpenerConfig.Opener", "OpenerConfig.Store"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q does not name %s", text, want)
		}
	}
}
