package backtestreport_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/backtestreport"
)

type quietParams struct {
	Floor int `param:"floor" label:"Floor" unit:"counter currency" validate:"min=0"`
	Least int `param:"least" label:"Least" unit:"base currency" validate:"min=0"`
}

// quiet never trades.
type quiet struct{}

func (*quiet) OnCandle(*strategy.Bot, exchange.Candle) {}

// TestReportWithoutTrades: a run that did nothing draws no axis of nothing, and what a
// strategy counts in a currency is told in that of the market.
func TestReportWithoutTrades(t *testing.T) {
	t.Parallel()
	def := strategy.MustDefine(strategy.Info{Name: "quiet", Version: "1.0.0"}, quietParams{Floor: 5, Least: 2}, func(quietParams) strategy.Strategy { return &quiet{} })
	s := series(t)
	result, err := backtest.Run(t.Context(), def, backtest.Config{Market: s.Market, Interval: s.Interval, Balance: 10_000_000_000, Params: json.RawMessage(`{"floor":5,"least":2}`)}, s.Source(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := backtestreport.New(backtestreport.Input{Result: result, Closes: backtestreport.ClosesOf(s.Candles), Title: "Quiet", Schema: def.Schema()})
	if err != nil {
		t.Fatal(err)
	}
	p := r.Page()
	var charts []string
	for _, c := range p.Charts {
		charts = append(charts, c.ID)
	}
	if !slices.Equal(charts, []string{"equity", "price"}) {
		t.Errorf("the charts are %v", charts)
	}
	for id, values := range p.Readings.Values {
		if !slices.Contains(charts, id) || len(values) != len(p.Readings.X) {
			t.Errorf("%d readings of %s", len(values), id)
		}
	}
	for _, want := range []backtestreport.Setting{{Name: "Floor", Value: "5 MYR"}, {Name: "Least", Value: "2 XBT"}} {
		if !slices.Contains(p.Settings, want) {
			t.Errorf("the settings lack %v: %v", want, p.Settings)
		}
	}
}
