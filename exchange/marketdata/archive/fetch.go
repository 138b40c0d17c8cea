package archive

import (
	"context"
	"errors"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// FetchInput says what is fetched into a series.
type FetchInput struct {
	WriterConfig
	// From and To bound the candles: those that open at From or later and before
	// To. Required.
	From, To time.Time
	// Page returns the earliest candles, oldest first, that open at a time or
	// later; none is the end. Required.
	Page func(ctx context.Context, since time.Time) ([]exchange.Candle, error)
	// Progress, if not nil, is told up to when the candles are there.
	Progress func(at time.Time)
}

// span is a run of candles without a hole, from the first opening time to the
// one after the last.
type span struct{ from, to int64 }

// Fetch asks a venue for what a series lacks of a span, page by page, and
// commits each page, so that a fetch that is cut off goes on where it was. What
// is there already is not asked for, but compared where a page brings it. A hole
// that the venue has too is asked for again each time, once a page.
func (a *Archive) Fetch(ctx context.Context, in FetchInput) (c Changes, err error) {
	if in.Page == nil || !in.From.Before(in.To) {
		return c, errors.New("archive: a span and pages are required")
	}
	w, err := a.Writer(ctx, in.WriterConfig)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	there, err := w.spans(ctx)
	if err != nil {
		return c, err
	}
	to := in.To.UnixMilli()
	for since := in.From.UnixMilli(); ; {
		for len(there) > 0 && there[0].to <= since {
			there = there[1:]
		}
		if len(there) > 0 && there[0].from <= since {
			since = there[0].to
			continue
		}
		if in.Progress != nil {
			in.Progress(time.UnixMilli(min(since, to)).UTC())
		}
		if since >= to {
			return w.Changes(), nil
		}
		page, err := in.Page(ctx, time.UnixMilli(since).UTC())
		if err != nil {
			return w.Changes(), err
		}
		page = cut(page, since, to-1)
		if len(page) == 0 {
			return w.Changes(), nil
		}
		if err := w.Add(ctx, page); err != nil {
			return w.Changes(), err
		}
		if err := w.Commit(ctx); err != nil {
			return w.Changes(), err
		}
		since = page[len(page)-1].Time + in.Interval.Milliseconds()
	}
}

// spans lists the runs of candles of the series.
func (w *Writer) spans(ctx context.Context) ([]span, error) {
	if w.kept == nil {
		return nil, nil
	}
	var out []span
	for _, s := range w.kept.Segments {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if n := len(out); s.Holes == 0 { // it need not be read
			if next := s.Last + w.kept.Interval; n > 0 && out[n-1].to == s.First {
				out[n-1].to = next
			} else {
				out = append(out, span{s.First, next})
			}
			continue
		}
		candles, err := w.loader.load(w.folder, w.kept, s)
		if err != nil {
			return nil, err
		}
		for i := range candles {
			t := candles[i].Time
			if n := len(out); n > 0 && out[n-1].to == t {
				out[n-1].to += w.kept.Interval
			} else {
				out = append(out, span{t, t + w.kept.Interval})
			}
		}
	}
	return out, nil
}
