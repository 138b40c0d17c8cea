package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// FolderName is what the folder of an archive is called inside a data folder.
const FolderName = "history"

const (
	// lockPoll is how often a lock is asked for.
	lockPoll = 20 * time.Millisecond
	// writeLock and readLock are the files of a series that its writer and its
	// readers hold.
	writeLock = "write.lock"
	readLock  = "read.lock"
)

// Config says where an archive lies.
type Config struct {
	// Folder holds the archive; required. It is made by the first writer.
	Folder string
	// Wait is how long another process's lock is waited for. Defaults to ten
	// seconds.
	Wait time.Duration
}

// Archive is a store of candles. It is safe for concurrent use, by other
// processes too.
type Archive struct{ cfg Config }

// Open returns the archive in a folder, which need not be there yet.
func Open(cfg Config) (*Archive, error) {
	if cfg.Folder == "" {
		return nil, errors.New("archive: Folder is required")
	}
	if cfg.Wait == 0 {
		cfg.Wait = 10 * time.Second
	}
	info, err := os.Stat(cfg.Folder)
	switch {
	case err == nil && !info.IsDir():
		return nil, fmt.Errorf("archive: %s is not a folder", cfg.Folder)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("archive: %w", err)
	}
	return &Archive{cfg: cfg}, nil
}

// Folder returns where the archive lies.
func (a *Archive) Folder() string { return a.cfg.Folder }

// Keys lists the series by pair and then by interval. Other files and folders
// are left alone; a pair's folder that cannot be read is an error.
func (a *Archive) Keys() ([]Key, error) {
	listed, _, err := a.list()
	return listed, err
}

// Stray lists the series whose manifest is missing while files of candles are
// there: what is left of a first import that was killed, or of a copy that is not
// whole. The next writer of such a series begins anew.
func (a *Archive) Stray() ([]Key, error) {
	_, stray, err := a.list()
	return stray, err
}

// list returns the series with a manifest and those that have files alone.
func (a *Archive) list() (listed, stray []Key, err error) {
	pairs, err := os.ReadDir(a.cfg.Folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("archive: %w", err)
	}
	for _, p := range pairs {
		if (Key{Pair: p.Name(), Interval: time.Second}).validate() != nil {
			continue
		}
		lengths, err := os.ReadDir(filepath.Join(a.cfg.Folder, p.Name()))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			continue // it was removed, or is a file
		}
		if err != nil {
			return nil, nil, fmt.Errorf("archive: %w", err)
		}
		for _, l := range lengths {
			interval, ok := parseName(l.Name())
			if !ok {
				continue
			}
			k := Key{Pair: p.Name(), Interval: interval}
			if _, err := os.Stat(filepath.Join(a.folder(k), manifestName)); err == nil {
				listed = append(listed, k)
			} else if n, err := a.files(k); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
				if err != nil {
					return nil, nil, err
				}
				if n > 0 {
					stray = append(stray, k)
				}
			}
		}
	}
	byName := func(x, y Key) int {
		return cmp.Or(strings.Compare(x.Pair, y.Pair), cmp.Compare(x.Interval, y.Interval))
	}
	slices.SortFunc(listed, byName)
	slices.SortFunc(stray, byName)
	return listed, stray, nil
}

// files counts the files of candles in a series' folder.
func (a *Archive) files(k Key) (n int, err error) {
	entries, err := os.ReadDir(a.folder(k))
	if err != nil {
		return 0, fmt.Errorf("archive: %w", err)
	}
	for _, e := range entries {
		if segmentName.MatchString(e.Name()) {
			n++
		}
	}
	return n, nil
}

// Intervals lists the intervals that there are of a pair, ascending.
func (a *Archive) Intervals(pair string) ([]time.Duration, error) {
	keys, err := a.Keys()
	var list []time.Duration
	for _, k := range keys {
		if k.Pair == pair {
			list = append(list, k.Interval)
		}
	}
	return list, err
}

// Info tells what there is of a series, from its manifest alone. One that is not
// there is a *MissingError.
func (a *Archive) Info(k Key) (Info, error) {
	m, err := a.manifest(k)
	if err != nil {
		return Info{}, err
	}
	return m.info(k), nil
}

// Remove removes a series. One that is being written or read is a *BusyError.
func (a *Archive) Remove(ctx context.Context, k Key) error {
	if _, err := a.manifest(k); err != nil {
		var damage *DamageError
		n, _ := a.files(k)
		if stray := n > 0 && errors.As(err, new(*MissingError)); !stray && !errors.As(err, &damage) {
			return err
		}
	}
	folder := a.folder(k)
	writing, err := a.lock(ctx, k, writeLock, true)
	if err != nil {
		return err
	}
	defer writing.Close() //nolint:errcheck // the file is gone by then
	reading, err := a.lock(ctx, k, readLock, true)
	if err != nil {
		return err
	}
	defer reading.Close() //nolint:errcheck // the file is gone by then
	// The manifest goes first: without it the rest is nothing.
	if err := os.Remove(filepath.Join(folder, manifestName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("archive: removing %s: %w", k, err)
	}
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("archive: removing %s: %w", k, err)
	}
	_ = os.Remove(filepath.Dir(folder)) // the pair's folder, if that was all
	return nil
}

func (a *Archive) folder(k Key) string { return filepath.Join(a.cfg.Folder, k.folder()) }

// manifest reads the manifest of a series.
func (a *Archive) manifest(k Key) (*manifest, error) {
	if err := k.validate(); err != nil {
		return nil, err
	}
	m, err := readManifest(filepath.Join(a.folder(k), manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &MissingError{Key: k}
	}
	if err != nil {
		return nil, err
	}
	if m.Market.Pair != k.Pair || m.Interval != k.Interval.Milliseconds() {
		return nil, &DamageError{Path: filepath.Join(a.folder(k), manifestName), Reason: "it is the manifest of another series"}
	}
	return m, nil
}

// lock takes a lock of a series, waiting for others as long as the Config says.
// It is the kernel's: it ends with the process, however that ends. A writer's
// makes the series' folder.
func (a *Archive) lock(ctx context.Context, k Key, name string, exclusive bool) (*flock.Flock, error) {
	waiting, cancel := context.WithTimeout(ctx, a.cfg.Wait)
	defer cancel()
	for {
		if name == writeLock {
			if err := os.MkdirAll(a.folder(k), 0o755); err != nil { //nolint:gosec // candles are no secret
				return nil, fmt.Errorf("archive: %w", err)
			}
		}
		f := flock.New(filepath.Join(a.folder(k), name), flock.SetPermissions(0o644))
		try := f.TryRLockContext
		if exclusive {
			try = f.TryLockContext
		}
		_, err := try(waiting, lockPoll)
		switch {
		case err == nil && present(f):
			return f, nil
		case err == nil: // the series was removed while its lock was waited for
			err = f.Close()
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case waiting.Err() != nil:
			doing := "written"
			if name == readLock && exclusive {
				doing = "read"
			}
			return nil, &BusyError{Key: k, Doing: doing}
		case errors.Is(err, fs.ErrNotExist) && name == writeLock:
			err = nil // removed between the two calls
		case errors.Is(err, fs.ErrNotExist):
			return nil, &MissingError{Key: k}
		}
		if err != nil {
			return nil, fmt.Errorf("archive: locking %s: %w", k, err)
		}
	}
}

// present reports whether the file that is locked is still the one of its name.
func present(f *flock.Flock) bool {
	held, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(f.Path())
	return err == nil && os.SameFile(held, named)
}
