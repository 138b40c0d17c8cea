package halt_test

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/billing/billingtest"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/halt"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/tenancy"
	"github.com/lunobot/lunobot/tenancy/tenancydb"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// bench is the service on a real store.
type bench struct {
	*halt.Service
	t      *testing.T
	store  *saasdb.Store
	db     *db.DB
	events *billingtest.Events
}

func each(t *testing.T, fn func(b *bench)) {
	dbtest.Each(t, []db.MigrationSet{tenancydb.Migrations(), saasdb.Migrations()}, func(t *testing.T, d *db.DB) {
		b := &bench{t: t, store: saasdb.New(d), db: d, events: &billingtest.Events{}}
		var err error
		b.Service, err = halt.NewService(halt.Config{Events: b.events, Now: time.Now, Store: b.store, Tx: d})
		if err != nil {
			t.Fatal(err)
		}
		fn(b)
	})
}

// running stores a bot that runs.
func (b *bench) running(tenantID, id string) {
	b.t.Helper()
	now := time.Now().UTC()
	c := bot.Config{
		ID: "config-" + id, TenantID: tenantID, BotID: id, Name: id, Pair: "XBTMYR", Strategy: "basic", Mode: bot.Paper, Interval: time.Minute,
		Parameters: json.RawMessage(`{}`), Balance: decimal.NewFromInt(1), Version: 1, CreatedAt: now, UpdatedAt: now, Isolation: catalog.Shared,
	}
	err := b.store.InsertBot(b.t.Context(), tenantID, c, bot.Bot{
		ID: id, ConfigID: c.ID, TenantID: tenantID, Desired: true, Status: bot.Running, Run: 1, CreatedAt: now, UpdatedAt: now,
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// bot returns a bot.
func (b *bench) bot(tenantID, id string) bot.Bot {
	b.t.Helper()
	got, err := b.store.Bot(b.t.Context(), tenantID, id)
	if err != nil {
		b.t.Fatal(err)
	}
	return got
}

// stops checks which bots were asked to stop.
func (b *bench) stops(want map[string]bot.Ending, all ...string) {
	b.t.Helper()
	for _, name := range all {
		tenantID, id, _ := strings.Cut(name, "/")
		got := b.bot(tenantID, id)
		ending, stopped := want[name]
		if got.Desired == stopped || stopped && (got.Status != bot.Stopping || got.Ending != ending) {
			b.t.Errorf("bot %s: desired %t, %s, ends %q", name, got.Desired, got.Status, got.Ending)
		}
	}
}

func (b *bench) want(err error, kind errs.Kind, code string) {
	b.t.Helper()
	if err == nil || errs.KindOf(err) != kind || errs.CodeOf(err) != code {
		b.t.Errorf("got %v, want %s, code %s", err, kind, code)
	}
}

func person(tenantID string, role tenancy.Role) tenancy.Principal {
	return tenancy.Principal{UserID: "u-" + tenantID, TenantID: tenantID, Role: role, Email: tenantID + "@example.com"}
}

// proves RK2: a switch stops what it covers and nothing else, in the transaction that
// stores it; nothing under it can be started until it is released, and who did what is
// kept.
func TestPullAndRelease(t *testing.T) {
	t.Parallel()
	all := []string{"a/a1", "a/a2", "b/b1"}
	admin := person("b", tenancy.Viewer)
	admin.PlatformAdmin = true
	for scope, c := range map[halt.Scope]struct {
		who  tenancy.Principal
		in   halt.PullInput
		want map[string]bot.Ending
	}{
		halt.Bot:      {person("a", tenancy.Trader), halt.PullInput{Scope: halt.Bot, BotID: "a2"}, map[string]bot.Ending{"a/a2": bot.Halted}},
		halt.Tenant:   {person("a", tenancy.Trader), halt.PullInput{Flatten: true, Reason: " mad market "}, map[string]bot.Ending{"a/a1": bot.Flattened, "a/a2": bot.Flattened}},
		halt.Platform: {admin, halt.PullInput{Scope: halt.Platform}, map[string]bot.Ending{"a/a1": bot.Halted, "a/a2": bot.Halted, "b/b1": bot.Halted}},
	} {
		t.Run(string(scope), func(t *testing.T) {
			t.Parallel()
			each(t, func(b *bench) {
				ctx := b.t.Context()
				for _, name := range all {
					tenantID, id, _ := strings.Cut(name, "/")
					b.running(tenantID, id)
				}
				h, err := b.Pull(ctx, c.who, c.in)
				if err != nil {
					b.t.Fatal(err)
				}
				if h.Scope() != scope || !h.On() || h.Stopped != int64(len(c.want)) || h.PulledBy != c.who.Email || h.Reason != strings.TrimSpace(c.in.Reason) {
					b.t.Errorf("the switch is %+v", h)
				}
				b.stops(c.want, all...)
				for _, name := range all {
					tenantID, id, _ := strings.Cut(name, "/")
					_, covered := c.want[name]
					if err := b.Startable(ctx, tenantID, id); covered {
						b.want(err, errs.Conflict, "halted")
					} else if err != nil {
						b.t.Errorf("bot %s: %v", name, err)
					}
				}
				again, err := b.Pull(ctx, c.who, c.in)
				if err != nil || again.ID != h.ID {
					b.t.Errorf("pulled again it is %+v, %v", again, err)
				}
				if told := b.events.Take(); len(told) != 1 || told[0] != halt.EventPulled {
					b.t.Errorf("events %+v", told)
				}
				release, list := b.Release, b.List
				if scope == halt.Platform {
					release, list = b.ReleasePlatform, b.ListPlatform
				}
				for range 2 { // the second changes nothing
					if h, err = release(ctx, c.who, h.ID); err != nil || h.On() || h.ReleasedBy != c.who.Email {
						b.t.Fatalf("released it is %+v, %v", h, err)
					}
				}
				if told := b.events.Take(); len(told) != 1 || told[0] != halt.EventReleased {
					b.t.Errorf("events %+v", told)
				}
				if err := b.Startable(ctx, "a", "a2"); err != nil {
					b.t.Errorf("after the release: %v", err)
				}
				b.stops(c.want, all...) // nothing starts by itself
				if on, err := b.On(ctx); err != nil || len(on) != 0 {
					b.t.Errorf("on are %+v, %v", on, err)
				}
				kept, err := list(ctx, c.who)
				if err != nil || len(kept) != 1 || kept[0] != h {
					b.t.Errorf("kept are %+v, %v", kept, err)
				}
			})
		})
	}
}

// A switch that is pulled again to flatten does so from then on.
func TestPulledAgainToFlatten(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		ctx, who := b.t.Context(), person("a", tenancy.Owner)
		b.running("a", "a1")
		first, err := b.Pull(ctx, who, halt.PullInput{})
		if err != nil {
			b.t.Fatal(err)
		}
		second, err := b.Pull(ctx, who, halt.PullInput{Flatten: true})
		if err != nil || second.ID != first.ID || !second.Flatten {
			b.t.Errorf("%+v, %v", second, err)
		}
		b.stops(map[string]bot.Ending{"a/a1": bot.Flattened}, "a/a1")
		if _, err := b.Pull(ctx, who, halt.PullInput{}); err != nil {
			b.t.Fatal(err)
		}
		b.stops(map[string]bot.Ending{"a/a1": bot.Flattened}, "a/a1") // and is not called off
	})
}

// A bot that was started in the moment in which a switch was pulled is stopped by the
// worker that finds it, and one that was started after its release is not, whatever the
// worker has read before.
func TestEnforce(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		ctx := b.t.Context()
		pulled, err := b.Pull(ctx, person("a", tenancy.Owner), halt.PullInput{})
		if err != nil {
			b.t.Fatal(err)
		}
		b.running("a", "late")
		b.running("b", "other")
		on, err := b.On(ctx)
		if err == nil {
			err = b.Enforce(ctx, on)
		}
		if err != nil {
			b.t.Fatal(err)
		}
		b.stops(map[string]bot.Ending{"a/late": bot.Halted}, "a/late", "b/other")
		if _, err = b.Release(ctx, person("a", tenancy.Owner), pulled.ID); err == nil {
			b.running("a", "after")
			err = b.Enforce(ctx, on)
		}
		if err != nil {
			b.t.Fatal(err)
		}
		b.stops(map[string]bot.Ending{"a/late": bot.Halted}, "a/after")
	})
}

