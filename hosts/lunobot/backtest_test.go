package main_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
)

func TestBacktestTwiceGivesTheSameBytes(t *testing.T) { // proves PL1
	t.Parallel()
	dir := t.TempDir()
	var files [2][2][]byte
	for i := range files {
		a := command(t, dir, "backtest", "--strategy", "basic", "--from", "2025-12-30", "--to", "2026-01-01", "--json", "r.json", "--html", "r.html")
		if a.code != 0 || !strings.Contains(a.out, "Buy and hold") || !strings.Contains(a.out, "candles/s") {
			t.Fatalf("exit code %d\n%s%s", a.code, a.out, a.problems)
		}
		for j, name := range []string{"r.json", "r.html"} {
			raw, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			files[i][j] = raw
		}
	}
	for j, name := range []string{"JSON", "HTML"} {
		if !bytes.Equal(files[0][j], files[1][j]) {
			t.Errorf("the %s of two runs differs", name)
		}
	}
	if page := string(files[0][1]); strings.Contains(page, "http://") || strings.Contains(page, "https://") || strings.Contains(page, "<link") || strings.Contains(page, "src=") {
		t.Error("the page needs something from outside")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestWrongInput(t *testing.T) {
	t.Parallel()
	const header = "timestamp,open,high,low,close,volume\n"
	for _, c := range []struct {
		name string
		csv  string
		args []string
		want []string
	}{
		{"an unknown strategy lists what there is", "", []string{"--strategy", "nope"}, []string{`"nope"`, "basic"}},
		{
			"every wrong parameter is named", "", []string{"--strategy", "basic", "--param", "fast=0", "--param", "slow=x", "--param", "nope=1", "--param", "odd"},
			[]string{"fast", "slow", "nope", "odd must be written as name=value"},
		},
		{"parameters that contradict each other", "", []string{"--strategy", "basic", "--param", "fast=30", "--param", "slow=10"}, []string{"fast must be below Slow average"}},
		{"every wrong amount is named", "", []string{"--strategy", "basic", "--balance=-1", "--maker-fee", "2", "--slippage", "x"}, []string{"--balance", "--maker-fee", "--slippage"}},
		{"a holding that is none", "", []string{"--strategy", "basic", "--holding", "0"}, []string{"--holding 0 must be an amount above 0 in steps of"}},
		{"a holding finer than a step", "", []string{"--strategy", "basic", "--holding", "0.123456789"}, []string{"--holding 0.123456789"}},
		{"a holding of another pair", "", []string{"--strategy", "basic", "--holding", "ETHMYR=1"}, []string{"--holding ETHMYR=1: the run does not trade that pair; it trades XBTMYR"}},
		{"two holdings of a pair", "", []string{"--strategy", "basic", "--holding", "1", "--holding", "xbt/myr=2"}, []string{"--holding is given twice for XBTMYR"}},
		{
			"bounds that are none", "", []string{"--strategy", "basic", "--max-position", "0", "--stop-loss", "1", "--take-profit=-1",
				"--trailing-stop", "1", "--max-hold", "0s", "--cool-down", "long", "--max-daily-loss", "x", "--stop-drawdown=-0.1", "--max-orders", "0"},
			[]string{"--max-position 0 must be an amount above 0", "--stop-loss 1 must be a fraction", "--take-profit -1 must be a fraction",
				"--trailing-stop 1 must", "--max-hold 0s must", "--cool-down long must", "--max-daily-loss x must", "--stop-drawdown -0.1 must", "--max-orders must be above 0"},
		},
		{"neither cash nor a holding", "", []string{"--strategy", "basic", "--balance", "0"}, []string{"--balance 0", "with --holding it may be 0"}},
		{"fees that are none", "", []string{"--strategy", "basic", "--fee-tier", "100=0.1", "--fee-tier", "0=0.1,0.1"}, []string{"--fee-tier 100=0.1 must be", "--fee-tier 0=0.1,0.1 must be"}},
		{"fees out of order", "", []string{"--strategy", "basic", "--fee-tier", "200=0.1,0.1", "--fee-tier", "100=0.1,0.1"}, []string{"--fee-tier 100=0.1,0.1 must come after"}},
		{"a length that is none", "", []string{"--strategy", "basic", "--interval", "hourly"}, []string{"--interval hourly", "15m, 1h or 1d"}},
		{"a length of nothing", "", []string{"--strategy", "basic", "--interval", "0d"}, []string{"--interval 0d", "above 0"}},
		{"a length below the data's", "", []string{"--strategy", "basic", "--interval", "30s"}, []string{"--interval 30s", "a whole number of the data's candles, which are of 1m"}},
		{
			"a length that the data's do not fill", header + "1700000000,1,2,1,1,1\n1700003600,1,2,1,1,1\n",
			[]string{"--strategy", "basic", "--data", "in.csv", "--interval", "90m", "--balance=-1"}, []string{"--balance", "--interval 90m", "which are of 1h"},
		},
		{"a time that is none", "", []string{"--strategy", "basic", "--from", "yesterday"}, []string{"--from", "yesterday"}},
		{"an end before the start", "", []string{"--strategy", "basic", "--from", "2026-01-02", "--to", "2026-01-01"}, []string{"--from", "before"}},
		{"an unknown pair", "", []string{"--strategy", "basic", "--pair", "ABCDEF"}, []string{"ABCDEF", "XBTMYR"}},
		{"a file that does not exist", "", []string{"--strategy", "basic", "--data", "none.csv"}, []string{"none.csv", "no such file"}},
		{
			"a corrupt line is told with its number and column", header + "1700000000,1,2,1,1,1\n1700000060,1,x,1,1,1\n",
			[]string{"--strategy", "basic", "--data", "in.csv"}, []string{"in.csv", "line 3", "column high"},
		},
		{"a file that cannot be written is told before the run", "", []string{"--strategy", "basic", "--json", "no/such/folder/r.json"}, []string{"--json", "cannot be written"}},
		{"one file for two reports", "", []string{"--strategy", "basic", "--html", "./out.json"}, []string{"--json and --html are both ./out.json"}},
		{"a folder in place of a file", "", []string{"--strategy", "basic", "--html", "."}, []string{"--html", "folder"}},
		{"a flag that does not exist", "", []string{"--strategy", "basic", "--nope"}, []string{"--nope", "--help"}},
		{"signals for who takes none", "", []string{"--strategy", "basic", "--signals", "in.csv"}, []string{"--signals", "basic takes no signals"}},
		{"signals that are not there", "", []string{"--strategy", "signals", "--signals", "none.csv"}, []string{"--signals none.csv", "no such file"}},
		{
			"signals that cannot be read", "time,body\n2025-12-30T00:00:00Z,x\nsoon,x\n", []string{"--strategy", "signals", "--signals", "in.csv"},
			[]string{"--signals in.csv", "line 3", `"soon"`},
		},
		{"no strategy", "", nil, []string{"--strategy"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if c.csv != "" {
				if err := os.WriteFile(filepath.Join(dir, "in.csv"), []byte(c.csv), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			args := append([]string{"backtest"}, c.args...)
			if !strings.Contains(c.name, "written") {
				args = append(args, "--json", "out.json")
			}
			a := command(t, dir, args...)
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

// A strategy that decides on longer candles decides less often, over the same
// minutes; the length of the data's own changes nothing.
func TestBacktestInterval(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run := func(args ...string) (out, decide string, trades int) {
		t.Helper()
		args = append([]string{"backtest", "--strategy", "basic", "--from", "2025-12-20", "--to", "2026-01-01", "--json", "r.json", "--html", "r.html"}, args...)
		a := command(t, dir, args...)
		raw, err := os.ReadFile(filepath.Join(dir, "r.json"))
		if a.code != 0 || err != nil {
			t.Fatalf("exit code %d, %v\n%s%s", a.code, err, a.out, a.problems)
		}
		var report struct {
			Config struct {
				Interval, Decide string
			} `json:"config"`
			Trades []struct{} `json:"trades"`
		}
		if err := json.Unmarshal(raw, &report); err != nil || report.Config.Interval != "1m0s" {
			t.Fatalf("the data's candles are %q, %v", report.Config.Interval, err)
		}
		return a.out, report.Config.Decide, len(report.Trades)
	}
	out, decide, every := run()
	if decide != "1m0s" || strings.Contains(out, "decides on") {
		t.Errorf("without a length it decides on %s:\n%s", decide, out)
	}
	if _, _, same := run("--interval", "1m"); same != every {
		t.Errorf("on the data's own candles %d trades, want %d", same, every)
	}
	out, decide, hourly := run("--interval", "1h")
	if decide != "1h0m0s" || !strings.Contains(out, "17,280 candles of 1 min, decides on candles of 1 h\n") || hourly == 0 || hourly >= every/10 {
		t.Errorf("on hours %d trades, on minutes %d; it decides on %s:\n%s", hourly, every, decide, out)
	}
	if page, err := os.ReadFile(filepath.Join(dir, "r.html")); err != nil || !strings.Contains(string(page), "Decides on candles of") {
		t.Errorf("the page does not say on what it decides, %v", err)
	}
	if out, decide, _ = run("--interval", "1d"); decide != "24h0m0s" || !strings.Contains(out, "candles of 1 d\n") {
		t.Errorf("on days it decides on %s:\n%s", decide, out)
	}
}

// The signals of a file are heard over the wire, and those outside the candles are
// told of.
func TestBacktestWithSignals(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lines := `{"time":"2025-12-30T10:00:00Z","body":{"action":"buy","size":50}}
{"time":"2025-12-31T10:00:00Z","body":{"action":"close"}}
{"time":"2026-02-01T00:00:00Z","body":{"action":"buy"}}
`
	if err := os.WriteFile(filepath.Join(dir, "in.jsonl"), []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"backtest", "--strategy", "signals", "--from", "2025-12-30", "--to", "2026-01-01", "--json", "r.json"}
	a := command(t, dir, append(args, "--signals", "in.jsonl")...)
	trades := readReport(t, filepath.Join(dir, "r.json")).Trades
	if a.code != 0 || len(trades) != 1 || !strings.Contains(a.problems, "1 of 3 signals lie outside") {
		t.Errorf("exit code %d, trades %v\n%s%s", a.code, trades, a.out, a.problems)
	}
	if a := command(t, dir, args...); a.code != 0 || !strings.Contains(a.problems, "signals heard no signals: --signals FILE") {
		t.Errorf("without a file: exit code %d\n%s%s", a.code, a.out, a.problems)
	}
}

func TestReportsThatWereThereSurviveAFailure(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "r.json")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if a := command(t, dir, "backtest", "--strategy", "basic", "--data", "none.csv", "--json", path); a.code != 2 {
		t.Fatalf("exit code %d", a.code)
	}
	if raw, err := os.ReadFile(path); err != nil || string(raw) != "old" {
		t.Errorf("the report of before is %q, %v", raw, err)
	}
}

func TestStrategies(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if a := command(t, dir, "strategies", "list"); a.code != 0 || !strings.Contains(a.out, "basic") {
		t.Errorf("list: exit code %d\n%s%s", a.code, a.out, a.problems)
	}
	if a := command(t, dir, "strategies", "describe", "basic"); a.code != 0 || !strings.Contains(a.out, "1 to 1000") || !strings.Contains(a.out, "sma, ema") {
		t.Errorf("describe: exit code %d\n%s%s", a.code, a.out, a.problems)
	}
	if a := command(t, dir, "strategies", "describe", "nope"); a.code != 2 || !strings.Contains(a.problems, "basic") {
		t.Errorf("describe nope: exit code %d\n%s", a.code, a.problems)
	}
}

func TestMigrateTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	status := func() answer { return command(t, dir, "migrate", "--status", "--database-url", "sqlite://app.db") }
	if a := status(); a.code != 0 || !strings.Contains(a.out, "missing") || strings.Contains(a.out, "applied") {
		t.Fatalf("before: exit code %d\n%s%s", a.code, a.out, a.problems)
	}
	for _, want := range []string{"applied tenancy", "up to date"} {
		if a := command(t, dir, "migrate", "--database-url", "sqlite://app.db"); a.code != 0 || !strings.Contains(a.out, want) {
			t.Fatalf("migrating: exit code %d\n%s%s", a.code, a.out, a.problems)
		}
	}
	if a := status(); a.code != 0 || strings.Contains(a.out, "missing") {
		t.Errorf("after: exit code %d\n%s%s", a.code, a.out, a.problems)
	}
	if a := command(t, dir, "migrate", "--database-url", "ftp://x"); a.code != 2 {
		t.Errorf("a bad address: exit code %d\n%s", a.code, a.problems)
	}
}

func TestAdminNeedsAPassword(t *testing.T) {
	t.Parallel()
	a := command(t, t.TempDir(), "admin", "create", "--email", "root@example.com", "--first-name", "Ada", "--last-name", "Root")
	if a.code != 2 || !strings.Contains(a.problems, "LUNOBOT_ADMIN_PASSWORD") {
		t.Errorf("exit code %d\n%s", a.code, a.problems)
	}
}

// A run may begin with a holding alone, which the first open values.
func TestHolding(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := command(t, dir, "backtest", "--strategy", "basic", "--from", "2025-12-30", "--to", "2026-01-01", "--balance", "0", "--holding", "0.5", "--json", "r.json", "--html", "r.html")
	if a.code != 0 {
		t.Fatalf("exit code %d\n%s%s", a.code, a.out, a.problems)
	}
	var r struct {
		Config struct {
			Balance, Holding decimal.Decimal
		}
		Statistics struct {
			InitialEquity decimal.Decimal `json:"initial_equity"`
		}
		Trades []trade
	}
	raw, err := os.ReadFile(filepath.Join(dir, "r.json"))
	if err == nil {
		err = json.Unmarshal(raw, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Trades) == 0 || !r.Config.Balance.IsZero() || r.Config.Holding.String() != "0.5" {
		t.Fatalf("the report says %+v", r.Config)
	}
	first := r.Trades[0]
	if first.Volume.String() != "0.5" || !r.Statistics.InitialEquity.Equal(first.EntryPrice.Mul(first.Volume)) {
		t.Errorf("it began with %s, and sold first %s", r.Statistics.InitialEquity, first)
	}
	page, err := os.ReadFile(filepath.Join(dir, "r.html"))
	if err != nil || !strings.Contains(string(page), "and 0.5 XBT") {
		t.Errorf("the page does not say what was held (%v)", err)
	}
}

// proves PL4: the fees are those of the tier of what was traded in the days before.
func TestFeeTiers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := command(t, dir, "backtest", "--strategy", "basic", "--from", "2025-12-28", "--to", "2026-01-01", "--taker-fee", "0.002", "--fee-tier", "100000=0,0.001", "--fee-tier", "1000000000=0,0",
		"--json", "r.json", "--html", "r.html")
	if a.code != 0 {
		t.Fatalf("exit code %d\n%s%s", a.code, a.out, a.problems)
	}
	traded, today, day, seen := decimal.Zero, decimal.Zero, 0, map[string]bool{}
	for _, one := range readReport(t, filepath.Join(dir, "r.json")).Trades {
		for _, part := range []struct {
			at         time.Time
			price, fee decimal.Decimal
		}{{one.EntryTime, one.EntryPrice, one.EntryFee}, {one.ExitTime, one.ExitPrice, one.ExitFee}} {
			if part.at.YearDay() != day {
				traded, today, day = traded.Add(today), decimal.Zero, part.at.YearDay()
			}
			want := "0.002"
			switch {
			case traded.GreaterThanOrEqual(decimal.NewFromInt(1_000_000_000)):
				want = "0"
			case traded.GreaterThanOrEqual(decimal.NewFromInt(100_000)):
				want = "0.001"
			}
			value := part.price.Mul(one.Volume)
			if got := part.fee.Div(value).Round(4).String(); got != want {
				t.Fatalf("on %s, after %s, the fee is %s, want %s", part.at, traded, got, want)
			}
			today, seen[want] = today.Add(value), true
		}
	}
	if !seen["0.001"] || !seen["0.002"] {
		t.Errorf("only the fees %v were paid", seen)
	}
	if page, err := os.ReadFile(filepath.Join(dir, "r.html")); err != nil || !strings.Contains(string(page), "Fees from 100,000") {
		t.Errorf("the page does not say the fees (%v)", err)
	}
}
