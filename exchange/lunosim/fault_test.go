package lunosim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/lunobot/lunobot/exchange/lunosim"
)

// fault lets a fault begin, by the API: what a file says is the same list.
func (b *bench) fault(t *testing.T, f lunosim.Fault) int64 {
	t.Helper()
	body, err := json.Marshal([]lunosim.Fault{f})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+"/sim/faults", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // it is only read
	var told struct{ IDs []int64 }
	if err := json.NewDecoder(response.Body).Decode(&told); err != nil || response.StatusCode != http.StatusOK || len(told.IDs) != 1 {
		t.Fatalf("%s: %d %+v %v", body, response.StatusCode, told, err)
	}
	return told.IDs[0]
}

// post places a limit order with a client id and returns what its caller learns.
func (c caller) post(ctx context.Context, client string) (reply, error) {
	return c.try(ctx, http.MethodPost, "/api/1/postorder", "pair=XBTMYR", "type=BID", "price=300000", "volume=0.01", "client_order_id="+client)
}

// proves T2: whatever the caller learns, a look-up under the client id tells whether
// the order is there.
func TestFaultsOfCalls(t *testing.T) {
	t.Parallel()
	for kind, test := range map[lunosim.FaultKind]struct {
		status int // 0 if there is no answer
		body   string
		placed bool
	}{
		lunosim.HangAfter:        {0, "", true},
		lunosim.BadGatewayBefore: {502, "<html>", false},
		lunosim.BadGatewayAfter:  {502, "<html>", true},
		lunosim.ResetBefore:      {0, "", false},
		lunosim.ResetAfter:       {0, "", true},
		lunosim.GarbageAfter:     {200, `{"order_id"`, true},
		lunosim.EmptyAfter:       {200, "{}", true},
		lunosim.TooManyRequests:  {429, "ErrTooManyRequests", false},
		lunosim.Refuse:           {400, "ErrUnderMaintenance", false},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			id := b.fault(t, lunosim.Fault{Kind: kind, Path: "/api/1/postorder", Account: "trader-1", Skip: 1, Count: 1, Code: "ErrUnderMaintenance", Delay: 20})
			for _, spared := range []struct {
				caller
				id string
			}{{b.bob, "zero"}, {b.ann, "first"}} {
				if r, err := spared.post(t.Context(), spared.id); err != nil || r.status != http.StatusOK {
					t.Fatalf("a spared call: %d %s %v", r.status, r.body, err)
				}
			}
			r, err := b.ann.post(t.Context(), "second")
			if (err == nil) != (test.status != 0) || r.status != test.status || !strings.Contains(r.body, test.body) || len(r.body) == 0 != (test.body == "") {
				t.Errorf("%d %q %v", r.status, r.body, err)
			}
			if test.status == 0 && kind != lunosim.HangAfter && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("it ends with %v, want a reset", err)
			}
			found := b.ann.send(t, http.MethodGet, "/api/exchange/3/order", "client_order_id=second")
			if (found.status == http.StatusOK) != test.placed {
				t.Errorf("placed: %d %s", found.status, found.body)
			}
			if r, err := b.ann.post(t.Context(), "third"); err != nil || r.status != http.StatusOK {
				t.Errorf("after its count: %d %s %v", r.status, r.body, err)
			}
			if f := b.Faults(); len(f) != 1 || f[0].Struck != 1 || f[0].ID != id {
				t.Errorf("faults %+v", f)
			}
		})
	}
}

func TestHangThenAccept(t *testing.T) { // proves T2: not found is not final before the deadline
	t.Parallel()
	b := setup(t, nil)
	b.fault(t, lunosim.Fault{Kind: lunosim.HangBefore, Path: "/api/1/postorder", Count: 1, Delay: 300})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := b.ann.post(ctx, "late"); err == nil {
		t.Fatal("it was answered")
	}
	b.ann.send(t, http.MethodGet, "/api/exchange/3/order", "client_order_id=late").refused(t, 404, "ErrOrderNotFound")
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if r := b.ann.send(t, http.MethodGet, "/api/exchange/3/order", "client_order_id=late"); r.status == http.StatusOK {
			break
		} else if time.Now().After(end) {
			t.Fatal("the order never came")
		}
	}
	// One whose deadline passes meanwhile is refused (rule T5).
	b.fault(t, lunosim.Fault{Kind: lunosim.HangBefore, Path: "/api/1/postorder", Count: 1, Delay: 300})
	stamp := fmt.Sprint("timestamp=", b.clock.Now().UnixMilli())
	go func() {
		for b.Faults()[1].Struck == 0 && t.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
		b.clock.Advance(1001 * time.Millisecond)
	}()
	b.ann.send(t, http.MethodPost, "/api/1/postorder", "pair=XBTMYR", "type=BID", "price=300000", "volume=1", stamp, "ttl=1000").
		refused(t, 400, "ErrDeadlineExceeded")
}

