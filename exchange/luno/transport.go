package luno

import (
	"fmt"
	"net/http"
	"net/url"
)

// The paths of the calls that are made.
const (
	pathMarkets = "/api/exchange/1/markets"
	pathCandles = "/api/exchange/1/candles"
)

// ForbiddenError is a request that the allow-list holds back: nothing was sent.
type ForbiddenError struct {
	Method, Path string
	// Reason says why.
	Reason string
}

// Error implements error.
func (e *ForbiddenError) Error() string {
	return fmt.Sprintf("luno: %s %s is not sent: %s", e.Method, e.Path, e.Reason)
}

// allowed reports whether a call may be made at all. No call that moves money
// off the exchange is on this list, nor may one ever be.
func allowed(method, path string) bool {
	switch method + " " + path {
	case "GET " + pathMarkets, "GET " + pathCandles:
		return true
	}
	return false
}

// guard lets requests pass that are on the allow-list.
type guard struct {
	base *url.URL
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	forbid := func(reason string) (*http.Response, error) {
		return nil, &ForbiddenError{Method: r.Method, Path: r.URL.Path, Reason: reason}
	}
	path := r.URL.Path
	if p := g.base.Path; p != "" && len(path) > len(p) && path[:len(p)] == p {
		path = path[len(p):]
	}
	switch {
	case r.URL.Scheme != g.base.Scheme || r.URL.Host != g.base.Host || r.Host != "" && r.Host != g.base.Host:
		return forbid("it goes to another address")
	case r.URL.RawPath != "" || !allowed(r.Method, path):
		return forbid("it is not on the list of calls that this program makes")
	}
	return g.next.RoundTrip(r)
}
