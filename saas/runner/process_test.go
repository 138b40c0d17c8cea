package runner_test

import (
	"context"
	"sync"
	"testing"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/runner"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
)

func definition() strategy.Definition { return definitionOf("1.0.0", 1) }

// definitionOf is a version that reads and writes states of a version.
func definitionOf(version string, state int) strategy.Definition {
	return strategy.MustDefine(strategy.Info{Name: "counting", Version: version, StateVersion: state}, countingParams{},
		func(p countingParams) strategy.Strategy { return &counting{Params: p} })
}

// process is a strategy's process within the test's own.
type process struct {
	client *plugin.Client
	info   strategy.Info
	mu     sync.Mutex
	next   uint64
	// after, if set, is called when a round has been answered, before the
	// worker learns the answer.
	after func(ctx context.Context) error
	// spoil, if set, changes what strategies have answered.
	spoil func(r *plugin.Round)
	// closing, if set, is called before bots are closed.
	closing func()
}

func newProcess(t testing.TB) *process {
	t.Helper()
	return newProcessOf(t, definition())
}

func newProcessOf(t testing.TB, def strategy.Definition) *process {
	t.Helper()
	client, stop, err := plugin.Loopback(def)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return &process{client: client, info: def.Info()}
}

func (p *process) Open(ctx context.Context, bots []strategy.OpenInput) ([]pluginhost.Opened, error) {
	requests, out := make([]plugin.OpenBot, len(bots)), make([]pluginhost.Opened, len(bots))
	p.mu.Lock()
	for i, b := range bots {
		p.next++
		out[i].Bot, requests[i] = p.next, plugin.OpenBot{Bot: p.next, OpenInput: b}
	}
	p.mu.Unlock()
	opened, err := p.client.Open(ctx, requests)
	for i := range opened {
		out[i].Opened = opened[i]
		if s := bots[i].Snapshot; s != nil && p.info.Reads(*s) != nil {
			out[i].Err = p.info.Reads(*s) // as the host says it
		}
	}
	return out, err
}

func (p *process) Live(ctx context.Context, r *plugin.Round) error {
	err := p.client.Live(ctx, r)
	if err == nil && p.spoil != nil {
		p.spoil(r)
	}
	if err != nil || p.after == nil {
		return err
	}
	return p.after(ctx)
}

func (p *process) Snapshot(ctx context.Context, bots []uint64) ([]plugin.State, error) {
	return p.client.Snapshot(ctx, bots)
}

func (p *process) Manifest() plugin.Manifest { return plugin.ManifestOf(definition()) }

func (p *process) Close(ctx context.Context, bots []uint64) error {
	if p.closing != nil {
		p.closing()
	}
	return p.client.Close(ctx, bots)
}

// starting is a worker's plugins whose process takes long to start.
type starting struct {
	*world
	asked, done chan struct{}
}

// Process implements runner.Plugins.
func (s starting) Process(ctx context.Context, ref catalog.Ref, key string) (runner.Process, error) {
	select {
	case s.asked <- struct{}{}:
	default:
	}
	select {
	case <-s.done:
		return s.world.Process(ctx, ref, key)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// proves RK2: a stop does not wait for a process that takes long to start, and the other bots
// are opened once it has.
func TestStopWhileTheProcessStarts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := starting{w, make(chan struct{}, 1), make(chan struct{})}
	w.add("a", `{}`)
	w.add("b", `{}`)
	w.startAs("worker", s)
	<-s.asked
	w.want("a", func(b *bot.Bot) { b.Desired = false })
	w.ended("a")
	close(s.done)
	w.await("the other to run", func() bool { return w.latest["b"].Checkpoint != nil })
}
