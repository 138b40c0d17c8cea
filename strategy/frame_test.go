package strategy_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

const minute = int64(60_000)

// heights looks at candles of two lengths and notes when each of them closed.
type heights struct {
	Five    *strategy.Frame
	Quarter strategy.Frame
	Closed  []closed
}

// closed is a longer candle and the minute at which it was told.
type closed struct {
	At     int64
	Length string
	Candle exchange.Candle
}

func (h *heights) OnCandle(b *strategy.Bot, c exchange.Candle) {
	if five, ok := h.Five.Update(b, c); ok {
		h.Closed = append(h.Closed, closed{b.Now().Unix() / 60, "five", five})
	}
	if quarter, ok := h.Quarter.Update(b, c); ok {
		h.Closed = append(h.Closed, closed{b.Now().Unix() / 60, "quarter", quarter})
	}
}

// openHeights opens the strategy for candles of a length.
func openHeights(t *testing.T, interval time.Duration, s *strategy.Snapshot) *strategy.Instance {
	t.Helper()
	def := strategy.MustDefine(strategy.Info{Name: "heights", Version: "1.0.0"}, struct{}{}, func(struct{}) strategy.Strategy {
		return &heights{Five: strategy.NewFrame(5 * time.Minute), Quarter: *strategy.NewFrame(15 * time.Minute)}
	})
	i, err := def.Open(strategy.OpenInput{Explain: true, Interval: interval, Snapshot: s})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// hear delivers the candle of a minute.
func hear(i *strategy.Instance, at int64, open, high, low, close exchange.Ticks) []strategy.Command {
	c := exchange.Candle{Time: at * minute, Open: open, High: high, Low: low, Close: close, Volume: 10}
	return i.Deliver(&strategy.View{}, &strategy.Event{Kind: strategy.CandleEvent, Time: c.Time + minute, Candle: c})
}

// snapshot returns the strategy's state, and what it noted by then.
func snapshot(t *testing.T, i *strategy.Instance) (strategy.Snapshot, []closed) {
	t.Helper()
	s, err := i.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	var state heights
	if err := json.Unmarshal(s.Data, &state); err != nil {
		t.Fatal(err)
	}
	return s, state.Closed
}

// proves M4, PL1: longer candles are told when they close, whole or not at all,
// also if the strategy is restored after each candle.
func TestFramesTellLongerCandlesWhenTheyClose(t *testing.T) {
	t.Parallel()
	through, restored := openHeights(t, time.Minute, nil), openHeights(t, time.Minute, nil)
	for at := int64(3); at < 31; at++ {
		if at == 22 {
			continue // a hole
		}
		for _, i := range []*strategy.Instance{through, restored} {
			price := exchange.Ticks(100 + at)
			hear(i, at, price, price+10*exchange.Ticks(at%5), price-exchange.Ticks(at%5), price+1)
		}
		s, _ := snapshot(t, restored)
		restored = openHeights(t, time.Minute, &s)
	}
	five := func(from int64) closed {
		return closed{from + 5, "five", exchange.Candle{
			Time: from * minute, Open: exchange.Ticks(100 + from), High: exchange.Ticks(144 + from), Low: exchange.Ticks(100 + from),
			Close: exchange.Ticks(105 + from), Volume: 50,
		}}
	}
	// The first of each length began before the first candle; the five from 20
	// and the quarter from 15 have a hole.
	want := []closed{five(5), five(10), five(15), five(25)}
	for name, i := range map[string]*strategy.Instance{"in one go": through, "restored": restored} {
		if _, got := snapshot(t, i); !slices.Equal(got, want) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	for at := int64(31); at < 45; at++ {
		hear(through, at, 100, 100+exchange.Ticks(at), 100, 101)
	}
	_, got := snapshot(t, through)
	// That of minute 30 opened at 130, and its low is that of the others.
	quarter := closed{45, "quarter", exchange.Candle{Time: 30 * minute, Open: 130, High: 144, Low: 100, Close: 101, Volume: 150}}
	if last := got[len(got)-1]; last != quarter {
		t.Errorf("the quarter of an hour is %+v, want %+v", last, quarter)
	}
}

func TestFramesOfTheBotsOwnLengthAreItsCandles(t *testing.T) {
	t.Parallel()
	i := openHeights(t, 5*time.Minute, nil)
	hear(i, 5, 100, 110, 90, 105)
	_, got := snapshot(t, i)
	if len(got) != 1 || got[0].Candle != (exchange.Candle{Time: 5 * minute, Open: 100, High: 110, Low: 90, Close: 105, Volume: 10}) {
		t.Errorf("it heard %+v", got)
	}
}

func TestFramesThatDoNotFitSayWhy(t *testing.T) {
	t.Parallel()
	for interval, want := range map[time.Duration]int{3 * time.Minute: 1, 10 * time.Minute: 2, time.Hour: 2} {
		commands := hear(openHeights(t, interval, nil), 60, 100, 100, 100, 100)
		if len(commands) != want || commands[0].Kind != strategy.NoteCommand || !strings.Contains(commands[0].Text, "of 5m0s cannot be made of the bot's of "+interval.String()) {
			t.Errorf("candles of %s: %+v, want %d notes", interval, commands, want)
		}
	}
}

//nolint:paralleltest // AllocsPerRun counts the allocations of the whole process.
func TestFramesAllocateNothing(t *testing.T) {
	f, c := strategy.NewFrame(5*time.Minute), exchange.Candle{Open: 1, High: 2, Low: 1, Close: 2, Volume: 1}
	complete := 0
	for range 1000 {
		if f.Fold(&c, time.Minute) {
			complete++
		}
		c.Time += minute
	}
	if complete != 200 || !f.IsZero() {
		t.Errorf("%d longer candles, and one is under way: %v", complete, !f.IsZero())
	}
	i := openHeights(t, time.Minute, nil)
	ev := strategy.Event{Kind: strategy.CandleEvent, Candle: exchange.Candle{Time: minute, Open: 1, High: 2, Low: 1, Close: 2, Volume: 1}}
	view := &strategy.View{}
	if n := testing.AllocsPerRun(1000, func() { i.Deliver(view, &ev) }); n != 0 {
		t.Errorf("a candle costs %v allocations", n)
	}
}
