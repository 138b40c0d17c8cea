package marketdata_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
)

// market returns one with the given tick and step.
func market(tick, step string) exchange.Market {
	return exchange.Market{
		Pair: "XBTMYR", Base: "XBT", Counter: "MYR", Status: exchange.MarketActive,
		Tick: decimal.RequireFromString(tick), Step: decimal.RequireFromString(step),
	}
}

func readCSV(t *testing.T, text string, cfg marketdata.CSVConfig) (marketdata.Series, marketdata.CSVReport, error) {
	t.Helper()
	if cfg.Market.Pair == "" {
		cfg.Market = market("0.01", "0.0001")
	}
	return marketdata.ReadCSV(t.Context(), strings.NewReader(text), cfg)
}

const header = "timestamp,open,high,low,close,volume\n"

func TestReadCSV(t *testing.T) {
	t.Parallel()
	one := exchange.Candle{Time: 1475798400000, Open: 61178, High: 61191, Low: 61178, Close: 61190, Volume: 11387}
	two := exchange.Candle{Time: 1475798460000, Open: 61187, High: 61188, Low: 61187, Close: 61188, Volume: 0}
	later := exchange.Candle{Time: 1475798640000, Open: 61000, High: 61000, Low: 61000, Close: 61000, Volume: 1}
	for name, test := range map[string]struct {
		text   string
		cfg    marketdata.CSVConfig
		want   []exchange.Candle
		report marketdata.CSVReport
	}{
		"milliseconds": {
			text:   header + "1475798400000,611.78,611.91,611.78,611.9,1.1387\n1475798460000,611.87,611.88,611.87,611.88,0\n",
			want:   []exchange.Candle{one, two},
			report: marketdata.CSVReport{Rows: 2},
		},
		"seconds, other order, other columns, capitals, CRLF, BOM, quotes, no last line end": {
			text: "\ufeffClose,\"Volume\",trades, HIGH,low,Open,TimeStamp,note\r\n" +
				"611.9,1.1387,7,611.91,611.78,611.78,1475798400,a\r\n\"611.88\", 0 ,8,611.880,611.870,6.1187e2,1475798460",
			want:   []exchange.Candle{one, two},
			report: marketdata.CSVReport{Rows: 2},
		},
		"dates": {
			text: header + "2016-10-07T02:00:00+02:00,611.78,611.91,611.78,611.9,1.1387\n" +
				"2016-10-07 00:01:00Z,611.87,611.88,611.87,611.88,0\n\n\n",
			want:   []exchange.Candle{one, two},
			report: marketdata.CSVReport{Rows: 2},
		},
		"prices to the nearest tick, volumes down": {
			text: header + "1475798400000,611.784999,611.905,611.775,611.8999999999999999999999,1.13879999\n" +
				"1475798460000,611.87,611.88,611.87,611.88,0.00009999\n",
			want:   []exchange.Candle{one, two},
			report: marketdata.CSVReport{Rows: 2, PricesRounded: 4, VolumesRounded: 2},
		},
		"a hole": {
			text: header + "1475798400000,611.78,611.91,611.78,611.9,1.1387\n1475798460000,611.87,611.88,611.87,611.88,0\n" +
				"1475798640000,610,610,610,610,0.0001\n",
			want:   []exchange.Candle{one, two, exchange.Flat(1475798520000, 61188), exchange.Flat(1475798580000, 61188), later},
			report: marketdata.CSVReport{Rows: 3, Filled: 2},
		},
		"a hole kept": {
			text: header + "1475798400000,611.78,611.91,611.78,611.9,1.1387\n1475798460000,611.87,611.88,611.87,611.88,0\n" +
				"1475798640000,610,610,610,610,0.0001\n",
			cfg:    marketdata.CSVConfig{KeepHoles: true},
			want:   []exchange.Candle{one, two, later},
			report: marketdata.CSVReport{Rows: 3},
		},
		"from and to": {
			text: header + "1475798340000,1.001,1.001,1.001,1.001,0.00001\n1475798400000,611.78,611.91,611.78,611.9,1.1387\n" +
				"1475798460000,611.87,611.88,611.87,611.88,0\n1475798520000,610,610,610,610,0.0001\nrubbish\n",
			cfg:    marketdata.CSVConfig{From: time.UnixMilli(1475798400000), To: time.UnixMilli(1475798520000)},
			want:   []exchange.Candle{one, two},
			report: marketdata.CSVReport{Rows: 2},
		},
		"a single candle of a named interval": {
			text:   header + "1475798400000,611.78,611.91,611.78,611.9,1.1387\n",
			cfg:    marketdata.CSVConfig{Interval: time.Minute},
			want:   []exchange.Candle{one},
			report: marketdata.CSVReport{Rows: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, report, err := readCSV(t, test.text, test.cfg)
			if err != nil {
				t.Fatal(err)
			}
			if report != test.report {
				t.Errorf("report %+v, want %+v", report, test.report)
			}
			if s.Interval != time.Minute {
				t.Errorf("interval %s", s.Interval)
			}
			if fmt.Sprint(s.Candles) != fmt.Sprint(test.want) {
				t.Errorf("candles\n%v, want\n%v", s.Candles, test.want)
			}
		})
	}
}

