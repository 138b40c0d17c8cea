package offline

import (
	"context"
	"errors"
	"time"

	"github.com/lunobot/lunobot/billing"
)

// Config says what the invoices ask for.
type Config struct {
	// DueIn is the time to pay, from the day of issue. Defaults to 14 days.
	DueIn time.Duration
	// Instructions tell the tenant how to pay, such as a bank account. Defaults
	// to a sentence that points to the operator.
	Instructions string
}

// Provider writes invoices that are settled by hand. It is immutable.
type Provider struct{ cfg Config }

var _ billing.Provider = (*Provider)(nil)

// New returns a Provider. A negative DueIn is an error.
func New(cfg Config) (*Provider, error) {
	if cfg.DueIn < 0 {
		return nil, errors.New("offline: DueIn must not be negative")
	}
	if cfg.DueIn == 0 {
		cfg.DueIn = 14 * 24 * time.Hour
	}
	if cfg.Instructions == "" {
		cfg.Instructions = "Please ask the operator of this service how to pay, and quote the number of the invoice."
	}
	return &Provider{cfg: cfg}, nil
}

// Name is "offline".
func (p *Provider) Name() string { return "offline" }

// Prepare sets when an open invoice is due and how it is paid. A credit, which
// the operator pays out, and an invoice of nothing ask for nothing.
func (p *Provider) Prepare(_ context.Context, i *billing.Invoice) error {
	if i.Total.Minor <= 0 {
		return nil
	}
	i.DueAt = i.IssuedAt.Add(p.cfg.DueIn)
	i.Note = p.cfg.Instructions
	return nil
}
