package marketdata_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
)

// streamed reads a file in blocks, after a scan.
func streamed(ctx context.Context, text []byte, cfg marketdata.CSVConfig) (marketdata.CSVScan, []exchange.Candle, error) {
	scan, err := marketdata.ScanCSV(ctx, bytes.NewReader(text), cfg)
	if err != nil {
		return scan, nil, err
	}
	candles, err := blocks(ctx, text, cfg, scan)
	return scan, candles, err
}

func blocks(ctx context.Context, text []byte, cfg marketdata.CSVConfig, scan marketdata.CSVScan) ([]exchange.Candle, error) {
	src, err := marketdata.NewCSVSource(bytes.NewReader(text), cfg, scan)
	if err != nil {
		return nil, err
	}
	var out []exchange.Candle
	for {
		left := src.Len()
		block, err := src.Next(ctx)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		if len(block) == 0 || len(block) > marketdata.BlockSize || src.Len() != left-len(block) {
			return out, fmt.Errorf("a block of %d with %d left after %d", len(block), src.Len(), left)
		}
		out = append(out, block...)
	}
}

// proves M4: in blocks a file gives what it gives as a whole, its holes filled
// flat, also across blocks.
func TestCSVStreams(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSeries(t)
		hole := rapid.IntRange(0, 3*marketdata.BlockSize).Draw(t, "hole")
		at := rapid.IntRange(0, len(s.Candles)).Draw(t, "behind")
		for i := at; i < len(s.Candles); i++ {
			s.Candles[i].Time += int64(hole) * s.Interval.Milliseconds()
		}
		var text bytes.Buffer
		if err := marketdata.WriteCSV(&text, s); err != nil {
			t.Fatal(err)
		}
		cfg := marketdata.CSVConfig{Market: s.Market, Interval: s.Interval, KeepHoles: rapid.Bool().Draw(t, "keep")}
		if rapid.Bool().Draw(t, "cut") {
			cfg.From, cfg.To = s.Candles[len(s.Candles)/4].OpenTime(), s.Candles[len(s.Candles)*3/4].OpenTime().Add(s.Interval)
		}
		whole, report, err := marketdata.ReadCSV(t.Context(), bytes.NewReader(text.Bytes()), cfg)
		if err != nil {
			t.Fatal(err)
		}
		scan, candles, err := streamed(t.Context(), text.Bytes(), cfg)
		if err != nil || !slices.Equal(candles, whole.Candles) {
			t.Fatalf("%d candles in blocks and %d as a whole: %v", len(candles), len(whole.Candles), err)
		}
		first, last := whole.Candles[0], whole.Candles[len(whole.Candles)-1]
		if scan.Candles != len(candles) || scan.Report != report || scan.Interval != whole.Interval ||
			!scan.From.Equal(first.OpenTime()) || !scan.To.Equal(last.OpenTime().Add(whole.Interval)) {
			t.Fatalf("the scan says %+v, and the whole file has %d candles of %v, %+v", scan, len(candles), whole.Interval, report)
		}
	})
}

func TestCSVScanFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	const header = "timestamp,open,high,low,close,volume\n"
	rows := func(seconds ...int) []byte {
		text := []byte(header)
		for _, s := range seconds {
			text = fmt.Appendf(text, "%d,6,7,5,6,1\n", 1_475_798_400+s)
		}
		return text
	}
	m := market("1", "1")
	for name, c := range map[string]struct {
		text []byte
		cfg  marketdata.CSVConfig
		want string
	}{
		"a broken line":           {append(rows(0, 60), "x"...), marketdata.CSVConfig{}, "line 4"},
		"off the grid":            {rows(0, 60, 120, 150, 180, 240), marketdata.CSVConfig{}, "line 5, column timestamp: is 30s after the line before"},
		"a packed file":           {[]byte("\x1f\x8b\x08\x00"), marketdata.CSVConfig{}, "line 1: this is a gzip file"},
		"no row":                  {rows(), marketdata.CSVConfig{}, "no candle"},
		"one row":                 {rows(0), marketdata.CSVConfig{}, "does not tell its interval"},
		"the newest first":        {rows(60, 0), marketdata.CSVConfig{Layout: marketdata.Layout{NewestFirst: true}}, "begins with its newest candle"},
		"a hole of twenty years":  {rows(0, 60, 120, 86_400*7_500), marketdata.CSVConfig{}, "line 5, column timestamp: the holes of the file need more than 10000000"},
		"nothing in the span":     {rows(0, 60), marketdata.CSVConfig{From: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}, "no candle"},
		"a market without a tick": {rows(0, 60), marketdata.CSVConfig{Market: exchange.Market{Pair: "X"}}, "tick"},
	} {
		if c.cfg.Market.Pair == "" {
			c.cfg.Market = m
		}
		if _, err := marketdata.ScanCSV(t.Context(), bytes.NewReader(c.text), c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v does not tell %q", name, err, c.want)
		} else if strings.Count(err.Error(), "reading candles") != 1 {
			t.Errorf("%s: %v does not say once what it did", name, err)
		}
	}
	uneven := []byte(header)
	at := 1_475_798_400_000
	for i := range 1<<16 + 2 {
		at += i + 1
		uneven = fmt.Appendf(uneven, "%d,6,7,5,6,1\n", at)
	}
	if _, err := marketdata.ScanCSV(t.Context(), bytes.NewReader(uneven), marketdata.CSVConfig{Market: m}); err == nil || !strings.Contains(err.Error(), "no candles of one interval") {
		t.Errorf("rows at ever other distances: %v", err)
	}
	// The rows of other times do not count.
	if _, err := marketdata.ScanCSV(t.Context(), bytes.NewReader(rows(0, 7, 60, 120, 180)), marketdata.CSVConfig{Market: m, From: time.Unix(1_475_798_460, 0)}); err != nil {
		t.Error(err)
	}
	scan, _, err := streamed(t.Context(), rows(0, 60, 120, 240), marketdata.CSVConfig{Market: m})
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range [][]byte{rows(0, 60, 120), rows(0, 60, 120, 300), rows(0, 60, 120, 240, 300)} {
		if _, err := blocks(t.Context(), other, marketdata.CSVConfig{Market: m}, scan); err == nil || !strings.Contains(err.Error(), "was changed") {
			t.Errorf("a file that was changed: %v", err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	minutes := make([]int, 5_000)
	for i := range minutes {
		minutes[i] = 60 * i
	}
	if _, err := marketdata.ScanCSV(ended, bytes.NewReader(rows(minutes...)), marketdata.CSVConfig{Market: m}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled scanning ended with %v", err)
	}
}
