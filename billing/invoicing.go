package billing

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/lunobot/lunobot/saas/errs"
)

// Invoices lists the tenant's invoices, the newest first.
func (s *Service) Invoices(ctx context.Context, tenantID string) ([]Invoice, error) {
	list, err := s.cfg.Store.Invoices(ctx, tenantID)
	if err != nil {
		return nil, fmt.Errorf("listing the invoices of tenant %s: %w", tenantID, err)
	}
	return list, nil
}

// MarkPaid notes that an invoice was settled by hand, and by whom. For one that
// is settled already it does nothing. NotFound if the tenant has none of the id.
func (s *Service) MarkPaid(ctx context.Context, tenantID, invoiceID, actor string) error {
	var faults errs.Fields
	faults.Check(strings.TrimSpace(actor) != "", "/actor", "must not be empty")
	if err := faults.Err(); err != nil {
		return err
	}
	err := s.cfg.Tx.Tx(ctx, tenantID, func(ctx context.Context) error {
		settled, err := s.cfg.Store.SettleInvoice(ctx, tenantID, invoiceID, actor, s.now())
		if err != nil || !settled {
			return err
		}
		inv, err := s.cfg.Store.Invoice(ctx, tenantID, invoiceID)
		if err != nil {
			return err
		}
		return s.recordInvoice(ctx, EventInvoicePaid, inv)
	})
	if err != nil {
		return fmt.Errorf("settling invoice %s of tenant %s: %w", invoiceID, tenantID, err)
	}
	return nil
}

// issue finalises an invoice for [start, sub.PeriodEnd) and gives it the next
// number. The caller holds the subscription's lock, and stores sub afterwards,
// so that a number is used exactly if its invoice exists.
func (s *Service) issue(ctx context.Context, sub *Subscription, kind InvoiceKind, start time.Time, lines []Line) (*Invoice, error) {
	total, err := sum(lines)
	if err != nil {
		return nil, err
	}
	inv := Invoice{
		ID: uuid.Must(uuid.NewV7()).String(), TenantID: sub.TenantID, SubscriptionID: sub.ID,
		Number: sub.LastInvoice + 1, Kind: kind, Status: InvoiceOpen, Lines: lines, Total: total,
		PeriodStart: start, PeriodEnd: sub.PeriodEnd, Provider: s.cfg.Provider.Name(), IssuedAt: s.now(),
	}
	if kind == InvoiceChange {
		inv.Revision = sub.Revision
	}
	if total.IsZero() {
		inv.Status, inv.PaidAt, inv.PaidBy = InvoicePaid, inv.IssuedAt, inv.Provider
	}
	if err := s.cfg.Provider.Prepare(ctx, &inv); err != nil {
		return nil, fmt.Errorf("preparing the invoice: %w", err)
	}
	created, err := s.cfg.Store.CreateInvoice(ctx, sub.TenantID, inv)
	if err != nil {
		return nil, err
	}
	if !created {
		return nil, errs.New(errs.Conflict, "invoice_exists", "the period from %s was invoiced before", start.Format(time.RFC3339))
	}
	sub.LastInvoice = inv.Number
	return &inv, s.recordInvoice(ctx, EventInvoiceIssued, inv)
}

func (s *Service) recordInvoice(ctx context.Context, typ string, inv Invoice) error {
	return s.recordOf(ctx, inv.TenantID, inv.ID, typ, InvoiceEvent{
		Reference: inv.Reference(), Kind: inv.Kind, Total: inv.Total, DueAt: inv.DueAt, Actor: inv.PaidBy,
	})
}
