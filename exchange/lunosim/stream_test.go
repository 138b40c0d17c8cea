package lunosim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange/lunosim"
)

// patience is how long a test waits for a message that must come.
const patience = 20 * time.Second

// socket is a client's end of a stream.
type socket struct {
	*websocket.Conn
	t *testing.T
}

// dial opens a stream without saying who it is.
func (c caller) dial(t *testing.T, path string) socket {
	t.Helper()
	conn, response, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(c.base, "http")+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if response.Header.Get("Sec-WebSocket-Extensions") != "" {
		t.Error("compression was agreed on")
	}
	t.Cleanup(func() { _ = conn.Close() })
	return socket{conn, t}
}

// stream opens a stream and sends the key.
func (c caller) stream(t *testing.T, path string) socket {
	t.Helper()
	s := c.dial(t, path)
	if err := s.WriteJSON(map[string]string{"api_key_id": c.key.ID, "api_key_secret": c.key.Secret}); err != nil {
		t.Fatal(err)
	}
	return s
}

// next returns the next message that says something.
func (s socket) next() map[string]any {
	s.t.Helper()
	for {
		if err := s.SetReadDeadline(time.Now().Add(patience)); err != nil {
			s.t.Fatal(err)
		}
		_, frame, err := s.ReadMessage()
		if err != nil {
			s.t.Fatal(err)
		}
		if string(frame) != `""` {
			return decode(s.t, string(frame))
		}
	}
}

// copyOf is a book that is built from a stream as clients build it.
type copyOf struct {
	sequence   int64
	status     string
	bids, asks map[string]level
}

type level struct{ price, volume decimal.Decimal }

func newCopy(t testing.TB, snapshot map[string]any) *copyOf {
	t.Helper()
	c := &copyOf{bids: map[string]level{}, asks: map[string]level{}, sequence: sequenceOf(t, snapshot), status: snapshot["status"].(string)}
	for name, side := range map[string]map[string]level{"bids": c.bids, "asks": c.asks} {
		if _, ok := snapshot[name].([]any); !ok {
			t.Fatalf("%s is no list: %v", name, snapshot)
		}
		for _, o := range items(snapshot, name) {
			side[o["id"].(string)] = level{number(t, o["price"]), number(t, o["volume"])}
		}
	}
	return c
}

func sequenceOf(t testing.TB, message map[string]any) int64 {
	t.Helper()
	text, ok := message["sequence"].(string)
	n, err := strconv.ParseInt(text, 10, 64)
	if !ok || err != nil || n < 1 {
		t.Fatalf("sequence %v", message["sequence"])
	}
	return n
}

// apply changes the copy as the official SDK does, and fails where that would.
func (c *copyOf) apply(t testing.TB, m map[string]any) {
	t.Helper()
	n := sequenceOf(t, m)
	if n != c.sequence+1 || m["asks"] != nil || m["bids"] != nil {
		t.Fatalf("message %v after %d", m, c.sequence)
	}
	c.sequence = n
	for _, trade := range items(m, "trade_updates") {
		id := trade["maker_order_id"].(string)
		base := number(t, trade["base"])
		side := c.bids
		if _, ok := c.asks[id]; ok {
			side = c.asks
		}
		o, ok := side[id]
		if _, isNumber := trade["sequence"].(json.Number); !ok || !isNumber || !base.IsPositive() || base.GreaterThan(o.volume) || trade["order_id"] != id || trade["taker_order_id"] == "" {
			t.Fatalf("trade %v in %v", trade, m)
		}
		if !number(t, trade["counter"]).Equal(base.Mul(o.price)) {
			t.Fatalf("trade %v of an order at %s", trade, o.price)
		}
		if o.volume = o.volume.Sub(base); o.volume.IsZero() {
			delete(side, id)
		} else {
			side[id] = o
		}
	}
	if o, ok := m["create_update"].(map[string]any); ok {
		side := map[string]map[string]level{"BID": c.bids, "ASK": c.asks}[o["type"].(string)]
		side[o["order_id"].(string)] = level{number(t, o["price"]), number(t, o["volume"])}
	}
	if o, ok := m["delete_update"].(map[string]any); ok {
		id := o["order_id"].(string)
		if _, bid := c.bids[id]; !bid && c.asks[id] == (level{}) {
			t.Fatalf("%v deletes nothing", m)
		}
		delete(c.bids, id)
		delete(c.asks, id)
	}
	if o, ok := m["status_update"].(map[string]any); ok {
		c.status = o["status"].(string)
	}
}

// compare checks the copy against the whole book.
func (c *copyOf) compare(t testing.TB, b *bench, pair string) {
	t.Helper()
	book := caller{base: b.url}.get(t, "/api/1/orderbook", "pair="+pair)
	for name, side := range map[string]map[string]level{"bids": c.bids, "asks": c.asks} {
		sum := map[string]int{}
		for _, o := range side {
			sum[o.price.String()+"×"+o.volume.String()]++
		}
		for _, o := range items(book, name) {
			sum[number(t, o["price"]).String()+"×"+number(t, o["volume"]).String()]--
		}
		for o, n := range sum {
			if n != 0 {
				t.Errorf("%s: %s is there %d times too often", name, o, n)
			}
		}
	}
}

