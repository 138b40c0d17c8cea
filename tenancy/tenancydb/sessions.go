package tenancydb

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

type sessionRow struct {
	bun.BaseModel `bun:"table:sessions,alias:s"`

	TenantID      string `bun:",pk"`
	ID            string `bun:",pk"`
	UserID        string
	Device        string
	IP            string
	Network       string
	Generation    int
	CreatedAt     db.Timestamp
	LastSeenAt    db.Timestamp
	ExpiresAt     db.Timestamp
	RevokedAt     db.Timestamp
	RevokedReason string
}

func (r sessionRow) session() tenancy.Session {
	return tenancy.Session{
		ID: r.ID, TenantID: r.TenantID, UserID: r.UserID, Device: r.Device, IP: r.IP, Network: r.Network,
		Generation: r.Generation, CreatedAt: r.CreatedAt.Time, LastSeenAt: r.LastSeenAt.Time,
		ExpiresAt: r.ExpiresAt.Time, RevokedAt: r.RevokedAt.Time, RevokedReason: tenancy.RevokeReason(r.RevokedReason),
	}
}

// InsertSession implements tenancy.Store.
func (s *Store) InsertSession(ctx context.Context, tenantID string, v tenancy.Session) error {
	row := sessionRow{
		TenantID: tenantID, ID: v.ID, UserID: v.UserID, Device: v.Device, IP: v.IP, Network: v.Network,
		Generation: v.Generation, CreatedAt: db.At(v.CreatedAt), LastSeenAt: db.At(v.LastSeenAt),
		ExpiresAt: db.At(v.ExpiresAt), RevokedAt: db.At(v.RevokedAt), RevokedReason: string(v.RevokedReason),
	}
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		_, err := tx.NewInsert().Model(&row).Exec(ctx)
		return failed(err, "storing session "+v.ID)
	})
}

// Session implements tenancy.Store.
func (s *Store) Session(ctx context.Context, tenantID, sessionID string) (tenancy.Session, error) {
	var row sessionRow
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		err := selectSession(tx, &row, tenantID, sessionID).Scan(ctx)
		return db.NotFound(err, "reading session "+sessionID, notFound("session", sessionID))
	})
	return row.session(), err
}

// LockSession implements tenancy.Store.
func (s *Store) LockSession(ctx context.Context, tenantID, sessionID string) (tenancy.Session, error) {
	var row sessionRow
	err := s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		err := s.forUpdate(selectSession(tx, &row, tenantID, sessionID), "UPDATE NOWAIT").Scan(ctx)
		if lockedByOther(err) {
			return errs.New(errs.Conflict, "session_busy", "session %s is in use", sessionID).Wrap(err)
		}
		return db.NotFound(err, "locking session "+sessionID, notFound("session", sessionID))
	})
	return row.session(), err
}

func selectSession(tx bun.IDB, row *sessionRow, tenantID, sessionID string) *bun.SelectQuery {
	return tx.NewSelect().Model(row).Where("s.tenant_id = ?", tenantID).Where("s.id = ?", sessionID)
}

// Access implements tenancy.Store.
func (s *Store) Access(ctx context.Context, tenantID, sessionID string) (tenancy.Access, error) {
	var row struct {
		Session sessionRow `bun:"embed:s_"`
		User    userRow    `bun:"embed:u_"`
		Tenant  tenantRow  `bun:"embed:t_"`
		Role    string
	}
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().TableExpr("sessions AS s").
			Join("JOIN memberships AS m ON m.tenant_id = s.tenant_id AND m.user_id = s.user_id").
			Join("JOIN users AS u ON u.id = s.user_id").
			Join("JOIN tenants AS t ON t.id = s.tenant_id").
			ColumnExpr("s.tenant_id AS s_tenant_id, s.id AS s_id, s.user_id AS s_user_id, s.device AS s_device, s.ip AS s_ip").
			ColumnExpr("s.network AS s_network, s.generation AS s_generation, s.created_at AS s_created_at").
			ColumnExpr("s.last_seen_at AS s_last_seen_at, s.expires_at AS s_expires_at").
			ColumnExpr("s.revoked_at AS s_revoked_at, s.revoked_reason AS s_revoked_reason").
			ColumnExpr("u.id AS u_id, u.email AS u_email, u.first_name AS u_first_name, u.last_name AS u_last_name").
			ColumnExpr("u.platform_admin AS u_platform_admin, u.disabled AS u_disabled, u.created_at AS u_created_at").
			ColumnExpr("t.id AS t_id, t.name AS t_name, t.created_at AS t_created_at, m.role AS role").
			Where("s.tenant_id = ?", tenantID).Where("s.id = ?", sessionID).Scan(ctx, &row)
		return db.NotFound(err, "reading the access of session "+sessionID, notFound("session", sessionID))
	})
	if err != nil {
		return tenancy.Access{}, err
	}
	return tenancy.Access{
		Session: row.Session.session(), Role: tenancy.Role(row.Role), Tenant: row.Tenant.tenant(), User: row.User.user(),
	}, nil
}

