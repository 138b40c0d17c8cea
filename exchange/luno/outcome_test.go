package luno_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
)

// Every answer has one outcome, and an order is sent once whatever the answer is.
// // proves T2
func TestPlaceOutcomes(t *testing.T) {
	t.Parallel()
	status := func(code int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			fmt.Fprint(w, body)
		}
	}
	refused := func(code int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { refuse(w, code, text, "no") }
	}
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	reset := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.Close() // the client sees the connection go
		}
	}
	cutOff := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "500")
		fmt.Fprint(w, `{"order_id":"BX`)
	}
	for name, test := range map[string]struct {
		answer  http.HandlerFunc
		outcome exchange.Outcome
		kind    exchange.Kind
		status  int
	}{
		"too little money":                         {refused(400, "ErrInsufficientBalance"), exchange.OutcomeRejected, exchange.KindState, 400},
		"post-only would trade":                    {refused(400, "ErrOrderCanceled"), exchange.OutcomeRejected, exchange.KindState, 400},
		"too many decimals":                        {refused(400, "ErrPriceDenominationNotAllowed"), exchange.OutcomeRejected, exchange.KindInvalid, 400},
		"a revoked key":                            {refused(401, "ErrApiKeyRevoked"), exchange.OutcomeRejected, exchange.KindKey, 401},
		"a key that is not taken":                  {status(401, `{}`), exchange.OutcomeRejected, exchange.KindKey, 401},
		"not taken, by a new code":                 {refused(401, "ErrSomethingNew"), exchange.OutcomeRejected, exchange.KindKey, 401},
		"no right to trade":                        {refused(403, "ErrInsufficientPerms"), exchange.OutcomeRejected, exchange.KindKey, 403},
		"a refusal of another shape":               {status(400, `{"code":"ErrVolumeTooLow","message":"no"}`), exchange.OutcomeRejected, exchange.KindInvalid, 400},
		"a code that is new":                       {refused(400, "ErrSomethingNew"), exchange.OutcomeUnknown, exchange.KindOther, 400},
		"no code":                                  {status(400, `{}`), exchange.OutcomeUnknown, exchange.KindOther, 400},
		"an edge server's page":                    {status(403, `<html>blocked</html>`), exchange.OutcomeUnknown, exchange.KindOther, 403},
		"no such route":                            {status(404, ""), exchange.OutcomeUnknown, exchange.KindOther, 404},
		"too many calls":                           {refused(429, "ErrTooManyRequests"), exchange.OutcomeUnknown, exchange.KindBusy, 429},
		"too many calls, with a code that settles": {refused(429, "ErrInsufficientBalance"), exchange.OutcomeUnknown, exchange.KindState, 429},
		"the venue's deadline":                     {refused(400, "ErrDeadlineExceeded"), exchange.OutcomeUnknown, exchange.KindTransient, 400},
		"a trouble inside":                         {refused(500, "ErrInternal"), exchange.OutcomeUnknown, exchange.KindTransient, 500},
		"a trouble with a code that settles":       {refused(503, "ErrUnderMaintenance"), exchange.OutcomeUnknown, exchange.KindState, 503},
		"a bad gateway":                            {status(502, `<html>bad gateway</html>`), exchange.OutcomeUnknown, exchange.KindOther, 502},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/api/1/send", http.StatusTemporaryRedirect)
		}, exchange.OutcomeUnknown, exchange.KindOther, 307},
		"no order id":              {status(200, `{"order_id":""}`), exchange.OutcomeUnknown, exchange.KindOther, 200},
		"an error that says 200":   {status(200, `{"error_code":"ErrInsufficientBalance"}`), exchange.OutcomeUnknown, exchange.KindOther, 200},
		"another kind of order id": {status(200, `{"order_id":"../send"}`), exchange.OutcomeUnknown, exchange.KindOther, 200},
		"a page that says 200":     {status(200, `<html>hello</html>`), exchange.OutcomeUnknown, exchange.KindOther, 200},
		"nothing that says 200":    {status(200, ``), exchange.OutcomeUnknown, exchange.KindOther, 200},
		"created":                  {status(201, `{"order_id":"BX1"}`), exchange.OutcomeUnknown, exchange.KindOther, 201},
		"cut off":                  {cutOff, exchange.OutcomeUnknown, exchange.KindOther, 200},
		"reset":                    {reset, exchange.OutcomeUnknown, exchange.KindOther, 0},
		"silence":                  {hang, exchange.OutcomeUnknown, exchange.KindOther, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, p := newFake(t), &pauses{}
			d := openDesk(f)
			sent := false
			f.routes["/api/1/send"] = func(http.ResponseWriter, *http.Request) { sent = true }
			c := client(t, f, p)
			if _, err := c.Markets(t.Context()); err != nil {
				t.Fatal(err)
			}
			d.answer = test.answer
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if name == "silence" {
				ctx, cancel = context.WithTimeout(t.Context(), 200*time.Millisecond)
				defer cancel()
			}
			now := int64(first + 10*count*60_000)
			_, err := c.Place(ctx, bid())
			var told *exchange.Error
			if !errors.As(err, &told) || told.Outcome != test.outcome || exchange.KindOf(err) != test.kind || told.HTTPStatus != test.status || told.Unsent {
				t.Fatalf("%#v, %v", told, err)
			}
			least, most := now+7000, now+11_000 // it is good for 5 s, and clocks differ
			switch {
			case test.outcome != exchange.OutcomeUnknown:
				least, most = 0, 0
			case name == "silence":
				least = now + 2000
			}
			if told.Expires < least || told.Expires > most {
				t.Errorf("it expires %d ms from now", told.Expires-now)
			}
			if len(d.sent()) != 1 || sent {
				t.Errorf("it was sent %d times, and elsewhere: %t", len(d.sent()), sent)
			}
			if want := map[bool]string{true: "[1m0s]", false: "[]"}[test.status == 429]; fmt.Sprint(p.list) != want {
				t.Errorf("pauses %v", p.list) // proves T10
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%v", err)
			}
		})
	}
}