func TestMarketStream(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	resting := b.ann.limit(t, "ASK", "401000", "0.5")
	s := b.bob.stream(t, "/api/1/stream/XBTMYR")
	book := newCopy(t, s.next())
	if book.status != "ACTIVE" || len(book.asks) != 1 || len(book.bids) != 0 {
		t.Fatalf("snapshot %+v", book)
	}
	step := func(what string) {
		t.Helper()
		m := s.next()
		book.apply(t, m)
		var said []string
		for _, part := range []string{"trade_updates", "create_update", "delete_update", "status_update"} {
			if _, there := m[part]; !there {
				t.Errorf("%v has no %s", m, part)
			}
			if m[part] != nil {
				said = append(said, part)
			}
		}
		if got := strings.Join(said, " "); got != what {
			t.Errorf("%v, want %s", m, what)
		}
		book.compare(t, b, "XBTMYR")
	}
	b.ann.limit(t, "ASK", "402000", "0.5")
	step("create_update")
	b.bob.limit(t, "BID", "401000", "0.2")
	step("trade_updates")
	b.bob.limit(t, "BID", "401500", "0.7") // the rest of the first and 0.4 of its own
	step("trade_updates create_update")
	if _, there := book.asks[resting]; there {
		t.Error("a filled order stayed")
	}
	b.ann.send(t, http.MethodPost, "/api/1/marketorder", "pair=XBTMYR", "type=SELL", "base_volume=0.1").json(t)
	step("trade_updates")
	id := b.ann.limit(t, "ASK", "403000", "0.5")
	step("create_update")
	b.ann.send(t, http.MethodPost, "/api/1/stoporder", "order_id="+id).json(t)
	step("delete_update")
	for state, want := range map[string]string{"POST_ONLY": "POSTONLY", "SUSPENDED": "DISABLED", "UNKNOWN": "DISABLED", "ACTIVE": "ACTIVE"} {
		if err := b.SetStatus("XBTMYR", state); err != nil {
			t.Fatal(err)
		}
		step("status_update")
		if book.status != want {
			t.Errorf("%s is told as %s", state, book.status)
		}
	}
	empty := newCopy(t, b.bob.stream(t, "/api/1/stream/ETHXBT").next())
	if empty.sequence < 1 {
		t.Errorf("an empty book begins at %d", empty.sequence)
	}
	b.Close()
	if _, _, err := s.ReadMessage(); err == nil {
		t.Error("a closed simulator's stream goes on")
	}
	_, response, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(b.url, "http")+"/api/1/userstream", nil)
	if err == nil || response == nil || response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a closed simulator's answer is %v", err)
	} else if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
}

// Luno's Python client names an origin that is not the server's, and says "" from time to
// time.
func TestStreamTakesAnyOriginAndKeepAlive(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	conn, response, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(b.url, "http")+"/api/1/stream/XBTMYR",
		http.Header{"Origin": {"http://localhost/"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // it is over
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	s := socket{conn, t}
	if err := s.WriteJSON(map[string]string{"api_key_id": b.ann.key.ID, "api_key_secret": b.ann.key.Secret}); err != nil {
		t.Fatal(err)
	}
	book := (*copyOf)(nil)
	for _, price := range []string{"", "400000", "410000"} {
		if err := s.WriteMessage(websocket.TextMessage, []byte(`""`)); err != nil {
			t.Fatal(err)
		}
		if price == "" {
			book = newCopy(t, s.next())
			continue
		}
		b.ann.limit(t, "ASK", price, "0.5")
		book.apply(t, s.next())
	}
	book.compare(t, b, "XBTMYR")
}

func TestStreamsRefuse(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *lunosim.Config) {
		c.Streams.Credentials, c.Streams.Sessions = 50*time.Millisecond, 2
	})
	ended := func(s socket, code string) {
		t.Helper()
		if m := s.next(); m["error_code"] != code || m["error"] == "" {
			t.Errorf("%v, want %s", m, code)
		}
		if _, _, err := s.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
			t.Errorf("%s: it ends with %v", code, err)
		}
	}
	ended(b.ann.dial(t, "/api/1/stream/XBTMYR"), "auth_timeout")
	ended(b.ann.dial(t, "/api/1/stream/NOPE"), "invalid_market")
	ended(caller{b.url, lunosim.Key{ID: b.ann.key.ID, Secret: "x"}}.stream(t, "/api/1/userstream"), "invalid_credentials")
	s := b.ann.dial(t, "/api/1/stream/XBTMYR")
	if err := s.WriteMessage(websocket.TextMessage, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	ended(s, "invalid_credentials")
	for range 2 {
		b.ann.stream(t, "/api/1/stream/XBTMYR").next()
	}
	ended(b.ann.stream(t, "/api/1/stream/XBTMYR"), "session_limit_exceeded")
	b.bob.stream(t, "/api/1/stream/XBTMYR").next()
}

