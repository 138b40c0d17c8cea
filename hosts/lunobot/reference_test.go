package main_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
)

// TestReference recomputes the moving-average cross over real candles with
// whole numbers and nothing of the engine: 10/30 averages of the closes, market
// orders at the next open, all cash in rounded down to the step of 0.000001,
// 0.1 % a side rounded up to 10^-8, holes flat at the last close.
func TestReference(t *testing.T) { // proves PL3, PL4, N1
	t.Parallel()
	dir, file := realCandles(t)
	path := filepath.Join(dir, "report.json")
	if a := command(t, dir, "backtest", "--strategy", "basic", "--data", file, "--json", path); a.code != 0 {
		t.Fatalf("exit code %d: %s", a.code, a.problems)
	}
	got := readReport(t, path)
	want, equity := reference(t, file)
	if len(got.Trades) != len(want) {
		t.Fatalf("%d trades, want %d", len(got.Trades), len(want))
	}
	for i := range want {
		if got.Trades[i].String() != want[i].String() {
			t.Fatalf("trade %d: got %v, want %v", i+1, got.Trades[i], want[i])
		}
	}
	if !got.Statistics.FinalEquity.Equal(equity) {
		t.Errorf("final equity %s, want %s", got.Statistics.FinalEquity, equity)
	}
	if n := len(got.Equity); n != got.Data.Candles+1 || !got.Equity[n-1].Equity.Equal(equity) {
		t.Errorf("the curve has %d points for %d candles and ends at %s", n, got.Data.Candles, got.Equity[n-1].Equity)
	}
}

// reference returns the trades and the final equity. Prices are in cents,
// volumes in millionths, money in hundred-millionths.
func reference(t *testing.T, file string) ([]trade, decimal.Decimal) {
	t.Helper()
	times, opens, closes := readCents(t, file)
	var trades []trade
	var position, entry, entryFee, entryAt, fast, slow int64
	cash, side, signal := int64(10_000_00000000), 0, 0
	fee := func(value int64) int64 { return (value + 999) / 1000 }
	for i, open := range opens {
		switch {
		case signal > 0 && position == 0:
			for position = cash / open; position*open+fee(position*open) > cash; {
				position -= max(1, (position*open+fee(position*open)-cash)/(2*open))
			}
			entry, entryFee, entryAt = open, fee(position*open), times[i]
			cash -= position*open + entryFee
		case signal < 0 && position > 0:
			exitFee := fee(position * open)
			cash += position*open - exitFee
			trades = append(trades, trade{
				EntryTime: time.UnixMilli(entryAt).UTC(), ExitTime: time.UnixMilli(times[i]).UTC(), EntryPrice: decimal.New(entry, -2),
				ExitPrice: decimal.New(open, -2), Volume: decimal.New(position, -6), EntryFee: decimal.New(entryFee, -8),
				ExitFee: decimal.New(exitFee, -8), Profit: decimal.New(position*(open-entry)-entryFee-exitFee, -8),
			})
			position = 0
		}
		signal = 0
		fast, slow = fast+closes[i], slow+closes[i]
		if i >= 10 {
			fast -= closes[i-10]
		}
		if i >= 30 {
			slow -= closes[i-30]
		}
		now := side
		if i >= 29 && 3*fast > slow {
			now = 1
		} else if i >= 29 && 3*fast < slow {
			now = -1
		}
		if side != 0 && now != side {
			signal = now
		}
		side = now
	}
	return trades, decimal.New(cash+position*closes[len(closes)-1], -8)
}

// readCents reads the file with the standard library's means and fills its
// holes.
func readCents(t *testing.T, file string) (times, opens, closes []int64) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cents := func(text string) int64 {
		whole, rest, _ := strings.Cut(text, ".")
		n, err := strconv.ParseInt(whole+(rest + "00")[:2], 10, 64)
		if err != nil || strings.Trim(rest[min(2, len(rest)):], "0") != "" {
			t.Fatalf("%q is no whole number of cents: %v", text, err)
		}
		return n
	}
	for line := range strings.Lines(strings.SplitAfterN(string(raw), "\n", 2)[1]) {
		f := strings.Split(strings.TrimSpace(line), ",")
		at, err := strconv.ParseInt(f[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		for n := len(times); n > 0 && times[len(times)-1]+60_000 < at; {
			last := closes[len(closes)-1]
			times, opens, closes = append(times, times[len(times)-1]+60_000), append(opens, last), append(closes, last)
		}
		times, opens, closes = append(times, at), append(opens, cents(f[1])), append(closes, cents(f[4]))
	}
	return times, opens, closes
}
