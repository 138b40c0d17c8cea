package saasdb_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/event"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/saas/saasdb"
)

func TestBots(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, s *saasdb.Store) {
		ctx := t.Context()
		c, b := newBot(t, s, "a")
		gotConfig, err := s.Config(ctx, "a", c.ID)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "configuration", gotConfig, c)
		gotBot, err := s.Bot(ctx, "a", b.ID)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "bot", gotBot, b)

		c.Name, c.Interval, c.Risk.MaxPosition, c.UpdatedAt = "Second", 15*time.Minute, dec("0.00000001"), start().Add(time.Hour)
		c.Also = []string{"SOLMYR", "ETHMYR"}
		c.Risk.MaxPositions = map[string]decimal.Decimal{"ETHMYR": dec("1.000000000000000001")}
		c.CreatedAt = time.Time{} // cannot be changed
		changed, err := s.UpdateConfig(ctx, "a", c)
		if err != nil {
			t.Fatal(err)
		}
		c.Version, c.CreatedAt = 2, start()
		same(t, "changed configuration", changed, c)
		if gotBot, _ = s.Bot(ctx, "a", b.ID); gotBot.Name != "Second" || gotBot.Interval != 15*time.Minute {
			t.Errorf("the bot is still named %q and decides every %s", gotBot.Name, gotBot.Interval)
		}
		c.Version = 1
		_, err = s.UpdateConfig(ctx, "a", c)
		wantCode(t, err, errs.Stale, "config_changed")

		b.Also = []string{"SOLMYR", "ETHMYR"}
		b.Name, b.Interval, b.Desired, b.Status, b.Reason, b.Run, b.StartedAt = "Second", 15*time.Minute, true, bot.Starting, "asked to\x00 start", 1, start()
		if err := s.UpdateBot(ctx, "a", b); err != nil {
			t.Fatal(err)
		}
		b.Reason = "asked to start"
		err = d.Tx(ctx, "a", func(ctx context.Context) error {
			gotBot, err = s.LockBot(ctx, "a", b.ID)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		same(t, "changed bot", gotBot, b)
	})
}

func TestRunnableBots(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		want := map[string]bool{}
		for _, c := range []struct {
			desired bool
			status  bot.Status
			found   bool
		}{
			{false, bot.Stopped, false}, {false, bot.Failed, false}, {true, bot.Starting, true}, {true, bot.Stopped, true},
			{false, bot.Stopping, true}, {true, bot.Running, true}, {true, bot.Degraded, true},
		} {
			for _, tenant := range []string{"a", "b"} {
				_, b := newBot(t, s, tenant)
				b.Desired, b.Status = c.desired, c.status
				if err := s.UpdateBot(t.Context(), tenant, b); err != nil {
					t.Fatal(err)
				}
				if c.found {
					want[b.ID] = true
				}
			}
		}
		got, err := s.RunnableBots(t.Context())
		if err != nil || len(got) != len(want) {
			t.Fatalf("found %d bots, %v; want %d", len(got), err, len(want))
		}
		for _, r := range got {
			if !want[r.Bot.ID] || r.Config.BotID != r.Bot.ID || r.Config.TenantID != r.Bot.TenantID || string(r.Config.Parameters) == "" {
				t.Errorf("found %+v", r)
			}
		}
	})
}

func TestListsGoOnWhereTheyStopped(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		var want []string
		for range 5 {
			c, _ := newBot(t, s, "a")
			want = append([]string{c.ID}, want...)
		}
		var got []string
		p := page.Page{Limit: 2}
		for {
			rows, err := s.Configs(t.Context(), "a", p)
			if err != nil {
				t.Fatal(err)
			}
			list := page.Of(rows, p.Limit, func(c bot.Config) string { return c.ID })
			for _, c := range list.Items {
				got = append(got, c.ID)
			}
			if p.After = list.Next; p.After == "" {
				break
			}
		}
		same(t, "configurations, newest first", got, want)
		bots, err := s.Bots(t.Context(), "a", page.Page{Limit: 3})
		if err != nil || len(bots) != 4 {
			t.Errorf("a list of 3 came back with %d rows, %v; want one more than asked for", len(bots), err)
		}
	})
}

