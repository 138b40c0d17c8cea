package marketdata

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

const (
	// maxLine bounds the length of a line of a CSV file.
	maxLine = 1 << 18
	// maxFilled bounds how many flat candles one file may ask for: 19 years of
	// minutes.
	maxFilled = 10_000_000
	// contextRows is how many rows are read between two looks at the context.
	contextRows = 4096
)

// ReadCSV reads candles. The file starts with a header that names the columns
// timestamp, open, high, low, close and volume in any order and case; others
// are ignored. A timestamp is the opening time in seconds or milliseconds since
// the epoch or in RFC 3339, and must grow from row to row by whole intervals.
//
// An error about a line is a *CSVError. No number passes through a float.
func ReadCSV(ctx context.Context, r io.Reader, cfg CSVConfig) (Series, CSVReport, error) {
	if err := cfg.Market.Validate(); err != nil {
		return Series{}, CSVReport{}, fmt.Errorf("reading candles: %w", err)
	}
	if cfg.Interval < 0 || cfg.Interval%time.Millisecond != 0 {
		return Series{}, CSVReport{}, fmt.Errorf("reading candles: the interval %s must be whole milliseconds above 0", cfg.Interval)
	}
	reader := &csvReader{
		cfg:    cfg,
		lines:  bufio.NewReaderSize(r, maxLine),
		price:  priceGrid(cfg.Market),
		volume: volumeGrid(cfg.Market),
		gaps:   make(map[int64]int),
	}
	if err := reader.read(ctx); err != nil {
		return Series{}, CSVReport{}, fmt.Errorf("reading candles: %w", err)
	}
	series, err := reader.series()
	if err != nil {
		return Series{}, CSVReport{}, fmt.Errorf("reading candles: %w", err)
	}
	return series, reader.report, nil
}

// csvReader holds the state of reading one file.
type csvReader struct {
	cfg           CSVConfig
	lines         *bufio.Reader
	line          int
	price, volume grid
	// targets says for each field of a line which column it is; -1 is none.
	targets []column
	fields  [columnCount][]byte
	candles []exchange.Candle
	// firstLine is the line of the first kept candle; the others follow without
	// a hole, because times only grow.
	firstLine int
	last      int64
	// gaps counts the distances between rows, to find the interval.
	gaps map[int64]int
	// row counts what was rounded in the row being read, report in all rows
	// that were kept.
	row, report CSVReport
}

func (r *csvReader) read(ctx context.Context) error {
	header, err := r.nextLine()
	if errors.Is(err, io.EOF) {
		return &CSVError{Line: 1, Reason: "the file is empty; a header is required"}
	}
	if err != nil {
		return err
	}
	if err := r.readHeader(header); err != nil {
		return err
	}
	for {
		if r.line%contextRows == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		line, err := r.nextLine()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(line) == 0 {
			return r.expectEnd()
		}
		c, err := r.readRow(line)
		if err != nil {
			return err
		}
		if !r.cfg.To.IsZero() && c.Time >= r.cfg.To.UnixMilli() {
			return nil
		}
		r.keep(c)
	}
}

// nextLine returns the next line without its end; the bytes are valid until the
// next call.
func (r *csvReader) nextLine() ([]byte, error) {
	line, err := r.lines.ReadSlice('\n')
	r.line++
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, r.fault("", "longer than %d bytes", maxLine)
	case errors.Is(err, io.EOF) && len(line) > 0:
	case err != nil:
		return nil, err
	}
	return bytes.TrimRight(line, "\r\n"), nil
}

// expectEnd allows empty lines at the end of the file only: in the middle they
// are a sign of damage.
func (r *csvReader) expectEnd() error {
	empty := r.line
	for {
		line, err := r.nextLine()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(line) > 0 {
			return &CSVError{Line: empty, Reason: "empty line"}
		}
	}
}

func (r *csvReader) readHeader(line []byte) error {
	var found [columnCount]bool
	names := strings.Split(strings.TrimPrefix(string(line), "\ufeff"), ",")
	r.targets = make([]column, len(names))
	for i, name := range names {
		r.targets[i] = -1
		name = strings.ToLower(strings.Trim(strings.TrimSpace(name), `"`))
		for c := range columnCount {
			if name != c.String() {
				continue
			}
			if found[c] {
				return r.fault(name, "the header names the column twice")
			}
			found[c], r.targets[i] = true, c
		}
	}
	var missing []string
	for c := range columnCount {
		if !found[c] {
			missing = append(missing, c.String())
		}
	}
	if len(missing) > 0 {
		return r.fault("", "the header lacks %s", strings.Join(missing, ", "))
	}
	for r.targets[len(r.targets)-1] < 0 {
		r.targets = r.targets[:len(r.targets)-1]
	}
	return nil
}

