package engine_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
)

// told runs a candle with what came beside it and returns what the strategy
// hears, each with the top of the book that it sees then.
func (r *rig) told(c exchange.Candle, b engine.Beside) []string {
	r.tb.Helper()
	if err := r.session.Begin(&c); err != nil {
		r.tb.Fatal(err)
	}
	r.session.With(b)
	var out []string
	for ev := r.session.Next(); ev != nil; ev = r.session.Next() {
		if want := c.Time + minute; ev.Time != want {
			r.tb.Errorf("%s is told at %d, want the close at %d", ev.Kind, ev.Time, want)
		}
		text := ev.Kind.String()
		for _, t := range ev.Trades {
			text += fmt.Sprintf(" %d@%d", t.Volume, t.Price)
		}
		top := r.session.View().Top
		if ev.Kind == strategy.BookEvent && ev.Top != top {
			r.tb.Errorf("it is told %+v and sees %+v", ev.Top, top)
		}
		out = append(out, fmt.Sprintf("%s %d/%d", text, top.Bid.Price, top.Ask.Price))
	}
	return out
}

func trades(prices ...exchange.Ticks) (out []exchange.Trade) {
	for _, p := range prices {
		out = append(out, exchange.Trade{Price: p, Volume: 2})
	}
	return out
}

func top(bid, ask exchange.Ticks) exchange.Top {
	return exchange.Top{Bid: exchange.Level{Price: bid}, Ask: exchange.Level{Price: ask}}
}

// proves PL3
func TestWhatIsSubscribedToIsToldRightBeforeTheCandle(t *testing.T) {
	t.Parallel()
	r := newRig(t, terms{sees: strategy.Subscription{Book: true, Trades: true}})
	r.candle(flat(1, 100), limit(exchange.Buy, 99, 10))
	steps := []struct {
		candle exchange.Candle
		beside engine.Beside
		want   []string
	}{
		{bar(2, 100, 100, 98, 99), engine.Beside{Trades: trades(100, 98, 99), Top: top(98, 100)},
			[]string{"fill 0/0", "order 0/0", "trades 2@100 2@98 2@99 98/100", "book 98/100", "candle 98/100"}},
		{flat(3, 99), engine.Beside{Trades: trades(99), Top: top(98, 100)}, []string{"trades 2@99 98/100", "candle 98/100"}},
		{flat(4, 99), engine.Beside{Top: top(98, 101)}, []string{"book 98/101", "candle 98/101"}},
		{flat(5, 99), engine.Beside{}, []string{"book 0/0", "candle 0/0"}}, // an old book is none
	}
	for i, step := range steps {
		if got := r.told(step.candle, step.beside); !slices.Equal(got, step.want) {
			t.Errorf("step %d: it is told %v, want %v", i, got, step.want)
		}
	}
}

func TestWhatIsNotSubscribedToIsLeftOut(t *testing.T) {
	t.Parallel()
	b := engine.Beside{Trades: trades(100), Top: top(99, 101)}
	for name, c := range map[string]struct {
		terms terms
		want  []string
	}{
		"nothing":         {terms{spread: 10 * perMille}, []string{"candle 0/0"}},
		"trades":          {terms{sees: strategy.Subscription{Trades: true}}, []string{"trades 2@100 0/0", "candle 0/0"}},
		"no book handler": {terms{sees: strategy.Subscription{Book: true}, wants: func(k strategy.EventKind) bool { return k == strategy.CandleEvent }}, []string{"candle 99/101"}},
		"nothing but trades": {terms{sees: strategy.Subscription{Trades: true}, wants: func(k strategy.EventKind) bool { return k == strategy.TradesEvent }},
			[]string{"trades 2@100 0/0"}},
	} {
		if got := newRig(t, c.terms).told(flat(1, 100), b); !slices.Equal(got, c.want) {
			t.Errorf("%s: it is told %v, want %v", name, got, c.want)
		}
	}
}

// proves PL3
func TestOrdersInAnswerToTradesWaitForTheNextCandle(t *testing.T) {
	t.Parallel()
	r := newRig(t, terms{sees: strategy.Subscription{Trades: true}})
	if err := r.session.Begin(new(bar(1, 100, 110, 80, 90))); err != nil {
		t.Fatal(err)
	}
	r.session.With(engine.Beside{Trades: trades(100, 80, 90)})
	for ev := r.session.Next(); ev != nil; ev = r.session.Next() {
		if ev.Kind == strategy.TradesEvent {
			order := limit(exchange.Buy, 85, 10)
			order.Ref = 1
			if err := r.session.Commands([]strategy.Command{order}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(r.log.fills) != 0 {
		t.Fatalf("it traded in the candle that it had seen: %v", r.log.fills)
	}
	r.candle(bar(2, 90, 90, 84, 90))
	if want := []string{"1: buy 10@85"}; !slices.Equal(r.log.fills, want) {
		t.Errorf("the fills are %v, want %v", r.log.fills, want)
	}
}

func TestASpreadIsTheBookWhereNoneIsKnown(t *testing.T) {
	t.Parallel()
	r := newRig(t, terms{sees: strategy.Subscription{Book: true}, spread: 20 * perMille})
	for _, step := range []struct {
		candle exchange.Candle
		top    exchange.Top
		want   []string
	}{
		{flat(1, 1000), exchange.Top{}, []string{"book 990/1010", "candle 990/1010"}},
		{flat(2, 1000), top(998, 1001), []string{"book 998/1001", "candle 998/1001"}},
		{flat(3, 5), exchange.Top{}, []string{"book 4/6", "candle 4/6"}}, // rounded up to the tick
		{flat(4, 1), exchange.Top{}, []string{"book 0/0", "candle 0/0"}},
	} {
		if got := r.told(step.candle, engine.Beside{Top: step.top}); !slices.Equal(got, step.want) {
			t.Errorf("at %d: it is told %v, want %v", step.candle.Close, got, step.want)
		}
	}
}

// proves PL1
func TestTheBookSurvivesARestart(t *testing.T) {
	t.Parallel()
	sees := terms{sees: strategy.Subscription{Book: true, Trades: true}}
	straight := newRig(t, sees)
	straight.told(flat(1, 100), engine.Beside{Trades: trades(100), Top: top(99, 101)})
	raw, err := json.Marshal(straight.session.State())
	if err != nil {
		t.Fatal(err)
	}
	var state engine.State
	if err := json.Unmarshal(raw, &state); err != nil {
		t.Fatal(err)
	}
	restored := newRig(t, sees)
	restored.session.Restore(state)
	if got := restored.session.View().Top; got != top(99, 101) {
		t.Errorf("after the restart it sees %+v", got)
	}
	b := engine.Beside{Trades: trades(98), Top: top(99, 101)}
	want := straight.told(flat(2, 100), b)
	if got := restored.told(flat(2, 100), b); !slices.Equal(got, want) || len(want) != 2 {
		t.Errorf("after the restart it is told %v, else %v", got, want)
	}
}

func TestTradesComeWithEachOfTheShorterCandles(t *testing.T) {
	t.Parallel()
	r := newRig(t, terms{decide: 2 * time.Minute, sees: strategy.Subscription{Trades: true}})
	var got []string
	for at := int64(2); at < 6; at++ {
		got = append(got, r.told(flat(at, 100), engine.Beside{Trades: trades(exchange.Ticks(at))})...)
	}
	want := []string{"trades 2@2 0/0", "trades 2@3 0/0", "candle 0/0", "trades 2@4 0/0", "trades 2@5 0/0", "candle 0/0"}
	if !slices.Equal(got, want) {
		t.Errorf("it is told %v, want %v", got, want)
	}
}
