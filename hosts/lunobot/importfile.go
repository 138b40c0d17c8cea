package main

import (
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/lunobot/lunobot/exchange/marketdata/archive"
)

// fixedFile is a file that is read more than once and must not change in between.
type fixedFile struct {
	*os.File
	path string
	info fs.FileInfo
}

// openFixed opens a regular file.
func openFixed(path string) (*fixedFile, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return nil, input("%s is no regular file: it is read twice, first to find all that is wrong; write it to disk first", path)
	}
	file, info, err := openFile(path)
	if err != nil {
		return nil, input("%s: %w", path, reasonOf(err))
	}
	return &fixedFile{file, path, info}, nil
}

func (f *fixedFile) size() int64 { return f.info.Size() }

// unchanged reports a file that is not what it was when it was opened.
func (f *fixedFile) unchanged() error {
	now, err := f.Stat()
	if err == nil && (now.Size() != f.info.Size() || !now.ModTime().Equal(f.info.ModTime())) {
		return input("the file was changed while it was read: try again when it is whole")
	}
	return err
}

// countingReader counts what is read.
type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// spacing is what the distances between the candles of a file have in common.
type spacing struct {
	last, common int64
	count        int
}

// enoughRows is how many distances must have a divisor in common before it is taken
// for the candles' length: that the candles that traded all lie so by chance is less
// likely than one in a million.
const enoughRows = 20

func (s *spacing) add(ms int64) {
	if s.last != 0 && ms != s.last {
		s.count++
		for gap := max(ms-s.last, s.last-ms); gap != 0; { // Euclid
			s.common, gap = gap, s.common%gap
		}
	}
	s.last = ms
}

// check refuses candles that are longer than is said: they would lie in the store
// with holes that no market had.
func (s *spacing) check(interval time.Duration) error {
	length := time.Duration(s.common) * time.Millisecond
	if s.count < enoughRows || length <= interval || length%interval != 0 {
		return nil
	}
	return input("the candles stand %[1]s apart or multiples of it: give --interval %[1]s in place of %[2]s", archive.IntervalName(length), archive.IntervalName(interval))
}