func TestCorruptCSV(t *testing.T) {
	t.Parallel()
	const good = "1475798400000,6,7,5,6,1\n"
	for name, test := range map[string]struct {
		text   string
		cfg    marketdata.CSVConfig
		line   int
		column string
		reason string
	}{
		"empty file":           {text: "", line: 1, reason: "empty"},
		"a gzip file":          {text: "\x1f\x8b\x08\x00" + header, line: 1, reason: "a gzip file and no CSV"},
		"a zip file":           {text: "PK\x03\x04" + header, line: 1, reason: "a zip file and no CSV"},
		"a Parquet file":       {text: "PAR1\x15\x04\n" + header, line: 1, reason: "a Parquet file and no CSV"},
		"missing columns":      {text: "timestamp,open,high,close\n", line: 1, reason: "lacks low, volume"},
		"column twice":         {text: "timestamp,open,high,low,close,volume,Open\n", line: 1, column: "open", reason: "twice"},
		"short line":           {text: header + good + "1475798460000,6,7,5,6\n", line: 3, column: "volume", reason: "ends before"},
		"bad price":            {text: header + good + "1475798460000,6,x7,5,6,1\n", line: 3, column: "high", reason: `"x7": not a number`},
		"empty price":          {text: header + "1475798460000,6,7,5,,1\n", line: 2, column: "close", reason: "not a number"},
		"two points":           {text: header + "1475798460000,6,7,5.0.1,6,1\n", line: 2, column: "low", reason: "not a number"},
		"not finite":           {text: header + "1475798460000,NaN,7,5,6,1\n", line: 2, column: "open", reason: "not a number"},
		"absurd exponent":      {text: header + "1475798460000,1e999999999,7,5,6,1\n", line: 2, column: "open", reason: "not a number"},
		"too large":            {text: header + "1475798460000,6,99999999999999999999,5,6,1\n", line: 2, column: "high", reason: "too large"},
		"price of nothing":     {text: header + "1475798460000,6,7,0.001,6,1\n", line: 2, column: "low", reason: "at least one tick"},
		"negative price":       {text: header + "1475798460000,6,7,-5,6,1\n", line: 2, column: "low", reason: "at least one tick"},
		"high below low":       {text: header + "1475798460000,6,4,5,6,1\n", line: 2, column: "high", reason: "4 is below low 5"},
		"high below close":     {text: header + "1475798460000,6,7,5,8,1\n", line: 2, column: "high", reason: "below open or close"},
		"low above open":       {text: header + "1475798460000,4,7,5,6,1\n", line: 2, column: "low", reason: "above open or close"},
		"negative volume":      {text: header + "1475798460000,6,7,5,6,-1\n", line: 2, column: "volume", reason: "negative"},
		"time repeats":         {text: header + good + good, line: 3, column: "timestamp", reason: "repeats"},
		"time goes back":       {text: header + good + "1475798340000,6,7,5,6,1\n", line: 3, column: "timestamp", reason: "before"},
		"no time":              {text: header + ",6,7,5,6,1\n", line: 2, column: "timestamp", reason: "empty"},
		"not a time":           {text: header + "yesterday,6,7,5,6,1\n", line: 2, column: "timestamp", reason: "not a time"},
		"half a millisecond":   {text: header + "1475798400000500,6,7,5,6,1\n", line: 2, column: "timestamp", reason: "finer"},
		"twenty digits":        {text: header + "14757984000000000000000,6,7,5,6,1\n", line: 2, column: "timestamp", reason: "out of range"},
		"finer than ms":        {text: header + "2016-10-07T00:00:00.0001Z,6,7,5,6,1\n", line: 2, column: "timestamp", reason: "finer"},
		"off the grid":         {text: header + good + "1475798460000,6,7,5,6,1\n1475798520000,6,7,5,6,1\n1475798530000,6,7,5,6,1\n", line: 5, column: "timestamp", reason: "10s after the line before"},
		"off the named grid":   {text: header + good + "1475798460000,6,7,5,6,1\n", cfg: marketdata.CSVConfig{Interval: time.Hour}, line: 3, column: "timestamp", reason: "not a multiple"},
		"empty line":           {text: header + good + "\n1475798460000,6,7,5,6,1\n", line: 3, reason: "empty line"},
		"a hole without end":   {text: header + "1,6,7,5,6,1\n2,6,7,5,6,1\n1475798400,6,7,5,6,1\n", line: 4, column: "timestamp", reason: "flat candles"},
		"a line without end":   {text: header + strings.Repeat("1", 1<<19), line: 2, reason: "longer than"},
		"a zero byte":          {text: header + "1475798460000,6,7,5,6\x00,1\n", line: 2, column: "close", reason: "not a number"},
		"before the beginning": {text: header + "0,6,7,5,6,1\n", line: 2, column: "timestamp", reason: "after the start of 1970"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _, err := readCSV(t, test.text, test.cfg)
			var fault *marketdata.CSVError
			if !errors.As(err, &fault) {
				t.Fatalf("error %v, candles %v", err, s.Candles)
			}
			if fault.Line != test.line || fault.Column != test.column || !strings.Contains(fault.Reason, test.reason) {
				t.Errorf("error %v, want line %d, column %q, reason %q", fault, test.line, test.column, test.reason)
			}
			if len(s.Candles) != 0 {
				t.Error("candles came with the error")
			}
		})
	}
}

