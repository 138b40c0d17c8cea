package api

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/tenancy"
)

// invoice is an invoice as the API shows it.
type invoice struct {
	ID          string     `json:"id" doc:"Identifies the invoice." example:"0197e1a2-6f00-7a00-8000-000000000006"`
	Reference   string     `json:"reference" doc:"The number that people quote." example:"INV-000001"`
	Number      int64      `json:"number" doc:"Counts the tenant's invoices without a gap." example:"1"`
	Kind        string     `json:"kind" doc:"Why it was written: start, change or renewal." example:"change"`
	Status      string     `json:"status" doc:"Open or paid." example:"open"`
	Lines       []line     `json:"lines" doc:"They sum to the total."`
	Total       money      `json:"total" doc:"What is owed; negative is a credit."`
	PeriodStart time.Time  `json:"period_start" doc:"What it is for, from." example:"2026-01-02T00:00:00Z"`
	PeriodEnd   time.Time  `json:"period_end" doc:"What it is for, to." example:"2026-02-02T00:00:00Z"`
	Note        string     `json:"note" doc:"How to pay."`
	IssuedAt    time.Time  `json:"issued_at" doc:"When it was written." example:"2026-01-02T15:04:05Z"`
	DueAt       *time.Time `json:"due_at" doc:"Until when it is to be paid; null is at once."`
	PaidAt      *time.Time `json:"paid_at" doc:"When it was settled; null while it is open."`
}

// line is a line of an invoice.
type line struct {
	Text   string `json:"text" doc:"What it is for." example:"Basic for the rest of the period"`
	Amount money  `json:"amount" doc:"Negative is a credit."`
}

func invoiceView(i billing.Invoice) invoice {
	v := invoice{
		ID: i.ID, Reference: i.Reference(), Number: i.Number, Kind: string(i.Kind), Status: string(i.Status), Lines: []line{}, Total: moneyView(i.Total),
		PeriodStart: i.PeriodStart.UTC(), PeriodEnd: i.PeriodEnd.UTC(), Note: i.Note, IssuedAt: i.IssuedAt.UTC(), DueAt: moment(i.DueAt), PaidAt: moment(i.PaidAt),
	}
	for _, l := range i.Lines {
		v.Lines = append(v.Lines, line{Text: l.Text, Amount: moneyView(l.Amount)})
	}
	return v
}

func (a *API) listInvoices(ctx context.Context, who tenancy.Principal, in *struct{ ListQuery }) (*answer[listOf[invoice]], error) {
	if err := who.Require(tenancy.BillingRead); err != nil {
		return nil, err
	}
	of := list{"invoices", who.TenantID}
	p, err := a.cursors.page(in.ListQuery, of)
	if err != nil {
		return nil, err
	}
	all, err := a.cfg.Billing.Invoices(ctx, who.TenantID)
	if err != nil {
		return nil, err
	}
	// A tenant has one or two invoices a month: cutting the list here is cheaper
	// than another query.
	if after, err := strconv.ParseInt(p.After, 10, 64); err == nil {
		all = slices.DeleteFunc(all, func(i billing.Invoice) bool { return i.Number >= after })
	}
	l := page.Of(all, p.Limit, func(i billing.Invoice) string { return decimalKey(i.Number) })
	return listed(a.cursors, of, l, invoiceView), nil
}

// decimalKey is a number as the key of a list.
func decimalKey(n int64) string { return strconv.FormatInt(n, 10) }
