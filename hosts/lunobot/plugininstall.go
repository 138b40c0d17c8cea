package main

import (
	"context"
	"fmt"
	"os"

	"github.com/lunobot/lunobot/saas/catalog"
)

// pluginInstallCommand puts a file in.
type pluginInstallCommand struct {
	File      string `arg:"" placeholder:"FILE" help:"The plugin's file; it is copied."`
	Publisher string `placeholder:"NAME" help:"Who it comes from, for the list."`
	catalogFlags
}

// Run puts the file in. It is started in the sandbox to be told what it is.
func (p pluginInstallCommand) Run(ctx context.Context, c *console) error {
	if info, err := os.Stat(p.File); err != nil || !info.Mode().IsRegular() {
		return input("%s is not a file that can be read", p.File)
	}
	return p.in(ctx, c, func(o *catalogOf) error {
		e, err := o.Install(ctx, catalog.InstallInput{Path: p.File, By: o.by, Publisher: p.Publisher})
		if err != nil {
			return err
		}
		fmt.Fprintf(c.out, "%s %s (%s)\nSHA-256 %s\n", e.Name, e.Version, e.Manifest.Title, e.SHA256)
		if e.Status == catalog.Approved {
			fmt.Fprintln(c.out, "It is there and approved.")
			return nil
		}
		if own, ok := c.bundle.Definition(e.Name); ok {
			fmt.Fprintf(c.out, "Lunobot contains %s %s, and this counts as another version of it, to which its bots can be moved.\n"+
				"If that is not meant, remove it and give it another name.\n", e.Name, own.Info().Version)
		}
		fmt.Fprintf(c.out, "It is put in. Look at what lunobot plugin check says of it, and let tenants use it with\n    lunobot plugin approve %s\n", e.Ref)
		return nil
	})
}
