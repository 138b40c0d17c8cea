package luno_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
	"github.com/lunobot/lunobot/exchange/lunosim"
)

// wire lies between a client and a simulated Luno, and loses what it is told to.
type wire struct {
	sim *lunosim.Sim
	// ahead is how far the simulator's clock is ahead of this machine's, in
	// nanoseconds.
	ahead atomic.Int64
	// lose says what becomes of orders: "" nothing, "answer" or "request".
	lose atomic.Value
	// held is the last order that was lost on its way.
	held atomic.Pointer[http.Request]
	url  string
}

func openWire(t *testing.T) (*wire, *luno.Client) {
	t.Helper()
	w := &wire{}
	w.lose.Store("")
	var err error
	w.sim, err = lunosim.New(lunosim.Config{Markets: lunosim.Markets(), Now: func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	w.url = server.URL
	key := w.sim.Keys()[0]
	c, err := luno.New(luno.Config{BaseURL: server.URL, KeyID: key.ID, Secret: luno.Secret(key.Secret), Budget: &pauses{}, Tries: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Markets(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w, c
}

// ServeHTTP implements http.Handler.
func (w *wire) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	lose := w.lose.Load()
	if lose == "" || r.Method != http.MethodPost {
		w.sim.ServeHTTP(out, r)
		return
	}
	body, _ := io.ReadAll(r.Body) // the order is short
	whole := r.Clone(context.WithoutCancel(r.Context()))
	whole.Body = io.NopCloser(strings.NewReader(string(body)))
	if lose == "answer" {
		w.sim.ServeHTTP(httptest.NewRecorder(), whole)
	} else {
		w.held.Store(whole)
	}
	if conn, _, err := http.NewResponseController(out).Hijack(); err == nil {
		_ = conn.Close() // the client sees the connection go
	}
}

func (w *wire) request() exchange.OrderRequest {
	return exchange.OrderRequest{ClientID: "i1-b2-e3-c4", Pair: "XBTMYR", Side: exchange.Buy, Type: exchange.LimitOrder, Price: 400_000, Volume: 1000}
}

// An order whose answer is lost is found under its client id, and sent again under
// the same id it is there once. // proves T2
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	w, c := openWire(t)
	w.lose.Store("answer")
	_, err := c.Place(t.Context(), w.request())
	if exchange.OutcomeOf(err) != exchange.OutcomeUnknown {
		t.Fatalf("%v", err)
	}
	w.lose.Store("")
	found, err := c.Order(t.Context(), "XBTMYR", "i1-b2-e3-c4")
	if err != nil || found.Status != exchange.Open {
		t.Fatalf("%+v, %v", found, err)
	}
	again, err := c.Place(t.Context(), w.request())
	if exchange.OutcomeOf(err) != exchange.OutcomeAccepted || again.ID != found.ID {
		t.Errorf("%+v, %v", again, err)
	}
	if open, err := c.OpenOrders(t.Context(), "XBTMYR"); err != nil || len(open) != 1 {
		t.Errorf("%+v, %v", open, err)
	}
}

// An order that is lost on its way and arrives after its error's Expires is not
// taken any more: what was not found then will never be, even if the two clocks
// differ. // proves T2, T5
func TestLostRequest(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{0, time.Hour, -time.Hour} {
		for _, late := range []bool{false, true} {
			w, c := openWire(t)
			w.ahead.Store(int64(ahead))
			// The drift is known by the second after an answer by the new clock.
			if _, err := c.Balances(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.lose.Store("request")
			_, err := c.Place(t.Context(), w.request())
			var told *exchange.Error
			if exchange.OutcomeOf(err) != exchange.OutcomeUnknown || !errors.As(err, &told) || told.Expires == 0 {
				t.Fatalf("%v", err)
			}
			w.lose.Store("")
			if _, err := c.Order(t.Context(), "XBTMYR", "i1-b2-e3-c4"); exchange.KindOf(err) != exchange.KindNotFound {
				t.Fatalf("%v", err)
			}
			if late {
				w.ahead.Add(int64(time.Until(time.UnixMilli(told.Expires))))
			}
			w.sim.ServeHTTP(httptest.NewRecorder(), w.held.Load())
			_, err = c.Order(t.Context(), "XBTMYR", "i1-b2-e3-c4")
			if late && exchange.KindOf(err) != exchange.KindNotFound || !late && err != nil {
				t.Errorf("%s ahead, late %t: %v", ahead, late, err)
			}
		}
	}
}
