package engine_test

import (
	"slices"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

// liveBots is how many bots of one pair share one plugin process.
const liveBots = 1_000

// BenchmarkLive reports what a closed candle costs when a thousand bots on one
// pair hear it from one plugin process in one call: events a second, the time until
// all commands are back, on average and of the slowest in a hundred, and
// allocations an event.
func BenchmarkLive(b *testing.B) {
	market, err := demo.New(demo.Config{})
	if err != nil {
		b.Fatal(err)
	}
	list, err := market.Markets(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	m := list[0]
	host, err := pluginhost.New(pluginhost.Config{Sources: []pluginhost.Source{{Name: "basic", Path: strategytest.Build(b, "./plugins/basic")}}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(host.Stop)
	process, err := host.Process(b.Context(), "basic", "shared")
	if err != nil {
		b.Fatal(err)
	}
	inputs := make([]strategy.OpenInput, liveBots)
	for i := range inputs {
		inputs[i] = strategy.OpenInput{Market: m, Interval: time.Minute}
	}
	opened, err := process.Open(b.Context(), inputs)
	if err != nil {
		b.Fatal(err)
	}
	sessions := make([]*engine.Session, liveBots)
	for i, o := range opened {
		if o.Err != nil {
			b.Fatal(o.Err)
		}
		venue, err := paper.NewVenue(paper.VenueConfig{Market: m, Balance: 1 << 50})
		if err != nil {
			b.Fatal(err)
		}
		sessions[i], err = engine.New(engine.Config{
			Market: m, Interval: time.Minute, Balance: 1 << 50, Venue: venue, OrderPrefix: "b-",
			Wants: func(k strategy.EventKind) bool { return k == strategy.CandleEvent },
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	var round plugin.Round
	next := int64(0)
	step := func() {
		c := market.Candle(m.Pair, next)
		next++
		liveStep(b, process, sessions, opened, &round, c)
	}
	for range 50 {
		step() // the averages fill, the buffers grow
	}
	b.ReportAllocs()
	var times []time.Duration
	var sum time.Duration
	for b.Loop() {
		start := time.Now()
		step()
		times = append(times, time.Since(start))
		sum += times[len(times)-1]
	}
	slices.Sort(times)
	milliseconds := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	b.ReportMetric(liveBots*float64(len(times))/sum.Seconds(), "events/s")
	b.ReportMetric(milliseconds(sum)/float64(len(times)), "ms/candle")
	b.ReportMetric(milliseconds(times[len(times)/2]), "p50-ms")
	b.ReportMetric(milliseconds(times[len(times)*99/100]), "p99-ms")
}

func liveStep(b *testing.B, p *pluginhost.Process, sessions []*engine.Session, opened []pluginhost.Opened, r *plugin.Round, c exchange.Candle) {
	b.Helper()
	if len(r.Deliveries) == 0 {
		r.Deliveries = []plugin.Delivery{{Bots: make([]plugin.Recipient, 0, len(sessions))}}
	}
	d := &r.Deliveries[0]
	d.Bots = d.Bots[:0]
	for i, s := range sessions {
		if err := s.Begin(&c); err != nil {
			b.Fatal(err)
		}
		ev := s.Next()
		d.Event = *ev
		d.Bots = append(d.Bots, plugin.Recipient{Bot: opened[i].Bot, View: s.View()})
	}
	if err := p.Live(b.Context(), r); err != nil {
		b.Fatal(err)
	}
	for i, reaction := range r.Reactions {
		if reaction.Err != nil {
			b.Fatal(reaction.Err)
		}
		if err := sessions[i].Commands(reaction.Commands); err != nil {
			b.Fatal(err)
		}
		if ev := sessions[i].Next(); ev != nil {
			b.Fatalf("an event of kind %s that nobody asked for", ev.Kind)
		}
	}
}
