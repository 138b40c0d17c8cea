package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
)

const (
	// demoData is what --data is for the demo market.
	demoData = "demo"
	// demoSpan is how much of the demo market is run if nothing else is asked
	// for.
	demoSpan = 30 * 24 * time.Hour
)

// demoEnd is where the demo market's history ends if nothing else is asked for.
func demoEnd() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// historyFlags say which candles are run.
type historyFlags struct {
	Data string `default:"demo" placeholder:"FILE" help:"CSV file of candles (timestamp, open, high, low, close, volume), or 'demo' for the demo market."`
	Pair string `placeholder:"PAIR" help:"Pair, such as XBTMYR or BTC/USD. Default: XBTMYR in the demo market, else the file's name."`
	From string `placeholder:"TIME" help:"First candle: a date or RFC 3339, UTC."`
	To   string `placeholder:"TIME" help:"End, itself left out: a date or RFC 3339, UTC."`
	Tick string `placeholder:"NUMBER" help:"Smallest step of prices in a file. Default: 0.01."`
	Step string `placeholder:"NUMBER" help:"Smallest step of volumes in a file. Default: 0.000001."`
}

// history is what a run goes over.
type history struct {
	series marketdata.Series
	report marketdata.CSVReport
	source string
}

// load reads the candles; a problem with the flags or the file is an input
// error.
func (h historyFlags) load(ctx context.Context) (history, error) {
	from, err := parseWhen("--from", h.From)
	to, errTo := parseWhen("--to", h.To)
	if err := errors.Join(err, errTo); err != nil {
		return history{}, err
	}
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		return history{}, input("--from %s must be before --to %s", h.From, h.To)
	}
	if h.Data == demoData {
		return h.loadDemo(from, to)
	}
	return h.loadFile(ctx, from, to)
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
	series, err := market.Series(pair, from, to)
	if err != nil {
		return history{}, input("--data demo --pair %s: %w; the pairs are %s and %s", pair, err, demo.XBTMYR, demo.ETHMYR)
	}
	return history{series: series, source: demo.Name + ": " + demo.Label}, nil
}

func (h historyFlags) loadFile(ctx context.Context, from, to time.Time) (history, error) {
	market, err := h.market()
	if err != nil {
		return history{}, err
	}
	file, err := os.Open(h.Data)
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return history{}, input("--data %s: %w; give a CSV file or 'demo'", h.Data, err)
	}
	defer file.Close() //nolint:errcheck // it was only read
	series, report, err := marketdata.ReadCSV(ctx, file, marketdata.CSVConfig{Market: market, From: from, To: to})
	switch {
	case errors.Is(err, context.Canceled):
		return history{}, err
	case err != nil:
		return history{}, input("--data %s: %w", h.Data, err)
	}
	return history{series: series, report: report, source: filepath.Base(h.Data)}, nil
}

// market builds the market of a file; the error names every wrong flag.
func (h historyFlags) market() (exchange.Market, error) {
	m := exchange.Market{Status: exchange.MarketActive}
	var problems []error
	grid := func(flag, text, fallback string, to *decimal.Decimal) {
		if text == "" {
			text = fallback
		}
		d, err := decimal.NewFromString(text)
		if err != nil || !d.IsPositive() || d.Exponent() < -18 || d.Exponent() > 18 {
			problems = append(problems, input("%s %q must be a number above 0, such as %s", flag, text, fallback))
			return
		}
		*to = d
	}
	grid("--tick", h.Tick, "0.01", &m.Tick)
	grid("--step", h.Step, "0.000001", &m.Step)
	var ok bool
	if h.Pair != "" {
		if m.Base, m.Counter, ok = splitPair(h.Pair); !ok {
			problems = append(problems, input("--pair %q does not tell its two currencies; write it as BASE/COUNTER", h.Pair))
		}
	} else if m.Base, m.Counter, ok = splitPair(nameOf(h.Data)); !ok {
		m.Base, m.Counter = "BASE", "QUOTE"
	}
	m.Pair = m.Base + m.Counter
	return m, errors.Join(problems...)
}

// nameOf returns the first word of a file's name, such as "btcusd" of
// "data/btcusd-1m.csv".
func nameOf(path string) string {
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	if i := strings.IndexFunc(name, func(r rune) bool { return !isLetter(r) }); i >= 0 {
		name = name[:i]
	}
	return name
}

// splitPair returns the two currencies of a pair. Codes have three letters or
// more, so six letters can be cut in one way only; longer ones need the stroke.
func splitPair(pair string) (base, counter string, ok bool) {
	pair = strings.ToUpper(pair)
	base, counter, ok = strings.Cut(pair, "/")
	if !ok && len(pair) == 6 {
		base, counter = pair[:3], pair[3:]
	}
	return base, counter, isCode(base) && isCode(counter) && base != counter
}

func isCode(text string) bool {
	return len(text) >= 3 && len(text) <= 10 && strings.IndexFunc(text, func(r rune) bool { return !isLetter(r) && (r < '0' || r > '9') }) < 0
}

func isLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

// parseWhen reads a date or an RFC 3339 time; "" is the zero time.
func parseWhen(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339Nano} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, input("%s %q is not a time; write 2026-01-31 or 2026-01-31T12:00:00Z", flag, text)
}
