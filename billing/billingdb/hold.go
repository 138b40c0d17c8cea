package billingdb

import (
	"context"
	"slices"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/billing"
)

type holdRow struct {
	bun.BaseModel `bun:"table:billing_holds,alias:h"`

	TenantID string          `bun:"tenant_id,pk"`
	Feature  billing.Feature `bun:"feature,pk"`
	Item     string          `bun:"item,pk"`
	Holder   string          `bun:"holder,pk"`
}

type usageRow struct {
	bun.BaseModel `bun:"table:billing_usage,alias:u"`

	TenantID string          `bun:"tenant_id,pk"`
	Feature  billing.Feature `bun:"feature,pk"`
	Used     int64           `bun:"used"`
}

// AddHolds implements billing.HoldStore. The counter's row is locked first, so
// that what is held cannot change meanwhile; the conditional UPDATE decides.
func (s *Store) AddHolds(
	ctx context.Context, tenantID string, f billing.Feature, limit billing.Limit, holds []billing.Hold,
) (got billing.Taking, err error) {
	err = s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		used, err := lockCounter(ctx, tx, tenantID, f)
		if err != nil {
			return wrap("locking a counter", err)
		}
		held, err := heldOf(ctx, tx, tenantID, f, holds)
		if err != nil {
			return err
		}
		got = missing(held, holds)
		got.Used = used
		if got.More > 0 {
			q := tx.NewUpdate().Model((*usageRow)(nil)).Set("used = used + ?", got.More).
				Where("tenant_id = ?", tenantID).Where("feature = ?", f)
			if limit != billing.Unlimited {
				q = q.Where("used + ? <= ?", got.More, int64(limit))
			}
			raised, err := touched(q.Exec(ctx))
			if err != nil {
				return wrap("raising a counter", err)
			}
			if !raised {
				got.Added, got.Refused = nil, true
				return nil
			}
			got.Used += got.More
		}
		return insertHolds(ctx, tx, tenantID, f, got.Added)
	})
	return got, err
}

// missing compares what is held of the keys with what is wanted.
func missing(held []holdRow, wanted []billing.Hold) (got billing.Taking) {
	seen := map[string]bool{}
	for _, h := range held {
		seen[h.Item] = true
	}
	for _, w := range wanted {
		has := func(h holdRow) bool { return h.Item == w.Key && h.Holder == w.Holder }
		if slices.ContainsFunc(held, has) || slices.Contains(got.Added, w) {
			continue
		}
		got.Added = append(got.Added, w)
		if !seen[w.Key] {
			seen[w.Key] = true
			got.More++
		}
	}
	return got
}

// RemoveHolds implements billing.HoldStore.
func (s *Store) RemoveHolds(ctx context.Context, tenantID string, f billing.Feature, holds []billing.Hold) error {
	if len(holds) == 0 {
		return nil
	}
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		if _, err := lockCounter(ctx, tx, tenantID, f); err != nil {
			return wrap("locking a counter", err)
		}
		before, err := heldOf(ctx, tx, tenantID, f, holds)
		if err != nil {
			return err
		}
		q := tx.NewDelete().Model((*holdRow)(nil)).Where("tenant_id = ?", tenantID).Where("feature = ?", f).
			WhereGroup(" AND ", func(q *bun.DeleteQuery) *bun.DeleteQuery {
				for _, h := range holds {
					q = q.WhereOr("item = ? AND holder = ?", h.Key, h.Holder)
				}
				return q
			})
		if _, err := q.Exec(ctx); err != nil {
			return wrap("removing holds", err)
		}
		after, err := heldOf(ctx, tx, tenantID, f, holds)
		if err != nil {
			return err
		}
		// A counter that is too low, which Repair would find, must not stop a
		// tenant from giving something back.
		gone := countKeys(before) - countKeys(after)
		_, err = tx.NewUpdate().Model((*usageRow)(nil)).Set("used = CASE WHEN used > ? THEN used - ? ELSE 0 END", gone, gone).
			Where("tenant_id = ?", tenantID).Where("feature = ?", f).Exec(ctx)
		return wrap("lowering a counter", err)
	})
}

// lockCounter makes the counter if it is missing, locks it and reads it. The
// update to itself is what both databases take as a lock.
func lockCounter(ctx context.Context, tx bun.IDB, tenantID string, f billing.Feature) (used int64, err error) {
	row := usageRow{TenantID: tenantID, Feature: f}
	_, err = tx.NewInsert().Model(&row).On("CONFLICT (tenant_id, feature) DO UPDATE").Set("used = u.used").
		Returning("used").Exec(ctx, &used)
	return used, err
}

// heldOf lists what is held of the keys of the holds, by whomever.
func heldOf(ctx context.Context, tx bun.IDB, tenantID string, f billing.Feature, holds []billing.Hold) (rows []holdRow, err error) {
	keys := make([]string, 0, len(holds))
	for _, h := range holds {
		keys = append(keys, h.Key)
	}
	err = tx.NewSelect().Model(&rows).Where("tenant_id = ?", tenantID).Where("feature = ?", f).
		Where("item IN (?)", bun.List(keys)).Scan(ctx)
	return rows, wrap("reading holds", err)
}

func insertHolds(ctx context.Context, tx bun.IDB, tenantID string, f billing.Feature, holds []billing.Hold) error {
	if len(holds) == 0 {
		return nil
	}
	rows := make([]holdRow, 0, len(holds))
	for _, h := range holds {
		rows = append(rows, holdRow{TenantID: tenantID, Feature: f, Item: h.Key, Holder: h.Holder})
	}
	_, err := tx.NewInsert().Model(&rows).Exec(ctx)
	return wrap("adding holds", err)
}

func countKeys(rows []holdRow) int64 {
	keys := map[string]bool{}
	for _, r := range rows {
		keys[r.Item] = true
	}
	return int64(len(keys))
}

// Used implements billing.HoldStore.
func (s *Store) Used(ctx context.Context, tenantID string) (map[billing.Feature]int64, error) {
	used := map[billing.Feature]int64{}
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		var rows []usageRow
		if err := tx.NewSelect().Model(&rows).Where("tenant_id = ?", tenantID).Scan(ctx); err != nil {
			return wrap("reading counters", err)
		}
		for _, r := range rows {
			used[r.Feature] = r.Used
		}
		return nil
	})
	return used, err
}

// Recount implements billing.HoldStore.
func (s *Store) Recount(ctx context.Context, tenantID string) (changed int, err error) {
	err = s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		var features []billing.Feature
		if err := tx.NewRaw(`SELECT feature FROM billing_usage WHERE tenant_id = ?
			UNION SELECT feature FROM billing_holds WHERE tenant_id = ? ORDER BY 1`, tenantID, tenantID).Scan(ctx, &features); err != nil {
			return wrap("listing counters", err)
		}
		for _, f := range features {
			if _, err := lockCounter(ctx, tx, tenantID, f); err != nil {
				return wrap("locking a counter", err)
			}
			held := tx.NewSelect().Model((*holdRow)(nil)).ColumnExpr("count(DISTINCT item)").
				Where("tenant_id = ?", tenantID).Where("feature = ?", f)
			wrong, err := touched(tx.NewUpdate().Model((*usageRow)(nil)).Set("used = (?)", held).
				Where("tenant_id = ?", tenantID).Where("feature = ?", f).Where("used <> (?)", held).Exec(ctx))
			if err != nil {
				return wrap("recounting", err)
			}
			if wrong {
				changed++
			}
		}
		return nil
	})
	return changed, err
}
