package lunosim_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange/lunosim"
)

// shapes is where the documented answers are.
const shapes = "../luno/testdata/documented"

// shapeOf describes a JSON value by its names and types; lists by their elements. What
// is in details is free, and of detail_fields there is what belongs to the row.
func shapeOf(at string, v any, into map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		if strings.HasSuffix(at, ".details") || strings.HasSuffix(at, ".detail_fields") {
			into[at] = "object"
			return
		}
		for name, inner := range v {
			shapeOf(at+"."+name, inner, into)
		}
	case []any:
		into[at] = "list"
		for _, inner := range v {
			shapeOf(at+"[]", inner, into)
		}
	case json.Number:
		into[at] = "number"
	default:
		into[at] = fmt.Sprintf("%T", v)
	}
}

func decodeShape(t *testing.T, text string) map[string]string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	out := map[string]string{}
	shapeOf("", v, out)
	return out
}

// TestDocumentedShapes compares the simulator's answers with the documented ones, name
// by name and type by type: no name is missing, none is added, and what is text there is
// text here.
func TestDocumentedShapes(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.ann.limit(t, "ASK", "400000", "0.5")
	b.bob.limit(t, "BID", "400000", "0.1")
	b.bob.limit(t, "BID", "390000", "0.1")
	b.ann.limit(t, "ASK", "380000", "0.1", "stop_price=385000", "stop_direction=BELOW", "client_order_id=stop")
	id := b.ann.limit(t, "ASK", "410000", "0.5", "client_order_id=mine")
	account, _ := items(b.ann.get(t, "/api/1/balance", "assets=XBT"), "balance")[0]["account_id"].(string)
	order := []string{"pair=XBTMYR", "type=ASK", "price=420000", "volume=0.01"}
	since := fmt.Sprint("since=", b.clock.Now().UnixMilli()/60_000*60_000)
	rich := caller{b.url, b.Keys()[2]}
	for name, test := range map[string]struct {
		by     caller
		path   string // where it differs
		params []string
	}{
		"ticker": {b.ann, "", []string{"pair=XBTMYR"}}, "tickers": {b.ann, "", nil}, "markets": {b.ann, "", nil},
		"orderbook_top": {b.ann, "", []string{"pair=XBTMYR"}}, "orderbook": {b.ann, "", []string{"pair=XBTMYR"}},
		"trades": {b.ann, "", []string{"pair=XBTMYR"}}, "candles": {b.ann, "", []string{"pair=XBTMYR", "duration=60", since}},
		"balance":      {b.ann, "", nil},
		"transactions": {b.ann, "/api/1/accounts/" + account + "/transactions", []string{"min_row=1", "max_row=100"}},
		"pending":      {b.ann, "/api/1/accounts/" + account + "/pending", nil},
		"fee_info":     {b.ann, "", []string{"pair=XBTMYR"}},
		"transfers":    {rich, "", []string{"account_id=" + account}},
		"postorder":    {b.ann, "", order}, "postorder_stop": {b.ann, "", append(order, "stop_price=385000", "stop_direction=BELOW")},
		"marketorder": {b.ann, "", []string{"pair=XBTMYR", "type=SELL", "base_volume=0.01"}},
		"stoporder":   {b.ann, "", []string{"order_id=" + id}},
		"order_v1":    {b.ann, "/api/1/orders/" + id, nil}, "order_v2": {b.ann, "/api/exchange/2/orders/" + id, nil},
		"order_v3": {b.ann, "", []string{"client_order_id=stop"}}, "listorders_v1": {b.ann, "", nil}, "listorders_v2": {b.ann, "", nil},
		"listtrades": {b.ann, "", []string{"pair=XBTMYR"}},
		"refusal":    {b.ann, "", []string{"pair=NOPE"}},
	} {
		d := readShape(t, name)
		if test.path == "" {
			test.path = d.Path
		}
		r := test.by.send(t, d.Method, test.path, test.params...)
		if r.status != max(d.Status, http.StatusOK) {
			t.Errorf("%s: %d %s", name, r.status, r.body)
			continue
		}
		compareShape(t, name, r.body, d)
	}
}

