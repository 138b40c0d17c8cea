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

func TestPublicData(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	nobody := caller{base: b.url}
	empty := nobody.get(t, "/api/1/ticker", "pair=XBTMYR")
	if empty["bid"] != "0.00" || empty["ask"] != "0.00" || empty["last_trade"] != "0.00" || empty["status"] != "ACTIVE" {
		t.Errorf("an empty book's ticker is %v", empty)
	}
	b.ann.limit(t, "ASK", "401000", "0.5")
	b.ann.limit(t, "ASK", "401000", "0.25")
	b.ann.limit(t, "ASK", "402000", "1")
	b.bob.limit(t, "BID", "399000", "0.1")
	b.clock.add(time.Second)
	b.bob.limit(t, "BID", "401000", "0.6")

	r := nobody.send(t, http.MethodGet, "/api/1/ticker", "pair=XBTMYR")
	ticker := r.json(t)
	want := map[string]any{
		"pair": "XBTMYR", "bid": "399000", "ask": "401000", "last_trade": "401000", "rolling_24_hour_volume": "0.600000", "status": "ACTIVE",
		"timestamp": json.Number("1800000001123"),
	}
	if fmt.Sprint(ticker) != fmt.Sprint(want) {
		t.Errorf("ticker %v, want %v", ticker, want)
	}
	if r.header.Get("Cache-Control") != "public, max-age=1" || r.header.Get("Date") != "Fri, 15 Jan 2027 08:00:01 GMT" {
		t.Errorf("headers %v", r.header)
	}
	if list := items(nobody.get(t, "/api/1/tickers", "pair=XBTMYR", "pair=ETHMYR"), "tickers"); len(list) != 2 || list[1]["pair"] != "ETHMYR" {
		t.Errorf("tickers %v", list)
	}
	if r := nobody.send(t, http.MethodGet, "/api/1/tickers", "pair=NOPE"); r.status != http.StatusOK || r.body != `{"tickers":[]}` {
		t.Errorf("tickers of an unknown pair: %d %s", r.status, r.body)
	}
	nobody.send(t, http.MethodGet, "/api/1/tickers", "pair=XBTMYR,ETHMYR").refused(t, 400, "ErrInvalidParameters")
	b.ann.send(t, http.MethodGet, "/api/1/balance", "assets=XBT,MYR").refused(t, 400, "ErrInvalidParameters")
	nobody.send(t, http.MethodGet, "/api/1/ticker", "pair=NOPE").refused(t, 400, "ErrMarketUnavailable")
	nobody.send(t, http.MethodGet, "/api/1/orderbook").refused(t, 400, "ErrMarketUnavailable")

	markets := items(nobody.get(t, "/api/exchange/1/markets", "pair=ETHXBT"), "markets")
	if len(markets) != 1 || markets[0]["base_currency"] != "ETH" || markets[0]["trading_status"] != "ACTIVE" || markets[0]["price_scale"] != json.Number("6") ||
		markets[0]["min_volume"] != "0.0010" || markets[0]["max_price"] != "1.000000" || markets[0]["fee_scale"] != json.Number("8") {
		t.Errorf("markets %v", markets)
	}

	top := nobody.get(t, "/api/1/orderbook_top", "pair=XBTMYR")
	asks := items(top, "asks")
	if len(asks) != 2 || asks[0]["price"] != "401000.000000000000000000" || asks[0]["volume"] != "0.150000000000000000" || len(items(top, "bids")) != 1 {
		t.Errorf("top of the book %v", top)
	}
	b.ann.limit(t, "ASK", "401000", "0.01")
	if whole := items(nobody.get(t, "/api/1/orderbook", "pair=XBTMYR"), "asks"); len(whole) != 3 || whole[1]["volume"] != "0.010000" || len(whole[0]) != 2 {
		t.Errorf("whole book %v", whole)
	}
	trades := items(nobody.get(t, "/api/1/trades", "pair=XBTMYR", "since="), "trades")
	if len(trades) != 2 || trades[0]["sequence"] != json.Number("2") || trades[0]["is_buy"] != true || trades[0]["volume"] != "0.100000" {
		t.Errorf("trades %v", trades)
	}
	nobody.send(t, http.MethodGet, "/api/1/trades", "pair=XBTMYR", fmt.Sprintf("since=%d", b.clock.Now().Add(-25*time.Hour).UnixMilli())).
		refused(t, 400, "ErrInvalidParameters")
	if r := nobody.send(t, http.MethodGet, "/api/1/time"); r.status != 404 || r.body != "" {
		t.Errorf("an unknown path: %d %q", r.status, r.body)
	}
	if r := nobody.send(t, http.MethodPost, "/api/1/ticker"); r.status != 404 || r.body != "" {
		t.Errorf("an unknown method: %d %q", r.status, r.body)
	}
}

