package saasdb

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
)

// Commit implements journal.Store. A thousand bots are a handful of statements:
// one for the leases, one for each sort of record and batch of rows.
func (s *Store) Commit(ctx context.Context, entries ...journal.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	tenantID := entries[0].TenantID
	epochs := make(map[lease.Resource]int64, len(entries))
	alone := true
	for _, e := range entries {
		r := lease.Resource{Kind: lease.Bots, TenantID: e.TenantID, ID: e.BotID}
		if known, ok := epochs[r]; ok && known != e.Epoch {
			return lease.ErrLost.With("resource", e.BotID)
		}
		epochs[r] = e.Epoch
		alone = alone && e.TenantID == tenantID
	}
	rows := rowsOf(entries)
	work := func(ctx context.Context, tx bun.IDB) error {
		if err := s.fence(ctx, tx, epochs); err != nil {
			return err
		}
		for _, e := range entries {
			if err := settleSignals(ctx, tx, e.TenantID, e.BotID, e.Heard); err != nil {
				return err
			}
		}
		return rows.store(ctx, tx)
	}
	if alone {
		return s.db.Write(ctx, tenantID, work)
	}
	return s.db.System(ctx, "committing journals", work)
}

// journalRows are the rows of a commit, each key once: no statement may write
// a row twice.
type journalRows struct {
	orders      []orderRow
	fills       []fillRow
	decisions   []decisionRow
	equity      []equityRow
	checkpoints []checkpointRow
	points      []tapeRow
	baselines   []baselineRow
	plots       []plotRow
}

// rowKey is the key of a row within its table.
type rowKey struct {
	tenantID, botID, id string
	at                  int64
}

func rowsOf(entries []journal.Entry) journalRows {
	var rows journalRows
	orders := map[rowKey]journal.Order{}
	equity := map[rowKey]equityRow{}
	checkpoints := map[rowKey]checkpointRow{}
	points, baselines := map[rowKey]tapeRow{}, map[rowKey]baselineRow{}
	plots := map[rowKey][]journal.Plot{}
	for _, e := range entries {
		for _, o := range e.Orders {
			key := rowKey{tenantID: e.TenantID, botID: e.BotID, id: o.ClientID}
			if old, ok := orders[key]; !ok || o.Supersedes(old) {
				orders[key] = o
			}
		}
		for _, f := range e.Fills {
			rows.fills = append(rows.fills, fillRowOf(e.TenantID, e.BotID, f))
		}
		for _, d := range e.Decisions {
			rows.decisions = append(rows.decisions, decisionRowOf(e.TenantID, e.BotID, d))
		}
		for _, p := range e.Equity {
			r := equityRowOf(e.TenantID, e.BotID, p)
			equity[rowKey{tenantID: e.TenantID, botID: e.BotID, at: r.At.UnixMicro()}] = r
		}
		if len(e.Plots) > 0 {
			key := rowKey{tenantID: e.TenantID, botID: e.BotID}
			plots[key] = append(plots[key], e.Plots...)
		}
		if p := e.Point; p != nil {
			points[rowKey{tenantID: e.TenantID, botID: e.BotID, id: fmt.Sprint(p.Run, p.Part), at: p.Sequence}] = tapeRowOf(e.TenantID, e.BotID, *p)
		}
		if b := e.Baseline; b != nil {
			baselines[rowKey{tenantID: e.TenantID, botID: e.BotID, id: fmt.Sprint(b.Run, b.Part), at: b.Sequence}] = baselineRowOf(e.TenantID, e.BotID, *b)
		}
		if e.Checkpoint != nil {
			key, r := rowKey{tenantID: e.TenantID, botID: e.BotID}, checkpointRowOf(e.TenantID, e.BotID, *e.Checkpoint)
			if old, ok := checkpoints[key]; !ok || !r.before(old) {
				checkpoints[key] = r
			}
		}
	}
	for key, o := range orders {
		rows.orders = append(rows.orders, orderRowOf(key.tenantID, key.botID, o))
	}
	for key, p := range plots {
		if row, ok := plotRowOf(key.tenantID, key.botID, p); ok {
			rows.plots = append(rows.plots, row)
		}
	}
	rows.equity = slices.Collect(maps.Values(equity))
	rows.checkpoints = slices.Collect(maps.Values(checkpoints))
	rows.points, rows.baselines = slices.Collect(maps.Values(points)), slices.Collect(maps.Values(baselines))
	return rows
}

