package luno_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
)

const tickerJSON = `{"pair":"XBTMYR","bid":"250000.00","ask":"0.00","last_trade":"250000.010000","rolling_24_hour_volume":"12.34567","status":"POSTONLY","timestamp":1700000000123}`

// An empty side is 0, and the state has one name however it is written.
func TestTicker(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	c := client(t, f, &pauses{})
	f.routes["/api/1/ticker"] = says(tickerJSON)
	want := exchange.Ticker{Pair: "XBTMYR", Bid: 25_000_000, Last: 25_000_001, Volume24h: 123_456, Status: exchange.MarketPostOnly, Time: 1700000000123}
	if k, err := c.Ticker(t.Context(), "XBTMYR"); err != nil || k != want {
		t.Errorf("%+v, %v", k, err)
	}
	f.routes["/api/1/tickers"] = func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "pair=XBTMYR&pair=NOSUCH" {
			t.Errorf("asked for %s", r.URL.RawQuery)
		}
		fmt.Fprintf(w, `{"tickers":[%s]}`, tickerJSON)
	}
	if list, err := c.Tickers(t.Context(), "XBTMYR", "NOSUCH"); err != nil || len(list) != 1 || list[0] != want {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err := c.Tickers(t.Context()); err != nil || list != nil {
		t.Errorf("%+v, %v", list, err)
	}
	for _, change := range []string{`250000.00=-1`, `250000.00=1.001`, `XBTMYR=ETHMYR`, `"12.34567"="1e41"`, `POSTONLY=WHATEVER`} {
		from, to, _ := strings.Cut(change, "=")
		f.routes["/api/1/ticker"] = says(strings.Replace(tickerJSON, from, to, 1))
		k, err := c.Ticker(t.Context(), "XBTMYR")
		if to == "WHATEVER" { // nobody trades in a state that is not known
			if err != nil || k.Status != exchange.MarketDisabled {
				t.Errorf("%s: %+v, %v", change, k, err)
			}
		} else if err == nil {
			t.Errorf("%s: %+v", change, k)
		}
	}
}

// The orders of the long book are put together by price.
func TestOrderBook(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	c := client(t, f, &pauses{})
	f.routes["/api/1/orderbook_top"] = says(`{"timestamp":5,"asks":[{"price":"250000.020000000000000000","volume":"0.0005"},{"price":"250000.03","volume":"1"}],"bids":[{"price":"250000.00","volume":"0.5"}]}`)
	f.routes["/api/1/orderbook"] = says(`{"timestamp":6,"asks":[],"bids":[{"price":"3","volume":"0.5"},{"price":"3.00","volume":"0.25"},{"price":"2","volume":"0.1"},{"price":"1","volume":"0.1"}]}`)
	book, err := c.OrderBook(t.Context(), "XBTMYR", 1)
	if err != nil || fmt.Sprint(book) != "{XBTMYR [{25000000 5000}] [{25000002 5}] 5}" {
		t.Errorf("%v, %v", book, err)
	}
	for _, depth := range []int{0, 101} {
		if book, err = c.OrderBook(t.Context(), "XBTMYR", depth); err != nil || fmt.Sprint(book) != "{XBTMYR [{300 7500} {200 1000} {100 1000}] [] 6}" {
			t.Errorf("%v, %v", book, err)
		}
	}
	for _, bids := range []string{`{"price":"1","volume":"1"},{"price":"2","volume":"1"}`, `{"price":"0","volume":"1"}`, `{"price":"1","volume":"0"}`, `{"price":"1.001","volume":"1"}`,
		`{"price":"1","volume":"900000000000000"},{"price":"1","volume":"900000000000000"}`} {
		f.routes["/api/1/orderbook"] = says(`{"bids":[` + bids + `]}`)
		if book, err := c.OrderBook(t.Context(), "XBTMYR", 0); err == nil {
			t.Errorf("%s: %v", bids, book)
		}
	}
}

// The tape comes newest first and is given oldest first.
func TestTrades(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	c := client(t, f, &pauses{})
	row := func(n int) string {
		return fmt.Sprintf(`{"sequence":%d,"timestamp":%d,"price":"250000.00","volume":"0.0005","is_buy":%t}`, n, first+n, n%2 == 0)
	}
	f.routes["/api/1/trades"] = says(`{"trades":[` + row(9) + "," + row(8) + "," + row(6) + `]}`)
	got, err := c.Trades(t.Context(), "XBTMYR", 6, 1)
	if err != nil || len(got) != 1 || got[0] != (exchange.Trade{Pair: "XBTMYR", Sequence: 8, Time: first + 8, Price: 25_000_000, Volume: 5, Taker: exchange.Buy}) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err = c.Trades(t.Context(), "XBTMYR", 0, 10); err != nil || len(got) != 3 || got[0].Sequence != 6 || got[2].Taker != exchange.Sell {
		t.Errorf("%+v, %v", got, err)
	}
	f.routes["/api/1/trades"] = says(`{"trades":[` + row(8) + "," + row(9) + `]}`)
	if got, err := c.Trades(t.Context(), "XBTMYR", 0, 10); err == nil {
		t.Errorf("out of order: %+v", got)
	}
}

// Orders that are counted in one tick are never sent in another. // proves T9
func TestMarketChanges(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	d := openDesk(f)
	c := client(t, f, &pauses{})
	m, err := c.Market(t.Context(), "XBTMYR")
	if err != nil {
		t.Fatal(err)
	}
	coarser := `{"markets":[{"market_id":"XBTMYR","base_currency":"XBT","counter_currency":"MYR","trading_status":"ACTIVE","min_volume":"0.0005","max_volume":"100.00",
		"min_price":"100.00","max_price":"1000000.00","price_scale":%d,"volume_scale":4}]}`
	for _, scale := range []int{2, 0, 2} { // once it has changed, nobody knows who counts in what
		f.routes["/api/exchange/1/markets"] = says(fmt.Sprintf(coarser, scale))
		if _, err := c.Markets(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, err := c.Place(t.Context(), bid())
		if first := len(d.sent()) == 1 && scale == 2; first != (err == nil) && len(d.sent()) != 1 {
			t.Errorf("scale %d: %v, %d sent", scale, err, len(d.sent()))
		}
	}
	if n := len(d.sent()); n != 1 {
		t.Errorf("%d orders were sent", n)
	}
	// A client that is told in which tick its bots count refuses another one from
	// the beginning.
	f.routes["/api/exchange/1/markets"] = says(fmt.Sprintf(coarser, 0))
	cfg := config(f, &pauses{})
	cfg.Markets = []exchange.Market{m}
	if c, err = luno.New(cfg); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Place(t.Context(), bid()); err == nil || !strings.Contains(err.Error(), "has changed the tick") || len(d.sent()) != 1 {
		t.Errorf("%v", err)
	}
}
