package saasdb

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/page"
)

type botRow struct {
	bun.BaseModel `bun:"table:bots,alias:b"`

	TenantID  string `bun:",pk"`
	ID        string `bun:",pk"`
	ConfigID  string
	Desired   bool
	Status    bot.Status
	Reason    string
	Run       int64
	Ledger    int64
	Market    string
	SetupAt   db.Timestamp
	StartedAt db.Timestamp
	CreatedAt db.Timestamp
	UpdatedAt db.Timestamp
	Ending    bot.Ending
	CloseOnly bool
	Resumes   int64
	Failure   string

	Config configRow `bun:"rel:belongs-to,join:tenant_id=tenant_id,join:config_id=id"`
}

func botRowOf(tenantID string, b bot.Bot) botRow {
	return botRow{
		TenantID: tenantID, ID: b.ID, ConfigID: b.ConfigID, Desired: b.Desired, Status: b.Status, Reason: clean(b.Reason), Run: b.Run, Ending: b.Ending, CloseOnly: b.CloseOnly, Resumes: b.Resumes, Failure: clean(b.Failure),
		Ledger: b.Ledger, Market: b.Market, SetupAt: db.At(b.SetupAt), StartedAt: db.At(b.StartedAt), CreatedAt: db.At(b.CreatedAt), UpdatedAt: db.At(b.UpdatedAt),
	}
}

func (r botRow) bot() bot.Bot {
	return bot.Bot{
		ID: r.ID, ConfigID: r.ConfigID, TenantID: r.TenantID, Name: r.Config.Name, Pair: r.Config.Pair, Also: r.Config.also(), Strategy: r.Config.Strategy,
		Mode: r.Config.Mode, AccountID: r.Config.AccountID, Interval: r.Config.length(), StrategyVersion: r.Config.StrategyVersion, Desired: r.Desired, Status: r.Status, Reason: r.Reason, Run: r.Run, Ending: r.Ending, CloseOnly: r.CloseOnly, Resumes: r.Resumes, Failure: r.Failure,
		Ledger: r.Ledger, Market: r.Market, SetupAt: r.SetupAt.Time, StartedAt: r.StartedAt.Time, CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
	}
}

// InsertBot implements bot.Store.
func (s *Store) InsertBot(ctx context.Context, tenantID string, c bot.Config, b bot.Bot) error {
	config, row := configRowOf(tenantID, c), botRowOf(tenantID, b)
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		if err := s.holdVersion(ctx, tx, c.Strategy, c.StrategyVersion); err != nil {
			return err
		}
		if _, err := tx.NewInsert().Model(&config).Exec(ctx); err != nil {
			return fmt.Errorf("storing configuration %s: %w", c.ID, err)
		}
		if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
			return fmt.Errorf("storing bot %s: %w", b.ID, err)
		}
		return nil
	})
}

// Bot implements bot.Store.
func (s *Store) Bot(ctx context.Context, tenantID, id string) (bot.Bot, error) {
	var b bot.Bot
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		var err error
		b, err = selectBot(ctx, tx, tenantID, id)
		return err
	})
	return b, err
}

// LockBot implements bot.Store.
func (s *Store) LockBot(ctx context.Context, tenantID, id string) (bot.Bot, error) {
	var b bot.Bot
	err := s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		if s.db.Dialect() == db.Postgres {
			// In a statement of its own: one that waited shows the configuration as it was
			// before it did. Commits check their foreign key meanwhile.
			lock := tx.NewSelect().Model((*botRow)(nil)).Column("b.id").Where("b.tenant_id = ? AND b.id = ?", tenantID, id).For("NO KEY UPDATE OF b")
			if _, err := lock.Exec(ctx); err != nil {
				return fmt.Errorf("locking bot %s: %w", id, err)
			}
		}
		var err error
		b, err = selectBot(ctx, tx, tenantID, id)
		return err
	})
	return b, err
}

func selectBot(ctx context.Context, tx bun.IDB, tenantID, id string) (bot.Bot, error) {
	var row botRow
	q := tx.NewSelect().Model(&row).Relation("Config").Where("b.tenant_id = ? AND b.id = ?", tenantID, id)
	if err := db.NotFound(q.Scan(ctx), "reading bot "+id, notFound("bot", id)); err != nil {
		return bot.Bot{}, err
	}
	return row.bot(), nil
}

// Bots implements bot.Store.
func (s *Store) Bots(ctx context.Context, tenantID string, p page.Page) ([]bot.Bot, error) {
	rows, err := latest[botRow](ctx, s, tenantID, "bots", p, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Relation("Config") })
	return convert(rows, botRow.bot), err
}

// RunnableBots lists the bots of all tenants that shall run, are not at rest yet, or have
// failed and left something that is looked after, with their configurations: all that workers have to look after.
func (s *Store) RunnableBots(ctx context.Context) ([]bot.Runnable, error) {
	var rows []botRow
	err := s.db.SystemRead(ctx, "looking for runnable bots", func(ctx context.Context, tx bun.IDB) error {
		// The condition is that of the index bots_runnable.
		return tx.NewSelect().Model(&rows).Relation("Config").
			Where("b.desired OR b.failure <> '' OR b.status NOT IN ('stopped', 'error')").Order("b.tenant_id", "b.id").Scan(ctx)
	})
	return convert(rows, func(r botRow) bot.Runnable { return bot.Runnable{Bot: r.bot(), Config: r.Config.config()} }), err
}

// UpdateBot implements bot.Store.
func (s *Store) UpdateBot(ctx context.Context, tenantID string, b bot.Bot) error {
	row := botRowOf(tenantID, b)
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewUpdate().Model(&row).Column("desired", "status", "reason", "run", "ledger", "market", "setup_at", "started_at", "updated_at", "ending", "close_only", "resumes", "failure").
			Where("b.tenant_id = ? AND b.id = ?", tenantID, b.ID).Exec(ctx)
		return changed(res, err, "changing bot "+b.ID, notFound("bot", b.ID))
	})
}

// DeleteBot implements bot.Store. Its kill switches go, and the lease too, so that a worker that has
// not noticed yet cannot commit any more.
func (s *Store) DeleteBot(ctx context.Context, tenantID, id string) error {
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		// The lease first, as in Commit, so that neither waits for the other.
		_, err := tx.NewDelete().Model((*leaseRow)(nil)).
			Where("tenant_id = ? AND kind = ? AND resource_id = ?", tenantID, lease.Bots, id).Exec(ctx)
		if err != nil {
			return fmt.Errorf("deleting the lease of bot %s: %w", id, err)
		}
		if _, err := tx.NewDelete().Model((*haltRow)(nil)).Where("tenant_id = ? AND bot_id = ?", tenantID, id).Exec(ctx); err != nil {
			return fmt.Errorf("deleting the kill switches of bot %s: %w", id, err)
		}
		res, err := tx.NewDelete().Model((*configRow)(nil)).Where("tenant_id = ? AND bot_id = ?", tenantID, id).Exec(ctx)
		return changed(res, err, "deleting bot "+id, notFound("bot", id))
	})
}
