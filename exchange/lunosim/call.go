package lunosim

import (
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
)

const (
	// maxBody bounds a request.
	maxBody = 64 << 10
	// maxDigits bounds a number.
	maxDigits = 40
)

// call is one request on its way: who makes it and with what.
type call struct {
	*http.Request
	form url.Values
	// malformed is why there is no form; stranger is why there is no key.
	malformed, stranger error
	key                 *key
	// account is whose key it is; nil for a public call.
	account *account
	// now is when it came, in epoch milliseconds.
	now int64
}

// text returns a parameter; "" if it is not given.
func (c *call) text(name string) string { return c.form.Get(name) }

// integer returns a whole number; given is false for none and for 0, which
// clients send for what they leave out.
func (c *call) integer(name string) (n int64, given bool, err error) {
	text := c.text(name)
	if text == "" {
		return 0, false, nil
	}
	if n, err = strconv.ParseInt(text, 10, 64); err != nil {
		return 0, false, refuse("ErrInvalidParameters", "%s must be a whole number", name)
	}
	return n, n != 0, nil
}

// flag returns a yes or no; what is not given is no. Luno's Python client sends True
// and False.
func (c *call) flag(name string) (bool, error) {
	text := c.text(name)
	if text == "" {
		return false, nil
	}
	yes, err := strconv.ParseBool(text)
	if err != nil {
		return false, refuse("ErrInvalidParameters", "%s must be true or false", name)
	}
	return yes, nil
}

// number returns a decimal that is above 0; given is false for none and for 0. A
// text that is none is refused with the code.
func (c *call) number(name, code string) (d decimal.Decimal, given bool, err error) {
	text := c.text(name)
	if text == "" {
		return decimal.Zero, false, nil
	}
	if len(text) > maxDigits || strings.Trim(text, "0123456789.") != "" {
		return decimal.Zero, false, refuse(code, "%s must be a number", name)
	}
	if d, err = decimal.NewFromString(text); err != nil {
		return decimal.Zero, false, refuse(code, "%s must be a number", name)
	}
	return d, !d.IsZero(), nil
}

// repeated returns the values of a parameter that may be given several times; nil
// if it is not given. Values that are joined by commas are refused, as Luno does.
func (c *call) repeated(name string) ([]string, error) {
	values := c.form[name]
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return nil, nil
	}
	for _, v := range values {
		if strings.Contains(v, ",") {
			return nil, refuse("ErrInvalidParameters", "%s must be repeated, not joined by commas", name)
		}
	}
	return values, nil
}

// limit returns how many of a list are wanted.
func (c *call) limit() (int, error) {
	n, given, err := c.integer("limit")
	switch {
	case err != nil:
		return 0, err
	case !given:
		return 100, nil
	case n < 1 || n > 1000:
		return 0, refuse("ErrLimitOutOfRange", "limit must be between 1 and 1000")
	}
	return int(n), nil
}

// market returns the market that the call names.
func (s *Sim) market(c *call) (*market, error) {
	m := s.markets[c.text("pair")]
	if m == nil {
		return nil, refuse("ErrMarketUnavailable", "Market not available")
	}
	return m, nil
}

// handler answers a call with what becomes JSON.
type handler func(c *call) (any, error)

// serve returns the HTTP form of a handler. A call that needs a permission needs a
// key; other calls may have one.
func (s *Sim) serve(r route) http.HandlerFunc {
	return func(w http.ResponseWriter, request *http.Request) {
		s.tick()
		request.Body = http.MaxBytesReader(w, request.Body, maxBody)
		c := &call{Request: request, now: s.now()}
		if c.malformed = c.ParseForm(); c.malformed == nil {
			c.form = c.Form
		}
		c.key, c.stranger = s.identify(request)
		if fault, struck := s.faults.strike(callFault, c.subject()); struck {
			s.strike(fault, w, r, c)
			return
		}
		answer, err := s.run(r, c)
		s.write(w, r, answer, err)
	}
}

// subject is what faults look at.
func (c *call) subject() subject { return subject{path: c.URL.Path, pair: c.text("pair"), key: c.key} }

// run lets a call through to its handler if it may be made.
func (s *Sim) run(r route, c *call) (any, error) {
	if r.access != public && c.stranger != nil {
		return nil, c.stranger
	}
	who := ""
	if c.key != nil {
		c.account, who = c.key.account, c.key.account.name
	} else if host, _, err := net.SplitHostPort(c.RemoteAddr); err == nil {
		who = "address " + host
	}
	switch {
	case !s.callers.allow(who, c.now):
		return nil, refuse("ErrTooManyRequests", "Too many requests")
	case r.access > 0 && Permission(r.access)&^c.key.Permissions != 0:
		return nil, refuse("ErrInsufficientPerms", "The key does not have permission to do this")
	case c.malformed != nil:
		return nil, refuse("ErrInvalidParameters", "The parameters cannot be read")
	}
	return r.handle(c)
}

// identify finds the key of a call; the error is that there is none that is valid.
func (s *Sim) identify(r *http.Request) (*key, error) {
	id, secret, ok := r.BasicAuth()
	if !ok {
		return nil, refuse("ErrUnauthorised", "A key is needed")
	}
	return s.authorise(id, secret)
}

// authorise finds the key of an id and a secret.
func (s *Sim) authorise(id, secret string) (*key, error) {
	k := s.keys[id]
	switch {
	case k == nil || k.Secret != secret:
		return nil, refuse("ErrUnauthorised", "The key or its secret is not valid")
	case k.revoked.Load():
		return nil, refuse("ErrApiKeyRevoked", "The key was revoked")
	}
	return k, nil
}

// write sends an answer.
func (s *Sim) write(w http.ResponseWriter, r route, answer any, err error) {
	status := http.StatusOK
	if r.access == public && err == nil {
		w.Header().Set("Cache-Control", "public, max-age=1")
	}
	if err != nil {
		told := refusalOf(err)
		status, answer = told.status(), told
		if status == http.StatusInternalServerError {
			s.cfg.Log.Error("lunosim: a call failed", "error", err)
		}
	}
	body, err := json.Marshal(answer)
	if err != nil {
		s.cfg.Log.Error("lunosim: an answer cannot be written", "error", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Date", s.told().UTC().Format(http.TimeFormat))
	s.calls.add(r.pattern, status)
	w.WriteHeader(status)
	_, _ = w.Write(body) // whoever left does not hear it
}
