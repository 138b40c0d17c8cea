package luno

import (
	"errors"
	"net/http"
	"net/url"
	"testing"
)

// nobody is where no request may arrive.
type nobody struct{ got []string }

func (n *nobody) RoundTrip(r *http.Request) (*http.Response, error) {
	n.got = append(n.got, r.Method+" "+r.URL.String())
	return nil, errors.New("nobody is there")
}

// Only calls of the list pass, only to the one address.
func TestGuard(t *testing.T) {
	t.Parallel()
	base, err := url.Parse(Address)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, url string
		passes      bool
	}{
		{"GET", Address + pathMarkets, true},
		{"GET", Address + pathCandles + "?pair=XBTMYR", true},
		{"POST", Address + pathCandles, false},
		{"HEAD", Address + pathMarkets, false},
		{"GET", Address + pathMarkets + "/", false},
		{"GET", Address + "/api/exchange/1/../1/markets", false},
		{"GET", Address + "/api/exchange/1/%6darkets", false},
		{"GET", Address + "/api/1/balance", false},
		{"POST", Address + "/api/1/send", false},
		{"POST", Address + "/api/1/withdrawals", false},
		{"POST", Address + "/api/exchange/1/move", false},
		{"GET", "http://api.luno.com" + pathMarkets, false},
		{"GET", "https://api.luno.com.example.com" + pathMarkets, false},
		{"GET", "https://api.luno.com:8443" + pathMarkets, false},
	} {
		n := &nobody{}
		r, err := http.NewRequestWithContext(t.Context(), c.method, c.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = (&guard{base: base, next: n}).RoundTrip(r) //nolint:bodyclose // there is never an answer
		var forbidden *ForbiddenError
		if passed := len(n.got) > 0; passed != c.passes || errors.As(err, &forbidden) == c.passes {
			t.Errorf("%s %s: passed %t, %v", c.method, c.url, passed, err)
		}
	}
}
