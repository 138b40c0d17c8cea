package web_test

import (
	"net/http"
	"testing"
)

// Every bound of a bot is asked for, comes back as it was typed if one is faulty, is kept, is
// shown, and goes with the bot into a backtest.
func TestBoundsOfABot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	ada.upgrade("premium")
	form := botForm("Guarded")
	for name, value := range map[string]string{
		"stop_loss": "5", "trailing_stop": "3", "max_hold": "1440", "cool_down": "0.5", "max_daily_loss": "4", "stop_drawdown": "15", "max_orders": "7", "max_orders_a_minute": "301",
	} {
		form.Set(name, value)
	}
	ada.post("/bots/new", form).want(t, "a faulty form", http.StatusUnprocessableEntity, "Must be a whole number from 0 to 300; 0 is 300", `value="1440"`, `value="0.5"`, "Circuit breakers")
	form.Set("max_orders_a_minute", "9")
	form.Set("max_hold", "0.001")
	ada.post("/bots/new", form).want(t, "a time that is no whole number of seconds", http.StatusUnprocessableEntity, "Must be a whole number of seconds")
	form.Set("max_hold", "1440")
	id := ada.newBotOf(form)
	c, err := w.bots.Bot(t.Context(), ada.who, id)
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.bots.Config(t.Context(), ada.who, c.ConfigID)
	if r := got.Risk; err != nil || r.MaxHoldSeconds != 86_400 || r.CoolDownSeconds != 30 || r.MaxOrders != 7 || r.MaxOrdersAMinute != 9 || r.TrailingStopPercent.String() != "3" ||
		r.MaxDailyLossPercent.String() != "4" || r.MaxDrawdownPercent.String() != "15" {
		t.Errorf("kept are %+v, %v", got.Risk, err)
	}
	ada.get("/bots/"+id).want(t, "the bot", http.StatusOK, "<dt>Trailing stop</dt><dd>3 %</dd>", "<dt>Time exit</dt><dd>1,440 minutes</dd>", "<dt>Cool-down</dt><dd>0.5 minutes</dd>", "<dt>Largest drawdown</dt><dd>15 %</dd>", "!<dt>Take-profit</dt>")
	ada.get("/bots/"+id+"/edit").want(t, "its form", http.StatusOK, `name="cool_down" type="text" value="0.5"`, `name="stop_drawdown" type="text" value="15"`)
	ada.get("/backtests/new?bot="+id).want(t, "a backtest of it", http.StatusOK, `name="trailing_stop" type="text" value="3"`, `name="max_hold" type="text" value="1440"`, "<dt>Largest daily loss</dt><dd>4 %</dd>")
}
