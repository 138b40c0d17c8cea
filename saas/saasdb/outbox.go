package saasdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/event"
	"github.com/lunobot/lunobot/saas/outbox"
)

// relayLock is the key of the PostgreSQL advisory lock under which one relay at
// a time publishes, so that the order is kept.
const relayLock = 0x4f5554424f58

type outboxRow struct {
	bun.BaseModel `bun:"table:outbox,alias:x"`

	ID       int64 `bun:",pk,autoincrement"`
	TenantID string
	EventID  string
	Type     string
	Subject  string
	At       db.Timestamp
	Data     string
	SentAt   db.Timestamp
}

func (r outboxRow) message() outbox.Message {
	return outbox.Message{ID: r.ID, Event: event.Event{
		ID: r.EventID, TenantID: r.TenantID, Type: r.Type, Subject: r.Subject, Time: r.At.Time, Data: json.RawMessage(r.Data),
	}}
}

type consumedRow struct {
	bun.BaseModel `bun:"table:outbox_consumed,alias:u"`

	TenantID string `bun:",pk"`
	Consumer string `bun:",pk"`
	EventID  string `bun:",pk"`
	At       db.Timestamp
}

// tenantWrite runs fn for a tenant, or for the installation if there is none.
func (s *Store) tenantWrite(ctx context.Context, tenantID, purpose string, fn func(ctx context.Context, tx bun.IDB) error) error {
	if tenantID == "" {
		return s.db.System(ctx, purpose, fn)
	}
	return s.db.Write(ctx, tenantID, fn)
}

// AddEvents implements outbox.Store.
func (s *Store) AddEvents(ctx context.Context, events []event.Event) error {
	if !db.Writing(ctx) {
		return errors.New("saasdb: an event must be recorded in the transaction of its change, and there is none")
	}
	for _, e := range events {
		row := outboxRow{TenantID: e.TenantID, EventID: e.ID, Type: e.Type, Subject: e.Subject, At: db.At(e.Time), Data: string(e.Data)}
		err := s.tenantWrite(ctx, e.TenantID, "recording an event", func(ctx context.Context, tx bun.IDB) error {
			_, err := tx.NewInsert().Model(&row).Exec(ctx)
			return err
		})
		if err != nil {
			return fmt.Errorf("recording event %s: %w", e.Type, err)
		}
	}
	return nil
}

// DrainEvents implements outbox.Store. On PostgreSQL it publishes inside the
// transaction that holds the relays' lock. A SQLite file has one server and so
// one relay; there it publishes outside, to leave the only writer free.
func (s *Store) DrainEvents(ctx context.Context, limit int, now time.Time, publish outbox.Publish) (int, error) {
	if s.db.Dialect() == db.SQLite {
		return s.drain(ctx, limit, now, publish)
	}
	sent := 0
	var perr error
	err := s.db.System(ctx, "relaying events", func(ctx context.Context, tx bun.IDB) error {
		var mine bool
		if err := tx.NewRaw("SELECT pg_try_advisory_xact_lock(?)", int64(relayLock)).Scan(ctx, &mine); err != nil || !mine {
			return err
		}
		sent, perr = s.drain(ctx, limit, now, publish)
		return nil // what went out is marked, whatever became of the rest
	})
	return sent, errors.Join(perr, err)
}

func (s *Store) drain(ctx context.Context, limit int, now time.Time, publish outbox.Publish) (int, error) {
	var rows []outboxRow
	err := s.db.SystemRead(ctx, "reading the outbox", func(ctx context.Context, tx bun.IDB) error {
		return tx.NewSelect().Model(&rows).Where("x.sent_at IS NULL").Order("x.id").Limit(int64(limit)).Scan(ctx)
	})
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	sent, perr := publish(ctx, convert(rows, outboxRow.message))
	if sent == 0 {
		return 0, perr
	}
	ids := convert(rows[:sent], func(r outboxRow) int64 { return r.ID })
	err = s.db.System(ctx, "marking events as sent", func(ctx context.Context, tx bun.IDB) error {
		_, err := tx.NewUpdate().Model((*outboxRow)(nil)).Set("sent_at = ?", db.At(now)).Where("id IN (?)", bun.List(ids)).Exec(ctx)
		return err
	})
	if err != nil {
		sent = 0
	}
	return sent, errors.Join(perr, err)
}

// ResendEvents implements outbox.Store.
func (s *Store) ResendEvents(ctx context.Context, after time.Time) (int, error) {
	var n int64
	err := s.db.System(ctx, "sending events again", func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewUpdate().Model((*outboxRow)(nil)).Set("sent_at = NULL").Where("sent_at > ?", db.At(after)).Exec(ctx)
		n, err = affected(res, err, "making events unsent")
		return err
	})
	return int(n), err
}

// PruneEvents implements outbox.Store.
func (s *Store) PruneEvents(ctx context.Context, sentBefore, handledBefore time.Time) (int, error) {
	var n int64
	err := s.db.System(ctx, "pruning the outbox", func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewDelete().Model((*outboxRow)(nil)).Where("sent_at < ?", db.At(sentBefore)).Exec(ctx)
		if n, err = affected(res, err, "deleting sent events"); err != nil {
			return err
		}
		res, err = tx.NewDelete().Model((*consumedRow)(nil)).Where("at < ?", db.At(handledBefore)).Exec(ctx)
		_, err = affected(res, err, "deleting notes of handled events")
		return err
	})
	return int(n), err
}

// HandleEvent implements outbox.Store.
func (s *Store) HandleEvent(ctx context.Context, consumer string, e event.Event, now time.Time, fn outbox.Handler) error {
	row := consumedRow{TenantID: e.TenantID, Consumer: consumer, EventID: e.ID, At: db.At(now)}
	return s.tenantWrite(ctx, e.TenantID, "handling an event", func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewInsert().Model(&row).On("CONFLICT DO NOTHING").Exec(ctx)
		n, err := affected(res, err, "noting an event")
		if err != nil || n == 0 {
			return err
		}
		return fn(ctx, e)
	})
}
