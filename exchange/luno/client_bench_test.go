package luno_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
	"github.com/lunobot/lunobot/exchange/lunosim"
)

// BenchmarkOrder measures the round trip of an order through the client to the
// simulated exchange and, in turns with it, that of the same form by a bare
// net/http post and a read of the answer.
func BenchmarkOrder(b *testing.B) {
	sim, err := lunosim.New(lunosim.Config{Markets: lunosim.Markets()})
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(sim)
	defer server.Close()
	key := sim.Keys()[0]
	budget, err := luno.NewBudget(luno.BudgetConfig{PerMinute: 1 << 30}) // it counts, and nothing waits
	if err != nil {
		b.Fatal(err)
	}
	c, err := luno.New(luno.Config{BaseURL: server.URL, KeyID: key.ID, Secret: luno.Secret(key.Secret), Budget: budget})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := c.Markets(b.Context()); err != nil {
		b.Fatal(err)
	}
	bare := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}}
	post := func(id string) {
		form := "pair=XBTMYR&client_order_id=" + id + "&type=BID&price=1000&volume=0.0001&time_in_force=IOC&timestamp=" +
			strconv.FormatInt(time.Now().UnixMilli(), 10) + "&ttl=5000"
		r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, server.URL+"/api/1/postorder", strings.NewReader(form))
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth(key.ID, key.Secret)
		answer, err := bare.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		if err != nil || answer.Body.Close() != nil || answer.StatusCode != http.StatusOK || len(body) == 0 {
			b.Fatal(answer.Status, string(body), err)
		}
	}
	var byClient, byBare time.Duration
	for n := 0; b.Loop(); n++ {
		r := exchange.OrderRequest{
			ClientID: "client-" + strconv.Itoa(n), Pair: "XBTMYR", Side: exchange.Buy, Type: exchange.LimitOrder, Price: 1000, Volume: 100, TimeInForce: exchange.IOC,
		}
		start := time.Now()
		if o, err := c.Place(b.Context(), r); err != nil || o.ID == "" {
			b.Fatal(o, err)
		}
		middle := time.Now()
		post("bare-" + strconv.Itoa(n))
		byClient += middle.Sub(start)
		byBare += time.Since(middle)
	}
	b.ReportMetric(float64(byClient.Microseconds())/float64(b.N), "client-µs/op")
	b.ReportMetric(float64(byBare.Microseconds())/float64(b.N), "bare-µs/op")
	b.ReportMetric(float64(byClient)/float64(byBare), "x-bare")
}
