// Package offline is the payment provider without a payment service: a plan
// takes effect at once, its invoice stays open, and the operator settles it by
// hand with billing.Service.MarkPaid.
//
// It owns the terms of payment. It does not own invoices, which are package
// billing's.
//
// Smallest use:
//
//	p, err := offline.New(offline.Config{Instructions: "Transfer to …"})
package offline
