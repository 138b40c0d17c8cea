package lunosim_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/exchange/lunosim"
)

// FuzzCalls sends parameters that mean anything to the calls that read most of
// them: each is answered with JSON, a refusal has a code, and nothing is an error of
// the simulator's own.
func FuzzCalls(f *testing.F) {
	for _, seed := range []string{
		"pair=XBTMYR&type=BID&price=400000&volume=0.01", "pair=XBTMYR&type=ASK&price=1e9&volume=-0", "pair=XBTMYR&type=BUY&counter_volume=10",
		"pair=XBTMYR&type=SELL&base_volume=0.1&ttl=1&timestamp=99", "pair=ETHXBT&since=-1&before=9223372036854775807&after_seq=-5&sort_desc=true&limit=7",
		"pair=XBTMYR&type=BID&price=400000&volume=0.01&stop_price=0.&stop_direction=ABOVE", "min_row=-9223372036854775808&max_row=9223372036854775807",
		"pair=XBTMYR&duration=604800&since=1", "pair=XBTMYR&duration=60&since=9223372036854775807", "id=x&client_order_id=%00", "order_id=%zz", "pair=A,B&assets=,",
		"created_before=-1&closed=1&state=PENDING", "pair=XBTMYR&type=BID&price=.&volume=9999999999999999999999999999999999999999",
	} {
		f.Add(seed)
	}
	sim, err := lunosim.New(lunosim.Config{Markets: lunosim.Markets(), Now: newClock().Now})
	if err != nil {
		f.Fatal(err)
	}
	traders, err := sim.NewTraders("XBTMYR")
	if err != nil {
		f.Fatal(err)
	}
	for range 200 {
		if err := traders.Step(f.Context()); err != nil {
			f.Fatal(err)
		}
	}
	key := sim.Keys()[2]
	call := func(r *http.Request) *httptest.ResponseRecorder {
		r.SetBasicAuth(key.ID, key.Secret)
		w := httptest.NewRecorder()
		sim.ServeHTTP(w, r)
		return w
	}
	var told struct {
		Balance []struct {
			ID string `json:"account_id"`
		} `json:"balance"`
	}
	if err := json.Unmarshal(call(httptest.NewRequest(http.MethodGet, "/api/1/balance", nil)).Body.Bytes(), &told); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, params string) {
		for _, path := range []string{
			"/api/1/postorder", "/api/1/marketorder", "/api/1/stoporder", "/api/exchange/1/candles", "/api/1/listtrades", "/api/1/trades", "/api/1/tickers",
			"/api/1/listorders", "/api/exchange/2/listorders", "/api/exchange/3/order", "/api/1/balance", "/api/exchange/1/transfers",
			"/api/1/accounts/" + told.Balance[0].ID + "/transactions",
		} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(params))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if !strings.HasSuffix(path, "order") || path == "/api/exchange/3/order" {
				r = httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
				r.URL.RawQuery = params
			}
			w := call(r)
			var answer struct {
				Code string `json:"error_code"`
			}
			if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || (w.Code == http.StatusOK) != (answer.Code == "") || w.Code >= 500 {
				t.Errorf("%s?%s: %d %s", path, params, w.Code, w.Body)
			}
		}
	})
}
