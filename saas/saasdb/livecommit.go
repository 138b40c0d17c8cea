package saasdb

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
)

// CommitLive implements journal.LiveStore. The intents of many bots are one statement on
// PostgreSQL if storeIntents may write them. All else is two there, one for the leases and
// one for the rows, which on SQLite are one a table; that somebody's tenant has ceilings the
// first of them tells.
func (s *Store) CommitLive(ctx context.Context, entries ...journal.LiveEntry) ([]error, error) {
	refused := make([]error, len(entries))
	if len(entries) == 0 {
		return refused, nil
	}
	if done, err := s.storeIntents(ctx, entries); done || err != nil {
		return refused, err
	}
	alone, condition := true, "FALSE"
	resources := make([]lease.Resource, len(entries))
	for i, e := range entries {
		alone = alone && e.TenantID == entries[0].TenantID
		resources[i] = lease.Resource{Kind: lease.Bots, TenantID: e.TenantID, ID: e.BotID}
		if len(buysOf(e)) > 0 {
			condition = hasCeilings
		}
	}
	work := func(ctx context.Context, tx bun.IDB) error {
		held, capped, err := s.heldUnder(ctx, tx, resources, condition)
		if err != nil {
			return err
		}
		for i, e := range entries {
			if refused[i] = nil; held[resources[i]] != e.Epoch || e.Epoch == 0 {
				refused[i] = lease.ErrLost.With("kind", lease.Bots).With("resource", e.BotID)
			}
		}
		if condition == hasCeilings {
			s.noteCapped(entries, capped)
		}
		if len(capped) > 0 {
			if err := s.capBuys(ctx, tx, capped, entries, refused); err != nil {
				return err
			}
		}
		var rows liveRows
		for i, e := range entries {
			if refused[i] == nil {
				rows.add(e)
			}
		}
		return s.storeLive(ctx, tx, rows)
	}
	if alone {
		return refused, s.db.Write(ctx, entries[0].TenantID, work)
	}
	return refused, s.db.System(ctx, "committing live orders", work)
}

// liveRows are the rows of a commit. Of one bot there is one entry in each, for
// its executor waits for one to be written before it makes the next.
type liveRows struct {
	orders      []liveOrderRow
	transitions []transitionRow
	fills       []liveFillRow
	books       []bookRow
	foreign     []foreignRow
	checks      []checkRow
}

func (r *liveRows) add(e journal.LiveEntry) {
	for _, o := range e.Orders {
		r.orders = append(r.orders, liveOrderRowOf(e.TenantID, e.BotID, o))
	}
	for _, t := range e.Transitions {
		r.transitions = append(r.transitions, transitionRowOf(e.TenantID, e.BotID, t))
	}
	for _, f := range e.Fills {
		r.fills = append(r.fills, liveFillRowOf(e.TenantID, e.BotID, f))
	}
	for _, b := range e.Books {
		r.books = append(r.books, bookRowOf(e.TenantID, e.BotID, b))
	}
	for _, f := range e.Foreign {
		r.foreign = append(r.foreign, foreignRowOf(e.TenantID, e.BotID, f))
	}
	if e.Check != nil {
		r.checks = append(r.checks, checkRowOf(e.TenantID, e.BotID, *e.Check))
	}
}

// errBehind is the error of who goes on from a state of before.
func errBehind(what string) *errs.Error {
	return errs.New(errs.Conflict, "journal_behind", "%s are in the journal already or have come further: read the state again", what)
}

