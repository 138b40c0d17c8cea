package marketdata_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
)

// preset returns a layout by its name.
func preset(t *testing.T, name string) marketdata.Layout {
	t.Helper()
	for _, p := range marketdata.Presets(market("0.01", "0.0001")) {
		if p.Name == name {
			return p.Layout
		}
	}
	t.Fatalf("there is no layout %q", name)
	return marketdata.Layout{}
}

// Each layout reads the same two candles.
func TestLayouts(t *testing.T) {
	t.Parallel()
	want := []exchange.Candle{
		{Time: 1735689600000, Open: 41507, High: 41587, Low: 41506, Close: 41554, Volume: 5392300},
		{Time: 1735689660000, Open: 41554, High: 41554, Low: 41554, Close: 41554, Volume: 1},
	}
	for name, test := range map[string]struct {
		layout marketdata.Layout
		text   string
	}{
		"binance, microseconds": {
			preset(t, "binance"),
			"1735689600000000,415.07000000,415.87000000,415.06000000,415.54000000,539.23000000,1735689659999999,2240.39860900,13,401.82000000,1669.98121300,0\n" +
				"1735689660000000,415.54000000,415.54000000,415.54000000,415.54000000,0.00010000,1735689719999999,0.0,1,0,0,0\n",
		},
		"binance, milliseconds and a header": {
			preset(t, "binance"),
			"open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n" +
				"1735689600000,415.07,415.87,415.06,415.54,539.23,1735689659999,2240.39860900,13,401.82,1669.98121300,0\n" +
				"1735689660000,415.54,415.54,415.54,415.54,0.0001,1735689719999,0.0,1,0,0,0\n",
		},
		"kraken": {
			preset(t, "kraken"),
			"1735689600,415.07,415.87,415.06,415.54,539.23,13\n1735689660,415.54,415.54,415.54,415.54,0.0001,1\n",
		},
		"cryptodatadownload": {
			preset(t, "cryptodatadownload"),
			"https://www.CryptoDataDownload.com\nunix,date,symbol,open,high,low,close,Volume XBT,Volume MYR\n" +
				"1735689660,2025-01-01 00:01:00,XBT/MYR,415.54,415.54,415.54,415.54,0.0001,0.04\n" +
				"1735689600,2025-01-01 00:00:00,XBT/MYR,415.07,415.87,415.06,415.54,539.23,223830\n",
		},
		"names, a delimiter, nanoseconds and quoted delimiters": {
			marketdata.Layout{Time: "T", Open: "o", High: "h", Low: "l", Close: "c", Volume: "Base Volume", Delimiter: ';', Unit: marketdata.Nanoseconds},
			"note;t;o;h;l;c;base volume\n\"a;b\";1735689600000000000;415.07;415.87;415.06;415.54;539.23\n;1735689660000000000;415.54;415.54;415.54;\"415.54\";0.0001\n",
		},
		"numbers of columns and dates": {
			marketdata.Layout{Time: "7", Open: "6", High: "5", Low: "4", Close: "3", Volume: "1", NoHeader: true, Unit: marketdata.RFC3339},
			"539.23,x,415.54,415.06,415.87,415.07,2025-01-01T00:00:00Z\n0.0001,y,415.54,415.54,415.54,415.54,2025-01-01T00:01:00Z,z\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, report, err := readCSV(t, test.text, marketdata.CSVConfig{Layout: test.layout, Exact: true})
			if err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(s.Candles) != fmt.Sprint(want) || s.Interval != time.Minute || report.Rows != 2 {
				t.Errorf("candles %+v of %s, report %+v", s.Candles, s.Interval, report)
			}
		})
	}
}

