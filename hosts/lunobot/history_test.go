package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Candles of a file go into the store, are listed, checked, exported in both
// forms, and run a backtest with the same result as the file; then they go.
func TestHistory(t *testing.T) {
	t.Parallel()
	dir, file := realCandles(t)
	run := func(args ...string) answer {
		t.Helper()
		a := command(t, dir, args...)
		if a.code != 0 {
			t.Fatalf("%v: exit code %d\n%s%s", args, a.code, a.out, a.problems)
		}
		return a
	}
	imported := run("history", "import", file, "--interval", "1m", "--step", "0.00000001")
	if !strings.Contains(imported.out, "of BTCUSD 1m") || !strings.Contains(imported.out, " 0 were there already") {
		t.Errorf("import: %s", imported.out)
	}
	if again := run("history", "import", file, "--interval", "1m"); !strings.Contains(again.out, ": 0 new, 0 replaced,") {
		t.Errorf("import again: %s", again.out)
	}
	if list := run("history", "list"); !strings.Contains(list.out, "BTCUSD") || !strings.Contains(list.out, "btcusd-1m.csv") || !strings.Contains(list.out, "MISSING") {
		t.Errorf("list: %s", list.out)
	}
	if ok := run("history", "verify"); !strings.Contains(ok.out, "files are whole") {
		t.Errorf("verify: %s", ok.out)
	}

	// The same strategy on the file and on the store.
	strategy := []string{"backtest", "--strategy", "basic", "--step", "0.00000001", "--json"}
	fromFile := append(strategy, "file.json", "--data", file)
	run(fromFile...)
	run("backtest", "--strategy", "basic", "--data", "store", "--pair", "btc/usd", "--json", "store.json")
	want, got := readReport(t, filepath.Join(dir, "file.json")), readReport(t, filepath.Join(dir, "store.json"))
	if fmt.Sprint(got.Trades, got.Statistics, got.Equity, got.Data) != fmt.Sprint(want.Trades, want.Statistics, want.Equity, want.Data) || len(got.Trades) == 0 {
		t.Errorf("on the store %+v, on the file %+v", got.Statistics, want.Statistics)
	}

	// What is exported is imported into the same bytes, from either form.
	sum := func(store string) string {
		for _, line := range strings.Split(run("history", "list", "--store", store).out, "\n") {
			if f := strings.Fields(line); len(f) > 5 && f[0] == "BTCUSD" {
				return fmt.Sprint(f[6:10], f[len(f)-2])
			}
		}
		t.Fatalf("%s has no candles", store)
		return ""
	}
	first := sum("lunobot-data/history")
	run("history", "export", "--pair", "BTCUSD", "--interval", "1m", "--csv", "out.csv")
	run("history", "export", "--pair", "BTCUSD", "--interval", "1m", "--parquet", "out.parquet")
	for _, out := range []string{"out.csv", "out.parquet"} {
		run("history", "import", out, "--pair", "BTC/USD", "--interval", "1m", "--step", "0.00000001", "--store", out+".store")
		if again := sum(out + ".store"); again != first {
			t.Errorf("%s gives %s, want %s", out, again, first)
		}
	}

	// A damaged file is named, and no backtest runs on it.
	files, err := filepath.Glob(filepath.Join(dir, "lunobot-data/history/BTCUSD/1m/*.parquet"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	raw, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 1
	if err := os.WriteFile(files[0], raw, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"history", "verify"}, {"backtest", "--strategy", "basic", "--data", "store"}} {
		if a := command(t, dir, args...); a.code != 1 || !strings.Contains(a.problems, filepath.Base(files[0])) || !strings.Contains(a.problems, "is damaged") {
			t.Errorf("%v on damage: exit code %d\n%s%s", args, a.code, a.out, a.problems)
		}
	}
	run("history", "remove", "--pair", "BTCUSD", "--interval", "1m")
	if list := run("history", "list"); !strings.Contains(list.out, "there are no candles") {
		t.Errorf("after removing: %s", list.out)
	}
}

// What is wrong with an import is told before anything is stored.
func TestHistoryInput(t *testing.T) {
	t.Parallel()
	const rows = "1700000040,10,12,9,11,1.5\n1700000100,11,12,9,11,1.5\n"
	for _, c := range []struct {
		name, text string
		args, want []string
	}{
		{"a bad line", header + rows + "1700000160,11,x,9,11,1\n", []string{"--pair", "XBTMYR"}, []string{"line 4, column high", "nothing was stored"}},
		{"a finer price", header + "1700000040,10.001,12,9,11,1\n", []string{"--pair", "XBTMYR"}, []string{"column open: 10.001 is finer than the tick 0.01"}},
		{"another length", header + "1700000040,10,12,9,11,1\n1700000050,10,12,9,11,1\n", []string{"--pair", "XBTMYR"}, []string{"no whole number of intervals"}},
		{"all flags at once", header + rows, []string{"--pair", "XBTMYR", "--columns", "opening=x,high=", "--layout", "nasdaq", "--time-unit", "weeks", "--delimiter", "ab"},
			[]string{"--columns", "opening", "high", "nasdaq", "kraken", "weeks", "--delimiter"}},
		{"a column that is not there", header + rows, []string{"--pair", "XBTMYR", "--columns", "volume=vol"}, []string{"line 1", "lacks vol"}},
		{"no pair", header + rows, nil, []string{"--pair"}},
		{"no rows in the time", header + rows, []string{"--pair", "XBTMYR", "--from", "2025-01-01"}, []string{"no candle in the time"}},
		{"days as minutes", header + days(30), []string{"--pair", "XBTMYR"}, []string{"1.csv", "stand 1d apart", "give --interval 1d", "nothing was stored"}},
		{"times without a zone", header + "2026-01-31 00:00:00,10,12,9,11,1\n", []string{"--pair", "XBTMYR"}, []string{"line 2", "time zone", "--help"}},
		{"a format without a zone", header + rows, []string{"--pair", "XBTMYR", "--time-format", "dd.MM.yyyy"}, []string{"--time-format needs --time-zone"}},
		{"a zone that is none", header + rows, []string{"--pair", "XBTMYR", "--time-zone", "MYT"}, []string{`--time-zone "MYT" must be UTC or an offset`}},
		{"a span backwards", header + rows, []string{"--pair", "XBTMYR", "--from", "2025-01-02", "--to", "2025-01-01"}, []string{"--from 2025-01-02 must be before --to"}},
		{"no rows at all", header, []string{"--pair", "XBTMYR"}, []string{"1.csv has no candle\n"}},
		{"another candle of the same time", header + rows, []string{"--pair", "ETHMYR"}, []string{"2023-11-14T22:14:00Z", "volume 1.5", "--replace"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if c.name == "another candle of the same time" {
				write(t, dir, "old.csv", header+"1700000040,10,12,9,11,1\n")
				if a := command(t, dir, "history", "import", "old.csv", "--pair", "ETHMYR", "--interval", "1m"); a.code != 0 {
					t.Fatal(a.problems)
				}
			}
			write(t, dir, "1.csv", c.text)
			before := command(t, dir, "history", "list").out
			a := command(t, dir, append([]string{"history", "import", "1.csv", "--interval", "1m"}, c.args...)...)
			if a.code != 2 || a.out != "" {
				t.Errorf("exit code %d\n%s%s", a.code, a.out, a.problems)
			}
			for _, part := range c.want {
				if !strings.Contains(a.problems, part) {
					t.Errorf("%q does not tell %q", a.problems, part)
				}
			}
			if after := command(t, dir, "history", "list").out; after != before {
				t.Errorf("something was stored: %s", after)
			}
		})
	}
	dir := t.TempDir()
	write(t, dir, "xbtmyr.csv", "1735689600000000,1,2,1,2,5,1,1,1,1,1,0\n")
	for _, c := range [][2]string{
		{"history import xbtmyr.csv --interval 1m --layout binance --check", "would store 1 candles of XBTMYR 1m: 1 new"},
		{"history list", "there are no candles"},
		{"history import xbtmyr.csv --interval 1m --layout binance", "stored 1 candles"},
	} {
		if a := command(t, dir, strings.Fields(c[0])...); a.code != 0 || !strings.Contains(a.out, c[1]) {
			t.Errorf("%s: exit code %d\n%s%s", c[0], a.code, a.out, a.problems)
		}
	}
	for args, want := range map[string]string{
		"backtest --strategy basic --data store --pair ABCDEF":           "there is: XBTMYR",
		"backtest --strategy basic --data store --candles 1h":            "the lengths of XBTMYR are 1m",
		"backtest --strategy basic --data store --from 2030-01-01":       "there is no candle from 2030",
		"backtest --strategy basic --data store --tick 1":                "the store knows its own",
		"backtest --strategy basic --candles 1m":                         "--candles is for --data store",
		"history remove --pair XBTMYR --interval 1h":                     "no candles of XBTMYR 1h",
		"history export --pair XBTMYR --interval 1m":                     "--csv",
		"history export --pair XBTMYR --interval 1 --csv x":              "--interval",
		"history download --pair XBTMYR --from 2025-01-01":               "LUNO_KEY_ID",
		"history download --pair XBTMYR --from 2025-01-01 --interval 2m": "none that Luno has: 1m, 5m",
		"history import no.csv --pair XBTMYR --interval 1m":              "no.csv: no such file",
		"backtest --strategy basic --data store --store /dev/null":       "is not a folder",
		"backtest --strategy basic --data store --store ./nothing":       "there are no candles in ./nothing",
	} {
		if a := command(t, dir, strings.Fields(args)...); a.code != 2 || !strings.Contains(a.problems, want) {
			t.Errorf("%s: exit code %d\n%s%s", args, a.code, a.out, a.problems)
		}
	}
}

// days are the rows of that many days.
func days(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%d,10,12,9,11,1.5\n", 1_700_006_400+i*86_400)
	}
	return b.String()
}

