package api_test

import (
	"strings"
	"testing"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
)

const configs = "/api/v1/trading/configs"

func TestConfigLife(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	made := b.call("POST", configs, token, `{"name":"Cross","trading_pair":"XBTMYR",
		"strategy_type":"basic","mode":"paper","parameters":{"fast":5},"balance":"2500.50","risk":{"stop_loss_percent":2.5}}`).want(201)
	id := made.text("id")
	if made.Header.Get("ETag") != `"1"` || made.text("balance") != "2500.5" || made.get("parameters", "slow") != 30.0 ||
		made.text("risk", "stop_loss_percent") != "2.5" || made.text("risk", "max_position") != "0" || made.text("mode") != "paper" || made.text("account_id") != "" {
		t.Errorf("made = %s", made.Body)
	}
	b.call("GET", configs, token, "").want(200, id, `"next_cursor":null`)
	changed := b.call("PATCH", configs+"/"+id, token, `{"name":"Evening","parameters":{"fast":7,"slow":20}}`, "If-Match", `"1"`).want(200)
	if changed.Header.Get("ETag") != `"2"` || changed.text("name") != "Evening" || changed.get("parameters", "fast") != 7.0 || changed.text("balance") != "2500.5" {
		t.Errorf("changed = %s", changed.Body)
	}
	b.call("PATCH", configs+"/"+id, token, `{"risk":{"trailing_stop_percent":"3","max_hold_seconds":86400,"cool_down_seconds":60,"max_daily_loss_percent":"4","max_drawdown_percent":"15","max_orders":7,"max_orders_a_minute":9}}`).
		want(200, `"stop_loss_percent":"0"`, `"trailing_stop_percent":"3"`, `"max_hold_seconds":86400`, `"cool_down_seconds":60`, `"max_daily_loss_percent":"4"`, `"max_drawdown_percent":"15"`, `"max_orders":7`, `"max_orders_a_minute":9`)
	b.call("PUT", configs+"/"+id, token, `{"balance":100}`).want(200, `"balance":"100"`, `"name":"Evening"`)
	b.call("GET", "/api/v1/trading/bots/"+made.text("bot_id"), token, "").want(200, `"name":"Evening"`)
	b.call("DELETE", configs+"/"+id, token, "").want(204)
	b.call("GET", configs+"/"+id, token, "").want(404)
	b.call("GET", "/api/v1/trading/bots/"+made.text("bot_id"), token, "").want(404)
}

// proves O5: a lost update is refused.
func TestConfigIfMatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	id, _ := b.create(token)
	for tag, status := range map[string]int{`"9"`: 412, `W/"1"`: 412, `1`: 412, `"x"`: 412, `"-1"`: 412} {
		b.call("PATCH", configs+"/"+id, token, `{"name":"Lost"}`, "If-Match", tag).want(status, `"code":"config_changed"`, "problem-stale")
	}
	b.call("GET", configs+"/"+id, token, "").want(200, `"name":"Cross"`, `"version":1`)
	b.call("PATCH", configs+"/"+id, token, `{"name":"Any"}`, "If-Match", `*`).want(200)
	b.call("PATCH", configs+"/"+id, token, `{"name":"Right"}`, "If-Match", `"2"`).want(200, `"version":3`)
}

func TestConfigRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	cases := map[string]struct {
		body     string
		status   int
		pointers string
	}{
		"nothing":            {`{}`, 422, "/name /trading_pair /strategy_type"},
		"null":               {`{"name":null,"trading_pair":null,"strategy_type":null}`, 422, "/name /trading_pair /strategy_type"},
		"parameters":         {`{"name":"a","trading_pair":"XBTMYR","strategy_type":"basic","parameters":{"fast":0,"slow":1000}}`, 422, "/parameters/fast /parameters/slow"},
		"all that is wrong":  {`{"name":"a","trading_pair":"DOGEMYR","strategy_type":"basic","mode":"live","balance":"-1","parameters":{"fast":900},"risk":{"max_position":"-1"},"luno_api_key":"k"}`, 422, "/luno_api_key /mode /trading_pair /balance /risk/max_position /parameters/fast"},
		"missing and wrong":  {`{"trading_pair":"XBTMYR","strategy_type":"basic","balance":"-5","parameters":{"fast":900}}`, 422, "/name /balance /parameters/fast"},
		"unknown strategy":   {`{"name":"a","trading_pair":"XBTMYR","strategy_type":"magic"}`, 422, "/strategy_type"},
		"long name":          {`{"name":"` + strings.Repeat("ä", 81) + `","trading_pair":"XBTMYR","strategy_type":"basic"}`, 422, "/name"},
		"interval":           {`{"name":"a","trading_pair":"XBTMYR","strategy_type":"basic","interval":"7m"}`, 422, "/interval"},
		"interval's type":    {`{"name":"a","trading_pair":"XBTMYR","strategy_type":"basic","interval":60}`, 422, "/interval"},
		"huge exponent":      {`{"name":"a","trading_pair":"XBTMYR","strategy_type":"basic","balance":"1e999999999"}`, 422, "/balance"},
		"exponent number":    {`{"name":"a","trading_pair":"XBTMYR","strategy_type":"basic","balance":1e5}`, 422, "/balance"},
		"not a number":       {`{"name":"a","trading_pair":"XBTMYR","strategy_type":"basic","balance":"NaN"}`, 422, "/balance"},
		"wrong types":        {`{"name":5,"trading_pair":["XBTMYR"],"strategy_type":{},"mode":true,"parameters":[],"risk":"none"}`, 422, "/name /trading_pair /strategy_type /mode /parameters /risk"},
		"types and values":   {`{"name":"","trading_pair":"XBTMYR","strategy_type":"nope","mode":7,"balance":"-5","risk":{"stop_loss_percent":-1,"take_profit_percent":"x"}}`, 422, "/mode /risk/take_profit_percent /name /balance /risk/stop_loss_percent /strategy_type"},
		"strange parameter":  {`{"name":"a","trading_pair":"XBTMYR","strategy_type":"basic","parameters":{"a/b~c":1}}`, 422, "/parameters/a~1b~0c"},
		"tenant_id":          {`{"name":"a","trading_pair":"XBTMYR","strategy_type":"basic","tenant_id":"b","plan":"enterprise","role":"owner"}`, 400, "/tenant_id /plan /role"}, // proves O6
		"letter case":        {`{"Name":"a","trading_pair":"XBTMYR","strategy_type":"basic"}`, 400, "/Name"},
		"unknown deeper":     {`{"name":"a","trading_pair":"XBTMYR","strategy_type":"basic","risk":{"stop/loss":1}}`, 400, "/risk/stop~1loss"},
		"NUL in a name":      {`{"name":"a\u0000b","trading_pair":"XBTMYR","strategy_type":"basic"}`, 422, "/name"},
		"NUL in a parameter": {`{"name":"a","trading_pair":"XBTMYR","strategy_type":"basic","parameters":{"fast":"\u0000"}}`, 422, "/parameters/fast"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := b.with(t)
			r := b.call("POST", configs, token, c.body).want(c.status)
			if got := strings.Join(r.pointers(), " "); got != c.pointers {
				t.Errorf("faulty fields = %q, want %q: %s", got, c.pointers, r.Body)
			}
			b.call("GET", configs, token, "").want(200, `"items":[]`)
		})
	}
}

// A change names all of its faults too, whoever finds them, and a stranger's
// configuration is not looked at.
func TestConfigChangeRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	id, botID := b.create(token)
	const body = `{"name":"","interval":"7m","balance":"-1","parameters":{"fast":900},"risk":{"stop_loss_percent":"x","max_position":"-1"}}`
	const want = "/risk/stop_loss_percent /interval /name /balance /risk/max_position /parameters/fast"
	for _, path := range []string{configs + "/" + id, bots + "/" + botID} {
		for _, method := range []string{"PATCH", "PUT"} {
			if got := strings.Join(b.call(method, path, token, body).want(422).pointers(), " "); got != want {
				t.Errorf("%s %s: faulty fields = %q, want %q", method, path, got, want)
			}
		}
		b.call("PATCH", path, b.register(path[len(path)-8:]+"@example.com"), body).want(404)
	}
	b.call("GET", configs+"/"+id, token, "").want(200, `"version":1`)
}

func TestConfigInterval(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	made := b.call("POST", configs, token, `{"name":"a","trading_pair":"XBTMYR","strategy_type":"basic","interval":"1h"}`).want(201, `"interval":"1h"`)
	id, botID := made.text("id"), made.text("bot_id")
	b.call("GET", bots+"/"+botID, token, "").want(200, `"interval":"1h"`)
	for _, name := range bot.Intervals() {
		b.call("PATCH", configs+"/"+id, token, `{"interval":"`+name+`"}`).want(200, `"interval":"`+name+`"`)
		b.call("GET", "/api/v1/markets/XBTMYR/candles?limit=1&interval="+name, token, "").want(200)
	}
	b.call("PATCH", bots+"/"+botID, token, `{"interval":"15m"}`).want(200, `"interval":"15m"`)
	b.call("PUT", configs+"/"+id, token, `{"name":"b","interval":null}`).want(200, `"interval":"15m"`)
	for _, wrong := range []string{"", "2h", "60"} {
		b.call("PATCH", configs+"/"+id, token, `{"interval":"`+wrong+`"}`).want(422, `"pointer":"/interval"`, "must be one of 1m, 5m, 15m, 30m, 1h, 4h, 1d")
	}
	document := b.call("GET", "/openapi.json", "", "").want(200)
	for _, schema := range []string{"NewConfig", "ConfigChange", "Config", "Bot"} {
		if got, _ := document.get("components", "schemas", schema, "properties", "interval", "enum").([]any); len(got) != len(bot.Intervals()) {
			t.Errorf("the document says of a %s's interval %v", schema, got)
		}
	}
}

