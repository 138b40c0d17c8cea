package saasdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/lease"
)

type holderRow struct {
	bun.BaseModel `bun:"table:lease_holders,alias:h"`

	Name        string `bun:",pk"`
	Incarnation int64
}

type leaseRow struct {
	bun.BaseModel `bun:"table:leases,alias:l"`

	TenantID    string     `bun:",pk"`
	Kind        lease.Kind `bun:",pk"`
	ResourceID  string     `bun:",pk"`
	BotID       string     `bun:",nullzero"` // the resource, if it is a bot
	BacktestID  string     `bun:",nullzero"` // the resource, if it is a backtest
	Holder      string     // "" while nobody holds it
	Incarnation int64
	Epoch       int64
	ExpiresAt   int64 // microseconds since the epoch; 0 while nobody holds it
}

func (r leaseRow) lease() lease.Lease {
	return lease.Lease{
		Resource: lease.Resource{Kind: r.Kind, TenantID: r.TenantID, ID: r.ResourceID},
		Epoch:    r.Epoch, ExpiresAt: time.UnixMicro(r.ExpiresAt).UTC(),
	}
}

// StartHolder implements lease.Store.
func (s *Store) StartHolder(ctx context.Context, name string) (lease.Holder, error) {
	row := holderRow{Name: name, Incarnation: 1}
	err := s.db.System(ctx, "starting a lease holder", func(ctx context.Context, tx bun.IDB) error {
		_, err := tx.NewInsert().Model(&row).On("CONFLICT (name) DO UPDATE").Set("incarnation = h.incarnation + 1").
			Returning("incarnation").Exec(ctx)
		return err
	})
	return lease.Holder{Name: name, Incarnation: row.Incarnation}, err
}

// TakeLeases implements lease.Store.
func (s *Store) TakeLeases(ctx context.Context, t lease.Take) ([]lease.Lease, error) {
	var got []lease.Lease
	if len(t.Resources) == 0 || t.Limit <= 0 {
		return nil, nil
	}
	err := s.db.System(ctx, "taking leases", func(ctx context.Context, tx bun.IDB) error {
		if err := s.newest(ctx, tx, t.Holder); err != nil {
			return err
		}
		keys := keysOf(t.Resources)
		if err := addLeases(ctx, tx, t.Resources, keys); err != nil {
			return err
		}
		var err error
		got, err = s.updateLeases(ctx, tx, leaseUpdate{
			set: "holder = ?, incarnation = ?, epoch = epoch + 1, expires_at = ?",
			setArgs: []any{
				t.Holder.Name, t.Holder.Incarnation, t.Until.UnixMicro(),
			},
			where: "(tenant_id, kind, resource_id) IN (VALUES ?) AND (expires_at <= ? OR holder = ? AND incarnation < ?)",
			whereArgs: []any{
				tuples(keys), t.Now.UnixMicro(), t.Holder.Name, t.Holder.Incarnation,
			},
			limit: t.Limit, lock: "FOR UPDATE SKIP LOCKED",
		})
		return err
	})
	return got, err
}

// RenewLeases implements lease.Store.
func (s *Store) RenewLeases(ctx context.Context, h lease.Holder, until time.Time) ([]lease.Lease, error) {
	var got []lease.Lease
	err := s.db.System(ctx, "renewing leases", func(ctx context.Context, tx bun.IDB) error {
		if err := s.newest(ctx, tx, h); err != nil {
			return err
		}
		var err error
		got, err = s.updateLeases(ctx, tx, leaseUpdate{
			set: "expires_at = ?", setArgs: []any{until.UnixMicro()},
			where: "holder = ? AND incarnation = ?", whereArgs: []any{h.Name, h.Incarnation},
			lock: "FOR UPDATE",
		})
		return err
	})
	return got, err
}

// ReleaseLeases implements lease.Store.
func (s *Store) ReleaseLeases(ctx context.Context, h lease.Holder, leases []lease.Lease) error {
	if len(leases) == 0 {
		return nil
	}
	keys := make([][]any, len(leases))
	for i, l := range leases {
		keys[i] = []any{l.TenantID, l.Kind, l.ID, l.Epoch}
	}
	return s.db.System(ctx, "releasing leases", func(ctx context.Context, tx bun.IDB) error {
		_, err := s.updateLeases(ctx, tx, leaseUpdate{
			set:   "holder = '', incarnation = 0, expires_at = 0",
			where: "holder = ? AND incarnation = ? AND (tenant_id, kind, resource_id, epoch) IN (VALUES ?)",
			whereArgs: []any{
				h.Name, h.Incarnation, tuples(keys),
			},
			lock: "FOR UPDATE",
		})
		return err
	})
}

