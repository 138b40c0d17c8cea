package lunostream_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno/lunostream"
)

const (
	goodUpdate = `{"sequence":"74538168","trade_updates":[{"sequence":33279896,"base":"0.000399","counter":"561.409758","maker_order_id":"BXA","taker_order_id":"BXB",` +
		`"order_id":"BXA"}],"create_update":{"order_id":"BXC","type":"ASK","price":"1407088.00","volume":"0.021775"},"delete_update":{"order_id":"BXD"},` +
		`"status_update":{"status":"POSTONLY"},"timestamp":1790127197639}`
	goodSnapshot = `{"sequence":"74538167","asks":[{"id":"BXA","price":"1407088.00000000","volume":"0.02177500"}],"bids":[],"status":"ACTIVE","timestamp":1790127197639}`
)

// A message tells all that it says, and what it does not know is passed over.
func TestDecode(t *testing.T) {
	t.Parallel()
	d := lunostream.NewDecoder(market(t))
	u, err := d.Update([]byte(strings.Replace(goodUpdate, `"sequence":"7`, `"more": {"a":[1,{"b":null}],"c":"\"}"} , "sequence":"7`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprintf("%d %d %d %d %s %s %v %d %d %s %s", u.Sequence, u.Time, u.Trades[0].Sequence, u.Trades[0].Volume, u.Trades[0].Maker,
		u.Create.ID, u.Create.Side, u.Create.Price, u.Create.Volume, u.Delete, u.Status),
		"74538168 1790127197639 33279896 399 BXA BXC sell 140708800 21775 BXD POSTONLY"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	u, err = d.Update([]byte(`{"sequence":"5","trade_updates":null,"create_update":null,"delete_update":null,"status_update":null,"timestamp":1}`))
	if err != nil || len(u.Trades) != 0 || u.Create.Side != 0 || u.Delete != nil || u.Status != "" {
		t.Errorf("a message of nothing: %+v, %v", u, err)
	}
	s, err := d.Snapshot([]byte(goodSnapshot))
	if err != nil || s.Sequence != 74538167 || s.Status != exchange.MarketActive || s.Time != 1790127197639 || len(s.Orders) != 1 ||
		string(s.Orders[0].ID) != "BXA" || s.Orders[0].Side != exchange.Sell || s.Orders[0].Price != 140708800 || s.Orders[0].Volume != 21775 {
		t.Errorf("snapshot %+v, %v", s, err)
	}
	if u, err = d.Update([]byte(`{"sequence":"5","timestamp":1,"status_update":{"status":"NEW"}}`)); err != nil || u.Status != exchange.MarketDisabled {
		t.Errorf("a status that is not known takes no orders: %v, %v", u.Status, err)
	}
}

// What is no message of the protocol is an error that names the field and the
// place.
func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		old, with    string // in the good update
		field, tells string
	}{
		"nothing":                 {goodUpdate, "", "", "expected"},
		"no object":               {goodUpdate, "[]", "", "expected"},
		"cut off":                 {`"},"status_update":{"status":"POSTONLY"},"timestamp":1790127197639}`, "", "delete_update.order_id", "ends within"},
		"something after it":      {"639}", "639} x", "", "follows the end"},
		"no sequence":             {`"sequence":"74538168",`, "", "", "lacks the sequence"},
		"no time":                 {`,"timestamp":1790127197639`, "", "", "lacks the timestamp"},
		"sequence 0":              {"74538168", "0", "sequence", "begins at 1"},
		"a negative sequence":     {"74538168", "-1", "sequence", "no whole number"},
		"a fraction":              {"33279896", "1.5", "trade_updates", "expected"},
		"beyond 64 bits":          {"74538168", "9223372036854775808", "sequence", "64 bits"},
		"a price finer than tick": {"1407088.00", "1407088.001", "create_update.price", "too many decimals"},
		"a volume finer":          {"0.021775", "0.0217755", "create_update.volume", "too many decimals"},
		"a price of 0":            {"1407088.00", "0.00", "create_update.price", "above 0"},
		"a negative price":        {"1407088.00", "-1.00", "create_update.price", "above 0"},
		"a huge exponent":         {"1407088.00", "1e999999999", "create_update.price", "not a number"},
		"no number":               {"0.000399", "NaN", "trade_updates.base", "not a number"},
		"a trade of nothing":      {"0.000399", "0", "trade_updates.base", "above 0"},
		"a bare decimal":          {`"0.000399"`, `0.000399`, "trade_updates.base", "expected"},
		"an unknown side":         {`"ASK"`, `"BUY"`, "create_update.type", "neither BID nor ASK"},
		"an id of nothing":        {`"BXC"`, `""`, "create_update.order_id", "1 to 64"},
		"an id that is long":      {`BXC`, strings.Repeat("X", 65), "create_update.order_id", "1 to 64"},
		"no maker":                {`"maker_order_id":"BXA",`, "", "trade_updates", "order id"},
		"no price":                {`"price":"1407088.00",`, "", "create_update", "lacks the price"},
		"a field twice":           {`"price":"1407088.00",`, `"price":"1","price":"1",`, "create_update.price", "twice"},
		"an empty status":         {`"POSTONLY"`, `""`, "status_update", "lacks the status"},
		"a snapshot":              {goodUpdate, goodSnapshot, "", "in place of an update"},
		"no UTF-8":                {"BXC", "B\xb0", "create_update.order_id", "no UTF-8"},
		"no UTF-8 anywhere":       {`"sequence":"7`, "\"more\":[\"\xff\"],\"sequence\":\"7", "", "no UTF-8"},
		"a control character":     {"BXC", "B\x01", "create_update.order_id", "control"},
		"a broken escape":         {"BXC", `B\x`, "create_update.order_id", "the string is none"},
		"no comma":                {`,"timestamp"`, ` "timestamp"`, "", "comma"},
		"no colon":                {`"timestamp":`, `"timestamp" `, "", "colon"},
		"a broken unknown field":  {`"sequence":"7`, `"x":[1,},"sequence":"7`, "", "value is expected"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			message := strings.Replace(goodUpdate, test.old, test.with, 1)
			if message == goodUpdate {
				t.Fatal("nothing was changed")
			}
			_, err := lunostream.NewDecoder(market(t)).Update([]byte(message))
			var told *lunostream.MessageError
			if !errors.As(err, &told) || told.Field != test.field || !strings.Contains(told.Reason, test.tells) || told.Offset > len(message) {
				t.Errorf("%s: error %v, want %s: %s", message, err, test.field, test.tells)
			}
		})
	}
	for name, message := range map[string]string{
		"no bids":     strings.Replace(goodSnapshot, `"bids":[],`, "", 1),
		"null asks":   strings.Replace(goodSnapshot, `"bids":[]`, `"bids":null`, 1),
		"an update":   goodUpdate,
		"no status":   strings.Replace(goodSnapshot, `"status":"ACTIVE",`, "", 1),
		"a keepalive": `""`,
	} {
		var told *lunostream.MessageError
		if _, err := lunostream.NewDecoder(market(t)).Snapshot([]byte(message)); !errors.As(err, &told) {
			t.Errorf("a snapshot with %s: %v", name, err)
		}
	}
}

