package billingdb

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/saas/db"
)

type subscriptionRow struct {
	bun.BaseModel `bun:"table:billing_subscriptions,alias:s"`

	TenantID       string         `bun:"tenant_id,pk"`
	ID             string         `bun:"id"`
	PlanID         string         `bun:"plan_id"`
	PlanVersion    int            `bun:"plan_version"`
	Status         billing.Status `bun:"status"`
	StartedAt      db.Timestamp   `bun:"started_at"`
	PeriodStart    db.Timestamp   `bun:"period_start"`
	PeriodEnd      db.Timestamp   `bun:"period_end"`
	GraceUntil     db.Timestamp   `bun:"grace_until"`
	PendingID      sql.NullString `bun:"pending_plan_id"`
	PendingVersion sql.NullInt64  `bun:"pending_plan_version"`
	PendingBy      string         `bun:"pending_by"`
	Revision       int64          `bun:"revision"`
	LastInvoice    int64          `bun:"last_invoice"`
}

func toSubscriptionRow(tenantID string, s billing.Subscription) *subscriptionRow {
	pending := s.Pending != billing.PlanRef{}
	return &subscriptionRow{
		TenantID: tenantID, ID: s.ID, PlanID: s.Plan.ID, PlanVersion: s.Plan.Version, Status: s.Status,
		StartedAt: db.At(s.StartedAt), PeriodStart: db.At(s.PeriodStart), PeriodEnd: db.At(s.PeriodEnd),
		GraceUntil:     db.At(s.GraceUntil),
		PendingID:      sql.NullString{String: s.Pending.ID, Valid: pending},
		PendingVersion: sql.NullInt64{Int64: int64(s.Pending.Version), Valid: pending},
		PendingBy:      s.PendingBy, Revision: s.Revision, LastInvoice: s.LastInvoice,
	}
}

func (r subscriptionRow) subscription() billing.Subscription {
	return billing.Subscription{
		ID: r.ID, TenantID: r.TenantID, Plan: billing.PlanRef{ID: r.PlanID, Version: r.PlanVersion}, Status: r.Status,
		StartedAt: r.StartedAt.Time, PeriodStart: r.PeriodStart.Time, PeriodEnd: r.PeriodEnd.Time,
		GraceUntil: r.GraceUntil.Time,
		Pending:    billing.PlanRef{ID: r.PendingID.String, Version: int(r.PendingVersion.Int64)},
		PendingBy:  r.PendingBy, Revision: r.Revision, LastInvoice: r.LastInvoice,
	}
}

// CreateSubscription implements billing.SubscriptionStore.
func (s *Store) CreateSubscription(ctx context.Context, tenantID string, sub billing.Subscription) (created bool, err error) {
	err = s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		created, err = touched(tx.NewInsert().Model(toSubscriptionRow(tenantID, sub)).On("CONFLICT (tenant_id) DO NOTHING").Exec(ctx))
		return wrap("creating a subscription", err)
	})
	return created, err
}

// Subscription implements billing.SubscriptionStore.
func (s *Store) Subscription(ctx context.Context, tenantID string) (sub billing.Subscription, err error) {
	err = s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		sub, err = selectSubscription(ctx, tx.NewSelect(), tenantID)
		return err
	})
	return sub, err
}

// LockSubscription implements billing.SubscriptionStore. On SQLite the
// transaction is the only writer already; on PostgreSQL it locks the row, but
// not against the foreign keys of invoices, which do not change it.
func (s *Store) LockSubscription(ctx context.Context, tenantID string) (sub billing.Subscription, err error) {
	err = s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		q := tx.NewSelect()
		if s.db.Dialect() == db.Postgres {
			q = q.For("NO KEY UPDATE")
		}
		sub, err = selectSubscription(ctx, q, tenantID)
		return err
	})
	return sub, err
}

func selectSubscription(ctx context.Context, q *bun.SelectQuery, tenantID string) (billing.Subscription, error) {
	var row subscriptionRow
	err := q.Model(&row).Where("tenant_id = ?", tenantID).Scan(ctx)
	return row.subscription(), db.NotFound(err, "reading a subscription", billing.ErrNoSubscription)
}

// UpdateSubscription implements billing.SubscriptionStore.
func (s *Store) UpdateSubscription(ctx context.Context, tenantID string, sub billing.Subscription) error {
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		found, err := touched(tx.NewUpdate().Model(toSubscriptionRow(tenantID, sub)).
			ExcludeColumn("tenant_id", "id", "started_at").
			Where("tenant_id = ?", tenantID).Where("id = ?", sub.ID).Exec(ctx))
		if err == nil && !found {
			return billing.ErrNoSubscription
		}
		return wrap("updating a subscription", err)
	})
}

// DueTenants implements billing.SubscriptionStore.
func (s *Store) DueTenants(ctx context.Context, now time.Time, after string, limit int) (tenants []string, err error) {
	err = s.db.SystemRead(ctx, "listing subscriptions that are due", func(ctx context.Context, tx bun.IDB) error {
		return tx.NewSelect().Model((*subscriptionRow)(nil)).Column("tenant_id").
			Where("period_end <= ?", db.At(now)).
			Where("status IN (?, ?)", billing.StatusActive, billing.StatusPastDue).
			Where("tenant_id > ?", after).
			Order("tenant_id").Limit(int64(limit)).Scan(ctx, &tenants)
	})
	return tenants, err
}

// touched reports whether a statement changed a row.
func touched(res sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

func wrap(operation string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", operation, err)
}
