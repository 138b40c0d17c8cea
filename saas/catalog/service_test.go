package catalog_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/event"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
)

// TestMain lets the test binary be the other process of
// TestTwoProcessesRemoveAndInstall.
func TestMain(m *testing.M) {
	if os.Getenv(installerEnv) != "" {
		os.Exit(runInstaller())
	}
	dbtest.Main(m)
}

// events keeps what is recorded.
type events struct {
	mu   sync.Mutex
	list []event.Event
}

func (e *events) Record(_ context.Context, list ...event.Event) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, list...)
	return nil
}

// files is an Inspector of files that hold their manifest as JSON. It may
// change the file after it was looked at.
type files struct{ after func(path string) }

func (f *files) Inspect(_ context.Context, path string) (pluginhost.Item, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return pluginhost.Item{}, err
	}
	var m plugin.Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return pluginhost.Item{}, &pluginhost.Error{Plugin: filepath.Base(path), Kind: pluginhost.Handshake, Err: err}
	}
	if f.after != nil {
		f.after(path)
	}
	sum := sha256.Sum256(raw)
	return pluginhost.Item{Name: m.Name, SHA256: hex.EncodeToString(sum[:]), Manifest: m}, nil
}

// bench is the service on a real database and folder.
type bench struct {
	*catalog.Service
	t      *testing.T
	db     *db.DB
	store  *saasdb.Store
	events *events
	files  *files
	folder catalog.Folder
	now    time.Time
}

func each(t *testing.T, fn func(b *bench)) {
	t.Helper()
	dbtest.Each(t, []db.MigrationSet{saasdb.Migrations()}, func(t *testing.T, d *db.DB) {
		b := &bench{
			t: t, db: d, store: saasdb.New(d), events: &events{}, files: &files{}, folder: catalog.NewFolder(filepath.Join(t.TempDir(), "plugins")),
			now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		}
		var err error
		b.Service, err = catalog.NewService(catalog.Config{
			Contained: []catalog.Ref{{Name: "basic", Version: "1.0.0"}}, Events: b.events, Folder: b.folder, Host: b.files,
			Now: func() time.Time { return b.now }, Store: b.store, Tx: d,
		})
		if err != nil {
			t.Fatal(err)
		}
		fn(b)
	})
}

