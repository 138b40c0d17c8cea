package saasdb_test

import (
	"context"
	"io/fs"
	"path"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/tenancy/tenancydb"
)

// before returns the migrations that a database had before the one of a name.
func before(t *testing.T, name string) db.MigrationSet {
	t.Helper()
	all, earlier := saasdb.Migrations(), fstest.MapFS{}
	err := fs.WalkDir(all.Files, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Base(file) >= name {
			return err
		}
		raw, err := fs.ReadFile(all.Files, file)
		earlier[file] = &fstest.MapFile{Data: raw}
		return err
	})
	if err != nil || len(earlier) == 0 {
		t.Fatalf("%d migrations before %s, %v", len(earlier), name, err)
	}
	return db.MigrationSet{Name: all.Name, Files: earlier}
}

// upgraded brings a database of an earlier version with some rows of tenant a up to date.
func upgraded(t *testing.T, d *db.DB, statements ...string) {
	t.Helper()
	err := d.Write(t.Context(), "a", func(ctx context.Context, tx bun.IDB) error {
		for _, statement := range statements {
			if _, err := tx.NewRaw(statement).Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		_, err = d.Migrate(t.Context(), sets()...)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Bots of a database from before there was a choice decide every minute.
func TestBotsFromBeforeIntervals(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, []db.MigrationSet{tenancydb.Migrations(), before(t, "0004")}, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		upgraded(t, d,
			`INSERT INTO bot_configs (tenant_id, id, bot_id, name, pair, strategy, mode, parameters, balance, risk, key_hint, version,
				created_at, updated_at) VALUES ('a', 'c', 'b', 'Old', 'XBTMYR', 'basic', 'paper', '{}', '1', '{}', '', 1, 1, 1)`,
		)
		c, err := saasdb.New(d).Config(ctx, "a", "c")
		if err != nil || c.Interval != time.Minute {
			t.Errorf("it decides every %s, %v", c.Interval, err)
		}
	})
}

// Bots from before there were ledgers have traded as they do since their configuration
// was changed last, on a market that is not known.
func TestBotsFromBeforeLedgers(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, []db.MigrationSet{tenancydb.Migrations(), before(t, "0021")}, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		upgraded(t, d,
			`INSERT INTO bot_configs (tenant_id, id, bot_id, name, pair, strategy, mode, parameters, balance, risk, key_hint, version,
				created_at, updated_at, interval_seconds) VALUES ('a', 'c', 'b', 'Old', 'XBTMYR', 'basic', 'paper', '{}', '1', '{}', 'wxyz', 1, 1000000, 7000000, 60)`,
			`INSERT INTO bots (tenant_id, id, config_id, desired, status, reason, run, created_at, updated_at) VALUES ('a', 'b', 'c', FALSE, 'stopped', '', 1, 1, 1)`,
			`INSERT INTO exchange_credentials (tenant_id, config_id, sealed_key, sealed_secret, key_hint, created_at) VALUES ('a', 'c', 'k', 's', 'wxyz', 1)`,
		)
		b, err := saasdb.New(d).Bot(ctx, "a", "b")
		if err != nil || !b.SetupAt.Equal(time.Unix(7, 0)) || b.Market != "" || b.Ledger != 0 || b.AccountID != "" || b.Mode != bot.Paper {
			t.Errorf("it is %+v, %v", b, err)
		}
	})
}