func TestStreamsKeepAlive(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *lunosim.Config) {
		c.Streams.Ping, c.Streams.Quiet, c.Streams.Beat = 10*time.Millisecond, 20*time.Millisecond, 300*time.Millisecond
	})
	s := b.ann.stream(t, "/api/1/stream/XBTMYR")
	book := newCopy(t, s.next())
	pings, quiets, pongs := 0, 0, 0
	s.SetPingHandler(func(string) error { pings++; return nil })
	s.SetPongHandler(func(string) error { pongs++; return nil })
	if err := s.WriteMessage(websocket.PingMessage, nil); err != nil {
		t.Fatal(err)
	}
	for {
		_, frame, err := s.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		if string(frame) == `""` {
			quiets++
			continue
		}
		m := decode(t, string(frame))
		book.apply(t, m)
		if m["trade_updates"] != nil || m["create_update"] != nil || m["delete_update"] != nil || m["status_update"] != nil {
			t.Errorf("beat %v", m)
		}
		break
	}
	if pings == 0 || quiets == 0 || pongs != 1 {
		t.Errorf("%d pings, %d empty messages, %d pongs", pings, quiets, pongs)
	}
}

func TestUserStream(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.ann.limit(t, "ASK", "401000", "0.5")
	s := b.bob.stream(t, "/api/1/userstream")
	// The stream has no message of its own to say that it listens; the first order's
	// may be missed, so one is placed until it is heard.
	for heard := false; !heard; {
		probe := b.bob.limit(t, "BID", "1000", "0.001")
		b.bob.send(t, http.MethodPost, "/api/1/stoporder", "order_id="+probe).json(t)
		if err := s.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		_, frame, err := s.ReadMessage()
		if err != nil {
			s = b.bob.stream(t, "/api/1/userstream")
			continue
		}
		for m := decode(t, string(frame)); !heard; { // to the end of the probe's
			u, _ := m["order_status_update"].(map[string]any)
			if heard = u["status"] == "COMPLETE" && u["order_id"] == probe; !heard {
				m = s.next()
			}
		}
	}
	id := b.bob.limit(t, "BID", "401000", "0.7", "client_order_id=mine")
	expect := func(s socket) {
		t.Helper()
		var got []string
		for range 9 {
			m := s.next()
			kinds := 0
			for _, part := range []string{"order_status_update", "order_fill_update", "balance_update"} {
				if _, there := m[part]; !there {
					t.Errorf("%v lacks %s", m, part)
				}
				if m[part] != nil {
					kinds++
				}
			}
			if kinds != 1 || m["timestamp"] == nil {
				t.Errorf("message %v", m)
			}
			text := fmt.Sprint(m["type"])
			if u, ok := m["order_status_update"].(map[string]any); ok {
				text += fmt.Sprint(" ", u["status"], " ", u["client_order_id"], " ", u["market_id"], " ", u["order_id"] == id)
			}
			if u, ok := m["order_fill_update"].(map[string]any); ok {
				text += fmt.Sprint(" ", u["base_fill"], "/", u["counter_fill"], "/", u["counter_fee"], " +", u["base_delta"], "/", u["counter_delta"], "/", u["counter_fee_delta"], " ", u["base_fee"])
			}
			if u, ok := m["balance_update"].(map[string]any); ok {
				if account, isNumber := u["account_id"].(json.Number); !isNumber || len(account) != 19 {
					t.Errorf("account %v", u["account_id"])
				}
				text += fmt.Sprint(" ", u["balance_delta"], " ", u["available_delta"])
			}
			got = append(got, text)
		}
		want := []string{
			"order_status AWAITING mine XBTMYR true",
			"balance_update 0.00 -280980.7",
			"order_status PENDING mine XBTMYR true",
			"balance_update -200500 0.00",
			"balance_update -200.5 0.00",
			"balance_update 0.5 0.5",
			"order_fill 0.500000/200500/200.5 +0.500000/200500/200.5 0.00",
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("messages\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
		if got[7] != "balance_update 0.00 80280.2" || got[8] != "order_status COMPLETE mine XBTMYR true" {
			t.Errorf("after the cancellation %v", got[7:])
		}
	}
	b.bob.send(t, http.MethodPost, "/api/1/stoporder", "order_id="+id).json(t)
	expect(s)

	// Who comes back hears what was missed, and perhaps some of what was not.
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(time.Minute)
	missed := b.bob.limit(t, "BID", "2000", "0.001")
	back := b.bob.stream(t, "/api/1/userstream")
	for {
		m := back.next()
		if u, ok := m["order_status_update"].(map[string]any); ok && u["order_id"] == missed && u["status"] == "PENDING" {
			break
		}
	}
	// After more than five minutes it hears nothing of what is older.
	if err := back.Close(); err != nil {
		t.Fatal(err)
	}
	old := b.bob.limit(t, "BID", "3000", "0.001")
	b.clock.Advance(5*time.Minute + time.Millisecond)
	now := b.bob.limit(t, "BID", "4000", "0.001")
	late := b.bob.stream(t, "/api/1/userstream")
	for {
		if u, ok := late.next()["order_status_update"].(map[string]any); ok {
			if u["order_id"] == old {
				t.Error("it heard of what is older than five minutes")
			}
			if u["order_id"] == now {
				break
			}
		}
	}
}