// Sequences go up to the last that fits 64 bits.
func TestDecodeLargestSequence(t *testing.T) {
	t.Parallel()
	u, err := lunostream.NewDecoder(market(t)).Update([]byte(`{"sequence":"9223372036854775807","timestamp":1}`))
	if err != nil || u.Sequence != math.MaxInt64 {
		t.Errorf("%+v, %v", u, err)
	}
}

// Luno's farewell is an error of its own, whichever message was expected.
func TestDecodeRefusal(t *testing.T) {
	t.Parallel()
	d := lunostream.NewDecoder(market(t))
	message := []byte(`{"error_code":"invalid_market","error":"XBTABC"}`)
	_, first := d.Update(message)
	_, second := d.Snapshot(message)
	for _, err := range []error{first, second} {
		var told *lunostream.RefusedError
		if !errors.As(err, &told) || told.Code != "invalid_market" || told.Text != "XBTABC" {
			t.Errorf("error %v", err)
		}
	}
}

// values decodes a message slowly, without a look at its meaning.
func values(message []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(message))
	d.UseNumber()
	var v map[string]any
	return v, d.Decode(&v)
}

// FuzzUpdate: no message makes the decoder panic, and what it takes is JSON with
// the same values as a slow decoder finds.
func FuzzUpdate(f *testing.F) {
	world, chance := seeded(7, 50)
	f.Add([]byte(goodUpdate))
	f.Add([]byte(goodSnapshot))
	f.Add([]byte(`""`))
	f.Add([]byte(`{"error_code":"auth_timeout","error":"x"}`))
	f.Add([]byte(`{"sequence":"5","timestamp":1,"x":{"y":[1,"\\\"",{}]},"create_update":{"order_id":"B\u0058","type":"BID","price":"1e2","volume":"1"}}`))
	for range 12 {
		message, _ := world.step(chance)
		f.Add(message)
	}
	m := market(f)
	f.Fuzz(func(t *testing.T, message []byte) {
		d := lunostream.NewDecoder(m)
		u, err := d.Update(message)
		if err != nil {
			checkTyped(t, err)
			return
		}
		v, err := values(message)
		if err != nil || !json.Valid(message) {
			t.Fatalf("%q is taken and is no JSON: %v", message, err)
		}
		same := func(what string, got any, want any) {
			t.Helper()
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%q: %s is %v, want %v", message, what, got, want)
			}
		}
		amount := func(what string, got decimal.Decimal, want any) {
			t.Helper()
			if d, err := decimal.NewFromString(fmt.Sprint(want)); err != nil || !d.Equal(got) {
				t.Fatalf("%q: %s is %s, want %v", message, what, got, want)
			}
		}
		same("the sequence", u.Sequence, v["sequence"])
		same("the time", u.Time, v["timestamp"])
		trades, _ := v["trade_updates"].([]any)
		same("the number of trades", len(u.Trades), len(trades))
		for i, trade := range u.Trades {
			w, _ := trades[i].(map[string]any)
			same("a trade's sequence", trade.Sequence, w["sequence"])
			same("a maker", string(trade.Maker), w["maker_order_id"])
			amount("a base", m.Volume(trade.Volume), w["base"])
		}
		if w, ok := v["create_update"].(map[string]any); ok {
			amount("a price", m.Price(u.Create.Price), w["price"])
			amount("a volume", m.Volume(u.Create.Volume), w["volume"])
			same("a side", u.Create.Side == exchange.Buy, w["type"] == "BID")
		} else if u.Create.Side != 0 {
			t.Fatalf("%q: an order out of nothing", message)
		}
		if w, ok := v["delete_update"].(map[string]any); ok {
			same("a deleted order", string(u.Delete), w["order_id"])
		}
		// A book takes it or says why not.
		b, err := lunostream.NewBook(m.Pair, lunostream.Snapshot{Sequence: u.Sequence - 1, Status: exchange.MarketActive})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Apply(nil, u); err != nil {
			checkTyped(t, err)
		}
	})
}

