package plugin_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// palindrome is a parameter with a rule that no tag has.
type palindrome struct {
	Word string `param:"word" validate:"required"`
}

func (p palindrome) Check() error {
	letters := []rune(p.Word)
	slices.Reverse(letters)
	if string(letters) != p.Word {
		return param.Errors{{Name: "word", Reason: "must read the same backwards"}}
	}
	return nil
}

type quiet struct{}

func (quiet) OnCandle(*strategy.Bot, exchange.Candle) {}

func TestFaultsThatTheStrategyFindsItself(t *testing.T) {
	t.Parallel()
	def := strategy.MustDefine(strategy.Info{Name: "quiet", Version: "1.0.0"}, palindrome{Word: "level"},
		func(palindrome) strategy.Strategy { return quiet{} })
	client, stop, err := plugin.Loopback(def)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	m, err := client.Describe(t.Context())
	if err != nil || !m.Can(plugin.Checks) {
		t.Errorf("its manifest is %+v, %v", m, err)
	}
	opened, err := client.Open(t.Context(), []plugin.OpenBot{
		{Bot: 1, OpenInput: strategy.OpenInput{Interval: time.Minute, Params: []byte(`{"word":"radar"}`)}},
		{Bot: 2, OpenInput: strategy.OpenInput{Interval: time.Minute, Params: []byte(`{"word":"sonar"}`)}},
		{Bot: 3, OpenInput: strategy.OpenInput{Interval: time.Minute, Params: []byte(`{"word":""}`)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if opened[0].Err != nil {
		t.Errorf("a palindrome gave %v", opened[0].Err)
	}
	for i, want := range []string{"word must read the same backwards", "word must not be empty"} {
		var faults param.Errors
		if err := opened[i+1].Err; !errors.As(err, &faults) || faults.Error() != want || err.Error() != want {
			t.Errorf("bot %d gave %v, want the fault %q", i+2, err, want)
		}
	}
	if plugin.ManifestOf(define("counter")).Can(plugin.Checks) {
		t.Error("a strategy without checks says that it has some")
	}
}