// A bad line is named in the layout's words.
func TestCorruptLayout(t *testing.T) {
	t.Parallel()
	const first = "1735689600,6,7,5,6,1\n"
	for name, test := range map[string]struct {
		layout marketdata.Layout
		text   string
		exact  bool
		line   int
		column string
		reason string
	}{
		"a named column":         {marketdata.Layout{High: "Top"}, "timestamp,open,top,low,close,volume\n1735689600,6,x,5,6,1\n", false, 2, "Top", "not a number"},
		"a numbered column":      {marketdata.Layout{NoHeader: true}, first + "1735689660,6,x,5,6,1\n", false, 2, "3 (high)", "not a number"},
		"a short row":            {marketdata.Layout{NoHeader: true}, first + "1735689660,6,7,5,6\n", false, 2, "6 (volume)", "ends before"},
		"a first row of letters": {marketdata.Layout{NoHeader: true}, "a,b,c,d,e\n", false, 1, "6 (volume)", "ends before"},
		"a missing name":         {marketdata.Layout{Volume: "Volume XBT"}, header, false, 1, "", "lacks Volume XBT"},
		"another unit":           {marketdata.Layout{Unit: marketdata.Seconds}, header + "1735689600000,6,7,5,6,1\n", false, 2, "timestamp", "after the year"},
		"no number":              {marketdata.Layout{Unit: marketdata.Seconds}, header + "2025-01-01,6,7,5,6,1\n", false, 2, "timestamp", "whole number of s"},
		"a number for a date":    {marketdata.Layout{Unit: marketdata.RFC3339}, header + first, false, 2, "timestamp", "not a time"},
		"oldest first":           {marketdata.Layout{NewestFirst: true}, header + first + "1735689660,6,7,5,6,1\n", false, 3, "timestamp", "newest"},
		"off the grid, backwards": {
			marketdata.Layout{NewestFirst: true}, header + "1735689720,6,7,5,6,1\n1735689660,6,7,5,6,1\n1735689600,6,7,5,6,1\n1735689590,6,7,5,6,1\n",
			false, 4, "timestamp", "not a multiple",
		},
		"a finer price":        {marketdata.Layout{}, header + "1735689600,6,7.001,5,6,1\n", true, 2, "high", "7.001 is finer than the tick 0.01"},
		"a finer volume":       {marketdata.Layout{}, header + "1735689600,6,7,5,6,1.00001\n", true, 2, "volume", "finer than the step 0.0001"},
		"no time zone":         {marketdata.Layout{}, header + "2025-01-01 00:00:00,6,7,5,6,1\n", false, 2, "timestamp", `"2025-01-01 00:00:00" does not tell its time zone`},
		"a day without a zone": {marketdata.Layout{}, header + "2025-01-01,6,7,5,6,1\n", false, 2, "timestamp", "does not tell its time zone"},
		"not of the format":    {marketdata.Layout{TimeFormat: "dd.MM.yyyy", Zone: time.UTC}, header + "2025-01-01,6,7,5,6,1\n", false, 2, "timestamp", "not a time of the format"},
		"between semicolons":   {marketdata.Layout{}, strings.ReplaceAll(header, ",", ";"), false, 1, "", "divided by semicolons"},
		"between tabs":         {marketdata.Layout{}, strings.ReplaceAll(header, ",", "\t"), false, 1, "", "divided by tabs"},
		"no header":            {marketdata.Layout{}, first, false, 1, "", "a file without a header"},
		"other names":          {marketdata.Layout{}, "date,o,h,l,c,v\n", false, 1, "", `it is "date,o,h,l,c,v"`},
		"UTF-16":               {marketdata.Layout{}, "\xff\xfet\x00i\x00", false, 1, "", "UTF-16"},
		"nothing to skip": {
			marketdata.Layout{Skip: 3}, header, false, 4, "", "empty",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := readCSV(t, test.text, marketdata.CSVConfig{Layout: test.layout, Exact: test.exact})
			var fault *marketdata.CSVError
			if !errors.As(err, &fault) || fault.Line != test.line || fault.Column != test.column || !strings.Contains(fault.Reason, test.reason) {
				t.Errorf("error %v, want line %d, column %q, reason %q", err, test.line, test.column, test.reason)
			}
		})
	}
	for name, l := range map[string]marketdata.Layout{
		"a name twice":              {Open: "x", High: "X"},
		"a name without a header":   {NoHeader: true, Open: "open"},
		"an unknown unit":           {Unit: "weeks"},
		"a quote between fields":    {Delimiter: '"'},
		"fewer than no lines":       {Skip: -1},
		"a format without a zone":   {TimeFormat: "yyyy-MM-dd"},
		"a format and a unit":       {TimeFormat: "yyyy-MM-dd", Zone: time.UTC, Unit: marketdata.Seconds},
		"a format without a day":    {TimeFormat: "yyyy-MM HH:mm", Zone: time.UTC},
		"a format of Go's":          {TimeFormat: "2006-01-02 yyyy MM dd", Zone: time.UTC},
		"milliseconds after ss":     {TimeFormat: "yyyyMMddHHmmssSSS", Zone: time.UTC},
		"milliseconds after :":      {TimeFormat: "yyyy-MM-dd HH:mm:ss:SSS", Zone: time.UTC},
		"milliseconds before yy":    {TimeFormat: "HH:mm:ss.SSSyyyy-MM-dd", Zone: time.UTC},
		"a format of strftime's":    {TimeFormat: "%Y-%m-%d", Zone: time.UTC},
		"a number beyond all lines": {NoHeader: true, Open: "100000"},
	} {
		if _, _, err := readCSV(t, header, marketdata.CSVConfig{Layout: l}); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	var l marketdata.Layout
	if err := l.Set("opening", "x"); err == nil {
		t.Error("an unknown part was taken")
	}
	if err := l.Set("open", "x"); err != nil || l.Open != "x" {
		t.Errorf("%+v, %v", l, err)
	}
}

