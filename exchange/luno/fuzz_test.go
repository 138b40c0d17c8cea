package luno_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
)

const fuzzMarket = `{"markets":[{"market_id":"XBTMYR","base_currency":"XBT","counter_currency":"MYR","trading_status":"ACTIVE","min_volume":"0.0005","max_volume":"100.00",
	"min_price":"100.00","max_price":"1000000.00","price_scale":2,"volume_scale":4,"fee_scale":8}]}`

// script is a transport that gives one answer to all calls but that of the markets.
type script struct {
	status  int
	body    []byte
	markets bool // it is the answer of the markets that is scripted
}

// RoundTrip implements http.RoundTripper.
func (s script) RoundTrip(r *http.Request) (*http.Response, error) {
	a := &http.Response{StatusCode: s.status, Header: http.Header{}, Request: r, Body: io.NopCloser(bytes.NewReader(s.body))}
	if !s.markets && r.URL.Path == "/api/exchange/1/markets" {
		a.StatusCode, a.Body = http.StatusOK, io.NopCloser(strings.NewReader(fuzzMarket))
	}
	return a, nil
}

// fuzz gives a decoder whatever the fuzzer thinks of, beginning with the seeds and
// with what is no answer at all. No answer may crash it, hold it up, or be taken
// where it is none.
func fuzz(f *testing.F, markets bool, call func(*testing.T, context.Context, *luno.Client) error, seeds ...string) {
	f.Helper()
	for _, seed := range append(seeds, "", "null", "[]", "{}", `{"error":"no","error_code":"ErrInsufficientBalance"}`, "<html>bad gateway</html>", `{"code":5,"message":"x"}`) {
		f.Add(200, []byte(seed))
		f.Add(400, []byte(seed))
		f.Add(503, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if status < 200 || status > 599 || status == http.StatusSwitchingProtocols {
			return // net/http gives no other final status
		}
		c, err := luno.New(luno.Config{
			KeyID: keyID, Secret: secret, Transport: script{status, body, markets}, Budget: &pauses{}, Tries: 1,
			Now: func() time.Time { return time.UnixMilli(first + 10*count*60_000) },
		})
		if err != nil {
			t.Fatal(err)
		}
		err = call(t, t.Context(), c)
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("the error has the secret: %v", err)
		}
		if err == nil && status != http.StatusOK {
			t.Errorf("an answer with %d is taken", status)
		}
	})
}

func FuzzMarkets(f *testing.F) {
	fuzz(f, true, func(t *testing.T, ctx context.Context, c *luno.Client) error {
		list, err := c.Markets(ctx)
		for _, m := range list {
			if err := m.Validate(); err != nil {
				t.Error(err)
			}
		}
		return err
	}, fuzzMarket, `{"markets":[{"market_id":"A","price_scale":99}]}`, `{"markets":[{"market_id":"A","min_price":"1e999999999"}]}`)
}

func FuzzCandles(f *testing.F) {
	fuzz(f, false, func(t *testing.T, ctx context.Context, c *luno.Client) error {
		list, err := c.Candles(ctx, "XBTMYR", time.Minute, time.UnixMilli(0), luno.PageSize)
		for i, k := range list {
			if !k.Valid() || i > 0 && k.Time <= list[i-1].Time {
				t.Errorf("candle %d is %+v", i, k)
			}
		}
		return err
	}, `{"pair":"XBTMYR","duration":60,"candles":[`+candleJSON(first, 1)+","+candleJSON(first+60_000, 2)+`]}`, `{"candles":[{"timestamp":9223372036854775807}]}`)
}

func FuzzTicker(f *testing.F) {
	fuzz(f, false, func(t *testing.T, ctx context.Context, c *luno.Client) error {
		k, err := c.Ticker(ctx, "XBTMYR")
		if k.Bid < 0 || k.Ask < 0 || k.Last < 0 || err == nil && k.Pair != "XBTMYR" {
			t.Errorf("%+v", k)
		}
		return err
	}, tickerJSON)
}

