package strategy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// sided knows on which side of its average the market is. Its first version kept Above,
// which could not say that nothing is known yet.
type sided struct{ Side int }

func (s *sided) OnCandle(b *strategy.Bot, _ exchange.Candle) { b.Note("side %d", s.Side) }

func (s *sided) SaveState() (json.RawMessage, error) { return json.Marshal(s) }

// RestoreState upgrades a state of version 1, and refuses what was never written.
func (s *sided) RestoreState(version int, data json.RawMessage) error {
	switch version {
	case 2:
		return json.Unmarshal(data, s)
	case 1:
		var old struct{ Above bool }
		if err := errors.Join(json.Unmarshal(data, s), json.Unmarshal(data, &old)); err != nil {
			return err
		}
		if s.Side = -1; old.Above {
			s.Side = 1
		}
		return nil
	}
	return fmt.Errorf("no state of version %d was ever written", version)
}

// A newer version goes on from the state of the one before (rule PL7).
func ExampleSnapshotter() {
	def := strategy.MustDefine(strategy.Info{Name: "sided", Version: "2.0.0", StateVersion: 2}, struct{}{},
		func(struct{}) strategy.Strategy { return &sided{} })
	for _, old := range []strategy.Snapshot{{Version: 1, Data: []byte(`{"Above":true}`)}, {Version: 0, Data: []byte(`{}`)}} {
		bot, err := def.Open(strategy.OpenInput{Interval: time.Minute, Snapshot: &old})
		if err != nil {
			fmt.Println(err)
			continue
		}
		now, err := bot.Snapshot()
		fmt.Printf("version %d %s %v\n", now.Version, now.Data, err)
	}
	// Output:
	// version 2 {"Side":1} <nil>
	// restoring the state of sided: no state of version 0 was ever written
}
