package saasdb

import (
	"context"
	"database/sql"
	"errors"

	"github.com/uptrace/bun"
)

// settingRow is a fact of the installation.
type settingRow struct {
	bun.BaseModel `bun:"table:settings"`

	Name  string `bun:"name,pk"`
	Value string `bun:"value"`
}

// Setting returns a fact of the installation, and false if it is not known.
func (s *Store) Setting(ctx context.Context, name string) (value string, ok bool, err error) {
	err = s.db.SystemRead(ctx, "reading setting "+name, func(ctx context.Context, tx bun.IDB) error {
		return tx.NewSelect().Model((*settingRow)(nil)).Column("value").Where("name = ?", name).Scan(ctx, &value)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return value, err == nil, err
}

// PutSetting stores a fact of the installation in place of what was known.
func (s *Store) PutSetting(ctx context.Context, name, value string) error {
	return s.db.System(ctx, "writing setting "+name, func(ctx context.Context, tx bun.IDB) error {
		_, err := tx.NewInsert().Model(&settingRow{Name: name, Value: value}).On("CONFLICT (name) DO UPDATE").Set("value = EXCLUDED.value").Exec(ctx)
		return err
	})
}

// EnsureSetting stores a fact of the installation unless it is known, and
// returns what is known afterwards: of several processes that begin at once,
// all get the same.
func (s *Store) EnsureSetting(ctx context.Context, name, value string) (known string, err error) {
	err = s.db.System(ctx, "settling setting "+name, func(ctx context.Context, tx bun.IDB) error {
		if _, err := tx.NewInsert().Model(&settingRow{Name: name, Value: value}).On("CONFLICT (name) DO NOTHING").Exec(ctx); err != nil {
			return err
		}
		return tx.NewSelect().Model((*settingRow)(nil)).Column("value").Where("name = ?", name).Scan(ctx, &known)
	})
	return known, err
}