func TestNothingToRead(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text string
		cfg  marketdata.CSVConfig
	}{
		"no rows":          {text: header},
		"nothing in range": {text: header + "1475798400000,6,7,5,6,1\n", cfg: marketdata.CSVConfig{From: time.Unix(1575798400, 0)}},
		"unknown interval": {text: header + "1475798400000,6,7,5,6,1\n"},
		"bad market":       {text: header, cfg: marketdata.CSVConfig{Market: exchange.Market{Pair: "X"}}},
		"bad interval":     {text: header, cfg: marketdata.CSVConfig{Interval: time.Microsecond}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if s, _, err := readCSV(t, test.text, test.cfg); err == nil {
				t.Errorf("read %v", s.Candles)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var long strings.Builder
	long.WriteString(header)
	for i := range int64(5000) {
		fmt.Fprintf(&long, "%d,6,7,5,6,1\n", 1475798400000+60000*i)
	}
	if _, _, err := marketdata.ReadCSV(ctx, strings.NewReader(long.String()), marketdata.CSVConfig{Market: market("1", "1")}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled reading ended with %v", err)
	}
}

// drawSeries draws candles with holes, in a market of any tick and step.
func drawSeries(t *rapid.T) marketdata.Series {
	units := []string{"1", "0.01", "0.05", "0.00000001", "0.25", "10", "100", "0.10"}
	s := marketdata.Series{
		Market:   market(rapid.SampledFrom(units).Draw(t, "tick"), rapid.SampledFrom(units).Draw(t, "step")),
		Interval: time.Minute,
	}
	at := rapid.Int64Range(1, 1<<20).Draw(t, "start") * 60_000
	for range rapid.IntRange(1, 50).Draw(t, "candles") {
		price := rapid.SampledFrom([]int64{1, 100, 1 << 20, 1 << 40, 1 << 58}).Draw(t, "size")
		prices := [4]int64{}
		for i := range prices {
			prices[i] = rapid.Int64Range(1, price).Draw(t, "price")
		}
		s.Candles = append(s.Candles, exchange.Candle{
			Time: at, Open: exchange.Ticks(prices[0]), Close: exchange.Ticks(prices[1]),
			High:   exchange.Ticks(max(prices[0], prices[1], prices[2], prices[3])),
			Low:    exchange.Ticks(min(prices[0], prices[1], prices[2], prices[3])),
			Volume: exchange.Steps(rapid.Int64Range(0, price).Draw(t, "volume")),
		})
		at += 60_000 * rapid.Int64Range(1, 3).Draw(t, "gap")
	}
	return s
}

func TestWriteAndReadBack(t *testing.T) { // proves N3
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSeries(t)
		var text bytes.Buffer
		if err := marketdata.WriteCSV(&text, s); err != nil {
			t.Fatal(err)
		}
		back, report, err := marketdata.ReadCSV(t.Context(), &text,
			marketdata.CSVConfig{Market: s.Market, Interval: s.Interval, KeepHoles: true})
		if err != nil {
			t.Fatalf("%v in\n%s", err, text.String())
		}
		if report != (marketdata.CSVReport{Rows: len(s.Candles)}) {
			t.Fatalf("report %+v", report)
		}
		for i := range s.Candles {
			if back.Candles[i] != s.Candles[i] {
				t.Fatalf("candle %d: %+v became %+v", i, s.Candles[i], back.Candles[i])
			}
		}
	})
}