func TestFillBeforeStop(t *testing.T) { // proves T4
	t.Parallel()
	b := setup(t, nil)
	b.bob.limit(t, "BID", "300100", "0.5") // stands before it
	id := b.ann.limit(t, "BID", "300000", "0.4")
	b.fault(t, lunosim.Fault{Kind: lunosim.FillBeforeStop, Count: 1, Percent: 25})
	b.ann.send(t, http.MethodPost, "/api/1/stoporder", "order_id="+id).json(t)
	if o := b.ann.order(t, id); o["status"] != "COMPLETE" || o["base"] != "0.100000" || o["expiration_timestamp"] == json.Number("0") {
		t.Errorf("stopped order %v", o)
	}
	id = b.ann.limit(t, "ASK", "310000", "0.4")
	b.fault(t, lunosim.Fault{Kind: lunosim.FillBeforeStop, Count: 1, Percent: 100})
	b.ann.send(t, http.MethodPost, "/api/1/stoporder", "order_id="+id).refused(t, 400, "ErrCannotStopUnknownOrNonPendingOrder")
	if o := b.ann.order(t, id); o["base"] != "0.400000" || o["expiration_timestamp"] != json.Number("0") {
		t.Errorf("filled order %v", o)
	}
}

func TestFaultsThatLast(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	remove := func(id int64) {
		t.Helper()
		if removed, err := b.RemoveFault(id); !removed || err != nil {
			t.Fatal(removed, err)
		}
	}
	post := func(more ...string) reply {
		return b.ann.send(t, http.MethodPost, "/api/1/postorder", append(more, "pair=XBTMYR", "type=BID", "price=300000", "volume=0.01")...)
	}
	b.bob.limit(t, "ASK", "300000", "0.01")

	quiet := b.fault(t, lunosim.Fault{Kind: lunosim.QuietPostOnly})
	if o := b.ann.order(t, post("post_only=true").json(t)["order_id"].(string)); o["status"] != "COMPLETE" || o["base"] != "0.00" {
		t.Errorf("quietly cancelled order %v", o)
	}
	remove(quiet)
	post("post_only=true").refused(t, 400, "ErrOrderCanceled")

	skew := b.fault(t, lunosim.Fault{Kind: lunosim.ClockSkew, Delay: 20_000})
	now := fmt.Sprint("timestamp=", b.clock.Now().UnixMilli())
	r := post(now)
	r.refused(t, 400, "ErrDeadlineExceeded")
	if date, err := http.ParseTime(r.header.Get("Date")); err != nil || date.Sub(b.clock.Now()).Round(time.Second) != 20*time.Second {
		t.Errorf("Date %v %v", date, err)
	}
	remove(skew)
	post(now).json(t)

	late := b.fault(t, lunosim.Fault{Kind: lunosim.LateFills, Delay: 5000, Account: "trader-1"})
	trades := func(c caller) int { return len(items(c.get(t, "/api/1/listtrades", "pair=XBTMYR"), "trades")) }
	if trades(b.ann) != 0 || trades(b.bob) != 1 {
		t.Errorf("%d and %d trades", trades(b.ann), trades(b.bob))
	}
	b.clock.Advance(5001 * time.Millisecond)
	if trades(b.ann) != 1 {
		t.Error("the fill never came")
	}
	remove(late)

	suspended := b.fault(t, lunosim.Fault{Kind: lunosim.Suspended, Pair: "XBTMYR"})
	post().refused(t, 400, "ErrMarketUnavailable")
	b.ann.send(t, http.MethodPost, "/api/1/postorder", sdkPost("ETHMYR", "BID", "1000", "1")...).json(t)
	remove(suspended)
	modes := b.fault(t, lunosim.Fault{Kind: lunosim.PostOnlyMode})
	post().refused(t, 400, "ErrPostOnlyMode")
	b.ann.send(t, http.MethodPost, "/api/1/postorder", sdkPost("ETHMYR", "BID", "1000", "1")...).refused(t, 400, "ErrPostOnlyMode")
	remove(modes)
	post().json(t)

	s := b.ann.stream(t, "/api/1/stream/XBTMYR")
	s.next()
	revoked := b.fault(t, lunosim.Fault{Kind: lunosim.RevokedKey, Key: b.ann.key.ID})
	post().refused(t, 401, "ErrApiKeyRevoked")
	for {
		if _, _, err := s.ReadMessage(); err != nil {
			break
		}
	}
	b.bob.get(t, "/api/1/balance")
	if err := b.ClearFaults(); err != nil || len(b.Faults()) != 0 {
		t.Error(b.Faults(), err)
	}
	post().json(t)
	if removed, err := b.RemoveFault(revoked); removed || err != nil {
		t.Error("a fault was removed twice")
	}
}

