package luno_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// kept is an order at a fake.
type kept struct {
	id      string
	created int64
}

// orderJSON is an order as Luno writes it, filled by 3 steps.
func orderJSON(k kept, status string) string {
	return fmt.Sprintf(`{"order_id":%q,"client_order_id":"c-%s","pair":"XBTMYR","side":"SELL","type":"LIMIT","status":%q,"time_in_force":"GTC","limit_price":"250000.00",
		"limit_volume":"0.0010","base":"0.000300000","counter":"75.00","fee_base":"0.00000000000015","fee_counter":"0.0000001","creation_timestamp":%d,
		"completed_timestamp":0,"expiration_timestamp":0,"base_account_id":9223372036854775807,"counter_account_id":1,"stop_price":"0.00","stop_direction":""}`,
		k.id, k.id, status, k.created)
}

// shelf lists orders, newest first. The documents do not say whether orders of
// created_before itself are among them, nor in which order those of a millisecond
// come.
func shelf(all []kept, including bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		limit, err := strconv.Atoi(q.Get("limit"))
		if q.Get("pair") != "XBTMYR" || err != nil || limit > 1000 {
			refuse(w, http.StatusBadRequest, "ErrInvalidParameters", "no")
			return
		}
		before, _ := strconv.ParseInt(q.Get("created_before"), 10, 64)
		var page []string
		for _, k := range all {
			if before > 0 && (k.created > before || k.created == before && !including) {
				continue
			}
			if len(page) < limit {
				page = append(page, orderJSON(k, map[string]string{"true": "COMPLETE", "false": "PENDING"}[q.Get("closed")]))
			}
		}
		fmt.Fprintf(w, `{"orders":[%s]}`, strings.Join(page, ","))
	}
}

// All orders are found once, over any number of pages, with many of them in one
// millisecond, whichever way the pages are cut. // proves T6
func TestOpenOrders(t *testing.T) {
	t.Parallel()
	for _, groups := range [][]int{nil, {1}, {999}, {1000}, {600, 600, 600}, {1, 999, 1, 999, 5}, {700, 299, 2, 400}} {
		for _, including := range []bool{false, true} {
			f := newFake(t)
			var all []kept
			for group, n := range groups {
				for range n {
					all = append(all, kept{fmt.Sprintf("BX%d", len(all)), first - int64(group)})
				}
			}
			f.routes["/api/exchange/2/listorders"] = shelf(all, including)
			got, err := client(t, f, &pauses{}).OpenOrders(t.Context(), "XBTMYR")
			if slices.Equal(groups, []int{1000}) { // a page full of one millisecond, of which there may be more
				if err == nil || !strings.Contains(err.Error(), "do not go on") {
					t.Errorf("%v: %d orders, %v", groups, len(got), err)
				}
				continue
			}
			if err != nil || len(got) != len(all) {
				t.Errorf("%v, including %t: %d orders of %d, %v", groups, including, len(got), len(all), err)
			}
			seen := make(map[string]bool)
			for i, o := range got {
				if seen[o.ID] || i > 0 && o.Created < got[i-1].Created {
					t.Errorf("%v: order %d, %s of %d, is there twice or out of order", groups, i, o.ID, o.Created)
				}
				seen[o.ID] = true
			}
		}
	}
}

