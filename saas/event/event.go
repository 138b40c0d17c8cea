package event

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Event is one thing that happened. Events are values and never change.
type Event struct {
	// ID is a UUIDv7; consumers use it to recognise a repeat.
	ID string `json:"id"`
	// TenantID is the tenant that it happened to.
	TenantID string `json:"tenant_id"`
	// Type is a dotted name in the past tense, such as "bot.started".
	Type string `json:"type"`
	// Subject is the id of the thing that it happened to.
	Subject string `json:"subject"`
	// Time is when it happened, in UTC.
	Time time.Time `json:"time"`
	// Data is the payload, a JSON object.
	Data json.RawMessage `json:"data"`
}

// New builds an event with a fresh id; data is marshalled to JSON. The error
// is that of marshalling.
func New(now time.Time, tenantID, typ, subject string, data any) (Event, error) {
	raw, err := json.Marshal(data)
	if err != nil {
		return Event{}, fmt.Errorf("encoding event %s: %w", typ, err)
	}
	return Event{
		ID: uuid.Must(uuid.NewV7()).String(), TenantID: tenantID, Type: typ,
		Subject: subject, Time: now.UTC(), Data: raw,
	}, nil
}

// Recorder stores events in the transaction that ctx carries, so that an event
// exists exactly if the change that it tells of was committed.
type Recorder interface {
	Record(ctx context.Context, events ...Event) error
}
