package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/lunobot/lunobot/exchange"
)

// WriterConfig says what is written.
type WriterConfig struct {
	// Check writes nothing: it finds out what Add would refuse.
	Check bool
	// Interval is the length of each candle; required.
	Interval time.Duration
	// Market is what was traded; required. Its tick and step must be those of
	// the series, if there is one. Its bounds for orders replace those of the
	// series if it has any.
	Market exchange.Market
	// Origin says in words where the candles are from, such as "Luno".
	Origin string
	// Replace lets a candle take the place of another one of the same time.
	Replace bool
}

// Changes counts what a Writer did to a series.
type Changes struct {
	// Added are new candles, Same those that were there already, Replaced those
	// that took the place of another one.
	Added, Same, Replaced int64
}

// Writer adds candles to a series; nobody else writes to it until Close. It is
// for one goroutine.
type Writer struct {
	archive *Archive
	cfg     WriterConfig
	key     Key
	folder  string
	locked  *flock.Flock

	// kept is the manifest as it is on disk, nil for a new series; next is what
	// Commit will make of it.
	kept, next *manifest
	// pending are candles of one window, not sorted.
	pending []exchange.Candle
	window  int64
	loader  loader
	changes Changes
}

// Writer begins to write to a series, which is made if it is not there. A series
// that another process writes to is a *BusyError, one whose tick, step or market
// differ a *GridError, one that is damaged a *DamageError.
func (a *Archive) Writer(ctx context.Context, cfg WriterConfig) (*Writer, error) {
	k := Key{Pair: cfg.Market.Pair, Interval: cfg.Interval}
	if err := errors.Join(k.validate(), cfg.Market.Validate()); err != nil {
		return nil, err
	}
	if _, _, err := unitsOf(cfg.Market); err != nil {
		return nil, err
	}
	w := &Writer{archive: a, cfg: cfg, key: k, folder: a.folder(k), window: -1}
	if _, err := os.Stat(w.folder); !cfg.Check || err == nil {
		if w.locked, err = a.lock(ctx, k, writeLock, true); err != nil {
			return nil, err
		}
	}
	if err := w.begin(); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// begin reads the manifest and compares the market with it.
func (w *Writer) begin() error {
	m, err := w.archive.manifest(w.key)
	var missing *MissingError
	switch {
	case errors.As(err, &missing):
		w.next = &manifest{Format: shape, Market: w.cfg.Market, Interval: w.key.Interval.Milliseconds(), Phase: -1}
		return nil
	case err != nil:
		return err
	}
	old, now := m.Market, w.cfg.Market
	if !old.Tick.Equal(now.Tick) || !old.Step.Equal(now.Step) || old.Base != now.Base || old.Counter != now.Counter {
		return &GridError{Key: w.key, Reason: fmt.Sprintf("it is kept as %s/%s with a tick of %s and a step of %s, and these candles are of %s/%s with %s and %s",
			old.Base, old.Counter, old.Tick, old.Step, now.Base, now.Counter, now.Tick, now.Step)}
	}
	w.kept, w.next = m, m.clone()
	if now.MinVolume > 0 || now.MinPrice > 0 || now.MaxVolume > 0 || now.MaxPrice > 0 {
		w.next.Market = now
	}
	return nil
}

// Changes returns what has been done so far; after Commit it is what was done.
func (w *Writer) Changes() Changes { return w.changes }

// Last returns the opening time of the newest candle of the series as it was at
// the last Commit; the zero time of an empty one.
func (w *Writer) Last() time.Time {
	if w.kept == nil {
		return time.Time{}
	}
	return time.UnixMilli(w.kept.Segments[len(w.kept.Segments)-1].Last).UTC()
}

// Add takes candles, in any order; those of the same window should come
// together. A candle that differs from the one of its time is a *ConflictError,
// one that is off the series' grid a *GridError. After an error the writer is to
// be closed: what was not committed is lost.
func (w *Writer) Add(ctx context.Context, candles []exchange.Candle) error {
	for i := range candles {
		c := &candles[i]
		if err := w.check(c); err != nil {
			return err
		}
		if window := w.next.window(c.Time); window != w.window || len(w.pending) == windowCandles {
			if err := w.flush(ctx); err != nil {
				return err
			}
			w.window = window
		}
		w.pending = append(w.pending, *c)
	}
	return nil
}

func (w *Writer) check(c *exchange.Candle) error {
	m := w.next
	if c.Time <= 0 || !c.Valid() {
		return &GridError{Key: w.key, Reason: fmt.Sprintf("%+v is no candle", *c)}
	}
	if m.Phase < 0 {
		m.Phase = c.Time % m.Interval
	}
	if (c.Time-m.Phase)%m.Interval != 0 {
		return &GridError{Key: w.key, Reason: fmt.Sprintf("a candle opens at %s, which is no whole number of intervals from the others",
			c.OpenTime().Format(time.RFC3339Nano))}
	}
	return nil
}

// flush puts the pending candles into the segment of their window.
func (w *Writer) flush(ctx context.Context) error {
	if len(w.pending) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	at, found := slices.BinarySearchFunc(w.next.Segments, w.window, func(s segment, window int64) int {
		return cmp.Compare(w.next.window(s.First), window)
	})
	var old []exchange.Candle
	if found {
		var err error
		if old, err = w.loader.load(w.folder, w.next, w.next.Segments[at]); err != nil {
			return err
		}
	}
	before := w.changes
	merged, err := w.merge(old)
	if err != nil {
		return err
	}
	w.pending = w.pending[:0]
	if w.cfg.Check || w.changes.Added == before.Added && w.changes.Replaced == before.Replaced {
		return nil
	}
	raw, err := encode(w.next.Market, merged)
	if err != nil {
		return err
	}
	s := describe(w.next, merged, raw)
	if err := writeFile(w.folder, s.File, raw); err != nil {
		return err
	}
	if found {
		w.next.Segments[at] = s
	} else {
		w.next.Segments = slices.Insert(w.next.Segments, at, s)
	}
	return nil
}

// merge returns the old candles with the pending ones, by time.
func (w *Writer) merge(old []exchange.Candle) ([]exchange.Candle, error) {
	slices.SortStableFunc(w.pending, func(a, b exchange.Candle) int { return cmp.Compare(a.Time, b.Time) })
	merged := make([]exchange.Candle, 0, min(len(old)+len(w.pending), windowCandles))
	for _, c := range w.pending {
		for len(old) > 0 && old[0].Time <= c.Time {
			merged, old = append(merged, old[0]), old[1:]
		}
		n := len(merged)
		switch {
		case n == 0 || merged[n-1].Time != c.Time:
			merged = append(merged, c)
			w.changes.Added++
		case merged[n-1] == c:
			w.changes.Same++
		case w.cfg.Replace:
			merged[n-1] = c
			w.changes.Replaced++
		default:
			return nil, &ConflictError{Key: w.key, Market: w.next.Market, Have: merged[n-1], Got: c}
		}
	}
	return append(merged, old...), nil
}

// Commit makes all that was added part of the series, in one step. It can be
// called again after more was added.
func (w *Writer) Commit(ctx context.Context) error {
	if err := w.flush(ctx); err != nil {
		return err
	}
	if w.cfg.Check || len(w.next.Segments) == 0 {
		return nil
	}
	if w.kept == nil || !slices.Equal(w.kept.Segments, w.next.Segments) {
		w.next.addOrigin(w.cfg.Origin)
		if err := w.next.write(w.folder); err != nil {
			return err
		}
		w.kept = w.next
		w.next = w.kept.clone()
	}
	return w.sweep(ctx)
}

// sweep removes files that are of no use any more, unless somebody reads.
func (w *Writer) sweep(ctx context.Context) error {
	quick := &Archive{cfg: Config{Folder: w.archive.cfg.Folder, Wait: time.Millisecond}}
	reading, err := quick.lock(ctx, w.key, readLock, true)
	var busy *BusyError
	switch {
	case errors.As(err, &busy):
		return nil // the next writer will
	case err != nil:
		return err
	}
	defer reading.Close() //nolint:errcheck // nothing is written to it
	entries, err := os.ReadDir(w.folder)
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	used := make(map[string]bool, len(w.kept.Segments))
	for _, s := range w.kept.Segments {
		used[s.File] = true
	}
	for _, e := range entries {
		old := segmentName.MatchString(e.Name()) && !used[e.Name()] || strings.HasPrefix(e.Name(), temporary)
		if !old {
			continue
		}
		if err := os.Remove(filepath.Join(w.folder, e.Name())); err != nil {
			return fmt.Errorf("archive: %w", err)
		}
	}
	return nil
}

// Close ends the writing. What was not committed is lost.
func (w *Writer) Close() error {
	if w.locked == nil {
		return nil
	}
	locked := w.locked
	w.locked = nil
	if w.kept == nil { // nothing came of a new series
		w.clear()
	}
	if err := locked.Close(); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	return nil
}

// clear removes the folder of a series that was not begun.
func (w *Writer) clear() {
	if _, err := os.Stat(filepath.Join(w.folder, manifestName)); err == nil {
		return // it is there, and could not be read
	}
	_ = os.RemoveAll(w.folder)
	_ = os.Remove(filepath.Dir(w.folder))
}
