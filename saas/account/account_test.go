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

	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/tenancy"
	"github.com/lunobot/lunobot/tenancy/tenancydb"
	"github.com/lunobot/lunobot/tenancy/vault"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

var _ bot.Credentials = (*account.Keeper)(nil)

// The canaries: whatever shows one of them gives a secret away.
const (
	canaryKey    = "canary-key-5f21wxyz"
	canarySecret = "canary-secret-90aa"
)

func now() time.Time { return time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC) }

func sets() []db.MigrationSet { return []db.MigrationSet{tenancydb.Migrations(), saasdb.Migrations()} }

// build returns both halves on a database with a configuration "c1" of tenant
// "a" and "c2" of tenant "b".
func build(t *testing.T, d *db.DB) (*account.Keeper, *account.Opener, *saasdb.Store) {
	t.Helper()
	kek, err := vault.NewKEK()
	if err != nil {
		t.Fatal(err)
	}
	keys, store := tenancydb.New(d), saasdb.New(d)
	seal, err := vault.NewSealer(vault.SealerConfig{KEK: kek.Public(), Now: now, Store: keys})
	if err != nil {
		t.Fatal(err)
	}
	open, err := vault.NewOpener(vault.OpenerConfig{KEK: kek, Store: keys})
	if err != nil {
		t.Fatal(err)
	}
	keeper, err := account.NewKeeper(account.KeeperConfig{Now: now, Sealer: seal, Store: store})
	if err != nil {
		t.Fatal(err)
	}
	opener, err := account.NewOpener(account.OpenerConfig{Opener: open, Store: store})
	if err != nil {
		t.Fatal(err)
	}
	for tenant, config := range map[string]string{"a": "c1", "b": "c2"} {
		if err := keys.InsertTenant(t.Context(), tenant, tenancy.Tenant{ID: tenant, Name: tenant, CreatedAt: now()}); err != nil {
			t.Fatal(err)
		}
		err := store.InsertBot(t.Context(), tenant, bot.Config{ID: config, BotID: "of " + config, CreatedAt: now(), UpdatedAt: now()},
			bot.Bot{ID: "of " + config, ConfigID: config, CreatedAt: now(), UpdatedAt: now()})
		if err != nil {
			t.Fatal(err)
		}
	}
	return keeper, opener, store
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, sets(), func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		keeper, opener, store := build(t, d)
		err := d.Tx(ctx, "a", func(ctx context.Context) error { return keeper.Put(ctx, "a", "c1", canaryKey, canarySecret) })
		if err != nil {
			t.Fatal(err)
		}
		cred, err := opener.Open(ctx, "a", "c1")
		if err != nil || cred.Key.Reveal() != canaryKey || cred.Secret.Reveal() != canarySecret {
			t.Fatalf("opened %v, %v", cred, err)
		}
		if err := keeper.Put(ctx, "a", "c1", "another-key", "another-secret"); err != nil {
			t.Fatal(err)
		}
		if cred, err = opener.Open(ctx, "a", "c1"); err != nil || cred.Key.Reveal() != "another-key" {
			t.Fatalf("the second key did not take the place of the first: %v", err)
		}
		if sealed, err := store.Credential(ctx, "a", "c1"); err != nil || sealed.KeyHint != "-key" || !sealed.CreatedAt.Equal(now()) {
			t.Errorf("stored %+v, %v", sealed, err)
		}

		if _, err := opener.Open(ctx, "b", "c1"); errs.KindOf(err) != errs.NotFound {
			t.Errorf("another tenant opened it: %v", err)
		}
		if err := keeper.Put(ctx, "b", "c1", canaryKey, canarySecret); err == nil {
			t.Error("another tenant put a key on the configuration")
		}
		if err := keeper.Delete(ctx, "b", "c1"); errs.CodeOf(err) != "credential_not_found" {
			t.Errorf("another tenant deleted it: %v", err)
		}
		if err := keeper.Delete(ctx, "a", "c1"); err != nil {
			t.Fatal(err)
		}
		if _, err := opener.Open(ctx, "a", "c1"); errs.CodeOf(err) != "credential_not_found" {
			t.Errorf("a deleted credential gave %v", err)
		}
	})
}