// file writes a plugin of a version; versions of another title are other files.
func (b *bench) file(name, version, title string) string {
	b.t.Helper()
	schema, err := param.Of(struct {
		Fast int `param:"fast" label:"Fast" validate:"min=1"`
	}{10})
	if err != nil {
		b.t.Fatal(err)
	}
	raw, err := json.Marshal(plugin.Manifest{
		Info: strategy.Info{Name: name, Version: version, Title: title, StateVersion: 1}, Schema: schema, SDK: "0.1.0", Protocols: []int{1},
		Capabilities: []plugin.Capability{plugin.Live, plugin.Backtest},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	path := filepath.Join(b.t.TempDir(), name)
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		b.t.Fatal(err)
	}
	return path
}

func (b *bench) install(name, version string) catalog.Entry {
	b.t.Helper()
	e, err := b.Install(b.t.Context(), catalog.InstallInput{Path: b.file(name, version, "T"), By: "ada", Publisher: "Ada Ltd"})
	if err != nil {
		b.t.Fatal(err)
	}
	return e
}

func (b *bench) want(err error, kind errs.Kind, code string) {
	b.t.Helper()
	if err == nil || errs.KindOf(err) != kind || errs.CodeOf(err) != code {
		b.t.Fatalf("got %v, want %s, code %s", err, kind, code)
	}
}

// log lists the actions of the catalog's log, oldest first, and checks that an
// event tells of each.
func (b *bench) log() []string {
	b.t.Helper()
	changes, err := b.Changes(b.t.Context(), 100)
	if err != nil {
		b.t.Fatal(err)
	}
	var actions, told []string
	for _, c := range slices.Backward(changes) {
		actions = append(actions, c.Ref.String()+" "+c.Action+" by "+c.Actor)
	}
	for _, e := range b.events.list {
		var data struct{ By string }
		if err := json.Unmarshal(e.Data, &data); err != nil {
			b.t.Fatal(err)
		}
		told = append(told, e.Subject+" "+e.Type+" by "+data.By)
	}
	if !slices.Equal(actions, told) {
		b.t.Errorf("the log says %v, the events %v", actions, told)
	}
	return actions
}

func TestLifeOfAVersion(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		ctx := b.t.Context()
		made := b.install("demo", "1.0.0")
		if made.Status != catalog.Installed || made.Isolation != catalog.Shared || made.InstalledBy != "ada" || made.Publisher != "Ada Ltd" || made.Size == 0 {
			b.t.Errorf("put in: %+v", made)
		}
		if err := b.Verify(made); err != nil {
			b.t.Errorf("its file: %v", err)
		}
		_, err := b.Revoke(ctx, made.Ref, "bo", "")
		b.want(err, errs.Conflict, "strategy_not_approved")
		for range 2 { // the second changes nothing
			e, err := b.Approve(ctx, made.Ref, "bo")
			if err != nil || e.Status != catalog.Approved || e.ApprovedBy != "bo" || !e.ApprovedAt.Equal(b.now) {
				b.t.Fatalf("approved: %+v, %v", e, err)
			}
		}
		b.now = b.now.Add(time.Hour)
		e, err := b.Isolate(ctx, made.Ref, "bo", catalog.PerTenant)
		if err != nil || e.Isolation != catalog.PerTenant {
			b.t.Fatalf("isolated: %+v, %v", e, err)
		}
		_, err = b.Isolate(ctx, made.Ref, "bo", "planet")
		b.want(err, errs.Invalid, "bad_isolation")
		e, err = b.Revoke(ctx, made.Ref, "cy", "it loses")
		if err != nil || e.Status != catalog.Revoked || e.RevokedBy != "cy" || e.Reason != "it loses" || !e.RevokedAt.Equal(b.now) || e.ApprovedBy != "bo" {
			b.t.Fatalf("revoked: %+v, %v", e, err)
		}
		e, err = b.Approve(ctx, made.Ref, "bo")
		if err != nil || e.Status != catalog.Approved || e.Reason != "" {
			b.t.Fatalf("approved again: %+v, %v", e, err)
		}
		if err := b.Remove(ctx, made.Ref, "cy"); err != nil {
			b.t.Fatal(err)
		}
		if err := b.Verify(made); !errors.Is(err, &catalog.UnusableError{Why: catalog.FileMissing}) {
			b.t.Errorf("the file of what was removed: %v", err)
		}
		b.want(b.Remove(ctx, made.Ref, "cy"), errs.NotFound, "strategy_version_not_found")
		_, err = b.Approve(ctx, made.Ref, "bo")
		b.want(err, errs.NotFound, "strategy_version_not_found")
		want := []string{
			"demo@1.0.0 strategy.installed by ada", "demo@1.0.0 strategy.approved by bo", "demo@1.0.0 strategy.isolation_changed by bo",
			"demo@1.0.0 strategy.revoked by cy", "demo@1.0.0 strategy.approved by bo", "demo@1.0.0 strategy.removed by cy",
		}
		if got := b.log(); !slices.Equal(got, want) {
			b.t.Errorf("the log is\n%q, want\n%q", got, want)
		}
	})
}

// Changes at once follow each other: none is lost, so that a revocation holds
// whatever else is changed meanwhile.
func TestChangesAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		ctx, other := b.t.Context(), make(chan error, 1)
		made := b.install("demo", "1.0.0")
		if _, err := b.Approve(ctx, made.Ref, "bo"); err != nil {
			b.t.Fatal(err)
		}
		var once sync.Once
		meanwhile := func() time.Time { // asked for once the entry has been read
			once.Do(func() {
				done := make(chan struct{})
				go func() {
					defer close(done)
					_, err := b.Isolate(ctx, made.Ref, "cy", catalog.PerBot)
					other <- err
				}()
				select {
				case <-done:
				case <-time.After(300 * time.Millisecond): // it waits, as it should
				}
			})
			return b.now
		}
		revoking, err := catalog.NewService(catalog.Config{Events: b.events, Folder: b.folder, Host: b.files, Now: meanwhile, Store: b.store, Tx: b.db})
		if err != nil {
			b.t.Fatal(err)
		}
		if _, err := revoking.Revoke(ctx, made.Ref, "ada", "it loses"); err != nil {
			b.t.Fatal(err)
		}
		if err := <-other; err != nil {
			b.t.Fatal(err)
		}
		e, err := b.store.Entry(ctx, made.Ref)
		if err != nil || e.Status != catalog.Revoked || e.Isolation != catalog.PerBot {
			b.t.Errorf("after both it is %s and %s, %v", e.Status, e.Isolation, err)
		}
	})
}

