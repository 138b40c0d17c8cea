package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lunobot/lunobot/saas/errs"
)

// maxSize is the largest file that is taken, in bytes.
const maxSize = 256 << 20

// partial begins the name of a copy that is not finished.
const partial = ".part-"

// Folder is where the files lie: at NAME/VERSION/SHA256 within it.
type Folder struct{ dir string }

// NewFolder returns a folder of files; it is made when it is first needed.
func NewFolder(dir string) Folder { return Folder{dir: dir} }

// Path returns where the file of an entry lies.
func (f Folder) Path(ref Ref, sum string) string {
	return filepath.Join(f.dir, ref.Name, ref.Version, sum)
}

// lock keeps others from putting files in and removing them, until the function that
// it returns is called: other processes of this machine too.
func (f Folder) lock(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of the plugins: %w", err)
	}
	held, err := lockDir(ctx, f.dir)
	if err != nil {
		return nil, fmt.Errorf("locking the folder of the plugins: %w", err)
	}
	return func() { _ = held.Close() }, nil
}

// Put copies a file in. What it holds must have the sum, or it was changed since
// it was looked at. The file is there as a whole or not at all.
func (f Folder) Put(from string, ref Ref, sum string) (size int64, err error) {
	if !ref.valid() {
		return 0, errs.New(errs.Invalid, "bad_version", "%.100q cannot be the name of a file", ref.String())
	}
	in, err := os.Open(from) //nolint:gosec // an operator names the file
	if err != nil {
		return 0, fmt.Errorf("reading the plugin: %w", err)
	}
	defer func() { _ = in.Close() }()
	to := f.Path(ref, sum)
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return 0, fmt.Errorf("making the folder of the plugin: %w", err)
	}
	out, err := os.CreateTemp(filepath.Dir(to), partial+"*")
	if err != nil {
		return 0, fmt.Errorf("writing the plugin: %w", err)
	}
	defer func() { _ = os.Remove(out.Name()) }() // it is gone if all went well
	hash := sha256.New()
	size, err = io.Copy(io.MultiWriter(out, hash), io.LimitReader(in, maxSize+1))
	if err == nil {
		err = out.Chmod(0o500)
	}
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return 0, fmt.Errorf("writing the plugin: %w", err)
	}
	switch got := hex.EncodeToString(hash.Sum(nil)); {
	case size > maxSize:
		return 0, errs.New(errs.Invalid, "plugin_too_large", "the file has more than %d MiB", maxSize>>20)
	case got != sum:
		return 0, errs.New(errs.Conflict, "plugin_changed", "the file was changed while it was looked at: try again")
	}
	if err := os.Rename(out.Name(), to); err != nil {
		return 0, fmt.Errorf("putting the plugin in its place: %w", err)
	}
	return size, syncDir(filepath.Dir(to))
}

// syncDir makes sure that a name in a folder survives a loss of power.
func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // a folder of ours
	if err != nil {
		return fmt.Errorf("putting the plugin in its place: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("putting the plugin in its place: %w", err)
	}
	return nil
}

// Delete removes the file of an entry and the folders that it leaves empty. A
// file that is gone is no error.
func (f Folder) Delete(ref Ref, sum string) error {
	path := f.Path(ref, sum)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the file of %s: %w", ref, err)
	}
	for _, dir := range []string{filepath.Dir(path), filepath.Dir(filepath.Dir(path))} {
		_ = os.Remove(dir) // it fails for one that is not empty
	}
	return nil
}

// Verify reports what is wrong with the file of an entry, as an *UnusableError:
// it is gone, cannot be read, or is not what was put in.
func (f Folder) Verify(ref Ref, sum string) error {
	file, err := os.Open(f.Path(ref, sum))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &UnusableError{Ref: ref, Why: FileMissing}
	case err != nil:
		return &UnusableError{Ref: ref, Why: FileUnreadable, Err: err}
	}
	defer func() { _ = file.Close() }()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return &UnusableError{Ref: ref, Why: FileUnreadable, Err: err}
	}
	if hex.EncodeToString(hash.Sum(nil)) != sum {
		return &UnusableError{Ref: ref, Why: FileChanged}
	}
	return nil
}