// CountLeases implements runner.Peers.
func (s *Store) CountLeases(ctx context.Context, kind lease.Kind, now time.Time) (n int64, err error) {
	err = s.db.SystemRead(ctx, "counting leases", func(ctx context.Context, tx bun.IDB) error {
		n, err = tx.NewSelect().Model((*leaseRow)(nil)).Where("tenant_id = '' AND kind = ? AND expires_at > ?", kind, now.UnixMicro()).Count(ctx)
		return err
	})
	return n, err
}

// CheckLease implements lease.Store.
func (s *Store) CheckLease(ctx context.Context, l lease.Lease) error {
	check := func(ctx context.Context, tx bun.IDB) error {
		return s.fence(ctx, tx, map[lease.Resource]int64{l.Resource: l.Epoch})
	}
	if l.TenantID == "" {
		return s.db.System(ctx, "checking a lease", check)
	}
	return s.db.Write(ctx, l.TenantID, check)
}

// newest checks that the holder is its name's newest incarnation, and keeps the
// next one from starting until the transaction ends.
func (s *Store) newest(ctx context.Context, tx bun.IDB, h lease.Holder) error {
	var incarnation int64
	err := tx.NewRaw("SELECT incarnation FROM lease_holders WHERE name = ?"+s.locking("FOR SHARE"), h.Name).Scan(ctx, &incarnation)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("lease holder %q was never started", h.Name)
	case err != nil:
		return fmt.Errorf("reading lease holder %q: %w", h.Name, err)
	case incarnation != h.Incarnation:
		return lease.ErrSuperseded
	}
	return nil
}

// addLeases makes the rows of resources that never had a lease. Most have one,
// so that looking first is cheaper than inserting. A bot or a backtest that was
// deleted gets none: its epochs would begin anew.
func addLeases(ctx context.Context, tx bun.IDB, resources []lease.Resource, keys [][]any) error {
	var rows []leaseRow
	err := tx.NewSelect().Model(&rows).Column("tenant_id", "kind", "resource_id").
		Where("(tenant_id, kind, resource_id) IN (VALUES ?)", tuples(keys)).Scan(ctx)
	if err != nil {
		return fmt.Errorf("looking for leases: %w", err)
	}
	known := make(map[lease.Resource]bool, len(rows))
	for _, r := range rows {
		known[r.lease().Resource] = true
	}
	rows = rows[:0]
	fresh := map[lease.Kind][][]any{}
	for _, r := range resources {
		if known[r] {
			continue
		}
		known[r] = true
		row := leaseRow{TenantID: r.TenantID, Kind: r.Kind, ResourceID: r.ID}
		switch r.Kind {
		case lease.Bots:
			row.BotID = r.ID
		case lease.Backtests:
			row.BacktestID = r.ID
		case lease.Workers: // on itself
		}
		fresh[r.Kind] = append(fresh[r.Kind], []any{r.TenantID, r.ID})
		rows = append(rows, row)
	}
	for kind, table := range map[lease.Kind]string{lease.Bots: "bots", lease.Backtests: "backtests"} {
		if rows, err = existing(ctx, tx, rows, kind, table, fresh[kind]); err != nil {
			return err
		}
	}
	err = insertAll(ctx, tx, rows, func(q *bun.InsertQuery) *bun.InsertQuery { return q.On("CONFLICT DO NOTHING") })
	if err != nil {
		return fmt.Errorf("adding leases: %w", err)
	}
	return nil
}

