package archive_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata/archive"
)

// A file that is not what was written is found and named, and no candle of it is
// given.
func TestDamage(t *testing.T) {
	t.Parallel()
	a := open(t)
	put(t, a, archive.WriterConfig{}, walk(1, begin(), 70_000))
	folder := filepath.Join(a.Folder(), "XBTMYR", "1m")
	files, err := filepath.Glob(filepath.Join(folder, "*.parquet"))
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	manifest := filepath.Join(folder, "manifest.json")
	for _, path := range []string{files[0], files[1], manifest} {
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		damages := map[string][]byte{"cut off": whole[:len(whole)-1], "longer": append(whole[:len(whole):len(whole)], 0), "empty": {}, "gone": nil}
		for _, at := range []int{0, 13, len(whole) / 3, len(whole) / 2, len(whole) - 3} {
			flipped := append([]byte(nil), whole...)
			flipped[at] ^= 4
			damages[fmt.Sprintf("byte %d", at)] = flipped
		}
		if path == files[0] {
			other, err := os.ReadFile(files[1])
			if err != nil {
				t.Fatal(err)
			}
			damages["another file"] = other
		}
		for name, bad := range damages {
			if path == manifest && name == "gone" || path == manifest && name == "longer" {
				continue // then there is no series, and JSON that is followed by nothing
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if bad != nil {
				if err := os.WriteFile(path, bad, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			var damage *archive.DamageError
			if _, err := tryRead(t.Context(), a, archive.Query{Key: key()}); !errors.As(err, &damage) || damage.Path != path {
				t.Errorf("%s of %s: reading says %v", name, filepath.Base(path), err)
			}
			damage = nil
			if err := a.Verify(t.Context(), key(), nil); !errors.As(err, &damage) || damage.Path != path {
				t.Errorf("%s of %s: verifying says %v", name, filepath.Base(path), err)
			}
			if err := os.WriteFile(path, whole, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := a.Verify(t.Context(), key(), nil); err != nil {
		t.Errorf("whole again: %v", err)
	}
}

// Any reader of Parquet sees exact decimals and times in UTC.
func TestFilesAreParquet(t *testing.T) {
	t.Parallel()
	a := open(t)
	m := market()
	m.Tick = decimal.RequireFromString("0.05")
	candles := []exchange.Candle{{Time: begin().UnixMilli(), Open: 3, High: 5, Low: 2, Close: 4, Volume: 12345}}
	put(t, a, archive.WriterConfig{Market: m, Interval: 60e9}, candles)
	files, err := filepath.Glob(filepath.Join(a.Folder(), "XBTMYR", "1m", "*.parquet"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	f, err := os.Open(files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	file, err := parquet.OpenFile(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"close": "DECIMAL(18,2)", "high": "DECIMAL(18,2)", "low": "DECIMAL(18,2)", "open": "DECIMAL(18,2)",
		"time": "TIMESTAMP(isAdjustedToUTC=true,unit=MILLIS)", "volume": "DECIMAL(18,4)",
	}
	values := map[string]int64{"close": 20, "high": 25, "low": 10, "open": 15, "time": begin().UnixMilli(), "volume": 12345}
	rows := file.RowGroups()[0].Rows()
	defer func() { _ = rows.Close() }()
	row := make([]parquet.Row, 1)
	if n, _ := rows.ReadRows(row); n != 1 {
		t.Fatal("no row")
	}
	for i, field := range file.Schema().Fields() {
		if got := field.Type().LogicalType().String(); got != want[field.Name()] {
			t.Errorf("column %s is %s, want %s", field.Name(), got, want[field.Name()])
		}
		if got := row[0][i].Int64(); got != values[field.Name()] {
			t.Errorf("column %s has %d, want %d", field.Name(), got, values[field.Name()])
		}
	}
	if back := read(t, a, archive.Query{Key: key()}); len(back) != 1 || back[0] != candles[0] {
		t.Errorf("back come %+v", back)
	}
}

// A folder that cannot be looked into is an error and not one without candles.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	a := open(t)
	put(t, a, archive.WriterConfig{}, walk(1, begin(), 10))
	if err := os.Symlink("ETHMYR", filepath.Join(a.Folder(), "ETHMYR")); err != nil { // it leads to itself
		t.Fatal(err)
	}
	if keys, err := a.Keys(); err == nil {
		t.Errorf("there are %v", keys)
	}
}
