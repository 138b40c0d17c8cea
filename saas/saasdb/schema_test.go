package saasdb_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/saasdb"
)

// proves P7, P8: every index and foreign key of a tenant's table leads with the
// tenant. The exceptions are of the installation: the relay reads the outbox,
// and holders their leases, over all tenants; who sends a message knows an address only; workers look
// for keys to check and for what nobody needs any more, and an account at a venue is connected by one tenant only; some tables are of no tenant.
func TestIndexesLeadWithTheTenant(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t, saasdb.Migrations())
	exceptions := map[string]bool{
		"outbox_unsent": true, "outbox_sent": true, "leases_holder": true, "outbox_consumed_at": true, "hooks_address": true, "exchange_accounts_due": true,
		"exchange_accounts_held": true, "exchange_accounts_refused": true, "account_turns_counted": true,
	}
	ofNoTenant := map[string]bool{"lease_holders": true, "seen_candles": true, "settings": true, "strategy_changes": true, "strategy_versions": true}
	var found []struct{ Kind, Table, Name, First string }
	err := d.SystemRead(t.Context(), "reading the schema", func(ctx context.Context, tx bun.IDB) error {
		return tx.NewRaw(`SELECT 'index' AS kind, m.name AS "table", i.name AS name, c.name AS first
			FROM sqlite_master AS m, pragma_index_list(m.name) AS i, pragma_index_info(i.name) AS c
			WHERE m.type = 'table' AND c.seqno = 0
			UNION ALL SELECT 'foreign key', m.name, f."table", f."from" FROM sqlite_master AS m, pragma_foreign_key_list(m.name) AS f
			WHERE m.type = 'table' AND f.seq = 0`).Scan(ctx, &found)
	})
	if err != nil || len(found) < 20 {
		t.Fatalf("found %d indexes, %v", len(found), err)
	}
	for _, f := range found {
		if f.First != "tenant_id" && !exceptions[f.Name] && !ofNoTenant[f.Table] && !strings.HasPrefix(f.Table, "migration") {
			t.Errorf("%s %s of %s leads with %s", f.Kind, f.Name, f.Table, f.First)
		}
	}
}

// Commits, renewals, takings, status changes and deletions of the same bots at
// once never wait for each other in a circle.
func TestNoDeadlocks(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, s *saasdb.Store) {
		ctx := t.Context()
		h, err := s.StartHolder(ctx, "worker")
		if err != nil {
			t.Fatal(err)
		}
		const bots = 40
		take := lease.Take{Holder: h, Limit: bots, Now: start(), Until: start().Add(time.Hour)}
		entries := make([]journal.Entry, bots)
		for i := range bots {
			_, b := newBot(t, s, "a")
			take.Resources = append(take.Resources, lease.Resource{Kind: lease.Bots, TenantID: "a", ID: b.ID})
			entries[i] = journal.Entry{TenantID: "a", BotID: b.ID, Epoch: 1}
		}
		if got, err := s.TakeLeases(ctx, take); err != nil || len(got) != bots {
			t.Fatal(len(got), err)
		}
		var wg sync.WaitGroup
		run := func(work func(i int) error) {
			wg.Go(func() {
				for i := range 15 {
					if err := work(i); err != nil && errs.CodeOf(err) != "lease_lost" && errs.KindOf(err) != errs.NotFound {
						t.Error(err)
						return
					}
				}
			})
		}
		for c := range 2 { // two commits with bots in common, in opposite orders
			run(func(i int) error {
				batch := make([]journal.Entry, 0, bots)
				for k := range bots - 10 {
					e := entries[k]
					if c == 1 {
						e = entries[bots-1-k]
					}
					e.Orders = []journal.Order{order(fmt.Sprint(c), 1, journal.Open, start())}
					e.Decisions = []journal.Decision{{Number: int64(i), Text: "x"}}
					e.Checkpoint = &journal.Checkpoint{Sequence: int64(i), State: []byte(`{}`)}
					batch = append(batch, e)
				}
				return s.Commit(ctx, batch...)
			})
		}
		run(func(int) error { _, err := s.RenewLeases(ctx, h, start().Add(time.Hour)); return err })
		run(func(int) error { _, err := s.TakeLeases(ctx, take); return err })
		run(func(i int) error {
			return d.Tx(ctx, "a", func(ctx context.Context) error {
				b, err := s.LockBot(ctx, "a", entries[i].BotID)
				if err != nil {
					return err
				}
				b.Run++
				if err := s.UpdateBot(ctx, "a", b); err != nil || i < 10 {
					return err
				}
				return s.DeleteBot(ctx, "a", b.ID)
			})
		})
		wg.Wait()
	})
}