// Times without a zone are taken in the one that is named, in Parquet files what lies
// outside the span is not counted, and what cannot be read twice is not waited for.
func TestHistoryTimes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "xbtmyr.csv", header+days(30))
	write(t, dir, "local.csv", "Datum;open;high;low;close;volume\n15.11.2023 08:00;10;12;9;11;1.5\n16.11.2023 08:00;10;12;9;11;1.5\n")
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"import xbtmyr.csv --interval 1d", 0, "stored 30 candles"},
		{"import local.csv --pair XBTMYR --interval 1d --delimiter ; --columns time=datum --time-zone +08:00 --time-format dd.MM.yyyy_HH:mm", 0, "2 were there already"},
		{"export --pair XBTMYR --interval 1d --parquet x.parquet", 0, "wrote 30"},
		{"import x.parquet --pair ETHMYR --interval 1d --from 2023-11-15 --to 2023-11-20", 0, "stored 5 candles of ETHMYR 1d: 5 new"},
		{"import x.parquet --pair ETHMYR --interval 1d --from 2030-11-15", 2, "no candle in the time asked for"},
		{"import /dev/null --pair XBTMYR --interval 1d", 2, "/dev/null is no regular file"},
	} {
		args := strings.Fields("history " + c.args)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "_", " ")
		}
		if a := command(t, dir, args...); a.code != c.code || !strings.Contains(a.out+a.problems, c.want) {
			t.Errorf("%s: exit code %d\n%s%s", c.args, a.code, a.out, a.problems)
		}
	}
	// A copy that lacks the manifest is told, and can be removed.
	if err := os.Remove(filepath.Join(dir, "lunobot-data/history/ETHMYR/1d/manifest.json")); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"list", "verify"} {
		if a := command(t, dir, "history", verb); a.code != 1 || !strings.Contains(a.problems, "ETHMYR 1d") || !strings.Contains(a.problems, "no manifest.json") || !strings.Contains(a.out, "XBTMYR") {
			t.Errorf("%s: exit code %d\n%s%s", verb, a.code, a.out, a.problems)
		}
	}
	if a := command(t, dir, "history", "remove", "--pair", "ETHMYR", "--interval", "1d"); a.code != 0 {
		t.Error(a.problems)
	}
	if a := command(t, dir, "history", "list"); a.code != 0 || strings.Contains(a.out, "ETHMYR") {
		t.Errorf("after removing: exit code %d\n%s%s", a.code, a.out, a.problems)
	}
	// An offset is one the whole year, also where it is that of the machine's own zone.
	write(t, dir, "summer.csv", header+"2024-01-15 01:00,10,12,9,11,1.5\n2024-07-15 01:00,10,12,9,11,1.5\n")
	args := []string{"history", "import", "summer.csv", "--pair", "ETHMYR", "--interval", "1d", "--time-zone", "+01:00", "--time-format", "yyyy-MM-dd HH:mm"}
	for _, zone := range []string{"CET", "UTC", "Europe/Berlin"} {
		if a := commandWith(t, []string{"TZ=" + zone}, dir, args...); a.code != 0 {
			t.Errorf("in %s: exit code %d\n%s%s", zone, a.code, a.out, a.problems)
		}
	}
	if a := command(t, dir, "history", "list"); !strings.Contains(a.out, "2024-01-15 00:00   2024-07-16 00:00   2 ") {
		t.Errorf("what was imported is\n%s", a.out)
	}
}

