package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/marketdata/archive"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
)

// history is what a run goes over. Its candles stay where they are and are read
// block by block, as often as they are wanted.
type history struct {
	market   exchange.Market
	interval time.Duration
	// from is when the first candle opens and to when the last one closes, candles
	// how many there are.
	from, to time.Time
	candles  int
	report   marketdata.CSVReport
	source   string
	// open begins to read; end is called when that is over.
	open func(ctx context.Context) (src marketdata.Source, end func(), err error)
}

// whole reads all the candles, for who needs them at once.
func (h history) whole(ctx context.Context) (*marketdata.Packed, error) { return packed(ctx, h) }

// packed reads all the candles of histories, one after the other.
func packed(ctx context.Context, list ...history) (*marketdata.Packed, error) {
	sources := make([]marketdata.Source, len(list))
	for i, h := range list {
		src, end, err := h.open(ctx)
		if err != nil {
			return nil, err
		}
		defer end()
		sources[i] = src
	}
	return marketdata.Pack(ctx, sources...)
}

// keptCandles is how many candles are kept at the most where they are read very
// often: some fifty megabytes for each pair.
const keptCandles = 4_000_000

// kept returns the history with its candles in memory, if they are not too many.
func (h history) kept(ctx context.Context) (history, error) {
	if h.candles > keptCandles {
		return h, nil
	}
	candles, err := h.whole(ctx)
	h.open = func(context.Context) (marketdata.Source, func(), error) { return candles.Source(), func() {}, nil }
	return h, err
}

func (h historyFlags) loadDemo(from, to time.Time) (history, error) {
	if h.Tick != "" || h.Step != "" {
		return history{}, input("--tick and --step are for files; the demo market has its own")
	}
	switch {
	case from.IsZero() && to.IsZero():
		from, to = demoEnd().Add(-demoSpan), demoEnd()
	case from.IsZero():
		from = to.Add(-demoSpan)
	case to.IsZero():
		to = from.Add(demoSpan)
	}
	market, err := demo.New(demo.Config{})
	if err != nil {
		return history{}, err
	}
	pair := strings.ToUpper(h.Pair)
	if pair == "" {
		pair = demo.XBTMYR
	}
	past, err := demoHistory(market, pair, from, to)
	if err != nil {
		return history{}, input("--data demo --pair %s: %w; the pairs are %s and %s", pair, err, demo.XBTMYR, demo.ETHMYR)
	}
	return past, nil
}

// demoHistory is that of a pair of the demo market.
func demoHistory(market *demo.Replay, pair string, from, to time.Time) (history, error) {
	past, err := market.Past(pair, from, to)
	if err != nil {
		return history{}, err
	}
	out := history{
		market: past.Market(), interval: marketdata.FeedInterval, candles: past.Len(), source: demo.Name + ": " + demo.Label,
		open: func(context.Context) (marketdata.Source, func(), error) {
			past, err := market.Past(pair, from, to)
			return past, func() {}, err
		},
	}
	out.from, out.to = past.Span()
	return out, nil
}

// loadFile finds the candles of a file; an interval of 0 is found out.
func (h historyFlags) loadFile(ctx context.Context, from, to time.Time, interval time.Duration) (history, error) {
	market, err := h.market(h.Data)
	if err != nil {
		return history{}, err
	}
	past, err := fileHistory(ctx, h.Data, marketdata.CSVConfig{Market: market, From: from, To: to, Interval: interval})
	var where *fs.PathError
	var line *marketdata.CSVError
	switch {
	case errors.Is(err, context.Canceled):
		return history{}, err
	case errors.As(err, &line) && line.OfLayout:
		return history{}, input("--data %s: %w; 'lunobot history import' reads files that are laid out otherwise, for --data store", h.Data, err)
	case errors.As(err, &where):
		return history{}, input("--data %s: %w; give a CSV file, 'store' or 'demo'", h.Data, where.Err)
	case err != nil:
		return history{}, input("--data %s: %w", h.Data, err)
	}
	return past, nil
}

// fileHistory is that of a CSV file, which is read once to find all that is wrong
// with it. What can be read only once, such as a pipe, is kept. A path that cannot
// be opened is an *fs.PathError.
func fileHistory(ctx context.Context, path string, cfg marketdata.CSVConfig) (history, error) {
	file, info, err := openFile(path)
	if err != nil {
		return history{}, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	out := history{market: cfg.Market, source: filepath.Base(path)}
	if !info.Mode().IsRegular() {
		series, report, err := marketdata.ReadCSV(ctx, file, cfg)
		if err != nil {
			return history{}, err
		}
		out.interval, out.candles, out.report = series.Interval, len(series.Candles), report
		out.from, out.to = series.Candles[0].OpenTime(), series.Candles[len(series.Candles)-1].OpenTime().Add(series.Interval)
		out.open = func(context.Context) (marketdata.Source, func(), error) { return series.Source(), func() {}, nil }
		return out, nil
	}
	scan, err := marketdata.ScanCSV(ctx, file, cfg)
	if err != nil {
		return history{}, err
	}
	out.interval, out.candles, out.report, out.from, out.to = scan.Interval, scan.Candles, scan.Report, scan.From, scan.To
	out.open = func(context.Context) (marketdata.Source, func(), error) {
		file, now, err := openFile(path)
		if err != nil {
			return nil, nil, err
		}
		if !os.SameFile(info, now) || now.Size() != info.Size() || !now.ModTime().Equal(info.ModTime()) {
			return nil, nil, errors.Join(errors.New(path+" was changed while it was read"), file.Close())
		}
		src, err := marketdata.NewCSVSource(file, cfg, scan)
		if err != nil {
			return nil, nil, errors.Join(err, file.Close())
		}
		return src, func() { _ = file.Close() }, nil
	}
	return out, nil
}

// openFile opens a file that is read; a folder is an *fs.PathError, too.
func openFile(path string) (*os.File, fs.FileInfo, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = &fs.PathError{Op: "open", Path: path, Err: errors.New("it is a folder")}
	}
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, info, nil
}

// openIn opens a file that is read.
func openIn(path string) (*os.File, error) {
	file, _, err := openFile(path)
	if err != nil {
		return nil, input("%s: %w", path, reasonOf(err))
	}
	return file, nil
}

// loadStore finds the candles of the store. Holes are filled with flat candles
// (rule M4), of which the report warns.
func (h historyFlags) loadStore(ctx context.Context, from, to time.Time) (history, error) {
	if h.Tick != "" || h.Step != "" {
		return history{}, input("--tick and --step are for files; the store knows its own")
	}
	a, err := h.storeFlags.open()
	if err != nil {
		return history{}, err
	}
	k, err := h.key(a)
	if err != nil {
		return history{}, err
	}
	query := archive.Query{Key: k, From: from, To: to}
	r, err := a.Read(ctx, query)
	if err != nil {
		return history{}, stored(err)
	}
	defer r.Close() //nolint:errcheck // it was only read
	past := history{market: r.Market(), interval: k.Interval, candles: r.Len(), source: "store: " + strings.Join(r.Origins(), ", ")}
	past.from, past.to = r.Span()
	past.report.Rows, past.report.Filled = r.Len()-r.Filled(), r.Filled()
	past.open = func(ctx context.Context) (marketdata.Source, func(), error) {
		r, err := a.Read(ctx, query)
		if err != nil {
			return nil, nil, stored(err)
		}
		if r.Len() != past.candles {
			return nil, nil, errors.Join(errors.New("the store was changed while it was read"), r.Close())
		}
		return r, func() { _ = r.Close() }, nil
	}
	return past, nil
}
