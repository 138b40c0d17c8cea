package billing

import (
	"fmt"
	"time"
)

// InvoiceKind is why an invoice was written.
type InvoiceKind string

// The kinds of invoice.
const (
	// InvoiceStart is for the first period of a subscription.
	InvoiceStart InvoiceKind = "start"
	// InvoiceChange is for the rest of a period after a change of the plan.
	InvoiceChange InvoiceKind = "change"
	// InvoiceRenewal is for a whole further period.
	InvoiceRenewal InvoiceKind = "renewal"
)

// InvoiceStatus says whether an invoice has been settled.
type InvoiceStatus string

// The statuses of an invoice.
const (
	InvoiceOpen InvoiceStatus = "open"
	InvoicePaid InvoiceStatus = "paid"
)

// Line is one line of an invoice.
type Line struct {
	// Text says what it is for.
	Text string `json:"text"`
	// Amount is negative for a credit.
	Amount Money `json:"amount"`
}

// Invoice is a finalised invoice. It never changes but for being settled.
type Invoice struct {
	// ID is a UUIDv7.
	ID string
	// TenantID is who owes it.
	TenantID string
	// SubscriptionID is the subscription that it is for.
	SubscriptionID string
	// Number counts the tenant's invoices from 1 without a gap.
	Number int64
	// Kind is why it was written.
	Kind InvoiceKind
	// Revision is the subscription's revision for a change, else 0; with
	// PeriodStart and Kind it makes the invoice unique.
	Revision int64
	// Status says whether it has been settled.
	Status InvoiceStatus
	// Lines sum to Total.
	Lines []Line
	// Total is what is owed; negative is a credit that the operator pays out.
	Total Money
	// PeriodStart and PeriodEnd are what it is for, the end not included.
	PeriodStart, PeriodEnd time.Time
	// Provider is the name of the provider that collects it.
	Provider string
	// Note tells the tenant how to pay.
	Note string
	// IssuedAt is when it was finalised.
	IssuedAt time.Time
	// DueAt is until when it is to be paid; the zero time is at once.
	DueAt time.Time
	// PaidAt is when it was settled, and PaidBy by whom; empty while open.
	PaidAt time.Time
	PaidBy string
}

// Reference is the invoice's number as people quote it, such as "INV-000012".
func (i Invoice) Reference() string { return fmt.Sprintf("INV-%06d", i.Number) }

// Prorate returns the lines of a change from one plan to another at a time
// within the period [start, end): the credit for the unused part of the old
// plan and the charge of the new one for the same part, each price × seconds
// left ÷ seconds in the period, rounded half away from zero to the minor unit.
// A free plan makes no line. At one instant, there and back nets to zero.
func Prorate(from, to Plan, start, end, at time.Time) []Line {
	whole := int64(end.Sub(start) / time.Second)
	left := min(max(int64(end.Sub(at)/time.Second), 0), whole)
	if whole <= 0 {
		return nil
	}
	var lines []Line
	if from.Price.Minor != 0 {
		lines = append(lines, Line{Text: "Unused part of " + from.Name, Amount: from.Price.Part(left, whole).Neg()})
	}
	if to.Price.Minor != 0 {
		lines = append(lines, Line{Text: to.Name + " for the rest of the period", Amount: to.Price.Part(left, whole)})
	}
	return lines
}

// sum adds the lines.
func sum(lines []Line) (Money, error) {
	var total Money
	for _, l := range lines {
		var err error
		if total, err = total.Add(l.Amount); err != nil {
			return Money{}, err
		}
	}
	return total, nil
}
