package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/lunobot/lunobot/exchange/marketdata/archive"
	"github.com/lunobot/lunobot/saas"
)

// historyCommand keeps candles for backtests.
type historyCommand struct {
	Download historyDownloadCommand `cmd:"" help:"Fetch candles from Luno into the store; what is there already is not fetched again."`
	Export   historyExportCommand   `cmd:"" help:"Write candles of the store to a file."`
	Import   historyImportCommand   `cmd:"" help:"Put the candles of a CSV or Parquet file into the store."`
	List     historyListCommand     `cmd:"" help:"List what is in the store: spans, holes and sums."`
	Remove   historyRemoveCommand   `cmd:"" help:"Remove a pair's candles of one length from the store."`
	Verify   historyVerifyCommand   `cmd:"" help:"Check every file of the store."`
}

// storeFlags say where candles are kept.
type storeFlags struct {
	DataDir string `env:"LUNOBOT_DATA_DIR" default:"./lunobot-data" placeholder:"FOLDER" help:"Data folder. Default: ${default}."`
	Store   string `env:"LUNOBOT_HISTORY_DIR" placeholder:"FOLDER" help:"Folder of the store of candles. Default: \"history\" in the data folder."`
}

// open returns the store.
func (f storeFlags) open() (*archive.Archive, error) {
	folder := f.Store
	if folder == "" {
		folder = saas.DefaultHistoryDir(f.DataDir)
	}
	a, err := archive.Open(archive.Config{Folder: folder})
	if err != nil {
		return nil, input("--store: %w", err)
	}
	return a, nil
}

// keyFlags name one series of the store.
type keyFlags struct {
	Pair     string `required:"" placeholder:"PAIR" help:"Pair, such as XBTMYR."`
	Interval string `required:"" placeholder:"LENGTH" help:"Length of the candles, such as 1m or 1h."`
}

func (f keyFlags) key() (archive.Key, error) {
	length, err := parseLength(f.Interval)
	if err != nil || length%time.Second != 0 {
		return archive.Key{}, input("--interval %s must be a length of whole seconds, such as 1m, 1h or 1d", f.Interval)
	}
	return archive.Key{Pair: pairName(f.Pair), Interval: length}, nil
}

// pairName writes a pair as the store names it, without a stroke.
func pairName(pair string) string { return strings.ToUpper(strings.Replace(pair, "/", "", 1)) }

// stored tells errors of the store that other input would not have from others.
func stored(err error) error {
	var missing *archive.MissingError
	var grid *archive.GridError
	var conflict *archive.ConflictError
	switch {
	case errors.As(err, &conflict):
		return input("%w (--replace takes the new ones)", err)
	case errors.As(err, &missing), errors.As(err, &grid):
		return inputError{err}
	}
	return err
}

type historyListCommand struct {
	storeFlags
	Holes bool `help:"Name each hole, from the first missing candle to the next one that is there."`
}

// Run lists the series.
func (l historyListCommand) Run(ctx context.Context, c *console) error {
	a, err := l.open()
	if err != nil {
		return err
	}
	keys, err := a.Keys()
	if err != nil {
		return err
	}
	lost := strays(a)
	if len(keys) == 0 {
		fmt.Fprintf(c.out, "there are no candles in %s\n", a.Folder())
		return lost
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "PAIR\tLENGTH\tFROM\tTO\tCANDLES\tMISSING\tHOLES\tLONGEST\tSIZE\tSUM\tFROM WHERE")
	problems := []error{lost}
	for _, k := range keys {
		i, err := a.Info(k)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\t%.1f MB\t%.12s\t%s\n", k.Pair, archive.IntervalName(k.Interval), minuteText(i.First), minuteText(i.End),
			i.Candles, i.Missing, i.Holes, lengthText(time.Duration(i.Longest)*k.Interval), float64(i.Bytes)/1e6, i.Sum, strings.Join(i.Origins, ", "))
		if !l.Holes {
			continue
		}
		err = a.Holes(ctx, k, func(h archive.Hole) bool {
			fmt.Fprintf(w, "\t\t%s\t%s\t\t%d\t\t\t\t\t\n", minuteText(h.From), minuteText(h.To), h.Missing)
			return ctx.Err() == nil
		})
		problems = append(problems, err)
	}
	return errors.Join(append(problems, w.Flush())...)
}

