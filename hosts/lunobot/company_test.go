package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/strategy/strategytest"
)

// A backtest brings what the strategy looks at beside the candles of its market:
// the demo market by itself, else from files, and it says what is lacking.
func TestBacktestBringsTradesAndOtherPairs(t *testing.T) { // proves PL3
	t.Parallel()
	listener := strategytest.Build(t, "./hosts/lunobot/testdata/listener")
	dir := t.TempDir()
	write := func(name, header string, row func(i int) string) {
		t.Helper()
		var text strings.Builder
		text.WriteString(header + "\n")
		for i := range 300 {
			text.WriteString(row(i) + "\n")
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const candles = "timestamp,open,high,low,close,volume"
	at := func(i int) int { return 1_700_000_040 + 60*i }
	write("own.csv", candles, func(i int) string { return fmt.Sprintf("%d,100,102,99,%d,5", at(i), 100+i%3) })
	write("eth.csv", candles, func(i int) string { return fmt.Sprintf("%d,10,12,8,%d,5", at(i), 9+i%4) })
	write("trades.csv", "timestamp,price,volume,side", func(i int) string { return fmt.Sprintf("%d,100,1,buy", at(i)+7) })
	write("odd.csv", "timestamp,price,volume,side", func(i int) string { return fmt.Sprintf("%d,100.001,1,buy", at(i)+7) })
	write("broken.csv", "timestamp,price,volume,side", func(i int) string { return fmt.Sprintf("%d,100,1,buy", at(i)*(1-i/200)) })
	base := []string{"backtest", "--plugin", listener, "--balance", "1000"}
	file := append(base[:len(base):len(base)], "--data", "own.csv", "--pair", "XBT/MYR")
	both := []string{"--param", "trades=true", "--param", "pair=ETHMYR"}
	sweep := []string{"sweep", "--plugin", listener, "--balance", "1000", "--objective", "equity", "--range", "trades=true"}
	own := append(sweep[:len(sweep):len(sweep)], "--data", "own.csv", "--pair", "XBT/MYR")
	const unheard = "The strategy listens to the market's trades, and this run had none"
	for _, c := range []struct {
		name string
		args [][]string
		code int
		want string
	}{
		{"the demo market brings its own", [][]string{base, both, {"--from", "2025-12-30", "--to", "2025-12-31", "--look-ahead"}}, 0, "passed   full"},
		{"files", [][]string{file, both, {"--trades", "trades.csv", "--also", "ETHMYR=eth.csv"}}, 0, "passed   cheap"},
		{"trades between two ticks", [][]string{file, both, {"--trades", "odd.csv", "--also", "ETHMYR=eth.csv"}}, 0, "300 numbers of the trades lie between"},
		{"no trades", [][]string{file, {"--param", "trades=true"}}, 0, unheard},
		{"no candles of the other pair", [][]string{file, both}, 1, "looks at the candles of ETHMYR, and the run has none"},
		{"trades that nobody listens to", [][]string{file, {"--trades", "trades.csv"}}, 2, "--trades: the strategy does not listen"},
		{"a pair that nobody looks at", [][]string{file, {"--also", "ETHMYR=eth.csv"}}, 2, "--also: the strategy looks at no other pair"},
		{"a pair without a file", [][]string{file, both, {"--also", "ETHMYR"}}, 2, "must be written as PAIR=FILE"},
		{"a file that is not there", [][]string{file, both, {"--trades", "none.csv", "--also", "ETHMYR=eth.csv"}}, 2, "--trades none.csv: no such file"},
		{"a broken line of trades", [][]string{file, both, {"--trades", "broken.csv", "--also", "ETHMYR=eth.csv"}}, 1, "line 202, column timestamp"},
		{"a sweep in the demo market", [][]string{sweep, {"--param", "pair=ETHMYR", "--from", "2025-12-30", "--to", "2025-12-31"}}, 0, "1 set"},
		{"a sweep of files", [][]string{own, {"--param", "pair=ETHMYR", "--trades", "trades.csv", "--also", "ETHMYR=eth.csv"}}, 0, "1 set"},
		{"a sweep without trades", [][]string{own}, 0, unheard},
		{"a sweep without the other pair", [][]string{own, {"--param", "pair=ETHMYR"}}, 1, "looks at the candles of ETHMYR, and the run has none"},
		{"a walk in the demo market", [][]string{{"walkforward"}, sweep[1:], {"--param", "pair=ETHMYR", "--from", "2025-12-30", "--to", "2025-12-31"}}, 0, "window"},
		{"its own pair", [][]string{file, {"--param", "pair=XBTMYR"}}, 1, "XBTMYR is the bot's own pair"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var args []string
			for _, part := range c.args {
				args = append(args, part...)
			}
			a := command(t, dir, args...)
			if a.code != c.code || !strings.Contains(a.out+a.problems, c.want) || strings.Contains(a.out, unheard) != (c.want == unheard) {
				t.Errorf("exit code %d, want %d with %q\n%s%s", a.code, c.code, c.want, a.out, a.problems)
			}
			if c.code == 0 && c.want != unheard && strings.Contains(a.out, "made no trade") {
				t.Errorf("it heard nothing:\n%s", a.out)
			}
		})
	}
}
