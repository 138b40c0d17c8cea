package marketdata

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// CSVScan is what reading a file from beginning to end found out of its candles,
// without keeping them.
type CSVScan struct {
	// Interval is their length.
	Interval time.Duration
	// From is when the first one opens and To when the last one closes.
	From, To time.Time
	// Candles is how many there are, with the flat ones that stand in holes.
	Candles int
	// Report says what reading did to the file's numbers.
	Report CSVReport
}

// ScanCSV reads a file as ReadCSV does and finds all that is wrong with it, so
// that it can be read again with NewCSVSource, block by block and as often as is
// wanted. A file that begins with its newest candle cannot be: that is
// errors.ErrUnsupported. An error about a line is a *CSVError.
func ScanCSV(ctx context.Context, r io.Reader, cfg CSVConfig) (CSVScan, error) {
	if cfg.Layout.NewestFirst {
		return CSVScan{}, fmt.Errorf("reading candles: block by block, from a file that begins with its newest candle: %w", errors.ErrUnsupported)
	}
	reader, err := NewCSVReader(r, cfg)
	if err != nil {
		return CSVScan{}, err
	}
	s, err := scan(ctx, reader, cfg)
	if err != nil {
		return CSVScan{}, fmt.Errorf("reading candles: %w", err)
	}
	return s, nil
}

func scan(ctx context.Context, reader *CSVReader, cfg CSVConfig) (s CSVScan, err error) {
	gaps := gaps{}
	var first, last int64
	for {
		c, err := reader.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return s, err
		}
		if s.Candles++; s.Candles == 1 {
			first = c.Time
		} else if err := gaps.add(c.Time-last, reader.Line()); err != nil {
			return s, err
		}
		last = c.Time
	}
	s.Report = reader.Report()
	if s.Candles == 0 {
		return s, ErrNoCandle
	}
	if s.Interval = cfg.Interval; s.Interval == 0 {
		if s.Interval, err = gaps.commonest(); err != nil {
			return s, err
		}
	}
	holes, err := gaps.holes(s.Interval.Milliseconds(), cfg.KeepHoles)
	if err != nil {
		return s, err
	}
	if !cfg.KeepHoles {
		s.Report.Filled = holes
		s.Candles += holes
	}
	s.From, s.To = time.UnixMilli(first).UTC(), time.UnixMilli(last).UTC().Add(s.Interval)
	return s, nil
}

// maxGaps bounds how many different distances between rows are remembered.
const maxGaps = 1 << 16

// gaps are the distances between one row and the next, in milliseconds.
type gaps map[int64]*gap

// gap is how often a distance was seen, and the line behind the first.
type gap struct{ count, line int }

func (g gaps) add(ms int64, line int) error {
	seen := g[ms]
	if seen == nil {
		if len(g) == maxGaps {
			return &CSVError{Line: line, Column: columnTime.String(), Reason: fmt.Sprintf(
				"the rows up to here stand at more than %d different distances: these are no candles of one interval", maxGaps)}
		}
		seen = &gap{line: line}
		g[ms] = seen
	}
	seen.count++
	return nil
}

// commonest returns the distance that was seen most often, the shortest of
// several.
func (g gaps) commonest() (time.Duration, error) {
	var interval time.Duration
	most := 0
	for ms, seen := range g {
		if d := time.Duration(ms) * time.Millisecond; seen.count > most || seen.count == most && d < interval {
			interval, most = d, seen.count
		}
	}
	if most == 0 {
		return 0, errors.New("a single candle does not tell its interval; name it")
	}
	return interval, nil
}

// holes returns how many candles are missing between the rows. The error names the
// first row that is no whole number of intervals behind the one before, or the
// first behind the longest hole if there are too many to be filled.
func (g gaps) holes(interval int64, keep bool) (int, error) {
	var total, longest int64
	var odd *gap
	var oddGap int64
	for ms, seen := range g {
		if ms%interval != 0 {
			if odd == nil || seen.line < odd.line {
				odd, oddGap = seen, ms
			}
			continue
		}
		missing := ms/interval - 1
		total += min(missing, maxFilled+1) * int64(seen.count)
		longest = max(longest, ms)
	}
	switch {
	case odd != nil:
		return 0, notAMultiple(odd.line, oddGap, interval)
	case total > maxFilled && !keep:
		return 0, &CSVError{Line: g[longest].line, Column: columnTime.String(), Reason: fmt.Sprintf(
			"the holes of the file need more than %d flat candles; the longest one ends here", maxFilled)}
	}
	return int(total), nil
}

func notAMultiple(line int, gap, interval int64) error {
	return &CSVError{Line: line, Column: columnTime.String(), Reason: fmt.Sprintf(
		"is %s after the line before, not a multiple of the interval %s", time.Duration(gap)*time.Millisecond, time.Duration(interval)*time.Millisecond)}
}

// CSVSource is a Source of a file that ScanCSV has read, one block after the
// other. Holes are filled on the way (rule M4). It is for one goroutine.
type CSVSource struct {
	reader    *CSVReader
	interval  int64
	keepHoles bool
	left      int
	block     []exchange.Candle
	// last is the candle before, next the one that follows a hole.
	last, next exchange.Candle
	waiting    bool
}

var _ Sized = (*CSVSource)(nil)

// NewCSVSource returns a source of a file's candles, read from its beginning with
// the configuration that the scan was made with.
func NewCSVSource(r io.Reader, cfg CSVConfig, s CSVScan) (*CSVSource, error) {
	reader, err := NewCSVReader(r, cfg)
	if err != nil {
		return nil, err
	}
	return &CSVSource{reader: reader, interval: s.Interval.Milliseconds(), keepHoles: cfg.KeepHoles, left: s.Candles}, nil
}

// Len implements Sized.
func (s *CSVSource) Len() int { return s.left }

// errChanged means that a file is not what it was when it was scanned.
var errChanged = errors.New("reading candles: the file was changed while it was read")

// Next implements Source.
func (s *CSVSource) Next(ctx context.Context) ([]exchange.Candle, error) {
	if s.block == nil {
		s.block = make([]exchange.Candle, 0, BlockSize)
	}
	s.block = s.block[:0]
	for len(s.block) < BlockSize {
		if !s.waiting {
			c, err := s.reader.Next(ctx)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, fmt.Errorf("reading candles: %w", err)
			}
			s.next = c
		}
		begun := s.last != exchange.Candle{}
		s.waiting = begun && s.next.Time > s.last.Time+s.interval && !s.keepHoles
		if s.waiting {
			s.last = exchange.Flat(s.last.Time+s.interval, s.last.Close)
		} else {
			s.last = s.next
		}
		s.block = append(s.block, s.last)
	}
	if s.left -= len(s.block); s.left < 0 || len(s.block) < BlockSize && s.left > 0 {
		return nil, errChanged
	}
	if len(s.block) == 0 {
		return nil, io.EOF
	}
	return s.block, nil
}
