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

// SwapSetting stores a fact of the installation in place of what the caller has read,
// and reports false, changing nothing, if it is another one by now.
func (s *Store) SwapSetting(ctx context.Context, name, old, value string) (swapped bool, err error) {
	err = s.db.System(ctx, "writing setting "+name, func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewUpdate().Model((*settingRow)(nil)).Set("value = ?", value).Where("name = ?", name).Where("value = ?", old).Exec(ctx)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		swapped = n == 1
		return err
	})
	return swapped, err
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
