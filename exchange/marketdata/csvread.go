package marketdata

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/lunobot/lunobot/exchange"
)

// ErrNoCandle says that a file has no candle in the time asked for.
var ErrNoCandle = errors.New("the file has no candle in the time asked for")

const (
	// maxLine bounds the length of a line of a CSV file.
	maxLine = 1 << 18
	// maxFilled bounds how many flat candles one file may ask for: 19 years of
	// minutes.
	maxFilled = 10_000_000
	// maxColumns bounds the number of a column in a file without a header.
	maxColumns = 1000
	// contextRows is how many rows are read between two looks at the context.
	contextRows = 4096
)

// ReadCSV reads candles. The file starts with a header that names the columns
// timestamp, open, high, low, close and volume in any order and case, unless the
// layout says otherwise; other columns are ignored. A timestamp is the opening
// time as a number since the epoch or in RFC 3339, and must grow from row to row
// by whole intervals.
//
// An error about a line is a *CSVError. No number passes through a float.
func ReadCSV(ctx context.Context, r io.Reader, cfg CSVConfig) (Series, CSVReport, error) {
	reader, err := NewCSVReader(r, cfg)
	if err != nil {
		return Series{}, CSVReport{}, err
	}
	g := &gatherer{cfg: cfg, gaps: gaps{}}
	if err := g.read(ctx, reader); err != nil {
		return Series{}, CSVReport{}, fmt.Errorf("reading candles: %w", err)
	}
	series, filled, err := g.series()
	if err != nil {
		return Series{}, CSVReport{}, fmt.Errorf("reading candles: %w", err)
	}
	report := reader.Report()
	report.Filled = filled
	return series, report, nil
}

// gatherer makes a series of a file's candles.
type gatherer struct {
	cfg     CSVConfig
	candles []exchange.Candle
	// gaps are the distances between rows, to find the interval.
	gaps gaps
}

func (g *gatherer) read(ctx context.Context, r *CSVReader) error {
	for {
		c, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if n := len(g.candles); n > 0 {
			gap, line := c.Time-g.candles[n-1].Time, r.Line()
			if g.cfg.Layout.NewestFirst {
				gap, line = -gap, line-1 // of the later one of the two
			}
			if err := g.gaps.add(gap, line); err != nil {
				return err
			}
		}
		g.candles = append(g.candles, c)
	}
	if g.cfg.Layout.NewestFirst {
		slices.Reverse(g.candles)
	}
	return nil
}

// series finds the interval, checks the distances and fills the holes.
func (g *gatherer) series() (s Series, filled int, err error) {
	if len(g.candles) == 0 {
		return s, 0, ErrNoCandle
	}
	interval := g.cfg.Interval
	if interval == 0 {
		if interval, err = g.gaps.commonest(); err != nil {
			return s, 0, err
		}
	}
	holes, err := g.gaps.holes(interval.Milliseconds(), g.cfg.KeepHoles)
	if err != nil {
		return s, 0, err
	}
	s = Series{Market: g.cfg.Market, Interval: interval, Candles: g.candles}
	if holes > 0 && !g.cfg.KeepHoles {
		s.Candles = fillHoles(make([]exchange.Candle, 0, len(g.candles)+holes), g.candles, interval.Milliseconds())
		filled = holes
	}
	return s, filled, nil
}

// fillHoles appends the candles to dst with a flat candle for each interval (in
// milliseconds) that is missing between two of them.
func fillHoles(dst, candles []exchange.Candle, interval int64) []exchange.Candle {
	for i, c := range candles {
		if i > 0 {
			before := candles[i-1]
			for t := before.Time + interval; t < c.Time; t += interval {
				dst = append(dst, exchange.Flat(t, before.Close))
			}
		}
		dst = append(dst, c)
	}
	return dst
}
