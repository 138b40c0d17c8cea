package lunosim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/lunobot/lunobot/exchange/paper"
)

const (
	// compactFrom is how much a state file must have grown, beside its first line,
	// before it is written anew; a larger first line bounds it higher.
	compactFrom = 4 << 20
	// compactEvery is how often that is looked at.
	compactEvery = time.Second
)

// stateFile is the file of a simulator's state. Its first line is an image of all that
// there was at a moment, the others are what was done since, each written before it
// happened and answered after. It is written anew beside itself and renamed, so that
// there is a whole one at any time; a last line that was cut off by a power failure does
// not count. A nil stateFile keeps nothing.
type stateFile struct {
	path string
	lock *flock.Flock
	// image and inputs are what was found; image is nil in a new file.
	image  []byte
	inputs [][]byte

	mu   sync.Mutex
	file output
	// first and grown are how long the first line is and what follows it.
	first, grown int
	// since is what was done since an image was taken that is not in the file yet; nil
	// if there is none.
	since *bytes.Buffer
	// err is what was wrong with writing; nothing is written after it, and failed is
	// closed.
	err    error
	failed chan struct{}
}

// output is what lines are written to: an *os.File.
type output interface {
	io.WriteCloser
	Truncate(size int64) error
}

// openStateFile reads the file and locks it against other simulators; nil without a
// path.
func openStateFile(path string) (*stateFile, error) {
	if path == "" {
		return nil, nil //nolint:nilnil // nothing is kept
	}
	f := &stateFile{path: path, lock: flock.New(path + ".lock"), failed: make(chan struct{})}
	switch locked, err := f.lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("lunosim: the state file: %w", err)
	case !locked:
		return nil, fmt.Errorf("lunosim: another simulator is at work on the state file %s", path)
	}
	raw, err := os.ReadFile(path) //nolint:gosec // the caller's own file
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return f, fmt.Errorf("lunosim: the state file: %w", err)
	}
	lines := bytes.Split(raw, []byte("\n"))
	lines = lines[:len(lines)-1] // what follows the last end of a line is a line that was cut off
	switch {
	case len(lines) > 0:
		f.image, f.inputs = lines[0], lines[1:]
	case len(raw) > 0:
		return f, fmt.Errorf("lunosim: %s is no state file of a simulator", path)
	}
	return f, nil
}

// holds reports whether the file had a state in it.
func (f *stateFile) holds() bool { return f != nil && f.image != nil }

// recorder returns what the venue tells all that is done to; nil where nothing is kept.
func (f *stateFile) recorder() func(paper.Input) {
	if f == nil {
		return nil
	}
	return f.record
}

// record writes what is about to happen. Before the first image there is no file, and
// what happens is in that. After a failure nothing is written any more, and of what was
// written in part nothing is left: the file ends with the last line that is whole.
func (f *stateFile) record(in paper.Input) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil || f.file == nil && f.since == nil {
		return
	}
	line, err := json.Marshal(in)
	if err != nil {
		f.fail(err)
		return
	}
	line = append(line, '\n')
	if f.since != nil {
		f.since.Write(line)
	}
	if f.file == nil {
		return
	}
	if _, err := f.file.Write(line); err != nil {
		f.fail(errors.Join(err, f.file.Truncate(int64(f.first)+int64(f.grown))))
		return
	}
	f.grown += len(line)
}

// fail notes what was wrong with writing and tells Keep.
func (f *stateFile) fail(err error) {
	f.err = err
	close(f.failed)
}

// mark says that an image is being taken, which has all that was recorded until now.
func (f *stateFile) mark() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.since = &bytes.Buffer{}
}

// replace writes the file anew, with the image of the last mark and what was recorded
// since.
func (f *stateFile) replace(image []byte) error {
	file, err := os.OpenFile(f.path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("lunosim: the state file: %w", err)
	}
	image = append(image, '\n')
	_, err = file.Write(image)
	err = errors.Join(err, file.Sync())
	f.mu.Lock()
	defer f.mu.Unlock()
	err = errors.Join(err, f.err) // the old one has all that was kept
	if err == nil {
		_, err = file.Write(f.since.Bytes())
	}
	if err == nil {
		err = os.Rename(f.path+".new", f.path)
	}
	if err != nil {
		return fmt.Errorf("lunosim: the state file: %w", errors.Join(err, file.Close()))
	}
	old := f.file
	f.file, f.first, f.grown, f.since = file, len(image), f.since.Len(), nil
	if old != nil {
		_ = old.Close() // it is gone
	}
	return syncFolder(filepath.Dir(f.path))
}

// syncFolder makes a rename outlive a power failure.
func syncFolder(path string) error {
	folder, err := os.Open(path) //nolint:gosec // the caller's own
	if err != nil {
		return fmt.Errorf("lunosim: the state file: %w", err)
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// due reports whether the file has grown enough to be written anew.
func (f *stateFile) due() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.grown > max(compactFrom, f.first)
}

// close ends the work on the file.
func (f *stateFile) close() error {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.err
	if f.file != nil {
		err = errors.Join(err, f.file.Close())
		f.file, f.since = nil, nil
	}
	return errors.Join(err, f.lock.Unlock())
}

// Keep writes the file of Config.State anew when it has grown, until ctx ends; then the
// file is left, and what happens later is in none. An error, which comes at once, says
// that the file cannot be written, and that what is done is no longer kept. Without a file it does nothing.
func (s *Sim) Keep(ctx context.Context) error {
	if s.file == nil {
		return nil
	}
	ticker := time.NewTicker(compactEvery)
	defer ticker.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return s.file.close()
		case <-s.file.failed:
		case <-ticker.C:
			if !s.file.due() {
				continue
			}
			if err = s.compact(); err == nil {
				continue
			}
		}
		return fmt.Errorf("lunosim: what is done is no longer kept: %w", errors.Join(err, s.file.close()))
	}
}
