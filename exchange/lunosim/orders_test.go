package lunosim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange/lunosim"
)

// sdkPost is what the official SDK sends for a limit order with its four required
// fields: everything else is empty, 0 or false.
func sdkPost(pair, side, price, volume string) []string {
	return []string{
		"base_account_id=0", "client_order_id=", "counter_account_id=0", "pair=" + pair, "post_only=false", "price=" + price,
		"stop_direction=", "stop_price=0", "time_in_force=", "timestamp=0", "ttl=0", "type=" + side, "volume=" + volume,
	}
}

func TestLifeOfAnOrder(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	id, _ := b.ann.send(t, http.MethodPost, "/api/1/postorder", sdkPost("XBTMYR", "ASK", "400000.00", "0.5000")...).json(t)["order_id"].(string)
	if !regexp.MustCompile(`^BX[A-Z0-9]{13}$`).MatchString(id) {
		t.Errorf("order id %q", id)
	}
	if got := b.ann.balances(t)["XBT"]; got != "100/0.5" {
		t.Errorf("ann's XBT %s", got)
	}
	o := b.ann.order(t, id)
	if o["status"] != "PENDING" || o["side"] != "SELL" || o["type"] != "LIMIT" || o["base"] != "0.00" || o["stop_price"] != "0.00" ||
		o["completed_timestamp"] != json.Number("0") || o["creation_timestamp"] != json.Number("1800000000123") {
		t.Errorf("resting order %v", o)
	}
	if account, ok := o["base_account_id"].(json.Number); !ok || len(account) != 19 {
		t.Errorf("base account %v", o["base_account_id"])
	}
	b.clock.Advance(time.Second)
	taker := b.bob.limit(t, "BID", "400000", "0.2", "client_order_id=mine_1;x,y.z-")
	o = b.bob.get(t, "/api/exchange/3/order", "client_order_id=mine_1;x,y.z-", "id=")
	if o["order_id"] != taker || o["status"] != "COMPLETE" || o["base"] != "0.200000" || o["counter"] != "80000" || o["fee_counter"] != "80" || o["fee_base"] != "0.00" ||
		o["completed_timestamp"] != json.Number("1800000001123") || o["expiration_timestamp"] != json.Number("0") {
		t.Errorf("taker %v", o)
	}
	v1 := b.ann.get(t, "/api/1/orders/"+id)
	if v1["type"] != "ASK" || v1["state"] != "PENDING" || v1["base"] != "0.200000" || v1["limit_volume"] != "0.500000" || v1["pair"] != "XBTMYR" {
		t.Errorf("v1 %v", v1)
	}
	if _, there := v1["client_order_id"]; there {
		t.Error("v1 has a client id")
	}
	if v2 := b.ann.get(t, "/api/exchange/2/orders/"+id); fmt.Sprint(v2) != fmt.Sprint(b.ann.order(t, id)) {
		t.Errorf("v2 %v is not v3", v2)
	}
	b.clock.Advance(time.Second)
	if stopped := b.ann.send(t, http.MethodPost, "/api/1/stoporder", "order_id="+id).json(t); stopped["success"] != true {
		t.Errorf("stop %v", stopped)
	}
	o = b.ann.order(t, id) // proves T4: complete, and the volumes tell what was filled
	if o["status"] != "COMPLETE" || o["base"] != "0.200000" || o["expiration_timestamp"] != json.Number("1800000002123") {
		t.Errorf("stopped %v", o)
	}
	b.ann.send(t, http.MethodPost, "/api/1/stoporder", "order_id="+id).refused(t, 400, "ErrCannotStopUnknownOrNonPendingOrder")
	b.bob.send(t, http.MethodGet, "/api/exchange/3/order", "id="+id).refused(t, 404, "ErrOrderNotFound")
	b.bob.send(t, http.MethodPost, "/api/1/stoporder", "order_id="+id).refused(t, 400, "ErrCannotStopUnknownOrNonPendingOrder")
	if got := b.ann.balances(t)["XBT"]; got != "99.8/0" {
		t.Errorf("ann's XBT %s", got)
	}
	if got := b.bob.balances(t); got["XBT"] != "100.2/0" || got["MYR"] != "919920/0" {
		t.Errorf("bob has %v", got)
	}
	mine, theirs := items(b.ann.get(t, "/api/1/listtrades", "pair=XBTMYR"), "trades"), items(b.bob.get(t, "/api/1/listtrades", "pair=XBTMYR"), "trades")
	if len(mine) != 1 || len(theirs) != 1 || mine[0]["type"] != "ASK" || mine[0]["is_buy"] != true || theirs[0]["type"] != "BID" || theirs[0]["is_buy"] != true ||
		mine[0]["sequence"] != theirs[0]["sequence"] || theirs[0]["client_order_id"] != "mine_1;x,y.z-" || theirs[0]["fee_counter"] != "80" {
		t.Errorf("trades %v and %v", mine, theirs)
	}
	// POST parameters may stand in the query.
	r := b.ann.send(t, http.MethodPost, "/api/1/postorder?pair=XBTMYR&type=BID&price=1000&volume=1")
	if r.status != http.StatusOK {
		t.Errorf("parameters in the query: %d %s", r.status, r.body)
	}
}

