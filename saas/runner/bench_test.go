package runner_test

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/live"
	"github.com/lunobot/lunobot/saas/runner"
	"github.com/lunobot/lunobot/strategy/pluginhost"
	"github.com/lunobot/lunobot/strategy/strategytest"
	"github.com/lunobot/lunobot/strategy/strategytest/machine"
)

// BenchmarkMemory reports how much memory a running bot of the bundled strategy
// takes in the worker and the strategy's process together: the most that both
// held over two rounds of checkpoints, less what they held before the worker took
// up a bot, by bot. The store of bots and their leases are in memory here, the
// journal is none.
func BenchmarkMemory(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		b.Run(fmt.Sprintf("%d bots", n), func(b *testing.B) {
			var host, plugin float64
			for b.Loop() {
				h, p := memory(b, n)
				host, plugin = host+float64(h), plugin+float64(p)
			}
			of := float64(b.N) * float64(n) * 1e3
			b.ReportMetric(host/of, "host-kB/bot")
			b.ReportMetric(plugin/of, "plugin-kB/bot")
			b.ReportMetric((host+plugin)/of, "kB/bot")
			b.ReportMetric(0, "ns/op") // of no interest
		})
	}
}

// secondRound is the candle after which a bot is checkpointed for the second
// time though it did nothing.
const secondRound = 30

// memory runs n bots and returns what they take of the worker and of the
// strategy's process, in bytes.
func memory(b *testing.B, n int) (host, plugin int64) {
	b.Helper()
	w := newWorldOf(b, demo.Config{Speed: 600})
	plugins, err := pluginhost.New(pluginhost.Config{Sources: []pluginhost.Source{{Name: "basic", Path: strategytest.Build(b, "./plugins/basic")}}})
	if err != nil {
		b.Fatal(err)
	}
	defer plugins.Stop()
	process, err := plugins.Process(b.Context(), "basic", "shared")
	if err != nil {
		b.Fatal(err)
	}
	keeper, err := lease.NewKeeper(lease.KeeperConfig{Holder: "worker", Now: time.Now, Store: w})
	if err != nil {
		b.Fatal(err)
	}
	journal := &none{at: secondRound}
	r, err := runner.New(runner.Config{
		Bots: w, Feed: w.feed, History: w.market, Journal: journal, Keeper: keeper, Live: silence{}, Markets: w, MarketNow: w.market.Now,
		Plugins: hosted{plugins}, Status: w,
	})
	if err != nil {
		b.Fatal(err)
	}
	for i := range n {
		w.add(fmt.Sprintf("%032d", i), "{}")
	}
	w.change(func() {
		for i := range w.bots {
			w.bots[i].Bot.Strategy = "basic"
		}
	})
	debug.FreeOSMemory()
	own := strconv.Itoa(os.Getpid())
	host, plugin = -machine.Held(b, own), -machine.Held(b, process.ID())
	if err := r.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	defer r.Stop()
	var most, mostHost, mostPlugin int64
	for deadline := time.Now().Add(2 * time.Minute); journal.count.Load() < int64(n); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.Fatalf("%d of %d bots came to their second checkpoint", journal.count.Load(), n)
		}
		h, p := machine.Held(b, own), machine.Held(b, process.ID())
		if h+p > most {
			most, mostHost, mostPlugin = h+p, h, p
		}
	}
	return host + mostHost, plugin + mostPlugin
}

// hosted is a host as the worker wants it.
type hosted struct{ host *pluginhost.Host }

// Process implements runner.Plugins.
func (hosted) Usable(catalog.Ref) error { return nil }

func (hosted) Share(context.Context, string, string, catalog.Ref, catalog.Isolation) (string, error) {
	return "shared", nil
}

func (h hosted) Process(ctx context.Context, ref catalog.Ref, key string) (runner.Process, error) {
	return h.host.Process(ctx, ref.Name, key)
}

// none is a journal that keeps nothing but how many checkpoints of one sequence
// it was given.
type none struct {
	journal.Store // what a worker does not use
	at            int64
	count         atomic.Int64
}

// Commit implements journal.Store.
func (j *none) Commit(_ context.Context, entries ...journal.Entry) error {
	for _, e := range entries {
		if e.Checkpoint.Sequence == j.at {
			j.count.Add(1)
		}
	}
	return nil
}

// Checkpoint implements journal.Store.
func (*none) Checkpoint(context.Context, string, string) (journal.Checkpoint, error) {
	return journal.Checkpoint{}, errs.New(errs.NotFound, "checkpoint_not_found", "none")
}

// KeepCandles implements journal.Store.
func (*none) KeepCandles(context.Context, string, []exchange.Candle) error { return nil }

// DropCandles implements journal.Store.
func (*none) DropCandles(context.Context, string, time.Time) error { return nil }

// Prune implements journal.Store.
func (*none) Prune(context.Context, string, string, int, time.Time) (int64, error) { return 0, nil }

// silence is where nobody watches.
type silence struct{}

// Publish implements runner.Publisher.
func (silence) Publish(context.Context, string, string, live.Update) error { return nil }
