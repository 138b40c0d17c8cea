package saasdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/replay"
)

type replayRow struct {
	bun.BaseModel `bun:"table:bot_replays,alias:r"`

	TenantID     string `bun:",pk"`
	BotID        string `bun:",pk"`
	Status       replay.Status
	Attempt      int64
	ClaimedUntil db.Timestamp
	Done         int64
	Total        int64
	Reason       string
	Report       string
	RequestedAt  db.Timestamp
	FinishedAt   db.Timestamp
}

func (r replayRow) replay() (replay.Replay, error) {
	out := replay.Replay{
		TenantID: r.TenantID, BotID: r.BotID, Status: r.Status, Attempt: r.Attempt, Done: r.Done, Total: r.Total, Reason: r.Reason,
		RequestedAt: r.RequestedAt.Time, FinishedAt: r.FinishedAt.Time,
	}
	if r.Report == "" {
		return out, nil
	}
	if err := json.Unmarshal([]byte(r.Report), &out.Report); err != nil {
		return replay.Replay{}, fmt.Errorf("reading the report of bot %s: %w", r.BotID, err)
	}
	return out, nil
}

// RequestReplay implements replay.Store.
func (s *Store) RequestReplay(ctx context.Context, tenantID, botID string, now time.Time) (replay.Replay, error) {
	var out replay.Replay
	err := s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		row := replayRow{TenantID: tenantID, BotID: botID, Status: replay.Queued, RequestedAt: db.At(now)}
		_, err := tx.NewInsert().Model(&row).On("CONFLICT (tenant_id, bot_id) DO UPDATE").
			Set("status = EXCLUDED.status, claimed_until = NULL, done = 0, total = 0, reason = '', report = ''").
			Set("attempt = 0, requested_at = EXCLUDED.requested_at, finished_at = NULL").
			Where("r.status IN ('done', 'failed')").Exec(ctx)
		if err != nil {
			return fmt.Errorf("asking for a replay of bot %s: %w", botID, err)
		}
		out, err = s.Replay(ctx, tenantID, botID)
		return err
	})
	return out, err
}

// Replay implements replay.Store.
func (s *Store) Replay(ctx context.Context, tenantID, botID string) (replay.Replay, error) {
	var row replayRow
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().Model(&row).Where("tenant_id = ? AND bot_id = ?", tenantID, botID).Scan(ctx)
		return db.NotFound(err, "reading the replay of bot "+botID, notFound("replay", botID))
	})
	if err != nil {
		return replay.Replay{}, err
	}
	return row.replay()
}

// ClaimReplay implements replay.Store.
func (s *Store) ClaimReplay(ctx context.Context, now, until time.Time) (replay.Replay, bool, error) {
	var row replayRow
	err := s.db.System(ctx, "claiming a replay", func(ctx context.Context, tx bun.IDB) error {
		q := tx.NewSelect().Model(&row).
			Where("r.status IN ('queued', 'running') AND (r.status = 'queued' OR r.claimed_until < ?)", now.UnixMicro()).
			Order("r.requested_at", "r.bot_id").Limit(1)
		if s.db.Dialect() == db.Postgres {
			q = q.For("UPDATE SKIP LOCKED")
		}
		if err := q.Scan(ctx); err != nil {
			return err
		}
		row.Status, row.Attempt, row.ClaimedUntil = replay.Running, row.Attempt+1, db.At(until)
		_, err := tx.NewUpdate().Model(&row).Column("status", "attempt", "claimed_until").WherePK().Exec(ctx)
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return replay.Replay{}, false, nil
	}
	if err != nil {
		return replay.Replay{}, false, err
	}
	r, err := row.replay()
	return r, err == nil, err
}

// UpdateReplay implements replay.Store.
func (s *Store) UpdateReplay(ctx context.Context, tenantID string, r replay.Replay, until time.Time) error {
	report := ""
	if r.Report != nil {
		raw, err := json.Marshal(r.Report)
		if err != nil {
			return fmt.Errorf("writing the report of bot %s: %w", r.BotID, err)
		}
		report = clean(string(raw))
	}
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		row := replayRow{
			Status: r.Status, ClaimedUntil: db.At(until), Done: r.Done, Total: r.Total, Reason: clean(r.Reason), Report: report, FinishedAt: db.At(r.FinishedAt),
		}
		return atWork(ctx, tx.NewUpdate().Model(&row).Column("status", "claimed_until", "done", "total", "reason", "report", "finished_at"), tenantID, r)
	})
}

// YieldReplay implements replay.Store.
func (s *Store) YieldReplay(ctx context.Context, tenantID string, r replay.Replay) error {
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		return atWork(ctx, tx.NewUpdate().Model((*replayRow)(nil)).
			Set("status = 'queued', claimed_until = NULL, attempt = attempt - 1, done = 0, total = 0"), tenantID, r)
	})
}

// atWork carries out a change of a replay as long as it is the attempt's.
func atWork(ctx context.Context, change *bun.UpdateQuery, tenantID string, r replay.Replay) error {
	res, err := change.Where("tenant_id = ? AND bot_id = ? AND attempt = ? AND requested_at = ? AND status = 'running'", tenantID, r.BotID, r.Attempt, db.At(r.RequestedAt)).
		Exec(ctx)
	n, err := affected(res, err, "storing the replay of bot "+r.BotID)
	if err == nil && n == 0 {
		err = replay.ErrLost
	}
	return err
}
