// Command careless is a plugin that breaks the promises of a strategy, for the
// tests of what finds that out.
package main

import (
	"encoding/json"
	"math/rand/v2"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// params has no upper bound.
type params struct {
	Length int `param:"length" label:"Length" validate:"min=1"`
}

// careless tosses a coin, takes any state and any length.
type careless struct {
	room []float64
	seen int
}

// OnCandle implements strategy.CandleHandler.
func (c *careless) OnCandle(b *strategy.Bot, k exchange.Candle) {
	c.seen++
	if k.High > k.Low { // in a market that moves
		b.Note("%d", rand.Int64())
	}
}

// SaveState implements strategy.Snapshotter.
func (c *careless) SaveState() (json.RawMessage, error) { return json.Marshal(c.seen) }

// RestoreState implements strategy.Snapshotter.
func (c *careless) RestoreState(_ int, data json.RawMessage) error {
	_ = json.Unmarshal(data, &c.seen)
	return nil
}

func main() {
	plugin.Serve(strategy.MustDefine(strategy.Info{Name: "careless", Version: "1.0.0"}, params{Length: 10}, func(p params) strategy.Strategy {
		return &careless{room: make([]float64, p.Length)}
	}))
}
