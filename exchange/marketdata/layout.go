package marketdata

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// Layout says where in the rows of a file the parts of a candle stand. The zero
// value is that of WriteCSV.
type Layout struct {
	// Time, Open, High, Low, Close and Volume name the columns, in any case of
	// letters, or count them from 1 in a file without a header. Defaults to
	// timestamp, open, high, low, close and volume, or to 1 to 6.
	Time, Open, High, Low, Close, Volume string
	// Delimiter is between two fields. Defaults to a comma.
	Delimiter byte
	// NewestFirst says that each row is older than the one before.
	NewestFirst bool
	// NoHeader says that no row names the columns. A first row that has no
	// number in any of the columns is left out all the same.
	NoHeader bool
	// Skip is how many lines stand before the header, or before the first row.
	Skip int
	// Unit is what numeric times count.
	Unit TimeUnit
	// TimeFormat is how times are written that are neither numbers nor in RFC
	// 3339, such as "dd.MM.yyyy HH:mm:ss": see dateForm. It needs Zone.
	TimeFormat string
	// Zone is that of times that name none, also of "2026-01-31 00:00:00" and of
	// "2026-01-31". Defaults to refusing them.
	Zone *time.Location
}

// TimeUnit is what a numeric time counts since the start of 1970.
type TimeUnit string

// The units of time.
const (
	// BySize tells the unit by the number's size: seconds below 10^11,
	// milliseconds below 10^14, microseconds below 10^17, else nanoseconds. Times
	// in RFC 3339 are read too.
	BySize       TimeUnit = ""
	Seconds      TimeUnit = "s"
	Milliseconds TimeUnit = "ms"
	Microseconds TimeUnit = "us"
	Nanoseconds  TimeUnit = "ns"
	// RFC3339 takes no numbers.
	RFC3339 TimeUnit = "rfc3339"
)

// Units lists the units of time that can be named.
func Units() []TimeUnit {
	return []TimeUnit{Seconds, Milliseconds, Microseconds, Nanoseconds, RFC3339}
}

// column is one of the columns that a file must have.
type column int

const (
	columnTime column = iota
	columnOpen
	columnHigh
	columnLow
	columnClose
	columnVolume
	columnCount
)

// String returns the column's name in the header.
func (c column) String() string {
	return [columnCount]string{"timestamp", "open", "high", "low", "close", "volume"}[c]
}

// Parts lists what Set takes as parts of a candle.
func Parts() []string { return []string{"time", "open", "high", "low", "close", "volume"} }

// Set names the column of a part of the candle.
func (l *Layout) Set(part, name string) error {
	at := slices.Index(Parts(), part)
	if at < 0 {
		return fmt.Errorf("%q is no part of a candle, which are %s", part, strings.Join(Parts(), ", "))
	}
	if name == "" {
		return fmt.Errorf("the column of %s has no name", part)
	}
	*l.columns()[at] = name
	return nil
}

func (l *Layout) columns() [columnCount]*string {
	return [columnCount]*string{&l.Time, &l.Open, &l.High, &l.Low, &l.Close, &l.Volume}
}

// names returns the columns' names, or what is wrong with the layout.
func (l Layout) names() (names [columnCount]string, err error) {
	for c, name := range l.columns() {
		names[c] = strings.TrimSpace(*name)
		switch {
		case names[c] == "" && l.NoHeader:
			names[c] = strconv.Itoa(c + 1)
		case names[c] == "":
			names[c] = column(c).String()
		}
		if n, err := strconv.Atoi(names[c]); l.NoHeader && (err != nil || n < 1 || n > maxColumns) {
			return names, fmt.Errorf("the column %q must be a number from 1 to %d, because there is no header", names[c], maxColumns)
		}
		for _, other := range names[:c] {
			if strings.EqualFold(other, names[c]) {
				return names, fmt.Errorf("the column %q is named twice", names[c])
			}
		}
	}
	switch {
	case l.Unit != BySize && !slices.Contains(Units(), l.Unit):
		err = fmt.Errorf("the unit of time %q is none of %v", l.Unit, Units())
	case l.Delimiter == '"' || l.Delimiter == '\n' || l.Delimiter == '\r':
		err = fmt.Errorf("%q cannot divide fields", l.Delimiter)
	case l.Skip < 0:
		err = fmt.Errorf("%d lines cannot be skipped", l.Skip)
	}
	return names, err
}

// Preset is a layout that a publisher of candles documents.
type Preset struct {
	// Name is what a command line calls it.
	Name string
	// Source says where the layout is described.
	Source string
	Layout
}

// Presets lists the known layouts of a market's files by name.
func Presets(m exchange.Market) []Preset {
	return []Preset{
		{
			Name: "binance", Source: "https://github.com/binance/binance-public-data (klines; microseconds since 2025, milliseconds before)",
			Layout: Layout{NoHeader: true},
		},
		{
			Name: "cryptodatadownload", Source: "https://www.cryptodatadownload.com (an address, then a header; the newest candle first)",
			Layout: Layout{Time: "unix", Volume: "volume " + m.Base, Skip: 1, NewestFirst: true},
		},
		{
			Name: "kraken", Source: "https://support.kraken.com/articles/360047124832 (OHLCVT: candles without a trade are left out)",
			Layout: Layout{NoHeader: true, Unit: Seconds},
		},
	}
}
