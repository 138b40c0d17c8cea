package main

import (
	"context"
	"errors"
	"io"

	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/marketdata/archive"
)

// csvOf returns what writes the candles as CSV.
func csvOf(ctx context.Context, r *archive.Reader) func(io.Writer) error {
	return func(w io.Writer) error {
		out, err := marketdata.NewCSVWriter(w, r.Market())
		if err != nil {
			return err
		}
		for {
			block, err := r.Next(ctx)
			if errors.Is(err, io.EOF) {
				return out.Flush()
			}
			if err != nil {
				return err
			}
			out.Add(block)
		}
	}
}

// parquetOf returns what writes the candles as Parquet.
func parquetOf(ctx context.Context, r *archive.Reader) func(io.Writer) error {
	return func(w io.Writer) error { return archive.WriteParquet(ctx, w, r.Market(), r.Next) }
}
