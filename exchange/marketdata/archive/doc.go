// Package archive keeps candles in files that all bots and backtests of a
// machine share.
//
// It owns the store: one series for each pair and interval, each candle once,
// which spans are there and which are holes, checksums over every file, and what
// happens when several processes use it at once or one is killed. It does not
// own where candles come from (CSV files, Parquet files of others and venues are
// read by whoever writes into it) nor what is done with them.
//
// # Files
//
// A series lies in FOLDER/PAIR/INTERVAL. Its candles are in Parquet files, which
// any reader of Parquet opens: a time in UTC and five exact decimals. Each file
// holds the candles of one window of 65,536 intervals, counted from the start of
// 1970, and is named after its own SHA-256; it is never changed. The file
// manifest.json lists them with their sums, and its own sum. So the same candles
// give the same files, in whatever order they came.
//
// A change writes new files, then replaces the manifest in one step: whoever is
// killed before that step has changed nothing, and what it left behind is
// removed by the next writer. One process writes to a series at a time; readers
// see the series as it was when they began.
//
// No byte of a file is believed before its sum is right. A file that is damaged
// is a *DamageError that names it.
//
// Smallest use:
//
//	a, err := archive.Open(archive.Config{Folder: "lunobot-data/history"})
//	w, err := a.Writer(ctx, archive.WriterConfig{Market: market, Interval: time.Minute, Origin: "Luno"})
//	err = w.Add(ctx, candles)
//	err = w.Commit(ctx)
//	r, err := a.Read(ctx, archive.Query{Key: archive.Key{Pair: "XBTMYR", Interval: time.Minute}})
package archive