// Null is a field that was left out, wherever it stands.
func TestConfigNulls(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	made := b.call("POST", configs, token, `{"name":"a","trading_pair":"XBTMYR","strategy_type":"basic","parameters":null,"balance":null,"interval":null,"risk":{"max_position":null}}`).want(201)
	if made.get("parameters", "slow") != 30.0 || made.text("balance") != "10000" || made.text("interval") != "1m" {
		t.Errorf("made = %s", made.Body)
	}
	b.call("PATCH", configs+"/"+made.text("id"), token, `{"name":null,"parameters":null,"balance":null,"risk":null}`).want(200, `"name":"a"`, `"balance":"10000"`)
}

func TestHostileTexts(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, sets(), func(t *testing.T, d *db.DB) {
		b := setupOn(t, d)
		token := b.register("ada@example.com")
		b.call("POST", "/api/v1/subscriptions/upgrade", token, `{"plan_id":4}`).want(200)
		for _, name := range []string{
			`'; DROP TABLE bots; --`, `<script>alert(1)</script>`, `{{.Secret}}`, `%s%n%d`, `../../etc/passwd`, "\u200f\U0001F4A9", `a?b&c=d#e`,
		} {
			r := b.call("POST", configs, token, `{"name":`+quote(t, name)+`,"trading_pair":"XBTMYR","strategy_type":"basic"}`).want(201)
			if r.text("name") != name {
				t.Errorf("name = %q, want %q", r.text("name"), name)
			}
			b.call("GET", configs+"/"+r.text("id"), token, "").want(200)
		}
		for _, id := range []string{"%00", "%ff%fe", "..%2f..", "'%20OR%201=1", "a%2Fb", strings.Repeat("a", 65), "%F0%9F%92%A9", "{config_id}", "*"} {
			b.call("GET", configs+"/"+id, token, "").want(404, "not-found")
		}
	})
}

// proves E9: a limit leaves nothing behind, and says what would help.
func TestConfigLimit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	b.create(token)
	r := b.call("POST", configs, token, `{"name":"Second","trading_pair":"ETHMYR","strategy_type":"basic"}`).want(403, "problem-limit-exceeded")
	if r.get("limit") != 1.0 || r.get("used") != 1.0 || r.text("feature") != "bots" || r.text("plan") != "free" || r.text("upgrade") != "basic" {
		t.Errorf("problem = %s", r.Body)
	}
	if items, ok := b.call("GET", configs, token, "").want(200).get("items").([]any); !ok || len(items) != 1 {
		t.Errorf("there are %d configurations", len(items))
	}
}

// What a strategy cannot trade is refused with the field's name, at the making and at a
// change; a configuration always tells its further pairs.
func TestFurtherPairs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	const body = `{"name":"a","trading_pair":"XBTMYR","strategy_type":"basic","further_pairs":`
	b.call("POST", configs, token, body+`["ETHMYR"]}`).want(422, `"pointer":"/further_pairs"`, "it trades one pair only")
	b.call("POST", configs, token, body+`["NOPE","XBTMYR"]}`).want(422, `"pointer":"/further_pairs/0"`, "is not a pair that is traded here", `"pointer":"/further_pairs/1"`, "is the bot's own pair")
	b.call("POST", configs, token, body+`"ETHMYR"}`).want(422, `"pointer":"/further_pairs"`)
	made := b.call("POST", configs, token, body+`[]}`).want(201, `"further_pairs":[]`)
	b.call("PATCH", configs+"/"+made.text("id"), token, `{"further_pairs":["ETHMYR"]}`).want(422, `"pointer":"/further_pairs"`)
	b.call("PATCH", configs+"/"+made.text("id"), token, `{"further_pairs":[]}`).want(200, `"further_pairs":[]`)
	b.call("GET", bots+"/"+made.text("bot_id"), token, "").want(200, `"trading_pair":"XBTMYR"`, `"further_pairs":[]`)
}
