package lunosim_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/lunosim"
)

// straight makes calls without a socket between, for tests of many.
type straight struct {
	t   *rapid.T
	sim *lunosim.Sim
}

func (s straight) call(key lunosim.Key, method, path string, form url.Values) (status int, answer map[string]any) {
	var r *http.Request
	if method == http.MethodGet {
		r = httptest.NewRequestWithContext(s.t.Context(), method, path+"?"+form.Encode(), nil)
	} else {
		r = httptest.NewRequestWithContext(s.t.Context(), method, path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.SetBasicAuth(key.ID, key.Secret)
	w := httptest.NewRecorder()
	s.sim.ServeHTTP(w, r)
	return w.Code, decode(s.t, w.Body.String())
}

// proves T8: whatever is traded, each currency's sum over the accounts and the fees
// of all orders is what was deposited, no balance is negative, and none has more
// reserved than there is. All of it is seen through Luno's calls alone.
func TestConservation(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.SampledFrom([]exchange.Rate{0, 1, 100_000, 250_000, 33_333_333})
		fees := exchange.Fees{Maker: rate.Draw(t, "maker"), Taker: rate.Draw(t, "taker")}
		accounts := lunosim.DefaultAccounts(3, 3)
		for i := range accounts {
			accounts[i].Balances = map[string]decimal.Decimal{
				"XBT": decimal.New(rapid.Int64Range(1, 900).Draw(t, "XBT"), -2), "ETH": decimal.New(rapid.Int64Range(1, 900).Draw(t, "ETH"), -2),
				"MYR": decimal.New(rapid.Int64Range(1, 100_000_000).Draw(t, "MYR"), -2),
			}
		}
		sim, err := lunosim.New(lunosim.Config{Markets: lunosim.Markets(), Accounts: accounts, Fees: &fees, Now: newClock().Now,
			BaseFees: rapid.Bool().Draw(t, "fees of the base currency")})
		if err != nil {
			t.Fatal(err)
		}
		s := straight{t: t, sim: sim}
		supply := map[string]decimal.Decimal{}
		for _, a := range accounts {
			for currency, amount := range a.Balances {
				supply[currency] = supply[currency].Add(amount)
			}
		}
		orders := map[string]lunosim.Key{}
		var ids []string
		send := func(t *rapid.T) {
			key := accounts[rapid.IntRange(0, 2).Draw(t, "account")].Keys[0]
			pair := rapid.SampledFrom([]string{"XBTMYR", "ETHMYR", "ETHXBT"}).Draw(t, "pair")
			prices := map[string][]string{"XBTMYR": {"399000", "400000", "401000"}, "ETHMYR": {"11999.99", "12000", "12000.01"}, "ETHXBT": {"0.029", "0.03", "0.030001"}}
			price := rapid.SampledFrom(prices[pair])
			volume := decimal.New(rapid.Int64Range(10, 3000).Draw(t, "volume"), -4).String()
			form := url.Values{"pair": {pair}, "volume": {volume}, "price": {price.Draw(t, "price")}}
			path := "/api/1/postorder"
			form.Set("type", rapid.SampledFrom([]string{"BID", "ASK"}).Draw(t, "side"))
			switch rapid.IntRange(0, 5).Draw(t, "kind") {
			case 0:
				form.Set("time_in_force", rapid.SampledFrom([]string{"IOC", "FOK"}).Draw(t, "time in force"))
			case 1:
				form.Set("post_only", "true")
			case 2:
				form.Set("stop_price", price.Draw(t, "stop"))
				form.Set("stop_direction", rapid.SampledFrom([]string{"ABOVE", "BELOW", "RELATIVE_LAST_TRADE"}).Draw(t, "direction"))
			case 3:
				path = "/api/1/marketorder"
				form = url.Values{"pair": {pair}, "type": {"SELL"}, "base_volume": {volume}}
				if rapid.Bool().Draw(t, "buy") {
					form = url.Values{"pair": {pair}, "type": {"BUY"}, "counter_volume": {volume}}
				}
			}
			status, answer := s.call(key, http.MethodPost, path, form)
			id, ok := answer["order_id"].(string)
			if code, refused := answer["error_code"].(string); ok != (status == http.StatusOK) || refused && (code == "" || status != http.StatusBadRequest) {
				t.Fatalf("%v: %d %v", form, status, answer)
			}
			if ok {
				orders[id], ids = key, append(ids, id)
			}
		}
		audit := func(t *rapid.T) {
			sum := map[string]decimal.Decimal{}
			for _, a := range accounts {
				key := a.Keys[0]
				_, answer := s.call(key, http.MethodGet, "/api/1/balance", nil)
				for _, b := range items(answer, "balance") {
					asset, _ := b["asset"].(string)
					total, reserved := number(t, b["balance"]), number(t, b["reserved"])
					if total.IsNegative() || reserved.IsNegative() || reserved.GreaterThan(total) {
						t.Fatalf("%v", b)
					}
					sum[asset] = sum[asset].Add(total)
					// The newest row of the ledger says the same.
					_, ledger := s.call(key, http.MethodGet, fmt.Sprintf("/api/1/accounts/%s/transactions", b["account_id"]), url.Values{"min_row": {"-1"}, "max_row": {"0"}})
					for _, row := range items(ledger, "transactions") {
						if !number(t, row["balance"]).Equal(total) || !number(t, row["available"]).Equal(total.Sub(reserved)) {
							t.Fatalf("the ledger says %v, the balance %v", row, b)
						}
					}
				}
				for _, closed := range []string{"true", "false"} {
					_, answer := s.call(key, http.MethodGet, "/api/exchange/2/listorders", url.Values{"closed": {closed}, "limit": {"1000"}})
					for _, o := range items(answer, "orders") {
						base, counter := "ETH", "MYR"
						if o["pair"] == "ETHXBT" {
							counter = "XBT"
						}
						if o["pair"] == "XBTMYR" {
							base = "XBT"
						}
						sum[base] = sum[base].Add(number(t, o["fee_base"]))
						sum[counter] = sum[counter].Add(number(t, o["fee_counter"]))
					}
				}
			}
			for currency, want := range supply {
				if !sum[currency].Equal(want) {
					t.Fatalf("there are %s %s, want %s", sum[currency], currency, want)
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"order": send, "another": send, "third": send,
			"stop": func(t *rapid.T) {
				if len(ids) > 0 {
					id := rapid.SampledFrom(ids).Draw(t, "id")
					s.call(orders[id], http.MethodPost, "/api/1/stoporder", url.Values{"order_id": {id}})
				}
			},
			"audit": func(t *rapid.T) { audit(t) },
		})
		audit(t)
	})
}