func TestInstallRefusesWhatItCannotKeep(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		ctx := b.t.Context()
		install := func(path string) error {
			_, err := b.Install(ctx, catalog.InstallInput{Path: path, By: "ada"})
			return err
		}
		made := b.install("demo", "1.0.0")
		b.want(install(b.file("demo", "1.0.0", "another")), errs.Conflict, "strategy_version_exists")
		b.want(install(b.file("basic", "1.0.0", "T")), errs.Conflict, "strategy_version_exists") // the server contains it
		b.want(install(b.file("../evil", "1.0.0", "T")), errs.Invalid, "bad_manifest")
		b.want(install(b.file("demo", "1.0", "T")), errs.Invalid, "bad_manifest")
		nonsense := filepath.Join(b.t.TempDir(), "nonsense")
		if err := os.WriteFile(nonsense, []byte("x"), 0o600); err != nil {
			b.t.Fatal(err)
		}
		if err := install(nonsense); !errors.Is(err, &pluginhost.Error{Kind: pluginhost.Handshake}) {
			b.t.Errorf("what is no plugin: %v", err)
		}
		b.files.after = func(path string) {
			if err := os.WriteFile(path, []byte("another"), 0o600); err != nil {
				b.t.Error(err)
			}
		}
		b.want(install(b.file("demo", "2.0.0", "T")), errs.Conflict, "plugin_changed")
		b.files.after = nil
		_, err := b.Install(ctx, catalog.InstallInput{Publisher: strings.Repeat("x", 201)})
		for _, path := range []string{"path", "by", "publisher"} {
			if errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), path+" ") {
				b.t.Errorf("%s is not named in %v", path, err)
			}
		}
		list, err := b.Entries(ctx)
		if err != nil || len(list) != 1 || list[0].Ref != made.Ref {
			b.t.Errorf("there are %+v, %v", list, err)
		}
		if left, err := filepath.Glob(filepath.Join(filepath.Dir(b.folder.Path(catalog.Ref{Name: "demo", Version: "2.0.0"}, "x")), "*")); err != nil || len(left) > 0 {
			b.t.Errorf("it left %v, %v", left, err)
		}
		// The same again brings a lost file back.
		if err := os.Remove(b.folder.Path(made.Ref, made.SHA256)); err != nil {
			b.t.Fatal(err)
		}
		if _, err := b.Approve(ctx, made.Ref, "bo"); !errors.Is(err, &catalog.UnusableError{Why: catalog.FileMissing}) {
			b.t.Errorf("approved without its file: %v", err)
		}
		b.install("demo", "1.0.0")
		if _, err := b.Approve(ctx, made.Ref, "bo"); err != nil {
			b.t.Error(err)
		}
		if got := b.log(); len(got) != 2 {
			b.t.Errorf("the log is %q", got)
		}
	})
}

// proves PL5: a file that was changed after it was put in cannot be approved.
func TestChangedFile(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		made := b.install("demo", "1.0.0")
		path := b.folder.Path(made.Ref, made.SHA256)
		if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, []byte("evil"), 0o600)); err != nil {
			b.t.Fatal(err)
		}
		_, err := b.Approve(b.t.Context(), made.Ref, "bo")
		b.want(err, errs.Conflict, "strategy_file_changed")
		if !strings.Contains(err.Error(), "demo 1.0.0 cannot be used: its file was changed since it was put in") {
			b.t.Errorf("it says %q", err)
		}
		list, err := b.Entries(b.t.Context())
		if err != nil || list[0].Status != catalog.Installed {
			b.t.Errorf("it is %+v, %v", list, err)
		}
	})
}