// strays names the series whose candles nobody sees, because their manifest is gone.
func strays(a *archive.Archive) error {
	stray, err := a.Stray()
	problems := []error{err}
	for _, k := range stray {
		problems = append(problems, fmt.Errorf(
			"%s: there are files of candles in %s and no manifest.json: an import that is under way or was cut off (run it again), or a copy of a store that is not whole (copy it again)",
			k, a.Folder()))
	}
	return errors.Join(problems...)
}

// minuteText writes a time in UTC, with seconds only where there are some.
func minuteText(t time.Time) string {
	if t.Second() != 0 {
		return t.UTC().Format("2006-01-02 15:04:05")
	}
	return t.UTC().Format("2006-01-02 15:04")
}

type historyVerifyCommand struct {
	storeFlags
}

// Run checks all series; what is damaged is named.
func (v historyVerifyCommand) Run(ctx context.Context, c *console) error {
	a, err := v.open()
	if err != nil {
		return err
	}
	keys, err := a.Keys()
	if err != nil {
		return err
	}
	problems := []error{strays(a)}
	for _, k := range keys {
		bar := newProgress(c.problems, 1)
		files := 0
		err := a.Verify(ctx, k, func(n, of int) {
			files = n
			bar.of(int64(n), int64(of))
		})
		bar.clear()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			fmt.Fprintf(c.out, "%s: %d files are whole\n", k, files)
		}
		problems = append(problems, err)
	}
	if len(keys) == 0 {
		fmt.Fprintf(c.out, "there are no candles in %s\n", a.Folder())
	}
	return errors.Join(problems...)
}

type historyRemoveCommand struct {
	storeFlags
	keyFlags
}

// Run removes a series.
func (r historyRemoveCommand) Run(ctx context.Context, c *console) error {
	k, err := r.key()
	if err != nil {
		return err
	}
	a, err := r.open()
	if err != nil {
		return err
	}
	if err := a.Remove(ctx, k); err != nil {
		return stored(err)
	}
	fmt.Fprintf(c.out, "removed %s\n", k)
	return nil
}

type historyExportCommand struct {
	storeFlags
	keyFlags
	From    string `placeholder:"TIME" help:"First candle: a date or RFC 3339, UTC."`
	To      string `placeholder:"TIME" help:"End, itself left out: a date or RFC 3339, UTC."`
	CSV     string `name:"csv" xor:"to" required:"" placeholder:"FILE" help:"Write CSV there."`
	Parquet string `name:"parquet" xor:"to" required:"" placeholder:"FILE" help:"Write Parquet there, with times in UTC and exact decimals."`
	Fill    bool   `help:"Put flat candles without volume into the holes."`
}

// Run writes the candles to a file.
func (e historyExportCommand) Run(ctx context.Context, c *console) error {
	k, err := e.key()
	from, errFrom := parseWhen("--from", e.From)
	to, errTo := parseWhen("--to", e.To)
	if err := errors.Join(err, errFrom, errTo, ordered(from, to, e.From, e.To)); err != nil {
		return err
	}
	a, err := e.open()
	if err != nil {
		return err
	}
	flag, path := "--csv", e.CSV
	if e.Parquet != "" {
		flag, path = "--parquet", e.Parquet
	}
	file, err := openOut(flag, path)
	if err != nil {
		return err
	}
	defer file.discard()
	r, err := a.Read(ctx, archive.Query{Key: k, From: from, To: to, KeepHoles: !e.Fill})
	if err != nil {
		return stored(err)
	}
	defer r.Close() //nolint:errcheck // it was only read
	count := r.Len()
	write := csvOf
	if e.Parquet != "" {
		write = parquetOf
	}
	if err := file.write(write(ctx, r)); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "wrote %d candles of %s to %s\n", count, k, path)
	return nil
}
