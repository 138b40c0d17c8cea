package saasdb

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/strategy/plugin"
)

type strategyRow struct {
	bun.BaseModel `bun:"table:strategy_versions,alias:v"`

	Name        string `bun:",pk"`
	Version     string `bun:",pk"`
	SHA256      string `bun:"sha256"`
	Size        int64
	Manifest    string
	Publisher   string
	Status      catalog.Status
	Isolation   catalog.Isolation
	InstalledBy string
	InstalledAt db.Timestamp
	ApprovedBy  string
	ApprovedAt  db.Timestamp
	RevokedBy   string
	RevokedAt   db.Timestamp
	Reason      string
}

func strategyRowOf(e catalog.Entry) (strategyRow, error) {
	manifest, err := json.Marshal(e.Manifest)
	if err != nil {
		return strategyRow{}, fmt.Errorf("writing the manifest of %s: %w", e.Ref, err)
	}
	return strategyRow{
		Name: e.Name, Version: e.Version, SHA256: e.SHA256, Size: e.Size, Manifest: string(manifest), Publisher: clean(e.Publisher),
		Status: e.Status, Isolation: e.Isolation, InstalledBy: clean(e.InstalledBy), InstalledAt: db.At(e.InstalledAt), ApprovedBy: clean(e.ApprovedBy),
		ApprovedAt: db.At(e.ApprovedAt), RevokedBy: clean(e.RevokedBy), RevokedAt: db.At(e.RevokedAt), Reason: clean(e.Reason),
	}, nil
}

// entry returns the row's entry. A manifest that this version of the server
// cannot read is left empty: the others are not to suffer from it.
func (r strategyRow) entry() catalog.Entry {
	var manifest plugin.Manifest
	if json.Unmarshal([]byte(r.Manifest), &manifest) != nil {
		manifest = plugin.Manifest{}
	}
	return catalog.Entry{
		Ref: catalog.Ref{Name: r.Name, Version: r.Version}, SHA256: r.SHA256, Size: r.Size, Manifest: manifest, Publisher: r.Publisher,
		Status: r.Status, Isolation: r.Isolation, InstalledBy: r.InstalledBy, InstalledAt: r.InstalledAt.Time, ApprovedBy: r.ApprovedBy,
		ApprovedAt: r.ApprovedAt.Time, RevokedBy: r.RevokedBy, RevokedAt: r.RevokedAt.Time, Reason: r.Reason,
	}
}

// Entry implements catalog.Store.
func (s *Store) Entry(ctx context.Context, ref catalog.Ref) (catalog.Entry, error) {
	return s.entry(ctx, ref, s.db.SystemRead, "")
}

// LockEntry implements catalog.Store. The lock is one that those who pin a bot to
// the version need not wait for.
func (s *Store) LockEntry(ctx context.Context, ref catalog.Ref) (catalog.Entry, error) {
	lock := ""
	if s.db.Dialect() == db.Postgres {
		lock = "NO KEY UPDATE"
	}
	return s.entry(ctx, ref, s.db.System, lock)
}

func (s *Store) entry(
	ctx context.Context, ref catalog.Ref, in func(context.Context, string, func(context.Context, bun.IDB) error) error, lock string,
) (catalog.Entry, error) {
	var row strategyRow
	err := in(ctx, "reading strategy "+ref.String(), func(ctx context.Context, tx bun.IDB) error {
		q := tx.NewSelect().Model(&row).Where("v.name = ? AND v.version = ?", ref.Name, ref.Version)
		if lock != "" {
			q = q.For(lock)
		}
		return db.NotFound(q.Scan(ctx), "reading strategy "+ref.String(), notFound("strategy_version", ref.String()))
	})
	if err != nil {
		return catalog.Entry{}, err
	}
	return row.entry(), nil
}

// Entries implements catalog.Store.
func (s *Store) Entries(ctx context.Context) ([]catalog.Entry, error) {
	var rows []strategyRow
	err := s.db.SystemRead(ctx, "listing strategies", func(ctx context.Context, tx bun.IDB) error {
		return tx.NewSelect().Model(&rows).Order("v.name", "v.installed_at").Scan(ctx)
	})
	return convert(rows, strategyRow.entry), err
}

// InsertEntry implements catalog.Store.
func (s *Store) InsertEntry(ctx context.Context, e catalog.Entry) error {
	row, err := strategyRowOf(e)
	if err != nil {
		return err
	}
	return s.db.System(ctx, "storing strategy "+e.String(), func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewInsert().Model(&row).On("CONFLICT (name, version) DO NOTHING").Exec(ctx)
		return changed(res, err, "storing strategy "+e.String(), errs.New(errs.Conflict, "strategy_version_exists", "%s is there already", e.Ref))
	})
}

// UpdateEntry implements catalog.Store.
func (s *Store) UpdateEntry(ctx context.Context, e catalog.Entry) error {
	row, err := strategyRowOf(e)
	if err != nil {
		return err
	}
	return s.db.System(ctx, "changing strategy "+e.String(), func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewUpdate().Model(&row).
			Column("publisher", "status", "isolation", "approved_by", "approved_at", "revoked_by", "revoked_at", "reason").WherePK().Exec(ctx)
		return changed(res, err, "changing strategy "+e.String(), notFound("strategy_version", e.String()))
	})
}

