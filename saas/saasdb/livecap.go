package saasdb

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/ceiling"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
)

// hasCeilings is the condition, of a lease, that its tenant has ceilings.
const hasCeilings = "EXISTS (SELECT 1 FROM ceilings AS l WHERE l.tenant_id = leases.tenant_id)"

// buysOf are the buys of an entry that ceilings bound: intents that nobody had before.
func buysOf(e journal.LiveEntry) (buys []journal.LiveOrder) {
	for _, o := range e.Orders {
		fresh := slices.ContainsFunc(e.Transitions, func(t journal.Transition) bool {
			return t.Order == o.Number && t.From == "" && t.To == journal.Submitted
		})
		if fresh && o.Side == "buy" && !o.Urgent {
			buys = append(buys, o)
		}
	}
	return buys
}

// noteCapped remembers which of the entries' tenants have ceilings, so that storeIntents
// need not find out in vain. It decides nothing.
func (s *Store) noteCapped(entries []journal.LiveEntry, capped []string) {
	for _, e := range entries {
		if slices.Contains(capped, e.TenantID) {
			s.capped.Store(e.TenantID, true)
		} else {
			s.capped.Delete(e.TenantID)
		}
	}
}

// capBuys refuses the entries of tenants that have ceilings whose buys exceed one. The
// ceilings stay locked until the transaction ends, so that what one of a tenant's commits
// adds the next one counts, whoever makes it.
func (s *Store) capBuys(ctx context.Context, tx bun.IDB, tenants []string, entries []journal.LiveEntry, refused []error) error {
	var rows []ceilingRow
	q := tx.NewSelect().Model(&rows).Where("l.tenant_id IN (?)", bun.List(tenants)).Order("l.tenant_id", "l.currency")
	if s.db.Dialect() == db.Postgres {
		q = q.For("UPDATE")
	}
	if err := q.Scan(ctx); err != nil {
		return fmt.Errorf("reading ceilings: %w", err)
	}
	for _, row := range rows {
		st, err := stakes(ctx, tx, row.TenantID, row.Currency)
		if err != nil {
			return err
		}
		for i, e := range entries {
			if e.TenantID != row.TenantID || refused[i] != nil {
				continue
			}
			if refused[i], err = st.admit(ctx, tx, row.ceiling(), e); err != nil {
				return err
			}
		}
	}
	return nil
}

// admit counts the buys of an entry, or returns why one exceeds a ceiling.
func (s *staked) admit(ctx context.Context, tx bun.IDB, c ceiling.Ceiling, e journal.LiveEntry) (refusal, err error) {
	for _, o := range buysOf(e) {
		if !s.has(e.BotID, o.Pair) {
			continue
		}
		cost, err := s.cost(ctx, tx, e.TenantID, o)
		if err != nil {
			return nil, err
		}
		if why := c.Denies(ceiling.Standing{Positions: s.positions, Buys: s.buys}, cost, o.CreatedAt); why != "" {
			return errs.New(errs.Conflict, "over_ceiling", "%s", why), nil
		}
		s.buys = s.buys.Add(cost)
	}
	return nil, nil
}
