package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"github.com/lunobot/lunobot/saas"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/outbox"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/strategy/pluginhost"
)

// catalogFlags say which installation's catalog is worked on. A server may run on
// it: the database is shared as two servers share it, and the server looks at
// the catalog every other second. The folder's lock is not needed, because it
// guards the files of the events' broker, which are left alone.
type catalogFlags struct {
	DataDir     string `env:"LUNOBOT_DATA_DIR" default:"./lunobot-data" placeholder:"FOLDER" help:"The installation's data folder. Default: ${default}. A server may run on it meanwhile."`
	DatabaseURL string `name:"database-url" env:"DATABASE_URL" placeholder:"URL" help:"sqlite:///path or postgresql://…. Default: a SQLite file in the data folder."`
	PluginDir   string `env:"LUNOBOT_PLUGIN_DIR" placeholder:"FOLDER" help:"Folder of the files. Default: \"plugins\" in the data folder."`
	By          string `placeholder:"NAME" help:"Who does this, for the log. Default: the user of this machine."`
}

// catalogOf is an opened catalog, which the caller closes.
type catalogOf struct {
	*catalog.Service
	store *saasdb.Store
	by    string
	db    *db.DB
	host  *pluginhost.Host
}

// open opens the catalog. A database that is not there yet is made, and one of
// an older version is left to the migrate command.
func (f catalogFlags) open(ctx context.Context, c *console) (_ *catalogOf, err error) {
	o := &catalogOf{by: f.actor()}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.close())
		}
	}()
	if f.DatabaseURL == "" {
		if err := os.MkdirAll(f.DataDir, 0o700); err != nil {
			return nil, input("the data folder %s cannot be made: %w", f.DataDir, err)
		}
		f.DatabaseURL = "sqlite://" + filepath.Join(f.DataDir, "lunobot.db")
	}
	if f.PluginDir == "" {
		f.PluginDir = saas.DefaultPluginDir(f.DataDir)
	}
	if o.db, err = db.Open(ctx, db.Config{URL: f.DatabaseURL}); err != nil {
		return nil, input("opening %s: %w", db.Redact(f.DatabaseURL), err)
	}
	if err := prepare(ctx, o.db); err != nil {
		return nil, err
	}
	if o.host, err = c.host(ctx); err != nil {
		return nil, err
	}
	o.store = saasdb.New(o.db)
	events, err := outbox.NewRecorder(outbox.RecorderConfig{Store: o.store})
	if err != nil {
		return nil, err
	}
	o.Service, err = catalog.NewService(catalog.Config{
		Contained: saas.Contained(c.bundle), Events: events, Folder: catalog.NewFolder(f.PluginDir), Host: o.host, Now: time.Now, Store: o.store, Tx: o.db,
	})
	return o, err
}

// prepare makes the tables of a new database. It changes nothing in one that is
// in use: a server of an older version may run on it.
func prepare(ctx context.Context, d *db.DB) error {
	all, err := d.Migrations(ctx, saas.Migrations()...)
	if err != nil {
		return err
	}
	applied := 0
	for _, m := range all {
		if m.Applied {
			applied++
		}
	}
	switch applied {
	case len(all):
		return nil
	case 0:
		_, err := d.Migrate(ctx, saas.Migrations()...)
		return err
	}
	return input("the database is of an older version: stop its servers and run lunobot migrate first")
}

// actor is who is said to do it.
func (f catalogFlags) actor() string {
	if f.By != "" {
		return f.By
	}
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "operator"
}

func (o *catalogOf) close() error {
	if o.host != nil {
		o.host.Stop()
	}
	if o.db != nil {
		return o.db.Close()
	}
	return nil
}

// in runs fn on the catalog. What the caller could have given better is an
// inputError.
func (f catalogFlags) in(ctx context.Context, c *console, fn func(o *catalogOf) error) error {
	o, err := f.open(ctx, c)
	if err != nil {
		return err
	}
	err = fn(o)
	switch errs.KindOf(err) {
	case errs.Invalid, errs.NotFound, errs.Conflict:
		err = inputError{err}
	default:
	}
	return errors.Join(err, o.close())
}

// refFlags name a version in a catalog.
type refFlags struct {
	Version string `arg:"" placeholder:"NAME@VERSION" help:"The version, such as demo@1.0.0."`
	catalogFlags
}

// in runs fn on the catalog and the version that is named.
func (f refFlags) in(ctx context.Context, c *console, fn func(o *catalogOf, ref catalog.Ref) error) error {
	ref, err := catalog.ParseRef(f.Version)
	if err != nil {
		return inputError{err}
	}
	return f.catalogFlags.in(ctx, c, func(o *catalogOf) error {
		err := fn(o, ref)
		if errs.KindOf(err) == errs.NotFound {
			return input("%s was not put in here; 'lunobot plugin list' names what was", ref)
		}
		return err
	})
}

type pluginApproveCommand struct{ refFlags }

// Run approves a version.
func (p pluginApproveCommand) Run(ctx context.Context, c *console) error {
	return p.in(ctx, c, func(o *catalogOf, ref catalog.Ref) error {
		e, err := o.Approve(ctx, ref, o.by)
		if err == nil {
			fmt.Fprintf(c.out, "approved %s (SHA-256 %s): servers offer it within seconds\n", e.Ref, e.SHA256)
		}
		return err
	})
}

type pluginRevokeCommand struct {
	Reason string `placeholder:"TEXT" help:"Why; the tenants whose bots pause are told."`
	refFlags
}

// Run revokes a version.
func (p pluginRevokeCommand) Run(ctx context.Context, c *console) error {
	return p.in(ctx, c, func(o *catalogOf, ref catalog.Ref) error {
		e, err := o.Revoke(ctx, ref, o.by, p.Reason)
		if err != nil {
			return err
		}
		pins, err := o.Pins(ctx, ref)
		if err == nil {
			fmt.Fprintf(c.out, "revoked %s: it is pinned by %d bots, and those that run pause within seconds\n", e.Ref, len(pins))
		}
		return err
	})
}

type pluginIsolationCommand struct {
	refFlags
	Isolation string `arg:"" enum:"shared,tenant,bot" help:"shared, tenant or bot: who shares a process. A plan or a bot can ask for more, and never for less."`
}

// Run sets what the bots of a version must have at least.
func (p pluginIsolationCommand) Run(ctx context.Context, c *console) error {
	return p.in(ctx, c, func(o *catalogOf, ref catalog.Ref) error {
		e, err := o.Isolate(ctx, ref, o.by, catalog.Isolation(p.Isolation))
		if err == nil {
			fmt.Fprintf(c.out, "%s has the isolation %s: bots move to their processes within seconds\n", e.Ref, e.Isolation)
		}
		return err
	})
}

type pluginRemoveCommand struct{ refFlags }

// Run removes a version.
func (p pluginRemoveCommand) Run(ctx context.Context, c *console) error {
	return p.in(ctx, c, func(o *catalogOf, ref catalog.Ref) error {
		err := o.Remove(ctx, ref, o.by)
		if err == nil {
			fmt.Fprintf(c.out, "removed %s\n", ref)
		}
		return err
	})
}