func TestRemoveIsRefusedWhileBotsArePinned(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		ctx := b.t.Context()
		made, next := b.install("demo", "1.0.0"), b.install("demo", "1.1.0")
		c := bot.Config{
			ID: "c", TenantID: "tenant-1", BotID: "b", Name: "Mine", Pair: "XBTMYR", Strategy: "demo", StrategyVersion: "1.0.0", Mode: bot.Paper,
			Upgrade: bot.Upgrade{Version: "1.1.0"}, Parameters: json.RawMessage(`{}`), Balance: decimal.NewFromInt(1), CreatedAt: b.now, UpdatedAt: b.now,
		}
		if err := b.store.InsertBot(ctx, "tenant-1", c, bot.Bot{ID: "b", ConfigID: "c", CreatedAt: b.now, UpdatedAt: b.now}); err != nil {
			b.t.Fatal(err)
		}
		for _, e := range []catalog.Entry{made, next} {
			err := b.Remove(ctx, e.Ref, "cy")
			b.want(err, errs.Conflict, "strategy_version_pinned")
			if !strings.Contains(err.Error(), `"Mine" (bot b of tenant tenant-1)`) || b.Verify(e) != nil {
				b.t.Errorf("it says %q", err)
			}
		}
		if err := b.store.DeleteBot(ctx, "tenant-1", "b"); err != nil {
			b.t.Fatal(err)
		}
		if err := b.Remove(ctx, made.Ref, "cy"); err != nil {
			b.t.Fatal(err)
		}
		if err := b.Verify(next); err != nil {
			b.t.Errorf("the file of another version: %v", err)
		}
	})
}

func TestEntriesShowTheNewestFirst(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		for _, v := range []string{"1.9.0", "1.10.0", "1.10.0-rc.1"} {
			b.install("demo", v)
		}
		b.install("another", "0.1.0")
		list, err := b.Entries(b.t.Context())
		if err != nil {
			b.t.Fatal(err)
		}
		var got []string
		for _, e := range list {
			got = append(got, e.Ref.String())
		}
		if want := []string{"another@0.1.0", "demo@1.10.0", "demo@1.10.0-rc.1", "demo@1.9.0"}; !slices.Equal(got, want) {
			b.t.Errorf("they are %v, want %v", got, want)
		}
	})
}

func TestMissingCollaborators(t *testing.T) {
	t.Parallel()
	_, err := catalog.NewService(catalog.Config{})
	for _, name := range []string{"Events", "Folder", "Host", "Now", "Store", "Tx"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("the error does not name %s: %v", name, err)
		}
	}
}

// A version that is removed while bots are pinned to it is either gone before
// they are made, or stays.
func TestRemoveAndPinAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		ctx := b.t.Context()
		won := map[bool]int{}
		for i := range 20 {
			e := b.install("demo", fmt.Sprintf("1.0.%d", i))
			id := fmt.Sprint(i)
			c := bot.Config{
				ID: id, TenantID: "tenant-1", BotID: id, Name: "Mine", Pair: "XBTMYR", Strategy: "demo", StrategyVersion: e.Version, Mode: bot.Paper,
				Parameters: json.RawMessage(`{}`), Balance: decimal.NewFromInt(1), CreatedAt: b.now, UpdatedAt: b.now,
			}
			var pinned, removed error
			var both sync.WaitGroup
			both.Go(func() {
				pinned = b.store.InsertBot(ctx, "tenant-1", c, bot.Bot{ID: id, ConfigID: id, CreatedAt: b.now, UpdatedAt: b.now})
			})
			both.Go(func() { removed = b.Remove(ctx, e.Ref, "cy") })
			both.Wait()
			switch {
			case pinned == nil:
				b.want(removed, errs.Conflict, "strategy_version_pinned")
			default:
				b.want(pinned, errs.Conflict, "strategy_unknown")
				if removed != nil {
					b.t.Fatal(removed)
				}
			}
			won[pinned == nil]++
		}
		b.t.Logf("the bot was first %d times, the removal %d times", won[true], won[false])
	})
}
