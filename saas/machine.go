package saas

import (
	"context"
	"strings"

	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/web"
	"github.com/lunobot/lunobot/strategy/pluginhost"
)

// shownCatalog is the catalog as the pages show it: whether a version can be used is
// what this process's shelf knows, which does not read every file at every look.
type shownCatalog struct {
	*catalog.Service
	shelf *catalog.Shelf
}

// Verify implements web.Catalog.
func (c shownCatalog) Verify(e catalog.Entry) error { return c.shelf.Verify(e) }

// machine tells how this process runs strategies.
func (s strategies) machine(ctx context.Context) web.Machine {
	sandbox := s.host.Sandbox(ctx)
	m := web.Machine{Active: sandbox.Active, Missing: sandbox.Missing}
	for _, i := range s.shelf.Items() {
		if i.Contained {
			m.Contained = append(m.Contained, shownStrategy(i))
		}
	}
	for _, r := range s.host.Running() {
		m.Processes = append(m.Processes, processOf(r))
	}
	return m
}

// processOf says of a process what the keys tell under which it was started and is
// shared.
func processOf(r pluginhost.Running) web.Process {
	p := web.Process{For: "alone", ID: r.ID, Bots: r.Bots, Started: r.Started}
	p.Name, p.Version, _ = strings.Cut(r.Name, "@")
	if r.Share != "" {
		p.For, p.Of, _ = strings.Cut(r.Share, ":")
	}
	return p
}
