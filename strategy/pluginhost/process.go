package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	goplugin "github.com/hashicorp/go-plugin"

	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// patience is how long a process may take to end when it is asked to.
const patience = time.Second

// Process is a running plugin that serves any number of bots. It is safe for
// concurrent use as long as no bot is in two calls at once.
type Process struct {
	name    string
	cfg     Config
	c       *connection
	started time.Time

	nextBot atomic.Uint64
	bots    atomic.Int64
	// calls are what callers ask of it, without the host's own questions for its health.
	calls calls
	// stood and longest are what Stood returns, in nanoseconds.
	stood, longest atomic.Int64

	mu    sync.Mutex
	fault *Error
	// ending is closed when the process begins to end, gone when nothing of it
	// is left.
	ending chan struct{}
	gone   chan struct{}
}

// newProcess takes over a connection and watches it until it is gone.
func newProcess(cfg Config, name string, c *connection, forget func(*Process)) *Process {
	p := &Process{name: name, cfg: cfg, c: c, started: cfg.Now(), ending: make(chan struct{}), gone: make(chan struct{})}
	p.calls.last = p.started
	p.nextBot.Store(c.before)
	go p.watch(forget)
	return p
}

// Manifest returns what the plugin tells of itself.
func (p *Process) Manifest() plugin.Manifest { return p.c.manifest }

// Bots returns how many bots are open in the process.
func (p *Process) Bots() int { return int(p.bots.Load()) }

// ID returns the operating system's process id, for the log.
func (p *Process) ID() string { return p.c.child.ID() }

// Done is closed when the process is over; Err then says why.
func (p *Process) Done() <-chan struct{} { return p.ending }

// Err returns why the process is over, an *Error, and nil while it is not.
func (p *Process) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault == nil {
		return nil
	}
	return p.fault
}

// Stop ends the process and waits until nothing of it is left. It may be called
// more than once.
func (p *Process) Stop() {
	p.end(fault(p.name, Stopped, "the host has stopped it"))
	<-p.gone
}

// end begins the end of the process, once; the first cause counts.
func (p *Process) end(cause *Error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault == nil {
		p.fault = cause
		close(p.ending)
	}
}

// watch sees the process through to its end: by itself, by failing health
// checks, by idleness or by the host's wish.
func (p *Process) watch(forget func(*Process)) {
	defer close(p.gone)
	var watching sync.WaitGroup
	watching.Go(p.check)
	watching.Go(p.meter)
	select {
	case <-p.c.child.done:
		p.end(p.c.fault(p.name))
		p.c.close()
	case <-p.ending:
		if errors.Is(p.Err(), &Error{Kind: Stopped}) {
			p.c.part(patience)
		} else {
			p.c.close()
		}
	}
	watching.Wait()
	if err := p.Err(); errors.Is(err, &Error{Kind: Stopped}) {
		p.cfg.Logger.Info("plugin stopped", "plugin", p.name)
	} else {
		p.cfg.Logger.Warn("plugin ended", "plugin", p.name, "error", err)
	}
	forget(p)
}

// check asks for the process's health from time to time.
func (p *Process) check() {
	ticker := time.NewTicker(min(p.cfg.HealthInterval, p.cfg.IdleTimeout))
	defer ticker.Stop()
	health := grpc_health_v1.NewHealthClient(p.c.conn)
	for {
		select {
		case <-p.ending:
			return
		case <-ticker.C:
		}
		if p.bots.Load() == 0 && p.calls.idle(p.cfg.Now()) >= p.cfg.IdleTimeout {
			p.end(fault(p.name, Stopped, "it had no bot for %s", p.cfg.IdleTimeout))
			return
		}
		p.ask(health)
	}
}

// ask asks for the process's health. It is no use of the process, and justifies nothing.
func (p *Process) ask(health grpc_health_v1.HealthClient) {
	ctx, cancel := p.deadline(context.Background())
	defer cancel()
	_, err := health.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: goplugin.GRPCServiceName})
	_ = p.judge(ctx, "asking for its health", err)
}

// Opened is a bot that Open has opened, or could not.
type Opened struct {
	// Bot is the number by which rounds name it in this process.
	Bot uint64
	plugin.Opened
}