// Reading agrees with exact decimal arithmetic, digit for digit.
func TestRoundingIsExact(t *testing.T) { // proves T9, N3
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		units := []string{"1", "0.01", "0.05", "0.00000001", "0.25", "3", "100", "0.7"}
		m := market(rapid.SampledFrom(units).Draw(t, "tick"), rapid.SampledFrom(units).Draw(t, "step"))
		price := rapid.StringMatching(`[1-9][0-9]{3,9}(\.[0-9]{0,12})?`).Draw(t, "price")
		volume := rapid.StringMatching(`[0-9]{1,7}(\.[0-9]{0,12})?([eE]-?[0-3])?`).Draw(t, "volume")
		text := header + fmt.Sprintf("1475798400,%s,%s,%s,%s,%s\n", price, price, price, price, volume)
		s, report, err := marketdata.ReadCSV(t.Context(), strings.NewReader(text),
			marketdata.CSVConfig{Market: m, Interval: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		d := func(text string) decimal.Decimal {
			// The decimal library wants a digit after the point.
			mantissa, exponent, found := strings.Cut(strings.ToLower(text), "e")
			mantissa = strings.TrimSuffix(mantissa, ".")
			if found {
				mantissa += "e" + exponent
			}
			return decimal.RequireFromString(mantissa)
		}
		wantPrice, err := m.Ticks(d(price), exchange.Nearest)
		if err != nil {
			t.Fatal(err)
		}
		wantVolume, err := m.Steps(d(volume), exchange.Down)
		if err != nil {
			t.Fatal(err)
		}
		if c := s.Candles[0]; c.Open != wantPrice || c.Close != wantPrice || c.Volume != wantVolume {
			t.Fatalf("%s, %s became %d, %d; want %d, %d", price, volume, c.Open, c.Volume, wantPrice, wantVolume)
		}
		if rounded := !m.Price(wantPrice).Equal(d(price)); rounded != (report.PricesRounded == 4) {
			t.Fatalf("report %+v for %s", report, price)
		}
	})
}

func FuzzReadCSV(f *testing.F) {
	f.Add([]byte(header + "1475798400000,611.78,611.91,611.78,611.9,1.13872\n1475798460,6,7,5,6,1e-3\n"))
	f.Add([]byte("Close,Volume,x,HIGH,low,Open,TimeStamp\r\n6,1,7,7,5,6,2016-10-07T00:00:00Z\r\n\r\n"))
	f.Add([]byte(header + "1,1,1,1,1,\"1\"\n99999999999,-0,.,5.,.5,+1\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m := market("0.05", "0.0001")
		s, _, err := marketdata.ReadCSV(t.Context(), bytes.NewReader(text), marketdata.CSVConfig{Market: m, Interval: time.Hour})
		if err != nil {
			return
		}
		for i, c := range s.Candles {
			if !c.Valid() || i > 0 && c.Time != s.Candles[i-1].Time+time.Hour.Milliseconds() {
				t.Fatalf("candle %d: %+v", i, c)
			}
		}
		var again bytes.Buffer
		if err := marketdata.WriteCSV(&again, s); err != nil {
			t.Fatal(err)
		}
		back, _, err := marketdata.ReadCSV(t.Context(), &again, marketdata.CSVConfig{Market: m, Interval: time.Hour})
		if err != nil || fmt.Sprint(back.Candles) != fmt.Sprint(s.Candles) {
			t.Fatalf("read back %v, %v", back.Candles, err)
		}
	})
}

func BenchmarkReadCSV(b *testing.B) {
	const rows = 200_000
	m := market("0.01", "0.00000001")
	s := marketdata.Series{Market: m}
	for i := range int64(rows) {
		p := exchange.Ticks(1_965_000 + i%977)
		s.Candles = append(s.Candles, exchange.Candle{Time: 1475798400000 + 60000*i, Open: p, High: p + 99, Low: p - 99, Close: p + 1, Volume: exchange.Steps(1 + i*7919)})
	}
	var text bytes.Buffer
	if err := marketdata.WriteCSV(&text, s); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		if _, _, err := marketdata.ReadCSV(b.Context(), bytes.NewReader(text.Bytes()), marketdata.CSVConfig{Market: m}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
