package dbtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/db"
)

// migrated is the databases of this test binary that migrations were applied to:
// a test gets a copy, which takes a tenth of the time. The zero value is empty.
type migrated struct {
	mu    sync.Mutex
	files map[string]func() ([]byte, error)
	names map[string]func() (string, error)
}

// file returns the bytes of a SQLite file after the migrations of the sets.
func (m *migrated) file(sets []db.MigrationSet) ([]byte, error) {
	return once(m, &m.files, sets, func() (raw []byte, err error) {
		dir, err := os.MkdirTemp("", "lunobot-sqlite-")
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		path := filepath.Join(dir, "lunobot.db")
		if err := migrate("sqlite://"+path, sets); err != nil {
			return nil, err
		}
		return os.ReadFile(path) //nolint:gosec // the file that was just made
	})
}

// database returns the name of a database of the cluster after the migrations of
// the sets.
func (m *migrated) database(c *cluster, sets []db.MigrationSet) (string, error) {
	return once(m, &m.names, sets, func() (string, error) {
		name, err := c.create(context.Background(), "template1")
		if err != nil {
			return "", err
		}
		return name, migrate(c.url+"/"+name, sets)
	})
}

// once makes what belongs to sets when it is first wanted.
func once[T any](m *migrated, made *map[string]func() (T, error), sets []db.MigrationSet, create func() (T, error)) (T, error) {
	key, err := keyOf(sets)
	if err != nil {
		var none T
		return none, err
	}
	m.mu.Lock()
	if *made == nil {
		*made = map[string]func() (T, error){}
	}
	get, ok := (*made)[key]
	if !ok {
		get = sync.OnceValues(create)
		(*made)[key] = get
	}
	m.mu.Unlock()
	return get()
}

// keyOf tells sets from others by their names and all that is in their files.
func keyOf(sets []db.MigrationSet) (string, error) {
	sum := sha256.New()
	for _, set := range sets {
		fmt.Fprintf(sum, "%q\n", set.Name)
		err := fs.WalkDir(set.Files, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			raw, err := fs.ReadFile(set.Files, name)
			fmt.Fprintf(sum, "%q %q\n", name, raw)
			return err
		})
		if err != nil {
			return "", fmt.Errorf("reading the migrations of %s: %w", set.Name, err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// migrate applies the migrations and leaves the database closed.
func migrate(url string, sets []db.MigrationSet) (err error) {
	d, err := db.Open(context.Background(), db.Config{URL: url})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	_, err = d.Migrate(context.Background(), sets...)
	return err
}

// create makes a database with what another one holds, to which nobody is
// connected, and returns its name.
func (c *cluster) create(ctx context.Context, from string) (name string, err error) {
	d, err := db.Open(ctx, db.Config{URL: c.url + "/postgres", MaxConns: 1})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	name = fmt.Sprintf("t%d", c.next())
	return name, d.Exec(ctx, "CREATE DATABASE ? TEMPLATE ?", bun.Ident(name), bun.Ident(from))
}