// documented is a call or message in its documented shape.
type documented struct {
	Method, Path string
	Status       int
	Answer       json.RawMessage
}

func readShape(t *testing.T, name string) (d documented) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(shapes, name+".json"))
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func compareShape(t *testing.T, name, body string, d documented) {
	t.Helper()
	got, want := decodeShape(t, body), decodeShape(t, string(d.Answer))
	for _, at := range slices.Sorted(maps.Keys(want)) {
		if name == "pending" && strings.Contains(at, "[]") {
			continue // nothing is ever pending here
		}
		if got[at] != want[at] {
			t.Errorf("%s: %s is %q, documented is %q: %s", name, at, got[at], want[at], body)
		}
	}
	for _, at := range slices.Sorted(maps.Keys(got)) {
		if want[at] == "" {
			t.Errorf("%s: %s is not documented: %s", name, at, body)
		}
	}
}

// TestDocumentedMessages does the same for the messages of both streams.
func TestDocumentedMessages(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *lunosim.Config) { c.Streams.Beat = 100 * time.Millisecond })
	b.ann.limit(t, "ASK", "400000", "0.5")
	b.bob.limit(t, "BID", "390000", "0.5")
	b.ann.send(t, http.MethodPost, "/api/1/postorder", sdkPost("ETHMYR", "ASK", "12000", "50")...).json(t)
	waits := map[string]bool{}
	for _, name := range []string{
		"stream_snapshot", "stream_trade", "stream_delete", "stream_nothing", "stream_status", "stream_refusal",
		"userstream_order_status", "userstream_order_fill", "userstream_balance_update",
	} {
		waits[name] = true
	}
	compare := func(s socket, nameOf func(m map[string]any) string) {
		t.Helper()
		if err := s.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		_, frame, err := s.ReadMessage()
		if err != nil {
			t.Fatalf("%v; %v did not come", err, waits)
		}
		if string(frame) == `""` {
			return
		}
		name := nameOf(decode(t, string(frame)))
		compareShape(t, name, string(frame), readShape(t, name))
		delete(waits, name)
	}
	market, own := b.bob.stream(t, "/api/1/stream/XBTMYR"), b.bob.stream(t, "/api/1/userstream")
	compare(b.bob.stream(t, "/api/1/stream/NOPE"), func(map[string]any) string { return "stream_refusal" })
	compare(market, func(map[string]any) string { return "stream_snapshot" })
	// A user stream does not say when it listens: bob trades until it has told all.
	ctx, cancel := context.WithCancel(t.Context())
	trading := make(chan struct{})
	go func() {
		defer close(trading)
		for ctx.Err() == nil {
			_, _ = b.bob.try(ctx, http.MethodPost, "/api/1/postorder", "pair=ETHMYR", "type=BID", "price=12000", "volume=0.001") // one of them is heard
			time.Sleep(5 * time.Millisecond)
		}
	}()
	for waits["userstream_order_status"] || waits["userstream_order_fill"] || waits["userstream_balance_update"] {
		compare(own, func(m map[string]any) string { return fmt.Sprint("userstream_", m["type"]) })
	}
	cancel()
	<-trading
	id := b.bob.limit(t, "BID", "400000", "0.7", "client_order_id=mine") // a trade and what is left of it
	b.bob.send(t, http.MethodPost, "/api/1/stoporder", "order_id="+id).json(t)
	if err := b.SetStatus("XBTMYR", "POST_ONLY"); err != nil {
		t.Fatal(err)
	}
	for waits["stream_trade"] || waits["stream_delete"] || waits["stream_nothing"] || waits["stream_status"] {
		compare(market, func(m map[string]any) string {
			for part, name := range map[string]string{"trade_updates": "stream_trade", "delete_update": "stream_delete", "status_update": "stream_status"} {
				if m[part] != nil {
					return name
				}
			}
			return "stream_nothing"
		})
	}
	if len(waits) > 0 {
		t.Errorf("%v did not come", waits)
	}
}
