package marketdata

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// CSVReader reads the candles of a CSV file one after the other, so that a long
// file need not lie in memory. It is for one goroutine.
type CSVReader struct {
	cfg           CSVConfig
	names         [columnCount]string
	times         TimeParser
	delimiter     byte
	lines         *bufio.Reader
	line          int
	price, volume exchange.Grid
	// targets says for each field of a line which column it is; -1 is none.
	targets []column
	fields  [columnCount][]byte
	// first is the first row of a file without a header, until it is read.
	first []byte
	last  int64
	// row counts what was rounded in the row being read, report in all rows
	// that were kept.
	row, report CSVReport
}

// NewCSVReader returns a reader that has read the header. An error about a line
// is a *CSVError.
func NewCSVReader(r io.Reader, cfg CSVConfig) (*CSVReader, error) {
	if err := cfg.Market.Validate(); err != nil {
		return nil, fmt.Errorf("reading candles: %w", err)
	}
	if cfg.Interval < 0 || cfg.Interval%time.Millisecond != 0 {
		return nil, fmt.Errorf("reading candles: the interval %s must be whole milliseconds above 0", cfg.Interval)
	}
	names, err := cfg.Layout.names()
	if err != nil {
		return nil, fmt.Errorf("reading candles: %w", err)
	}
	times, err := NewTimeParser(cfg.Layout)
	if err != nil {
		return nil, fmt.Errorf("reading candles: %w", err)
	}
	reader := &CSVReader{
		cfg: cfg, names: names, times: times, delimiter: cfg.Layout.Delimiter, lines: bufio.NewReaderSize(r, maxLine),
		price: cfg.Market.PriceGrid(exchange.Nearest), volume: cfg.Market.VolumeGrid(exchange.Down),
	}
	if reader.delimiter == 0 {
		reader.delimiter = ','
	}
	if err := reader.begin(); err != nil {
		return nil, fmt.Errorf("reading candles: %w", err)
	}
	return reader, nil
}

// Line returns the number of the line that was read last.
func (r *CSVReader) Line() int { return r.line }

// Report says what reading did so far.
func (r *CSVReader) Report() CSVReport { return r.report }