func TestMarketOrders(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	post := func(c caller, params ...string) reply {
		return c.send(t, http.MethodPost, "/api/1/marketorder", append(params, "pair=XBTMYR")...)
	}
	post(b.bob, "type=BUY", "counter_volume=1000").refused(t, 400, "ErrNotEnoughLiquidity")
	b.ann.limit(t, "ASK", "400000", "0.1")
	b.ann.limit(t, "ASK", "900000", "0.1")
	post(b.bob, "type=BUY", "counter_volume=50000").refused(t, 400, "ErrNotEnoughLiquidity") // it would run to more than double
	id, _ := post(b.bob, "type=BUY", "counter_volume=10010", "base_volume=0").json(t)["order_id"].(string)
	o := b.bob.order(t, id)
	if o["type"] != "MARKET" || o["side"] != "BUY" || o["status"] != "COMPLETE" || o["base"] != "0.025000" || o["counter"] != "10000" || o["fee_counter"] != "10" {
		t.Errorf("market buy %v", o)
	}
	if v1 := b.bob.get(t, "/api/1/orders/"+id); v1["type"] != "BUY" {
		t.Errorf("v1 %v", v1)
	}
	b.ann.limit(t, "BID", "390000", "0.1")
	id, _ = post(b.bob, "type=SELL", "base_volume=0.05").json(t)["order_id"].(string)
	if o := b.bob.order(t, id); o["base"] != "0.050000" || o["counter"] != "19500" {
		t.Errorf("market sale %v", o)
	}
	post(b.bob, "type=BUY", "base_volume=0.05").refused(t, 400, "ErrInvalidCounterVolume")
	post(b.bob, "type=SELL", "counter_volume=5").refused(t, 400, "ErrInvalidBaseVolume")
	post(b.bob, "type=BID", "counter_volume=5").refused(t, 400, "ErrInvalidOrderSide")
	post(b.bob, "type=BUY", "counter_volume=0.0000001").refused(t, 400, "ErrCounterDenominationNotAllowed")
}

func TestFeesOfTheBaseCurrency(t *testing.T) { // proves T7: both fees are told
	t.Parallel()
	b := setup(t, func(c *lunosim.Config) { c.BaseFees = true })
	b.ann.limit(t, "ASK", "400000", "0.2")
	id := b.bob.limit(t, "BID", "400000", "0.2")
	if o := b.bob.order(t, id); o["fee_base"] != "0.0002" || o["fee_counter"] != "0.00" || o["counter"] != "80000" {
		t.Errorf("order %v", o)
	}
	if trades := items(b.bob.get(t, "/api/1/listtrades", "pair=XBTMYR"), "trades"); len(trades) != 1 || trades[0]["fee_base"] != "0.0002" || trades[0]["fee_counter"] != "0.00" {
		t.Errorf("trades %v", trades)
	}
	if got := b.bob.balances(t); got["XBT"] != "100.1998/0" || got["MYR"] != "920000/0" {
		t.Errorf("bob has %v", got)
	}
}

