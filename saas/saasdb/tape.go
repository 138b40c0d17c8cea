package saasdb

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/journal"
)

type baselineRow struct {
	bun.BaseModel `bun:"table:bot_baselines,alias:l"`

	TenantID string `bun:",pk"`
	BotID    string `bun:",pk"`
	Run      int64  `bun:",pk"`
	Sequence int64  `bun:",pk"`
	Part     int64  `bun:",pk"`
	At       db.Timestamp
	Body     string
}

func baselineRowOf(tenantID, botID string, b journal.Baseline) baselineRow {
	return baselineRow{TenantID: tenantID, BotID: botID, Run: b.Run, Sequence: b.Sequence, Part: b.Part, At: db.At(b.MarketTime), Body: clean(string(b.Body))}
}

func (r baselineRow) baseline() journal.Baseline {
	return journal.Baseline{BotID: r.BotID, Run: r.Run, Sequence: r.Sequence, Part: r.Part, MarketTime: r.At.Time, Body: json.RawMessage(r.Body)}
}

type tapeRow struct {
	bun.BaseModel `bun:"table:bot_tape,alias:t"`

	TenantID string `bun:",pk"`
	BotID    string `bun:",pk"`
	Run      int64  `bun:",pk"`
	Sequence int64  `bun:",pk"`
	Part     int64  `bun:",pk"`
	At       db.Timestamp
	Body     string
}

func tapeRowOf(tenantID, botID string, p journal.TapePoint) tapeRow {
	return tapeRow{TenantID: tenantID, BotID: botID, Run: p.Run, Sequence: p.Sequence, Part: p.Part, At: db.At(p.MarketTime), Body: clean(string(p.Body))}
}

func (r tapeRow) point() journal.TapePoint {
	return journal.TapePoint{BotID: r.BotID, Run: r.Run, Sequence: r.Sequence, Part: r.Part, MarketTime: r.At.Time, Body: json.RawMessage(r.Body)}
}

// seenRow is a candle that bots saw; At is in epoch milliseconds.
type seenRow struct {
	bun.BaseModel `bun:"table:seen_candles,alias:c"`

	Pair   string `bun:",pk"`
	At     int64  `bun:",pk"`
	Open   int64  `bun:",pk"`
	High   int64  `bun:",pk"`
	Low    int64  `bun:",pk"`
	Close  int64  `bun:",pk"`
	Volume int64  `bun:",pk"`
}

func (r seenRow) candle() exchange.Candle {
	return exchange.Candle{
		Time: r.At, Open: exchange.Ticks(r.Open), High: exchange.Ticks(r.High), Low: exchange.Ticks(r.Low), Close: exchange.Ticks(r.Close),
		Volume: exchange.Steps(r.Volume),
	}
}

// KeepCandles implements journal.Store.
func (s *Store) KeepCandles(ctx context.Context, pair string, candles []exchange.Candle) error {
	rows := make([]seenRow, len(candles))
	for i, c := range candles {
		rows[i] = seenRow{
			Pair: pair, At: c.Time, Open: int64(c.Open), High: int64(c.High), Low: int64(c.Low), Close: int64(c.Close), Volume: int64(c.Volume),
		}
	}
	return s.db.System(ctx, "keeping candles of "+pair, func(ctx context.Context, tx bun.IDB) error {
		return insertAll(ctx, tx, rows, func(q *bun.InsertQuery) *bun.InsertQuery { return q.On("CONFLICT DO NOTHING") })
	})
}

// DropCandles implements journal.Store.
func (s *Store) DropCandles(ctx context.Context, pair string, before time.Time) error {
	return s.db.System(ctx, "forgetting candles of "+pair, func(ctx context.Context, tx bun.IDB) error {
		_, err := tx.NewDelete().Model((*seenRow)(nil)).Where("pair = ? AND at < ?", pair, before.UnixMilli()).Exec(ctx)
		return err
	})
}

// SeenCandles implements replay.Store.
func (s *Store) SeenCandles(ctx context.Context, pair string, from, to time.Time) ([]exchange.Candle, error) {
	var rows []seenRow
	err := s.db.SystemRead(ctx, "reading candles of "+pair, func(ctx context.Context, tx bun.IDB) error {
		return tx.NewSelect().Model(&rows).Where("pair = ? AND at >= ? AND at < ?", pair, from.UnixMilli(), to.UnixMilli()).
			Order("at", "open", "high", "low", "close", "volume").Scan(ctx)
	})
	return convert(rows, seenRow.candle), err
}

// Baselines implements replay.Store.
func (s *Store) Baselines(ctx context.Context, tenantID, botID string, most int) ([]journal.Baseline, error) {
	var rows []baselineRow
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().Model(&rows).Where("tenant_id = ? AND bot_id = ?", tenantID, botID).
			Order("run DESC", "sequence DESC", "part DESC").Limit(int64(most)).Scan(ctx)
		if err != nil {
			return fmt.Errorf("reading the baselines of bot %s: %w", botID, err)
		}
		return nil
	})
	slices.Reverse(rows)
	return convert(rows, baselineRow.baseline), err
}

// TapePoints implements replay.Store.
func (s *Store) TapePoints(ctx context.Context, tenantID, botID string, from journal.Baseline, until *journal.Baseline) ([]journal.TapePoint, error) {
	var rows []tapeRow
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		q := tx.NewSelect().Model(&rows).Where("tenant_id = ? AND bot_id = ? AND run = ?", tenantID, botID, from.Run).
			Where("sequence > ?0 OR (sequence = ?0 AND part > ?1)", from.Sequence, from.Part)
		if until != nil {
			q = q.Where("sequence < ?0 OR (sequence = ?0 AND part <= ?1)", until.Sequence, until.Part)
		}
		if err := q.Order("sequence", "part").Scan(ctx); err != nil {
			return fmt.Errorf("reading the tape of bot %s: %w", botID, err)
		}
		return nil
	})
	return convert(rows, tapeRow.point), err
}

// pruneTape forgets the baselines before a time but the last, from which what
// came since is replayed, and the points before that one; those of its very minute stay
// with it, as some may be after it.
func pruneTape(ctx context.Context, tx bun.IDB, tenantID, botID string, before time.Time) (int64, error) {
	const last = "(SELECT MAX(at) FROM bot_baselines WHERE tenant_id = ?0 AND bot_id = ?1 AND at < ?2)"
	res, err := tx.NewRaw("DELETE FROM bot_tape WHERE tenant_id = ?0 AND bot_id = ?1 AND at < "+last, tenantID, botID, before.UnixMicro()).Exec(ctx)
	points, err := affected(res, err, "pruning the tape of bot "+botID)
	if err != nil {
		return 0, err
	}
	res, err = tx.NewRaw("DELETE FROM bot_baselines WHERE tenant_id = ?0 AND bot_id = ?1 AND at < "+last, tenantID, botID, before.UnixMicro()).Exec(ctx)
	baselines, err := affected(res, err, "pruning the baselines of bot "+botID)
	return points + baselines, err
}
