package catalog

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

// maxStrays is how many strays are listed.
const maxStrays = 100

// Stray is something that lies in the folder of the files and belongs to no entry:
// nothing is started because it lies there.
type Stray struct {
	// Path is where it lies on this machine, Size its length in bytes.
	Path string
	Size int64
	// Ref is the version in whose place it lies; zero if that is no version's.
	Ref Ref
	// Partial is true for a copy that was not finished: it was broken off, or is
	// under way.
	Partial bool
}

// Advice says in a sentence what to do about it.
func (s Stray) Advice() string {
	switch {
	case s.Partial:
		return "It is a copy that was broken off, or an installation that is under way: delete it if it stays."
	case s.Ref != Ref{}:
		return fmt.Sprintf("It lies where a file of %s would, and is none that was put in: put it in with lunobot plugin install, or delete it.", s.Ref)
	}
	return "A file is not taken up by lying here: put it in with lunobot plugin install, and delete this one."
}

// strays lists what belongs to none of the entries, by its path.
func (f Folder) strays(entries []Entry) ([]Stray, error) {
	known := make(map[string]bool, len(entries))
	for _, e := range entries {
		known[f.Path(e.Ref, e.SHA256)] = true
	}
	var list []Stray
	err := filepath.WalkDir(f.dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // it went meanwhile, or there is no folder yet
		case err != nil:
			return err
		case d.IsDir() || known[path]:
			return nil
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if list = append(list, f.stray(path, info.Size())); len(list) == maxStrays {
			return fs.SkipAll
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking through the folder of the plugins: %w", err)
	}
	return list, nil
}

// stray says what lies at a path.
func (f Folder) stray(path string, size int64) Stray {
	s := Stray{Path: path, Size: size, Partial: strings.HasPrefix(filepath.Base(path), partial)}
	if within, err := filepath.Rel(f.dir, path); err == nil {
		if parts := strings.Split(filepath.ToSlash(within), "/"); len(parts) == 3 {
			if ref := (Ref{Name: parts[0], Version: parts[1]}); ref.valid() {
				s.Ref = ref
			}
		}
	}
	return s
}
