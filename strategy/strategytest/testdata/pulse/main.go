// Command pulse is a plugin of several versions, for the tests of catalogs: it
// buys and sells in turn. Its version is linked in with
// -ldflags "-X main.version=1.1.0": 1.0 writes states of version 1 and takes any for one,
// 1.1 reads them too and writes version 2, and 2.0 reads only its own, version 3. Versions from
// 1.1 on take signals.
package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/plugin"
)

var name, version = "pulse", "1.0.0"

// params say how often it acts.
type params struct {
	Every int `param:"every" label:"Candles between two orders" validate:"min=1,max=1000"`
}

// pulse buys and sells in turn.
type pulse struct {
	every int
	seen  int
	state int // the version of what it writes
}

// OnCandle implements strategy.CandleHandler.
func (p *pulse) OnCandle(b *strategy.Bot, _ exchange.Candle) {
	p.seen++
	if p.seen%p.every != 0 {
		return
	}
	b.Note("pulse %s beats after %d candles", version, p.seen)
	if b.Position() > 0 {
		b.SellAll()
	} else {
		b.BuyWith(b.FreeCounter())
	}
}

// SaveState implements strategy.Snapshotter.
func (p *pulse) SaveState() (json.RawMessage, error) {
	return json.Marshal(map[string]int{fmt.Sprintf("seen%d", p.state): p.seen})
}

// RestoreState implements strategy.Snapshotter.
func (p *pulse) RestoreState(v int, data json.RawMessage) error {
	if p.state == 3 && v < 3 {
		return fmt.Errorf("pulse %s reads no state of version %d", version, v)
	}
	var state map[string]int
	if err := json.Unmarshal(data, &state); err != nil {
		return err
	}
	if p.state == 1 {
		v = 1 // whatever it is: as one whose author did not think of a newer one
	}
	p.seen = state[fmt.Sprintf("seen%d", v)]
	return nil
}

// listening is a pulse that takes signals.
type listening struct{ *pulse }

// OnSignal implements strategy.SignalHandler.
func (l listening) OnSignal(b *strategy.Bot, s strategy.Signal) { b.Note("heard %s", s.Text) }

func main() {
	state := 1
	switch {
	case strings.HasPrefix(version, "1.1."):
		state = 2
	case strings.HasPrefix(version, "2."):
		state = 3
	}
	plugin.Serve(strategy.MustDefine(strategy.Info{Name: name, Version: version, Title: "Pulse " + version, StateVersion: state}, params{Every: 2},
		func(p params) strategy.Strategy {
			one := &pulse{every: p.Every, state: state}
			if state > 1 {
				return listening{one}
			}
			return one
		}))
}