// proves X4: a value that was moved to another row, or to the other half of
// its own, does not open.
func TestMovedValuesDoNotOpen(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t, sets()...)
	keeper, opener, store := build(t, d)
	ctx := t.Context()
	for tenant, config := range map[string]string{"a": "c1", "b": "c2"} {
		if err := keeper.Put(ctx, tenant, config, canaryKey, canarySecret); err != nil {
			t.Fatal(err)
		}
	}
	good, err := store.Credential(ctx, "a", "c1")
	if err != nil {
		t.Fatal(err)
	}
	swapped := good
	swapped.Key, swapped.Secret = good.Secret, good.Key
	moved := good
	moved.ConfigID = "c2"
	for tenant, c := range map[string]account.Sealed{"a": swapped, "b": moved} {
		if err := store.PutCredential(ctx, tenant, c); err != nil {
			t.Fatal(err)
		}
		cred, err := opener.Open(ctx, tenant, c.ConfigID)
		if err == nil || errs.KindOf(err) != errs.Conflict || !cred.Key.Empty() {
			t.Errorf("tenant %s opened a moved value: %v", tenant, err)
		}
	}
}

// proves X4: no secret is in clear in the database's files, in errors, in logs
// or in anything printed.
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
	keeper, opener, _ := build(t, d)
	ctx := t.Context()
	if err := keeper.Put(ctx, "a", "c1", canaryKey, canarySecret); err != nil {
		t.Fatal(err)
	}
	cred, err := opener.Open(ctx, "a", "c1")
	if err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	slog.New(slog.NewJSONHandler(&shown, nil)).Info("opened", "credential", cred, "key", cred.Key)
	fmt.Fprintf(&shown, "%v %+v %#v %s %q %x", cred, cred, cred, cred.Secret, &cred, cred.Key)
	raw, err := json.Marshal(cred)
	if err != nil {
		t.Fatal(err)
	}
	shown.Write(raw)
	failing := keeper.Put(ctx, "a", "no such configuration", canaryKey, canarySecret)
	if failing == nil {
		t.Fatal("a key of no configuration was stored")
	}
	broken := sealerThatFails{}
	k, err := account.NewKeeper(account.KeeperConfig{Now: now, Sealer: broken, Store: nowhere{}})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(&shown, failing, k.Put(ctx, "a", "c1", canaryKey, canarySecret))
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

// nowhere is a Store that was never reached.
type nowhere struct{ account.Store }

func TestHintShowsLittle(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{"": "", "abc": "", "abcdefg": "", "abcdefgh": "efgh", canaryKey: "wxyz"} {
		if got := (*account.Keeper)(nil).Hint(key); got != want {
			t.Errorf("hint of %q is %q, want %q", key, got, want)
		}
	}
}

func TestConstructorsNameEveryFault(t *testing.T) {
	t.Parallel()
	_, err := account.NewKeeper(account.KeeperConfig{})
	_, err2 := account.NewOpener(account.OpenerConfig{})
	_, err3 := account.NewBudget(account.BudgetConfig{Lease: time.Minute, Burst: 300, Reserve: 300})
	_, err4 := account.NewService(account.ServiceConfig{})
	_, err5 := account.NewChecker(account.CheckerConfig{})
	text := fmt.Sprint(err, err2, err3, err4, err5)
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
		"BudgetConfig.TenantID", "BudgetConfig.AccountID", "BudgetConfig.Holder", "BudgetConfig.Now", "BudgetConfig.Store", "BudgetConfig.Lease",
		"BudgetConfig.Burst", "BudgetConfig.Reserve", "BudgetConfig.Batch",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q does not name %s", text, want)
		}
	}
	for _, want := range []string{"KeeperConfig.Now", "KeeperConfig.Sealer", "KeeperConfig.Store", "OpenerConfig.Opener", "OpenerConfig.Store"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q does not name %s", text, want)
		}
	}
}
