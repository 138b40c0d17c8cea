// Command generate packs a CSV file of one-minute candles for the demo market:
//
//	go run ./exchange/marketdata/demo/internal/generate -in btcusd-1m.csv -out exchange/marketdata/demo/data/btcusd-1m.bin.gz
//
// The README beside the packed files says where the CSV files come from.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/marketdata/demo/internal/pack"
)

func main() {
	in := flag.String("in", "", "the CSV `file` to pack")
	out := flag.String("out", "", "the `file` to write")
	flag.Parse()
	if err := generate(*in, *out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func generate(in, out string) error {
	text, err := os.ReadFile(in) //nolint:gosec // the file that the developer names
	if err != nil {
		return err
	}
	series, _, err := marketdata.ReadCSV(context.Background(), bytes.NewReader(text),
		marketdata.CSVConfig{Market: pack.Original(), KeepHoles: true})
	if err != nil {
		return err
	}
	packed, err := pack.Encode(series.Candles, series.Interval)
	if err != nil {
		return err
	}
	return os.WriteFile(out, packed, 0o644) //nolint:gosec // public data
}
