package billingdb

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/saas/db"
)

type overrideRow struct {
	bun.BaseModel `bun:"table:billing_overrides,alias:o"`

	TenantID  string          `bun:"tenant_id,pk"`
	Feature   billing.Feature `bun:"feature,pk"`
	Max       int64           `bun:"max"`
	ExpiresAt db.Timestamp    `bun:"expires_at"`
	Author    string          `bun:"author"`
	Reason    string          `bun:"reason"`
	CreatedAt db.Timestamp    `bun:"created_at"`
}

// Overrides implements billing.SubscriptionStore.
func (s *Store) Overrides(ctx context.Context, tenantID string) (list []billing.Override, err error) {
	err = s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		var rows []overrideRow
		if err := tx.NewSelect().Model(&rows).Where("tenant_id = ?", tenantID).Order("feature").Scan(ctx); err != nil {
			return wrap("reading overrides", err)
		}
		for _, r := range rows {
			list = append(list, billing.Override{
				Feature: r.Feature, Limit: billing.Limit(r.Max), ExpiresAt: r.ExpiresAt.Time,
				Author: r.Author, Reason: r.Reason, CreatedAt: r.CreatedAt.Time,
			})
		}
		return nil
	})
	return list, err
}

// SetOverride implements billing.SubscriptionStore.
func (s *Store) SetOverride(ctx context.Context, tenantID string, o billing.Override) error {
	row := overrideRow{
		TenantID: tenantID, Feature: o.Feature, Max: int64(o.Limit), ExpiresAt: db.At(o.ExpiresAt),
		Author: o.Author, Reason: o.Reason, CreatedAt: db.At(o.CreatedAt),
	}
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		_, err := tx.NewInsert().Model(&row).On("CONFLICT (tenant_id, feature) DO UPDATE").
			Set("max = EXCLUDED.max").Set("expires_at = EXCLUDED.expires_at").Set("author = EXCLUDED.author").
			Set("reason = EXCLUDED.reason").Set("created_at = EXCLUDED.created_at").Exec(ctx)
		return wrap("setting an override", err)
	})
}

// RemoveOverride implements billing.SubscriptionStore.
func (s *Store) RemoveOverride(ctx context.Context, tenantID string, f billing.Feature) (removed bool, err error) {
	err = s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		removed, err = touched(tx.NewDelete().Model((*overrideRow)(nil)).
			Where("tenant_id = ?", tenantID).Where("feature = ?", f).Exec(ctx))
		return wrap("removing an override", err)
	})
	return removed, err
}