func FuzzTickers(f *testing.F) {
	fuzz(f, false, func(t *testing.T, ctx context.Context, c *luno.Client) error {
		list, err := c.Tickers(ctx, "XBTMYR")
		for _, k := range list {
			if k.Bid < 0 || k.Ask < 0 || k.Last < 0 {
				t.Errorf("%+v", k)
			}
		}
		return err
	}, `{"tickers":[`+tickerJSON+`]}`)
}

func FuzzOrderBook(f *testing.F) {
	fuzz(f, false, func(t *testing.T, ctx context.Context, c *luno.Client) error {
		book, err := c.OrderBook(ctx, "XBTMYR", 0)
		for i, l := range book.Bids {
			if l.Price <= 0 || l.Volume <= 0 || i > 0 && l.Price >= book.Bids[i-1].Price {
				t.Errorf("bids %v", book.Bids)
			}
		}
		for i, l := range book.Asks {
			if l.Price <= 0 || l.Volume <= 0 || i > 0 && l.Price <= book.Asks[i-1].Price {
				t.Errorf("asks %v", book.Asks)
			}
		}
		return err
	}, `{"timestamp":6,"asks":[{"price":"4","volume":"1"}],"bids":[{"price":"3","volume":"0.5"},{"price":"3.00","volume":"0.25"},{"price":"2","volume":"0.1"}]}`)
}

func FuzzTrades(f *testing.F) {
	fuzz(f, false, func(t *testing.T, ctx context.Context, c *luno.Client) error {
		list, err := c.Trades(ctx, "XBTMYR", 0, 100)
		for i, k := range list {
			if k.Price <= 0 || k.Volume <= 0 || i > 0 && k.Sequence <= list[i-1].Sequence {
				t.Errorf("%+v", list)
			}
		}
		return err
	}, `{"trades":[{"sequence":9,"timestamp":5,"price":"250000.00","volume":"0.0005","is_buy":true},{"sequence":8,"timestamp":5,"price":"1","volume":"1"}]}`)
}

// sound reports whether an order can be one.
func sound(o exchange.Order) bool {
	return o.ID != "" && o.Request.Pair == "XBTMYR" && o.Filled >= 0 && o.Value >= 0 && o.Request.Price >= 0 && o.Request.Volume >= 0 &&
		(o.Request.Side == exchange.Buy || o.Request.Side == exchange.Sell) && o.Status >= exchange.Pending && o.Status <= exchange.Complete
}

func FuzzOrder(f *testing.F) {
	fuzz(f, false, func(t *testing.T, ctx context.Context, c *luno.Client) error {
		o, err := c.Order(ctx, "XBTMYR", "c-BX1")
		if err == nil && (!sound(o) || o.Request.ClientID != "c-BX1") {
			t.Errorf("%+v", o)
		}
		return err
	}, orderJSON(kept{"BX1", first}, "PENDING"), orderJSON(kept{"BX1", first}, "COMPLETE"))
}

func FuzzOrders(f *testing.F) {
	fuzz(f, false, func(t *testing.T, ctx context.Context, c *luno.Client) error {
		list, err := c.OpenOrders(ctx, "XBTMYR")
		seen := make(map[string]bool)
		for _, o := range list {
			if !sound(o) || seen[o.ID] {
				t.Errorf("%+v", o)
			}
			seen[o.ID] = true
		}
		return err
	}, `{"orders":[`+orderJSON(kept{"BX1", first}, "PENDING")+","+orderJSON(kept{"BX1", first}, "PENDING")+`]}`)
}

func FuzzFills(f *testing.F) {
	fuzz(f, false, func(t *testing.T, ctx context.Context, c *luno.Client) error {
		list, err := c.Fills(ctx, "XBTMYR", 0, 100)
		for i, k := range list {
			value, errValue := k.Price.Times(k.Volume)
			if k.Price <= 0 || k.Volume <= 0 || errValue != nil || value != k.Value || k.Sequence <= 0 ||
				i > 0 && (k.Sequence < list[i-1].Sequence || k.Sequence == list[i-1].Sequence && k.OrderID == list[i-1].OrderID) {
				t.Errorf("%+v", list)
			}
		}
		return err
	}, `{"trades":[`+fillJSON(3, "ASK", true)+","+fillJSON(5, "BID", false)+`]}`, `{"trades":[`+fillJSON(5, "ASK", true)+","+twinJSON(5)+`]}`)
}

