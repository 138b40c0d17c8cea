package pluginhost

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost/sandbox"
)

// Host starts plugins and keeps them. It is safe for concurrent use.
type Host struct {
	cfg    Config
	order  []string
	ctx    context.Context //nolint:containedctx // it ends the starts under way when the host stops
	cancel context.CancelFunc

	mu      sync.Mutex
	stopped bool
	sources map[string]*entry
	slots   map[slotKey]*slot
	running map[*Process]struct{}
	// work counts the starts, the tries and the processes that are not gone.
	work sync.WaitGroup

	probe    sync.Once
	sandbox  sandbox.Status
	programs sync.Mutex // guards the entries' programs
}

// entry is a source and what is known of its file.
type entry struct {
	Source
	checksum []byte
	manifest *plugin.Manifest
	program  *program
}

// New returns a host of the sources. Nothing is started yet.
func New(cfg Config) (*Host, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	h := &Host{cfg: cfg, sources: make(map[string]*entry), slots: make(map[slotKey]*slot), running: make(map[*Process]struct{})}
	for _, s := range cfg.Sources {
		e, err := h.entry(s)
		if err != nil {
			return nil, fmt.Errorf("pluginhost: %w", err)
		}
		h.keep(e)
	}
	if n := sweep(cfg.TempDir); n > 0 {
		cfg.Logger.Info("directories of plugins were removed whose host was killed", "count", n)
	}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h, nil
}

// Stop ends every process and waits until nothing is left. It may be called
// more than once; afterwards nothing is started.
func (h *Host) Stop() {
	h.mu.Lock()
	h.stopped = true
	h.cancel()
	for p := range h.running {
		go p.Stop()
	}
	h.mu.Unlock()
	h.work.Wait()
	h.programs.Lock()
	defer h.programs.Unlock()
	for _, e := range h.sources {
		e.program.close()
		e.program = nil
	}
}

// Item is a strategy of the catalog.
type Item struct {
	// Name is the key of its source.
	Name string
	// SHA256 is the file's pinned sum, in hex.
	SHA256 string
	// Manifest is what it tells of itself.
	Manifest plugin.Manifest
	// Err is an *Error if it cannot be used.
	Err error
}

// Catalog lists the strategies in the order of the sources. Each is started
// once, to be asked for its manifest, unless that is known.
func (h *Host) Catalog(ctx context.Context) []Item {
	h.mu.Lock()
	keys := slices.Clone(h.order)
	h.mu.Unlock()
	items := make([]Item, 0, len(keys))
	for _, key := range keys {
		item := Item{Name: key}
		item.Manifest, item.Err = h.Manifest(ctx, key)
		h.mu.Lock()
		e, ok := h.sources[key]
		if ok { // else it was removed meanwhile
			item.SHA256 = hex.EncodeToString(e.checksum)
			items = append(items, item)
		}
		h.mu.Unlock()
	}
	return items
}

// Manifest returns what a strategy tells of itself; it starts it if that is not
// known yet.
func (h *Host) Manifest(ctx context.Context, name string) (plugin.Manifest, error) {
	h.mu.Lock()
	e, ok := h.sources[name]
	var known *plugin.Manifest
	if ok {
		known = e.manifest
	}
	h.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	p, err := h.Start(ctx, name)
	if err != nil {
		return plugin.Manifest{}, err
	}
	defer p.Stop()
	return p.Manifest(), nil
}

// Validate checks parameters against the strategy's schema, and lets it check
// them itself if it can, and returns them complete. Bad ones are param.Errors.
func (h *Host) Validate(ctx context.Context, name string, params json.RawMessage) (json.RawMessage, error) {
	m, err := h.Manifest(ctx, name)
	if err != nil {
		return nil, err
	}
	whole, err := m.Schema.Validate(params)
	if err != nil || !m.Can(plugin.Checks) {
		return whole, err
	}
	if err := h.Try(ctx, name, strategy.OpenInput{Interval: time.Minute, Params: whole}); err != nil {
		return nil, err
	}
	return whole, nil
}

