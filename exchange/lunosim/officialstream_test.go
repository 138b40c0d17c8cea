package lunosim_test

import (
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/luno/luno-go"
	"github.com/luno/luno-go/streaming"

	"github.com/lunobot/lunobot/exchange/lunosim"
)

// officialStreams is the flag that the's address is one flag of the whole process, read without a
// lock: this is the only test that may set it.
const officialStreams = "luno_websocket_host"

// levels writes a side of a book.
func levels(side []luno.OrderBookEntry) string {
	var out strings.Builder
	for _, l := range side {
		fmt.Fprintf(&out, "%s×%s ", l.Price.ToScale(0), l.Volume.ToScale(6))
	}
	return out.String()
}

// proves M1 for Luno's own stream client: what it makes of the stream is the book, over
// trades, orders, cancels, changes of status, keep-alives and every fault that it can
// notice, and it hears every update once.
func TestOfficialStream(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *lunosim.Config) {
		real(c)
		c.Streams.Ping, c.Streams.Quiet, c.Streams.Beat = 20*time.Millisecond, 20*time.Millisecond, 20*time.Millisecond
	})
	if err := flag.Set(officialStreams, "ws"+strings.TrimPrefix(b.url, "http")); err != nil {
		t.Fatal(err)
	}
	k := b.Keys()[1] // to read is enough
	rest := b.official(t, k)
	var mu sync.Mutex
	var faults []string
	connected, last, trades := 0, int64(0), []int64{}
	conn, err := streaming.Dial(k.ID, k.Secret, "XBTMYR",
		streaming.WithBackoffHandler(func(int) time.Duration { return time.Millisecond }, time.Hour),
		streaming.WithConnectCallback(func(c *streaming.Conn) {
			mu.Lock()
			defer mu.Unlock()
			connected, last = connected+1, c.Snapshot().Sequence
		}),
		streaming.WithUpdateCallback(func(u streaming.Update) {
			mu.Lock()
			defer mu.Unlock()
			if u.Sequence != last+1 || u.Timestamp == 0 {
				faults = append(faults, fmt.Sprintf("update %d at %d after %d", u.Sequence, u.Timestamp, last))
			}
			last = u.Sequence
			for _, x := range u.TradeUpdates {
				if x.OrderID != x.MakerOrderID || x.TakerOrderID == "" || x.Counter.Sign() <= 0 { //nolint:staticcheck // deprecated, and told all the same
					faults = append(faults, fmt.Sprintf("trade %+v", x))
				}
				trades = append(trades, x.Sequence)
			}
		}))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	until := func(what string, done func() bool) {
		t.Helper()
		for end := time.Now().Add(patience); !done(); time.Sleep(2 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s never came; the client has %+v", what, conn.Snapshot())
			}
		}
	}
	agrees := func() bool {
		book, err := rest.GetOrderBook(t.Context(), &luno.GetOrderBookRequest{Pair: "XBTMYR"})
		if err != nil {
			t.Fatal(err)
		}
		s := conn.Snapshot()
		return s.Sequence > 0 && levels(s.Bids) == levels(book.Bids) && levels(s.Asks) == levels(book.Asks)
	}
	times := func() int { mu.Lock(); defer mu.Unlock(); return connected }
	until("the first snapshot", func() bool { return times() == 1 })
	until("an empty book", agrees)
	resting := b.bob.limit(t, "ASK", "400000", "0.5")
	b.bob.limit(t, "ASK", "400000", "0.1")
	b.bob.limit(t, "BID", "390000", "0.3")
	b.ann.limit(t, "BID", "400000", "0.55") // an order whole and a part of the next
	b.bob.send(t, "POST", "/api/1/stoporder", "order_id="+b.bob.limit(t, "ASK", "410000", "0.5")).json(t)
	b.ann.limit(t, "BID", "400000", "0.7") // the rest, and stays with what is left
	until("trades, orders and a cancel", agrees)
	if x := conn.Snapshot().LastTrade; x.Sequence != 3 || x.MakerOrderID == resting {
		t.Errorf("last trade %+v", x)
	} else {
		same(t, "its volume", x.Base, "0.05")
		same(t, "its value", x.Counter, "20000")
	}
	for state, want := range map[string]luno.Status{"POST_ONLY": luno.StatusPostonly, "SUSPENDED": luno.StatusDisabled} {
		if err := b.SetStatus("XBTMYR", state); err != nil {
			t.Fatal(err)
		}
		until(state, func() bool { return conn.Status() == want })
	}
	if err := b.SetStatus("XBTMYR", "ACTIVE"); err != nil {
		t.Fatal(err)
	}
	traders, err := b.NewTraders("XBTMYR")
	if err != nil {
		t.Fatal(err)
	}
	for i, kind := range []lunosim.FaultKind{lunosim.StreamDuplicate, lunosim.StreamGap, lunosim.StreamReorder, lunosim.StreamReset, lunosim.StreamGarbage} {
		before := times()
		b.fault(t, lunosim.Fault{Kind: kind, Path: "/api/1/stream/", Count: 1})
		for range 60 {
			if err := traders.Step(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if i > 0 { // it discards what it has heard
			until("a new connection after "+string(kind), func() bool { return times() > before })
		}
		until("the book after "+string(kind), agrees)
	}
	heard := conn.Snapshot().Sequence
	until("keep-alives", func() bool { return conn.Snapshot().Sequence > heard+3 })
	mu.Lock()
	defer mu.Unlock()
	if len(faults) > 0 {
		t.Errorf("%d faults, the first: %s", len(faults), faults[0])
	}
	for i := 1; i < len(trades); i++ {
		if trades[i] <= trades[i-1] {
			t.Errorf("trade %d was told after %d", trades[i], trades[i-1])
		}
	}
	if len(trades) < 10 {
		t.Errorf("%d trades were heard", len(trades))
	}
}
