package strategy_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// sleeper notes at which minutes its timer was due.
type sleeper struct {
	Timer strategy.Timer
	Woken []int64
}

func (s *sleeper) OnStart(b *strategy.Bot) { s.Timer.After(b, 3*time.Minute) }

func (s *sleeper) OnCandle(b *strategy.Bot, _ exchange.Candle) {
	if s.Timer.Due(b) {
		s.Woken = append(s.Woken, b.Now().Unix()/60)
		s.Timer.After(b, 90*time.Second)
	}
	if s.Timer.Due(b) {
		s.Woken = append(s.Woken, -1)
	}
}

// proves PL1
func TestTimersAreDueOnceAndSurviveARestart(t *testing.T) {
	t.Parallel()
	def := strategy.MustDefine(strategy.Info{Name: "sleeper", Version: "1.0.0"}, struct{}{}, func(struct{}) strategy.Strategy { return &sleeper{} })
	open := func(s *strategy.Snapshot) *strategy.Instance {
		i, err := def.Open(strategy.OpenInput{Interval: time.Minute, Snapshot: s})
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	var view strategy.View
	i := open(nil)
	i.Deliver(&view, &strategy.Event{Kind: strategy.StartEvent, Time: 0})
	for minute := int64(1); minute <= 9; minute++ {
		i.Deliver(&view, &strategy.Event{Kind: strategy.CandleEvent, Time: minute * 60_000})
		snapshot, err := i.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		i = open(&snapshot)
	}
	snapshot, err := i.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	var end sleeper
	if err := json.Unmarshal(snapshot.Data, &end); err != nil {
		t.Fatal(err)
	}
	if want := []int64{3, 5, 7, 9}; !slices.Equal(end.Woken, want) {
		t.Errorf("it was woken at %v, want %v", end.Woken, want)
	}
}

func TestTimersThatAreNotSetAreNeverDue(t *testing.T) {
	t.Parallel()
	var timer strategy.Timer
	if timer.Pending() {
		t.Error("the zero timer is set")
	}
	timer.Set(time.UnixMilli(-5))
	if !timer.Pending() {
		t.Error("a time before the epoch does not set a timer")
	}
	if timer.Stop(); timer.Pending() {
		t.Error("a stopped timer is set")
	}
}