func TestFaultsOfStreams(t *testing.T) {
	t.Parallel()
	for kind, want := range map[lunosim.FaultKind]string{
		"":                      "123",
		lunosim.StreamDuplicate: "1223",
		lunosim.StreamGap:       "13",
		lunosim.StreamReorder:   "132",
		lunosim.StreamGarbage:   "1?3",
		lunosim.StreamReset:     "1!",
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			if kind != "" {
				b.fault(t, lunosim.Fault{Kind: kind, Path: "/api/1/stream/", Pair: "XBTMYR", Skip: 1, Count: 1})
			}
			s := b.ann.stream(t, "/api/1/stream/XBTMYR")
			first := sequenceOf(t, s.next())
			b.bob.limit(t, "BID", "300000", "0.01")
			got := ""
			for got != want {
				if got == "1" { // a reset would take along what was not read before it
					b.bob.limit(t, "BID", "300001", "0.01")
					b.bob.limit(t, "BID", "300002", "0.01")
				}
				if err := s.SetReadDeadline(time.Now().Add(patience)); err != nil {
					t.Fatal(err)
				}
				_, frame, err := s.ReadMessage()
				var told struct {
					Sequence int64 `json:"sequence,string"`
				}
				switch {
				case errors.Is(err, syscall.ECONNRESET):
					got += "!"
				case err != nil:
					got += "."
				case string(frame) == `""`:
				case json.Unmarshal(frame, &told) != nil:
					got += "?"
				default:
					got += fmt.Sprint(told.Sequence - first)
				}
				if !strings.HasPrefix(want, got) {
					t.Fatalf("heard %s, want %s", got, want)
				}
			}
		})
	}
}

func TestSilentStream(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *lunosim.Config) { c.Streams.Ping, c.Streams.Quiet = 5*time.Millisecond, 5*time.Millisecond })
	b.fault(t, lunosim.Fault{Kind: lunosim.StreamSilent, Count: 1, Delay: 600})
	s := b.ann.stream(t, "/api/1/stream/XBTMYR")
	s.next()
	b.bob.limit(t, "BID", "300000", "0.01")
	for b.Faults()[0].Struck == 0 {
		time.Sleep(time.Millisecond)
	}
	var last string
	pongs := 0
	s.SetPongHandler(func(payload string) error {
		last = payload
		pongs++
		return nil
	})
	// The first pings may still be answered, those of the next half second are not.
	start := time.Now()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; time.Since(start) < 400*time.Millisecond; i++ {
			_ = s.WriteControl(websocket.PingMessage, []byte(fmt.Sprint(i)), time.Now().Add(time.Second)) // a lost one is no answer either
			time.Sleep(10 * time.Millisecond)
		}
	}()
	update := s.next() // it comes after the silence, with keep-alives before it at most
	<-done
	if silence := time.Since(start); silence < 400*time.Millisecond || pongs > 20 {
		t.Errorf("it was silent for %s and answered %d of 40 pings, the last of them %s", silence, pongs, last)
	}
	if update["create_update"] == nil {
		t.Errorf("after the silence %v", update)
	}
}