// Times that name no zone are those of the zone of the layout, and none is guessed.
func TestTimeParser(t *testing.T) {
	t.Parallel()
	const want = 1735661100000 // 2024-12-31 16:05 UTC, five past midnight of the next day in Kuala Lumpur
	zone := time.FixedZone("", 8*3600)
	for text, l := range map[string]marketdata.Layout{
		"1735661100":                {},
		"2024-12-31T16:05:00Z":      {Zone: zone},
		"2025-01-01 00:05:00+08:00": {},
		"2025-01-01 00:05:00":       {Zone: zone},
		"2025-01-01T00:05":          {Zone: zone},
		"31.12.2024 16:05:00":       {Zone: time.UTC, TimeFormat: "dd.MM.yyyy HH:mm:ss"},
		"01/01/25 12:05 AM":         {Zone: zone, TimeFormat: "MM/dd/yy hh:mm a"},
		"01/01/25 12:05 am":         {Zone: zone, TimeFormat: "MM/dd/yy hh:mm a"},
		"01 jan 2025 12:05 Am":      {Zone: zone, TimeFormat: "dd MMM yyyy hh:mm a"},
		"20250101 00:05:00,000":     {Zone: zone, TimeFormat: "yyyyMMdd HH:mm:ss,SSS"},
		"20250101 000500.000":       {Zone: zone, TimeFormat: "yyyyMMdd HHmmss.SSS"},
		"202501010005":              {Zone: zone, TimeFormat: "yyyyMMddHHmm"},
		"01 Jan 2025 00:05":         {Zone: zone, TimeFormat: "dd MMM yyyy HH:mm"},
	} {
		p, err := marketdata.NewTimeParser(l)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got, err := p.Parse([]byte(text)); err != nil || got != want {
			t.Errorf("%q is %s, %v", text, time.UnixMilli(got).UTC(), err)
		}
	}
	for _, l := range []marketdata.Layout{{TimeFormat: "yyyy-MM-dd"}, {TimeFormat: "yyyy-MM-dd", Zone: zone, Unit: marketdata.Seconds}} { // also for who reads no CSV
		if _, err := marketdata.NewTimeParser(l); err == nil {
			t.Errorf("%+v is taken", l)
		}
	}
	midnight, err := marketdata.NewTimeParser(marketdata.Layout{Zone: zone})
	if got, failed := midnight.Parse([]byte("2025-01-01")); err != nil || failed != nil || got != want-5*60_000 {
		t.Errorf("a day is %d, %v, %v", got, err, failed)
	}
}