func TestRefusedOrders(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.ann.limit(t, "ASK", "400000", "1")
	now := b.clock.Now().UnixMilli()
	for name, test := range map[string]struct {
		change []string
		status int
		code   string
	}{
		"pair":                  {[]string{"pair=XBT"}, 400, "ErrMarketUnavailable"},
		"side":                  {[]string{"type=BUY"}, 400, "ErrInvalidOrderSide"},
		"no volume":             {[]string{"volume=0"}, 400, "ErrInvalidVolume"},
		"volume is no number":   {[]string{"volume=1e3"}, 400, "ErrInvalidVolume"},
		"negative volume":       {[]string{"volume=-1"}, 400, "ErrInvalidVolume"},
		"volume too fine":       {[]string{"volume=0.1234567"}, 400, "ErrVolumeDenominationNotAllowed"},
		"volume too low":        {[]string{"volume=0.00001"}, 400, "ErrVolumeTooLow"},
		"volume too high":       {[]string{"volume=101"}, 400, "ErrVolumeTooHigh"},
		"volume beyond numbers": {[]string{"volume=9999999999999999999999"}, 400, "ErrVolumeTooHigh"},
		"no price":              {[]string{"price="}, 400, "ErrInvalidPrice"},
		"price is no number":    {[]string{"price=1.2.3"}, 400, "ErrInvalidPrice"},
		"price too fine":        {[]string{"price=390000.5"}, 400, "ErrPriceDenominationNotAllowed"},
		"price too low":         {[]string{"price=999"}, 400, "ErrPriceTooLow"},
		"price too high":        {[]string{"price=100000001"}, 400, "ErrPriceTooHigh"},
		"balance":               {[]string{"volume=99", "price=390000"}, 400, "ErrInsufficientBalance"},
		"time in force":         {[]string{"time_in_force=DAY"}, 400, "ErrInvalidParameters"},
		"post-only and IOC":     {[]string{"post_only=true", "time_in_force=IOC"}, 400, "ErrPostOnlyNotAllowed"},
		"post-only would trade": {[]string{"post_only=true", "price=400000"}, 400, "ErrOrderCanceled"},
		"post-only":             {[]string{"post_only=perhaps"}, 400, "ErrInvalidParameters"},
		"late":                  {[]string{fmt.Sprint("timestamp=", now-5001), "ttl=5000"}, 400, "ErrDeadlineExceeded"},
		"late by default":       {[]string{fmt.Sprint("timestamp=", now-10001)}, 400, "ErrDeadlineExceeded"},
		"ttl":                   {[]string{fmt.Sprint("timestamp=", now), "ttl=10001"}, 400, "ErrInvalidParameters"},
		"client id":             {[]string{"client_order_id=a b"}, 400, "ErrInvalidClientOrderId"},
		"long client id":        {[]string{"client_order_id=" + strings.Repeat("x", 256)}, 400, "ErrInvalidClientOrderId"},
		"account":               {[]string{"base_account_id=17"}, 400, "ErrAccountNotFound"},
		"half a stop":           {[]string{"stop_price=380000"}, 400, "ErrInvalidStopDirection"},
		"other half of a stop":  {[]string{"stop_direction=ABOVE"}, 400, "ErrInvalidStopPrice"},
		"stop direction":        {[]string{"stop_price=380000", "stop_direction=UP"}, 400, "ErrInvalidStopDirection"},
		"stop too low":          {[]string{"stop_price=1", "stop_direction=ABOVE"}, 400, "ErrStopPriceTooLow"},
		"stop too high":         {[]string{"stop_price=100000001", "stop_direction=ABOVE"}, 400, "ErrStopPriceTooHigh"},
		"relative without one":  {[]string{"stop_price=380000", "stop_direction=RELATIVE_LAST_TRADE"}, 400, "ErrNoTradesToInferStopDirection"},
	} {
		params := map[string]string{"pair": "XBTMYR", "type": "BID", "price": "390000", "volume": "0.1"}
		for _, c := range test.change {
			key, value, _ := strings.Cut(c, "=")
			params[key] = value
		}
		var list []string
		for key, value := range params {
			list = append(list, key+"="+value)
		}
		t.Log(name)
		b.bob.send(t, http.MethodPost, "/api/1/postorder", list...).refused(t, test.status, test.code)
	}
	if got := b.bob.balances(t)["MYR"]; got != "1000000/0" {
		t.Errorf("refused orders left %s", got)
	}
	if orders := items(b.bob.get(t, "/api/1/listorders"), "orders"); len(orders) != 0 {
		t.Errorf("refused orders are listed: %v", orders)
	}
}