func FuzzBalances(f *testing.F) {
	fuzz(f, false, func(t *testing.T, ctx context.Context, c *luno.Client) error {
		list, err := c.Balances(ctx)
		for _, b := range list {
			if b.Currency == "" || b.Account == "" || b.Reserved.IsNegative() || b.Free().GreaterThan(b.Total) {
				t.Errorf("%+v", b)
			}
		}
		return err
	}, `{"balance":[{"account_id":"9223372036854775807","asset":"XBT","balance":"1.50000000","reserved":"0.25","unconfirmed":"9"}]}`)
}

func FuzzFees(f *testing.F) {
	fuzz(f, false, func(t *testing.T, ctx context.Context, c *luno.Client) error {
		s, err := c.Fees(ctx, "XBTMYR")
		for _, r := range []exchange.Rate{s.Buy.Maker, s.Buy.Taker, s.Sell.Maker, s.Sell.Taker} {
			if r < 0 || r >= exchange.RateOne {
				t.Errorf("%+v", s)
			}
		}
		return err
	}, `{"maker_fee":"0.9","taker_fee":"0.9","maker_fee_buy":"0.001","maker_fee_sell":"0.002","taker_fee_buy":"0.0025","taker_fee_sell":"0.0015","thirty_day_volume":"12.5"}`,
		`{"maker_fee":"1e-999999999","taker_fee":"0"}`)
}

func FuzzEntries(f *testing.F) {
	fuzz(f, false, func(t *testing.T, ctx context.Context, c *luno.Client) error {
		list, err := c.Entries(ctx, "42", 0, 100)
		for i, e := range list {
			if e.Row != int64(i+1) {
				t.Errorf("row %d is number %d", i, e.Row)
			}
		}
		return err
	}, `{"id":"42","transactions":[{"row_index":2,"balance":"5","detail_fields":{"trade_details":{"pair":"XBTMYR","sequence":7}}},{"row_index":1,"balance":"4"}]}`)
}

func FuzzPendingEntries(f *testing.F) {
	fuzz(f, false, func(_ *testing.T, ctx context.Context, c *luno.Client) error {
		_, err := c.PendingEntries(ctx, "42")
		return err
	}, `{"id":"42","pending":[{"timestamp":5,"balance_delta":"0.1","kind":"TRANSFER"}]}`)
}

func FuzzTransfers(f *testing.F) {
	fuzz(f, false, func(_ *testing.T, ctx context.Context, c *luno.Client) error {
		_, err := c.Transfers(ctx, "42", time.Time{}, 10)
		return err
	}, `{"transfers":[{"id":"7","amount":"0.5","fee":"0.01","inbound":true,"created_at":1690000000000,"transaction_id":"tx"}]}`)
}

// Of the answers to an order only one that names an order is a success, and only a
// code that settles it is a rejection. // proves T2
func FuzzPlace(f *testing.F) {
	fuzz(f, false, func(t *testing.T, ctx context.Context, c *luno.Client) error {
		o, err := c.Place(ctx, bid())
		switch {
		case err == nil && o.ID == "":
			t.Error("there is no id")
		case err != nil && exchange.OutcomeOf(err) == exchange.OutcomeRejected && !exchange.KindOf(err).Definitive() && exchange.KindOf(err) != exchange.KindDuplicate:
			t.Errorf("it is rejected: %v", err)
		}
		return err
	}, `{"order_id":"BXMC2CJ7HNB88U4"}`, `{"order_id":""}`, `{"error_code":"ErrDuplicateClientOrderID"}`, `{"order_id":5}`)
}

func FuzzCancel(f *testing.F) {
	fuzz(f, false, func(t *testing.T, ctx context.Context, c *luno.Client) error {
		err := c.Cancel(ctx, "XBTMYR", "BX1")
		if err != nil && exchange.OutcomeOf(err) == exchange.OutcomeRejected && !exchange.KindOf(err).Definitive() {
			t.Errorf("it is rejected: %v", err)
		}
		return err
	}, `{"success":true}`, `{"success":false}`, `{"error_code":"ErrCannotStopUnknownOrNonPendingOrder"}`)
}
