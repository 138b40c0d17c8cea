package pluginhost_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/pluginhost"
)

// BenchmarkStart reports how long plugin processes take to start, in the sandbox
// and out of it, one alone and twenty at once.
func BenchmarkStart(b *testing.B) {
	for name, host := range map[string]*pluginhost.Host{
		"plain":   newHost(b, pluginhost.Config{Sources: basicSources(b)}),
		"sandbox": boxed(b, pluginhost.Config{Sources: basicSources(b)}),
	} {
		for _, n := range []int{1, 20} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				for b.Loop() {
					var starting sync.WaitGroup
					processes := make([]*pluginhost.Process, n)
					for i := range processes {
						starting.Go(func() {
							p, err := host.Start(b.Context(), "basic")
							if err != nil {
								b.Error(err)
								return
							}
							processes[i] = p
						})
					}
					starting.Wait()
					b.StopTimer()
					for _, p := range processes {
						if p != nil {
							p.Stop()
						}
					}
					b.StartTimer()
				}
				b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/start-of-all")
			})
		}
	}
}

// BenchmarkTick reports how long a candle takes to a bot in the sandbox and its
// commands back.
func BenchmarkTick(b *testing.B) {
	for name, host := range map[string]*pluginhost.Host{
		"plain":   newHost(b, pluginhost.Config{Sources: basicSources(b)}),
		"sandbox": boxed(b, pluginhost.Config{Sources: basicSources(b)}),
	} {
		b.Run(name, func(b *testing.B) {
			p, err := host.Process(b.Context(), "basic", "shared")
			if err != nil {
				b.Fatal(err)
			}
			opened, err := p.Open(b.Context(), []strategy.OpenInput{{Interval: time.Minute}})
			if err != nil || opened[0].Err != nil {
				b.Fatal(err, opened)
			}
			var times []float64
			for at := int64(0); b.Loop(); at++ {
				round := candle(at, opened[0].Bot)
				began := time.Now()
				if err := p.Live(b.Context(), round); err != nil {
					b.Fatal(err)
				}
				times = append(times, float64(time.Since(began).Microseconds()))
			}
			slices.Sort(times)
			b.ReportMetric(times[len(times)/2], "p50-µs")
			b.ReportMetric(times[len(times)*99/100], "p99-µs")
		})
	}
}
