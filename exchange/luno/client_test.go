package luno_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
)

const (
	keyID  = "the-key"
	secret = "the-secret"
	// first is when the fake's candles begin, count how many minutes it has.
	first = 1_700_000_040_000
	count = 2500
)

// fake speaks as much of Luno's API as the documents tell.
type fake struct {
	*httptest.Server
	calls atomic.Int64
	// routes answer calls of a path, before all others.
	routes map[string]http.HandlerFunc
	// fault, if not nil, may answer a call itself.
	fault func(call int64, w http.ResponseWriter, r *http.Request) bool
	// now is what the Date header says.
	now time.Time
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{now: time.UnixMilli(first + count*60_000 + 500_000), routes: make(map[string]http.HandlerFunc)}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", f.now.UTC().Format(http.TimeFormat))
	w.Header().Set("Content-Type", "application/json")
	if f.fault != nil && f.fault(f.calls.Add(1), w, r) {
		return
	}
	if route := f.routes[r.URL.Path]; route != nil {
		route(w, r)
		return
	}
	refuse := func(status int, code, text string) { refuse(w, status, code, text) }
	switch r.URL.Path {
	case "/api/exchange/1/markets":
		fmt.Fprint(w, `{"markets":[{"market_id":"XBTMYR","base_currency":"XBT","counter_currency":"MYR","trading_status":"ACTIVE",
			"min_volume":"0.0005","max_volume":"100.00","min_price":"100.00","max_price":"1000000.00","price_scale":2,"volume_scale":4,"fee_scale":8},
			{"market_id":"USDCUSDT","base_currency":"USDC","counter_currency":"USDT","trading_status":"SUSPENDED",
			"min_volume":"1","max_volume":"100.00","min_price":"0.1","max_price":"10","price_scale":4,"volume_scale":0,"fee_scale":8,"more":[1]}]}`)
	case "/api/exchange/1/candles":
		if id, s, ok := r.BasicAuth(); !ok || id != keyID || s != secret {
			refuse(http.StatusUnauthorized, "ErrUnauthorised", "who are you?")
			return
		}
		q := r.URL.Query()
		since, err := strconv.ParseInt(q.Get("since"), 10, 64)
		if q.Get("pair") != "XBTMYR" || q.Get("duration") != "60" || err != nil {
			refuse(http.StatusBadRequest, "ErrMarketUnavailable", "Market not available")
			return
		}
		var rows []string
		for i := range int64(count) {
			if at := first + i*60_000; at >= since && len(rows) < 1000 {
				rows = append(rows, candleJSON(at, i))
			}
		}
		fmt.Fprintf(w, `{"pair":"XBTMYR","duration":60,"candles":[%s]}`, strings.Join(rows, ","))
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// refuse answers as Luno refuses.
func refuse(w http.ResponseWriter, status int, code, text string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error":%q,"error_code":%q}`, text, code)
}

func candleJSON(at, i int64) string {
	return fmt.Sprintf(`{"timestamp":%d,"open":"%d.50","high":"%d.75000000","low":"%d","close":"%d.25","volume":"0.%04d"}`, at, 1000+i, 1000+i, 1000+i, 1000+i, i)
}

// pauses collects how long a client wanted to wait. It is a budget without an
// end, too.
type pauses struct {
	mu    sync.Mutex
	list  []time.Duration
	turns []exchange.Turn
}

func (p *pauses) sleep(ctx context.Context, d time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = append(p.list, d)
	return ctx.Err()
}

// Take implements exchange.Budget.
func (p *pauses) Take(_ context.Context, t exchange.Turn) (time.Duration, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turns = append(p.turns, t)
	return 0, nil
}

// Pause implements exchange.Budget.
func (p *pauses) Pause(ctx context.Context, d time.Duration) error { return p.sleep(ctx, d) }

// config is that of a client of a fake.
func config(f *fake, p *pauses) luno.Config {
	return luno.Config{
		BaseURL: f.URL, KeyID: keyID, Secret: secret, Budget: p, Sleep: p.sleep, Tries: 4,
		Now: func() time.Time { return time.UnixMilli(first + 10*count*60_000) },
	}
}

func client(t *testing.T, f *fake, p *pauses) *luno.Client {
	t.Helper()
	c, err := luno.New(config(f, p))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestMarkets(t *testing.T) {
	t.Parallel()
	list, err := client(t, newFake(t), &pauses{}).Markets(t.Context())
	if err != nil || len(list) != 2 {
		t.Fatalf("%v, %v", list, err)
	}
	m := list[0]
	if m.Pair != "XBTMYR" || m.Base != "XBT" || m.Counter != "MYR" || !m.Tick.Equal(decimal.New(1, -2)) || !m.Step.Equal(decimal.New(1, -4)) ||
		m.MinVolume != 5 || m.MaxVolume != 1_000_000 || m.MinPrice != 10_000 || m.MaxPrice != 100_000_000 || m.Status != exchange.MarketActive {
		t.Errorf("market %+v", m)
	}
	if list[1].Status != exchange.MarketPostOnly || list[1].Base != "USDC" {
		t.Errorf("market %+v", list[1])
	}
}

// Pages follow each other to the end, and every number is exact.
func TestPages(t *testing.T) {
	t.Parallel()
	c := client(t, newFake(t), &pauses{})
	var got []exchange.Candle
	for since := time.UnixMilli(first - 5_000); ; {
		page, err := c.Candles(t.Context(), "XBTMYR", time.Minute, since, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
		since = page[len(page)-1].OpenTime().Add(time.Minute)
	}
	if len(got) != count {
		t.Fatalf("%d candles", len(got))
	}
	for i, k := range got {
		base := exchange.Ticks(100 * (1000 + i))
		if want := (exchange.Candle{Time: first + int64(i)*60_000, Open: base + 50, High: base + 75, Low: base, Close: base + 25, Volume: exchange.Steps(i)}); k != want {
			t.Fatalf("candle %d is %+v, want %+v", i, k, want)
		}
	}
	if page, err := c.Candles(t.Context(), "XBTMYR", time.Minute, time.UnixMilli(first), 3); err != nil || len(page) != 3 {
		t.Errorf("a limit of 3: %d, %v", len(page), err)
	}
}

// A candle that has not ended by Luno's clock is none, whatever this machine's
// clock says. // proves M4
func TestForming(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.now = time.UnixMilli(first + 10*60_000 + 30_000)
	page, err := client(t, f, &pauses{}).Candles(t.Context(), "XBTMYR", time.Minute, time.UnixMilli(first), 1000)
	if err != nil || len(page) != 10 {
		t.Errorf("%d candles, %v", len(page), err)
	}
}

// What may pass is tried again with growing pauses; what is refused is not.
func TestTries(t *testing.T) {
	t.Parallel()
	status := func(code int, body string, header ...string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			if len(header) == 2 {
				w.Header().Set(header[0], header[1])
			}
			w.WriteHeader(code)
			_, _ = w.Write([]byte(body))
		}
	}
	truncated := func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "5000")
		_, _ = w.Write([]byte(`{"pair":"XBTMYR","candles":[{"timestamp":17`))
	}
	for name, test := range map[string]struct {
		fault   func(http.ResponseWriter)
		times   int64
		pauses  []time.Duration
		code    string
		status  int
		outcome exchange.Outcome
		tells   string
	}{
		"a page of an edge server": {status(502, "<html>bad gateway</html>"), 2, []time.Duration{1e9, 2e9}, "", 0, 0, ""},
		"a body that is cut off":   {truncated, 1, []time.Duration{1e9}, "", 0, 0, ""},
		"JSON that is cut off":     {status(200, `{"candles":[`), 1, []time.Duration{1e9}, "", 0, 0, ""},
		"too many calls":           {status(429, `{"error_code":"ErrTooManyRequests"}`), 1, []time.Duration{60e9}, "", 0, 0, ""},
		"too many calls, and when": {status(429, "", "Retry-After", "7"), 2, []time.Duration{7e9, 7e9}, "", 0, 0, ""},
		"down for long":            {status(503, ""), 9, []time.Duration{1e9, 2e9, 4e9}, "", 503, exchange.OutcomeUnknown, "after 4 tries"},
		"too many calls for long":  {status(429, ""), 9, []time.Duration{60e9, 60e9, 60e9, 60e9}, "", 429, exchange.OutcomeRejected, "after 4 tries"},
		"a wrong key":              {status(401, `{"error":"no","error_code":"ErrApiKeyRevoked"}`), 1, nil, "ErrApiKeyRevoked", 401, exchange.OutcomeRejected, "no"},
		"another shape of refusal": {status(400, `{"code":"ErrX","message":"why"}`), 1, nil, "ErrX", 400, exchange.OutcomeRejected, "why"},
		"a redirect":               {status(302, "", "Location", "https://example.com/"), 1, nil, "", 302, exchange.OutcomeRejected, "redirects are not followed"},
		"a number that is huge": {
			status(200, `{"pair":"XBTMYR","duration":60,"candles":[{"timestamp":1,"open":"1e999","high":"1","low":"1","close":"1","volume":"1"}]}`), 1, nil, "", 0, 0, "exponent",
		},
		"a finer price": {
			status(200, `{"pair":"XBTMYR","duration":60,"candles":[{"timestamp":1700000040000,"open":"1.001","high":"2","low":"1","close":"1","volume":"1"}]}`), 1, nil, "", 0, 0, "not a multiple",
		},
		"no order": {
			status(200, `{"pair":"XBTMYR","duration":60,"candles":[{"timestamp":1699999980000,"open":"1","high":"2","low":"1","close":"1","volume":"1"}]}`), 1, nil, "", 0, 0, "does not follow",
		},
		"an empty object":  {status(200, "{}"), 1, []time.Duration{1e9}, "", 0, 0, ""}, // not the end of all candles
		"another pair":     {status(200, `{"pair":"ETHMYR","duration":60,"candles":[]}`), 9, []time.Duration{1e9, 2e9, 4e9}, "", 200, exchange.OutcomeUnknown, "ETHMYR"},
		"another interval": {status(200, `{"pair":"XBTMYR","duration":300,"candles":[]}`), 1, []time.Duration{1e9}, "", 0, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, p := newFake(t), &pauses{}
			c := client(t, f, p)
			if _, err := c.Markets(t.Context()); err != nil {
				t.Fatal(err)
			}
			f.calls.Store(0)
			f.fault = func(call int64, w http.ResponseWriter, _ *http.Request) bool {
				if call > test.times {
					return false
				}
				test.fault(w)
				return true
			}
			page, err := c.Candles(t.Context(), "XBTMYR", time.Minute, time.UnixMilli(first), 1000)
			if fmt.Sprint(p.list) != fmt.Sprint(test.pauses) {
				t.Errorf("pauses %v, want %v", p.list, test.pauses)
			}
			if test.tells == "" {
				if err != nil || len(page) != 1000 {
					t.Errorf("%d candles, %v", len(page), err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.tells) || strings.Contains(err.Error(), secret) {
				t.Fatalf("error %v, want %q", err, test.tells)
			}
			var told *exchange.Error
			if test.status != 0 && (!errors.As(err, &told) || told.HTTPStatus != test.status || told.Code != test.code || told.Outcome != test.outcome) {
				t.Errorf("error %#v", told)
			}
		})
	}
}

// Candles are for key holders; nothing is sent without a key.
func TestNoKey(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	c, err := luno.New(luno.Config{BaseURL: f.URL})
	if err != nil {
		t.Fatal(err)
	}
	var told *exchange.Error
	if _, err := c.Candles(t.Context(), "XBTMYR", time.Minute, time.UnixMilli(first), 1); !errors.As(err, &told) || told.Code != "ErrUnauthorised" {
		t.Errorf("error %v", err)
	}
	if _, err := c.Candles(t.Context(), "NOSUCH", time.Minute, time.UnixMilli(first), 1); !errors.As(err, &told) || told.Code != "ErrMarketUnavailable" {
		t.Errorf("error %v", err)
	}
}

// A key leaves this machine for Luno's own address only, and over https only.
func TestConfig(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cfg  luno.Config
		want string // "" if it is fine
	}{
		"the default":              {luno.Config{KeyID: keyID, Secret: secret}, ""},
		"this machine":             {luno.Config{BaseURL: "http://127.0.0.1:1/sim/", KeyID: keyID, Secret: secret}, ""},
		"elsewhere without a key":  {luno.Config{BaseURL: "https://example.com"}, ""},
		"elsewhere with a key":     {luno.Config{BaseURL: "https://api.luno.com.example.com", KeyID: keyID, Secret: secret}, "to this machine only"},
		"another port with a key":  {luno.Config{BaseURL: "https://api.luno.com:444", KeyID: keyID, Secret: secret}, "to this machine only"},
		"in the open":              {luno.Config{BaseURL: "http://api.luno.com"}, "https://"},
		"half a key":               {luno.Config{KeyID: keyID}, "an id and a secret"},
		"no address":               {luno.Config{BaseURL: "api.luno.com"}, "not an address"},
		"somebody's name in it":    {luno.Config{BaseURL: "https://me@api.luno.com"}, "not an address"},
		"no try at all":            {luno.Config{Tries: -1}, "Tries"},
		"an order for a minute":    {luno.Config{TTL: time.Minute}, "TTL"},
		"another scheme":           {luno.Config{BaseURL: "ftp://127.0.0.1"}, "https://"},
		"an escaped path":          {luno.Config{BaseURL: "http://127.0.0.1/a%2Fb"}, "not an address"},
		"an account that is none":  {luno.Config{Accounts: map[string]string{"MYR": "1/../2"}}, "account in MYR"},
		"a name like this machine": {luno.Config{BaseURL: "http://127.0.0.1.example.com"}, "https://"},
	} {
		_, err := luno.New(test.cfg)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}