// begin reads up to the first row.
func (r *CSVReader) begin() error {
	for range r.cfg.Layout.Skip {
		if _, err := r.nextLine(); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	first, err := r.nextLine()
	if errors.Is(err, io.EOF) {
		return &CSVError{Line: r.line, Reason: "the file is empty; a header is required"}
	}
	if err != nil {
		return err
	}
	for kind, magic := range map[string]string{"gzip": "\x1f\x8b", "zip": "PK\x03\x04", "Parquet": "PAR1", "UTF-16": "\xff\xfe", "UTF-16 (big-endian)": "\xfe\xff"} {
		if bytes.HasPrefix(first, []byte(magic)) {
			return &CSVError{Line: r.line, Reason: "this is a " + kind + " file and no CSV in UTF-8; unpack or convert it first"}
		}
	}
	first = bytes.TrimPrefix(first, []byte("\ufeff"))
	if !r.cfg.Layout.NoHeader {
		return r.readHeader(first)
	}
	for c, name := range r.names {
		n, err := strconv.Atoi(name)
		if err != nil {
			return err // names has checked it
		}
		for len(r.targets) < n {
			r.targets = append(r.targets, -1)
		}
		r.targets[n-1] = column(c)
	}
	if !r.isHeader(first) {
		r.first = first
	}
	return nil
}

// isHeader reports whether a row names columns: none of its fields has a digit
// in the first place.
func (r *CSVReader) isHeader(line []byte) bool {
	if r.split(line) != nil {
		return false
	}
	for _, f := range r.fields {
		if len(f) == 0 || f[0] >= '0' && f[0] <= '9' {
			return false
		}
	}
	return true
}

// Next returns the next candle within From and To, and io.EOF after the last. An
// error about a line is a *CSVError; reading cannot go on after it.
func (r *CSVReader) Next(ctx context.Context) (exchange.Candle, error) {
	for {
		if r.line%contextRows == 0 {
			if err := ctx.Err(); err != nil {
				return exchange.Candle{}, err
			}
		}
		line := r.first
		if r.first = nil; line == nil {
			var err error
			if line, err = r.nextLine(); err != nil {
				return exchange.Candle{}, err
			}
		}
		if len(line) == 0 {
			if err := r.expectEnd(); err != nil {
				return exchange.Candle{}, err
			}
			return exchange.Candle{}, io.EOF
		}
		c, err := r.readRow(line)
		if err != nil {
			return exchange.Candle{}, err
		}
		r.last = c.Time
		early := !r.cfg.From.IsZero() && c.Time < r.cfg.From.UnixMilli()
		late := !r.cfg.To.IsZero() && c.Time >= r.cfg.To.UnixMilli()
		if r.cfg.Layout.NewestFirst {
			early, late = late, early
		}
		if late {
			return exchange.Candle{}, io.EOF
		}
		if !early {
			r.report.Rows++
			r.report.PricesRounded += r.row.PricesRounded
			r.report.VolumesRounded += r.row.VolumesRounded
			return c, nil
		}
	}
}

// nextLine returns the next line without its end; the bytes are valid until the
// next call.
func (r *CSVReader) nextLine() ([]byte, error) {
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
func (r *CSVReader) expectEnd() error {
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

func (r *CSVReader) readHeader(line []byte) error {
	var found [columnCount]bool
	names := strings.Split(string(line), string(rune(r.delimiter)))
	r.targets = make([]column, len(names))
	for i, name := range names {
		r.targets[i] = -1
		name = strings.ToLower(strings.Trim(strings.TrimSpace(name), `"`))
		for c := range columnCount {
			if name != strings.ToLower(r.names[c]) {
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
			missing = append(missing, r.names[c])
		}
	}
	if len(missing) > 0 {
		return r.ofLayout(r.fault("", "the header lacks %s%s", strings.Join(missing, ", "), r.guess(line, names)))
	}
	for r.targets[len(r.targets)-1] < 0 {
		r.targets = r.targets[:len(r.targets)-1]
	}
	return nil
}

// guess says what a header looks like in which columns are missing.
func (r *CSVReader) guess(line []byte, names []string) string {
	for _, other := range []struct{ delimiter, name string }{{";", "semicolons"}, {"\t", "tabs"}, {"|", "strokes"}, {",", "commas"}} {
		if len(names) == 1 && bytes.Count(line, []byte(other.delimiter)) >= int(columnCount)-1 {
			return "; its fields seem to be divided by " + other.name
		}
	}
	if first := strings.Trim(strings.TrimSpace(names[0]), `"`); first != "" && first[0] >= '0' && first[0] <= '9' {
		return "; it begins with a number, as a file without a header does"
	}
	return fmt.Sprintf("; it is %q", clip(line))
}

func (r *CSVReader) readRow(line []byte) (exchange.Candle, error) {
	if err := r.split(line); err != nil {
		return exchange.Candle{}, err
	}
	r.row = CSVReport{}
	var c exchange.Candle
	var err error
	if c.Time, err = r.times.Parse(r.fields[columnTime]); err != nil {
		return c, r.ofLayout(r.faultIn(columnTime, "%s", err))
	}
	if err := r.checkOrder(c.Time); err != nil {
		return c, err
	}
	for _, p := range [...]struct {
		to     *exchange.Ticks
		column column
	}{{&c.Open, columnOpen}, {&c.High, columnHigh}, {&c.Low, columnLow}, {&c.Close, columnClose}} {
		if *p.to, err = r.readPrice(p.column); err != nil {
			return c, err
		}
	}
	volume, exact, err := r.volume.Parse(r.fields[columnVolume])
	switch {
	case err != nil:
		return c, r.faultIn(columnVolume, "%q: %s", clip(r.fields[columnVolume]), err)
	case volume < 0:
		return c, r.faultIn(columnVolume, "%s is negative", r.fields[columnVolume])
	case !exact && r.cfg.Exact:
		return c, r.faultIn(columnVolume, "%s is finer than the step %s", r.fields[columnVolume], r.cfg.Market.Step)
	case !exact:
		r.row.VolumesRounded++
	}
	c.Volume = exchange.Steps(volume)
	switch {
	case c.High < c.Low:
		return c, r.faultIn(columnHigh, "%s is below low %s", r.fields[columnHigh], r.fields[columnLow])
	case c.High < max(c.Open, c.Close):
		return c, r.faultIn(columnHigh, "%s is below open or close", r.fields[columnHigh])
	case c.Low > min(c.Open, c.Close):
		return c, r.faultIn(columnLow, "%s is above open or close", r.fields[columnLow])
	}
	return c, nil
}

func (r *CSVReader) readPrice(c column) (exchange.Ticks, error) {
	n, exact, err := r.price.Parse(r.fields[c])
	switch {
	case err != nil:
		return 0, r.faultIn(c, "%q: %s", clip(r.fields[c]), err)
	case n <= 0:
		return 0, r.faultIn(c, "%s must be at least one tick, which is %s", r.fields[c], r.cfg.Market.Tick)
	case !exact && r.cfg.Exact:
		return 0, r.faultIn(c, "%s is finer than the tick %s", r.fields[c], r.cfg.Market.Tick)
	case !exact:
		r.row.PricesRounded++
	}
	return exchange.Ticks(n), nil
}

// split puts the fields of a line that are wanted into r.fields.
func (r *CSVReader) split(line []byte) error {
	for i, target := range r.targets {
		if line == nil {
			return r.missing(i)
		}
		var field []byte
		if end := r.fieldEnd(line); end >= 0 {
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

// fieldEnd returns where the first field ends; -1 is at the end of the line. A
// delimiter between quotes is none.
func (r *CSVReader) fieldEnd(line []byte) int {
	if len(line) == 0 || line[0] != '"' {
		return bytes.IndexByte(line, r.delimiter)
	}
	quoted := false
	for i, c := range line {
		switch {
		case c == '"':
			quoted = !quoted
		case c == r.delimiter && !quoted:
			return i
		}
	}
	return -1
}

// missing names the first wanted column at or after field i.
func (r *CSVReader) missing(i int) error {
	for r.targets[i] < 0 {
		i++
	}
	return r.faultIn(r.targets[i], "the line ends before this column")
}

// checkOrder refuses a row that does not follow the one before.
func (r *CSVReader) checkOrder(ms int64) error {
	at := r.fields[columnTime]
	switch {
	case r.last == 0 || ms > r.last && !r.cfg.Layout.NewestFirst || ms < r.last && r.cfg.Layout.NewestFirst:
		return nil
	case ms == r.last:
		return r.faultIn(columnTime, "%s repeats the time of the line before; one of the two must go", at)
	case r.cfg.Layout.NewestFirst:
		return r.faultIn(columnTime, "%s is after the time of the line before, in a file that begins with its newest candle", at)
	}
	return r.faultIn(columnTime, "%s is before the time of the line before; sort the file by time", at)
}

func (r *CSVReader) faultIn(c column, format string, args ...any) *CSVError {
	name := r.names[c]
	if r.cfg.Layout.NoHeader {
		name += " (" + c.String() + ")"
	}
	return r.fault(name, format, args...)
}

func (r *CSVReader) fault(column, format string, args ...any) *CSVError {
	return &CSVError{Line: r.line, Column: column, Reason: fmt.Sprintf(format, args...)}
}

// ofLayout marks a fault that another layout might not have.
func (r *CSVReader) ofLayout(e *CSVError) error {
	e.OfLayout = true
	return e
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
func clip(field []byte) []byte {
	const most = 64
	return field[:min(len(field), most)]
}
