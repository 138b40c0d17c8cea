package dca_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/plugins/dca/dca"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

// plain buys 10 % of the cash at once, and 10 % and 20 % more 10 % and 30 %
// below; it sells 5 % above the average.
const plain = `{"every":0,"size":10,"dips":2,"dip":10,"dip_scale":2,"dip_size":10,"size_scale":2,"target":5}`

// state is what the tests look at of the strategy's state.
type state struct {
	Active bool
	First  uint64
	Rungs  []struct {
		Price          exchange.Ticks
		Volume, Bought exchange.Steps
		Ref            uint64
	}
}

func stateOf(p *strategytest.Paper) (s state) {
	p.State(&s)
	return s
}

// market is a paper account of the strategy.
type market struct {
	*strategytest.Paper
	minute int64
	close  exchange.Ticks
}

func newMarket(t *testing.T, params string) *market {
	t.Helper()
	return &market{Paper: strategytest.NewPaper(t, dca.Definition(), strategytest.PaperConfig{Params: params, Explain: true})}
}

// candle runs a candle that opens at the close before, goes to the lowest and the
// highest price and closes at the last; orders within the range trade.
func (m *market) candle(low, high, closing exchange.Ticks) []strategytest.Step {
	m.minute++
	open := m.close
	if m.close = closing; open == 0 {
		open = closing
	}
	return m.Candle(exchange.Candle{Time: m.minute * 60_000, Open: open, High: max(high, open), Low: min(low, open), Close: closing, Volume: 1_000_000_000_000})
}

func (m *market) flat(price exchange.Ticks) []strategytest.Step { return m.candle(price, price, price) }

// book writes the open orders as "buy 950" and so on.
func (m *market) book() []string {
	var out []string
	for _, o := range m.View().Orders {
		out = append(out, fmt.Sprintf("%s %d", o.Side, o.Price))
	}
	return out
}

func note(steps []strategytest.Step) string {
	notes := strategytest.Only(steps[len(steps)-1].Commands, strategy.NoteCommand)
	if len(notes) != 1 {
		return fmt.Sprintf("%d notes", len(notes))
	}
	return notes[0].Text
}

func buys(steps []strategytest.Step) []strategy.Command {
	return strategytest.Only(steps[len(steps)-1].Commands, strategy.PlaceCommand)
}

func TestCycle(t *testing.T) {
	t.Parallel()
	m := newMarket(t, plain)
	orders := buys(m.flat(1000))
	want := strategy.Command{
		Kind: strategy.PlaceCommand, Ref: 1, Side: exchange.Buy, Type: exchange.MarketOrder, Value: 100_000_000_000, Text: "a cycle begins",
	}
	if !slices.Equal(orders, []strategy.Command{want}) {
		t.Fatalf("at first it orders %+v, want %+v", orders, want)
	}
	steps := m.flat(1000)
	if want := []string{"buy 900", "buy 700"}; !slices.Equal(m.book(), want) {
		t.Fatalf("after the first buy open are %v, want %v", m.book(), want)
	}
	if v := m.View().Orders; v[0].Volume != 100_000_000_000/900 || v[1].Volume != 200_000_000_000/700 {
		t.Errorf("the safety orders are %+v", v)
	}
	if got := note(steps); got != "holding 100 XBT at an average of 1,000, to be sold at 1,050; 2 of 2 safety orders wait" {
		t.Errorf("it says %q", got)
	}
	m.candle(890, 1000, 895)
	entry := 200_000_000_000.0 / (100_000_000 + 100_000_000_000/900)
	if got := m.View().Exits.Target; got != exchange.Ticks(entry*1.05)+1 || got >= 1000 {
		t.Errorf("after the first dip it is to be sold at %d, 5 %% above %v", got, entry)
	}
	steps = m.candle(895, 1000, 1000) // the host sells at the target
	if v := m.View(); v.Base != 0 || v.Counter < 1_009_000_000_000 {
		t.Errorf("after the target %d of base are left and %d of cash", v.Base, v.Counter)
	}
	if orders := buys(steps); len(orders) != 1 || orders[0].Value != m.View().Counter/10 {
		t.Errorf("the next cycle begins with %+v, want a tenth of %d", orders, m.View().Counter)
	}
	m.flat(1000)
	if want := []string{"buy 900", "buy 700"}; !slices.Equal(m.book(), want) {
		t.Errorf("in the next cycle open are %v, want %v", m.book(), want)
	}
}

func TestCooldownAfterASale(t *testing.T) {
	t.Parallel()
	m := newMarket(t, strings.TrimSuffix(plain, "}")+`,"cooldown":3}`)
	m.flat(1000)
	m.flat(1000)
	if steps := m.candle(1000, 1100, 1100); note(steps) != "waiting: the next cycle begins at 1 January 00:07 UTC" || len(buys(steps)) != 0 {
		t.Errorf("after the sale it says %+v", steps[len(steps)-1].Commands)
	}
	if len(m.book()) != 0 {
		t.Errorf("after the sale open are %v", m.book())
	}
	for i, want := range []int{0, 0, 1} {
		if orders := buys(m.flat(1100)); len(orders) != want {
			t.Errorf("%d candles after the sale it orders %+v", i+1, orders)
		}
	}
}