func TestSnapshotComesLate(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.fault(t, lunosim.Fault{Kind: lunosim.StreamLate, Count: 1, Delay: 50})
	s := b.ann.stream(t, "/api/1/stream/XBTMYR")
	id := b.bob.limit(t, "BID", "300000", "0.01")
	book := newCopy(t, s.next())
	for len(book.bids) == 0 {
		book.apply(t, s.next())
	}
	if _, there := book.bids[id]; !there {
		t.Errorf("book %+v", book)
	}
}

func TestSteering(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	steer := func(method, path, body string, status int, want string) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, b.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close() //nolint:errcheck // it is only read
		var out strings.Builder
		if err := response.Write(&out); err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != status || !strings.Contains(out.String(), want) {
			t.Errorf("%s %s: %s, want %d with %s", method, path, out.String(), status, want)
		}
		return out.String()
	}
	steer("POST", "/sim/faults", `[{"kind":"hang-before","delay_ms":5},{"kind":"clock-skew","delay_ms":-5}]`, 200, `{"ids":[1,2]}`)
	steer("GET", "/sim/faults", "", 200, `"kind":"clock-skew","delay_ms":-5`)
	steer("DELETE", "/sim/faults/1", "", 200, `{"removed":true}`)
	steer("DELETE", "/sim/faults/x", "", 400, "whole number")
	steer("DELETE", "/sim/faults", "", 200, "{}")
	if len(b.Faults()) != 0 {
		t.Errorf("faults %v", b.Faults())
	}
	for body, want := range map[string]string{
		`[{"kind":"explode"}]`:                                           "explode",
		`[{"kind":"reset-after"},{"kind":"refuse"}]`:                     "needs a code",
		`[{"kind":"reset-after","pair":"NOPE"}]`:                         "no market",
		`[{"kind":"reset-after","key":"NOPE"}]`:                          "no key",
		`[{"kind":"reset-after","account":"NOPE"}]`:                      "no account",
		`[{"kind":"reset-after","chance":2}]`:                            "chance",
		`[{"kind":"reset-after","count":-1}]`:                            "count",
		`[{"kind":"hang-after","delay_ms":-1}]`:                          "delay_ms",
		`[{"kind":"fill-before-stop","percent":101}]`:                    "percent",
		`[{"kind":"late-fills"}]`:                                        "delay_ms",
		`[{"kind":"revoked-key"}]`:                                       "key's id",
		`[{"kind":"reset-after","sort":1}]`:                              "sort",
		`{}`:                                                             "list of faults",
		`[] []`:                                                          "follows",
		`[{"kind":"reset-after","chance":-0.5,"delay_ms":-3,"skip":-1}]`: "chance",
	} {
		steer("POST", "/sim/faults", body, 400, want)
	}
	if len(b.Faults()) != 0 {
		t.Errorf("a wrong list left %v", b.Faults())
	}
	steer("POST", "/sim/markets/XBTMYR", `{"status":"SUSPENDED"}`, 200, "{}")
	steer("POST", "/sim/markets/XBTMYR", `{"status":"SHUT"}`, 400, "SHUT")
	steer("POST", "/sim/accounts/trader-2/deposits", `{"currency":"MYR","amount":"5.5"}`, 200, "{}")
	steer("POST", "/sim/accounts/nobody/deposits", `{"currency":"MYR","amount":"5.5"}`, 400, "nobody")
	if got := b.bob.balances(t)["MYR"]; got != "1000005.5/0" {
		t.Errorf("after the deposit %s", got)
	}
	b.ann.stream(t, "/api/1/stream/XBTMYR").next()
	state := steer("GET", "/sim/state", "", 200, `"pair":"XBTMYR","status":"SUSPENDED"`)
	for _, part := range []string{`"path":"/api/1/stream/XBTMYR","account":"trader-1"`, `"call":"GET /api/1/balance","status":200,"count":1`, `"moves":0`} {
		if !strings.Contains(state, part) {
			t.Errorf("state %s lacks %s", state, part)
		}
	}
	page := steer("GET", "/", "", 200, "<h1>Simulated Luno</h1>")
	for _, part := range []string{"SUSPENDED", "trader-2", "1000005.5", "/api/1/stream/XBTMYR", "No call has tried to move money"} {
		if !strings.Contains(page, part) {
			t.Errorf("the page lacks %s", part)
		}
	}
	// Another site's page cannot steer it.
	r, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, b.url+"/sim/faults", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Origin", "https://example.com")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusForbidden {
		t.Errorf("another site's page: %d %v", response.StatusCode, err)
	}
}