func TestAtMostAHundredTrades(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.ann.limit(t, "ASK", "400000", "1")
	for range 101 {
		b.bob.limit(t, "BID", "400000", "0.001")
	}
	if trades := items(b.ann.get(t, "/api/1/trades", "pair=XBTMYR"), "trades"); len(trades) != 100 || trades[0]["sequence"] != json.Number("101") {
		t.Errorf("%d trades from %v", len(trades), trades[0]["sequence"])
	}
}

func TestCandles(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	nobody := caller{base: b.url}
	nobody.send(t, http.MethodGet, "/api/exchange/1/candles", "pair=XBTMYR", "duration=60", "since=1").refused(t, 401, "ErrUnauthorised")
	at := b.clock.Now().UnixMilli()
	start := at - at%60_000
	trade := func(price string) {
		b.ann.limit(t, "ASK", price, "0.01")
		b.bob.limit(t, "BID", price, "0.01")
	}
	trade("400000")
	trade("400500")
	trade("400100")
	b.clock.add(3 * time.Minute)
	trade("400200")
	get := func(duration, since int64) []map[string]any {
		return items(b.ann.get(t, "/api/exchange/1/candles", "pair=XBTMYR", fmt.Sprint("duration=", duration), fmt.Sprint("since=", since)), "candles")
	}
	var got []string
	for _, c := range get(60, start-3_600_000) {
		got = append(got, fmt.Sprint(c["timestamp"], c["open"], c["high"], c["low"], c["close"], c["volume"]))
	}
	want := []string{
		fmt.Sprint(start, "400000", "400500", "400000", "400100", "0.030000"),
		fmt.Sprint(start+60_000, "400100", "400100", "400100", "400100", "0.00"),
		fmt.Sprint(start+120_000, "400100", "400100", "400100", "400100", "0.00"),
		fmt.Sprint(start+180_000, "400200", "400200", "400200", "400200", "0.010000"),
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("candles\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if c := get(60, start+1); len(c) != 3 {
		t.Errorf("since within a minute: %v", c)
	}
	hour := get(3600, start-start%3_600_000)
	if len(hour) != 1 || hour[0]["high"] != "400500" || hour[0]["volume"] != "0.040000" || hour[0]["close"] != "400200" {
		t.Errorf("hour %v", hour)
	}
	b.clock.add(1500 * time.Minute)
	if c := get(60, start); len(c) != 1000 || fmt.Sprint(c[0]["timestamp"]) != fmt.Sprint(start) {
		t.Errorf("%d candles, want the earliest 1000", len(c))
	}
	if c := get(60, 1<<63-1); len(c) != 0 {
		t.Errorf("candles of the end of time: %v", c)
	}
	b.ann.send(t, http.MethodGet, "/api/exchange/1/candles", "pair=XBTMYR", "duration=61", "since=1").refused(t, 400, "ErrInvalidParameters")
	b.ann.send(t, http.MethodGet, "/api/exchange/1/candles", "pair=XBTMYR", "duration=60").refused(t, 400, "ErrInvalidParameters")
}

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
	b.clock.add(time.Second)
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
	b.clock.add(time.Second)
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
		b.clock.add(time.Millisecond)
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

func TestListsOfTrades(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.ann.limit(t, "ASK", "400000", "1")
	for range 6 {
		b.bob.limit(t, "BID", "400000", "0.01")
		b.clock.add(time.Second)
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

func TestLedger(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	accounts := map[string]string{}
	for _, x := range items(b.bob.get(t, "/api/1/balance", "assets=MYR", "assets=XBT"), "balance") {
		accounts[x["asset"].(string)] = x["account_id"].(string) // a text here
	}
	if len(accounts) != 2 || len(accounts["MYR"]) != 19 {
		t.Fatalf("accounts %v", accounts)
	}
	b.ann.limit(t, "ASK", "400000", "1")
	id := b.bob.limit(t, "BID", "400100", "0.2")
	rows := func(currency string, first, end int) []map[string]any {
		return items(b.bob.get(t, "/api/1/accounts/"+accounts[currency]+"/transactions", fmt.Sprint("min_row=", first), fmt.Sprint("max_row=", end)), "transactions")
	}
	var got []string
	for _, r := range rows("MYR", 1, 1000) {
		got = append(got, fmt.Sprint(r["row_index"], " ", r["kind"], " ", r["balance_delta"], " ", r["balance"], " ", r["available_delta"], " ", r["available"]))
	}
	want := []string{ // the newest first
		"4 FEE -80 919920 0.00 919920",
		"3 EXCHANGE -80000 920000 20.02 919920",
		"2 EXCHANGE 0.00 1000000 -80100.02 919899.98",
		"1 TRANSFER 1000000 1000000 1000000 1000000",
	}
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			t.Fatalf("rows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	fee := rows("MYR", -1, 0)
	if len(fee) != 1 || fee[0]["row_index"] != json.Number("4") || fee[0]["reference"] != id || fee[0]["currency"] != "MYR" || fee[0]["account_id"] != accounts["MYR"] {
		t.Errorf("last row %v", fee)
	}
	trade, _ := fee[0]["detail_fields"].(map[string]any)["trade_details"].(map[string]any)
	if trade["pair"] != "XBTMYR" || trade["price"] != "400000" || trade["volume"] != "0.200000" || trade["sequence"] != json.Number("1") {
		t.Errorf("details %v", trade)
	}
	if bought := rows("XBT", -1, 0); len(bought) != 1 || bought[0]["balance_delta"] != "0.2" || bought[0]["kind"] != "EXCHANGE" || !strings.HasPrefix(bought[0]["description"].(string), "Bought 0.2") {
		t.Errorf("coins %v", bought)
	}
	path := "/api/1/accounts/" + accounts["MYR"] + "/transactions"
	b.bob.send(t, http.MethodGet, path, "min_row=1", "max_row=1002").refused(t, 400, "ErrTooManyRowsRequested")
	b.bob.send(t, http.MethodGet, path, "min_row=1").refused(t, 400, "ErrInvalidParameters")
	b.ann.send(t, http.MethodGet, path, "min_row=1", "max_row=2").refused(t, 400, "ErrAccountNotFound")
	pending := b.bob.get(t, "/api/1/accounts/"+accounts["MYR"]+"/pending")
	if pending["currency"] != "MYR" || fmt.Sprint(pending["pending"]) != "[]" {
		t.Errorf("pending %v", pending)
	}
	fees := b.bob.get(t, "/api/1/fee_info", "pair=XBTMYR")
	if fees["taker_fee"] != "0.00100000" || fees["maker_fee_buy"] != "0.00000000" || fees["taker_fee_sell"] != "0.00100000" || fees["thirty_day_volume"] != "80000" {
		t.Errorf("fees %v", fees)
	}
	reader := caller{b.url, b.Keys()[4]}
	transfers := items(reader.get(t, "/api/exchange/1/transfers", "account_id="+accounts["MYR"], "before=", "limit=0"), "transfers")
	if len(transfers) != 1 || transfers[0]["amount"] != "1000000" || transfers[0]["inbound"] != true {
		t.Errorf("transfers %v", transfers)
	}
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	keys := b.Keys()
	if len(keys) != 6 || keys[0].Permissions != 99 {
		t.Fatalf("keys %v", keys)
	}
	reader, rich := caller{b.url, keys[1]}, caller{b.url, keys[2]}
	b.ann.get(t, "/api/1/balance")
	reader.send(t, http.MethodPost, "/api/1/postorder", sdkPost("XBTMYR", "BID", "390000", "0.1")...).refused(t, 403, "ErrInsufficientPerms")
	reader.send(t, http.MethodPost, "/api/1/stoporder", "order_id=BX").refused(t, 403, "ErrInsufficientPerms")
	reader.get(t, "/api/exchange/2/listorders")
	b.ann.get(t, "/api/1/send/networks") // ccxt asks for them before anything else
	for _, path := range []string{"/api/1/withdrawals", "/api/1/beneficiaries"} {
		b.ann.send(t, http.MethodGet, path).refused(t, 403, "ErrInsufficientPerms")
		rich.get(t, path)
	}
	b.ann.send(t, http.MethodGet, "/api/1/funding_address", "asset=XBT").refused(t, 403, "ErrInsufficientPerms")
	rich.send(t, http.MethodGet, "/api/1/funding_address", "asset=XBT").refused(t, 404, "ErrNotFound")
	b.ann.send(t, http.MethodPost, "/api/1/send", "amount=1").refused(t, 403, "ErrInsufficientPerms")
	if b.Moves() != 0 {
		t.Errorf("%d moves", b.Moves())
	}
	rich.send(t, http.MethodPost, "/api/1/send", "amount=1").refused(t, 400, "ErrUnderMaintenance")
	rich.send(t, http.MethodPost, "/api/1/withdrawals", "amount=1").refused(t, 400, "ErrUnderMaintenance")
	if b.Moves() != 2 {
		t.Errorf("%d moves, want 2", b.Moves())
	}
	caller{base: b.url}.send(t, http.MethodGet, "/api/1/balance").refused(t, 401, "ErrUnauthorised")
	caller{b.url, lunosim.Key{ID: keys[0].ID, Secret: "x"}}.send(t, http.MethodGet, "/api/1/balance").refused(t, 401, "ErrUnauthorised")
	caller{b.url, lunosim.Key{ID: "nobody", Secret: "x"}}.get(t, "/api/1/ticker", "pair=XBTMYR") // public calls take any
}

func TestLimitOfCalls(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *lunosim.Config) { c.Limit = 5 })
	reader := caller{b.url, b.Keys()[1]}
	for range 3 {
		b.ann.get(t, "/api/1/balance")
	}
	reader.get(t, "/api/1/balance") // the keys of an account share one limit
	b.ann.get(t, "/api/1/ticker", "pair=XBTMYR")
	b.ann.send(t, http.MethodGet, "/api/1/balance").refused(t, 429, "ErrTooManyRequests")
	reader.send(t, http.MethodGet, "/api/1/balance").refused(t, 429, "ErrTooManyRequests")
	b.bob.get(t, "/api/1/balance")
	b.clock.add(59 * time.Second)
	b.ann.send(t, http.MethodGet, "/api/1/balance").refused(t, 429, "ErrTooManyRequests")
	b.clock.add(time.Second)
	for range 5 {
		b.ann.get(t, "/api/1/balance")
	}
	b.ann.send(t, http.MethodGet, "/api/1/balance").refused(t, 429, "ErrTooManyRequests")
}

func TestStates(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, test := range []struct{ state, market, ticker, code string }{
		{"POST_ONLY", "POST_ONLY", "POSTONLY", "ErrPostOnlyMode"},
		{"SUSPENDED", "SUSPENDED", "DISABLED", "ErrMarketUnavailable"},
	} {
		if err := b.SetStatus("XBTMYR", test.state); err != nil {
			t.Fatal(err)
		}
		if got := b.ann.get(t, "/api/1/ticker", "pair=XBTMYR")["status"]; got != test.ticker {
			t.Errorf("%s: ticker %v", test.state, got)
		}
		if got := items(b.ann.get(t, "/api/exchange/1/markets", "pair=XBTMYR"), "markets")[0]["trading_status"]; got != test.market {
			t.Errorf("%s: market %v", test.state, got)
		}
		b.ann.send(t, http.MethodPost, "/api/1/postorder", sdkPost("XBTMYR", "BID", "390000", "0.1")...).refused(t, 400, test.code)
		b.ann.limit(t, "BID", "390000", "0.1", "post_only=true")
	}
	if err := b.SetStatus("XBTMYR", "UNKNOWN"); err != nil {
		t.Fatal(err)
	}
	b.ann.send(t, http.MethodPost, "/api/1/postorder", append(sdkPost("XBTMYR", "BID", "390000", "0.1"), "post_only=true")...).refused(t, 400, "ErrMarketUnavailable")
	if b.SetStatus("XBTMYR", "OPEN") == nil || b.SetStatus("NOPE", "ACTIVE") == nil {
		t.Error("a state or a market that is none was taken")
	}
}
