package main_test

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/lunobot/lunobot/strategy/strategytest/machine"
)

// What can be read only once gives the report that a file gives, with its holes
// filled.
func TestBacktestOfAPipe(t *testing.T) { // proves M4, PL1
	t.Parallel()
	dir, file := realCandles(t)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	raw = raw[:bytes.LastIndexByte(raw[:len(raw)/8], '\n')+1]
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(t.TempDir(), filepath.Base(file))
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		machine.Missing(t, "a pipe with a name", err)
	}
	wrote := make(chan error, 1)
	go func() { wrote <- os.WriteFile(pipe, raw, 0o600) }()
	var reports [2][]byte
	for i, path := range []string{file, pipe} {
		out := filepath.Join(dir, "report.json")
		if a := command(t, dir, "backtest", "--strategy", "basic", "--data", path, "--json", out); a.code != 0 {
			t.Fatalf("exit code %d: %s", a.code, a.problems)
		}
		if reports[i], err = os.ReadFile(out); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-wrote; err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(reports[0], reports[1]) {
		t.Error("a pipe gives another report than a file")
	}
	if got := readReport(t, filepath.Join(dir, "report.json")); got.Data.Filled == 0 || len(got.Trades) == 0 {
		t.Errorf("%d holes were filled, and there are %d trades", got.Data.Filled, len(got.Trades))
	}
}
