package saasdb

import (
	"context"
	"encoding/json"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/page"
)

type configRow struct {
	bun.BaseModel `bun:"table:bot_configs,alias:c"`

	TenantID   string `bun:",pk"`
	ID         string `bun:",pk"`
	BotID      string
	Name       string
	Pair       string
	Also       document[[]string]
	Strategy   string
	Mode       bot.Mode
	AccountID  string
	Interval   int64 `bun:"interval_seconds"`
	Parameters string
	Balance    decimal.Decimal
	Risk       document[bot.Risk]
	Version    int64
	CreatedAt  db.Timestamp
	UpdatedAt  db.Timestamp

	StrategyVersion   string
	UpgradeVersion    string
	UpgradeParameters string
	UpgradeFault      string
	Isolation         catalog.Isolation
}

func configRowOf(tenantID string, c bot.Config) configRow {
	return configRow{
		TenantID: tenantID, ID: c.ID, BotID: c.BotID, Name: c.Name, Pair: c.Pair, Also: document[[]string]{c.Also}, Strategy: c.Strategy, Mode: c.Mode, Interval: int64(c.Interval / time.Second),
		Parameters: string(c.Parameters), Balance: c.Balance, Risk: document[bot.Risk]{c.Risk}, AccountID: c.AccountID, Version: c.Version,
		CreatedAt: db.At(c.CreatedAt), UpdatedAt: db.At(c.UpdatedAt),
		StrategyVersion: c.StrategyVersion, UpgradeVersion: c.Upgrade.Version, UpgradeParameters: string(c.Upgrade.Parameters),
		UpgradeFault: clean(c.Upgrade.Fault), Isolation: c.Isolation,
	}
}

func (r configRow) config() bot.Config {
	c := bot.Config{
		ID: r.ID, TenantID: r.TenantID, BotID: r.BotID, Name: r.Name, Pair: r.Pair, Also: r.also(), Strategy: r.Strategy, Mode: r.Mode, Interval: r.length(),
		Parameters: json.RawMessage(r.Parameters), Balance: r.Balance, Risk: r.Risk.value, AccountID: r.AccountID, Version: r.Version,
		CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
		StrategyVersion: r.StrategyVersion, Isolation: r.Isolation, Upgrade: bot.Upgrade{Version: r.UpgradeVersion, Fault: r.UpgradeFault},
	}
	if r.UpgradeParameters != "" {
		c.Upgrade.Parameters = json.RawMessage(r.UpgradeParameters)
	}
	return c
}

// length is how long the candles are that the bot decides on.
func (r configRow) length() time.Duration { return time.Duration(r.Interval) * time.Second }

// also are the further pairs, nil for none.
func (r configRow) also() []string {
	if len(r.Also.value) == 0 {
		return nil
	}
	return r.Also.value
}

// Config implements bot.Store.
func (s *Store) Config(ctx context.Context, tenantID, id string) (bot.Config, error) {
	var row configRow
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().Model(&row).Where("c.tenant_id = ? AND c.id = ?", tenantID, id).Scan(ctx)
		return db.NotFound(err, "reading configuration "+id, notFound("config", id))
	})
	if err != nil {
		return bot.Config{}, err
	}
	return row.config(), nil
}

// Configs implements bot.Store.
func (s *Store) Configs(ctx context.Context, tenantID string, p page.Page) ([]bot.Config, error) {
	rows, err := latest[configRow](ctx, s, tenantID, "configurations", p, nil)
	return convert(rows, configRow.config), err
}

// UpdateConfig implements bot.Store. The bot's name, pair, strategy and interval
// are read from here, so that they change with it.
func (s *Store) UpdateConfig(ctx context.Context, tenantID string, c bot.Config) (bot.Config, error) {
	row := configRowOf(tenantID, c)
	row.Version++
	err := s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		for _, version := range []string{c.StrategyVersion, c.Upgrade.Version} {
			if err := s.holdVersion(ctx, tx, c.Strategy, version); err != nil {
				return err
			}
		}
		res, err := tx.NewUpdate().Model(&row).
			Column("name", "pair", "also", "strategy", "mode", "interval_seconds", "parameters", "balance", "risk", "account_id", "version", "updated_at",
				"strategy_version", "upgrade_version", "upgrade_parameters", "upgrade_fault", "isolation").
			Where("c.tenant_id = ? AND c.id = ? AND c.version = ?", tenantID, c.ID, c.Version).Exec(ctx)
		n, err := affected(res, err, "changing configuration "+c.ID)
		if err != nil || n == 1 {
			return err
		}
		if _, err := s.Config(ctx, tenantID, c.ID); err != nil {
			return err
		}
		return errs.New(errs.Stale, "config_changed", "this configuration was changed meanwhile: load it again")
	})
	if err != nil {
		return bot.Config{}, err
	}
	// What an update does not touch is as it was stored, not as it was given.
	return s.Config(ctx, tenantID, c.ID)
}
