package saasdb_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/saasdb"
)

// BenchmarkIntents commits intents of sixteen bots at once, each of which waits for
// one to be on the disk before it has the next: fenced, with their first
// transition, through a journal.Group. Beside it in the same run the yardstick: as
// many rows a transaction inserted by one writer, without fence, transition and
// waiting for others.
func BenchmarkIntents(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchmarkIntents(b, dbtest.SQLiteURL(b)) })
	b.Run("postgres", func(b *testing.B) { benchmarkIntents(b, dbtest.DurablePostgresURL(b)) })
}

const intentBots = 16

func benchmarkIntents(b *testing.B, url string) {
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
	seedBots(b, d, s)
	g, err := journal.NewGroup(journal.GroupConfig{Store: s})
	if err != nil {
		b.Fatal(err)
	}
	// In turns, so that whatever else the machine does meets both.
	const rounds = 10
	each := int64(b.N/intentBots/rounds + 1)
	var spent, spentBare time.Duration
	for round := range int64(rounds) {
		spent += intents(b, g, 2*round*each, each)
		begun := time.Now()
		for n := range each {
			orders := make([]journal.LiveOrder, intentBots)
			for i := range orders {
				orders[i] = intent(i, (2*round+1)*each+n+1)
			}
			if err := bare(ctx, d, orders); err != nil {
				b.Fatal(err)
			}
		}
		spentBare += time.Since(begun)
	}
	all := float64(rounds * each * intentBots)
	rate, yardstick := all/spent.Seconds(), all/spentBare.Seconds()
	b.ReportMetric(rate, "intents/s")
	b.ReportMetric(yardstick, "bare/s")
	b.ReportMetric(100*rate/yardstick, "%bare")
}

// intents commits each intents of every bot, with numbers above after, and returns
// how long it took.
func intents(b *testing.B, g *journal.Group, after, each int64) time.Duration {
	b.Helper()
	begun := time.Now()
	var wg sync.WaitGroup
	for i := range intentBots {
		wg.Go(func() {
			for n := after + 1; n <= after+each; n++ {
				o := intent(i, n)
				err := g.Commit(b.Context(), journal.LiveEntry{
					TenantID: "t", BotID: o.BotID, Epoch: 1, Orders: []journal.LiveOrder{o},
					Transitions: []journal.Transition{{Order: n, Event: n, To: o.State, Cause: o.Reason, At: o.CreatedAt}},
				})
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return time.Since(begun)
}

// seedBots makes sixteen bots, each with a lease of epoch 1.
func seedBots(b *testing.B, d *db.DB, s *saasdb.Store) {
	b.Helper()
	ctx := b.Context()
	h, err := s.StartHolder(ctx, "worker")
	if err != nil {
		b.Fatal(err)
	}
	take := lease.Take{Holder: h, Limit: intentBots, Now: start(), Until: start()}
	err = d.SystemTx(ctx, "seeding", func(ctx context.Context) error {
		for i := range intentBots {
			name := intent(i, 1).BotID
			take.Resources = append(take.Resources, lease.Resource{Kind: lease.Bots, TenantID: "t", ID: name})
			err := s.InsertBot(ctx, "t", bot.Config{ID: name, BotID: name, CreatedAt: start(), UpdatedAt: start()},
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
	if _, err := s.TakeLeases(ctx, take); err != nil {
		b.Fatal(err)
	}
}

// intent is a bot's order of a number as it is before it is sent.
func intent(bot int, number int64) journal.LiveOrder {
	name := fmt.Sprintf("0190a1b2-c3d4-7e5f-8a9b-%012d", bot)
	id, err := journal.CommandID{Installation: "bench", BotID: name, Epoch: 1, Number: number}.ClientID()
	if err != nil {
		panic(err)
	}
	return journal.LiveOrder{
		Order: journal.Order{
			ClientID: id, BotID: name, Run: 1, Number: number, Side: "buy", Type: "limit", Price: dec("251250.5"), Volume: dec("0.0125"), TimeInForce: "GTC",
			State: journal.Submitted, Reason: "the fast average crossed above the slow one", CreatedAt: start(), UpdatedAt: start(),
		},
		Account: "account", Pair: "XBTMYR", Epoch: 1, ValidUntil: start().Add(5 * time.Second),
	}
}

// bare inserts orders in one transaction and does nothing else.
func bare(ctx context.Context, d *db.DB, orders []journal.LiveOrder) error {
	return d.Write(ctx, "t", func(ctx context.Context, tx bun.IDB) error {
		query := "INSERT INTO live_orders (tenant_id, bot_id, number, client_id, run, account, pair, epoch, side, type, price, volume, value, post_only, " +
			"time_in_force, urgent, state, rank, settled, reason, venue_id, told, filled, filled_value, fee, fee_base, floor, valid_until, created_at, updated_at) VALUES "
		rows := make([][]any, len(orders))
		for i, o := range orders {
			rows[i] = []any{
				"t", o.BotID, o.Number, o.ClientID, o.Run, o.Account, o.Pair, o.Epoch, o.Side, o.Type, o.Price, o.Volume, o.Value, o.PostOnly, o.TimeInForce,
				o.Urgent, o.State, o.State.Rank(), false, o.Reason, o.VenueID, o.Told, o.Filled, o.FilledValue, o.Fee, o.FeeBase, o.Floor,
				db.At(o.ValidUntil), db.At(o.CreatedAt), db.At(o.UpdatedAt),
			}
		}
		_, err := tx.NewRaw(query+"?", bun.In(rows)).Exec(ctx) //nolint:staticcheck // as in the store: bun.Tuple puts parentheses around them all
		return err
	})
}
