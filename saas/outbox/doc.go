// Package outbox carries domain events from the transaction in which they
// happened to whoever listens, through watermill and NATS JetStream.
//
// It owns the Recorder, which writes events in the business transaction; the
// Relay, which publishes them; the Broker, embedded in the process or a cluster;
// and the Subscriber, which hands each event to a handler. It does not own the
// table (package saasdb implements Store) or any event's meaning.
//
// The database is the source of truth. An event is published at least once: a
// relay that is killed between publishing and marking publishes again, with the
// same message id (the event's id), which the broker recognises within its
// window. A broker acknowledges before its disk does, so that a power cut may
// lose what it had acknowledged: on start the relay therefore publishes the last
// minutes once more. A subscriber notes the events that it has handled in the
// transaction of its handler, so that each takes effect once however often it
// arrives (rules H2, H5).
//
// Order: a consumer gets the events in the order of the outbox, which is that
// of commits for events of one thing whose changes lock it, one at a time. A
// handler that fails is called again, with growing pauses, before the next
// event.
//
// Smallest use:
//
//	rec, err := outbox.NewRecorder(outbox.RecorderConfig{Store: store, Wake: relay.Wake})
//	err = relay.Start(ctx)
//	err = sub.Subscribe(ctx, "notify", func(ctx context.Context, e event.Event) error { … })
package outbox
