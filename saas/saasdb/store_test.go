package saasdb_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/tenancy/tenancydb"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func sets() []db.MigrationSet {
	return []db.MigrationSet{tenancydb.Migrations(), saasdb.Migrations()}
}

// each runs a test on both databases.
func each(t *testing.T, fn func(t *testing.T, d *db.DB, s *saasdb.Store)) {
	t.Helper()
	dbtest.Each(t, sets(), func(t *testing.T, d *db.DB) { fn(t, d, saasdb.New(d)) })
}

func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC) }

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func id() string { return uuid.Must(uuid.NewV7()).String() }

// newBot stores a configuration with its bot.
func newBot(t *testing.T, s *saasdb.Store, tenantID string) (bot.Config, bot.Bot) {
	t.Helper()
	c := bot.Config{
		ID: id(), TenantID: tenantID, BotID: id(), Name: "First", Pair: "XBTMYR", Also: []string{"ETHMYR"}, Strategy: "basic", Mode: bot.Paper, Interval: 4 * time.Hour,
		Parameters: json.RawMessage(`{"fast": 10}`), Balance: dec("10000.000000000000000001"),
		Risk: bot.Risk{StopLossPercent: dec("2.5")}, AccountID: "account", Version: 1, CreatedAt: start(), UpdatedAt: start(),
		StrategyVersion: "1.0.0", Upgrade: bot.Upgrade{Version: "1.1.0", Parameters: json.RawMessage(`{"slow": 30}`), Fault: "no"}, Isolation: catalog.PerTenant,
	}
	b := bot.Bot{
		ID: c.BotID, ConfigID: c.ID, TenantID: tenantID, Name: c.Name, Pair: c.Pair, Also: c.Also, Strategy: c.Strategy, Mode: c.Mode, AccountID: c.AccountID, Interval: c.Interval,
		StrategyVersion: c.StrategyVersion, Status: bot.Stopped, Reason: "never started", CreatedAt: start(), UpdatedAt: start(),
	}
	for _, version := range []string{"1.0.0", "1.1.0"} {
		if err := s.InsertEntry(t.Context(), strategyEntry(t, c.Strategy, version)); err != nil && errs.CodeOf(err) != "strategy_version_exists" {
			t.Fatal(err)
		}
	}
	if err := s.InsertBot(t.Context(), tenantID, c, b); err != nil {
		t.Fatal(err)
	}
	return c, b
}

// own takes the lease of a bot for a new holder and returns its epoch.
func own(t *testing.T, s *saasdb.Store, tenantID, botID string) int64 {
	t.Helper()
	h, err := s.StartHolder(t.Context(), "worker")
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.TakeLeases(t.Context(), lease.Take{
		Holder: h, Resources: []lease.Resource{{Kind: lease.Bots, TenantID: tenantID, ID: botID}}, Limit: 1,
		Now: start(), Until: start().Add(10 * time.Second),
	})
	if err != nil || len(got) != 1 {
		t.Fatalf("taking the lease of bot %s: %v, %v", botID, got, err)
	}
	return got[0].Epoch
}

func commit(t *testing.T, s *saasdb.Store, entries ...journal.Entry) {
	t.Helper()
	if err := s.Commit(t.Context(), entries...); err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, kind errs.Kind, code string) {
	t.Helper()
	if err == nil || errs.KindOf(err) != kind || errs.CodeOf(err) != code {
		t.Errorf("got %v, want a %s error with code %s", err, kind, code)
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if g, w := asJSON(t, got), asJSON(t, want); g != w {
		t.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}
