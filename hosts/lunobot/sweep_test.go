package main_test

import (
	"bytes"
	"encoding/json"
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
		"no trial":                   {[]string{"sweep", basic, fast, "--method", "tpe", "--trials=-1"}, []string{"Trials must be from 1"}},
		"workers below none":         {[]string{"sweep", basic, fast, "--workers=-1"}, []string{"--workers -1"}},
		"a window that is none":      {[]string{"walkforward", basic, fast, "--in-sample", "soon", "--every", "0d"}, []string{"--in-sample soon", "--every 0d"}},
		"a window beyond the data":   {[]string{"walkforward", basic, fast, "--in-sample", "90d"}, []string{"the history of 720h is shorter than a window"}},
		"windows that overlap":       {[]string{"walkforward", basic, fast, "--out-of-sample", "2d", "--every", "1d"}, []string{"--every 24h must be at least --out-of-sample 48h"}},
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
