package bot_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/strategy/risk"
)

// proves RK1: every bound of a tenant reaches the engine, exactly.
func TestRiskReachesTheEngine(t *testing.T) {
	t.Parallel()
	m := exchange.Market{Pair: "XBTMYR", Base: "XBT", Counter: "MYR", Tick: decimal.New(1, 0), Step: decimal.New(1, -4), MinVolume: 1}
	p := func(text string) decimal.Decimal { return decimal.RequireFromString(text) }
	got, err := bot.Risk{
		StopLossPercent: p("5"), TakeProfitPercent: p("10.5"), TrailingStopPercent: p("0.000001"), MaxHoldSeconds: 90, CoolDownSeconds: 3600, MaxDailyLossPercent: p("4"),
		MaxDrawdownPercent: p("15"), MaxOrders: 7, MaxOrdersAMinute: 9, MaxPosition: p("0.5"),
	}.Limits(m)
	want := risk.Config{
		StopLoss: 5_000_000, TakeProfit: 10_500_000, TrailingStop: 1, MaxHold: 90 * time.Second, CoolDown: time.Hour, MaxDailyLoss: 4_000_000,
		MaxDrawdown: 15_000_000, MaxOrders: 7, MaxOrdersAMinute: 9, MaxPosition: 5_000,
	}
	if err != nil || got != want {
		t.Errorf("the engine gets %+v, %v", got, err)
	}
	if got, err = (bot.Risk{}).Limits(m); err != nil || got != (risk.Config{}) {
		t.Errorf("without bounds the engine gets %+v, %v", got, err)
	}
}

// Bounds that make no sense are named, each at its own place.
func TestFaultyRiskIsNamed(t *testing.T) {
	t.Parallel()
	var f errs.Fields
	below := decimal.NewFromInt(-1)
	bot.Setup{Pair: "NOPE", Risk: bot.Risk{
		TrailingStopPercent: decimal.NewFromInt(100), MaxHoldSeconds: -1, CoolDownSeconds: 367 * 86_400, MaxDailyLossPercent: below, MaxDrawdownPercent: below, MaxOrders: 101, MaxOrdersAMinute: -1,
	}}.Check(t.Context(), &f, pairs{"XBTMYR"}, nil)
	var e *errs.Error
	if !errors.As(f.Err(), &e) {
		t.Fatal("nothing is wrong")
	}
	for _, name := range []string{"trailing_stop_percent", "max_hold_seconds", "cool_down_seconds", "max_daily_loss_percent", "max_drawdown_percent", "max_orders", "max_orders_a_minute"} {
		if !slices.ContainsFunc(e.Fields, func(at errs.Field) bool { return at.Path == "/risk/"+name }) {
			t.Errorf("%+v does not name %s", e.Fields, name)
		}
	}
}
