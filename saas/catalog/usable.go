package catalog

import "slices"

// Items lists what can be used: what the program contains first, then by name,
// the newest version first.
func (s *Shelf) Items() []Item {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.items)
}

// Usable returns a version. Without one it is that which the program contains,
// and if it contains none, the newest, where a pre-release is older than any
// release. What cannot be used is an *UnusableError.
func (s *Shelf) Usable(ref Ref) (Item, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var best *Item
	for i := range s.items {
		one := &s.items[i]
		if one.Name == ref.Name && (one.Version == ref.Version || ref.Version == "") && (best == nil || one.before(*best)) {
			best = one
		}
	}
	if best != nil {
		return *best, nil
	}
	if bad, ok := s.wrong[ref]; ok {
		return Item{}, bad
	}
	if ref.Version == "" {
		for _, bad := range s.wrong { // any: there is none that can be used
			if bad.Name == ref.Name {
				return Item{}, bad
			}
		}
	}
	return Item{}, &UnusableError{Ref: ref, Why: Unknown}
}

// before reports whether an item is to be chosen before another of its name.
func (i Item) before(o Item) bool {
	if i.Contained != o.Contained {
		return i.Contained
	}
	if i.pre() != o.pre() {
		return !i.pre()
	}
	return CompareVersions(i.Version, o.Version) > 0
}

// pre reports whether it is a pre-release.
func (i Item) pre() bool { return slices.Contains([]byte(i.Version), '-') }

// Isolation returns what the bots of a version must have at least, whether or
// not it can be used.
func (s *Shelf) Isolation(ref Ref) Isolation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.least[ref].Stricter(Shared)
}
