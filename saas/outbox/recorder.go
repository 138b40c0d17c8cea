package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/event"
)

// maxData bounds an event's payload, far below what brokers take.
const maxData = 256 << 10

// RecorderConfig says what a Recorder works with.
type RecorderConfig struct {
	// Store keeps the outbox. Required.
	Store Store
	// Wake is called once a transaction with events has been committed; it must
	// not block. Relay.Wake is one. Defaults to nothing.
	Wake func()
}

// Recorder writes events to the outbox. It implements event.Recorder and is
// safe for concurrent use.
type Recorder struct{ cfg RecorderConfig }

var _ event.Recorder = (*Recorder)(nil)

// NewRecorder checks cfg and builds a Recorder.
func NewRecorder(cfg RecorderConfig) (*Recorder, error) {
	if cfg.Store == nil {
		return nil, errors.New("outbox: RecorderConfig.Store is required")
	}
	if cfg.Wake == nil {
		cfg.Wake = func() {}
	}
	return &Recorder{cfg: cfg}, nil
}

// Record stores events in the transaction that ctx carries; without one, and
// for an event that could never be published, it is an error.
func (r *Recorder) Record(ctx context.Context, events ...event.Event) error {
	if len(events) == 0 {
		return nil
	}
	for _, e := range events {
		if err := check(e); err != nil {
			return fmt.Errorf("recording event %q: %w", e.Type, err)
		}
	}
	if err := r.cfg.Store.AddEvents(ctx, events); err != nil {
		return err
	}
	db.AfterCommit(ctx, r.cfg.Wake)
	return nil
}

// check finds what would stop the relay at this event for ever.
func check(e event.Event) error {
	switch {
	case e.ID == "":
		return errors.New("it has no id")
	case e.TenantID != "" && !token(e.TenantID, false):
		return errs.New(errs.Internal, "bad_event", "the tenant id %q cannot be part of a subject", e.TenantID)
	case !token(e.Type, true):
		return errs.New(errs.Internal, "bad_event", "the type cannot be part of a subject")
	case len(e.Data) > maxData:
		return errs.New(errs.Internal, "bad_event", "its data has %d bytes, and %d are allowed", len(e.Data), maxData)
	case len(e.Data) > 0 && !json.Valid(e.Data):
		return errs.New(errs.Internal, "bad_event", "its data is not JSON")
	}
	return nil
}

// subject returns where an event is published. The tenant is part of it (rule
// P11).
func subject(e event.Event) string {
	tenant := e.TenantID
	if tenant == "" {
		tenant = "-"
	}
	return subjectPrefix + tenant + "." + e.Type
}

// token reports whether s can be a part of a subject: letters, digits, "-" and
// "_", and single dots between them if dots are allowed.
func token(s string, dots bool) bool {
	last := byte('.')
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '.':
			if !dots || last == '.' {
				return false
			}
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
		last = c
	}
	return last != '.'
}