func (r journalRows) store(ctx context.Context, tx bun.IDB) error {
	once := func(q *bun.InsertQuery) *bun.InsertQuery { return q.On("CONFLICT DO NOTHING") }
	err := insertAll(ctx, tx, r.orders, func(q *bun.InsertQuery) *bun.InsertQuery {
		// Where says what journal.Order.Supersedes does.
		return q.On("CONFLICT (tenant_id, bot_id, client_id) DO UPDATE").
			Set("state = EXCLUDED.state, rank = EXCLUDED.rank, reason = EXCLUDED.reason, volume = EXCLUDED.volume").
			Set("filled = EXCLUDED.filled, filled_value = EXCLUDED.filled_value, fee = EXCLUDED.fee, updated_at = EXCLUDED.updated_at").
			Where("o.rank < ?", journal.FinalRank).
			Where("o.rank < EXCLUDED.rank OR (o.rank = EXCLUDED.rank AND o.updated_at <= EXCLUDED.updated_at)")
	})
	if err != nil {
		return fmt.Errorf("storing orders: %w", err)
	}
	if err := insertAll(ctx, tx, r.fills, once); err != nil {
		return fmt.Errorf("storing fills: %w", err)
	}
	if err := insertAll(ctx, tx, r.decisions, once); err != nil {
		return fmt.Errorf("storing decisions: %w", err)
	}
	err = insertAll(ctx, tx, r.equity, func(q *bun.InsertQuery) *bun.InsertQuery {
		return q.On("CONFLICT (tenant_id, bot_id, at) DO UPDATE").
			Set("equity = EXCLUDED.equity, position = EXCLUDED.position, price = EXCLUDED.price")
	})
	if err != nil {
		return fmt.Errorf("storing equity: %w", err)
	}
	err = insertAll(ctx, tx, r.checkpoints, func(q *bun.InsertQuery) *bun.InsertQuery {
		return q.On("CONFLICT (tenant_id, bot_id) DO UPDATE").
			Set("run = EXCLUDED.run, sequence = EXCLUDED.sequence, market_time = EXCLUDED.market_time").
			Set("state = EXCLUDED.state, summary = EXCLUDED.summary").
			Where("k.run < EXCLUDED.run OR (k.run = EXCLUDED.run AND k.sequence <= EXCLUDED.sequence)")
	})
	if err != nil {
		return fmt.Errorf("storing checkpoints: %w", err)
	}
	// What was written under a number before, by a commit whose answer was lost, is less.
	again := func(q *bun.InsertQuery) *bun.InsertQuery {
		return q.On("CONFLICT (tenant_id, bot_id, run, sequence, part) DO UPDATE").Set("body = EXCLUDED.body")
	}
	if err := insertAll(ctx, tx, r.points, again); err != nil {
		return fmt.Errorf("storing tapes: %w", err)
	}
	err = insertAll(ctx, tx, r.baselines, again)
	if err != nil {
		return fmt.Errorf("storing baselines: %w", err)
	}
	err = insertAll(ctx, tx, r.plots, func(q *bun.InsertQuery) *bun.InsertQuery {
		return q.On("CONFLICT (tenant_id, bot_id, at) DO UPDATE").Set("candles = EXCLUDED.candles, body = EXCLUDED.body")
	})
	if err != nil {
		return fmt.Errorf("storing plots: %w", err)
	}
	return nil
}

// clean makes a text fit for both databases: one bot's strange words must not
// spoil the commit of all others.
func clean(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\uFFFD")
}