func TestScheduleBuysOverAndOver(t *testing.T) {
	t.Parallel()
	for params, every := range map[string]int{
		`{"every":5,"unit":"candles","size":10,"dips":0,"target":0}`: 5, `{"every":1,"unit":"hours","size":10,"dips":0,"target":0}`: 60,
	} {
		m := newMarket(t, params)
		var at []int
		for i := range 12 * every {
			if len(buys(m.flat(1000))) > 0 {
				at = append(at, i)
			}
		}
		var want []int
		for i := range 10 { // then the cash is gone
			want = append(want, i*every)
		}
		if !slices.Equal(at, want) {
			t.Errorf("%s buys at the candles %v, want %v", params, at, want)
		}
		if v := m.View(); v.Counter != 0 || v.Base != 1_000_000_000 || v.Exits != (strategy.Exits{}) {
			t.Errorf("%s ends with %+v", params, v)
		}
	}
}

func TestStopBelowTheAverage(t *testing.T) {
	t.Parallel()
	m := newMarket(t, strings.TrimSuffix(plain, "}")+`,"stop":20,"cooldown":10}`)
	m.flat(1000)
	steps := m.flat(1000)
	if got := m.View().Exits; got != (strategy.Exits{Stop: 800, Target: 1050}) {
		t.Errorf("the exits are %+v", got)
	}
	if got := note(steps); !strings.Contains(got, "to be sold at 1,050 or at the stop 800") {
		t.Errorf("it says %q", got)
	}
	m.candle(600, 1000, 650)
	if v := m.View(); v.Base != 0 || len(v.Orders) != 0 {
		t.Errorf("after the stop %+v is left", v)
	}
}

func TestRefusedFirstBuyIsNotAskedForAgainAndAgain(t *testing.T) {
	t.Parallel()
	h := strategytest.New(t, dca.Definition(), strategytest.Config{Params: plain})
	h.Close(1000)
	h.Order(strategy.OrderUpdate{Ref: 1, State: strategy.OrderRejected, Reason: "no"})
	for i := range 40 {
		orders := strategytest.Only(h.Candle(exchange.Flat(int64(i+1)*60_000, 1000)), strategy.PlaceCommand)
		if len(orders) > 0 {
			if i != 29 {
				t.Errorf("it asks again after %d candles", i+1)
			}
			return
		}
	}
	t.Error("it never asks again")
}

func TestPositionOfAnEarlierRunBeginsACycle(t *testing.T) {
	t.Parallel()
	h := strategytest.New(t, dca.Definition(), strategytest.Config{Params: plain})
	h.View.Base, h.View.Cost = 100_000_000, 95_000_000_000
	got := h.Close(1000)
	orders := strategytest.Only(got, strategy.PlaceCommand)
	if len(orders) != 2 || orders[0].Type != exchange.LimitOrder || orders[0].Price != 900 || orders[1].Price != 700 {
		t.Errorf("it orders %+v, want the safety orders only", orders)
	}
	if exits := strategytest.Only(got, strategy.ExitsCommand); len(exits) != 1 || exits[0].Exits.Target != 998 {
		t.Errorf("it sets %+v, want a target of 5 %% above 950", exits)
	}
}

func TestLadderIsKnownAfterARestart(t *testing.T) {
	t.Parallel()
	m := newMarket(t, plain)
	m.flat(1000)
	m.Restart() // the first buy is under way
	m.flat(1000)
	before := stateOf(m.Paper)
	m.Restart()
	m.candle(690, 1000, 1000)
	after := stateOf(m.Paper)
	if len(before.Rungs) != 2 || len(after.Rungs) != 2 {
		t.Fatalf("the ladder is %+v before and %+v after the restart", before, after)
	}
	for i, r := range after.Rungs {
		if was := before.Rungs[i]; was.Ref == 0 || r.Ref != 0 || r.Bought != r.Volume || r.Price != was.Price {
			t.Errorf("safety order %d was %+v and is %+v", i, was, r)
		}
	}
}

func TestSaysWhenThereIsNoCash(t *testing.T) {
	t.Parallel()
	h := strategytest.New(t, dca.Definition(), strategytest.Config{Params: plain, Explain: true})
	h.View.Counter = 0
	if got := h.Close(1000); len(got) != 1 || got[0].Text != "waiting: there is no cash to begin a cycle with" {
		t.Errorf("it says %+v", got)
	}
}

func TestBadParametersAreRefused(t *testing.T) {
	t.Parallel()
	for params, want := range map[string]string{
		`{"every":-1}`: "every", `{"unit":"days"}`: "unit", `{"size":0}`: "size", `{"dips":21}`: "dips", `{"dip":0}`: "dip", `{"target":-1}`: "target",
		`{"stop":100}`: "stop", `{"cooldown":-1}`: "cooldown", `{"speed":1}`: "speed",
		`{"dips":3,"dip":40,"dip_scale":1}`:                   "dips reach 120 % below the first buy",
		`{"dips":2,"size":50,"dip_size":30,"size_scale":1}`:   "take 110 % of the cash",
		`{"dips":20,"dip_scale":5,"size_scale":5,"dip":"90"}`: "dips",
	} {
		if err := dca.Definition().Check([]byte(params)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gave %v, want a fault of %s", params, err, want)
		}
	}
}
