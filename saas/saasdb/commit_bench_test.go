package saasdb_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/saasdb"
)

// BenchmarkCommit1000 commits one event of a thousand bots of a hundred
// tenants: an order, a fill, a decision, an equity point and a checkpoint with
// 2 kB of state each.
func BenchmarkCommit1000(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchmarkCommit(b, dbtest.SQLiteURL(b)) })
	b.Run("postgres", func(b *testing.B) { benchmarkCommit(b, dbtest.PostgresURL(b)) })
}

func benchmarkCommit(b *testing.B, url string) {
	b.Helper()
	ctx := b.Context()
	d, err := db.Open(ctx, db.Config{URL: url})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close() //nolint:errcheck // the benchmark is over
	if _, err := d.Migrate(ctx, saasdb.Migrations()); err != nil {
		b.Fatal(err)
	}
	s := saasdb.New(d)
	h, err := s.StartHolder(ctx, "worker")
	if err != nil {
		b.Fatal(err)
	}
	const bots = 1000
	state := []byte(`{"state": "` + strings.Repeat("x", 2000) + `"}`)
	entries := make([]journal.Entry, bots)
	resources := make([]lease.Resource, bots)
	err = d.SystemTx(ctx, "seeding", func(ctx context.Context) error {
		for i := range bots {
			tenant, name := fmt.Sprintf("tenant-%d", i%100), fmt.Sprintf("bot-%d", i)
			entries[i] = journal.Entry{TenantID: tenant, BotID: name, Epoch: 1}
			resources[i] = lease.Resource{Kind: lease.Bots, TenantID: tenant, ID: name}
			err := s.InsertBot(ctx, tenant, bot.Config{ID: name, BotID: name, CreatedAt: start(), UpdatedAt: start()},
				bot.Bot{ID: name, ConfigID: name, CreatedAt: start(), UpdatedAt: start()})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := s.TakeLeases(ctx, lease.Take{Holder: h, Resources: resources, Limit: bots, Now: start(), Until: start()}); err != nil {
		b.Fatal(err)
	}
	n := int64(0)
	for b.Loop() {
		n++
		at := start().Add(time.Duration(n) * time.Minute)
		for i := range entries {
			e := &entries[i]
			e.Orders = []journal.Order{order(fmt.Sprint(n), n, journal.Filled, at)}
			e.Fills = []journal.Fill{{Sequence: n, Price: dec("1.5"), Volume: dec("2.5"), Time: at}}
			e.Decisions = []journal.Decision{{Number: n, Kind: "buy", Text: "the fast average crossed above the slow one", Time: at}}
			e.Equity = []journal.EquityPoint{{Time: at, Equity: dec("10000.5")}}
			e.Checkpoint = &journal.Checkpoint{Sequence: n, MarketTime: at, State: state}
		}
		if err := s.Commit(ctx, entries...); err != nil {
			b.Fatal(err)
		}
	}
}