// Closed orders are read as far back as asked, and no further.
func TestClosedOrders(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	all := make([]kept, 5000)
	for i := range all {
		all[i] = kept{fmt.Sprintf("BX%d", i), first - int64(i)}
	}
	f.routes["/api/exchange/2/listorders"] = shelf(all, false)
	c := client(t, f, &pauses{})
	if _, err := c.Markets(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.calls.Store(0)
	f.fault = func(int64, http.ResponseWriter, *http.Request) bool { return false } // counts
	got, err := c.ClosedOrders(t.Context(), "XBTMYR", time.UnixMilli(first-1499))
	if err != nil || len(got) != 1500 || got[0].Created != first-1499 || got[0].Status != exchange.Complete {
		t.Fatalf("%d orders, %v", len(got), err)
	}
	if n := f.calls.Load(); n != 2 {
		t.Errorf("%d calls", n)
	}
}

// An order is read with every number exact: fees of both currencies, rounded up
// where they are finer than a unit. // proves T4, T7
func TestOrder(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	c := client(t, f, &pauses{})
	text := orderJSON(kept{"BX1", first}, "PENDING")
	f.routes["/api/exchange/3/order"] = func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "client_order_id=c-BX1" {
			t.Errorf("asked for %s", r.URL.RawQuery)
		}
		fmt.Fprint(w, text)
	}
	f.routes["/api/exchange/2/orders/BX1"] = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
	want := exchange.Order{
		ID: "BX1", Status: exchange.Open, Filled: 3, Value: 75_000_000, Fee: 1, FeeBase: 2, Created: first,
		Request: exchange.OrderRequest{ClientID: "c-BX1", Pair: "XBTMYR", Side: exchange.Sell, Type: exchange.LimitOrder, Price: 25_000_000, Volume: 10},
	}
	if o, err := c.Order(t.Context(), "XBTMYR", "c-BX1"); err != nil || o != want {
		t.Errorf("got %+v, %v, want %+v", o, err, want)
	}
	if o, err := c.OrderByID(t.Context(), "XBTMYR", "BX1"); err != nil || o != want {
		t.Errorf("got %+v, %v, want %+v", o, err, want)
	}
	for change, check := range map[string]func(exchange.Order) bool{
		"PENDING=AWAITING": func(o exchange.Order) bool { return o.Status == exchange.Pending },
		"PENDING=COMPLETE": func(o exchange.Order) bool { return o.Status == exchange.Complete && o.Remaining() == 7 },
		`"LIMIT"="MARKET"`: func(o exchange.Order) bool { return o.Request.Type == exchange.MarketOrder && o.Request.Price == 0 },
		"LIMIT=STOP_LIMIT": func(o exchange.Order) bool {
			return o.Request.Type == exchange.LimitOrder && o.Request.Stop == exchange.Stop{}
		},
		"GTC=IOC":            func(o exchange.Order) bool { return o.Request.TimeInForce == exchange.IOC },
		"SELL=BUY":           func(o exchange.Order) bool { return o.Request.Side == exchange.Buy },
		`"75.00"=75.0000001`: func(o exchange.Order) bool { return o.Value == 75_000_000 },
	} {
		from, to, _ := strings.Cut(change, "=")
		text = strings.Replace(orderJSON(kept{"BX1", first}, "PENDING"), from, to, 1)
		if o, err := c.OrderByID(t.Context(), "XBTMYR", "BX1"); err != nil || !check(o) {
			t.Errorf("%s: %+v, %v", change, o, err)
		}
	}
	for _, change := range []string{
		`PENDING=CANCELLED`, `"SELL"="LONG"`, `"LIMIT"="ICEBERG"`, `XBTMYR=ETHMYR`, `"base":="bass":`, `"counter":="c":`, `"0.000300000"="0.00035"`, `"0.000300000"="-0.0003"`,
		`"250000.00"="250000.001"`, `"0.0010"="0.00105"`, `"75.00"=null`, `"75.00"="1e50"`, `"order_id":"BX1"="order_id":"BX2"`, `"75.00"="99999999999999999999"`,
	} {
		from, to, _ := strings.Cut(change, "=")
		if text = strings.Replace(orderJSON(kept{"BX1", first}, "PENDING"), from, to, 1); !strings.Contains(text, to) {
			t.Fatal(change)
		}
		if o, err := c.OrderByID(t.Context(), "XBTMYR", "BX1"); err == nil || exchange.OutcomeOf(err) != exchange.OutcomeUnknown {
			t.Errorf("%s: %+v, %v", change, o, err)
		}
	}
}

// A stop-limit order is told with what it waits for, and one whose direction is not
// known is still an order.
func TestStopOrder(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	c := client(t, f, &pauses{})
	var direction string
	f.routes["/api/exchange/2/orders/BX1"] = func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, strings.NewReplacer(`"LIMIT"`, `"STOP_LIMIT"`, `"stop_price":"0.00","stop_direction":""`, fmt.Sprintf(`"stop_price":"249000.50","stop_direction":%q`, direction)).
			Replace(orderJSON(kept{"BX1", first}, "AWAITING")))
	}
	for text, want := range map[string]exchange.StopDirection{"ABOVE": exchange.StopAbove, "BELOW": exchange.StopBelow, "RELATIVE_LAST_TRADE": exchange.StopRelative, "SIDEWAYS": 0} {
		direction = text
		o, err := c.OrderByID(t.Context(), "XBTMYR", "BX1")
		if err != nil || o.Status != exchange.Pending || o.Request.Type != exchange.LimitOrder || o.Request.Stop != (exchange.Stop{Price: 24_900_050, Direction: want}) {
			t.Errorf("%s: %+v, %v", text, o, err)
		}
	}
}

