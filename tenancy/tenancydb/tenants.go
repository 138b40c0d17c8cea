package tenancydb

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/tenancy"
)

type tenantRow struct {
	bun.BaseModel `bun:"table:tenants,alias:t"`

	ID        string `bun:",pk"`
	Name      string
	CreatedAt db.Timestamp
}

func (r tenantRow) tenant() tenancy.Tenant {
	return tenancy.Tenant{ID: r.ID, Name: r.Name, CreatedAt: r.CreatedAt.Time}
}

type membershipRow struct {
	bun.BaseModel `bun:"table:memberships,alias:m"`

	TenantID  string `bun:",pk"`
	UserID    string `bun:",pk"`
	Role      string
	CreatedAt db.Timestamp
}

func (r membershipRow) membership() tenancy.Membership {
	return tenancy.Membership{TenantID: r.TenantID, UserID: r.UserID, Role: tenancy.Role(r.Role), CreatedAt: r.CreatedAt.Time}
}

// InsertTenant implements tenancy.Store.
func (s *Store) InsertTenant(ctx context.Context, tenantID string, t tenancy.Tenant) error {
	row := tenantRow{ID: tenantID, Name: t.Name, CreatedAt: db.At(t.CreatedAt)}
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		_, err := tx.NewInsert().Model(&row).Exec(ctx)
		return failed(err, "storing tenant "+tenantID)
	})
}

// Tenant implements tenancy.Store.
func (s *Store) Tenant(ctx context.Context, tenantID string) (tenancy.Tenant, error) {
	var row tenantRow
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().Model(&row).Where("t.id = ?", tenantID).Scan(ctx)
		return db.NotFound(err, "reading tenant "+tenantID, notFound("tenant", tenantID))
	})
	return row.tenant(), err
}

// InsertMembership implements tenancy.Store.
func (s *Store) InsertMembership(ctx context.Context, tenantID string, m tenancy.Membership) error {
	row := membershipRow{TenantID: tenantID, UserID: m.UserID, Role: string(m.Role), CreatedAt: db.At(m.CreatedAt)}
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		_, err := tx.NewInsert().Model(&row).Exec(ctx)
		return failed(err, "storing the membership of user "+m.UserID)
	})
}

// Membership implements tenancy.Store.
func (s *Store) Membership(ctx context.Context, tenantID, userID string) (tenancy.Membership, error) {
	var row membershipRow
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().Model(&row).Where("m.tenant_id = ?", tenantID).Where("m.user_id = ?", userID).Scan(ctx)
		return db.NotFound(err, "reading the membership of user "+userID, notFound("member", userID))
	})
	return row.membership(), err
}

// DeleteMembership implements tenancy.Store; the sessions go with it by their
// foreign key.
func (s *Store) DeleteMembership(ctx context.Context, tenantID, userID string) error {
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewDelete().Model((*membershipRow)(nil)).
			Where("tenant_id = ?", tenantID).Where("user_id = ?", userID).Exec(ctx)
		return changed(res, err, "deleting the membership of user "+userID, notFound("member", userID))
	})
}

// Memberships implements tenancy.Store.
func (s *Store) Memberships(ctx context.Context, userID string) ([]tenancy.Membership, error) {
	var rows []membershipRow
	err := s.db.SystemRead(ctx, "looking up a user's tenants", func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().Model(&rows).Where("m.user_id = ?", userID).Order("m.created_at", "m.tenant_id").Scan(ctx)
		if err != nil {
			return fmt.Errorf("reading the memberships of user %s: %w", userID, err)
		}
		return nil
	})
	list := make([]tenancy.Membership, len(rows))
	for i, r := range rows {
		list[i] = r.membership()
	}
	return list, err
}
