package archive_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/marketdata/archive"
)

// readParquet reads a file in memory.
func readParquet(t *testing.T, raw []byte, cfg archive.ParquetConfig) ([]exchange.Candle, error) {
	t.Helper()
	cfg.Market = market()
	r, err := archive.NewParquetReader(bytes.NewReader(raw), int64(len(raw)), cfg)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	var out []exchange.Candle
	for {
		c, err := r.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
}

func parquetOf[T any](t *testing.T, rows ...T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := parquet.Write(&b, rows); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What is written is read back, in as many row groups as it takes.
func TestWriteParquet(t *testing.T) {
	t.Parallel()
	candles := walk(1, begin(), 70_000)
	var b bytes.Buffer
	source := marketdata.NewSliceSource(candles)
	if err := archive.WriteParquet(t.Context(), &b, market(), source.Next); err != nil {
		t.Fatal(err)
	}
	back, err := readParquet(t, b.Bytes(), archive.ParquetConfig{Exact: true})
	if err != nil || !slices.Equal(back, candles) {
		t.Errorf("%d candles come back, %v", len(back), err)
	}
	if _, err := readParquet(t, b.Bytes()[:len(b.Bytes())-20], archive.ParquetConfig{}); err == nil {
		t.Error("a file that is cut off was read")
	}
}

// Files of other writers are read by the names and types of their columns.
func TestForeignParquet(t *testing.T) {
	t.Parallel()
	want := []exchange.Candle{{Time: 1735689600000, Open: 10, High: 2001, Low: 9, Close: 2000, Volume: 3}}
	at := time.UnixMilli(1735689600000).UTC()
	type floats struct {
		Date                   time.Time `parquet:"date,timestamp(nanosecond)"`
		Open, High, Low, Close float64
		Volume                 float32
	}
	type texts struct {
		T          int64 `parquet:"t"`
		O, H, L, C string
		V          *string
	}
	type decimals struct {
		Time  int64 `parquet:"time,timestamp(microsecond)"`
		Open  int32 `parquet:"open,decimal(1:9)"`
		High  int64 `parquet:"high,decimal(3:18)"`
		Low   int64 `parquet:"low,decimal(2:18)"`
		Close int64 `parquet:"close"`
		// Volume is small, so that it needs the sign.
		Volume [16]byte `parquet:"volume,decimal(4:38)"`
	}
	v := "0.0003"
	for name, test := range map[string]struct {
		raw    []byte
		layout marketdata.Layout
	}{
		"floats": {parquetOf(t, floats{at, 0.1, 20.01, 0.09, 20, 0.0003}), marketdata.Layout{Time: "date"}},
		"texts and seconds": {
			parquetOf(t, texts{1735689600, "0.1", "20.01", "0.0900", "2e1", &v}),
			marketdata.Layout{Time: "t", Open: "o", High: "h", Low: "l", Close: "c", Volume: "v", Unit: marketdata.Seconds},
		},
		"decimals": {parquetOf(t, decimals{1735689600000000, 1, 20010, 9, 20, [16]byte{15: 3}}), marketdata.Layout{}},
	} {
		got, err := readParquet(t, test.raw, archive.ParquetConfig{Layout: test.layout, Exact: true})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	fine := "0.00031"
	names := marketdata.Layout{Time: "t", Open: "o", High: "h", Low: "l", Close: "c", Volume: "v"}
	for name, test := range map[string]struct {
		raw         []byte
		layout      marketdata.Layout
		row         int64
		column, say string
	}{
		"no such column":        {parquetOf(t, floats{}), marketdata.Layout{}, 0, "", "no column time or timestamp"},
		"no value":              {parquetOf(t, texts{1, "1", "1", "1", "1", &v}, texts{2, "1", "1", "1", "1", nil}), names, 2, "V", "no value"},
		"not a number":          {parquetOf(t, texts{1, "1", "x", "1", "1", &v}), names, 1, "H", "x"},
		"finer than a step":     {parquetOf(t, texts{1, "1", "1", "1", "1", &fine}), names, 1, "V", "finer than the step"},
		"finer than a tick":     {parquetOf(t, texts{1, "1", "1.001", "1", "1", &v}), names, 1, "H", "finer than the tick"},
		"not a candle":          {parquetOf(t, texts{1, "1", "1", "2", "1", &v}), names, 1, "", "not in order"},
		"a time before 1970":    {parquetOf(t, decimals{Time: -5}), marketdata.Layout{}, 1, "time", "after 1970"},
		"a float that is none":  {parquetOf(t, floats{Date: at, Open: math.NaN()}), marketdata.Layout{Time: "date"}, 1, "Open", "not a number"},
		"a float without end":   {parquetOf(t, floats{Date: at, Open: math.Inf(1)}), marketdata.Layout{Time: "date"}, 1, "Open", "not a number"},
		"a float that is small": {parquetOf(t, floats{Date: at, Open: 5e-324}), marketdata.Layout{Time: "date"}, 1, "Open", "5e-324"},
		"a float that is large": {parquetOf(t, floats{Date: at, Open: 1e300}), marketdata.Layout{Time: "date"}, 1, "Open", "1e+300"},
		"below zero":            {parquetOf(t, decimals{Time: 1735689600000000, Open: -1, High: 10, Low: 1, Close: 1}), marketdata.Layout{}, 1, "", "not positive"},
		"half a millisecond":    {parquetOf(t, decimals{Time: 1735689600000500}), marketdata.Layout{}, 1, "time", "milliseconds"},
	} {
		_, err := readParquet(t, test.raw, archive.ParquetConfig{Layout: test.layout, Exact: true})
		var fault *archive.RowError
		if !errors.As(err, &fault) || fault.Row != test.row || fault.Column != test.column || !strings.Contains(fault.Reason, test.say) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := readParquet(t, parquetOf(t, texts{1735689600, "0.104", "20.005", "0.09", "20", &fine}), archive.ParquetConfig{Layout: names}); err != nil || !slices.Equal(got, want) {
		t.Errorf("rounded: %+v, %v", got, err)
	}
}
