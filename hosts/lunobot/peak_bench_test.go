package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/plugins/basic/basic"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/strategytest"
	"github.com/lunobot/lunobot/strategy/strategytest/machine"
)

// peakCandles is nineteen years of minutes.
const peakCandles = 10_000_000

// BenchmarkPeak reports the most memory that processes hold while ten million
// candles of a CSV file go through the moving-average cross with fees, which puts
// a hundredth of its cash in at a time so that it trades to the end: the program
// lunobot, which writes the JSON and the page, and the plugin's process that it
// starts; a sweep of it, whose runs share the candles and which shows the best one,
// and the same of a plugin's file, whose runs are in processes of its own; and this
// process, with the engine in it, as a program would that is built upon the
// packages.
func BenchmarkPeak(b *testing.B) {
	file, market := peakFile(b)
	b.Run("program", func(b *testing.B) {
		program := strategytest.Build(b, "./hosts/lunobot")
		for b.Loop() {
			run := exec.CommandContext(b.Context(), program, "backtest", "--strategy", "basic", "--data", file, "--pair", "XBT/MYR", "--tick", market.Tick.String(),
				"--step", market.Step.String(), "--balance", "1000000", "--param", "size=1", "--maker-fee", "0.001", "--taker-fee", "0.001", "--json", os.DevNull, "--html", os.DevNull)
			var out bytes.Buffer
			run.Stdout, run.Stderr = &out, &out
			if err := run.Start(); err != nil {
				b.Fatal(err)
			}
			host, plugin := watch(b, run)
			if err := run.Wait(); err != nil || !strings.Contains(out.String(), "10,000,000 candles") || plugin == 0 {
				b.Fatalf("%v, the plugin held %v\n%s", err, plugin, out.String())
			}
			b.ReportMetric(host/1e6, "peak-MB")
			b.ReportMetric(plugin/1e6, "plugin-peak-MB")
		}
	})
	sweep := func(b *testing.B, subject ...string) {
		b.Helper()
		program := strategytest.Build(b, "./hosts/lunobot")
		for b.Loop() {
			args := append([]string{"sweep"}, subject...)
			run := exec.CommandContext(b.Context(), program, append(args, "--data", file, "--pair", "XBT/MYR", "--tick", market.Tick.String(),
				"--step", market.Step.String(), "--balance", "1000000", "--param", "size=1", "--range", "fast=20,40", "--workers", "2", "--json", os.DevNull, "--html", os.DevNull)...)
			var out bytes.Buffer
			run.Stdout, run.Stderr = &out, &out
			if err := run.Start(); err != nil {
				b.Fatal(err)
			}
			host, plugin := watch(b, run)
			if err := run.Wait(); err != nil || !strings.Contains(out.String(), "10,000,000 candles") {
				b.Fatalf("%v\n%s", err, out.String())
			}
			b.ReportMetric(host/1e6, "peak-MB")
			b.ReportMetric(plugin/1e6, "plugin-peak-MB")
		}
	}
	b.Run("sweep", func(b *testing.B) { sweep(b, "--strategy", "basic") })
	b.Run("sweep-of-a-file", func(b *testing.B) { sweep(b, "--plugin", strategytest.Build(b, "./plugins/basic")) })
	b.Run("packages", func(b *testing.B) {
		cfg := backtest.Config{Market: market, Interval: time.Minute, Fees: exchange.Fees{Maker: 100_000, Taker: 100_000}, Params: []byte(`{"size":1}`)}
		var err error
		if cfg.Balance, err = market.Units(market.Price(1_000_000), exchange.Exact); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			debug.FreeOSMemory()
			machine.ForgetPeak(b)
			r, err := backtest.Run(b.Context(), basic.Definition(), cfg, peakSource(b, file, market), nil)
			if err != nil || len(r.Equity) != peakCandles || r.Trades.Len() < 100_000 {
				b.Fatal(err)
			}
			if _, err := r.Stats(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(machine.Peak(b))/1e6, "peak-MB")
			b.ReportMetric(float64(r.Trades.Len()), "trades")
		}
	})
}

// peakFile writes the demo market's candles as a CSV file.
func peakFile(b *testing.B) (string, exchange.Market) {
	b.Helper()
	replay, err := demo.New(demo.Config{})
	if err != nil {
		b.Fatal(err)
	}
	from := time.Date(2005, 1, 1, 0, 0, 0, 0, time.UTC)
	past, err := replay.Past(demo.XBTMYR, from, from.Add(peakCandles*time.Minute))
	if err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "candles.csv")
	file, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	w, err := marketdata.NewCSVWriter(file, past.Market())
	if err != nil {
		b.Fatal(err)
	}
	for {
		block, err := past.Next(b.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			b.Fatal(err)
		}
		w.Add(block)
	}
	if err := errors.Join(w.Flush(), file.Close()); err != nil {
		b.Fatal(err)
	}
	return path, past.Market()
}

// peakSource reads the file as the program does.
func peakSource(b *testing.B, path string, market exchange.Market) marketdata.Source {
	b.Helper()
	cfg := marketdata.CSVConfig{Market: market}
	open := func() *os.File {
		file, err := os.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = file.Close() })
		return file
	}
	scan, err := marketdata.ScanCSV(b.Context(), open(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	src, err := marketdata.NewCSVSource(open(), cfg, scan)
	if err != nil {
		b.Fatal(err)
	}
	return src
}

// watch looks at a program and the processes that it starts until it ends, and
// returns the most that it held and the most that one of these held, in bytes.
func watch(b *testing.B, run *exec.Cmd) (host, child float64) {
	b.Helper()
	pid := strconv.Itoa(run.Process.Pid)
	for {
		now, err := peakOf(pid)
		if err != nil {
			return host, child // it has ended
		}
		host = max(host, now)
		lists, _ := filepath.Glob("/proc/" + pid + "/task/*/children")
		for _, list := range lists {
			children, _ := os.ReadFile(list)
			for _, c := range strings.Fields(string(children)) {
				if now, err := peakOf(c); err == nil {
					child = max(child, now)
				}
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// peakOf returns the most memory that a process has held, in bytes. One that has
// ended is an error.
func peakOf(pid string) (float64, error) {
	raw, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return 0, err
	}
	_, rest, _ := bytes.Cut(raw, []byte("\nVmHWM:"))
	var kilobytes float64
	if _, err := fmt.Sscan(string(rest), &kilobytes); err != nil {
		return 0, fmt.Errorf("process %s tells no VmHWM: %w", pid, err)
	}
	return kilobytes * 1024, nil
}
