package tenancy

import (
	"context"

	"github.com/lunobot/lunobot/saas/event"
)

// The types of the events of this package. Each happens in the transaction of
// the change that it tells of.
const (
	// EventRegistered is the birth of a tenant; its payload is Registered and its
	// subject the tenant.
	EventRegistered = "tenant.registered"
	// EventLoggedIn is a new session; payload SessionEvent, subject the session.
	EventLoggedIn = "user.logged_in"
	// EventSessionRevoked is the end of a session before its time; payload
	// SessionEvent, subject the session.
	EventSessionRevoked = "session.revoked"
	// EventReuseDetected is a refresh token that was used twice, which may mean
	// that it was stolen; payload SessionEvent, subject the session.
	EventReuseDetected = "session.reuse_detected"
	// EventPasswordChanged has payload UserEvent and the user as its subject.
	EventPasswordChanged = "password.changed"
	// EventUserDisabled has payload UserEvent and the user as its subject.
	EventUserDisabled = "user.disabled"
	// EventUserEnabled has payload UserEvent and the user as its subject.
	EventUserEnabled = "user.enabled"
)

// Registered is the payload of EventRegistered. It holds ids only: whoever
// needs an address asks for it, so that erasing a user erases it everywhere.
type Registered struct {
	TenantID      string `json:"tenant_id"`
	UserID        string `json:"user_id"`
	PlatformAdmin bool   `json:"platform_admin"`
}

// SessionEvent is the payload of the events of a session.
type SessionEvent struct {
	SessionID string `json:"session_id"`
	UserID    string `json:"user_id"`
	Device    string `json:"device,omitempty"`
	IP        string `json:"ip,omitempty"`
	// Reason is set when a session was revoked.
	Reason RevokeReason `json:"reason,omitempty"`
}

// UserEvent is the payload of the events of a user.
type UserEvent struct {
	UserID string `json:"user_id"`
	// By is the user who did it.
	By string `json:"by"`
}

// record stores one event in the transaction that ctx carries.
func (s *Service) record(ctx context.Context, tenantID, typ, subject string, data any) error {
	e, err := event.New(s.cfg.Now(), tenantID, typ, subject, data)
	if err != nil {
		return err
	}
	return s.cfg.Events.Record(ctx, e)
}
