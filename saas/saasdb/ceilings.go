package saasdb

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/ceiling"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
)

type ceilingRow struct {
	bun.BaseModel `bun:"table:ceilings,alias:l"`

	TenantID     string `bun:",pk"`
	Currency     string `bun:",pk"`
	MaxExposure  decimal.Decimal
	MaxDailyLoss decimal.Decimal
	ReachedAt    db.Timestamp
	Loss         decimal.Decimal
	SetBy        string
	SetAt        db.Timestamp
	Version      int64
}

func ceilingRowOf(tenantID string, c ceiling.Ceiling) ceilingRow {
	return ceilingRow{
		TenantID: tenantID, Currency: clean(c.Currency), MaxExposure: c.MaxExposure, MaxDailyLoss: c.MaxDailyLoss, ReachedAt: db.At(c.Reached), Loss: c.Loss,
		SetBy: clean(c.SetBy), SetAt: db.At(c.SetAt), Version: c.Version,
	}
}

func (r ceilingRow) ceiling() ceiling.Ceiling {
	return ceiling.Ceiling{
		TenantID: r.TenantID, Currency: r.Currency, MaxExposure: r.MaxExposure, MaxDailyLoss: r.MaxDailyLoss, Reached: r.ReachedAt.Time, Loss: r.Loss,
		SetBy: r.SetBy, SetAt: r.SetAt.Time, Version: r.Version,
	}
}

// Ceilings implements ceiling.Store.
func (s *Store) Ceilings(ctx context.Context, tenantID string) ([]ceiling.Ceiling, error) {
	var rows []ceilingRow
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		if err := tx.NewSelect().Model(&rows).Where("l.tenant_id = ?", tenantID).Order("l.currency").Scan(ctx); err != nil {
			return fmt.Errorf("listing ceilings: %w", err)
		}
		return nil
	})
	return convert(rows, ceilingRow.ceiling), err
}

// LockCeiling implements ceiling.Store.
func (s *Store) LockCeiling(ctx context.Context, tenantID, currency string) (ceiling.Ceiling, error) {
	var row ceilingRow
	err := s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		q := tx.NewSelect().Model(&row).Where("l.tenant_id = ? AND l.currency = ?", tenantID, clean(currency))
		if s.db.Dialect() == db.Postgres {
			q = q.For("UPDATE")
		}
		return db.NotFound(q.Scan(ctx), "reading the ceiling in "+currency, notFound("ceiling", currency))
	})
	return row.ceiling(), err
}

// PutCeiling implements ceiling.Store.
func (s *Store) PutCeiling(ctx context.Context, tenantID string, c ceiling.Ceiling) error {
	row := ceilingRowOf(tenantID, c)
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewInsert().Model(&row).On("CONFLICT (tenant_id, currency) DO UPDATE").
			Set("max_exposure = EXCLUDED.max_exposure, max_daily_loss = EXCLUDED.max_daily_loss, reached_at = EXCLUDED.reached_at, loss = EXCLUDED.loss").
			Set("set_by = EXCLUDED.set_by, set_at = EXCLUDED.set_at, version = EXCLUDED.version").
			Where("l.version = EXCLUDED.version - 1").Exec(ctx)
		return changed(res, err, "storing the ceiling in "+c.Currency, errs.New(errs.Stale, "ceiling_changed", "this ceiling was changed meanwhile: look at it again"))
	})
}

// DeleteCeiling implements ceiling.Store.
func (s *Store) DeleteCeiling(ctx context.Context, tenantID, currency string) error {
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewDelete().Model((*ceilingRow)(nil)).Where("tenant_id = ? AND currency = ?", tenantID, clean(currency)).Exec(ctx)
		return changed(res, err, "removing the ceiling in "+currency, notFound("ceiling", currency))
	})
}

// Watched implements ceiling.Store.
func (s *Store) Watched(ctx context.Context) ([]ceiling.Ceiling, error) {
	var rows []ceilingRow
	err := s.db.SystemRead(ctx, "looking for ceilings of losses", func(ctx context.Context, tx bun.IDB) error {
		if err := tx.NewSelect().Model(&rows).Where("l.max_daily_loss <> '0'").Order("l.tenant_id", "l.currency").Scan(ctx); err != nil {
			return fmt.Errorf("listing ceilings of losses: %w", err)
		}
		return nil
	})
	return convert(rows, ceilingRow.ceiling), err
}

// Standing implements ceiling.Store.
func (s *Store) Standing(ctx context.Context, tenantID, currency string, now time.Time) (ceiling.Standing, error) {
	var st ceiling.Standing
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		stake, err := stakes(ctx, tx, tenantID, currency)
		if err != nil {
			return err
		}
		st = ceiling.Standing{Positions: stake.positions, Buys: stake.buys, Bots: len(stake.bots)}
		for _, b := range stake.bots {
			lost, err := b.lost(ctx, tx, now)
			if err != nil {
				return err
			}
			st.Loss = st.Loss.Add(lost)
		}
		return nil
	})
	return st, err
}

// staked is what the live bots of a tenant have at stake in a currency.
type staked struct {
	positions, buys decimal.Decimal
	bots            []stakedBot
	books           []bookRow
	// prices are the last that bots saw, by pair.
	prices map[string]decimal.Decimal
}

