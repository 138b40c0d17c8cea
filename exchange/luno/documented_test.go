package luno_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
)

// documented is a call with an answer in its documented shape.
type documented struct {
	Method, Path, Form string
	Status             int
	Answer             json.RawMessage
}

func readDocumented(t *testing.T, name string) (d documented) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "documented", name+".json"))
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// one returns the only element of a list.
func one[T any](list []T, err error) (T, error) {
	if err == nil && len(list) != 1 {
		err = fmt.Errorf("there are %d", len(list))
	}
	if err != nil {
		return *new(T), err
	}
	return list[0], nil
}

// Every call asks as it is documented and understands the documented answer, to the
// last digit. // proves T9
func TestDocumentedShapes(t *testing.T) {
	t.Parallel()
	const pair, account, at = "XBTUSDT", "4223372036854775807", 1790127197639
	ask := exchange.OrderRequest{ClientID: "i1-b2-e3-c4", Pair: pair, Side: exchange.Sell, Type: exchange.LimitOrder, Price: 640_005_500, Volume: 100}
	stop, market := ask, ask
	stop.ClientID, stop.Stop = "i1-b2-e3-c5", exchange.Stop{Price: 630_000_000, Direction: exchange.StopBelow}
	market.ClientID, market.Type, market.Price = "i1-b2-e3-c6", exchange.MarketOrder, 0
	tests := map[string]struct {
		call func(c *luno.Client) (any, error)
		want any // what it prints
	}{
		"ticker": {func(c *luno.Client) (any, error) { return c.Ticker(t.Context(), pair) },
			exchange.Ticker{Pair: pair, Bid: 640_001_200, Ask: 640_005_500, Last: 640_001_300, Volume24h: 123_456, Status: exchange.MarketActive, Time: at}},
		"tickers": {func(c *luno.Client) (any, error) { return c.Tickers(t.Context(), pair) }, []exchange.Ticker{
			{Pair: pair, Bid: 640_001_200, Ask: 640_005_500, Last: 640_001_300, Volume24h: 123_456, Status: exchange.MarketActive, Time: at},
			{Pair: pair, Ask: 640_005_500, Status: exchange.MarketPostOnly, Time: at},
		}},
		"markets": {func(c *luno.Client) (any, error) {
			m, err := one(c.Markets(t.Context()))
			return fmt.Sprint(m.Pair, m.Base, m.Counter, m.Tick, m.Step, m.MinVolume, m.MaxVolume, m.MinPrice, m.MaxPrice, m.Status), err
		}, "XBTUSDTXBTUSDT0.0001 0.0001 5 1000000 1000000 10000000000ACTIVE"},
		"orderbook_top": {func(c *luno.Client) (any, error) { return c.OrderBook(t.Context(), pair, 2) }, exchange.OrderBook{
			Pair: pair, Time: at, Asks: []exchange.Level{{Price: 640_005_500, Volume: 217}}, Bids: []exchange.Level{{Price: 640_001_200, Volume: 5000}, {Price: 639_990_000, Volume: 10_000}},
		}},
		"orderbook": {func(c *luno.Client) (any, error) { return c.OrderBook(t.Context(), pair, 0) },
			exchange.OrderBook{Pair: pair, Time: at, Asks: []exchange.Level{{Price: 640_005_500, Volume: 217}}, Bids: []exchange.Level{{Price: 640_001_200, Volume: 5000}}}},
		"trades": {func(c *luno.Client) (any, error) { return c.Trades(t.Context(), pair, 0, 100) }, []exchange.Trade{
			{Pair: pair, Sequence: 33279896, Time: at, Price: 640_005_500, Volume: 40, Taker: exchange.Buy},
			{Pair: pair, Sequence: 33279897, Time: at + 1, Price: 640_001_300, Volume: 4, Taker: exchange.Sell},
		}},
		"candles": {func(c *luno.Client) (any, error) {
			return c.Candles(t.Context(), pair, time.Minute, time.UnixMilli(1790127180000), 1000)
		}, []exchange.Candle{
			{Time: 1790127180000, Open: 640_001_200, High: 640_005_500, Low: 639_990_000, Close: 640_001_300, Volume: 5217},
			exchange.Flat(1790127240000, 640_001_300),
		}},
		"balance": {func(c *luno.Client) (any, error) {
			list, err := c.Balances(t.Context())
			return fmt.Sprint(list), err
		}, "[{XBT 4223372036854775807 10.004 1} {USDT 4223372036854775808 0 0}]"},
		"transactions": {func(c *luno.Client) (any, error) {
			list, err := c.Entries(t.Context(), account, 0, 2)
			return fmt.Sprint(list), err
		}, "[{4223372036854775807 XBT 1 1790127197639 10 10 9 9 TRANSFER Deposit   0} " +
			"{4223372036854775807 XBT 2 1790127197639 0.004 10.004 0.004 9.004 EXCHANGE Bought 0.004 XBT BXMC2CJ7HNB88U4 XBTUSDT 33279896}]"},
		"pending": {func(c *luno.Client) (any, error) {
			e, err := one(c.PendingEntries(t.Context(), account))
			return fmt.Sprint(e), err
		}, "{4223372036854775807 XBT 0 1790127197639 10 10 9 9 TRANSFER Deposit   0}"},
		"fee_info": {func(c *luno.Client) (any, error) {
			f, err := c.Fees(t.Context(), pair)
			return fmt.Sprint(f), err
		}, "{{250000 500000} {200000 400000} 0.094558}"},
		"transfers": {func(c *luno.Client) (any, error) {
			x, err := one(c.Transfers(t.Context(), account, time.Time{}, 10))
			return fmt.Sprint(x), err
		}, "{17 10 0 true 1790127197639 a transaction}"},
		"postorder":      {func(c *luno.Client) (any, error) { o, err := c.Place(t.Context(), ask); return o.ID, err }, "BXMC2CJ7HNB88U4"},
		"postorder_stop": {func(c *luno.Client) (any, error) { o, err := c.Place(t.Context(), stop); return o.ID, err }, "BXSTOP2CJ7HNB88"},
		"marketorder":    {func(c *luno.Client) (any, error) { o, err := c.Place(t.Context(), market); return o.ID, err }, "BXMARK2CJ7HNB88"},
		"stoporder":      {func(c *luno.Client) (any, error) { return nil, c.Cancel(t.Context(), pair, "BXMC2CJ7HNB88U4") }, nil},
		"order_v2": {func(c *luno.Client) (any, error) { return c.OrderByID(t.Context(), pair, "BXMC2CJ7HNB88U4") }, exchange.Order{
			ID: "BXMC2CJ7HNB88U4", Request: ask, Status: exchange.Open, Filled: 40, Value: 25_600_220_000, Fee: 25_600_220, Created: at,
		}},
		"order_v3": {func(c *luno.Client) (any, error) { return c.Order(t.Context(), pair, "i1-b2-e3-c5") },
			exchange.Order{ID: "BXSTOP2CJ7HNB88", Request: stop, Status: exchange.Pending, Created: at}},
		"listorders_v2": {func(c *luno.Client) (any, error) {
			list, err := c.ClosedOrders(t.Context(), pair, time.Time{})
			if err == nil && (len(list) != 2 || list[0].ID == list[1].ID) {
				err = fmt.Errorf("%+v", list)
			}
			for _, o := range list {
				if o.Status == exchange.Complete {
					return fmt.Sprintln(o.ID, o.Request.Side, o.Completed-at, o.Filled, o.Request.ClientID == ""), err
				}
			}
			return nil, err
		}, "BXDONE2CJ7HNB88 buy 5 40 true\n"},
		"listtrades": {func(c *luno.Client) (any, error) { return one(c.Fills(t.Context(), pair, 0, 10)) }, exchange.Fill{
			Pair: pair, OrderID: "BXMC2CJ7HNB88U4", ClientID: "i1-b2-e3-c4", Sequence: 33279896, Side: exchange.Sell, Price: 640_005_500, Volume: 40,
			Value: 25_600_220_000, FeeCounter: 25_600_220, Maker: true, Time: at,
		}},
		"refusal": {func(c *luno.Client) (any, error) {
			_, err := c.Ticker(t.Context(), pair)
			return told(err), nil
		}, "400 ErrMarketUnavailable Market not available, rejected: true"},
		// A refusal without a code settles nothing: it may be anybody's on the way.
		"refusal_default": {func(c *luno.Client) (any, error) {
			_, err := c.Place(t.Context(), ask)
			return told(err), nil
		}, "400  text of a refusal, rejected: false"},
	}
	files, err := filepath.Glob(filepath.Join("testdata", "documented", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		test, here := tests[name]
		if !here {
			// The client never asks for the first version, and package lunostream reads streams.
			if !strings.HasSuffix(name, "_v1") && !strings.Contains(name, "stream_") {
				t.Errorf("%s is decoded by nobody", file)
			}
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, markets := readDocumented(t, name), readDocumented(t, "markets")
			f := newFake(t)
			f.now = time.UnixMilli(at + 3_600_000)
			f.routes[markets.Path] = func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(markets.Answer) }
			var asked atomic.Bool
			f.routes[d.Path] = func(w http.ResponseWriter, r *http.Request) {
				asked.Store(true)
				_ = r.ParseForm() // what cannot be read is not what is wanted
				r.Form.Del("timestamp")
				r.Form.Del("ttl")
				if r.Method != d.Method || r.Form.Encode() != d.Form {
					t.Errorf("asked %s %s, documented is %s %s", r.Method, r.Form.Encode(), d.Method, d.Form)
				}
				w.WriteHeader(max(d.Status, http.StatusOK))
				_, _ = w.Write(d.Answer)
			}
			cfg := config(f, &pauses{})
			cfg.Now = func() time.Time { return f.now }
			c, err := luno.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			got, err := test.call(c)
			if err != nil || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", test.want) {
				t.Errorf("%v\n got %+v\nwant %+v", err, got, test.want)
			}
			if !asked.Load() {
				t.Errorf("%s was not asked", d.Path)
			}
		})
	}
}

// told says what a client tells of a refusal.
func told(err error) string {
	var e *exchange.Error
	if !errors.As(err, &e) {
		return fmt.Sprint("no refusal: ", err)
	}
	return fmt.Sprintf("%d %s %s, rejected: %t", e.HTTPStatus, e.Code, e.Message, e.Outcome == exchange.OutcomeRejected)
}
