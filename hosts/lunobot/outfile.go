package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// outFile is a file to be written whole or not at all: its bytes go to a
// neighbour that takes its place at the end. What is not a regular file, such
// as /dev/stdout, is written to directly.
type outFile struct {
	flag   string
	path   string
	file   *os.File
	direct bool
}

// openOut makes sure that a path can be written, before hours are spent on what
// is to be written there. An empty path gives nil.
func openOut(flag, path string) (*outFile, error) {
	if path == "" {
		return nil, nil
	}
	o := &outFile{flag: flag, path: path}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return nil, input("%s %s is a folder; give a file in it", flag, path)
	case err == nil && !info.Mode().IsRegular():
		o.direct = true
		o.file, err = os.OpenFile(path, os.O_WRONLY, 0)
	case err == nil:
		if o.path, err = filepath.EvalSymlinks(path); err == nil {
			o.file, err = o.neighbour()
		}
	case errors.Is(err, fs.ErrNotExist):
		o.file, err = o.neighbour()
	}
	if err != nil {
		return nil, input("%s %s cannot be written: %w", flag, path, reasonOf(err))
	}
	return o, nil
}

// samePlace reports whether two files to be written are one.
func samePlace(a, b *outFile) bool {
	if a == nil || b == nil || a.direct || b.direct {
		return false
	}
	x, errX := a.file.Stat()
	y, errY := b.file.Stat()
	return errX == nil && errY == nil && os.SameFile(x, y)
}

func (o *outFile) neighbour() (*os.File, error) {
	name := fmt.Sprintf(".%s.%d.part", filepath.Base(o.path), os.Getpid())
	return os.OpenFile(filepath.Join(filepath.Dir(o.path), name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644) //nolint:gosec // a report for its user to share
}

// write writes the whole file and puts it in its place.
func (o *outFile) write(content func(io.Writer) error) error {
	if o == nil {
		return nil
	}
	err := content(o.file)
	if err == nil && !o.direct {
		err = o.file.Sync()
	}
	err = errors.Join(err, o.file.Close())
	if err == nil && !o.direct {
		err = os.Rename(o.file.Name(), o.path)
	}
	if err != nil {
		return fmt.Errorf("writing %s %s: %w", o.flag, o.path, err)
	}
	return nil
}

// discard removes what is left of a file that was not written.
func (o *outFile) discard() {
	if o == nil || o.direct {
		return
	}
	_ = o.file.Close()
	_ = os.Remove(o.file.Name())
}
