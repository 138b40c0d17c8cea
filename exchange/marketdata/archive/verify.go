package archive

import (
	"context"
	"errors"
	"time"
)

// Hole is a run of intervals without a candle.
type Hole struct {
	// From is when the first missing candle would open, To when the next one
	// opens that is there.
	From, To time.Time
	// Missing is how many candles are missing.
	Missing int64
}

// Holes reads a series and calls found for each hole in it, in order, until it
// returns false. On the way it checks every file: see Verify.
func (a *Archive) Holes(ctx context.Context, k Key, found func(Hole) bool) error {
	r, err := a.Read(ctx, Query{Key: k, KeepHoles: true})
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // it was only read
	step, last := r.manifest.Interval, int64(0)
	for _, s := range r.manifest.Segments {
		if err := ctx.Err(); err != nil {
			return err
		}
		candles, err := r.loader.load(r.folder, r.manifest, s)
		if err != nil {
			return err
		}
		for i := range candles {
			t := candles[i].Time
			if gap := (t-last)/step - 1; last != 0 && gap > 0 &&
				!found(Hole{From: time.UnixMilli(last + step).UTC(), To: time.UnixMilli(t).UTC(), Missing: gap}) {
				return nil
			}
			last = t
		}
	}
	return nil
}

// Verify reads every file of a series, whose sums and candles must be right.
// Each file that is damaged is a *DamageError of its own in the joined error;
// checked, if not nil, is called after each.
func (a *Archive) Verify(ctx context.Context, k Key, checked func(files, of int)) error {
	r, err := a.Read(ctx, Query{Key: k, KeepHoles: true})
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // it was only read
	var problems []error
	for i, s := range r.manifest.Segments {
		if err := ctx.Err(); err != nil {
			return err
		}
		_, err := r.loader.load(r.folder, r.manifest, s)
		var damage *DamageError
		if err != nil && !errors.As(err, &damage) {
			return err
		}
		problems = append(problems, err)
		if checked != nil {
			checked(i+1, len(r.manifest.Segments))
		}
	}
	return errors.Join(problems...)
}
