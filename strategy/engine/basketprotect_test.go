package engine_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/risk"
)

// steps are candles of one price in two pairs.
func steps(at int64, own, other exchange.Ticks) []engine.PairCandle {
	return []engine.PairCandle{closed("AAABBB", flat(at, own)), closed("CCCBBB", flat(at, other))}
}

// sold lists what was traded.
func (k *kept) sold() (out []string) {
	for _, f := range k.fills {
		out = append(out, fmt.Sprintf("%s %s %d@%d", f.Side, f.Pair, f.Volume, f.Price))
	}
	return out
}

// proves RK1: the equity of all pairs is judged, and a breaker closes all of them.
func TestABreakerIsOfAllPairs(t *testing.T) {
	t.Parallel()
	s := newStall(t, three()[:2], 1_000, exchange.Fees{}, paper.Costs{}, risk.Config{MaxDrawdown: 10 * percent}, 0)
	s.step(t, once("candle", buy(4), in("CCCBBB", buy(80))), steps(1, 100, 100)...) // 400 each
	s.step(t, once("candle", in("CCCBBB", limit(exchange.Buy, 10, 1))), steps(2, 100, 100)...)
	s.step(t, nil, steps(3, 120, 60)...) // 80 won and 160 lost: 920
	if got := s.Breaker(); got.Kind != "" {
		t.Fatalf("at 920 there is %+v", got)
	}
	s.step(t, nil, closed("CCCBBB", flat(4, 50))) // 880, at a candle of the further pair alone
	if got := s.Breaker(); got.Kind != risk.Drawdown || len(s.View().Others[0].Orders) != 1 || len(s.View().Orders) != 1 {
		t.Fatalf("at 880 there is %+v with %+v", got, s.View())
	}
	s.step(t, once("candle", buy(1), in("CCCBBB", buy(1))), steps(5, 120, 50)...)
	want := []string{"buy CCCBBB 80@100", "buy AAABBB 4@100", "sell CCCBBB 80@50", "sell AAABBB 4@120"}
	if got := s.log.sold(); !slices.Equal(got, want) {
		t.Errorf("the fills are %v, want %v", got, want)
	}
	s.step(t, nil, steps(6, 120, 50)...)
	if n := len(s.log.fills); n != 4 || !s.log.said("nothing is bought until the bot is resumed") {
		t.Errorf("%d fills; it says %+v", n, s.log.notes)
	}
	s.ResumeBreaker()
	s.step(t, once("candle", in("CCCBBB", buy(1))), steps(7, 120, 50)...)
	if s.step(t, nil, steps(8, 120, 50)...); len(s.log.fills) != 5 || s.Breaker().Kind != "" {
		t.Errorf("resumed it has %v and %+v", s.log.sold(), s.Breaker())
	}
}

// proves RK1, RK2: the host closes the positions of all pairs within a minute, whatever the
// order rate is.
func TestTheHostSellsAllPairsAtAnyRate(t *testing.T) {
	t.Parallel()
	s := newStall(t, three()[:2], 1_000, exchange.Fees{}, paper.Costs{}, risk.Config{MaxOrdersAMinute: 1}, 0)
	s.step(t, once("candle", buy(4)), steps(1, 100, 100)...)
	s.step(t, once("candle", in("CCCBBB", buy(2))), steps(2, 100, 100)...)
	s.step(t, once("candle", buy(1)), steps(3, 100, 100)...) // all that this minute allows
	if err := s.CancelAll("it stops"); err != nil {
		t.Fatal(err)
	}
	for pair, volume := range map[string]exchange.Steps{"": 4, "CCCBBB": 2} {
		if err := s.Sell(pair, volume, "closed by hand"); err != nil {
			t.Fatal(err)
		}
	}
	if s.step(t, nil, steps(4, 90, 90)...); len(s.log.fills) != 4 || s.View().Base != 0 || s.View().Others[0].Base != 0 {
		t.Errorf("it has %v and says %+v", s.log.sold(), s.log.notes)
	}
	if err := s.Sell("DDDBBB", 1, "closed by hand"); err == nil {
		t.Error("it sells in a pair that it does not trade")
	}
}

// proves RK1: cool-down, order rate and winding down are of the whole bot; each pair has
// a position of its own to be held for so long.
func TestBoundsOfTheWholeBot(t *testing.T) {
	t.Parallel()
	two := func(c risk.Config) *stall {
		return newStall(t, three()[:2], 1_000, exchange.Fees{}, paper.Costs{}, c, 0)
	}
	t.Run("cool-down", func(t *testing.T) {
		t.Parallel()
		s := two(risk.Config{StopLoss: 10 * percent, CoolDown: 2 * time.Minute})
		s.step(t, once("candle", in("CCCBBB", buy(20))), steps(1, 100, 100)...)
		s.step(t, nil, steps(2, 100, 100)...)
		s.step(t, once("candle", buy(1)), steps(3, 100, 80)...)
		if s.step(t, nil, steps(4, 100, 80)...); len(s.log.fills) != 2 || !s.log.said("cool-down after an exit that lost 20 BBB; nothing is bought until 00:06:00") {
			t.Errorf("it has %v and says %+v", s.log.sold(), s.log.notes)
		}
	})
	t.Run("orders a minute", func(t *testing.T) {
		t.Parallel()
		s := two(risk.Config{MaxOrdersAMinute: 2})
		s.step(t, once("candle", buy(1), in("CCCBBB", buy(1)), in("CCCBBB", buy(1))), steps(1, 100, 100)...)
		if s.step(t, nil, steps(2, 100, 100)...); len(s.log.fills) != 2 || !s.log.said("2 orders were placed within a minute") {
			t.Errorf("it has %v and says %+v", s.log.sold(), s.log.notes)
		}
	})
	t.Run("winding down", func(t *testing.T) {
		t.Parallel()
		s := two(risk.Config{})
		s.step(t, once("candle", in("CCCBBB", buy(20)), in("CCCBBB", limit(exchange.Buy, 50, 1)), limit(exchange.Buy, 50, 1)), steps(1, 100, 100)...)
		s.step(t, nil, steps(2, 100, 100)...)
		s.SetCloseOnly(true)
		if v := s.View(); len(v.Orders)+len(v.Others[0].Orders) != 0 {
			t.Fatalf("orders are open: %+v", v)
		}
		s.step(t, once("candle", in("CCCBBB", sell(5)), in("CCCBBB", buy(5))), steps(3, 100, 100)...)
		s.step(t, nil, steps(4, 100, 100)...)
		if want := []string{"buy CCCBBB 20@100", "sell CCCBBB 5@100"}; !slices.Equal(s.log.sold(), want) {
			t.Errorf("it has %v, want %v", s.log.sold(), want)
		}
	})
	t.Run("time exit", func(t *testing.T) {
		t.Parallel()
		s := two(risk.Config{MaxHold: 2 * time.Minute})
		s.step(t, once("candle", in("CCCBBB", buy(20))), steps(1, 100, 100)...)
		s.step(t, once("candle", buy(2)), steps(2, 100, 100)...)
		s.step(t, nil, steps(3, 100, 100)...)
		s.step(t, nil, steps(4, 100, 100)...)
		if want := []string{"buy CCCBBB 20@100", "buy AAABBB 2@100", "sell CCCBBB 20@100"}; !slices.Equal(s.log.sold(), want) {
			t.Errorf("it has %v, want %v", s.log.sold(), want)
		}
	})
}
