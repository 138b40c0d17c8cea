package luno_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange/luno"
)

// BenchmarkOrder measures the round trip of an order through the client and, in
// turns with it, that of the same form by a bare net/http post and a read of the
// answer, to the same server of this machine.
func BenchmarkOrder(b *testing.B) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/exchange/1/markets", says(fuzzMarket))
	mux.HandleFunc("POST /api/1/postorder", func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil || r.PostForm.Get("client_order_id") == "" {
			refuse(w, http.StatusBadRequest, "ErrInvalidParameters", "no")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"order_id":"BXMC2CJ7HNB88U4"}`)
	})
	server := httptest.NewServer(mux)
	defer server.Close()

	budget, err := luno.NewBudget(luno.BudgetConfig{PerMinute: 1 << 30}) // it counts, and nothing waits
	if err != nil {
		b.Fatal(err)
	}
	c, err := luno.New(luno.Config{BaseURL: server.URL, KeyID: keyID, Secret: secret, Budget: budget})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := c.Markets(b.Context()); err != nil {
		b.Fatal(err)
	}
	bare := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}}
	post := func(id string) {
		form := "client_order_id=" + id + "&pair=XBTMYR&price=250000&timestamp=" + strconv.FormatInt(time.Now().UnixMilli(), 10) + "&ttl=5000&type=BID&volume=0.001"
		r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, server.URL+"/api/1/postorder", strings.NewReader(form))
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth(keyID, secret)
		answer, err := bare.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		if err != nil || answer.Body.Close() != nil || answer.StatusCode != http.StatusOK || len(body) == 0 {
			b.Fatal(answer.Status, err)
		}
	}
	var byClient, byBare time.Duration
	for n := 0; b.Loop(); n++ {
		r := bid()
		r.ClientID = strconv.Itoa(n)
		start := time.Now()
		if o, err := c.Place(b.Context(), r); err != nil || o.ID == "" {
			b.Fatal(o, err)
		}
		middle := time.Now()
		post(r.ClientID)
		byClient += middle.Sub(start)
		byBare += time.Since(middle)
	}
	b.ReportMetric(float64(byClient.Microseconds())/float64(b.N), "client-µs/op")
	b.ReportMetric(float64(byBare.Microseconds())/float64(b.N), "bare-µs/op")
	b.ReportMetric(float64(byClient)/float64(byBare), "x-bare")
}
