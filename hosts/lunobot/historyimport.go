package main

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	TimeFormat  string `placeholder:"FORMAT" help:"How times are written that are neither numbers nor RFC 3339, such as 'dd.MM.yyyy HH:mm:ss'; needs --time-zone."`
	TimeZone    string `placeholder:"ZONE" help:"Zone of times that name none: UTC, or an offset such as +08:00. Default: such times are an error."`
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
	l.TimeFormat = f.TimeFormat
	if f.TimeZone != "" {
		zone, err := time.Parse("-07:00", f.TimeZone)
		if err != nil && !strings.EqualFold(f.TimeZone, "UTC") {
			problems = append(problems, input("--time-zone %q must be UTC or an offset such as +08:00", f.TimeZone))
		}
		// What Parse returns may be the machine's own zone, with its summer time.
		_, east := zone.Zone()
		l.Zone = time.FixedZone(f.TimeZone, east)
	}
	if l.TimeFormat != "" && l.Zone == nil {
		problems = append(problems, input("--time-format needs --time-zone, such as UTC or +08:00"))
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
	file, err := openFixed(i.File)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // it was only read
	bar := newProgress(c.problems, 1)
	changes, report, err := job.run(ctx, file, true, func(done float64) { bar.of(int64(done*500), 1000) })
	if err == nil && !i.Check {
		changes, report, err = job.run(ctx, file, false, func(done float64) { bar.of(500+int64(done*500), 1000) })
	}
	bar.clear()
	if err != nil {
		return err
	}
	count := changes.Added + changes.Replaced + changes.Same
	switch {
	case count == 0 && i.From == "" && i.To == "":
		return input("%s has no candle", i.File)
	case count == 0:
		return input("%s has no candle in the time asked for", i.File)
	}
	verb := "stored"
	if i.Check {
		verb = "would store"
	}
	fmt.Fprintf(c.out, "%s %d candles of %s: %d new, %d replaced, %d were there already\n", verb, count, job.key(), changes.Added, changes.Replaced, changes.Same)
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
	if err := errors.Join(errFrom, errTo, ordered(from, to, i.From, i.To), err, errStore); err != nil {
		return importJob{}, err
	}
	m, err := i.marketIn(a, length)
	layout, errLayout := i.layout(m)
	if err := errors.Join(err, errLayout); err != nil {
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
func (j importJob) run(ctx context.Context, file *fixedFile, check bool, progress func(done float64)) (changes archive.Changes, report marketdata.CSVReport, err error) {
	source, done, err := j.rows(file)
	if err != nil {
		return changes, report, j.faulty(ctx, err, changes)
	}
	if closer, ok := source.(io.Closer); ok {
		defer func() { err = errors.Join(err, closer.Close()) }()
	}
	cfg := j.writer
	cfg.Check = check
	w, err := j.store.Writer(ctx, cfg)
	if err != nil {
		return changes, report, stored(err)
	}
	var kept archive.Changes
	defer func() {
		if err != nil {
			err = j.faulty(ctx, err, kept)
		}
		err = errors.Join(err, w.Close())
	}()
	block, distance := make([]exchange.Candle, 0, importBlock), spacing{}
	for since := 0; ; {
		c, err := source.Next(ctx)
		end := errors.Is(err, io.EOF)
		if err != nil && !end {
			return changes, report, err
		}
		if !end {
			distance.add(c.Time)
			if block = append(block, c); len(block) < importBlock {
				continue
			}
		}
		if err := w.Add(ctx, j.wanted(block)); err != nil {
			return changes, report, err
		}
		if end {
			if err := errors.Join(distance.check(j.writer.Interval), file.unchanged()); err != nil {
				return changes, report, err
			}
		}
		if since += len(block); since >= importCommit || end {
			if err := w.Commit(ctx); err != nil {
				return changes, report, err
			}
			if since = 0; !check {
				kept = w.Changes()
			}
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

// faulty tells a fault of the file from others, and what of the file is in the
// store in spite of it.
func (j importJob) faulty(ctx context.Context, err error, kept archive.Changes) error {
	left := "nothing was stored"
	if kept.Added+kept.Replaced > 0 {
		left = fmt.Sprintf("%d new and %d replaced candles are stored; the same command goes on", kept.Added, kept.Replaced)
	}
	if ctx.Err() != nil {
		return interruptedError{left + ", and the store is whole"}
	}
	var line *marketdata.CSVError
	hint := ""
	if errors.As(err, &line) && line.OfLayout {
		hint = " ('lunobot history import --help' has flags that say how a file is laid out)"
	}
	var row *archive.RowError
	var grid *archive.GridError
	switch {
	case errors.As(err, &grid):
		return input("%s: %w; is --interval right? %s", j.path, err, left)
	case line != nil, errors.As(err, &row), errors.As(err, new(inputError)), errors.As(err, new(*archive.ConflictError)):
		return input("%s: %w%s; %s", j.path, stored(err), hint, left)
	}
	return fmt.Errorf("importing %s: %w; %s", j.path, err, left)
}

// rows opens the file's candles; done tells how much of it has been read, from 0
// to 1.
func (j importJob) rows(file *fixedFile) (_ rows, done func() float64, err error) {
	if strings.EqualFold(filepath.Ext(j.path), ".parquet") {
		r, err := archive.NewParquetReader(file, file.size(), archive.ParquetConfig{Exact: j.exact, Layout: j.layout, Market: j.writer.Market})
		if err != nil {
			return nil, nil, inputError{err}
		}
		return r, func() float64 { return float64(r.Row()) / float64(max(1, r.Len())) }, nil
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, nil, err
	}
	counter := &countingReader{r: file}
	r, err := marketdata.NewCSVReader(counter, marketdata.CSVConfig{
		Exact: j.exact, Layout: j.layout, Market: j.writer.Market, Interval: j.writer.Interval, From: j.from, To: j.to,
	})
	if err != nil {
		return nil, nil, inputError{err}
	}
	return r, func() float64 { return float64(counter.n) / float64(max(1, file.size())) }, err
}
