package strategy_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// trusting takes every state that it is given.
type trusting struct{ given *[]int }

func (trusting) OnCandle(*strategy.Bot, exchange.Candle) {}

func (trusting) SaveState() (json.RawMessage, error) { return json.RawMessage(`{}`), nil }

func (s trusting) RestoreState(version int, _ json.RawMessage) error {
	*s.given = append(*s.given, version)
	return nil
}

// plain saves its fields.
type plain struct{ Seen int }

func (*plain) OnCandle(*strategy.Bot, exchange.Candle) {}

// proves PL7: no strategy is given a state that its newer version has written, whether it
// restores its state itself or not.
func TestNewerStateIsRefused(t *testing.T) {
	t.Parallel()
	var given []int
	for name, one := range map[string]strategy.Strategy{"itself": trusting{&given}, "by its fields": &plain{}} {
		def := strategy.MustDefine(strategy.Info{Name: "kept", Version: "1.4.0", StateVersion: 3}, struct{}{}, func(struct{}) strategy.Strategy { return one })
		open := func(version int) error {
			_, err := def.Open(strategy.OpenInput{Interval: time.Minute, Snapshot: &strategy.Snapshot{Version: version, Data: []byte(`{"Seen":4}`)}})
			return err
		}
		for _, version := range []int{4, 1 << 30} {
			err := open(version)
			var newer *strategy.NewerStateError
			if !errors.As(err, &newer) || newer.State != version || newer.Reads != 3 || !strings.Contains(err.Error(), "kept 1.4.0 reads none above 3: a newer version of the strategy has written it") {
				t.Errorf("%s: version %d gave %v", name, version, err)
			}
		}
		if err := open(3); err != nil {
			t.Errorf("%s: its own gave %v", name, err)
		}
	}
	if len(given) != 1 || given[0] != 3 {
		t.Errorf("it was given states of the versions %v", given)
	}
}

// hoarder keeps a text of so many bytes.
type hoarder struct{ Kept string }

func (*hoarder) OnCandle(*strategy.Bot, exchange.Candle) {}

// proves PL7: an author hears that a state is larger than hosts keep where it is saved.
func TestLargeStateIsRefused(t *testing.T) {
	t.Parallel()
	const around = len(`{"Kept":""}`)
	for size, fits := range map[int]bool{strategy.MaxState - around: true, strategy.MaxState - around + 1: false} {
		def := strategy.MustDefine(strategy.Info{Name: "hoarder", Version: "1.0.0"}, struct{}{}, func(struct{}) strategy.Strategy {
			return &hoarder{Kept: strings.Repeat("x", size)}
		})
		i, err := def.Open(strategy.OpenInput{Interval: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := i.Snapshot(); (err == nil) != fits || err != nil && !strings.Contains(err.Error(), "it has 1048577 bytes, and may have 1048576: keep less in exported fields") {
			t.Errorf("a state with %d bytes in its field gives %v", size, err)
		}
	}
}