// stakedBot is a live bot with its account at its newest checkpoint.
type stakedBot struct {
	TenantID string
	BotID    string
	Pair     string
	Ledger   int64
	At       db.Timestamp
	Summary  document[journal.Summary]
}

// stakes reads what is at stake. A live bot has books in each of its pairs, and no other
// bot has any.
func stakes(ctx context.Context, tx bun.IDB, tenantID, currency string) (staked, error) {
	st := staked{prices: map[string]decimal.Decimal{}}
	err := tx.NewSelect().Model(&st.books).Where("tenant_id = ? AND counter_currency = ?", tenantID, currency).Order("bot_id", "pair").Scan(ctx)
	if err != nil || len(st.books) == 0 {
		return st, wrapped(err, "reading the books in "+currency)
	}
	ids := slices.Compact(convert(st.books, func(b bookRow) string { return b.BotID }))
	err = tx.NewRaw("SELECT b.tenant_id, b.id AS bot_id, c.pair, b.ledger, k.market_time AS at, COALESCE(k.summary, '{}') AS summary FROM bots AS b "+
		"JOIN bot_configs AS c ON c.tenant_id = b.tenant_id AND c.id = b.config_id LEFT JOIN bot_checkpoints AS k ON k.tenant_id = b.tenant_id AND k.bot_id = b.id "+
		"WHERE b.tenant_id = ? AND b.id IN (?) ORDER BY k.market_time", tenantID, bun.List(ids)).Scan(ctx, &st.bots)
	if err != nil {
		return st, fmt.Errorf("reading the accounts of live bots: %w", err)
	}
	for _, b := range st.bots { // the newest last
		st.see(b.Pair, b.Summary.value.Price)
		for _, p := range b.Summary.value.Positions {
			st.see(p.Pair, p.Price)
		}
	}
	for _, b := range st.books {
		if b.Base.IsZero() {
			continue
		}
		price, err := st.price(ctx, tx, tenantID, b.Pair)
		if err != nil {
			return st, err
		}
		st.positions = st.positions.Add(b.Base.Mul(price))
	}
	var orders []liveOrderRow
	// The condition is that of the index live_orders_unsettled.
	err = tx.NewSelect().Model(&orders).Where("tenant_id = ? AND bot_id IN (?)", tenantID, bun.List(ids)).Where("NOT settled").Where("side = 'buy'").Scan(ctx)
	if err != nil {
		return st, fmt.Errorf("reading the open buys of live bots: %w", err)
	}
	for _, row := range orders {
		if !st.has(row.BotID, row.Pair) {
			continue
		}
		cost, err := st.cost(ctx, tx, tenantID, row.order())
		if err != nil {
			return st, err
		}
		st.buys = st.buys.Add(cost)
	}
	return st, nil
}

func wrapped(err error, operation string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", operation, err)
}

// has reports whether a bot trades a pair in the currency.
func (s *staked) has(botID, pair string) bool {
	return slices.ContainsFunc(s.books, func(b bookRow) bool { return b.BotID == botID && b.Pair == pair })
}

// see notes a price.
func (s *staked) see(pair string, price decimal.Decimal) {
	if price.IsPositive() {
		s.prices[pair] = price
	}
}

// price is the last that is known of a pair: what a bot saw, or at which one traded.
func (s *staked) price(ctx context.Context, tx bun.IDB, tenantID, pair string) (decimal.Decimal, error) {
	if p, ok := s.prices[pair]; ok {
		return p, nil
	}
	var fills []liveFillRow
	err := tx.NewSelect().Model(&fills).Where("f.tenant_id = ? AND f.pair = ?", tenantID, pair).Order("f.at DESC").Limit(1).Scan(ctx)
	for _, f := range fills {
		s.see(pair, f.Price)
	}
	return s.prices[pair], wrapped(err, "reading the last price of "+pair)
}

// cost is what a buy may yet spend; that of one by volume at no price is at the last one.
func (s *staked) cost(ctx context.Context, tx bun.IDB, tenantID string, o journal.LiveOrder) (decimal.Decimal, error) {
	if o.Volume.IsPositive() && !o.Price.IsPositive() {
		var err error
		if o.Price, err = s.price(ctx, tx, tenantID, o.Pair); err != nil {
			return decimal.Zero, err
		}
	}
	return o.Cost(), nil
}

// lost is what a bot's account is worth less than at the beginning of the day, or than when
// it began within it.
func (b stakedBot) lost(ctx context.Context, tx bun.IDB, now time.Time) (decimal.Decimal, error) {
	sum, begun := b.Summary.value, ceiling.Day(now)
	switch {
	case sum.Ledger != b.Ledger: // its account has yet to begin
		return decimal.Zero, nil
	case !sum.Since.Before(begun):
		return sum.Profit.Neg(), nil
	}
	var points []equityRow
	err := tx.NewSelect().Model(&points).Where("e.tenant_id = ? AND e.bot_id = ? AND e.at >= ? AND e.at <= ?", b.TenantID, b.BotID, max(0, sum.Since.UnixMicro()), db.At(begun)).
		Order("e.at DESC").Limit(1).Scan(ctx)
	if err != nil {
		return decimal.Zero, fmt.Errorf("reading the equity of bot %s: %w", b.BotID, err)
	}
	if len(points) == 0 { // it has only begun and was not looked at before the day
		return sum.Profit.Neg(), nil
	}
	return points[0].Equity.Sub(sum.Equity), nil
}