// Orders and fills from before bots traded several pairs are in their bot's own.
func TestOrdersFromBeforeSeveralPairs(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, []db.MigrationSet{tenancydb.Migrations(), before(t, "0013")}, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		upgraded(t, d,
			`INSERT INTO bot_configs (tenant_id, id, bot_id, name, pair, strategy, mode, parameters, balance, risk, key_hint, version,
				created_at, updated_at) VALUES ('a', 'c', 'b', 'Old', 'ETHMYR', 'basic', 'paper', '{}', '1', '{}', '', 1, 1, 1)`,
			`INSERT INTO bots (tenant_id, id, config_id, desired, status, reason, run, created_at, updated_at) VALUES ('a', 'b', 'c', FALSE, 'stopped', '', 1, 1, 1)`,
			`INSERT INTO bot_orders (tenant_id, bot_id, client_id, run, number, side, type, price, volume, value, post_only, time_in_force, state, rank,
				reason, filled, filled_value, fee, created_at, updated_at) VALUES ('a', 'b', 'o', 1, 1, 'buy', 'market', '0', '1', '0', FALSE, 'GTC', 'filled', 9, '', '1', '1', '0', 1, 1)`,
			`INSERT INTO bot_fills (tenant_id, bot_id, sequence, client_id, side, price, volume, value, fee_counter, fee_base, profit, maker, at)
				VALUES ('a', 'b', 1, 'o', 'buy', '1', '1', '1', '0', '0', '0', FALSE, 1)`,
		)
		s := saasdb.New(d)
		b, err := s.Bot(ctx, "a", "b")
		if err != nil || len(b.Also) != 0 {
			t.Errorf("it trades %v too, %v", b.Also, err)
		}
		orders, err := s.Orders(ctx, "a", "b", page.Page{})
		if err != nil || len(orders) != 1 || orders[0].Pair != "ETHMYR" {
			t.Errorf("orders %+v, %v", orders, err)
		}
		fills, err := s.Fills(ctx, "a", "b", page.Page{})
		if err != nil || len(fills) != 1 || fills[0].Pair != "ETHMYR" {
			t.Errorf("fills %+v, %v", fills, err)
		}
	})
}

// Of a foreign order that several bots were to claim before that was refused, the first keeps
// it, and the others' decisions are open again; other decisions and orders stay as they are.
func TestForeignOrdersClaimedTwiceBefore(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, []db.MigrationSet{tenancydb.Migrations(), before(t, "0030")}, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		ids := []string{"one", "two"}
		err := d.Write(ctx, "a", func(ctx context.Context, tx bun.IDB) error {
			for _, id := range ids {
				for _, statement := range []string{
					`INSERT INTO bot_configs (tenant_id, id, bot_id, name, pair, strategy, mode, parameters, balance, risk, version,
					created_at, updated_at) VALUES ('a', ?0, ?0, ?0, 'XBTMYR', 'basic', 'live', '{}', '1', '{}', 1, 1, 1)`,
					`INSERT INTO bots (tenant_id, id, config_id, desired, status, reason, run, created_at, updated_at) VALUES ('a', ?0, ?0, FALSE, 'stopped', '', 1, 1, 1)`,
				} {
					if _, err := tx.NewRaw(statement, id).Exec(ctx); err != nil {
						return err
					}
				}
			}
			for i, row := range []struct{ bot, order, decision, over string }{
				{ids[0], "BX1", "claim", "FALSE"}, {ids[1], "BX1", "claim", "FALSE"}, {ids[0], "BX2", "claim", "TRUE"}, {ids[1], "BX2", "claim", "FALSE"}, {ids[0], "BX3", "ignore", "FALSE"},
			} {
				_, err := tx.NewRaw("INSERT INTO live_foreign (tenant_id, bot_id, pair, venue_id, client_id, side, price, volume, ours, over, found_at, decision, decided_by, decided_at) "+
					"VALUES ('a', ?, 'XBTMYR', ?, '', 'buy', '1', '1', FALSE, "+row.over+", ?, ?, 'ada', 1)", row.bot, row.order, i, row.decision).Exec(ctx)
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Migrate(ctx, sets()...); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, id := range ids {
			st, err := saasdb.New(d).LiveState(ctx, "a", id)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range st.Foreign {
				got = append(got, f.VenueID+string(f.Decision)+f.DecidedBy)
			}
		}
		if want := []string{"BX1claimada", "BX3ignoreada", "BX1", "BX2claimada"}; !slices.Equal(got, want) {
			t.Errorf("decided is %q, want %q", got, want)
		}
	})
}
