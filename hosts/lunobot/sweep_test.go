package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lunobot/lunobot/strategy/strategytest"
)

// reportsOf runs a command that writes both reports and returns what it wrote, the
// table without its last line, which has a time.
func reportsOf(t *testing.T, args ...string) (table string, document, page []byte) {
	t.Helper()
	dir := t.TempDir()
	a := command(t, dir, append(args, "--json", "r.json", "--html", "r.html")...)
	table, took, ok := strings.Cut(a.out, "\nTook ")
	if a.code != 0 || !ok || !strings.Contains(took, "sets/s") {
		t.Fatalf("exit code %d\n%s%s", a.code, a.out, a.problems)
	}
	read := func(name string) []byte {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	return table, read("r.json"), read("r.html")
}

// The same search gives the same bytes, however many runs go on at once.
func TestSearchTwiceGivesTheSameBytes(t *testing.T) { // proves PL1
	t.Parallel()
	days := []string{"--strategy", "basic", "--from", "2025-12-20", "--to", "2026-01-01", "--interval", "15m"}
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"sweep by grid": {
			[]string{"sweep", "--range", "fast=5:50:5", "--range", "kind=sma,ema", "--param", "slow=60"},
			[]string{"20 sets by grid", "deflated Sharpe ratio", "probability of backtest overfitting"},
		},
		"sweep by TPE": {
			[]string{"sweep", "--range", "fast=2:50", "--range", "slow=20:200", "--method", "tpe", "--trials", "30", "--seed", "7", "--objective", "equity"},
			[]string{"30 sets by TPE, best by Final equity", "Bergstra"},
		},
		"walk forward": {
			[]string{"walkforward", "--range", "fast=5:30:5", "--in-sample", "4d", "--out-of-sample", "2d"},
			[]string{"4 windows (rolling) of 4 d, each traded for 2 d after it; 20 sets", "on candles that no choice had seen", "Pardo"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append(c.args, days...)
			table, document, page := reportsOf(t, append(args, "--workers", "1")...)
			for _, want := range c.want {
				if !strings.Contains(table, want) {
					t.Errorf("the table does not tell %q:\n%s", want, table)
				}
			}
			again, documentAgain, pageAgain := reportsOf(t, append(args, "--workers", "3")...)
			if again != table || !bytes.Equal(documentAgain, document) || !bytes.Equal(pageAgain, page) {
				t.Error("the reports of two runs differ")
			}
			if !json.Valid(document) || bytes.Contains(page, []byte("http://")) || bytes.Contains(page, []byte("src=")) {
				t.Error("the document is no JSON, or the page needs something from outside")
			}
		})
	}
}

// A strategy that checks its parameters itself has sets left out, and one set that
// is a program's own is run as those that the host contains are.
func TestSweepOfAPlugin(t *testing.T) {
	t.Parallel()
	args := []string{"sweep", "--from", "2025-12-30", "--to", "2026-01-01", "--range", "fast=10,40", "--range", "slow=30,50"}
	_, bundled, _ := reportsOf(t, append(args, "--strategy", "basic")...)
	table, plugin, _ := reportsOf(t, append(args, "--plugin", strategytest.Build(t, "./plugins/basic"))...)
	if !strings.Contains(table, "3 sets by grid") || !strings.Contains(table, "1 skipped, which the strategy does not allow") {
		t.Errorf("it tells\n%s", table)
	}
	if !bytes.Equal(bundled, plugin) {
		t.Error("a plugin's file gives another report than the same strategy in this program")
	}
	a := command(t, t.TempDir(), "sweep", "--strategy", "rules", "--from", "2025-12-30", "--to", "2026-01-01", "--range", "entry=rsi(14) < 30,nonsense(")
	if a.code != 0 || !strings.Contains(a.out, "1 set by grid") || !strings.Contains(a.out, "1 skipped") {
		t.Errorf("a broken expression ended it with %d:\n%s%s", a.code, a.out, a.problems)
	}
}

