package outbox

import (
	"context"
	"time"

	"github.com/lunobot/lunobot/saas/event"
)

// Message is an event in the outbox.
type Message struct {
	// ID orders the events.
	ID    int64
	Event event.Event
}

// Handler does what an event asks for. Its ctx carries the writing transaction
// in which the event is noted as handled, so that its effect in the database
// happens exactly once; what it does elsewhere may happen again. It should take
// no more than a few seconds: slow work belongs in a job that it stores.
type Handler func(ctx context.Context, e event.Event) error

// Publish sends messages, oldest first, and returns how many of them went out
// before an error.
type Publish func(ctx context.Context, messages []Message) (sent int, err error)

// Store keeps the outbox.
type Store interface {
	// AddEvents stores events in the transaction that ctx carries; without one
	// it is an error.
	AddEvents(ctx context.Context, events []event.Event) error
	// DrainEvents gives at most limit of the oldest unsent events to publish,
	// marks those that went out as sent at now, and returns how many these are
	// with publish's error. If another relay is at it, it does nothing.
	DrainEvents(ctx context.Context, limit int, now time.Time, publish Publish) (int, error)
	// ResendEvents makes events that were sent after the time unsent again and
	// returns how many.
	ResendEvents(ctx context.Context, after time.Time) (int, error)
	// PruneEvents deletes events sent, and notes of handled events made, before
	// the times. It returns how many events went.
	PruneEvents(ctx context.Context, sentBefore, handledBefore time.Time) (int, error)
	// HandleEvent calls fn in a transaction of the event's tenant unless the
	// consumer has handled the event before, and notes at now that it has. If
	// fn fails, nothing is noted.
	HandleEvent(ctx context.Context, consumer string, e event.Event, now time.Time, fn Handler) error
}
