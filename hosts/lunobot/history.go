package main

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/marketdata/archive"
	"github.com/lunobot/lunobot/strategy/backtest"
)

const (
	// demoData is what --data is for the demo market, storeData for the store.
	demoData  = "demo"
	storeData = "store"
	// demoSpan is how much of the demo market is run if nothing else is asked
	// for.
	demoSpan = 30 * 24 * time.Hour
)

// demoEnd is where the demo market's history ends if nothing else is asked for.
func demoEnd() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// historyFlags say which candles are run.
type historyFlags struct {
	Data    string `default:"demo" placeholder:"FILE" help:"CSV file of candles (timestamp, open, high, low, close, volume), 'store' for what 'lunobot history' keeps, or 'demo' for the demo market."`
	Candles string `placeholder:"LENGTH" help:"With --data store: length of the kept candles, such as 1m. Default: the shortest that there is of the pair."`
	From    string `placeholder:"TIME" help:"First candle: a date or RFC 3339, UTC."`
	To      string `placeholder:"TIME" help:"End, itself left out: a date or RFC 3339, UTC."`
	marketFlags
	storeFlags
}

// marketFlags describe what the candles of a file are of.
type marketFlags struct {
	Pair string `placeholder:"PAIR" help:"Pair, such as XBTMYR or BTC/USD. Default: XBTMYR in the demo market, the only one in a store, else the file's name."`
	Tick string `placeholder:"NUMBER" help:"Smallest step of prices in a file. Default: 0.01."`
	Step string `placeholder:"NUMBER" help:"Smallest step of volumes in a file. Default: 0.000001."`
}

// load reads the candles; a problem with the flags or the file is an input
// error.
func (h historyFlags) load(ctx context.Context) (history, error) {
	from, err := parseWhen("--from", h.From)
	to, errTo := parseWhen("--to", h.To)
	if err := errors.Join(err, errTo, ordered(from, to, h.From, h.To)); err != nil {
		return history{}, err
	}
	if h.Data != storeData && h.Candles != "" {
		return history{}, input("--candles is for --data store")
	}
	switch h.Data {
	case demoData:
		return h.loadDemo(from, to)
	case storeData:
		return h.loadStore(ctx, from, to)
	}
	return h.loadFile(ctx, from, to, 0)
}

// before returns the candles before those of a run, as many as any strategy warms
// up with and there are; false if there are none.
func (h historyFlags) before(ctx context.Context, run history, cfg backtest.Config) (history, bool, error) {
	from, to := run.from.Add(-cfg.Lead()), run.from
	var past history
	var err error
	switch {
	case h.Data == demoData:
		past, err = h.loadDemo(from, to)
	case h.From == "": // the run begins with the first candle that there is
	case h.Data == storeData:
		past, err = h.loadStore(ctx, from, to)
	default:
		past, err = h.loadFile(ctx, from, to, cfg.Interval)
	}
	var missing *archive.MissingError
	if errors.Is(err, marketdata.ErrNoCandle) || errors.As(err, &missing) {
		return history{}, false, nil
	}
	return past, err == nil && past.open != nil, err
}

// warm returns the candles of a run packed, and before them those of before it, of
// which there are so many.
func (h historyFlags) warm(ctx context.Context, run history, cfg backtest.Config) (all *marketdata.Packed, before int, err error) {
	list := []history{run}
	past, ok, err := h.before(ctx, run, cfg)
	if err != nil {
		return nil, 0, err
	}
	if ok {
		list = []history{past, run}
	}
	all, err = packed(ctx, list...)
	return all, all.Index(run.from.UnixMilli()), err
}

// key finds the series that the flags mean.
func (h historyFlags) key(a *archive.Archive) (archive.Key, error) {
	keys, err := a.Keys()
	if err != nil {
		return archive.Key{}, err
	}
	pair := pairName(h.Pair)
	var pairs []string
	var found []archive.Key
	for _, k := range keys {
		if !slices.Contains(pairs, k.Pair) {
			pairs = append(pairs, k.Pair)
		}
		if k.Pair == pair {
			found = append(found, k)
		}
	}
	switch {
	case len(pairs) == 0:
		return archive.Key{}, input("--data store: there are no candles in %s; 'lunobot history import' puts some there", a.Folder())
	case pair == "" && len(pairs) > 1:
		return archive.Key{}, input("--data store: say which --pair: %s", strings.Join(pairs, ", "))
	case pair == "":
		found = keys
	case len(found) == 0:
		return archive.Key{}, input("--data store: there is no pair %s; there is: %s", pair, strings.Join(pairs, ", "))
	}
	if h.Candles == "" {
		return found[0], nil
	}
	length, err := parseLength(h.Candles)
	var lengths []string
	for _, k := range found {
		if err == nil && k.Interval == length {
			return k, nil
		}
		lengths = append(lengths, archive.IntervalName(k.Interval))
	}
	return archive.Key{}, input("--candles %s: the lengths of %s are %s", h.Candles, found[0].Pair, strings.Join(lengths, ", "))
}

// market builds the market of a file; the error names every wrong flag.
func (h marketFlags) market(path string) (exchange.Market, error) {
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
	} else if m.Base, m.Counter, ok = splitPair(nameOf(path)); !ok {
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

// ordered says that a span ends before it begins; texts are what was given.
func ordered(from, to time.Time, fromText, toText string) error {
	if from.IsZero() || to.IsZero() || from.Before(to) {
		return nil
	}
	return input("--from %s must be before --to %s", fromText, toText)
}