// FuzzSnapshot: no message makes the decoder or the book panic, and what they
// take is JSON with as many orders.
func FuzzSnapshot(f *testing.F) {
	world, _ := seeded(7, 30)
	f.Add(world.snapshot())
	f.Add([]byte(goodSnapshot))
	f.Add([]byte(goodUpdate))
	f.Add([]byte(`{"sequence":"1","asks":[{"id":"A","price":"1","volume":"9223372036854.775807"},{"id":"B","price":"1","volume":"1"}],"bids":[],"status":"","timestamp":0}`))
	m := market(f)
	f.Fuzz(func(t *testing.T, message []byte) {
		s, err := lunostream.NewDecoder(m).Snapshot(message)
		if err != nil {
			checkTyped(t, err)
			return
		}
		v, err := values(message)
		if err != nil || !json.Valid(message) {
			t.Fatalf("%q is taken and is no JSON: %v", message, err)
		}
		asks, _ := v["asks"].([]any)
		bids, _ := v["bids"].([]any)
		if len(s.Orders) != len(asks)+len(bids) || fmt.Sprint(s.Sequence) != fmt.Sprint(v["sequence"]) {
			t.Fatalf("%q: %d orders, %d asks, %d bids", message, len(s.Orders), len(asks), len(bids))
		}
		b, err := lunostream.NewBook(m.Pair, s)
		if err != nil {
			checkTyped(t, err)
			return
		}
		if b.Len() != len(s.Orders) {
			t.Fatalf("%q: the book has %d orders", message, b.Len())
		}
	})
}

// checkTyped fails if an error has not one of this package's types.
func checkTyped(t *testing.T, err error) {
	t.Helper()
	var message *lunostream.MessageError
	var refused *lunostream.RefusedError
	var gap *lunostream.GapError
	if !errors.As(err, &message) && !errors.As(err, &refused) && !errors.As(err, &gap) {
		t.Fatalf("error %T: %v", err, err)
	}
}