// That there is no order is said by a code alone: a page that is not there says
// nothing. // proves T2
func TestOrderNotFound(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	c := client(t, f, &pauses{})
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		kind   exchange.Kind
	}{
		"not found":       {func(w http.ResponseWriter, _ *http.Request) { refuse(w, 404, "ErrOrderNotFound", "no") }, exchange.KindNotFound},
		"nor here":        {func(w http.ResponseWriter, _ *http.Request) { refuse(w, 400, "ErrNotFound", "no") }, exchange.KindNotFound},
		"no such page":    {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, exchange.KindOther},
		"an empty answer": {says(`{}`), exchange.KindOther},
	} {
		f.routes["/api/exchange/3/order"] = test.answer
		if _, err := c.Order(t.Context(), "XBTMYR", "x"); err == nil || exchange.KindOf(err) != test.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
	calls := f.calls.Load()
	for _, id := range []string{"", "../send", "BX1/../../send", "%2e%2e", "BX1?x=y", "BX1#"} {
		var told *exchange.Error
		if _, err := c.OrderByID(t.Context(), "XBTMYR", id); !errors.As(err, &told) || !told.Unsent {
			t.Errorf("id %q: %v", id, err)
		}
		if _, err := c.Order(t.Context(), "XBTMYR", id+"&id=BX1"); !errors.As(err, &told) || !told.Unsent {
			t.Errorf("client id %q: %v", id, err)
		}
	}
	if f.calls.Load() != calls {
		t.Error("something was sent")
	}
}

// tradesOf serves fills with every third sequence from 3, oldest first.
func tradesOf(n int64) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		after, _ := strconv.ParseInt(q.Get("after_seq"), 10, 64)
		limit, err := strconv.Atoi(q.Get("limit"))
		if q.Get("pair") != "XBTMYR" || err != nil || limit < 1 || limit > 1000 {
			refuse(w, http.StatusBadRequest, "ErrLimitOutOfRange", "no")
			return
		}
		var out []string
		for i := int64(1); i <= n && len(out) < limit; i++ {
			if 3*i >= after {
				out = append(out, fillJSON(3*i, "ASK", true))
			}
		}
		fmt.Fprintf(w, `{"trades":[%s]}`, strings.Join(out, ","))
	}
}

func fillJSON(sequence int64, kind string, takerBought bool) string {
	return fmt.Sprintf(`{"pair":"XBTMYR","sequence":%d,"order_id":"BX1","client_order_id":"c-1","type":%q,"is_buy":%t,"price":"250000.00","volume":"0.0003",
		"base":"0.0003","counter":"75.00","fee_base":"0.0000000000001","fee_counter":"0.123456","timestamp":%d}`, sequence, kind, takerBought, first+sequence)
}

// twinJSON is the other side of a trade of the account with itself.
func twinJSON(sequence int64) string {
	return strings.NewReplacer("BX1", "BX2", "c-1", "c-2").Replace(fillJSON(sequence, "BID", true))
}

