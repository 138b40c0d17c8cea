package tenancydb

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

type userRow struct {
	bun.BaseModel `bun:"table:users,alias:u"`

	ID            string `bun:",pk"`
	Email         string
	PasswordHash  string
	FirstName     string
	LastName      string
	PlatformAdmin bool
	Disabled      bool
	CreatedAt     db.Timestamp
}

func (r userRow) user() tenancy.User {
	return tenancy.User{
		ID: r.ID, Email: r.Email, FirstName: r.FirstName, LastName: r.LastName,
		PlatformAdmin: r.PlatformAdmin, Disabled: r.Disabled, CreatedAt: r.CreatedAt.Time,
	}
}

// InsertUser implements tenancy.Store.
func (s *Store) InsertUser(ctx context.Context, u tenancy.User, passwordHash string) error {
	row := userRow{
		ID: u.ID, Email: u.Email, PasswordHash: passwordHash, FirstName: u.FirstName, LastName: u.LastName,
		PlatformAdmin: u.PlatformAdmin, Disabled: u.Disabled, CreatedAt: db.At(u.CreatedAt),
	}
	err := s.db.System(ctx, "storing a user", func(ctx context.Context, tx bun.IDB) error {
		_, err := tx.NewInsert().Model(&row).Exec(ctx)
		return err
	})
	if db.IsUnique(err) {
		taken := errs.New(errs.Conflict, "email_taken", "there is an account with this e-mail address already")
		taken.Fields = []errs.Field{{Path: "/email", Reason: "is in use"}}
		return taken.Wrap(err)
	}
	return err
}

// User implements tenancy.Store.
func (s *Store) User(ctx context.Context, userID string) (tenancy.User, error) {
	var row userRow
	err := s.db.SystemRead(ctx, "reading a user", func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().Model(&row).Where("u.id = ?", userID).Scan(ctx)
		return db.NotFound(err, "reading user "+userID, notFound("user", userID))
	})
	return row.user(), err
}

// Credentials implements tenancy.Store.
func (s *Store) Credentials(ctx context.Context, email string) (tenancy.User, string, error) {
	var row userRow
	err := s.db.SystemRead(ctx, "looking up a login", func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().Model(&row).Where("u.email = ?", email).Scan(ctx)
		return db.NotFound(err, "reading a user by address", noSuchLogin())
	})
	return row.user(), row.PasswordHash, err
}

// LockCredentials implements tenancy.Store.
func (s *Store) LockCredentials(ctx context.Context, email string) (tenancy.User, string, error) {
	var row userRow
	err := s.db.System(ctx, "locking a user", func(ctx context.Context, tx bun.IDB) error {
		err := s.forUpdate(tx.NewSelect().Model(&row).Where("u.email = ?", email), "NO KEY UPDATE").Scan(ctx)
		return db.NotFound(err, "locking a user by address", noSuchLogin())
	})
	return row.user(), row.PasswordHash, err
}

// UpdateUser implements tenancy.Store.
func (s *Store) UpdateUser(ctx context.Context, userID string, change tenancy.UserUpdate) (tenancy.User, error) {
	var row userRow
	err := s.db.System(ctx, "changing a user", func(ctx context.Context, tx bun.IDB) error {
		q := tx.NewUpdate().Model(&row).Set("id = id").Where("id = ?", userID).Returning("*")
		if change.FirstName != nil {
			q = q.Set("first_name = ?", *change.FirstName)
		}
		if change.LastName != nil {
			q = q.Set("last_name = ?", *change.LastName)
		}
		if change.Disabled != nil {
			q = q.Set("disabled = ?", *change.Disabled)
		}
		res, err := q.Exec(ctx)
		return changed(res, err, "changing user "+userID, notFound("user", userID))
	})
	return row.user(), err
}

// SetPassword implements tenancy.Store.
func (s *Store) SetPassword(ctx context.Context, userID, oldHash, newHash string) (bool, error) {
	n := 0
	err := s.db.System(ctx, "storing a password", func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewUpdate().Model((*userRow)(nil)).Set("password_hash = ?", newHash).
			Where("id = ?", userID).Where("password_hash = ?", oldHash).Exec(ctx)
		n, err = affected(res, err, "storing the password of user "+userID)
		return err
	})
	return n == 1, err
}

// PlatformAdmins implements tenancy.Store.
func (s *Store) PlatformAdmins(ctx context.Context) (int, error) {
	n := 0
	err := s.db.SystemRead(ctx, "counting administrators", func(ctx context.Context, tx bun.IDB) error {
		count, err := tx.NewSelect().Model((*userRow)(nil)).Where("u.platform_admin").Count(ctx)
		if err != nil {
			return fmt.Errorf("counting administrators: %w", err)
		}
		n = int(count)
		return nil
	})
	return n, err
}

// noSuchLogin does not repeat the address: errors are logged.
func noSuchLogin() *errs.Error {
	return errs.New(errs.NotFound, "user_not_found", "no user with this address")
}
