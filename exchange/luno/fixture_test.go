package luno_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/exchangetest"
	"github.com/lunobot/lunobot/exchange/luno"
	"github.com/lunobot/lunobot/exchange/lunosim"
)

// update records the fixtures anew: from the simulator, see testdata/cards.
var update = flag.Bool("update", false, "record testdata/cards anew") //nolint:gochecknoglobals // flags of tests are

// TestRecordedCards runs the cards over the client against recorded answers, one
// file a card. The client must ask what it asked when they were recorded, in the
// same order and with the same forms, and understand the answers.
func TestRecordedCards(t *testing.T) {
	t.Parallel()
	exchangetest.Exercise(t, exchangetest.Venue{
		Name: "recorded Luno", Open: openRecorded,
		Has: []exchangetest.Capability{
			exchangetest.Bounds, exchangetest.Candles, exchangetest.Clock, exchangetest.Deadlines, exchangetest.FOK, exchangetest.IOC, exchangetest.KeyChecks,
			exchangetest.Ledgers, exchangetest.MarketOrders, exchangetest.PostOnly, exchangetest.Quotes, exchangetest.States, exchangetest.StopOrders,
			exchangetest.AnswerGarbled, exchangetest.Busy,
		},
	})
}

// call is one recorded call: who asked what, and what came. When an order is sent
// is not kept, nor is any key.
type call struct {
	Who    string `json:"who"`
	Method string `json:"method"`
	Path   string `json:"path"`
	Form   string `json:"form,omitempty"`
	Status int    `json:"status"`
	Date   string `json:"date"`
	// Answer is JSON; Page is anything else.
	Answer json.RawMessage `json:"answer,omitempty"`
	Page   string          `json:"page,omitempty"`
}

// asked returns a call without its answer.
func asked(r *http.Request) call {
	if err := r.ParseForm(); err != nil {
		return call{Page: err.Error()}
	}
	form := url.Values{}
	for name, values := range r.Form {
		if name != "timestamp" && name != "ttl" {
			form[name] = values
		}
	}
	who, _, _ := r.BasicAuth()
	return call{Who: who, Method: r.Method, Path: r.URL.Path, Form: form.Encode()}
}

func openRecorded(t testing.TB) *exchangetest.Bench {
	t.Helper()
	_, name, _ := strings.Cut(t.Name(), "/")
	name = strings.ReplaceAll(name, "'", "") // which no file of a module may have in its name
	file := filepath.Join("testdata", "cards", name+".jsonl")
	clock := exchangetest.NewStillClock(time.UnixMilli(1_800_000_000_123))
	b := &exchangetest.Bench{
		Price: 400_000, Lot: 1000, Now: clock.Now, Advance: clock.Advance,
		Inject: func(exchangetest.Capability) {}, SetStatus: func(exchange.MarketStatus) {}, // what came of them is recorded
	}
	var server *httptest.Server
	if *update {
		server = record(t, file, clock, b)
	} else {
		server = replay(t, file)
	}
	account := func(who string) *luno.Client {
		c, err := luno.New(luno.Config{
			BaseURL: server.URL, KeyID: who, Secret: "of no use", Now: clock.Now, Budget: endless{},
			Sleep: func(context.Context, time.Duration) error { return nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	ann := account("ann")
	market, err := ann.Market(t.Context(), "XBTMYR")
	if err != nil {
		t.Fatal(err)
	}
	b.Ann, b.Bob, b.Data, b.Quotes, b.Ledger, b.KeyChecker, b.Market = ann, account("bob"), ann, ann, ann, ann, market
	return b
}

// replay serves the answers of a file to who asks for them in its order.
func replay(t testing.TB, file string) *httptest.Server {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: record it with -update", err)
	}
	var calls []call
	for line := range bytes.Lines(text) {
		var c call
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		calls = append(calls, c)
	}
	var mu sync.Mutex
	next := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got := asked(r)
		if next == len(calls) {
			t.Errorf("%s: %+v is asked after the last call", file, got)
			w.WriteHeader(http.StatusTeapot)
			return
		}
		want := calls[next]
		next++
		w.Header().Set("Date", want.Date)
		w.WriteHeader(want.Status)
		if got.Who != want.Who || got.Method != want.Method || got.Path != want.Path || got.Form != want.Form {
			t.Errorf("%s: call %d is %s's %s %s?%s, recorded was %s's %s %s?%s", file, next,
				got.Who, got.Method, got.Path, got.Form, want.Who, want.Method, want.Path, want.Form)
		}
		_, _ = w.Write([]byte(string(want.Answer) + want.Page)) // whoever left does not hear it
	}))
	t.Cleanup(func() {
		server.Close()
		if next != len(calls) && !t.Failed() {
			t.Errorf("%s: of %d calls %d were asked", file, len(calls), next)
		}
	})
	return server
}

// record serves what a simulator answers, and writes it to a file if the card has
// passed.
func record(t testing.TB, file string, clock *exchangetest.StillClock, b *exchangetest.Bench) *httptest.Server {
	t.Helper()
	accounts := make([]lunosim.Account, 2)
	for i, name := range []string{"ann", "bob"} {
		accounts[i] = lunosim.Account{
			Name: name, Keys: []lunosim.Key{{ID: name, Secret: "of no use", Permissions: lunosim.TradeOnly}},
			Balances: map[string]decimal.Decimal{"XBT": decimal.NewFromInt(10), "MYR": decimal.NewFromInt(1_000_000)},
		}
	}
	sim, err := lunosim.New(lunosim.Config{
		Markets: lunosim.Markets()[:1], Accounts: accounts, Now: clock.Now, Fees: &exchange.Fees{Maker: 100_000, Taker: 250_001},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	b.SetStatus = func(s exchange.MarketStatus) {
		if err := sim.Venue().SetStatus("XBTMYR", s); err != nil {
			t.Error(err)
		}
	}
	b.Inject = func(fault exchangetest.Capability) {
		kind := lunosim.TooManyRequests
		if fault == exchangetest.AnswerGarbled {
			kind = lunosim.BadGatewayAfter
		}
		if _, err := sim.AddFault(lunosim.Fault{Path: "/api/1/postorder", Account: "ann", Count: 1, Kind: kind}); err != nil {
			t.Error(err)
		}
	}
	var mu sync.Mutex
	var lines bytes.Buffer
	out := json.NewEncoder(&lines)
	out.SetEscapeHTML(false)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, answer := asked(r), httptest.NewRecorder()
		sim.ServeHTTP(answer, r)
		c.Status, c.Date = answer.Code, answer.Header().Get("Date")
		if body := answer.Body.Bytes(); json.Valid(body) {
			c.Answer = body
		} else {
			c.Page = string(body)
		}
		mu.Lock()
		defer mu.Unlock()
		if err := out.Encode(c); err != nil {
			t.Error(err)
		}
		w.Header().Set("Date", c.Date)
		w.WriteHeader(c.Status)
		_, _ = w.Write(answer.Body.Bytes()) // as above
	}))
	t.Cleanup(func() {
		server.Close()
		if t.Failed() {
			return
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Error(err)
		}
		if err := os.WriteFile(file, lines.Bytes(), 0o600); err != nil {
			t.Error(err)
		}
	})
	return server
}
