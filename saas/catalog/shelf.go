package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
)

// Sources are told what may be started; *pluginhost.Host is one.
type Sources interface {
	Add(s pluginhost.Source) error
	Remove(key string)
}

// Lister lists the entries; a Store is one.
type Lister interface {
	Entries(ctx context.Context) ([]Entry, error)
}

// ShelfConfig are the shelf's collaborators; all are required unless a default
// is named.
type ShelfConfig struct {
	// Changed is called after a look that found something else than the one
	// before. Defaults to nothing.
	Changed func()
	// Contained are the manifests of the strategies that this program contains.
	// Defaults to none.
	Contained []plugin.Manifest
	Folder    Folder
	Host      Sources
	// Log defaults to none.
	Log *slog.Logger
	// Poll is how often the shelf looks when nobody calls Wake. Defaults to two
	// seconds.
	Poll  time.Duration
	Store Lister
}

// Item is a version that can be used in this process.
type Item struct {
	Ref
	Manifest plugin.Manifest
	// Contained is true if it is part of this program. Bots follow it: they are
	// pinned to no version.
	Contained bool
	// SHA256 is the file's sum in hex; "" of what is contained.
	SHA256 string
	// Isolation is what its bots must have at least.
	Isolation Isolation
}

// Pin is the version that a bot of the item is pinned to.
func (i Item) Pin() string {
	if i.Contained {
		return ""
	}
	return i.Version
}

// Key is what the host calls the item.
func (i Item) Key() string { return pluginhost.Key(i.Name, i.Pin()) }

// Shelf knows what can be used in this process: what the program contains, and
// the entries that are approved and whose files are what was put in. It looks at
// the store and the files again and again, gives the host what may be started,
// and takes from it what may not, whose processes end at once. It is safe for
// concurrent use.
type Shelf struct {
	cfg    ShelfConfig
	wake   chan struct{}
	cancel context.CancelFunc
	done   sync.WaitGroup
	// looking lets one look after the other.
	looking sync.Mutex
	// files are those that were found to be right, by path; looking guards them.
	files map[string]fs.FileInfo

	mu    sync.Mutex
	items []Item
	wrong map[Ref]*UnusableError
	least map[Ref]Isolation
}

// NewShelf returns a shelf with what the program contains; the error names every
// collaborator that is missing.
func NewShelf(cfg ShelfConfig) (*Shelf, error) {
	var problems []error
	need := func(ok bool, name string) {
		if !ok {
			problems = append(problems, fmt.Errorf("catalog: %s is required", name))
		}
	}
	need(cfg.Folder.dir != "", "Folder")
	need(cfg.Host != nil, "Host")
	need(cfg.Store != nil, "Store")
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	if cfg.Changed == nil {
		cfg.Changed = func() {}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Poll == 0 {
		cfg.Poll = 2 * time.Second
	}
	s := &Shelf{cfg: cfg, wake: make(chan struct{}, 1), files: map[string]fs.FileInfo{}}
	s.items = s.contained()
	return s, nil
}

func (s *Shelf) contained() []Item {
	var items []Item
	for _, m := range s.cfg.Contained {
		items = append(items, Item{Ref: Ref{m.Name, m.Version}, Manifest: m, Contained: true, Isolation: Shared})
	}
	return items
}

// Start looks once, so that nothing is missed that is there already, and goes on
// looking until Stop.
func (s *Shelf) Start(ctx context.Context) error {
	if err := s.Look(ctx); err != nil {
		return err
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = cancel
	s.done.Go(func() { s.keep(run) })
	return nil
}

// Stop ends the looking. It may be called more than once, and without Start.
func (s *Shelf) Stop() {
	if s.cancel != nil {
		s.cancel()
	}
	s.done.Wait()
}

// Wake makes the shelf look at once.
func (s *Shelf) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Shelf) keep(ctx context.Context) {
	tick := time.NewTicker(s.cfg.Poll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.wake:
		}
		if err := s.Look(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.WarnContext(ctx, "the catalog of strategies could not be read; what was known stays", "error", err)
		}
	}
}

