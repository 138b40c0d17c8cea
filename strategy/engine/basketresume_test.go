package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/risk"
)

// proves PL3, M4: a basket that is placed after the newest candles of its pairs takes
// those that follow and no earlier ones, knows their prices, hears the longer candle
// that they are within as a whole, and values what it holds.
func TestABasketIsPlaced(t *testing.T) {
	t.Parallel()
	newest := func(own, further exchange.Ticks) []engine.PairCandle {
		return []engine.PairCandle{closed("CCCBBB", flat(5, further)), closed("AAABBB", flat(6, own)), closed("DDDBBB", flat(6, 7))}
	}
	s := newStall(t, three(), 1_000, exchange.Fees{}, paper.Costs{}, risk.Config{}, 5*time.Minute)
	if err := s.Seek(newest(10, 40)); err != nil {
		t.Fatal(err)
	}
	s.Resume([]exchange.Candle{flat(5, 9), flat(6, 10)})
	s.ResumePair("CCCBBB", 5*60_000, []exchange.Candle{flat(5, 40)})
	if s.LastTime() != 6*60_000 || s.PairTime("CCCBBB") != 5*60_000 || s.LastPrice("CCCBBB") != 40 || s.Equity() != 1_000 || s.Sequence() != 0 {
		t.Errorf("it stands at %d and %d, %d ticks, worth %d after %d candles", s.LastTime(), s.PairTime("CCCBBB"), s.LastPrice("CCCBBB"), s.Equity(), s.Sequence())
	}
	if err := s.Begin([]engine.PairCandle{closed("CCCBBB", flat(5, 40))}); err == nil {
		t.Error("it takes a candle again")
	}
	s.Renew(17)
	buys := once("start", strategy.Command{Kind: strategy.PlaceCommand, Side: exchange.Buy, Type: exchange.MarketOrder, Volume: 20, Pair: "CCCBBB"})
	ev := s.Start()
	if err := s.Commands(buys(ev, s.View())); err != nil {
		t.Fatal(err)
	}
	var told []string
	told = append(told, s.step(t, nil, closed("CCCBBB", flat(6, 41)))...)
	for at := int64(7); at <= 9; at++ {
		told = append(told, s.step(t, nil, closed("CCCBBB", flat(at, 42)), closed("AAABBB", flat(at, 11)))...)
	}
	if got := strings.Join(told, " "); !strings.Contains(got, "fillCCCBBB") || !strings.HasSuffix(got, "pairCCCBBB candle") {
		t.Errorf("it was told %s", got)
	}
	if !strings.Contains(strings.Join(s.log.lines, " "), "fill 17 ") {
		t.Errorf("the order has another number than 17: %v", s.log.lines)
	}
	worth := s.Equity()
	if err := s.Seek(newest(11, 1)); err != nil { // it fell while the bot did not run
		t.Fatal(err)
	}
	if fell := worth - s.Equity(); fell != 41 { // 20 steps that are worth 0.05 a tick, over 41 ticks
		t.Errorf("it is worth %d less, want 41", fell)
	}
	for what, bad := range map[string][]engine.PairCandle{
		"for 3 pairs": newest(1, 1)[:2], "a second one": {closed("AAABBB", flat(7, 1)), closed("AAABBB", flat(7, 1)), closed("DDDBBB", flat(7, 1))},
		"of no pair": {closed("AAABBB", flat(7, 1)), closed("EEEBBB", flat(7, 1)), closed("DDDBBB", flat(7, 1))},
	} {
		if err := s.Seek(bad); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v gave %v, want %q", bad, err, what)
		}
	}
}
