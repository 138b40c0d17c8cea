package pluginhost

import (
	"context"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
)

// Add makes a source known while the host runs. A source that is known already
// changes nothing; another one of the same key is an error.
func (h *Host) Add(s Source) error {
	e, err := h.entry(s)
	if err != nil {
		return fmt.Errorf("pluginhost: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if known, ok := h.sources[s.Key()]; ok {
		if known.same(e.Source) {
			return nil
		}
		return fmt.Errorf("pluginhost: there is another source of the key %q", s.Key())
	}
	h.keep(e)
	return nil
}

// entry returns what the host keeps of a source.
func (h *Host) entry(s Source) (*entry, error) {
	if s.attachment != nil && !h.cfg.Attach {
		return nil, fmt.Errorf("source %s is attached to, which Config.Attach does not allow", s.Key())
	}
	return s.entry()
}

// keep adds an entry; h.mu is held, or nobody has the host yet.
func (h *Host) keep(e *entry) {
	h.order = append(h.order, e.Key())
	h.sources[e.Key()] = e
}

// Remove forgets the source of a key, ends its processes and waits until
// nothing of them is left. An unknown key changes nothing.
func (h *Host) Remove(key string) {
	h.mu.Lock()
	e := h.sources[key]
	delete(h.sources, key)
	h.order = slices.DeleteFunc(h.order, func(k string) bool { return k == key })
	for k, s := range h.slots {
		if k.name == key && s.process == nil && s.starting == nil {
			delete(h.slots, k) // it was put off
		}
	}
	var ending sync.WaitGroup
	for p := range h.running {
		if p.name == key {
			ending.Go(p.Stop)
		}
	}
	h.mu.Unlock()
	ending.Wait()
	if e != nil {
		h.drop(e)
	}
}

// drop gives back what the host holds of an entry's file.
func (h *Host) drop(e *entry) {
	h.programs.Lock()
	defer h.programs.Unlock()
	e.program.close()
	e.program = nil
}

// Inspect starts a file that is no source, asks for its manifest and ends it.
// The item has the file's sum. The errors name the file.
func (h *Host) Inspect(ctx context.Context, path string) (Item, error) {
	e, err := Source{Name: filepath.Base(path), Path: path, anybody: true}.entry()
	if err != nil {
		return Item{}, fmt.Errorf("pluginhost: %w", err)
	}
	defer h.drop(e)
	p, err := h.launch(ctx, e, func(*Process) {})
	if err != nil {
		return Item{}, err
	}
	defer p.Stop()
	return Item{Name: p.Manifest().Name, SHA256: hex.EncodeToString(e.checksum), Manifest: p.Manifest()}, nil
}