// existing leaves out the leases of a kind whose resources are not in their
// table.
func existing(ctx context.Context, tx bun.IDB, rows []leaseRow, kind lease.Kind, table string, keys [][]any) ([]leaseRow, error) {
	if len(keys) == 0 {
		return rows, nil
	}
	var there []struct{ TenantID, ID string }
	err := tx.NewRaw("SELECT tenant_id, id FROM ? WHERE (tenant_id, id) IN (VALUES ?)", bun.Ident(table), tuples(keys)).Scan(ctx, &there)
	if err != nil {
		return nil, fmt.Errorf("looking for %s to lease: %w", table, err)
	}
	alive := make(map[lease.Resource]bool, len(there))
	for _, t := range there {
		alive[lease.Resource{Kind: kind, TenantID: t.TenantID, ID: t.ID}] = true
	}
	return slices.DeleteFunc(rows, func(r leaseRow) bool { return r.Kind == kind && !alive[r.lease().Resource] }), nil
}

// leaseUpdate is one change of many leases.
type leaseUpdate struct {
	set       string
	setArgs   []any
	where     string
	whereArgs []any
	limit     int // 0 is no limit
	lock      string
}

// updateLeases changes leases and returns them. Rows are locked in the order of
// their key, here as in fence, so that two transactions never wait for each
// other.
func (s *Store) updateLeases(ctx context.Context, tx bun.IDB, u leaseUpdate) ([]lease.Lease, error) {
	query := "WITH found AS (SELECT tenant_id, kind, resource_id FROM leases WHERE " + u.where + " ORDER BY tenant_id, kind, resource_id"
	args := u.whereArgs
	if u.limit > 0 {
		query += " LIMIT ?"
		args = append(args, u.limit)
	}
	query += s.locking(u.lock) + ") UPDATE leases SET " + u.set +
		" WHERE (tenant_id, kind, resource_id) IN (SELECT tenant_id, kind, resource_id FROM found) RETURNING *"
	args = append(args, u.setArgs...)
	var rows []leaseRow
	if err := tx.NewRaw(query, args...).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("changing leases: %w", err)
	}
	return convert(rows, leaseRow.lease), nil
}

// fence returns lease.ErrLost unless every resource is held under its epoch,
// and keeps it so until the transaction ends.
func (s *Store) fence(ctx context.Context, tx bun.IDB, epochs map[lease.Resource]int64) error {
	resources := make([]lease.Resource, 0, len(epochs))
	for r := range epochs {
		resources = append(resources, r)
	}
	held, err := s.heldEpochs(ctx, tx, resources)
	if err != nil {
		return err
	}
	for r, epoch := range epochs {
		if now, ok := held[r]; !ok || now != epoch {
			return lease.ErrLost.With("kind", r.Kind).With("resource", r.ID)
		}
	}
	return nil
}

// heldEpochs returns the epochs of those resources that somebody holds, and keeps
// them so until the transaction ends. Two transactions under one lease follow one
// another, so that their other rows cannot meet.
func (s *Store) heldEpochs(ctx context.Context, tx bun.IDB, resources []lease.Resource) (map[lease.Resource]int64, error) {
	held, _, err := s.heldUnder(ctx, tx, resources, "FALSE")
	return held, err
}

// heldUnder is heldEpochs, and tells of which tenants a condition holds, in the same
// statement.
func (s *Store) heldUnder(ctx context.Context, tx bun.IDB, resources []lease.Resource, condition string) (held map[lease.Resource]int64, tenants []string, err error) {
	var rows []struct {
		leaseRow
		Holds bool
	}
	err = tx.NewRaw("SELECT tenant_id, kind, resource_id, epoch, "+condition+" AS holds FROM leases WHERE (tenant_id, kind, resource_id) IN (VALUES ?) AND holder <> '' "+
		"ORDER BY tenant_id, kind, resource_id"+s.locking("FOR NO KEY UPDATE"), tuples(keysOf(resources))).Scan(ctx, &rows)
	if err != nil {
		return nil, nil, fmt.Errorf("checking leases: %w", err)
	}
	held = make(map[lease.Resource]int64, len(rows))
	for _, r := range rows {
		held[r.lease().Resource] = r.Epoch
		if r.Holds && !slices.Contains(tenants, r.TenantID) {
			tenants = append(tenants, r.TenantID)
		}
	}
	return held, tenants, nil
}

func keysOf(resources []lease.Resource) [][]any {
	keys := make([][]any, len(resources))
	for i, r := range resources {
		keys[i] = []any{r.TenantID, r.Kind, r.ID}
	}
	return keys
}
