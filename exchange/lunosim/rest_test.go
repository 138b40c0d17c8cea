package lunosim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
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
	b.clock.Advance(time.Second)
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
	b.clock.Advance(3 * time.Minute)
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
	b.clock.Advance(1500 * time.Minute)
	if c := get(60, start); len(c) != 1000 || fmt.Sprint(c[0]["timestamp"]) != fmt.Sprint(start) {
		t.Errorf("%d candles, want the earliest 1000", len(c))
	}
	if c := get(60, 1<<63-1); len(c) != 0 {
		t.Errorf("candles of the end of time: %v", c)
	}
	b.ann.send(t, http.MethodGet, "/api/exchange/1/candles", "pair=XBTMYR", "duration=61", "since=1").refused(t, 400, "ErrInvalidParameters")
	b.ann.send(t, http.MethodGet, "/api/exchange/1/candles", "pair=XBTMYR", "duration=60").refused(t, 400, "ErrInvalidParameters")
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
	b.clock.Advance(59 * time.Second)
	b.ann.send(t, http.MethodGet, "/api/1/balance").refused(t, 429, "ErrTooManyRequests")
	b.clock.Advance(time.Second)
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