// Sessions implements tenancy.Store.
func (s *Store) Sessions(ctx context.Context, tenantID, userID string, now time.Time) ([]tenancy.Session, error) {
	var rows []sessionRow
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().Model(&rows).Where("s.tenant_id = ?", tenantID).Where("s.user_id = ?", userID).
			Where("s.revoked_at IS NULL").Where("s.expires_at > ?", db.At(now)).Order("s.created_at DESC", "s.id DESC").Scan(ctx)
		if err != nil {
			return fmt.Errorf("reading the sessions of user %s: %w", userID, err)
		}
		return nil
	})
	list := make([]tenancy.Session, len(rows))
	for i, r := range rows {
		list[i] = r.session()
	}
	return list, err
}

// AdvanceSession implements tenancy.Store.
func (s *Store) AdvanceSession(ctx context.Context, tenantID, sessionID string, generation int, seen tenancy.Sighting) error {
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewUpdate().Model((*sessionRow)(nil)).Set("generation = ?", generation).
			Set("last_seen_at = ?", db.At(seen.At)).Set("ip = ?", seen.IP).Set("network = ?", seen.Network).
			Where("tenant_id = ?", tenantID).Where("id = ?", sessionID).Exec(ctx)
		return changed(res, err, "advancing session "+sessionID, notFound("session", sessionID))
	})
}

// RevokeSession implements tenancy.Store.
func (s *Store) RevokeSession(ctx context.Context, tenantID, sessionID string, at time.Time, why tenancy.RevokeReason) (bool, error) {
	live := false
	err := s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		res, err := revoke(tx, tenantID, at, why).Where("id = ?", sessionID).Exec(ctx)
		n, err := affected(res, err, "ending session "+sessionID)
		if err != nil || n > 0 {
			live = n > 0
			return err
		}
		_, err = s.Session(ctx, tenantID, sessionID)
		return err
	})
	return live, err
}

// RevokeSessions implements tenancy.Store.
func (s *Store) RevokeSessions(ctx context.Context, tenantID, userID, except string, at time.Time, why tenancy.RevokeReason) ([]string, error) {
	var ids []string
	err := s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		err := revoke(tx, tenantID, at, why).Where("user_id = ?", userID).Where("id <> ?", except).
			Where("expires_at > ?", db.At(at)).Returning("id").Scan(ctx, &ids)
		if err != nil {
			return fmt.Errorf("ending the sessions of user %s: %w", userID, err)
		}
		return nil
	})
	return ids, err
}

func revoke(tx bun.IDB, tenantID string, at time.Time, why tenancy.RevokeReason) *bun.UpdateQuery {
	return tx.NewUpdate().Model((*sessionRow)(nil)).Set("revoked_at = ?", db.At(at)).Set("revoked_reason = ?", string(why)).
		Where("tenant_id = ?", tenantID).Where("revoked_at IS NULL")
}

// PruneSessions implements tenancy.Store; refresh tokens go with their session
// by their foreign key.
func (s *Store) PruneSessions(ctx context.Context, before time.Time) (int, error) {
	n := 0
	err := s.db.System(ctx, "pruning sessions", func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewDelete().Model((*sessionRow)(nil)).
			Where("expires_at < ? OR revoked_at < ?", db.At(before), db.At(before)).Exec(ctx)
		n, err = affected(res, err, "deleting ended sessions")
		return err
	})
	return n, err
}