// Where there is nobody to connect to, nothing was sent.
func TestPlaceNobodyThere(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	cfg := config(f, &pauses{})
	cfg.Transport = &http.Transport{DisableKeepAlives: true}
	c, err := luno.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Markets(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.Close()
	_, err = c.Place(t.Context(), bid())
	var told *exchange.Error
	if !errors.As(err, &told) || !told.Unsent || told.Outcome != exchange.OutcomeRejected {
		t.Errorf("%#v, %v", told, err)
	}
	if err := c.Cancel(t.Context(), "XBTMYR", "BX1"); !errors.As(err, &told) || !told.Unsent {
		t.Errorf("%#v, %v", told, err)
	}
}

// A client id that is taken is looked up: the same order is ours from an earlier
// try, another one means that this was never placed, and anything else leaves it
// open. // proves T2
func TestPlaceTaken(t *testing.T) {
	t.Parallel()
	order := func(change string) string {
		text := `{"order_id":"BX7","client_order_id":"i1-b2-e3-c4","pair":"XBTMYR","side":"BUY","type":"LIMIT","status":"PENDING","limit_price":"250000.00",
			"limit_volume":"0.00100","base":"0.0004","counter":"100.00","fee_base":"0","fee_counter":"0.10","creation_timestamp":1700000000123,"completed_timestamp":0}`
		from, to, _ := strings.Cut(change, "=")
		return strings.Replace(text, from, to, 1)
	}
	for name, test := range map[string]struct {
		found   string
		status  int
		outcome exchange.Outcome
	}{
		"ours":             {order(""), 200, exchange.OutcomeAccepted},
		"ours, and filled": {order("PENDING=COMPLETE"), 200, exchange.OutcomeAccepted},
		"another price":    {order("250000.00=250000.01"), 200, exchange.OutcomeRejected},
		"another volume":   {order("0.00100=0.0011"), 200, exchange.OutcomeRejected},
		"another side":     {order("BUY=SELL"), 200, exchange.OutcomeRejected},
		"another type":     {order("LIMIT=MARKET"), 200, exchange.OutcomeRejected},
		"another pair":     {order("XBTMYR=XBTZAR"), 200, exchange.OutcomeUnknown},
		"another id":       {order("i1-b2-e3-c4=i1-b2-e3-c5"), 200, exchange.OutcomeUnknown},
		"none after all":   {`{"error":"no","error_code":"ErrOrderNotFound"}`, 404, exchange.OutcomeUnknown},
		"no answer":        {`<html>`, 502, exchange.OutcomeUnknown},
	} {
		for _, conflict := range []struct {
			status int
			code   string
		}{{409, "ErrDuplicateClientOrderID"}, {409, ""}, {400, "ErrDuplicateClientOrderID"}} {
			f := newFake(t)
			d := openDesk(f)
			d.answer = func(w http.ResponseWriter, _ *http.Request) { refuse(w, conflict.status, conflict.code, "taken") }
			f.routes["/api/exchange/3/order"] = func(w http.ResponseWriter, r *http.Request) {
				if r.URL.RawQuery != "client_order_id=i1-b2-e3-c4" {
					t.Errorf("looked up by %s", r.URL.RawQuery)
				}
				w.WriteHeader(test.status)
				fmt.Fprint(w, test.found)
			}
			o, err := client(t, f, &pauses{}).Place(t.Context(), bid())
			var told *exchange.Error
			if !errors.As(err, &told) || told.Outcome != test.outcome || exchange.KindOf(told) != exchange.KindDuplicate || told.HTTPStatus != conflict.status {
				t.Errorf("%s: %+v, %#v, %v", name, o, told, err)
				continue
			}
			if accepted := told.Outcome == exchange.OutcomeAccepted; accepted && (o.ID != "BX7" || o.Filled != 4) || !accepted && o.ID != "" {
				t.Errorf("%s: %+v", name, o)
			}
			if len(d.sent()) != 1 {
				t.Errorf("%s: it was sent %d times", name, len(d.sent()))
			}
		}
	}
}

// A cancel is a wish: no success is taken for one, and none is sent twice.
// // proves T2, T4
func TestCancel(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer  http.HandlerFunc
		ok      bool
		outcome exchange.Outcome
		kind    exchange.Kind
	}{
		"taken":     {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"success":true}`) }, true, 0, 0},
		"not taken": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"success":false}`) }, false, exchange.OutcomeUnknown, exchange.KindOther},
		"over": {func(w http.ResponseWriter, _ *http.Request) {
			refuse(w, 400, "ErrCannotStopUnknownOrNonPendingOrder", "no")
		}, false, exchange.OutcomeRejected, exchange.KindNotOpen},
		"a page":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) }, false, exchange.OutcomeUnknown, exchange.KindOther},
		"not a page": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `<html>`) }, false, exchange.OutcomeUnknown, exchange.KindOther},
		"too many":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) }, false, exchange.OutcomeUnknown, exchange.KindOther},
	} {
		f, p := newFake(t), &pauses{}
		d := openDesk(f)
		d.answer = test.answer
		c := client(t, f, p).For("bot-9")
		err := c.Cancel(t.Context(), "XBTMYR", "BX1")
		if (err == nil) != test.ok || err != nil && (exchange.OutcomeOf(err) != test.outcome || exchange.KindOf(err) != test.kind) {
			t.Errorf("%s: %v", name, err)
		}
		if len(d.sent()) != 1 || d.sent()[0].Encode() != "order_id=BX1" {
			t.Errorf("%s: sent %v", name, d.sent())
		}
		if len(p.turns) != 1 || p.turns[0] != (exchange.Turn{Bot: "bot-9", Urgent: true}) {
			t.Errorf("%s: turns %v", name, p.turns) // proves T10
		}
	}
	f := newFake(t)
	d := openDesk(f)
	c := client(t, f, &pauses{})
	for _, id := range []string{"", "../send", "BX 1", "BX1&x=y", "BX1\n", strings.Repeat("B", 65)} {
		var told *exchange.Error
		if err := c.Cancel(t.Context(), "XBTMYR", id); !errors.As(err, &told) || !told.Unsent || len(d.sent()) > 0 {
			t.Errorf("%q: %v", id, err)
		}
	}
}
