package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/lunobot/lunobot/saas/event"
)

// The events. The subject is the subscription's id, or the invoice's.
const (
	EventSubscriptionStarted = "subscription.started"
	EventSubscriptionChanged = "subscription.changed"
	EventChangeScheduled     = "subscription.change_scheduled"
	EventChangeCanceled      = "subscription.change_canceled"
	EventSubscriptionStatus  = "subscription.status_changed"
	EventOverrideChanged     = "subscription.override_changed"
	EventInvoiceIssued       = "invoice.issued"
	EventInvoicePaid         = "invoice.paid"
)

// SubscriptionStarted is the payload of subscription.started.
type SubscriptionStarted struct {
	PlanRef
	PlanName    string    `json:"plan_name"`
	PeriodStart time.Time `json:"period_start"`
	PeriodEnd   time.Time `json:"period_end"`
}

// PlanChange is the payload of subscription.changed, of
// subscription.change_scheduled and, for the change that is no longer to come,
// of subscription.change_canceled.
type PlanChange struct {
	From        PlanRef   `json:"from"`
	To          PlanRef   `json:"to"`
	ToName      string    `json:"to_name"`
	EffectiveAt time.Time `json:"effective_at"`
	Actor       string    `json:"actor"`
}

// StatusChange is the payload of subscription.status_changed.
type StatusChange struct {
	From       Status    `json:"from"`
	To         Status    `json:"to"`
	GraceUntil time.Time `json:"grace_until,omitzero"`
	Actor      string    `json:"actor"`
}

// OverrideChanged is the payload of subscription.override_changed.
type OverrideChanged struct {
	Feature Feature `json:"feature"`
	// Limit is the new limit; nil says that the override was removed.
	Limit     *Limit    `json:"limit"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	Actor     string    `json:"actor"`
	Reason    string    `json:"reason,omitempty"`
}

// InvoiceEvent is the payload of invoice.issued and invoice.paid.
type InvoiceEvent struct {
	Reference string      `json:"reference"`
	Kind      InvoiceKind `json:"kind"`
	Total     Money       `json:"total"`
	DueAt     time.Time   `json:"due_at,omitzero"`
	// Actor is who settled it; empty for invoice.issued.
	Actor string `json:"actor,omitempty"`
}

func (s *Service) record(ctx context.Context, sub Subscription, typ string, data any) error {
	return s.recordOf(ctx, sub.TenantID, sub.ID, typ, data)
}

func (s *Service) recordOf(ctx context.Context, tenantID, subject, typ string, data any) error {
	e, err := event.New(s.cfg.Now(), tenantID, typ, subject, data)
	if err != nil {
		return err
	}
	if err := s.cfg.Events.Record(ctx, e); err != nil {
		return fmt.Errorf("recording %s: %w", typ, err)
	}
	return nil
}
