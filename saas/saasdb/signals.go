package saasdb

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/hook"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/page"
)

// waitingLimit is how many signals are handed over at once.
const waitingLimit = 1000

type signalRow struct {
	bun.BaseModel `bun:"table:bot_signals,alias:g"`

	TenantID   string `bun:",pk"`
	BotID      string `bun:",pk"`
	ID         string `bun:",pk"`
	Key        string
	Run        int64
	Text       string
	Sum        []byte
	ReceivedAt db.Timestamp
	MarketTime db.Timestamp
	Status     hook.Status
	Answer     string
	HeardAt    db.Timestamp
}

func (r signalRow) signal() hook.Signal {
	return hook.Signal{
		ID: r.ID, TenantID: r.TenantID, BotID: r.BotID, Key: r.Key, Run: r.Run, Text: r.Text, Sum: r.Sum, ReceivedAt: r.ReceivedAt.Time,
		MarketTime: r.MarketTime.Time, Status: r.Status, Answer: r.Answer, HeardAt: r.HeardAt.Time,
	}
}

// InsertSignal implements hook.Store.
func (s *Store) InsertSignal(ctx context.Context, tenantID string, in hook.Signal) error {
	row := signalRow{
		TenantID: tenantID, BotID: in.BotID, ID: in.ID, Key: in.Key, Run: in.Run, Text: in.Text, Sum: in.Sum, ReceivedAt: db.At(in.ReceivedAt),
		MarketTime: db.At(in.MarketTime), Status: in.Status, Answer: clean(in.Answer), HeardAt: db.At(in.HeardAt),
	}
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
			return fmt.Errorf("storing a signal to bot %s: %w", in.BotID, err)
		}
		return nil
	})
}

// SignalOf implements hook.Store.
func (s *Store) SignalOf(ctx context.Context, tenantID, botID, key string) (hook.Signal, error) {
	var row signalRow
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().Model(&row).Where("g.tenant_id = ? AND g.bot_id = ? AND g.key = ?", tenantID, botID, key).Scan(ctx)
		return db.NotFound(err, "reading a signal to bot "+botID, notFound("signal", key))
	})
	if err != nil {
		return hook.Signal{}, err
	}
	return row.signal(), nil
}

// Signals implements hook.Store.
func (s *Store) Signals(ctx context.Context, tenantID, botID string, p page.Page) ([]hook.Signal, error) {
	rows, err := latest[signalRow](ctx, s, tenantID, "the signals of bot "+botID, p, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("g.bot_id = ?", botID) })
	return convert(rows, signalRow.signal), err
}

// WaitingSignals implements hook.Store.
func (s *Store) WaitingSignals(ctx context.Context, by time.Time, of ...hook.Listener) ([]hook.Signal, error) {
	if len(of) == 0 {
		return nil, nil
	}
	keys := make([][]any, len(of))
	for i, l := range of {
		keys[i] = []any{l.TenantID, l.BotID, l.Run}
	}
	var rows []signalRow
	err := s.db.SystemRead(ctx, "looking for signals", func(ctx context.Context, tx bun.IDB) error {
		// The condition is that of the index bot_signals_waiting.
		return tx.NewSelect().Model(&rows).Where("g.status = 'waiting' AND g.market_time <= ?", by.UnixMicro()).
			Where("(g.tenant_id, g.bot_id, g.run) IN (VALUES ?)", tuples(keys)).
			OrderExpr("ROW_NUMBER() OVER (PARTITION BY g.tenant_id, g.bot_id ORDER BY g.id), g.id").Limit(waitingLimit).Scan(ctx)
	})
	return convert(rows, signalRow.signal), err
}

// settleSignals stores what became of signals, once.
func settleSignals(ctx context.Context, tx bun.IDB, tenantID, botID string, heard []journal.Heard) error {
	for _, h := range heard {
		status := hook.Refused
		if h.Followed {
			status = hook.Followed
		}
		_, err := tx.NewUpdate().Model((*signalRow)(nil)).Set("status = ?", status).Set("answer = ?", clean(h.Answer)).Set("heard_at = ?", db.At(h.Time)).
			Where("g.tenant_id = ? AND g.bot_id = ? AND g.key = ? AND g.status = 'waiting'", tenantID, botID, h.Key).Exec(ctx)
		if err != nil {
			return fmt.Errorf("storing what became of a signal to bot %s: %w", botID, err)
		}
	}
	return nil
}
