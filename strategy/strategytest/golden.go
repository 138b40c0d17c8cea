package strategytest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
)

// updateVariable is the variable of the environment that makes Golden write
// its files.
const updateVariable = "STRATEGYTEST_UPDATE"

// golden is what is kept of a run.
type golden struct {
	Candles     int64           `json:"candles"`
	FinalEquity exchange.Units  `json:"final_equity"`
	MaxDrawdown float64         `json:"max_drawdown"`
	Invested    int64           `json:"invested"`
	Trades      backtest.Trades `json:"trades"`
	// Pairs are the accounts in further pairs.
	Pairs []backtest.PairResult `json:"pairs,omitempty"`
	// Equity is the SHA-256 of the equity curve.
	Equity string `json:"equity_sha256"`
}

// Golden runs a backtest twice, which must give the same result (rule PL1), and
// compares it with the file, such as "testdata/cross.golden". With
// STRATEGYTEST_UPDATE=1 in the environment it writes the file instead.
func Golden(t *testing.T, def strategy.Definition, cfg backtest.Config, candles []exchange.Candle, path string) *backtest.Result {
	t.Helper()
	return GoldenOf(t, def, cfg, func() marketdata.Source { return marketdata.NewSliceSource(candles) }, path)
}

// GoldenOf is Golden for a run of more than the candles of one market: source opens
// what it has.
func GoldenOf(t *testing.T, def strategy.Definition, cfg backtest.Config, source func() marketdata.Source, path string) *backtest.Result {
	t.Helper()
	result, got := run(t, def, cfg, source())
	if _, again := run(t, def, cfg, source()); !bytes.Equal(got, again) {
		t.Fatal("the same backtest gave another result the second time")
	}
	if os.Getenv(updateVariable) != "" {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path) //nolint:gosec // a test names its own file
	if err != nil {
		t.Fatalf("%v (with %s=1 it is written)", err, updateVariable)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the backtest differs from %s (with %s=1 it is written anew):\n%s", path, updateVariable, firstDifference(got, want))
	}
	return result
}

func run(t *testing.T, def strategy.Definition, cfg backtest.Config, source marketdata.Source) (*backtest.Result, []byte) {
	t.Helper()
	r, err := backtest.Run(t.Context(), def, cfg, source, nil)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	for _, e := range r.Equity {
		_, _ = sum.Write(binary.LittleEndian.AppendUint64(nil, uint64(e)))
	}
	text, err := json.MarshalIndent(golden{
		Candles: r.Candles, FinalEquity: r.FinalEquity, MaxDrawdown: r.MaxDrawdown, Invested: r.Invested, Trades: r.Trades, Pairs: r.Pairs,
		Equity: hex.EncodeToString(sum.Sum(nil)),
	}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return r, append(text, '\n')
}

// firstDifference returns the first lines that differ.
func firstDifference(got, want []byte) string {
	a, b := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range min(len(a), len(b)) {
		if !bytes.Equal(a[i], b[i]) {
			return "got  " + string(a[i]) + "\nwant " + string(b[i])
		}
	}
	return "one is longer"
}