// Try opens a bot of a strategy and closes it again, and returns what was wrong with
// the input, as Process.Open tells it; it serves no bot. If ctx ends before, the bot is
// closed all the same once it has been opened: many share the process.
func (h *Host) Try(ctx context.Context, name string, in strategy.OpenInput) error {
	p, err := h.Process(ctx, name, checking)
	if err != nil {
		return err
	}
	h.mu.Lock()
	if h.stopped {
		h.mu.Unlock()
		return fault(name, Stopped, "the host has stopped")
	}
	h.work.Add(1)
	h.mu.Unlock()
	said := make(chan error, 1)
	go func() {
		defer h.work.Done()
		said <- p.try(context.WithoutCancel(ctx), in)
	}()
	select {
	case err := <-said:
		return err
	case <-ctx.Done():
		return fmt.Errorf("plugin %s: trying parameters: %w", name, context.Cause(ctx))
	}
}

// try opens a bot and closes it again.
func (p *Process) try(ctx context.Context, in strategy.OpenInput) error {
	opened, err := p.Open(ctx, []strategy.OpenInput{in})
	if err != nil {
		return err
	}
	if opened[0].Err != nil {
		return opened[0].Err
	}
	return p.Close(ctx, []uint64{opened[0].Bot})
}

// checking is the key of the processes that check parameters and serve no bot.
const checking = "checking"

// Start starts a process of its own, which nobody else gets: for backtests. The
// caller stops it; left alone it ends after the idle timeout.
func (h *Host) Start(ctx context.Context, name string) (*Process, error) {
	return h.start(ctx, name, func(*Process) {})
}

// start starts a process; ended is called when it is gone.
func (h *Host) start(ctx context.Context, name string, ended func(*Process)) (*Process, error) {
	h.mu.Lock()
	e, ok := h.sources[name]
	h.mu.Unlock()
	if !ok {
		return nil, fault(name, NotFound, "there is no strategy of this name")
	}
	return h.launch(ctx, e, ended)
}

// launch starts a process of an entry.
func (h *Host) launch(ctx context.Context, e *entry, ended func(*Process)) (*Process, error) {
	name := e.Key()
	h.mu.Lock()
	if h.stopped {
		h.mu.Unlock()
		return nil, fault(name, Stopped, "the host has stopped")
	}
	h.work.Add(1)
	h.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(h.ctx, cancel)()
	c, cfg, wrong := h.connect(ctx, e)
	if wrong != nil {
		h.work.Done()
		h.cfg.Logger.Warn("plugin not started", "plugin", name, "error", wrong)
		return nil, wrong
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	e.manifest = &c.manifest
	p := newProcess(cfg, name, c, func(p *Process) {
		h.mu.Lock()
		delete(h.running, p)
		h.mu.Unlock()
		ended(p)
		h.work.Done()
	})
	h.running[p] = struct{}{}
	if h.stopped || (h.sources[name] != e && !e.anybody) {
		go p.Stop() // the host stopped, or the source was removed, meanwhile
	}
	h.cfg.Logger.Info("plugin started", "plugin", name, "version", c.manifest.Version, "pid", p.ID())
	return p, nil
}

// connect starts the entry's process, or attaches to it. The process is to be
// kept by the configuration that it returns.
func (h *Host) connect(ctx context.Context, e *entry) (*connection, Config, *Error) {
	if e.attachment != nil {
		h.cfg.Logger.Warn("ATTACHING to a strategy that runs by itself: no sandbox, no encryption, no pinned file, no deadlines",
			"plugin", e.Key(), "pid", e.attachment.Process, "socket", e.attachment.Socket)
		c, wrong := attach(ctx, h.cfg, e.Source)
		return c, h.cfg.unhurried(), wrong
	}
	checksum, err := h.pin(e)
	if err != nil {
		return nil, h.cfg, &Error{Plugin: e.Key(), Kind: Start, Err: err}
	}
	b, wrong := h.box(ctx, e, checksum)
	if wrong != nil {
		return nil, h.cfg, wrong
	}
	c, wrong := launch(ctx, h.cfg, e.Source, checksum, b)
	return c, h.cfg, wrong
}

// pin returns the file's sum: the one that was given, or the one that it had
// when it was used first.
func (h *Host) pin(e *entry) ([]byte, error) {
	h.mu.Lock()
	known := e.checksum
	h.mu.Unlock()
	if len(known) > 0 {
		return known, nil
	}
	f, err := openProgram(e.Path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return nil, errors.Join(errors.New("reading the file"), err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(e.checksum) == 0 {
		e.checksum = sum.Sum(nil)
	}
	return e.checksum, nil
}