// Who may not start bots pulls nothing, nobody pulls or releases another tenant's switch,
// and only administrators of the installation that of all of it.
func TestWhoMayPull(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		ctx := b.t.Context()
		b.running("a", "a1")
		admin := person("b", tenancy.Owner)
		admin.PlatformAdmin = true
		pull := func(who tenancy.Principal, in halt.PullInput) error {
			_, err := b.Pull(ctx, who, in)
			return err
		}
		b.want(pull(person("a", tenancy.Viewer), halt.PullInput{}), errs.Forbidden, "permission_denied")
		b.want(pull(person("a", tenancy.Owner), halt.PullInput{Scope: halt.Platform}), errs.Forbidden, "admin_only")
		b.want(pull(person("b", tenancy.Owner), halt.PullInput{Scope: halt.Bot, BotID: "a1"}), errs.NotFound, "bot_not_found")
		err := pull(admin, halt.PullInput{Scope: "all", BotID: "a1", Reason: strings.Repeat("x", 201)})
		var e *errs.Error
		if !errors.As(err, &e) || e.Kind != errs.Invalid || len(e.Fields) != 3 {
			b.t.Errorf("faulty fields give %v", err)
		}
		b.want(pull(admin, halt.PullInput{Scope: halt.Bot}), errs.Invalid, "invalid_input")
		b.stops(nil, "a/a1")
		if told := b.events.Take(); len(told) != 0 {
			b.t.Errorf("refusals told %+v", told)
		}

		h, err := b.Pull(ctx, person("a", tenancy.Owner), halt.PullInput{})
		if err != nil {
			b.t.Fatal(err)
		}
		_, err = b.Release(ctx, person("a", tenancy.Viewer), h.ID)
		b.want(err, errs.Forbidden, "permission_denied")
		_, err = b.Release(ctx, admin, h.ID)
		b.want(err, errs.NotFound, "halt_not_found")
		_, err = b.ReleasePlatform(ctx, admin, h.ID)
		b.want(err, errs.NotFound, "halt_not_found")
		_, err = b.ReleasePlatform(ctx, person("a", tenancy.Owner), h.ID)
		b.want(err, errs.Forbidden, "admin_only")
		_, err = b.ListPlatform(ctx, person("a", tenancy.Owner))
		b.want(err, errs.Forbidden, "admin_only")
		over, err := b.Over(ctx, person("b", tenancy.Viewer))
		if err != nil || len(over) != 0 {
			b.t.Errorf("another tenant sees %+v, %v", over, err)
		}
		if over, err = b.Over(ctx, person("a", tenancy.Viewer)); err != nil || len(over) != 1 || over[0] != h {
			b.t.Errorf("the tenant sees %+v, %v", over, err)
		}
	})
}

// Many who pull at once leave one switch on.
func TestManyPullAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		ctx := b.t.Context()
		for _, id := range []string{"a1", "a2", "a3"} {
			b.running("a", id)
		}
		var wg sync.WaitGroup
		ids := make([]string, 20)
		for i := range ids {
			wg.Go(func() {
				in := halt.PullInput{Flatten: i%2 == 0}
				h, err := b.Pull(ctx, person("a", tenancy.Owner), in)
				if err != nil {
					b.t.Error(err)
				}
				ids[i] = h.ID
			})
		}
		wg.Wait()
		on, err := b.On(ctx)
		if err != nil || len(on) != 1 || on[0].Stopped < 3 {
			b.t.Fatalf("on are %+v, %v", on, err)
		}
		for _, id := range ids {
			if id != on[0].ID {
				b.t.Errorf("somebody was told of switch %s, and %s is on", id, on[0].ID)
			}
		}
		b.stops(map[string]bot.Ending{"a/a1": bot.Flattened, "a/a2": bot.Flattened, "a/a3": bot.Flattened}, "a/a1", "a/a2", "a/a3")
	})
}