const header = "timestamp,open,high,low,close,volume\n"

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// fakeLuno serves the two calls that a download makes, in the shapes that Luno
// documents, with faults in between.
func fakeLuno(t *testing.T, calls *atomic.Int64) *httptest.Server {
	t.Helper()
	const begin, count = 1_700_000_040_000, 5000
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch n := calls.Add(1); {
		case n%7 == 3:
			w.WriteHeader(http.StatusBadGateway)
			return
		case n%7 == 5:
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		if r.URL.Path == "/api/exchange/1/markets" {
			fmt.Fprint(w, `{"markets":[{"market_id":"XBTMYR","base_currency":"XBT","counter_currency":"MYR","trading_status":"ACTIVE","min_volume":"0.0005",
				"max_volume":"100.00","min_price":"100.00","max_price":"1000000.00","price_scale":2,"volume_scale":4,"fee_scale":8}]}`)
			return
		}
		if _, _, ok := r.BasicAuth(); !ok {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		since, _ := strconv.ParseInt(r.URL.Query().Get("since"), 10, 64)
		page := struct {
			Pair     string           `json:"pair"`
			Duration int              `json:"duration"`
			Candles  []map[string]any `json:"candles"`
		}{Pair: "XBTMYR", Duration: 60}
		for i := 0; i < count && len(page.Candles) < 1000; i++ {
			if at := int64(begin + i*60_000); at >= since && i%1777 != 1000 {
				price := fmt.Sprintf("%d.50", 1000+i)
				page.Candles = append(page.Candles, map[string]any{"timestamp": at, "open": price, "high": price, "low": price, "close": price, "volume": "0.0100"})
			}
		}
		raw, err := json.Marshal(page)
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(raw)
	}))
	t.Cleanup(s.Close)
	return s
}

