package billingdb

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/saas/db"
)

type invoiceRow struct {
	bun.BaseModel `bun:"table:billing_invoices,alias:i"`

	TenantID       string                `bun:"tenant_id,pk"`
	ID             string                `bun:"id,pk"`
	SubscriptionID string                `bun:"subscription_id"`
	Number         int64                 `bun:"number"`
	Kind           billing.InvoiceKind   `bun:"kind"`
	Revision       int64                 `bun:"revision"`
	Status         billing.InvoiceStatus `bun:"status"`
	Lines          string                `bun:"lines"`
	Total          int64                 `bun:"total"`
	Currency       string                `bun:"currency"`
	PeriodStart    db.Timestamp          `bun:"period_start"`
	PeriodEnd      db.Timestamp          `bun:"period_end"`
	Provider       string                `bun:"provider"`
	Note           string                `bun:"note"`
	IssuedAt       db.Timestamp          `bun:"issued_at"`
	DueAt          db.Timestamp          `bun:"due_at"`
	PaidAt         db.Timestamp          `bun:"paid_at"`
	PaidBy         string                `bun:"paid_by"`
}

func (r invoiceRow) invoice() (billing.Invoice, error) {
	inv := billing.Invoice{
		ID: r.ID, TenantID: r.TenantID, SubscriptionID: r.SubscriptionID, Number: r.Number, Kind: r.Kind,
		Revision: r.Revision, Status: r.Status, Total: billing.Money{Minor: r.Total, Currency: r.Currency},
		PeriodStart: r.PeriodStart.Time, PeriodEnd: r.PeriodEnd.Time, Provider: r.Provider, Note: r.Note,
		IssuedAt: r.IssuedAt.Time, DueAt: r.DueAt.Time, PaidAt: r.PaidAt.Time, PaidBy: r.PaidBy,
	}
	if err := json.Unmarshal([]byte(r.Lines), &inv.Lines); err != nil {
		return billing.Invoice{}, fmt.Errorf("the lines of invoice %s cannot be read: %w", r.ID, err)
	}
	return inv, nil
}

// CreateInvoice implements billing.InvoiceStore.
func (s *Store) CreateInvoice(ctx context.Context, tenantID string, i billing.Invoice) (created bool, err error) {
	lines, err := json.Marshal(i.Lines)
	if err != nil {
		return false, fmt.Errorf("encoding the lines of an invoice: %w", err)
	}
	row := invoiceRow{
		TenantID: tenantID, ID: i.ID, SubscriptionID: i.SubscriptionID, Number: i.Number, Kind: i.Kind,
		Revision: i.Revision, Status: i.Status, Lines: string(lines), Total: i.Total.Minor, Currency: i.Total.Currency,
		PeriodStart: db.At(i.PeriodStart), PeriodEnd: db.At(i.PeriodEnd), Provider: i.Provider, Note: i.Note,
		IssuedAt: db.At(i.IssuedAt), DueAt: db.At(i.DueAt), PaidAt: db.At(i.PaidAt), PaidBy: i.PaidBy,
	}
	err = s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		created, err = touched(tx.NewInsert().Model(&row).
			On("CONFLICT (tenant_id, subscription_id, period_start, kind, revision) DO NOTHING").Exec(ctx))
		return wrap("creating an invoice", err)
	})
	return created, err
}

// Invoices implements billing.InvoiceStore.
func (s *Store) Invoices(ctx context.Context, tenantID string) (list []billing.Invoice, err error) {
	err = s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		var rows []invoiceRow
		if err := tx.NewSelect().Model(&rows).Where("tenant_id = ?", tenantID).Order("number DESC").Scan(ctx); err != nil {
			return wrap("listing invoices", err)
		}
		for _, r := range rows {
			inv, err := r.invoice()
			if err != nil {
				return err
			}
			list = append(list, inv)
		}
		return nil
	})
	return list, err
}

// Invoice implements billing.InvoiceStore.
func (s *Store) Invoice(ctx context.Context, tenantID, id string) (inv billing.Invoice, err error) {
	err = s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		row := invoiceRow{TenantID: tenantID, ID: id}
		if err := tx.NewSelect().Model(&row).WherePK().Scan(ctx); err != nil {
			return db.NotFound(err, "reading an invoice", billing.ErrNoInvoice)
		}
		inv, err = row.invoice()
		return err
	})
	return inv, err
}

// SettleInvoice implements billing.InvoiceStore.
func (s *Store) SettleInvoice(ctx context.Context, tenantID, id, by string, at time.Time) (settled bool, err error) {
	err = s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		settled, err = touched(tx.NewUpdate().Model((*invoiceRow)(nil)).
			Set("status = ?", billing.InvoicePaid).Set("paid_at = ?", db.At(at)).Set("paid_by = ?", by).
			Where("tenant_id = ?", tenantID).Where("id = ?", id).Where("status = ?", billing.InvoiceOpen).Exec(ctx))
		if err != nil || settled {
			return wrap("settling an invoice", err)
		}
		_, err = s.Invoice(ctx, tenantID, id)
		return err
	})
	return settled, err
}