// Look reads the store and looks at the files, now.
func (s *Shelf) Look(ctx context.Context) error {
	s.looking.Lock()
	defer s.looking.Unlock()
	entries, err := s.cfg.Store.Entries(ctx)
	if err != nil {
		return fmt.Errorf("reading the catalog of strategies: %w", err)
	}
	sortEntries(entries)
	items, wrong, least := s.contained(), map[Ref]*UnusableError{}, map[Ref]Isolation{}
	paths := map[string]bool{}
	for _, e := range entries {
		least[e.Ref] = e.Isolation
		paths[s.cfg.Folder.Path(e.Ref, e.SHA256)] = true
		if bad := s.judge(e); bad != nil {
			wrong[e.Ref] = bad
			continue
		}
		items = append(items, Item{Ref: e.Ref, Manifest: e.Manifest, SHA256: e.SHA256, Isolation: e.Isolation})
	}
	for path := range s.files {
		if !paths[path] {
			delete(s.files, path)
		}
	}
	s.mu.Lock()
	before, faults, isolations := s.items, s.wrong, s.least
	s.items, s.wrong, s.least = items, wrong, least
	s.mu.Unlock()
	if s.hand(ctx, before, items) || !sameFaults(faults, wrong) || !sameIsolations(isolations, least) {
		s.cfg.Changed()
	}
	return nil
}

// judge says why an entry cannot be used; nil if it can.
func (s *Shelf) judge(e Entry) *UnusableError {
	switch {
	case e.Status == Revoked:
		return &UnusableError{Ref: e.Ref, Why: WasRevoked, Note: e.Reason}
	case e.Status != Approved:
		return &UnusableError{Ref: e.Ref, Why: NotApproved}
	}
	return s.verify(e)
}

// Verify reports what is wrong with an entry in this process, whether or not it is
// approved, as an *UnusableError: its file, or that its manifest cannot be read.
func (s *Shelf) Verify(e Entry) error {
	s.looking.Lock()
	defer s.looking.Unlock()
	if bad := s.verify(e); bad != nil {
		return bad // not nil as it is: a nil *UnusableError is no nil error
	}
	return nil
}

// verify is Verify; s.looking is held.
func (s *Shelf) verify(e Entry) *UnusableError {
	if e.Manifest.Schema == nil || e.Manifest.Name != e.Name || e.Manifest.Version != e.Version {
		return &UnusableError{Ref: e.Ref, Why: BadManifest}
	}
	// A file is read again only if it looks changed. Times and lengths can be forged, but
	// not when the system last changed what it keeps of the file (on Linux); whoever could
	// hide a change from this look all the same is found out by the host, which reads the
	// file at each start and runs what it has read. Processes at work run the bytes that
	// were right when they were started, whatever lies there since.
	path := s.cfg.Folder.Path(e.Ref, e.SHA256)
	info, err := os.Stat(path)
	if known := s.files[path]; err == nil && known != nil && unchanged(known, info) {
		return nil
	}
	delete(s.files, path)
	var bad *UnusableError
	if errors.As(s.cfg.Folder.Verify(e.Ref, e.SHA256), &bad) {
		return bad
	}
	s.files[path] = info
	return nil
}

// unchanged reports whether a file looks as it did.
func unchanged(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && changedAt(a) == changedAt(b)
}

// hand gives the host what is new and takes from it what is gone; it reports
// whether anything was.
func (s *Shelf) hand(ctx context.Context, before, now []Item) (changed bool) {
	same := func(a Item) func(Item) bool {
		return func(b Item) bool { return a.Ref == b.Ref && a.Contained == b.Contained && a.SHA256 == b.SHA256 }
	}
	for _, i := range before {
		if !i.Contained && !slices.ContainsFunc(now, same(i)) {
			changed = true
			s.cfg.Log.WarnContext(ctx, "a strategy may be used no more; its processes end", "strategy", i.Ref.String())
			s.cfg.Host.Remove(i.Key())
		}
	}
	for _, i := range now {
		if i.Contained || slices.ContainsFunc(before, same(i)) {
			continue
		}
		changed = true
		s.cfg.Log.InfoContext(ctx, "a strategy can be used", "strategy", i.Ref.String(), "sha256", i.SHA256)
		err := s.cfg.Host.Add(pluginhost.Source{
			Name: i.Name, Version: i.Version, Path: s.cfg.Folder.Path(i.Ref, i.SHA256), SHA256: i.SHA256, Manifest: &i.Manifest,
		})
		if err != nil {
			s.cfg.Log.ErrorContext(ctx, "a strategy cannot be given to the host", "strategy", i.Ref.String(), "error", err)
		}
	}
	return changed
}

func sameFaults(a, b map[Ref]*UnusableError) bool {
	if len(a) != len(b) {
		return false
	}
	for ref, x := range a {
		if y := b[ref]; y == nil || x.Error() != y.Error() {
			return false
		}
	}
	return true
}

func sameIsolations(a, b map[Ref]Isolation) bool {
	if len(a) != len(b) {
		return false
	}
	for ref, x := range a {
		if y, ok := b[ref]; !ok || x != y {
			return false
		}
	}
	return true
}