// full gives a bot a row in every table.
func full(t *testing.T, d *db.DB, s *saasdb.Store, tenantID string) (bot.Config, bot.Bot) {
	t.Helper()
	c, b := newBot(t, s, tenantID)
	commit(t, s, journal.Entry{
		TenantID: tenantID, BotID: b.ID, Epoch: own(t, s, tenantID, b.ID),
		Point:      &journal.TapePoint{Run: 1, Sequence: 5, MarketTime: start(), Body: json.RawMessage(`{}`)},
		Baseline:   &journal.Baseline{Run: 1, Sequence: 4, MarketTime: start(), Body: json.RawMessage(`{}`)},
		Orders:     []journal.Order{{ClientID: "o1", Number: 1, State: journal.Open, CreatedAt: start(), UpdatedAt: start()}},
		Fills:      []journal.Fill{{Sequence: 1, ClientID: "o1", Time: start()}},
		Decisions:  []journal.Decision{{Number: 1, Kind: "buy", Text: "because", Time: start()}},
		Equity:     []journal.EquityPoint{{Time: start(), Equity: dec("1")}},
		Plots:      []journal.Plot{{Line: "fast", Time: start(), Value: 1}},
		Checkpoint: &journal.Checkpoint{Sequence: 1, State: []byte(`{}`)},
	})
	err := d.Tx(t.Context(), tenantID, func(ctx context.Context) error {
		return s.AddEvents(ctx, []event.Event{{ID: id(), TenantID: tenantID, Type: "bot.created", Subject: b.ID, Time: start(), Data: []byte(`{}`)}})
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, b
}

func TestDeleteBotLeavesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, s *saasdb.Store) {
		ctx := t.Context()
		_, b := full(t, d, s, "a")
		_, other := full(t, d, s, "a")
		count := func(table string) (n int) {
			err := d.Read(ctx, "a", func(ctx context.Context, tx bun.IDB) error {
				return tx.NewRaw("SELECT COUNT(*) FROM ? WHERE tenant_id = 'a'", bun.Ident(table)).Scan(ctx, &n)
			})
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		tables := []string{"bot_configs", "bots", "bot_orders", "bot_fills", "bot_decisions", "bot_baselines", "bot_equity", "bot_plots", "bot_tape", "bot_checkpoints", "leases"}
		for _, table := range tables {
			if n := count(table); n != 2 {
				t.Fatalf("%s holds %d rows before, want 2", table, n)
			}
		}
		wantCode(t, s.DeleteBot(ctx, "b", b.ID), errs.NotFound, "bot_not_found")
		if err := s.DeleteBot(ctx, "a", b.ID); err != nil {
			t.Fatal(err)
		}
		for _, table := range tables {
			if n := count(table); n != 1 {
				t.Errorf("%s holds %d rows after, want 1", table, n)
			}
		}
		if _, err := s.Bot(ctx, "a", other.ID); err != nil {
			t.Error(err)
		}
		wantCode(t, s.DeleteBot(ctx, "a", b.ID), errs.NotFound, "bot_not_found")
		err := s.Commit(ctx, journal.Entry{TenantID: "a", BotID: b.ID, Epoch: 1})
		wantCode(t, err, errs.Conflict, "lease_lost")
		// A worker that still has it on its list cannot lease it again.
		h, err := s.StartHolder(ctx, "late")
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.TakeLeases(ctx, lease.Take{
			Holder: h, Resources: []lease.Resource{{Kind: lease.Bots, TenantID: "a", ID: b.ID}}, Limit: 1, Now: start(), Until: start().Add(time.Hour),
		})
		if err != nil || len(got) != 0 {
			t.Errorf("a bot that was deleted was leased: %v, %v", got, err)
		}
	})
}

// proves P12: what belongs to another tenant is not there, for every method.
func TestTenantsDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, s *saasdb.Store) {
		ctx := t.Context()
		c, b := full(t, d, s, "a")
		newBot(t, s, "b")
		one := map[string]func() error{
			"config_not_found":     func() error { _, err := s.Config(ctx, "b", c.ID); return err },
			"bot_not_found":        func() error { _, err := s.Bot(ctx, "b", b.ID); return err },
			"checkpoint_not_found": func() error { _, err := s.Checkpoint(ctx, "b", b.ID); return err },
		}
		for code, call := range one {
			wantCode(t, call(), errs.NotFound, code)
		}
		_, err := s.UpdateConfig(ctx, "b", c)
		wantCode(t, err, errs.NotFound, "config_not_found")
		_, err = s.LockBot(ctx, "b", b.ID)
		wantCode(t, err, errs.NotFound, "bot_not_found")
		wantCode(t, s.UpdateBot(ctx, "b", b), errs.NotFound, "bot_not_found")
		if err := s.Commit(ctx, journal.Entry{TenantID: "b", BotID: b.ID, Epoch: 1}); errs.CodeOf(err) != "lease_lost" {
			t.Errorf("a commit for another tenant's bot gave %v", err)
		}
		many := map[string]func() (int, error){
			"orders":      func() (int, error) { l, err := s.Orders(ctx, "b", b.ID, page.Page{}); return len(l), err },
			"open orders": func() (int, error) { l, err := s.OpenOrders(ctx, "b", b.ID); return len(l), err },
			"fills":       func() (int, error) { l, err := s.Fills(ctx, "b", b.ID, page.Page{}); return len(l), err },
			"decisions":   func() (int, error) { l, err := s.Decisions(ctx, "b", b.ID, page.Page{}); return len(l), err },
			"equity":      func() (int, error) { l, err := s.Equity(ctx, "b", b.ID, journal.EquityQuery{}); return len(l), err },
			"baselines":   func() (int, error) { l, err := s.Baselines(ctx, "b", b.ID, 9); return len(l), err },
			"tape": func() (int, error) {
				l, err := s.TapePoints(ctx, "b", b.ID, journal.Baseline{Run: 1}, nil)
				return len(l), err
			},
			"plots":     func() (int, error) { l, err := s.Plots(ctx, "b", b.ID); return len(l), err },
			"summaries": func() (int, error) { l, err := s.Summaries(ctx, "b", b.ID); return len(l), err },
			"marks":     func() (int, error) { m, err := s.Marks(ctx, "b", b.ID); return int(m.Order + m.Fill + m.Decision), err },
			"pruned":    func() (int, error) { n, err := s.Prune(ctx, "b", b.ID, 0, start().Add(time.Hour)); return int(n), err },
			"configs":   func() (int, error) { l, err := s.Configs(ctx, "b", page.Page{}); return len(l) - 1, err },
			"bots":      func() (int, error) { l, err := s.Bots(ctx, "b", page.Page{}); return len(l) - 1, err },
		}
		for what, call := range many {
			if n, err := call(); n != 0 || err != nil {
				t.Errorf("%s: %d of another tenant, %v", what, n, err)
			}
		}
		got, err := s.Bot(ctx, "a", b.ID)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "the bot afterwards", got, b)
		if orders, err := s.Orders(ctx, "a", b.ID, page.Page{}); err != nil || len(orders) != 1 {
			t.Errorf("the owner sees %d orders, %v", len(orders), err)
		}
	})
}