func TestSearchWithWrongInput(t *testing.T) {
	t.Parallel()
	const basic, fast = "--strategy=basic", "--range=fast=5:50:5"
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"no range":                   {[]string{"sweep", basic}, []string{"--range", "there is no range, such as fast=5:50:5"}},
		"every wrong range is named": {[]string{"sweep", basic, "--range", "fast=5:9x", "--range", "nope=1", "--range", "slow"}, []string{`"9x" is no number`, `no parameter "nope"`, "slow: it must be written as name=values", "strategies describe basic"}},
		"an end below its start":     {[]string{"sweep", basic, "--range", "fast=50:5:5"}, []string{"range fast=50:5:5: its end is below its start"}},
		"a step of nothing":          {[]string{"sweep", basic, "--range", "fast=5:50:0"}, []string{`its step "0" must be above 0`}},
		"an option that is none":     {[]string{"sweep", basic, "--range", "kind=sma,wma"}, []string{"wma is not one of sma, ema"}},
		"a range that is fixed too":  {[]string{"sweep", basic, fast, "--param", "fast=9"}, []string{"fast is also given one value"}},
		"sets that are all refused":  {[]string{"sweep", basic, "--range", "fast=300:310"}, []string{"allows none of the sets", "fast must be below Slow average"}},
		"more sets than may be":      {[]string{"sweep", basic, "--range", "fast=1:1000", "--range", "slow=2:5000"}, []string{"more than 100000 sets", "random or tpe"}},
		"a grid without a step":      {[]string{"sweep", basic, "--range", "size=1:100:log"}, []string{"a grid needs a count, such as size=1:100:log:8"}},
		"an unknown method":          {[]string{"sweep", basic, fast, "--method", "genetic"}, []string{`no method "genetic"`, "grid, random, tpe"}},
		"an unknown measure":         {[]string{"sweep", basic, fast, "--objective", "luck"}, []string{`no measure "luck"`, "sharpe"}},
		"no trial":                   {[]string{"sweep", basic, fast, "--method", "tpe", "--trials=-1"}, []string{"--trials -1 must be from 1"}},
		"bounds that are none":       {[]string{"sweep", basic, fast, "--max-drawdown", "20", "--min-trades=-3"}, []string{"--max-drawdown 20 must be a share", "--min-trades -3"}},
		"workers below none":         {[]string{"sweep", basic, fast, "--workers=-1"}, []string{"--workers -1"}},
		"a window that is none":      {[]string{"walkforward", basic, fast, "--in-sample", "soon", "--every", "0d"}, []string{"--in-sample soon", "--every 0d"}},
		"a window beyond the data":   {[]string{"walkforward", basic, fast, "--in-sample", "90d"}, []string{"the history of 30d is shorter than a window"}},
		"windows that overlap":       {[]string{"walkforward", basic, fast, "--out-of-sample", "2d", "--every", "1d"}, []string{"--every 1d must be at least --out-of-sample 2d"}},
		"a part of a candle":         {[]string{"walkforward", basic, fast, "--in-sample", "90s"}, []string{"--in-sample 90s must be a whole number of the data's candles"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			a := command(t, dir, append(c.args, "--json", "out.json")...)
			if a.code != 2 || a.out != "" || strings.Count(a.problems, "\n") != 1 {
				t.Errorf("exit code %d, want 2 and one line:\n%s%s", a.code, a.out, a.problems)
			}
			for _, part := range c.want {
				if !strings.Contains(a.problems, part) {
					t.Errorf("%q does not tell %q", a.problems, part)
				}
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "*out*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// An interrupted sweep ends soon, says so, and leaves no file and no process.
func TestInterruptedSweep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var out, problems bytes.Buffer
	cmd := exec.CommandContext(t.Context(), binary, "sweep", "--strategy", "basic", "--from", "2025-01-01", "--to", "2026-01-01", "--range", "fast=2:50",
		"--range", "slow=60:200", "--json", "r.json", "--html", "r.html")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &problems
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // as a terminal does
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if files, _ := filepath.Glob(filepath.Join(dir, ".r.html.*")); len(files) == 1 {
			break
		}
		if time.Since(begin) > time.Minute {
			t.Fatal("it does not begin")
		}
	}
	time.Sleep(500 * time.Millisecond)
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	interrupted := time.Now()
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != 130 {
		t.Errorf("it ended with %v", err)
	}
	if took := time.Since(interrupted); took > 20*time.Second {
		t.Errorf("it went on for %s", took)
	}
	if out.Len() > 0 || problems.String() != "lunobot: interrupted; no file was written\n" {
		t.Errorf("it says %q and %q", out.String(), problems.String())
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if hidden, _ := filepath.Glob(filepath.Join(dir, ".r.*")); len(hidden) > 0 {
		t.Errorf("left behind: %v", hidden)
	}
	if err := syscall.Kill(-cmd.Process.Pid, 0); err == nil {
		t.Error("a process of its goes on")
	}
}

// Sweeps and walk-forwards trade further pairs as a backtest does: of the demo market
// and of files, in this program and in a plugin, with windows that are warmed up.
func TestSearchesTradeSeveralPairs(t *testing.T) { // proves PL1
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"own.csv": waves(7, 3_000), "eth.csv": waves(11, 2_000)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rebalance := strategytest.Build(t, "./plugins/rebalance")
	demo := []string{"--from", "2025-12-28", "--to", "2025-12-31", "--with", "ETHMYR", "--range", "band=0.5:1.5:0.5", "--objective", "equity"}
	files := []string{
		"--data", filepath.Join(dir, "own.csv"), "--pair", "XBT/MYR", "--with", "ETH/MYR=" + filepath.Join(dir, "eth.csv"),
		"--from", "2023-11-15T12:00:00Z", "--range", "band=2,4", "--param", "others=ETHMYR=30", "--param", "weight=30", "--objective", "equity",
	}
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"a sweep of the demo market": {append([]string{"sweep"}, demo...), []string{"on XBTMYR, ETHMYR", "3 sets by grid"}},
		"a walk of the demo market":  {append([]string{"walkforward", "--in-sample", "1d", "--out-of-sample", "12h"}, demo...), []string{"on XBTMYR, ETHMYR", "4 windows"}},
		"a sweep of files":           {append([]string{"sweep"}, files...), []string{"2 sets by grid", "The candles of ETHMYR go from"}},
		"a walk of files":            {append([]string{"walkforward", "--in-sample", "10h", "--out-of-sample", "5h"}, files...), []string{"The candles of ETHMYR go from"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			table, document, page := reportsOf(t, append(c.args, "--strategy", "rebalance")...)
			for _, want := range c.want {
				if !strings.Contains(table, want) {
					t.Errorf("the table does not tell %q:\n%s", want, table)
				}
			}
			if !strings.Contains(string(document), `"ETHMYR"`) {
				t.Error("the document does not name the further pair")
			}
			_, far, farPage := reportsOf(t, append(c.args, "--plugin", rebalance)...)
			if !bytes.Equal(far, document) || !bytes.Equal(farPage, page) {
				t.Error("a plugin's file gives another report than the same strategy in this program")
			}
		})
	}
	a := command(t, dir, "sweep", "--strategy", "basic", "--range", "fast=5,9", "--with", "ETHMYR")
	if a.code != 2 || !strings.Contains(a.problems, "--with: basic trades one pair") {
		t.Errorf("exit code %d:\n%s%s", a.code, a.out, a.problems)
	}
	// What a sweep says of its only set is what a backtest of it comes to.
	one := []string{"--strategy", "rebalance", "--from", "2025-12-28", "--to", "2025-12-31", "--with", "ETHMYR"}
	_, sweep, _ := reportsOf(t, append([]string{"sweep", "--range", "band=1", "--objective", "equity"}, one...)...)
	single := command(t, dir, append([]string{"backtest", "--param", "band=1", "--json", "one.json"}, one...)...)
	raw, err := os.ReadFile(filepath.Join(dir, "one.json"))
	if err != nil || single.code != 0 {
		t.Fatal(err, single.problems)
	}
	final := func(raw []byte, path ...string) string {
		var v any
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatal(err)
		}
		for _, name := range path {
			switch in := v.(type) {
			case map[string]any:
				v = in[name]
			case []any:
				v = in[0].(map[string]any)[name]
			}
		}
		text, _ := v.(string)
		return text
	}
	if got, want := final(sweep, "sets", "metrics", "final_equity"), final(raw, "statistics", "final_equity"); got == "" || got != want {
		t.Errorf("the best set comes to %q, and a backtest of it to %q", got, want)
	}
}

// waves are the candles of minutes as a CSV file, whose price swings with a period.
func waves(period, n int) string {
	var b strings.Builder
	b.WriteString("timestamp,open,high,low,close,volume\n")
	for i := range n {
		price := 1000 + 40*(i/period%period)
		fmt.Fprintf(&b, "%d,%d,%d,%d,%d,100\n", 1_700_000_040+60*i, price, price+5, price-5, price)
	}
	return b.String()
}
