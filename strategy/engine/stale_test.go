package engine_test

import (
	"slices"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/risk"
)

// proves M2: nothing is bought in a pair whose candles do not come, until they do; what is
// held there may be sold all the while, and the other pairs go on.
func TestNothingIsBoughtInASilentPair(t *testing.T) {
	t.Parallel()
	markets := []exchange.Market{gridded("AAABBB", "1", "1"), gridded("CCCBBB", "1", "1")}
	s := newStall(t, markets, 1_000_000, exchange.Fees{}, paper.Costs{}, risk.Config{}, 0)
	span := time.Minute.Milliseconds()
	at := func(minute int64) int64 { return 1_000*span + minute*span }
	own := func(minute int64) engine.PairCandle { return closed("AAABBB", exchange.Flat(at(minute), 100)) }
	other := func(minute int64) engine.PairCandle { return closed("CCCBBB", exchange.Flat(at(minute), 50)) }
	buy := strategy.Command{Kind: strategy.PlaceCommand, Side: exchange.Buy, Type: exchange.MarketOrder, Volume: 10}
	sell := strategy.Command{Kind: strategy.PlaceCommand, Side: exchange.Sell, Type: exchange.MarketOrder, Volume: 1}
	s.step(t, once("candle", in("CCCBBB", buy)), own(0), other(0))
	s.step(t, nil, own(1), other(1))
	placed := func(minute int64, cs ...strategy.Command) (bought, sold bool) {
		before := s.View().Others[0]
		s.step(t, once("candle", cs...), own(minute))
		after := s.View().Others[0]
		return len(after.Orders) > len(before.Orders) && after.Orders[len(after.Orders)-1].Side == exchange.Buy, after.ReservedBase > before.ReservedBase
	}
	for minute := int64(2); minute <= engine.StaleCandles; minute++ {
		if bought, _ := placed(minute, in("CCCBBB", buy)); !bought || s.Stale() != nil {
			t.Fatalf("minute %d: it bought: %t, stale are %v", minute, bought, s.Stale())
		}
	}
	const late = engine.StaleCandles + 1
	bought, sold := placed(late, in("CCCBBB", buy), in("CCCBBB", sell), buy)
	if bought || !sold || !slices.Equal(s.Stale(), []string{"CCCBBB"}) || !s.log.said("no candle of CCCBBB has come since 16:42 UTC on 1 Jan 1970") {
		t.Errorf("it bought: %t, sold: %t, stale are %v", bought, sold, s.Stale())
	}
	if n := len(s.View().Orders); n != 1 {
		t.Errorf("its own pair has %d orders, want 1", n)
	}
	for minute := int64(2); minute <= late; minute++ {
		s.step(t, nil, other(minute))
	}
	if bought, _ := placed(late+1, in("CCCBBB", buy)); !bought || s.Stale() != nil {
		t.Errorf("after its candles have come it bought: %t, stale are %v", bought, s.Stale())
	}
}
