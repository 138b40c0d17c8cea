package replay

import (
	"context"
	"fmt"
	"slices"

	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
)

// Process is a strategy's process that serves no bot; *pluginhost.Process is one.
type Process interface {
	Open(ctx context.Context, bots []strategy.OpenInput) ([]pluginhost.Opened, error)
	Live(ctx context.Context, r *plugin.Round) error
	Close(ctx context.Context, bots []uint64) error
	Manifest() plugin.Manifest
	Stop()
}

// Plugins starts the processes of strategies.
type Plugins interface {
	// Start starts a process of its own of a version of a strategy, "" being the
	// one that the program contains; the caller stops it.
	Start(ctx context.Context, ref catalog.Ref) (Process, error)
}

// stage holds the processes of a job, one of each strategy.
type stage struct {
	plugins   Plugins
	processes map[catalog.Ref]Process
	bots      map[catalog.Ref][]uint64
}

func newStage(p Plugins) *stage {
	return &stage{plugins: p, processes: map[catalog.Ref]Process{}, bots: map[catalog.Ref][]uint64{}}
}

// process returns the process of a strategy, starting it if need be.
func (s *stage) process(ctx context.Context, t parity.Terms) (Process, error) {
	ref := refOf(t)
	if p, ok := s.processes[ref]; ok {
		return p, nil
	}
	p, err := s.plugins.Start(ctx, ref)
	if err != nil {
		return nil, err
	}
	s.processes[ref] = p
	return p, nil
}

// refOf is what the host was asked for.
func refOf(t parity.Terms) catalog.Ref { return catalog.Ref{Name: t.Strategy, Version: t.Pin} }

// open implements parity.Open.
func (s *stage) open(ctx context.Context, b parity.Baseline) (parity.Strategy, error) {
	p, err := s.process(ctx, b.Terms)
	if err != nil {
		return nil, err
	}
	opened, err := p.Open(ctx, []strategy.OpenInput{{Explain: true, Interval: b.Decide, Market: b.Market, Also: b.Also, Params: b.Params, Snapshot: b.Snapshot}})
	if err != nil {
		return nil, err
	}
	if opened[0].Err != nil {
		return nil, opened[0].Err
	}
	ref := refOf(b.Terms)
	s.bots[ref] = append(s.bots[ref], opened[0].Bot)
	return &actor{process: p, opened: opened[0]}, nil
}

// clear forgets what has been opened.
func (s *stage) clear(ctx context.Context) error {
	for ref, bots := range s.bots {
		if err := s.processes[ref].Close(ctx, bots); err != nil {
			return err
		}
	}
	clear(s.bots)
	return nil
}

// stop ends the processes.
func (s *stage) stop() {
	for _, p := range s.processes {
		p.Stop()
	}
}

// actor is a strategy in a process.
type actor struct {
	process Process
	opened  pluginhost.Opened
	round   plugin.Round
}

// Wants implements parity.Strategy.
func (a *actor) Wants(k strategy.EventKind) bool { return slices.Contains(a.opened.Wants, k) }

// Subscription implements parity.Subscriber.
func (a *actor) Subscription() strategy.Subscription { return a.opened.Subscription }

// Deliver implements parity.Strategy.
func (a *actor) Deliver(ctx context.Context, v *strategy.View, ev *strategy.Event) ([]strategy.Command, error) {
	a.round.Deliveries = append(a.round.Deliveries[:0], plugin.Delivery{Event: *ev, Bots: []plugin.Recipient{{Bot: a.opened.Bot, View: v}}})
	if err := a.process.Live(ctx, &a.round); err != nil {
		return nil, &parity.OutageError{Err: fmt.Errorf("replaying: %w", err)}
	}
	return a.round.Reactions[0].Commands, a.round.Reactions[0].Err
}
