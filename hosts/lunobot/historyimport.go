package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/marketdata/archive"
)

const (
	// importBlock is how many candles are given to the store at a time.
	importBlock = marketdata.BlockSize
	// importCommit is how many candles are made durable together.
	importCommit = 1 << 20
)

type historyImportCommand struct {
	File string `arg:"" placeholder:"FILE" help:"CSV file, or Parquet file whose name ends in .parquet."`
	storeFlags
	marketFlags
	Interval string `required:"" placeholder:"LENGTH" help:"Length of the candles, such as 1m, 1h or 1d."`
	layoutFlags
	From    string `placeholder:"TIME" help:"First candle: a date or RFC 3339, UTC."`
	To      string `placeholder:"TIME" help:"End, itself left out: a date or RFC 3339, UTC."`
	Origin  string `placeholder:"TEXT" help:"Where the candles are from, for lists and reports. Default: the file's name."`
	Check   bool   `help:"Only find out what would be done or refused."`
	Replace bool   `help:"Let candles take the place of others of the same time."`
	Round   bool   `help:"Take the nearest tick and the step below for numbers that lie between. Else the first one is an error."`
}

// layoutFlags say how a file is laid out.
type layoutFlags struct {
	Layout      string `placeholder:"NAME" help:"A known layout: binance, cryptodatadownload or kraken. The flags below change it."`
	Columns     string `placeholder:"PART=COLUMN,…" help:"Columns of time, open, high, low, close and volume by name, or by number from 1 in a file without a header, such as time=date,volume=5. Default: timestamp (or time), open, high, low, close, volume."`
	TimeUnit    string `placeholder:"UNIT" help:"What numeric times count: s, ms, us or ns, or rfc3339 for texts only. Default: by their size."`
	Delimiter   string `placeholder:"CHARACTER" help:"What is between two fields of a CSV file; 'tab' is a tab. Default: a comma."`
	NoHeader    bool   `help:"No line names the columns of the CSV file."`
	NewestFirst bool   `help:"The CSV file begins with its newest candle."`
	Skip        int    `placeholder:"NUMBER" help:"Lines to leave out before the header of the CSV file."`
}

// layout returns the layout; the error names every wrong flag.
func (f layoutFlags) layout(m exchange.Market) (marketdata.Layout, error) {
	var l marketdata.Layout
	var problems []error
	if f.Layout != "" {
		var names []string
		found := false
		for _, p := range marketdata.Presets(m) {
			if names = append(names, p.Name); p.Name == f.Layout {
				l, found = p.Layout, true
			}
		}
		if !found {
			problems = append(problems, input("--layout %q is none of %s", f.Layout, strings.Join(names, ", ")))
		}
	}
	l.NoHeader = l.NoHeader || f.NoHeader
	l.NewestFirst = l.NewestFirst || f.NewestFirst
	if f.Skip > 0 {
		l.Skip = f.Skip
	}
	if f.Columns != "" {
		for _, pair := range strings.Split(f.Columns, ",") {
			part, name, _ := strings.Cut(pair, "=")
			if err := l.Set(strings.TrimSpace(part), strings.TrimSpace(name)); err != nil {
				problems = append(problems, input("--columns: %w", err))
			}
		}
	}
	if f.TimeUnit != "" {
		if l.Unit = marketdata.TimeUnit(f.TimeUnit); !slices.Contains(marketdata.Units(), l.Unit) {
			problems = append(problems, input("--time-unit %q is none of %v", f.TimeUnit, marketdata.Units()))
		}
	}
	switch {
	case f.Delimiter == "tab":
		l.Delimiter = '\t'
	case len(f.Delimiter) == 1:
		l.Delimiter = f.Delimiter[0]
	case f.Delimiter != "":
		problems = append(problems, input("--delimiter %q must be one character, or 'tab'", f.Delimiter))
	}
	return l, errors.Join(problems...)
}

// Run reads the file twice: first nothing is written and all that is wrong is
// found, then the candles are stored. A second run goes on where one was
// interrupted, because candles that are there already change nothing.
func (i historyImportCommand) Run(ctx context.Context, c *console) error {
	job, err := i.prepare()
	if err != nil {
		return err
	}
	bar := newProgress(c.problems, 1)
	changes, report, err := job.run(ctx, true, func(done float64) { bar.of(int64(done*500), 1000) })
	if err == nil && !i.Check {
		changes, report, err = job.run(ctx, false, func(done float64) { bar.of(500+int64(done*500), 1000) })
	}
	bar.clear()
	if err != nil {
		return err
	}
	if report.Rows == 0 {
		return input("%s has no candle in the time asked for", i.File)
	}
	verb := "stored"
	if i.Check {
		verb = "would store"
	}
	fmt.Fprintf(c.out, "%s %d candles of %s: %d new, %d replaced, %d were there already\n", verb, report.Rows, job.key(), changes.Added, changes.Replaced, changes.Same)
	if n := report.PricesRounded + report.VolumesRounded; n > 0 {
		fmt.Fprintf(c.out, "%d prices became the nearest tick and %d volumes the step below\n", report.PricesRounded, report.VolumesRounded)
	}
	return nil
}

// importJob is an import whose flags are right.
type importJob struct {
	path     string
	store    *archive.Archive
	writer   archive.WriterConfig
	layout   marketdata.Layout
	from, to time.Time
	exact    bool
}

