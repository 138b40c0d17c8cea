package tenancy_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/event"
	"github.com/lunobot/lunobot/tenancy"
	"github.com/lunobot/lunobot/tenancy/tenancydb"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

const password = "correct rubber fern"

// bundle is a service on a fresh database.
type bundle struct {
	*tenancy.Service
	cfg    tenancy.Config
	clock  *clock
	db     *db.DB
	events *events
	store  *tenancydb.Store
	// enrol is what enrolling a tenant answers.
	enrol error
}

// each runs fn on both databases.
func each(t *testing.T, fn func(t *testing.T, b *bundle), change ...func(*tenancy.Config)) {
	t.Helper()
	dbtest.Each(t, sets(), func(t *testing.T, d *db.DB) { fn(t, setup(t, d, change...)) })
}

func sets() []db.MigrationSet {
	return []db.MigrationSet{tenancydb.Migrations(), {Name: "testevents", Files: fstest.MapFS{
		"shared/0001_events.tx.up.sql": {Data: []byte(
			"CREATE TABLE test_events (tenant_id TEXT, id TEXT, type TEXT, subject TEXT, data TEXT)")},
	}}}
}

// lite is a service on SQLite, for what has nothing to do with the database.
func lite(t *testing.T, change ...func(*tenancy.Config)) *bundle {
	t.Helper()
	return setup(t, dbtest.SQLite(t, sets()...), change...)
}

func setup(t *testing.T, d *db.DB, change ...func(*tenancy.Config)) *bundle {
	t.Helper()
	b := &bundle{clock: newClock(), db: d, events: &events{db: d}, store: tenancydb.New(d)}
	b.cfg = tenancy.Config{
		Enrol:  func(context.Context, tenancy.Tenant) error { return b.enrol },
		Events: b.events, Now: b.clock.Now, Store: b.store, Tx: d,
		Passwords: tenancy.PasswordConfig{MemoryKiB: 64, Passes: 1},
		Tokens:    tenancy.TokenConfig{Keys: []tenancy.SigningKey{key("k1")}},
	}
	for _, c := range change {
		c(&b.cfg)
	}
	svc, err := tenancy.New(b.cfg)
	if err != nil {
		t.Fatal(err)
	}
	b.Service = svc
	return b
}

func key(id string) tenancy.SigningKey {
	return tenancy.SigningKey{ID: id, Secret: []byte(strings.Repeat(id, 32)[:32])}
}

// join registers a user.
func (b *bundle) join(t *testing.T, email string) tenancy.Login {
	t.Helper()
	return check(b.Register(t.Context(), registration(email)))(t)
}

func registration(email string) tenancy.RegisterInput {
	return tenancy.RegisterInput{
		Email: email, Password: password, FirstName: "Ada", LastName: "Lovelace", Device: "Firefox", IP: "192.0.2.7",
	}
}

// enter logs a user in from the usual place.
func (b *bundle) enter(t *testing.T, email string) tenancy.Login {
	t.Helper()
	return check(b.Login(t.Context(), tenancy.LoginInput{Email: email, Password: password, Device: "Phone", IP: "192.0.2.7"}))(t)
}

func (b *bundle) refresh(token string) (tenancy.Login, error) {
	return b.Refresh(context.Background(), tenancy.RefreshInput{RefreshToken: token, IP: "192.0.2.9"})
}

// dump returns every value of every table as one text.
func (b *bundle) dump(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	err := b.db.SystemRead(t.Context(), "dumping", func(ctx context.Context, tx bun.IDB) error {
		for _, table := range []string{
			"users", "tenants", "memberships", "sessions", "refresh_tokens", "login_attempts", "links", "tenant_keys", "test_events",
		} {
			var rows []map[string]any
			if err := tx.NewSelect().Table(table).Scan(ctx, &rows); err != nil {
				return err
			}
			fmt.Fprintf(&out, "%s: %v\n", table, rows)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// check passes a value on, or fails the test with its error.
func check[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// want fails the test unless err has the kind and the code.
func want(t *testing.T, what string, err error, kind errs.Kind, code string) {
	t.Helper()
	if err == nil || errs.KindOf(err) != kind || errs.CodeOf(err) != code {
		t.Errorf("%s: got %v, want %s %s", what, err, kind, code)
	}
}

// faults returns the pointers of the faulty fields of err.
func faults(err error) string {
	var e *errs.Error
	if !errors.As(err, &e) {
		return ""
	}
	var paths []string
	for _, f := range e.Fields {
		paths = append(paths, f.Path)
	}
	return strings.Join(paths, " ")
}

// clock is a clock that stands still until it is moved.
type clock struct{ offset atomic.Int64 }

func newClock() *clock { return &clock{} }

// Now returns the time of the clock.
func (c *clock) Now() time.Time {
	return time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(c.offset.Load()))
}

func (c *clock) advance(d time.Duration) { c.offset.Add(int64(d)) }

// events records in the transaction, like the real outbox.
type events struct{ db *db.DB }

// Record implements event.Recorder.
func (e *events) Record(ctx context.Context, list ...event.Event) error {
	for _, v := range list {
		err := e.db.Write(ctx, v.TenantID, func(ctx context.Context, tx bun.IDB) error {
			_, err := tx.NewRaw("INSERT INTO test_events VALUES (?, ?, ?, ?, ?)", v.TenantID, v.ID, v.Type, v.Subject, string(v.Data)).Exec(ctx)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// count returns how many events of a type were committed.
func (e *events) count(t *testing.T, typ string) int {
	t.Helper()
	n := 0
	err := e.db.SystemRead(t.Context(), "counting", func(ctx context.Context, tx bun.IDB) error {
		return tx.NewRaw("SELECT count(*) FROM test_events WHERE type = ?", typ).Scan(ctx, &n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
