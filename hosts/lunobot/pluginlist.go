package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/research"
)

// stray is the status of a file in the catalog's folder that nobody put in.
const stray catalog.Status = "stray"

// pluginListCommand lists the versions, and the files that belong to none.
type pluginListCommand struct {
	JSON bool `name:"json" help:"Print the list as JSON."`
	catalogFlags
}

// listedPlugin is a version as the list shows it.
type listedPlugin struct {
	Name      string            `json:"name"`
	Version   string            `json:"version"`
	Status    catalog.Status    `json:"status"`
	Isolation catalog.Isolation `json:"isolation,omitempty"`
	SHA256    string            `json:"sha256,omitempty"`
	Size      int64             `json:"size"`
	Publisher string            `json:"publisher,omitempty"`
	// Bots is how many bots are pinned to it, and Hung how many of its backtests hung
	// lately, those of all tenants.
	Bots        int       `json:"bots"`
	Hung        int64     `json:"hung,omitempty"`
	InstalledBy string    `json:"installed_by,omitempty"`
	InstalledAt time.Time `json:"installed_at,omitzero"`
	ApprovedBy  string    `json:"approved_by,omitempty"`
	RevokedBy   string    `json:"revoked_by,omitempty"`
	Reason      string    `json:"reason,omitempty"`
	// Path is where a stray lies; its name and version are those in whose place it does.
	Path string `json:"path,omitempty"`
	// Fault is what is wrong with its file.
	Fault string `json:"fault,omitempty"`
}

// Run lists the versions; each file is looked at.
func (p pluginListCommand) Run(ctx context.Context, c *console) error {
	return p.in(ctx, c, func(o *catalogOf) error {
		entries, err := o.Entries(ctx)
		if err != nil {
			return err
		}
		hangs, err := o.store.Hangs(ctx, time.Now())
		if err != nil {
			return err
		}
		hung := hangs.Versions()
		list := make([]listedPlugin, 0, len(entries))
		for _, e := range entries {
			pins, err := o.Pins(ctx, e.Ref)
			if err != nil {
				return err
			}
			l := listedPlugin{
				Name: e.Name, Version: e.Version, Status: e.Status, Isolation: e.Isolation, SHA256: e.SHA256, Size: e.Size, Publisher: e.Publisher,
				Bots: len(pins), InstalledBy: e.InstalledBy, InstalledAt: e.InstalledAt, ApprovedBy: e.ApprovedBy, RevokedBy: e.RevokedBy, Reason: e.Reason,
			}
			for _, v := range hung {
				if v.Strategy == e.Name && v.Version == e.Version {
					l.Hung = v.Times
				}
			}
			if err := o.Verify(e); err != nil {
				l.Fault = err.Error()
			}
			list = append(list, l)
		}
		strays, err := o.Strays(ctx)
		if err != nil {
			return err
		}
		for _, s := range strays {
			list = append(list, listedPlugin{
				Name: s.Ref.Name, Version: s.Ref.Version, Status: stray, Size: s.Size, Path: s.Path,
				Fault: fmt.Sprintf("%s (%s bytes) was not put in, and nothing starts it. %s", s.Path, exchange.Grouped(strconv.FormatInt(s.Size, 10)), s.Advice()),
			})
		}
		if p.JSON {
			out := json.NewEncoder(c.out)
			out.SetIndent("", "  ")
			return out.Encode(list)
		}
		return printPlugins(c, list, hung)
	})
}

func printPlugins(c *console, list []listedPlugin, hung []research.HungVersion) error {
	w := tabwriter.NewWriter(c.out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "NAME\tVERSION\tSTATUS\tISOLATION\tBOTS\tSHA-256\tPUT IN\tAPPROVED BY")
	for _, l := range list {
		if l.Status == stray {
			continue // told below
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%.12s\t%s by %s\t%s\n", l.Name, l.Version, l.Status, l.Isolation, l.Bots, l.SHA256,
			l.InstalledAt.Format(time.DateOnly), l.InstalledBy, l.ApprovedBy)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, l := range list {
		if l.Fault != "" {
			fmt.Fprintln(c.problems, "lunobot:", l.Fault)
		}
	}
	for _, v := range hung {
		fmt.Fprintln(c.problems, "lunobot:", v.Says())
	}
	return nil
}

// pluginLogCommand shows the catalog's log.
type pluginLogCommand struct {
	Limit int `default:"50" placeholder:"N" help:"How many lines, newest first. Default: ${default}."`
	catalogFlags
}

// Run prints the newest lines.
func (p pluginLogCommand) Run(ctx context.Context, c *console) error {
	if p.Limit < 1 || p.Limit > 10_000 {
		return input("--limit %d must be from 1 to 10000", p.Limit)
	}
	return p.in(ctx, c, func(o *catalogOf) error {
		changes, err := o.Changes(ctx, p.Limit)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(c.out, 0, 0, 3, ' ', 0)
		fmt.Fprintln(w, "TIME\tVERSION\tSHA-256\tWHAT\tWHO\tNOTE")
		for _, one := range changes {
			fmt.Fprintf(w, "%s\t%s\t%.12s\t%s\t%s\t%q\n", one.At.Format(time.RFC3339), one.Ref, one.SHA256, one.Action, one.Actor, one.Note)
		}
		return w.Flush()
	})
}
