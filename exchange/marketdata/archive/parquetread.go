package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
)

const (
	// rowBatch is how many rows of a Parquet file are read at a time.
	rowBatch = 1024
	// maxScale bounds the decimals of a column, so that no value can ask for a
	// number of a million digits.
	maxScale = 100
	// maxText bounds the bytes of a number that is a text or a long decimal.
	maxText = 64
)

// RowError is a row of a Parquet file that cannot be read.
type RowError struct {
	// Row counts from 1; 0 is the file's description.
	Row int64
	// Column is the column's name; it is empty if the whole row is meant.
	Column string
	// Reason says what is wrong.
	Reason string
}

// Error implements error.
func (e *RowError) Error() string {
	text := e.Reason
	if e.Column != "" {
		text = "column " + e.Column + ": " + text
	}
	if e.Row > 0 {
		text = fmt.Sprintf("row %d, %s", e.Row, text)
	}
	return text
}

// ParquetConfig says how a Parquet file of candles is read.
type ParquetConfig struct {
	// Exact refuses numbers that lie between two ticks or steps. Defaults to
	// taking the nearest tick and the step below.
	Exact bool
	// Layout names the columns and the unit of times that are plain numbers;
	// Parquet's own times have theirs. The rest of it has no meaning here.
	Layout marketdata.Layout
	// Market gives the tick and the step that the numbers are read in. Required.
	Market exchange.Market
}

// ParquetReader reads the candles of a Parquet file of any writer, one after the
// other. Times are times or numbers, prices and volumes exact decimals, whole
// numbers, texts, or floats, which stand for the shortest decimal that is read
// as the same float. It is for one goroutine; close it.
type ParquetReader struct {
	cfg           ParquetConfig
	price, volume exchange.Grid
	times         marketdata.TimeParser
	rows          parquet.Rows
	places        []place
	batch         []parquet.Row
	ready         []parquet.Row
	row           int64
	count         int64
	report        marketdata.CSVReport
	// text is the number that was read last.
	text []byte
}

// place is where a part of a candle stands in the rows.
type place struct {
	name string
	at   int
	kind parquet.Kind
	// decimal says that it is an exact decimal, of the scale.
	decimal bool
	scale   int32
	// unit is what a time counts; 0 is by the layout.
	unit time.Duration
}

// NewParquetReader returns a reader of a file of the size. A *RowError says what
// of it cannot be candles.
func NewParquetReader(r io.ReaderAt, size int64, cfg ParquetConfig) (*ParquetReader, error) {
	if err := cfg.Market.Validate(); err != nil {
		return nil, fmt.Errorf("reading candles: %w", err)
	}
	file, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, fmt.Errorf("reading candles: this is no Parquet file: %w", err)
	}
	times, err := marketdata.NewTimeParser(cfg.Layout)
	if err != nil {
		return nil, fmt.Errorf("reading candles: %w", err)
	}
	p := &ParquetReader{
		cfg: cfg, times: times, count: file.NumRows(), batch: make([]parquet.Row, rowBatch),
		price: cfg.Market.PriceGrid(exchange.Nearest), volume: cfg.Market.VolumeGrid(exchange.Down),
	}
	if err := p.find(file.Schema()); err != nil {
		return nil, fmt.Errorf("reading candles: %w", err)
	}
	p.rows = parquet.MultiRowGroup(file.RowGroups()...).Rows()
	return p, nil
}

// find finds the columns.
func (p *ParquetReader) find(s *parquet.Schema) error {
	l := p.cfg.Layout
	for i, name := range []string{l.Time, l.Open, l.High, l.Low, l.Close, l.Volume} {
		wanted := []string{name}
		if name == "" {
			wanted = []string{marketdata.Parts()[i]}
			if i == 0 {
				wanted = []string{"time", "timestamp"}
			}
		}
		found := place{at: -1}
		for _, f := range s.Fields() {
			for _, w := range wanted {
				if strings.EqualFold(f.Name(), w) && f.Leaf() && !f.Repeated() {
					leaf, _ := s.Lookup(f.Name())
					found = place{name: f.Name(), at: leaf.ColumnIndex, kind: f.Type().Kind()}
					found.describe(f.Type().LogicalType())
				}
			}
		}
		if found.at < 0 {
			return &RowError{Reason: fmt.Sprintf("there is no column %s of single values; there is %s", strings.Join(wanted, " or "), columnNames(s))}
		}
		if found.scale < -maxScale || found.scale > maxScale {
			return &RowError{Column: found.name, Reason: fmt.Sprintf("it has %d decimals, and %d at most are read", found.scale, maxScale)}
		}
		p.places = append(p.places, found)
	}
	return nil
}

// columnNames lists a file's columns.
func columnNames(s *parquet.Schema) string {
	const most = 20
	var names []string
	for _, f := range s.Fields() {
		names = append(names, f.Name())
	}
	if len(names) > most {
		names = append(names[:most], "…")
	}
	return strings.Join(names, ", ")
}

func (f *place) describe(t *format.LogicalType) {
	if t == nil {
		return
	}
	switch v := t.Value.(type) {
	case *format.DecimalType:
		f.decimal, f.scale = true, v.Scale
	case *format.TimestampType:
		if v.Unit.Value != nil {
			f.unit = v.Unit.Value.Duration()
		}
	case *format.DateType:
		f.unit = 24 * time.Hour
	}
}

