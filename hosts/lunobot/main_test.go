package main_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
)

// binary is the program under test, built once.
var binary string //nolint:gochecknoglobals // set by TestMain

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "lunobot-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	binary = filepath.Join(dir, "lunobot")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// answer is what a command line gave.
type answer struct {
	code          int
	out, problems string
}

// command runs the program in a folder of its own.
func command(t *testing.T, dir string, args ...string) answer {
	t.Helper()
	return commandWith(t, nil, dir, args...)
}

// commandWith is command with more in the environment.
func commandWith(t *testing.T, env []string, dir string, args ...string) answer {
	t.Helper()
	var out, problems bytes.Buffer
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &problems
	cmd.Env = environment(env...)
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return answer{code: cmd.ProcessState.ExitCode(), out: out.String(), problems: problems.String()}
}

// environment is that of the tests without settings of the program, and more.
func environment(more ...string) []string {
	settings := func(e string) bool {
		return strings.HasPrefix(e, "LUNO") || strings.HasPrefix(e, "DATABASE_URL=")
	}
	return append(slices.DeleteFunc(os.Environ(), settings), more...)
}

// realCandles unpacks the real candles into a folder and returns the file.
func realCandles(t *testing.T) (dir, file string) {
	t.Helper()
	packed, err := os.Open("testdata/btcusd-1m.csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close() //nolint:errcheck // it was only read
	z, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	file = filepath.Join(dir, "btcusd-1m.csv")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, file
}

// report is the part of the JSON that the tests read.
type report struct {
	Market struct {
		Pair string `json:"pair"`
	} `json:"market"`
	Data struct {
		Candles int `json:"candles"`
		Filled  int `json:"filled"`
	} `json:"data"`
	Statistics struct {
		FinalEquity decimal.Decimal `json:"final_equity"`
		Trades      int             `json:"trades"`
	} `json:"statistics"`
	Trades []trade `json:"trades"`
	Equity []struct {
		Time   time.Time       `json:"time"`
		Equity decimal.Decimal `json:"equity"`
	} `json:"equity"`
}

type trade struct {
	EntryTime  time.Time       `json:"entry_time"`
	ExitTime   time.Time       `json:"exit_time"`
	EntryPrice decimal.Decimal `json:"entry_price"`
	ExitPrice  decimal.Decimal `json:"exit_price"`
	Volume     decimal.Decimal `json:"volume"`
	EntryFee   decimal.Decimal `json:"entry_fee"`
	ExitFee    decimal.Decimal `json:"exit_fee"`
	Profit     decimal.Decimal `json:"profit"`
}

// String writes every digit of a trade.
func (t trade) String() string {
	return fmt.Sprint(t.EntryTime.Format(time.RFC3339), " ", t.ExitTime.Format(time.RFC3339), " ", t.EntryPrice, " ", t.ExitPrice, " ",
		t.Volume, " ", t.EntryFee, " ", t.ExitFee, " ", t.Profit)
}

func readReport(t *testing.T, path string) report {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// A flag of one value that is given twice is refused by its name; one that may be
// repeated is not.
func TestRepeatedFlagsAreRefused(t *testing.T) {
	t.Parallel()
	a := command(t, t.TempDir(), "sweep", "--strategy", "basic", "--range", "fast=5,6", "--range", "slow=9,10", "--pair", "XBTMYR", "--seed", "1", "--pair", "ETHMYR", "--seed=2")
	if a.code != 2 || !strings.Contains(a.problems, "--pair is given more than once") || !strings.Contains(a.problems, "--seed is given more than once") || strings.Contains(a.problems, "--range is") {
		t.Errorf("exit code %d:\n%s", a.code, a.problems)
	}
}