func (j importJob) key() archive.Key {
	return archive.Key{Pair: j.writer.Market.Pair, Interval: j.writer.Interval}
}

// prepare reads the flags; the error names every wrong one.
func (i historyImportCommand) prepare() (importJob, error) {
	from, errFrom := parseWhen("--from", i.From)
	to, errTo := parseWhen("--to", i.To)
	length, err := parseLength(i.Interval)
	if err != nil || length%time.Second != 0 {
		err = input("--interval %s must be a length of whole seconds, such as 1m, 1h or 1d", i.Interval)
	}
	a, errStore := i.open()
	if err := errors.Join(errFrom, errTo, err, errStore); err != nil {
		return importJob{}, err
	}
	m, err := i.marketIn(a, length)
	if err != nil {
		return importJob{}, err
	}
	layout, err := i.layout(m)
	if err != nil {
		return importJob{}, err
	}
	origin := i.Origin
	if origin == "" {
		origin = filepath.Base(i.File)
	}
	return importJob{
		path: i.File, store: a, layout: layout, from: from, to: to, exact: !i.Round,
		writer: archive.WriterConfig{Interval: length, Market: m, Origin: origin, Replace: i.Replace},
	}, nil
}

// marketIn returns what is imported: of a pair that is in the store, its tick
// and step unless others are named.
func (i historyImportCommand) marketIn(a *archive.Archive, length time.Duration) (exchange.Market, error) {
	m, err := i.market(i.File)
	if err != nil {
		return m, err
	}
	if i.Pair == "" {
		if _, _, ok := splitPair(nameOf(i.File)); !ok {
			return m, input("say which --pair is in %s", i.File)
		}
	}
	info, err := a.Info(archive.Key{Pair: m.Pair, Interval: length})
	if err != nil {
		return m, nil //nolint:nilerr // it is new, or the writer says what is wrong with it
	}
	if i.Tick == "" {
		m.Tick = info.Market.Tick
	}
	if i.Step == "" {
		m.Step = info.Market.Step
	}
	return m, nil
}

// rows are the candles of a file.
type rows interface {
	Next(ctx context.Context) (exchange.Candle, error)
	Report() marketdata.CSVReport
}

// run reads the file once. With check nothing is written.
func (j importJob) run(ctx context.Context, check bool, progress func(done float64)) (changes archive.Changes, report marketdata.CSVReport, err error) {
	file, size, err := openIn(j.path)
	if err != nil {
		return changes, report, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	source, done, err := j.rows(file, size)
	if err != nil {
		return changes, report, input("%s: %w", j.path, err)
	}
	cfg := j.writer
	cfg.Check = check
	w, err := j.store.Writer(ctx, cfg)
	if err != nil {
		return changes, report, stored(err)
	}
	defer func() {
		if ctx.Err() != nil && w.Changes().Added > 0 && !check {
			err = interruptedError{"the store is whole; run the same command again to go on"}
		}
		err = errors.Join(err, w.Close())
	}()
	block := make([]exchange.Candle, 0, importBlock)
	for since := 0; ; {
		c, err := source.Next(ctx)
		end := errors.Is(err, io.EOF)
		if err != nil && !end {
			return changes, report, j.faulty(ctx, err)
		}
		if !end {
			if block = append(block, c); len(block) < importBlock {
				continue
			}
		}
		if err := w.Add(ctx, j.wanted(block)); err != nil {
			return changes, report, stored(err)
		}
		if since += len(block); since >= importCommit || end {
			if err := w.Commit(ctx); err != nil {
				return changes, report, stored(err)
			}
			since = 0
		}
		if block = block[:0]; end {
			return w.Changes(), source.Report(), nil
		}
		progress(done())
	}
}

// wanted returns the candles that lie in the span, which a reader of CSV has
// looked at already.
func (j importJob) wanted(block []exchange.Candle) []exchange.Candle {
	return slices.DeleteFunc(block, func(c exchange.Candle) bool {
		return !j.from.IsZero() && c.Time < j.from.UnixMilli() || !j.to.IsZero() && c.Time >= j.to.UnixMilli()
	})
}

// faulty tells a fault of the file from others.
func (j importJob) faulty(ctx context.Context, err error) error {
	var line *marketdata.CSVError
	var row *archive.RowError
	if ctx.Err() == nil && (errors.As(err, &line) || errors.As(err, &row)) {
		return input("%s: %w; nothing was stored", j.path, err)
	}
	return err
}

// rows opens the file's candles; done tells how much of it has been read, from 0
// to 1.
func (j importJob) rows(file *os.File, size int64) (_ rows, done func() float64, err error) {
	if strings.EqualFold(filepath.Ext(j.path), ".parquet") {
		r, err := archive.NewParquetReader(file, size, archive.ParquetConfig{Exact: j.exact, Layout: j.layout, Market: j.writer.Market})
		if err != nil {
			return nil, nil, err
		}
		return r, func() float64 { return float64(r.Row()) / float64(max(1, r.Len())) }, nil
	}
	counter := &countingReader{r: file}
	r, err := marketdata.NewCSVReader(counter, marketdata.CSVConfig{
		Exact: j.exact, Layout: j.layout, Market: j.writer.Market, Interval: j.writer.Interval, From: j.from, To: j.to,
	})
	return r, func() float64 { return float64(counter.n) / float64(max(1, size)) }, err
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
