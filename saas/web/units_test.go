package web_test

import (
	"net/http"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/web"
	"github.com/lunobot/lunobot/strategy/param"
)

// ladder has a parameter that counts whatever a market is paid in.
type ladder struct {
	Low  decimal.Decimal `param:"low" label:"Lowest line" unit:"counter currency" validate:"min=0"`
	Hold decimal.Decimal `param:"hold" label:"Kept back" unit:"base currency" validate:"min=0"`
	When string          `param:"when" label:"Buy when"`
}

// Amounts are counted in the currencies of the chosen market, and go on to be when
// another market is chosen; an expression has a row of its own.
func TestAmountsAreInTheMarketsCurrencies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cfg := w.config()
	schema, err := param.Of(ladder{When: "close > 1"})
	if err != nil {
		t.Fatal(err)
	}
	list := append(cfg.Strategies(), web.Strategy{Name: "ladder", Version: "1.0.0", Title: "Ladder", Summary: "Lays lines.", Schema: schema})
	cfg.Strategies = func() []web.Strategy { return list }
	ada := w.member(t, serve(t, cfg), "ada@example.com")
	ada.upgrade("premium")
	ada.get("/bots/new?strategy=ladder&pair=ETHMYR").want(t, "the form of a bot", http.StatusOK, `id="suffix-p-low">MYR<`, `id="suffix-p-hold">ETH<`, `id="suffix-max_position">ETH<`, "wide-field", "!counter currency", "!base currency")
	ada.get("/bots/new/strategy?strategy=ladder&pair=XBTMYR").want(t, "its parameters", http.StatusOK, `id="suffix-p-low">MYR<`, `id="suffix-p-hold">XBT<`)
	form := botForm("Lines")
	form.Set("strategy", "ladder")
	form.Set("pair", "ETHMYR")
	ada.post("/bots/new/check", form).want(t, "another market", http.StatusOK, `id="suffix-p-hold" hx-swap-oob="true">ETH<`, `id="suffix-max_position" hx-swap-oob="true">ETH<`, `id="suffix-balance" hx-swap-oob="true">MYR<`)
	ada.get("/backtests/new?strategy=ladder").want(t, "the form of a backtest", http.StatusOK, `id="suffix-p-low">MYR<`, `id="suffix-p-hold">XBT<`)
	ada.get("/backtests/new/history?strategy=ladder&pair=store/BTCUSD/1h").want(t, "a stored history", http.StatusOK, `id="suffix-p-low" hx-swap-oob="true">USD<`, `id="suffix-p-hold" hx-swap-oob="true">BTC<`)
}
