package pluginhost

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// directoryPrefix begins the name of a process's directory. It is short, as the
// path of a socket may have hardly more than a hundred bytes; socketTail is what
// comes after the directory's own.
const (
	directoryPrefix = "lbp-"
	socketTail      = len("/lbp-1234567890/plugin-dir1234567890/plugin1234567890")
	socketLimit     = 103
)

// directory is a process's own. Its host holds a lock on it, which ends with the
// host, so that another one can tell what one has left that was killed.
type directory struct {
	path string
	lock *flock.Flock
}

// newDirectory makes a directory in another one.
func newDirectory(parent string) (*directory, error) {
	for range 3 {
		path, err := os.MkdirTemp(parent, directoryPrefix)
		if err != nil {
			return nil, err
		}
		d := &directory{path: path, lock: lockOf(path)}
		locked, err := d.lock.TryLock()
		if errors.Is(err, errors.ErrUnsupported) || locked && d.exists() {
			return d, nil
		}
		d.remove()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("locking a directory in %s: %w", parent, err)
		}
		// Somebody swept it just then.
	}
	return nil, fmt.Errorf("another host removes what this one makes in %s", parent)
}

// lockOf returns the lock of a directory, which is made by nobody who wants it. In a place
// that others can write to, something else may have its name.
func lockOf(path string) *flock.Flock {
	return flock.New(path, flock.SetFlag(os.O_RDONLY|onlyDirectory))
}

func (d *directory) exists() bool {
	_, err := os.Stat(d.path)
	return err == nil
}

// remove removes the directory with all that is in it. It may be called more than
// once, and does nothing for a process that has none of ours.
func (d *directory) remove() {
	if d == nil {
		return
	}
	_ = os.RemoveAll(d.path)
	_ = d.lock.Close()
}

// sweep removes the directories in another one whose hosts are gone without having
// removed them, and returns how many.
func sweep(parent string) int {
	left, err := filepath.Glob(filepath.Join(parent, directoryPrefix+"*"))
	if err != nil {
		return 0 // a parent with an asterisk or a bracket in its name
	}
	swept := 0
	for _, path := range left {
		d := &directory{path: path, lock: lockOf(path)}
		if locked, err := d.lock.TryLock(); err != nil || !locked {
			continue // it is another user's, in use, or no directory
		}
		d.remove()
		swept++
	}
	return swept
}