// proves T7: the two fills of an own bid that met an own ask have one sequence; both
// are told, and no end of a page parts them.
func TestFillsOfOneTrade(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	c := client(t, f, &pauses{})
	var rows []string // in pairs: sequences 1, 1, 2, 2, ...; the first has no twin, so that pages of even size part a pair
	var sequences []int64
	for n := range int64(1500) {
		rows, sequences = append(rows, fillJSON(n+1, "ASK", true)), append(sequences, n+1)
		if n > 0 {
			rows, sequences = append(rows, twinJSON(n+1)), append(sequences, n+1)
		}
	}
	f.routes["/api/1/listtrades"] = func(w http.ResponseWriter, r *http.Request) {
		after, _ := strconv.ParseInt(r.URL.Query().Get("after_seq"), 10, 64)
		limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
		from, _ := slices.BinarySearch(sequences, after)
		fmt.Fprintf(w, `{"trades":[%s]}`, strings.Join(rows[from:min(len(rows), from+limit)], ","))
	}
	type key struct {
		sequence int64
		order    string
	}
	for _, limit := range []int{1, 2, 7, 999, 1000, 1001, 10_000} {
		after, calls, seen := int64(0), 0, map[key]bool{}
		for {
			page, err := c.Fills(t.Context(), "XBTMYR", after, limit)
			if err != nil || len(page) > limit+1 {
				t.Fatalf("%d at most: %d fills, %v", limit, len(page), err)
			}
			for _, fill := range page {
				seen[key{fill.Sequence, fill.OrderID}] = true
			}
			if calls++; len(page) < limit || calls == 10 {
				if limit > 7 && len(seen) != len(rows) || len(seen) < 10 {
					t.Errorf("%d at most: %d of %d fills in %d pages", limit, len(seen), len(rows), calls)
				}
				break
			}
			after = page[len(page)-1].Sequence
			if twin := page[len(page)-1]; after > 1 && twin.OrderID != "BX2" {
				t.Fatalf("%d at most: the page ends with %+v", limit, twin)
			}
		}
	}
}

// Pages of fills follow each other by sequence; side and part are the account's
// own, whatever the taker did. // proves T7
func TestFills(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	c := client(t, f, &pauses{})
	f.routes["/api/1/listtrades"] = tradesOf(2500)
	all, err := c.Fills(t.Context(), "XBTMYR", 0, 10_000)
	if err != nil || len(all) != 2500 {
		t.Fatalf("%d fills, %v", len(all), err)
	}
	for i, fill := range all {
		n := int64(3 * (i + 1))
		if want := (exchange.Fill{
			Pair: "XBTMYR", OrderID: "BX1", ClientID: "c-1", Sequence: n, Side: exchange.Sell, Price: 25_000_000, Volume: 3, Value: 75_000_000,
			FeeCounter: 123_456, FeeBase: 1, Maker: true, Time: first + n,
		}); fill != want {
			t.Fatalf("got %+v, want %+v", fill, want)
		}
	}
	for _, test := range []struct {
		after int64
		limit int
		want  []int64
	}{{2, 2, []int64{3, 6}}, {3, 1, []int64{6}}, {7499, 9, []int64{7500}}, {7500, 9, nil}} {
		page, err := c.Fills(t.Context(), "XBTMYR", test.after, test.limit)
		var got []int64
		for _, fill := range page {
			got = append(got, fill.Sequence)
		}
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("after %d, %d at most: %v, %v", test.after, test.limit, got, err)
		}
	}
	for _, test := range []struct {
		kind        string
		takerBought bool
		side        exchange.Side
		maker       bool
	}{{"ASK", true, exchange.Sell, true}, {"ASK", false, exchange.Sell, false}, {"BID", true, exchange.Buy, false}, {"BID", false, exchange.Buy, true}} {
		f.routes["/api/1/listtrades"] = says(`{"trades":[` + fillJSON(1, test.kind, test.takerBought) + `]}`)
		if page, err := c.Fills(t.Context(), "XBTMYR", 0, 5); err != nil || page[0].Side != test.side || page[0].Maker != test.maker {
			t.Errorf("%s, the taker bought %t: %+v, %v", test.kind, test.takerBought, page, err)
		}
	}
	for name, rows := range map[string]string{
		"it comes again": fillJSON(5, "BID", true) + "," + fillJSON(5, "BID", true),
		"after its twin": fillJSON(5, "ASK", true) + "," + twinJSON(5) + "," + fillJSON(5, "ASK", true), "it goes back": fillJSON(5, "BID", true) + "," + fillJSON(4, "BID", true),
		"it is older": fillJSON(0, "BID", true), "no side": fillJSON(5, "X", true), "finer": strings.Replace(fillJSON(5, "BID", true), `"0.0003"`, `"0.00035"`, 1),
		"no volume": strings.Replace(fillJSON(5, "BID", true), `"0.0003"`, `"0"`, 1), "another pair": strings.Replace(fillJSON(5, "BID", true), "XBTMYR", "ETHMYR", 1),
	} {
		f.routes["/api/1/listtrades"] = says(`{"trades":[` + rows + `]}`)
		if page, err := c.Fills(t.Context(), "XBTMYR", 0, 5); err == nil {
			t.Errorf("%s: %+v", name, page)
		}
	}
}