func (r *csvReader) readRow(line []byte) (exchange.Candle, error) {
	if err := r.split(line); err != nil {
		return exchange.Candle{}, err
	}
	r.row = CSVReport{}
	var c exchange.Candle
	var err error
	if c.Time, err = parseTime(r.fields[columnTime]); err != nil {
		return c, r.fault(columnTime.String(), "%s", err)
	}
	if r.last != 0 && c.Time <= r.last {
		reason := "is before"
		if c.Time == r.last {
			reason = "repeats"
		}
		return c, r.fault(columnTime.String(), "%s %s the time of the line before", r.fields[columnTime], reason)
	}
	for _, p := range [...]struct {
		to     *exchange.Ticks
		column column
	}{{&c.Open, columnOpen}, {&c.High, columnHigh}, {&c.Low, columnLow}, {&c.Close, columnClose}} {
		if *p.to, err = r.readPrice(p.column); err != nil {
			return c, err
		}
	}
	volume, exact, err := r.volume.parse(r.fields[columnVolume])
	switch {
	case err != nil:
		return c, r.fault(columnVolume.String(), "%q: %s", clip(r.fields[columnVolume]), err)
	case volume < 0:
		return c, r.fault(columnVolume.String(), "%s is negative", r.fields[columnVolume])
	case !exact:
		r.row.VolumesRounded++
	}
	c.Volume = exchange.Steps(volume)
	switch {
	case c.High < c.Low:
		return c, r.fault(columnHigh.String(), "%s is below low %s", r.fields[columnHigh], r.fields[columnLow])
	case c.High < max(c.Open, c.Close):
		return c, r.fault(columnHigh.String(), "%s is below open or close", r.fields[columnHigh])
	case c.Low > min(c.Open, c.Close):
		return c, r.fault(columnLow.String(), "%s is above open or close", r.fields[columnLow])
	}
	return c, nil
}

func (r *csvReader) readPrice(c column) (exchange.Ticks, error) {
	n, exact, err := r.price.parse(r.fields[c])
	switch {
	case err != nil:
		return 0, r.fault(c.String(), "%q: %s", clip(r.fields[c]), err)
	case n <= 0:
		return 0, r.fault(c.String(), "%s must be at least one tick, which is %s", r.fields[c], r.cfg.Market.Tick)
	case !exact:
		r.row.PricesRounded++
	}
	return exchange.Ticks(n), nil
}

// split puts the fields of a line that are wanted into r.fields.
func (r *csvReader) split(line []byte) error {
	for i, target := range r.targets {
		if line == nil {
			return r.missing(i)
		}
		var field []byte
		if end := bytes.IndexByte(line, ','); end >= 0 {
			field, line = line[:end], line[end+1:]
		} else {
			field, line = line, nil
		}
		if target >= 0 {
			r.fields[target] = trim(field)
		}
	}
	return nil
}

// missing names the first wanted column at or after field i.
func (r *csvReader) missing(i int) error {
	for r.targets[i] < 0 {
		i++
	}
	return r.fault(r.targets[i].String(), "the line ends before this column")
}

// keep takes a row's candle unless it is before the start that was asked for.
func (r *csvReader) keep(c exchange.Candle) {
	before := r.last
	r.last = c.Time
	if !r.cfg.From.IsZero() && c.Time < r.cfg.From.UnixMilli() {
		return
	}
	if len(r.candles) == 0 {
		r.firstLine = r.line
	} else {
		r.gaps[c.Time-before]++
	}
	r.candles = append(r.candles, c)
	r.report.Rows++
	r.report.PricesRounded += r.row.PricesRounded
	r.report.VolumesRounded += r.row.VolumesRounded
}

// series finds the interval, checks the distances and fills the holes.
func (r *csvReader) series() (Series, error) {
	if len(r.candles) == 0 {
		return Series{}, errors.New("the file has no candle in the time asked for")
	}
	interval := r.cfg.Interval
	if interval == 0 {
		most := 0
		for gap, n := range r.gaps {
			if d := time.Duration(gap) * time.Millisecond; n > most || n == most && d < interval {
				interval, most = d, n
			}
		}
		if interval == 0 {
			return Series{}, errors.New("a single candle does not tell its interval; name it")
		}
	}
	holes, err := r.countHoles(interval.Milliseconds())
	if err != nil {
		return Series{}, err
	}
	s := Series{Market: r.cfg.Market, Interval: interval, Candles: r.candles}
	if holes > 0 && !r.cfg.KeepHoles {
		s.Candles = fillHoles(make([]exchange.Candle, 0, len(r.candles)+holes), r.candles, interval.Milliseconds())
		r.report.Filled = holes
	}
	return s, nil
}

func (r *csvReader) countHoles(interval int64) (int, error) {
	var holes int64
	for i := 1; i < len(r.candles); i++ {
		gap := r.candles[i].Time - r.candles[i-1].Time
		if gap == interval {
			continue
		}
		line := r.firstLine + i
		if gap%interval != 0 {
			return 0, &CSVError{Line: line, Column: columnTime.String(), Reason: fmt.Sprintf(
				"is %s after the line before, not a multiple of the interval %s",
				time.Duration(gap)*time.Millisecond, time.Duration(interval)*time.Millisecond)}
		}
		if holes += gap/interval - 1; holes > maxFilled && !r.cfg.KeepHoles {
			return 0, &CSVError{Line: line, Column: columnTime.String(), Reason: fmt.Sprintf(
				"the holes up to here need more than %d flat candles", maxFilled)}
		}
	}
	return int(holes), nil
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

func (r *csvReader) fault(column, format string, args ...any) error {
	return &CSVError{Line: r.line, Column: column, Reason: fmt.Sprintf(format, args...)}
}

// trim takes spaces and quotes off a field.
func trim(field []byte) []byte {
	if n := len(field); n > 0 && field[0] > ' ' && field[0] != '"' && field[n-1] > ' ' {
		return field
	}
	field = bytes.TrimSpace(field)
	if n := len(field); n >= 2 && field[0] == '"' && field[n-1] == '"' {
		field = field[1 : n-1]
	}
	return field
}

// clip shortens a field for an error message.
func clip(field []byte) []byte { return field[:min(len(field), maxNumber)] }