// DeleteEntry implements catalog.Store.
func (s *Store) DeleteEntry(ctx context.Context, ref catalog.Ref) error {
	return s.db.System(ctx, "removing strategy "+ref.String(), func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewDelete().Model((*strategyRow)(nil)).Where("name = ? AND version = ?", ref.Name, ref.Version).Exec(ctx)
		return changed(res, err, "removing strategy "+ref.String(), notFound("strategy_version", ref.String()))
	})
}

type strategyChangeRow struct {
	bun.BaseModel `bun:"table:strategy_changes,alias:h"`

	ID      string `bun:",pk"`
	Name    string
	Version string
	SHA256  string `bun:"sha256"`
	Action  string
	Actor   string
	Note    string
	At      db.Timestamp
}

func (r strategyChangeRow) change() catalog.Change {
	return catalog.Change{
		ID: r.ID, Ref: catalog.Ref{Name: r.Name, Version: r.Version}, SHA256: r.SHA256, Action: r.Action, Actor: r.Actor, Note: r.Note, At: r.At.Time,
	}
}

// AddChange implements catalog.Store.
func (s *Store) AddChange(ctx context.Context, c catalog.Change) error {
	row := strategyChangeRow{
		ID: c.ID, Name: c.Name, Version: c.Version, SHA256: c.SHA256, Action: c.Action, Actor: clean(c.Actor), Note: clean(c.Note), At: db.At(c.At),
	}
	return s.db.System(ctx, "writing the catalog's log", func(ctx context.Context, tx bun.IDB) error {
		_, err := tx.NewInsert().Model(&row).Exec(ctx)
		return err
	})
}

// Changes implements catalog.Store.
func (s *Store) Changes(ctx context.Context, limit int) ([]catalog.Change, error) {
	var rows []strategyChangeRow
	err := s.db.SystemRead(ctx, "reading the catalog's log", func(ctx context.Context, tx bun.IDB) error {
		return tx.NewSelect().Model(&rows).Order("h.id DESC").Limit(int64(limit)).Scan(ctx)
	})
	return convert(rows, strategyChangeRow.change), err
}

// holdVersion keeps a version that a bot is pinned to from being removed until the
// transaction ends; one that is gone is a Conflict. What the server contains has
// no version.
func (s *Store) holdVersion(ctx context.Context, tx bun.IDB, name, version string) error {
	if version == "" {
		return nil
	}
	var found string
	err := tx.NewRaw("SELECT version FROM strategy_versions WHERE name = ? AND version = ?"+s.locking("FOR KEY SHARE"), name, version).Scan(ctx, &found)
	gone := &catalog.UnusableError{Ref: catalog.Ref{Name: name, Version: version}, Why: catalog.Unknown}
	return db.NotFound(err, "holding strategy "+name, errs.New(errs.Conflict, errs.CodeOf(gone), "%s", gone.Error()))
}

// Pins implements catalog.Store.
func (s *Store) Pins(ctx context.Context, ref catalog.Ref) ([]catalog.Pin, error) {
	var pins []catalog.Pin
	err := s.db.SystemRead(ctx, "looking for bots of "+ref.String(), func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().Model((*configRow)(nil)).ColumnExpr("c.tenant_id, c.bot_id, c.name").
			Where("c.strategy = ? AND (c.strategy_version = ? OR c.upgrade_version = ?)", ref.Name, ref.Version, ref.Version).
			Order("c.tenant_id", "c.bot_id").Scan(ctx, &pins)
		if err != nil {
			return fmt.Errorf("reading configurations: %w", err)
		}
		return nil
	})
	return pins, err
}

// useRow counts the bots of a version.
type useRow struct {
	Name, Version string
	Bots, Running int
}

// Uses implements catalog.Store.
func (s *Store) Uses(ctx context.Context) ([]catalog.Use, error) {
	var rows []useRow
	err := s.db.SystemRead(ctx, "counting the bots of strategies", func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewRaw(`SELECT u.name, u.version, COUNT(*) AS bots, SUM(u.running) AS running FROM (
			SELECT c.strategy AS name, c.strategy_version AS version, CASE WHEN b.desired THEN 1 ELSE 0 END AS running
			FROM bot_configs AS c JOIN bots AS b ON b.tenant_id = c.tenant_id AND b.config_id = c.id
			UNION ALL
			SELECT c.strategy, c.upgrade_version, 0 FROM bot_configs AS c WHERE c.upgrade_parameters <> '' AND c.upgrade_version <> c.strategy_version
		) AS u GROUP BY u.name, u.version ORDER BY u.name, u.version`).Scan(ctx, &rows)
		if err != nil {
			return fmt.Errorf("reading configurations: %w", err)
		}
		return nil
	})
	return convert(rows, func(r useRow) catalog.Use {
		return catalog.Use{Ref: catalog.Ref{Name: r.Name, Version: r.Version}, Bots: r.Bots, Running: r.Running}
	}), err
}
