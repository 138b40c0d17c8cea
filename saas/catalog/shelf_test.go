package catalog_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
)

// sources are what a host was given.
type sources struct {
	mu   sync.Mutex
	have map[string]pluginhost.Source
}

func (s *sources) Add(src pluginhost.Source) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.have[src.Key()]; ok {
		return errors.New("it is there already")
	}
	s.have[src.Key()] = src
	return nil
}

func (s *sources) Remove(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.have, key)
}

func (s *sources) keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []string
	for k := range s.have {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// shelf returns a shelf of the bench that is looked at by hand.
func (b *bench) shelf(changed func()) (*catalog.Shelf, *sources) {
	b.t.Helper()
	host := &sources{have: map[string]pluginhost.Source{}}
	s, err := catalog.NewShelf(catalog.ShelfConfig{
		Changed: changed, Contained: []plugin.Manifest{{Info: strategy.Info{Name: "basic", Version: "1.0.0"}}}, Folder: b.folder, Host: host,
		Poll: 10 * time.Millisecond, Store: b.store,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return s, host
}

func (b *bench) look(s *catalog.Shelf) {
	b.t.Helper()
	if err := s.Look(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) approve(ref catalog.Ref) {
	b.t.Helper()
	if _, err := b.Approve(b.t.Context(), ref, "bo"); err != nil {
		b.t.Fatal(err)
	}
}

// usable returns the version that a reference leads to, or why it cannot be used.
func usable(s *catalog.Shelf, name, version string) string {
	i, err := s.Usable(catalog.Ref{Name: name, Version: version})
	var bad *catalog.UnusableError
	if errors.As(err, &bad) {
		return string(bad.Why)
	}
	return i.Ref.String() + " as " + i.Key()
}

// proves PL5: only what is approved and unchanged is offered and started.
func TestShelf(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		changes := 0
		s, host := b.shelf(func() { changes++ })
		first, second, pre := b.install("demo", "1.0.0"), b.install("demo", "1.1.0"), b.install("demo", "2.0.0-rc.1")
		own := b.install("basic", "2.0.0")
		check := func(what string, offered []string, want map[[2]string]string) {
			b.t.Helper()
			before := changes
			b.look(s)
			if changes != before+1 {
				b.t.Errorf("%s: %d changes were told, want 1", what, changes-before)
			}
			b.look(s)
			if changes != before+1 {
				b.t.Errorf("%s: a second look found something new", what)
			}
			if got := host.keys(); !slices.Equal(got, offered) {
				b.t.Errorf("%s: the host has %v, want %v", what, got, offered)
			}
			for ref, want := range want {
				if got := usable(s, ref[0], ref[1]); got != want {
					b.t.Errorf("%s: %v is %q, want %q", what, ref, got, want)
				}
			}
		}
		check("put in", nil, map[[2]string]string{
			{"demo", "1.0.0"}: "not_approved", {"demo", ""}: "not_approved", {"demo", "9.0.0"}: "unknown", {"other", ""}: "unknown",
			{"basic", ""}: "basic@1.0.0 as basic", {"basic", "1.0.0"}: "basic@1.0.0 as basic",
		})
		for _, e := range []catalog.Entry{first, second, pre, own} {
			b.approve(e.Ref)
		}
		all := []string{"basic@2.0.0", "demo@1.0.0", "demo@1.1.0", "demo@2.0.0-rc.1"}
		check("approved", all, map[[2]string]string{
			{"demo", "1.0.0"}: "demo@1.0.0 as demo@1.0.0", {"demo", ""}: "demo@1.1.0 as demo@1.1.0", // no pre-release unless it is named
			{"demo", "2.0.0-rc.1"}: "demo@2.0.0-rc.1 as demo@2.0.0-rc.1", {"basic", ""}: "basic@1.0.0 as basic", {"basic", "2.0.0"}: "basic@2.0.0 as basic@2.0.0",
		})
		if src := host.have["demo@1.1.0"]; src.SHA256 != second.SHA256 || src.Path != b.folder.Path(second.Ref, second.SHA256) || src.Manifest == nil {
			b.t.Errorf("the host was given %+v", src)
		}
		var names []string
		for _, i := range s.Items() {
			names = append(names, i.Ref.String())
		}
		if want := []string{"basic@1.0.0", "basic@2.0.0", "demo@2.0.0-rc.1", "demo@1.1.0", "demo@1.0.0"}; !slices.Equal(names, want) {
			b.t.Errorf("the items are %v, want %v", names, want)
		}
		if _, err := b.Isolate(b.t.Context(), first.Ref, "bo", catalog.PerBot); err != nil {
			b.t.Fatal(err)
		}
		check("isolated", all, nil)
		if got := s.Isolation(first.Ref); got != catalog.PerBot || s.Isolation(second.Ref) != catalog.Shared {
			b.t.Errorf("the isolation is %s", got)
		}
		if _, err := b.Revoke(b.t.Context(), second.Ref, "bo", "it loses"); err != nil {
			b.t.Fatal(err)
		}
		check("revoked", []string{"basic@2.0.0", "demo@1.0.0", "demo@2.0.0-rc.1"}, map[[2]string]string{
			{"demo", "1.1.0"}: "revoked", {"demo", ""}: "demo@1.0.0 as demo@1.0.0",
		})
		path := b.folder.Path(first.Ref, first.SHA256)
		if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, []byte("evil"), 0o600)); err != nil {
			b.t.Fatal(err)
		}
		check("changed", []string{"basic@2.0.0", "demo@2.0.0-rc.1"}, map[[2]string]string{{"demo", "1.0.0"}: "file_changed"})
		if err := os.Remove(path); err != nil {
			b.t.Fatal(err)
		}
		check("lost", []string{"basic@2.0.0", "demo@2.0.0-rc.1"}, map[[2]string]string{{"demo", "1.0.0"}: "file_missing"})
		b.install("demo", "1.0.0") // brings it back
		check("back", []string{"basic@2.0.0", "demo@1.0.0", "demo@2.0.0-rc.1"}, nil)
	})
}

// A shelf that has started notices by itself, and keeps what it knows while the
// store does not answer.
func TestShelfNotices(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		changed := make(chan struct{}, 100)
		s, _ := b.shelf(func() { changed <- struct{}{} })
		if err := s.Start(b.t.Context()); err != nil {
			b.t.Fatal(err)
		}
		b.t.Cleanup(s.Stop)
		made := b.install("demo", "1.0.0")
		b.approve(made.Ref)
		for late := time.After(20 * time.Second); usable(s, "demo", "") != "demo@1.0.0 as demo@1.0.0"; {
			select {
			case <-changed:
			case <-late:
				b.t.Fatal("it was not noticed")
			}
		}
		ended, cancel := context.WithCancel(b.t.Context())
		cancel()
		if err := s.Look(ended); err == nil || !strings.Contains(err.Error(), "reading the catalog") {
			b.t.Errorf("a store that does not answer gave %v", err)
		}
		if got := usable(s, "demo", "1.0.0"); got != "demo@1.0.0 as demo@1.0.0" {
			b.t.Errorf("it is %s", got)
		}
		s.Stop()
		s.Stop()
	})
}

func TestShelfNeeds(t *testing.T) {
	t.Parallel()
	_, err := catalog.NewShelf(catalog.ShelfConfig{})
	for _, name := range []string{"Folder", "Host", "Store"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("the error does not name %s: %v", name, err)
		}
	}
}
