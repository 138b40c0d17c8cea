package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/lunobot/lunobot/saas"
	"github.com/lunobot/lunobot/saas/db"
)

// migrateCommand brings a database up to date.
type migrateCommand struct {
	DataDir     string `env:"LUNOBOT_DATA_DIR" default:"./lunobot-data" placeholder:"FOLDER" help:"Folder of the database file. Default: ${default}."`
	DatabaseURL string `name:"database-url" env:"DATABASE_URL" placeholder:"URL" help:"sqlite:///path or postgresql://…. Default: a SQLite file in the data folder."`
	Status      bool   `help:"List the migrations and change nothing."`
}

// Run applies what is missing, or lists it.
func (m migrateCommand) Run(ctx context.Context, c *console) (err error) {
	if m.DatabaseURL == "" {
		if err := os.MkdirAll(m.DataDir, 0o700); err != nil {
			return input("the data folder %s cannot be made: %w", m.DataDir, err)
		}
		m.DatabaseURL = "sqlite://" + filepath.Join(m.DataDir, "lunobot.db")
	}
	d, err := db.Open(ctx, db.Config{URL: m.DatabaseURL})
	if err != nil {
		return input("opening %s: %w", db.Redact(m.DatabaseURL), err)
	}
	defer func() {
		if closing := d.Close(); err == nil {
			err = closing
		}
	}()
	if m.Status {
		return m.list(ctx, c, d)
	}
	done, err := d.Migrate(ctx, saas.Migrations()...)
	if err != nil {
		return err
	}
	for _, one := range done {
		fmt.Fprintf(c.out, "applied %s %s %s\n", one.Set, one.Name, one.Comment)
	}
	fmt.Fprintf(c.out, "%s is up to date\n", db.Redact(m.DatabaseURL))
	return nil
}

func (m migrateCommand) list(ctx context.Context, c *console, d *db.DB) error {
	all, err := d.Migrations(ctx, saas.Migrations()...)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "SET\tNUMBER\tNAME\tSTATE")
	for _, one := range all {
		state := "missing"
		if one.Applied {
			state = "applied"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", one.Set, one.Name, one.Comment, state)
	}
	return w.Flush()
}