// Len returns how many rows the file has.
func (p *ParquetReader) Len() int64 { return p.count }

// Row returns the number of the row that was read last.
func (p *ParquetReader) Row() int64 { return p.row }

// Report says what reading did so far.
func (p *ParquetReader) Report() marketdata.CSVReport { return p.report }

// Next returns the next candle, and io.EOF after the last. An error about a row
// is a *RowError; reading cannot go on after it.
func (p *ParquetReader) Next(ctx context.Context) (exchange.Candle, error) {
	if len(p.ready) == 0 {
		if err := ctx.Err(); err != nil {
			return exchange.Candle{}, err
		}
		n, err := p.rows.ReadRows(p.batch)
		if n == 0 {
			if err == nil || errors.Is(err, io.EOF) {
				return exchange.Candle{}, io.EOF
			}
			return exchange.Candle{}, &RowError{Row: p.row + 1, Reason: err.Error()}
		}
		p.ready = p.batch[:n]
	}
	row := p.ready[0]
	p.ready = p.ready[1:]
	p.row++
	return p.candle(row)
}

// candle makes a candle of a row.
func (p *ParquetReader) candle(row parquet.Row) (c exchange.Candle, err error) {
	at := value(row, p.places[0].at)
	if at.IsNull() {
		return c, p.fault(0, "there is no value")
	}
	if c.Time, err = p.places[0].time(at, p.times); err != nil {
		return c, p.fault(0, "%s", err)
	}
	for i, to := range []*exchange.Ticks{&c.Open, &c.High, &c.Low, &c.Close} {
		n, exact, err := p.number(row, i+1, p.price)
		switch {
		case err != nil:
			return c, err
		case !exact && p.cfg.Exact:
			return c, p.fault(i+1, "%s is finer than the tick %s", p.text, p.cfg.Market.Tick)
		case !exact:
			p.report.PricesRounded++
		}
		*to = exchange.Ticks(n)
	}
	n, exact, err := p.number(row, 5, p.volume)
	switch {
	case err != nil:
		return c, err
	case !exact && p.cfg.Exact:
		return c, p.fault(5, "%s is finer than the step %s", p.text, p.cfg.Market.Step)
	case !exact:
		p.report.VolumesRounded++
	}
	c.Volume = exchange.Steps(n)
	if !c.Valid() {
		return c, &RowError{Row: p.row, Reason: "the prices are not positive or not in order, or the volume is negative"}
	}
	p.report.Rows++
	return c, nil
}

// number reads a part of the candle in ticks or steps; its text is then in p.text.
func (p *ParquetReader) number(row parquet.Row, part int, g exchange.Grid) (n int64, exact bool, err error) {
	f := p.places[part]
	v := value(row, f.at)
	if v.IsNull() {
		return 0, false, p.fault(part, "there is no value")
	}
	if p.text, err = f.write(p.text[:0], v); err != nil {
		return 0, false, p.fault(part, "%s", err)
	}
	if n, exact, err = g.Parse(p.text); err != nil {
		return 0, false, p.fault(part, "%q: %s", p.text, err)
	}
	return n, exact, nil
}

func (p *ParquetReader) fault(part int, format string, args ...any) error {
	return &RowError{Row: p.row, Column: p.places[part].name, Reason: fmt.Sprintf(format, args...)}
}

// value returns the value of a column in a row.
func value(row parquet.Row, column int) parquet.Value {
	for _, v := range row {
		if v.Column() == column {
			return v
		}
	}
	return parquet.NullValue()
}

// time reads a time in milliseconds.
func (f place) time(v parquet.Value, times marketdata.TimeParser) (int64, error) {
	switch f.kind {
	case parquet.Int32, parquet.Int64:
		n := v.Int64()
		if f.kind == parquet.Int32 {
			n = int64(v.Int32())
		}
		if f.unit == 0 {
			return times.Parse(strconv.AppendInt(nil, n, 10))
		}
		hi, lo := bits.Mul64(uint64(max(n, 0)), uint64(f.unit))
		if n <= 0 || hi != 0 || lo > math.MaxInt64 || lo%uint64(time.Millisecond) != 0 {
			return 0, fmt.Errorf("the time %d is not a whole number of milliseconds after 1970", n)
		}
		return int64(lo / uint64(time.Millisecond)), nil
	case parquet.ByteArray:
		return times.Parse(v.ByteArray())
	default:
		return 0, fmt.Errorf("a time cannot be of type %s", f.kind)
	}
}

// Close ends the reading.
func (p *ParquetReader) Close() error { return p.rows.Close() }

// WriteParquet writes candles as one Parquet file of the shape that the archive
// has; next gives them block by block and io.EOF at the end.
func WriteParquet(ctx context.Context, w io.Writer, m exchange.Market, next func(ctx context.Context) ([]exchange.Candle, error)) error {
	var failed error
	err := writeParquet(w, m, func(yield func([]exchange.Candle) bool) {
		group := make([]exchange.Candle, 0, windowCandles)
		for {
			block, err := next(ctx)
			if err != nil && !errors.Is(err, io.EOF) {
				failed = err
				return
			}
			if len(group)+len(block) > windowCandles || err != nil && len(group) > 0 {
				if !yield(group) {
					return
				}
				group = group[:0]
			}
			if err != nil {
				return
			}
			group = append(group, block...)
		}
	})
	return errors.Join(failed, err)
}
