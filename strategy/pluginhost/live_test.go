package pluginhost_test

import (
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// BenchmarkLive reports how many events a second a thousand bots on one pair
// take in one process: one call a candle.
func BenchmarkLive(b *testing.B) {
	const bots = 1000
	for name, explain := range map[string]bool{"silent": false, "explaining": true} {
		b.Run(name, func(b *testing.B) {
			p, err := basicHost(b).Process(b.Context(), "basic", "shared")
			if err != nil {
				b.Fatal(err)
			}
			inputs := make([]strategy.OpenInput, bots)
			for i := range inputs {
				inputs[i] = strategy.OpenInput{Market: market(), Interval: time.Minute, Explain: explain}
			}
			views := make([]strategy.View, bots)
			round := &plugin.Round{Deliveries: make([]plugin.Delivery, 1)}
			for i, bot := range open(b, p, inputs...) {
				views[i] = strategy.View{Counter: exchange.Units(1_000_000_000 + i), NextRef: 1}
				round.Deliveries[0].Bots = append(round.Deliveries[0].Bots, plugin.Recipient{Bot: bot, View: &views[i]})
			}
			m, err := demo.New(demo.Config{})
			if err != nil {
				b.Fatal(err)
			}
			minute := int64(0)
			b.ReportAllocs()
			for b.Loop() {
				c := m.Candle("XBTMYR", minute)
				minute++
				round.Deliveries[0].Event = strategy.Event{Kind: strategy.CandleEvent, Time: c.Time + 60_000, Candle: c}
				if err := p.Live(b.Context(), round); err != nil {
					b.Fatal(err)
				}
				for _, r := range round.Reactions {
					if r.Err != nil {
						b.Fatal(r.Err)
					}
				}
			}
			b.ReportMetric(float64(b.N)*bots/b.Elapsed().Seconds(), "events/s")
		})
	}
}
