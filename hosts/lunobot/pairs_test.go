package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
)

// pairsReport is what a report says of a run of several pairs.
type pairsReport struct {
	Pairs []struct {
		Pair string `json:"pair"`
	} `json:"further_pairs"`
	Position *struct {
		Pair string `json:"pair"`
	} `json:"open_position"`
	Others []struct {
		Pair  string          `json:"pair"`
		Value decimal.Decimal `json:"value"`
	} `json:"further_open_positions"`
	Trades []struct {
		Pair  string          `json:"pair"`
		Price decimal.Decimal `json:"exit_price"`
	} `json:"trades"`
}

// A backtest trades further pairs of the demo market and of files with one balance,
// and its reports name them.
func TestBacktestTradesSeveralPairs(t *testing.T) { // proves T8, PL1
	t.Parallel()
	dir := t.TempDir()
	var own, other strings.Builder
	for i := range 300 {
		at := int64(1_700_000_040 + 60*i)
		row := func(b *strings.Builder, price int64) {
			text := decimal.NewFromInt(price).String()
			b.WriteString(strings.Join([]string{decimal.NewFromInt(at).String(), text, text, text, text, "100"}, ",") + "\n")
		}
		row(&own, int64(100+i%40))
		row(&other, int64(100-i%30))
	}
	const head = "timestamp,open,high,low,close,volume\n"
	for name, text := range map[string]string{"own.csv": head + own.String(), "eth.csv": head + other.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	demo := []string{"backtest", "--strategy", "rebalance", "--from", "2025-12-29", "--to", "2025-12-31", "--param", "weight=40", "--param", "others=ETHMYR=30", "--param", "band=0.5"}
	file := []string{"backtest", "--strategy", "rebalance", "--data", "own.csv", "--pair", "XBT/MYR", "--param", "weight=60"}
	for _, c := range []struct {
		name string
		args []string
		more []string
		code int
		want []string
	}{
		{"the demo market", demo, []string{"--with", "ETHMYR", "--json", "demo.json", "--html", "demo.html", "--look-ahead"}, 0, []string{"on XBTMYR, ETHMYR", "Holding equal shares", "passed   full"}},
		{"files", file, []string{"--with", "ETH/MYR=eth.csv", "--json", "file.json"}, 0, []string{"on XBTMYR, ETHMYR", "A position of"}},
		{"no file", file, []string{"--with", "ETHMYR"}, 2, []string{"--with ETHMYR: name the file of its candles too"}},
		{"not written so", file, []string{"--with", "ETHMYR=", "--with", "=x"}, 2, []string{"--with ETHMYR= must be written", "--with =x must be written"}},
		{"a file that is not there", file, []string{"--with", "ETHMYR=none.csv"}, 2, []string{"--with ETHMYR=none.csv", "no such file"}},
		{"shares that do not fit", demo, nil, 1, []string{"has ETHMYR, which is none of the bot's further pairs"}},
		{"the pair itself", file, []string{"--with", "XBTMYR=own.csv"}, 1, []string{"XBTMYR is the bot's own pair"}},
		{"a strategy of one pair", []string{"backtest", "--strategy", "basic"}, []string{"--with", "ETHMYR"}, 2, []string{"--with: basic trades one pair"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := command(t, dir, append(c.args[:len(c.args):len(c.args)], c.more...)...)
			for _, want := range c.want {
				if a.code != c.code || !strings.Contains(a.out+a.problems, want) {
					t.Fatalf("exit code %d, want %d with %q\n%s%s", a.code, c.code, want, a.out, a.problems)
				}
			}
			if c.code == 0 {
				checkPairsReport(t, dir, c.more)
			}
		})
	}
}

// proves PL4, RK1: runs of several pairs begin with what each of them holds, without
// any cash too, and each pair has a largest position of its own; sweeps and
// walk-forwards do the same.
func TestEachPairHasItsHoldingAndItsBound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	funds := []string{
		"--strategy", "rebalance", "--with", "ETHMYR", "--param", "others=ETHMYR=30", "--balance", "0", "--holding", "xbtmyr=0.5", "--holding", "ETH/MYR=2",
		"--max-position", "ETHMYR=2.5", "--max-position", "0.75", "--stop-loss", "0.2", "--take-profit", "1.5", "--trailing-stop", "0.3", "--max-hold", "20h",
		"--cool-down", "90m", "--max-daily-loss", "0.4", "--stop-drawdown", "0.5", "--max-orders", "7", "--max-orders-a-minute", "5", "--from", "2025-12-29", "--to", "2025-12-31",
	}
	type report struct {
		Config struct {
			Balance, Holding decimal.Decimal
			MaxPosition      decimal.Decimal `json:"max_position"`
			StopLoss         decimal.Decimal `json:"stop_loss"`
			TakeProfit       decimal.Decimal `json:"take_profit"`
			TrailingStop     decimal.Decimal `json:"trailing_stop"`
			MaxHold          string          `json:"max_hold"`
			CoolDown         string          `json:"cool_down"`
			MaxDailyLoss     decimal.Decimal `json:"max_daily_loss"`
			MaxDrawdown      decimal.Decimal `json:"max_drawdown"`
			MaxOrders        int             `json:"max_orders"`
			MaxOrdersAMinute int             `json:"max_orders_a_minute"`
		}
		Pairs []struct {
			Holding     decimal.Decimal
			MaxPosition decimal.Decimal `json:"max_position"`
		} `json:"further_pairs"`
		Statistics struct {
			Initial decimal.Decimal `json:"initial_equity"`
		}
		Walk struct {
			Trades int
		}
	}
	for _, args := range [][]string{
		{"backtest", "--param", "weight=40"},
		{"sweep", "--range", "weight=35:45:5"},
		{"walkforward", "--range", "weight=35:45:5", "--in-sample", "24h", "--out-of-sample", "12h", "--objective", "equity"},
	} {
		file := args[0] + ".json"
		a := command(t, dir, append(append(args, funds...), "--json", file)...)
		if a.code != 0 {
			t.Fatalf("%s ends with %d\n%s%s", args[0], a.code, a.out, a.problems)
		}
		raw, err := os.ReadFile(filepath.Join(dir, file))
		var r report
		if err == nil {
			err = json.Unmarshal(raw, &r)
		}
		if err != nil {
			t.Fatal(err)
		}
		c := r.Config
		if !c.Balance.IsZero() || c.Holding.String() != "0.5" || c.MaxPosition.String() != "0.75" || c.StopLoss.String() != "0.2" || c.TakeProfit.String() != "1.5" ||
			len(r.Pairs) != 1 || r.Pairs[0].Holding.String() != "2" || r.Pairs[0].MaxPosition.String() != "2.5" {
			t.Errorf("%s was made with %+v and %+v", args[0], c, r.Pairs)
		}
		if c.TrailingStop.String() != "0.3" || c.MaxHold != "20h0m0s" || c.CoolDown != "1h30m0s" || c.MaxDailyLoss.String() != "0.4" || c.MaxDrawdown.String() != "0.5" ||
			c.MaxOrders != 7 || c.MaxOrdersAMinute != 5 {
			t.Errorf("%s was made with the bounds %+v", args[0], c)
		}
		if args[0] == "backtest" && !r.Statistics.Initial.IsPositive() || args[0] == "walkforward" && r.Walk.Trades == 0 {
			t.Errorf("%s begins with %s and has %d trades", args[0], r.Statistics.Initial, r.Walk.Trades)
		}
	}
}