// Open opens bots and returns what became of each, in the same order. Bots that
// could not be opened have an Err and need not be closed. It is a
// *strategy.NewerStateError, and the plugin not asked, where the state is newer than
// those that it reads: it may be one that would not notice.
func (p *Process) Open(ctx context.Context, bots []strategy.OpenInput) ([]Opened, error) {
	out := make([]Opened, len(bots))
	requests, places := make([]plugin.OpenBot, 0, len(bots)), make([]int, 0, len(bots))
	for i, b := range bots {
		out[i].Bot = p.nextBot.Add(1)
		if b.Snapshot != nil {
			if out[i].Err = p.c.manifest.Reads(*b.Snapshot); out[i].Err != nil {
				continue
			}
		}
		requests, places = append(requests, plugin.OpenBot{Bot: out[i].Bot, OpenInput: b}), append(places, i)
	}
	err := p.call(ctx, "opening bots", func(ctx context.Context) error {
		opened, err := p.c.rpc.Open(ctx, requests)
		for i := range opened {
			if out[places[i]].Opened = opened[i]; opened[i].Err == nil {
				p.bots.Add(1)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Live delivers the round's events and sets its reactions.
func (p *Process) Live(ctx context.Context, r *plugin.Round) error {
	return p.call(ctx, "delivering events", func(ctx context.Context) error { return p.c.rpc.Live(ctx, r) })
}

// Snapshot returns the states of bots, in the same order.
func (p *Process) Snapshot(ctx context.Context, bots []uint64) (out []plugin.State, err error) {
	err = p.call(ctx, "saving states", func(ctx context.Context) (err error) {
		out, err = p.c.rpc.Snapshot(ctx, bots)
		return err
	})
	return out, err
}

// Close forgets bots that were opened, each once.
func (p *Process) Close(ctx context.Context, bots []uint64) error {
	return p.call(ctx, "closing bots", func(ctx context.Context) error {
		err := p.c.rpc.Close(ctx, bots)
		if err == nil {
			p.bots.Add(-int64(len(bots)))
		}
		return err
	})
}

// call makes a call within the deadline. What it returns is the caller's own
// cancellation, a fault of one bot or backtest, or an *Error, after which the
// process is over.
func (p *Process) call(ctx context.Context, what string, do func(ctx context.Context) error) error {
	limited, cancel := p.deadline(ctx)
	defer cancel()
	return p.guarded(limited, what, do)
}

// deadline bounds the time of a call.
func (p *Process) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, p.cfg.CallTimeout, errLate)
}

// errLate means that a call took longer than it may.
var errLate = errors.New("no answer in time")

// guarded makes a call that has its own deadline.
func (p *Process) guarded(ctx context.Context, what string, do func(ctx context.Context) error) error {
	if err := p.Err(); err != nil {
		return err
	}
	p.calls.begin(p.cfg.Now())
	err := do(ctx)
	p.calls.end(p.cfg.Now())
	return p.judge(ctx, what, err)
}

// judge says what came of a call; it ends the process if the call shows that it must end.
func (p *Process) judge(ctx context.Context, what string, err error) error {
	if code := status.Code(err); code == codes.DeadlineExceeded || code == codes.Canceled {
		// The plugin's side knows the deadline, too, and may be first to notice.
		select {
		case <-ctx.Done():
		case <-p.ending:
		case <-time.After(patience):
		}
	}
	var one *plugin.BotError
	var run *plugin.RunError
	late := errors.Is(context.Cause(ctx), errLate)
	switch {
	case err == nil || errors.As(err, &one) || errors.As(err, &run):
		return err
	case late:
		p.end(fault(p.name, Timeout, "%s: %w", what, errLate))
	case ctx.Err() != nil:
		return fmt.Errorf("plugin %s: %s: %w", p.name, what, context.Cause(ctx))
	case errors.Is(err, plugin.ErrGarbage):
		p.end(&Error{Plugin: p.name, Kind: Garbage, Err: err})
	default:
		answer, ok := status.FromError(err)
		if !ok {
			return err // not from the plugin: the source of a backtest
		}
		switch answer.Code() { //nolint:exhaustive // the others come from the connection
		case codes.Unimplemented, codes.InvalidArgument:
			p.end(&Error{Plugin: p.name, Kind: Protocol, Err: err})
		case codes.ResourceExhausted, codes.Internal, codes.Unknown:
			p.end(&Error{Plugin: p.name, Kind: Garbage, Err: err})
		}
		// A broken connection is most often the first sign of a death; the
		// process's own end tells more.
		select {
		case <-p.ending:
		case <-time.After(patience):
			p.end(&Error{Plugin: p.name, Kind: Crashed, Err: err})
		}
	}
	return p.Err()
}