func TestClientIDIsUniqueForEver(t *testing.T) { // proves T2
	t.Parallel()
	b := setup(t, nil)
	b.bob.send(t, http.MethodPost, "/api/1/postorder", "pair=XBTMYR", "type=BID", "price=1", "volume=1", "client_order_id=one").refused(t, 400, "ErrPriceTooLow")
	id := b.bob.limit(t, "BID", "390000", "0.1", "client_order_id=one")
	again := func() {
		t.Helper()
		b.bob.send(t, http.MethodPost, "/api/1/postorder", "pair=XBTMYR", "type=BID", "price=390000", "volume=0.1", "client_order_id=one").
			refused(t, 409, "ErrDuplicateClientOrderID")
	}
	again()
	b.bob.send(t, http.MethodPost, "/api/1/stoporder", "order_id="+id).json(t)
	again()
	b.ann.limit(t, "BID", "380000", "0.5")
	b.bob.send(t, http.MethodPost, "/api/1/marketorder", "pair=XBTMYR", "type=SELL", "base_volume=0.1", "client_order_id=one").
		refused(t, 409, "ErrDuplicateClientOrderID")
	if err := b.SetStatus("XBTMYR", "SUSPENDED"); err != nil {
		t.Fatal(err)
	}
	again()
	b.ann.limit(t, "BID", "380000", "0.1", "client_order_id=one", "post_only=true") // ids are the account's own
	for _, keys := range [][]string{{"id=", "client_order_id="}, {"id=" + id, "client_order_id=one"}} {
		b.bob.send(t, http.MethodGet, "/api/exchange/3/order", keys...).refused(t, 400, "ErrInvalidParameters")
	}
}

func TestStopLimitOrders(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	trade := func(price string) {
		t.Helper()
		b.ann.limit(t, "ASK", price, "0.01")
		b.bob.limit(t, "BID", price, "0.01")
	}
	trade("400000")
	above := b.bob.limit(t, "BID", "402000", "0.1", "stop_price=401000", "stop_direction=RELATIVE_LAST_TRADE")
	below := b.ann.limit(t, "ASK", "398000", "0.1", "stop_price=399000", "stop_direction=BELOW")
	o := b.bob.order(t, above)
	if o["status"] != "AWAITING" || o["type"] != "STOP_LIMIT" || o["stop_price"] != "401000" || o["stop_direction"] != "ABOVE" {
		t.Errorf("waiting stop %v", o)
	}
	if got := b.bob.balances(t)["MYR"]; !strings.HasSuffix(got, "/40240.2") {
		t.Errorf("bob's MYR %s", got)
	}
	trade("400999")
	if o := b.bob.order(t, above); o["status"] != "AWAITING" {
		t.Errorf("it went too early: %v", o)
	}
	trade("401000")
	if o := b.bob.order(t, above); o["status"] != "PENDING" {
		t.Errorf("it did not go: %v", o)
	}
	if ticker := b.bob.get(t, "/api/1/ticker", "pair=XBTMYR"); ticker["bid"] != "402000" {
		t.Errorf("ticker %v", ticker)
	}
	b.ann.send(t, http.MethodPost, "/api/1/stoporder", "order_id="+below).json(t)
	if got := b.ann.balances(t)["XBT"]; !strings.HasSuffix(got, "/0") {
		t.Errorf("ann's XBT %s", got)
	}
}