func checkPairsReport(t *testing.T, dir string, args []string) {
	t.Helper()
	for i, arg := range args {
		switch arg {
		case "--json":
			raw, err := os.ReadFile(filepath.Join(dir, args[i+1]))
			if err != nil {
				t.Fatal(err)
			}
			var r pairsReport
			if err := json.Unmarshal(raw, &r); err != nil {
				t.Fatal(err)
			}
			traded := map[string]int{}
			for _, trade := range r.Trades {
				traded[trade.Pair]++
			}
			if len(r.Pairs) != 1 || r.Pairs[0].Pair != "ETHMYR" || traded["XBTMYR"] == 0 || traded["ETHMYR"] == 0 || len(traded) != 2 {
				t.Errorf("it names %+v and has trades of %v", r.Pairs, traded)
			}
			if r.Position == nil || r.Position.Pair != "XBTMYR" || len(r.Others) != 1 || r.Others[0].Pair != "ETHMYR" || !r.Others[0].Value.IsPositive() {
				t.Errorf("it still holds %+v and %+v", r.Position, r.Others)
			}
		case "--html":
			raw, err := os.ReadFile(filepath.Join(dir, args[i+1]))
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{`<th class="r-left">Pair</th>`, `<td class="r-left">ETHMYR</td>`, "Tick, step of ETHMYR"} {
				if !strings.Contains(string(raw), want) {
					t.Errorf("the page lacks %s", want)
				}
			}
		}
	}
}

// A further pair whose candles begin later, end earlier or have holes is told of
// before the figures are trusted; one that has them all is not.
func TestFurtherPairsThatLackCandlesAreToldOf(t *testing.T) { // proves PL4
	t.Parallel()
	dir := t.TempDir()
	file := func(name string, from, to int) {
		text := "timestamp,open,high,low,close,volume\n"
		for i := from; i < to; i++ {
			if name != "holes.csv" || i%50 != 0 || i == from {
				text += decimal.NewFromInt(int64(1_700_000_040+60*i)).String() + ",100,101,99,100,100\n"
			}
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file("own.csv", 0, 300)
	file("whole.csv", 0, 300)
	file("late.csv", 60, 300)
	file("early.csv", 0, 240)
	file("holes.csv", 0, 300)
	const only, missing = "The candles of ETHMYR go from", "Missing candles of ETHMYR: 5, each filled"
	for name, want := range map[string]string{
		"whole.csv": "", "late.csv": only + " 2023-11-14 23:14 to 2023-11-15 03:14 UTC only", "early.csv": only + " 2023-11-14 22:14 to 2023-11-15 02:14 UTC only", "holes.csv": missing,
	} {
		a := command(t, dir, "backtest", "--strategy", "rebalance", "--data", "own.csv", "--pair", "XBT/MYR", "--with", "ETH/MYR="+name)
		if a.code != 0 || !strings.Contains(a.out, want) || want == "" && (strings.Contains(a.out, only) || strings.Contains(a.out, "Missing candles of")) {
			t.Errorf("%s: exit code %d, want 0 with %q\n%s%s", name, a.code, want, a.out, a.problems)
		}
	}
}