// storeLive writes rows, on PostgreSQL in one statement: a way to the database and back is
// a good part of what a commit takes.
func (s *Store) storeLive(ctx context.Context, tx bun.IDB, r liveRows) error {
	plain := func(q *bun.InsertQuery) *bun.InsertQuery { return q.On("CONFLICT DO NOTHING") }
	parts := slices.Concat(
		partsOf(tx, r.orders, "orders", func(q *bun.InsertQuery) *bun.InsertQuery {
			return q.On("CONFLICT (tenant_id, bot_id, number) DO UPDATE").
				Set("state = EXCLUDED.state, rank = EXCLUDED.rank, settled = EXCLUDED.settled, reason = EXCLUDED.reason, venue_id = EXCLUDED.venue_id").
				Set("told = EXCLUDED.told, filled = EXCLUDED.filled, filled_value = EXCLUDED.filled_value, fee = EXCLUDED.fee, fee_base = EXCLUDED.fee_base").
				Set("floor = EXCLUDED.floor, valid_until = EXCLUDED.valid_until, cancel_asked = EXCLUDED.cancel_asked, updated_at = EXCLUDED.updated_at").
				Where("o.client_id = EXCLUDED.client_id AND (o.rank < EXCLUDED.rank OR o.state = EXCLUDED.state)")
		}),
		partsOf(tx, r.transitions, "transitions", plain),
		partsOf(tx, r.fills, "fills", plain), // rule T7
		partsOf(tx, r.books, "books", func(q *bun.InsertQuery) *bun.InsertQuery {
			return q.On("CONFLICT (tenant_id, bot_id, pair) DO UPDATE").
				Set("account = EXCLUDED.account, given_base = EXCLUDED.given_base, given_counter = EXCLUDED.given_counter").
				Set("base = EXCLUDED.base, counter = EXCLUDED.counter, mark = EXCLUDED.mark")
		}),
		// What somebody has decided of a foreign order stays, until it is over: if it is found
		// again, such as one that was claimed and written off, it is decided anew.
		partsOf(tx, r.foreign, "foreign orders", func(q *bun.InsertQuery) *bun.InsertQuery {
			return q.On("CONFLICT (tenant_id, bot_id, pair, venue_id) DO UPDATE").Set("over = EXCLUDED.over").
				Set("decision = CASE WHEN x.over AND NOT EXCLUDED.over THEN '' ELSE x.decision END").
				Set("decided_by = CASE WHEN x.over AND NOT EXCLUDED.over THEN '' ELSE x.decided_by END").
				Set("decided_at = CASE WHEN x.over AND NOT EXCLUDED.over THEN NULL ELSE x.decided_at END")
		}),
		partsOf(tx, r.checks, "checks", func(q *bun.InsertQuery) *bun.InsertQuery {
			return q.On("CONFLICT (tenant_id, bot_id) DO UPDATE").
				Set("account = EXCLUDED.account, at = EXCLUDED.at, paused = EXCLUDED.paused, body = EXCLUDED.body").
				Set("resume_by = CASE WHEN EXCLUDED.paused = '' THEN '' ELSE c.resume_by END").
				Set("resume_at = CASE WHEN EXCLUDED.paused = '' THEN NULL ELSE c.resume_at END")
		}),
	)
	if s.db.Dialect() == db.Postgres && len(parts) > 1 {
		return insertTogether(ctx, tx, parts)
	}
	for _, p := range parts {
		res, err := p.query.Exec(ctx)
		n, err := affected(res, err, "storing "+p.what)
		if err != nil {
			return err
		}
		if err := p.whole(n); err != nil {
			return err
		}
	}
	return nil
}

// part is rows of one table, in a statement that writes them.
type part struct {
	what  string
	rows  int64
	query *bun.InsertQuery
}

// partsOf returns rows in batches; on completes the statements.
func partsOf[T any](tx bun.IDB, rows []T, what string, on func(q *bun.InsertQuery) *bun.InsertQuery) (parts []part) {
	for chunk := range slices.Chunk(rows, batch) {
		parts = append(parts, part{what, int64(len(chunk)), on(tx.NewInsert().Model(&chunk))})
	}
	return parts
}

// whole returns an error unless each row was written.
func (p part) whole(written int64) error {
	if written == p.rows {
		return nil
	}
	return errBehind(fmt.Sprintf("%d of %d %s", p.rows-written, p.rows, p.what))
}

// insertTogether writes parts in one statement.
func insertTogether(ctx context.Context, tx bun.IDB, parts []part) error {
	q := tx.NewSelect()
	written := make([]int64, len(parts))
	into := make([]any, len(parts))
	for i, p := range parts {
		name := "part" + strconv.Itoa(i)
		q = q.With(name, p.query.Returning("1")).ColumnExpr("(SELECT COUNT(*) FROM ?)", bun.Ident(name))
		into[i] = &written[i]
	}
	if err := q.Scan(ctx, into...); err != nil {
		return fmt.Errorf("storing live orders: %w", err)
	}
	for i, p := range parts {
		if err := p.whole(written[i]); err != nil {
			return err
		}
	}
	return nil
}