func TestListsOfOrders(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	var ids []string
	for i := range 5 {
		ids = append(ids, b.ann.limit(t, "BID", fmt.Sprint(300000+i), "0.01"))
		b.clock.Advance(time.Millisecond)
	}
	b.ann.send(t, http.MethodPost, "/api/1/stoporder", "order_id="+ids[1]).json(t)
	b.ann.send(t, http.MethodPost, "/api/1/postorder", sdkPost("ETHMYR", "BID", "1000", "1")...).json(t)
	list := func(path string, params ...string) string {
		t.Helper()
		var out []string
		for _, o := range items(b.ann.get(t, path, params...), "orders") {
			for i, id := range ids {
				if o["order_id"] == id {
					out = append(out, fmt.Sprint(i))
				}
			}
		}
		return strings.Join(out, "")
	}
	created := b.ann.order(t, ids[3])["creation_timestamp"]
	for _, test := range []struct {
		path, want string
		params     []string
	}{
		{"/api/exchange/2/listorders", "4320", []string{"closed=false", "limit=0", "created_before=0", "pair="}},
		{"/api/exchange/2/listorders", "1", []string{"closed=true"}},
		{"/api/exchange/2/listorders", "43", []string{"pair=XBTMYR", "limit=2"}},
		{"/api/exchange/2/listorders", "20", []string{fmt.Sprint("created_before=", created)}},
		{"/api/1/listorders", "43210", []string{"state="}},
		{"/api/1/listorders", "4320", []string{"state=PENDING", "pair=XBTMYR"}},
		{"/api/1/listorders", "1", []string{"state=COMPLETE"}},
	} {
		if got := list(test.path, test.params...); got != test.want {
			t.Errorf("%s %v: %s, want %s", test.path, test.params, got, test.want)
		}
	}
	b.ann.send(t, http.MethodGet, "/api/exchange/2/listorders", "limit=1001").refused(t, 400, "ErrLimitOutOfRange")
	b.ann.send(t, http.MethodGet, "/api/1/listorders", "state=OPEN").refused(t, 400, "ErrInvalidParameters")
	b.ann.send(t, http.MethodGet, "/api/1/listorders", "pair=NOPE").refused(t, 400, "ErrMarketUnavailable")
}

// Luno's clients write yes and no in their languages' ways.
func TestYesAndNo(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.ann.limit(t, "ASK", "400000", "1")
	b.bob.limit(t, "BID", "400000", "0.1", "post_only=False")
	b.bob.limit(t, "BID", "390000", "0.1", "post_only=True")
	for _, yes := range []string{"True", "true", "1"} {
		b.bob.send(t, http.MethodPost, "/api/1/postorder", "pair=XBTMYR", "type=BID", "price=400000", "volume=0.1", "post_only="+yes).refused(t, 400, "ErrOrderCanceled")
		if over := items(b.bob.get(t, "/api/exchange/2/listorders", "closed="+yes), "orders"); len(over) != 1 || over[0]["status"] != "COMPLETE" {
			t.Errorf("closed=%s: %v", yes, over)
		}
	}
	for _, no := range []string{"False", "false", "0", ""} {
		if open := items(b.bob.get(t, "/api/exchange/2/listorders", "closed="+no), "orders"); len(open) != 1 || open[0]["status"] != "PENDING" {
			t.Errorf("closed=%s: %v", no, open)
		}
	}
	b.bob.send(t, http.MethodGet, "/api/exchange/2/listorders", "closed=yes").refused(t, 400, "ErrInvalidParameters")
}

func TestListsOfTrades(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.ann.limit(t, "ASK", "400000", "1")
	for range 6 {
		b.bob.limit(t, "BID", "400000", "0.01")
		b.clock.Advance(time.Second)
	}
	at := b.clock.Now().UnixMilli() - 6000 // of the first
	for _, test := range []struct {
		want   string
		params []string
	}{
		{"123456", []string{"limit=0", "since=", "before=", "after_seq=0", "before_seq=0", "sort_desc=false"}},
		{"654321", []string{"sort_desc=true"}},
		{"65", []string{"sort_desc=true", "limit=2"}},
		{"12", []string{"limit=2"}},
		{"3456", []string{fmt.Sprint("since=", at+2000)}},
		{"321", []string{fmt.Sprint("before=", at+3000)}},
		{"32", []string{fmt.Sprint("before=", at+3000), "limit=2"}},
		{"34", []string{"after_seq=3", "before_seq=5"}},
	} {
		var got string
		for _, trade := range items(b.bob.get(t, "/api/1/listtrades", append(test.params, "pair=XBTMYR")...), "trades") {
			got += fmt.Sprint(trade["sequence"])
		}
		if got != test.want {
			t.Errorf("%v: %s, want %s", test.params, got, test.want)
		}
	}
	b.bob.send(t, http.MethodGet, "/api/1/listtrades", "pair=").refused(t, 400, "ErrMarketUnavailable")
	b.bob.send(t, http.MethodGet, "/api/1/listtrades", "pair=XBTMYR", "limit=2000").refused(t, 400, "ErrLimitOutOfRange")
}
