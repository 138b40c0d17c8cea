package backtest_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/lunobot/lunobot/plugins/basic/basic"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/perf"
)

// A meter that hears of each candle as it comes gives the statistics that the
// finished run does, and a gap counts as time in which the account stood still.
func TestMeterAgreesWithTheWholeCurve(t *testing.T) {
	t.Parallel()
	s := history(t, 6_000)
	s.Candles = slices.Delete(s.Candles, 1_000, 3_500)
	r := run(t, basic.Definition(), config(t, s), s)
	whole, err := r.Stats()
	if err != nil {
		t.Fatal(err)
	}
	m, err := backtest.NewMeter(r.Config, r.From, r.FirstPrice)
	if err != nil {
		t.Fatal(err)
	}
	filled := r.Equity[:1_000:1_000]
	for range 2_500 {
		filled = append(filled, r.Equity[999])
	}
	filled = append(filled, r.Equity[1_000:]...)
	for i, e := range r.Equity {
		m.Add(s.Candles[i].Time, e)
	}
	grown := m.Stats(r)
	cfg := perf.Config{Initial: int64(r.Config.Balance), Interval: time.Minute, Start: time.UnixMilli(r.From)}
	byHand, err := perf.Of(cfg, filled, perf.Result{FirstPrice: int64(r.FirstPrice), LastPrice: int64(r.LastPrice)})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Segments) != 2 || grown.Days != 4 || grown.Candles != 6_000 {
		t.Errorf("%d segments, %d days of %d candles", len(r.Segments), grown.Days, grown.Candles)
	}
	a, errA := json.Marshal(whole)
	b, errB := json.Marshal(grown)
	if errA != nil || errB != nil || string(a) != string(b) {
		t.Errorf("grown %s\nwhole %s", b, a)
	}
	if byHand.Sharpe != grown.Sharpe || byHand.CAGR != grown.CAGR || byHand.UnderWater != grown.UnderWater || byHand.BuyAndHold != grown.BuyAndHold {
		t.Errorf("by hand %+v, got %+v", byHand, grown)
	}
	if got := r.TradeReturns(); len(got) != r.Trades.Len() || len(got) < 20 {
		t.Errorf("%d returns of %d trades", len(got), r.Trades.Len())
	}
}
