package saasdb

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
)

// CommitLive implements journal.LiveStore. The intents of many bots are three
// statements: one for the leases, one for orders, one for transitions.
func (s *Store) CommitLive(ctx context.Context, entries ...journal.LiveEntry) ([]error, error) {
	refused := make([]error, len(entries))
	if len(entries) == 0 {
		return refused, nil
	}
	alone := true
	resources := make([]lease.Resource, len(entries))
	for i, e := range entries {
		alone = alone && e.TenantID == entries[0].TenantID
		resources[i] = lease.Resource{Kind: lease.Bots, TenantID: e.TenantID, ID: e.BotID}
	}
	work := func(ctx context.Context, tx bun.IDB) error {
		held, err := s.heldEpochs(ctx, tx, resources)
		if err != nil {
			return err
		}
		var rows liveRows
		for i, e := range entries {
			if held[resources[i]] != e.Epoch || e.Epoch == 0 {
				refused[i] = lease.ErrLost.With("kind", lease.Bots).With("resource", e.BotID)
				continue
			}
			rows.add(e)
		}
		return rows.store(ctx, tx)
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

func (r *liveRows) store(ctx context.Context, tx bun.IDB) error {
	err := insertWhole(ctx, tx, r.orders, "orders", func(q *bun.InsertQuery) *bun.InsertQuery {
		return q.On("CONFLICT (tenant_id, bot_id, number) DO UPDATE").
			Set("state = EXCLUDED.state, rank = EXCLUDED.rank, settled = EXCLUDED.settled, reason = EXCLUDED.reason, venue_id = EXCLUDED.venue_id").
			Set("told = EXCLUDED.told, filled = EXCLUDED.filled, filled_value = EXCLUDED.filled_value, fee = EXCLUDED.fee, fee_base = EXCLUDED.fee_base").
			Set("floor = EXCLUDED.floor, valid_until = EXCLUDED.valid_until, cancel_asked = EXCLUDED.cancel_asked, updated_at = EXCLUDED.updated_at").
			Where("o.client_id = EXCLUDED.client_id AND (o.rank < EXCLUDED.rank OR o.state = EXCLUDED.state)")
	})
	if err != nil {
		return err
	}
	plain := func(q *bun.InsertQuery) *bun.InsertQuery { return q.On("CONFLICT DO NOTHING") }
	if err := insertWhole(ctx, tx, r.transitions, "transitions", plain); err != nil {
		return err
	}
	if err := insertWhole(ctx, tx, r.fills, "fills", plain); err != nil { // rule T7
		return err
	}
	err = insertWhole(ctx, tx, r.books, "books", func(q *bun.InsertQuery) *bun.InsertQuery {
		return q.On("CONFLICT (tenant_id, bot_id, pair) DO UPDATE").
			Set("account = EXCLUDED.account, given_base = EXCLUDED.given_base, given_counter = EXCLUDED.given_counter").
			Set("base = EXCLUDED.base, counter = EXCLUDED.counter, mark = EXCLUDED.mark")
	})
	if err != nil {
		return err
	}
	// What somebody has decided of a foreign order stays.
	err = insertWhole(ctx, tx, r.foreign, "foreign orders", func(q *bun.InsertQuery) *bun.InsertQuery {
		return q.On("CONFLICT (tenant_id, bot_id, pair, venue_id) DO UPDATE").Set("over = EXCLUDED.over")
	})
	if err != nil {
		return err
	}
	return insertWhole(ctx, tx, r.checks, "checks", func(q *bun.InsertQuery) *bun.InsertQuery {
		return q.On("CONFLICT (tenant_id, bot_id) DO UPDATE").
			Set("account = EXCLUDED.account, at = EXCLUDED.at, paused = EXCLUDED.paused, body = EXCLUDED.body").
			Set("resume_by = CASE WHEN EXCLUDED.paused = '' THEN '' ELSE c.resume_by END").
			Set("resume_at = CASE WHEN EXCLUDED.paused = '' THEN NULL ELSE c.resume_at END")
	})
}

// insertWhole writes rows in batches and fails unless each was written.
func insertWhole[T any](ctx context.Context, tx bun.IDB, rows []T, what string, on func(q *bun.InsertQuery) *bun.InsertQuery) error {
	for part := range slices.Chunk(rows, batch) {
		res, err := on(tx.NewInsert().Model(&part)).Exec(ctx)
		n, err := affected(res, err, "storing "+what)
		if err != nil {
			return err
		}
		if n != int64(len(part)) {
			return errBehind(fmt.Sprintf("%d of %d %s", int64(len(part))-n, len(part), what))
		}
	}
	return nil
}