// A download survives faults and its own death: it goes on where it was, and the
// end is the same as without.
func TestHistoryDownload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var calls atomic.Int64
	server := fakeLuno(t, &calls)
	args := []string{"history", "download", "--pair", "XBTMYR", "--from", "2023-11-14T22:14:00Z", "--to", "2023-11-19", "--url", server.URL}
	start := func() (*exec.Cmd, *bytes.Buffer) {
		cmd := exec.CommandContext(t.Context(), binary, args...)
		var out bytes.Buffer
		cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &out
		cmd.Env = environment("LUNO_KEY_ID=id", "LUNO_KEY_SECRET=hush")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, &out
	}
	// Killed once some pages are there.
	cmd, _ := start()
	manifest := filepath.Join(dir, "lunobot-data/history/XBTMYR/1m/manifest.json")
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(manifest); err == nil || time.Now().After(deadline) {
			break
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	before := command(t, dir, "history", "list").out
	if !strings.Contains(before, "XBTMYR") {
		t.Fatalf("killed before the first page: %s", before)
	}
	cmd, out := start()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(out.String(), "Luno has no closed candle from 2023-11-18 09:34 on") {
		t.Errorf("what was asked for and is not there is not told: %s", out)
	}
	after := command(t, dir, "history", "list").out
	if !strings.Contains(after, " 4997 ") || !strings.Contains(after, "2023-11-18 09:34") || !strings.Contains(after, "Luno") || strings.Contains(out.String(), "hush") {
		t.Errorf("before:\n%safter:\n%s%s", before, after, out)
	}
	if a := command(t, dir, "history", "verify"); a.code != 0 {
		t.Errorf("verify: %s", a.problems)
	}
	for _, flag := range []string{"--tick", "--step"} {
		a := command(t, dir, append(args, "--key-id", "id", "--secret", "hush", flag, "0.000000000000000001")...)
		if a.code != 2 || !strings.Contains(a.problems, flag+" 0.000000000000000001 is too fine") {
			t.Errorf("%s: exit code %d, %s", flag, a.code, a.problems)
		}
	}
}
