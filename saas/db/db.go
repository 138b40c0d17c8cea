package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite" // registers the SQLite driver

	"github.com/lunobot/lunobot/saas/errs"
)

// Config says which database to open and how.
type Config struct {
	// MaxConns is the number of connections to PostgreSQL, and of readers on
	// SQLite. Defaults to 8.
	MaxConns int
	// URL is the database's address: sqlite:///path (three slashes: an absolute
	// path follows; two: a relative one) or postgresql://user@host/name.
	URL string
}

// Dialect is one of the two databases that the stores run on.
type Dialect string

// The two databases.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// DB is an open database. It is safe for concurrent use.
type DB struct {
	dialect Dialect
	write   *bun.DB
	read    *bun.DB
}

// Open opens the database of cfg and checks that it answers. A bad address, an
// unwritable folder or a database that does not answer is an Unavailable or
// Invalid error that names it (without its password).
func Open(ctx context.Context, cfg Config) (*DB, error) {
	if cfg.MaxConns == 0 {
		cfg.MaxConns = 8
	}
	switch {
	case strings.HasPrefix(cfg.URL, "sqlite://"):
		return openSQLite(ctx, cfg)
	case strings.HasPrefix(cfg.URL, "postgresql://"), strings.HasPrefix(cfg.URL, "postgres://"):
		return openPostgres(ctx, cfg)
	}
	return nil, errs.New(errs.Invalid, "database_url",
		"DATABASE_URL must begin with sqlite:// or postgresql://, got %q", Redact(cfg.URL))
}

func openSQLite(ctx context.Context, cfg Config) (*DB, error) {
	path := strings.TrimPrefix(cfg.URL, "sqlite://")
	if path == "" || path == "/" {
		return nil, errs.New(errs.Invalid, "database_url", "DATABASE_URL %q names no file", cfg.URL)
	}
	path = filepath.Clean(path) // SQLite would take the first folder of sqlite:////path for a host
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, errs.New(errs.Unavailable, "database_folder", "the folder of the database %s cannot be made", path).Wrap(err)
	}
	// SQLite would make the file for everybody to read; its side files follow
	// the mode of this one. A file that is there is not touched: closing it would
	// end the locks that this process has on it.
	if f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600); err == nil {
		if err := f.Close(); err != nil {
			return nil, errs.New(errs.Unavailable, "database_open", "the database %s cannot be made", path).Wrap(err)
		}
	}
	pragmas := url.Values{"_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)", "temp_store(MEMORY)",
	}}
	open := func(extra string, conns int) (*bun.DB, error) {
		pool, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+pragmas.Encode()+extra)
		if err != nil {
			return nil, err
		}
		pool.SetMaxOpenConns(conns)
		pool.SetMaxIdleConns(conns)
		return bun.NewDB(pool, sqlitedialect.New()), nil
	}
	w, err := open("&_txlock=immediate", 1)
	if err != nil {
		return nil, errs.New(errs.Unavailable, "database_open", "the database %s cannot be opened", path).Wrap(err)
	}
	if err := w.PingContext(ctx); err != nil {
		return nil, errors.Join(errs.New(errs.Unavailable, "database_open",
			"the database %s cannot be opened for writing", path).Wrap(err), w.Close())
	}
	r, err := open("&_pragma=query_only(1)", cfg.MaxConns)
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return &DB{dialect: SQLite, write: w, read: r}, nil
}

// idleInTransaction is how long PostgreSQL waits for the next statement of a
// transaction before it takes it back and ends the connection.
const idleInTransaction = 20 * time.Second

func openPostgres(ctx context.Context, cfg Config) (*DB, error) {
	conf, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return nil, errs.New(errs.Invalid, "database_url", "DATABASE_URL %q is not a PostgreSQL address", Redact(cfg.URL))
	}
	conf.DefaultQueryExecMode = pgx.QueryExecModeExec
	// A process that freezes within a transaction must not hold rows for ever that
	// others wait for, such as the leases of its bots.
	pool := stdlib.OpenDB(*conf, stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, fmt.Sprintf("SET idle_in_transaction_session_timeout = %d", idleInTransaction.Milliseconds()))
		return err
	}))
	pool.SetMaxOpenConns(cfg.MaxConns)
	pool.SetMaxIdleConns(cfg.MaxConns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	if err := pool.PingContext(ctx); err != nil {
		return nil, errors.Join(errs.New(errs.Unavailable, "database_open",
			"the database at %s does not answer", Redact(cfg.URL)).Wrap(err), pool.Close())
	}
	b := bun.NewDB(pool, pgdialect.New())
	return &DB{dialect: Postgres, write: b, read: b}, nil
}

// Dialect returns which database it is.
func (d *DB) Dialect() Dialect { return d.dialect }

// Ping reports whether the database answers.
func (d *DB) Ping(ctx context.Context) error {
	if err := d.read.PingContext(ctx); err != nil {
		return errs.New(errs.Unavailable, "database_down", "the database does not answer").Wrap(err)
	}
	return nil
}

// Close closes the pools. Work under way fails.
func (d *DB) Close() error {
	if d.read == d.write {
		return d.write.Close()
	}
	return errors.Join(d.read.Close(), d.write.Close())
}

// Redact returns a database address without its password, for logs and errors.
func Redact(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		scheme, _, _ := strings.Cut(address, "://")
		return scheme + "://…"
	}
	return u.Redacted()
}

// IsUnique reports whether err is a violation of a unique constraint or a
// primary key, on either database.
func IsUnique(err error) bool {
	if err == nil {
		return false
	}
	var coded interface{ SQLState() string }
	if errors.As(err, &coded) {
		return coded.SQLState() == "23505"
	}
	return strings.Contains(err.Error(), "UNIQUE constraint failed") || strings.Contains(err.Error(), "PRIMARY KEY constraint failed")
}

// NotFound turns sql.ErrNoRows into the given error and wraps every other with
// the operation; nil stays nil.
func NotFound(err error, operation string, notFound *errs.Error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return notFound
	}
	return fmt.Errorf("%s: %w", operation, err)
}

// Exec runs one statement outside any transaction, for what cannot run inside
// one, such as CREATE DATABASE.
func (d *DB) Exec(ctx context.Context, query string, args ...any) error {
	if _, err := d.write.ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("running %q: %w", query, err)
	}
	return nil
}
