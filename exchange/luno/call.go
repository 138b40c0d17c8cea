package luno

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

const (
	// maxAnswer bounds an answer: a thousand candles take 150 kB, a whole order
	// book 1 MB.
	maxAnswer = 8 << 20
	// maxDigits bounds the numbers in an answer: reading one of millions of digits
	// would take minutes.
	maxDigits = 100
	// maxText bounds what is kept of a text of the server's.
	maxText = 300
	// firstPause is the pause after the first try that failed; it doubles up to
	// longestPause, which is also the pause after too many calls, where Luno
	// names no other.
	firstPause   = time.Second
	longestPause = time.Minute
	// longestWait is how long a call waits for its turn: longer than any pause.
	longestWait = 10 * time.Minute
)

// answer is a successful answer.
type answer struct {
	// at is what the server's clock said; zero if it did not.
	at time.Time
}

// get asks a question, again where that may help, and decodes the answer's JSON.
// An answer that is no success is an *exchange.Error: rejected, or unknown where
// it may pass.
func (c *Client) get(ctx context.Context, path string, query url.Values, into any) (answer, error) {
	return c.ask(ctx, c.http, exchange.Turn{Bot: c.bot, Spare: c.spare}, path, query, into)
}

func (c *Client) ask(ctx context.Context, via *http.Client, turn exchange.Turn, path string, query url.Values, into any) (answer, error) {
	pause, params := firstPause, query.Encode()
	for try := 1; ; try++ {
		if err := c.queue.wait(ctx, turn, longestWait); err != nil {
			return answer{}, err
		}
		a, err := c.once(ctx, via, readTimeout, http.MethodGet, path, params, into)
		var failed *exchange.Error
		switch {
		case err == nil:
			return a, nil
		case ctx.Err() != nil:
			return answer{}, ctx.Err()
		case errors.As(err, &failed) && failed.Outcome == exchange.OutcomeRejected && failed.HTTPStatus != http.StatusTooManyRequests && !failed.Unsent,
			errors.As(err, new(*ForbiddenError)):
			return answer{}, err
		case try == c.cfg.Tries:
			return answer{}, fmt.Errorf("after %d tries: %w", try, err)
		}
		c.cfg.Log.WarnContext(ctx, "a call of Luno failed and is made again", "path", path, "try", try, "error", err)
		if failed != nil && failed.HTTPStatus == http.StatusTooManyRequests {
			continue // the budget pauses
		}
		if err := c.cfg.Sleep(ctx, pause); err != nil {
			return answer{}, err
		}
		pause = min(2*pause, longestPause)
	}
}

// once makes a call once, and decodes the answer's JSON unless into is nil.
func (c *Client) once(ctx context.Context, via *http.Client, timeout time.Duration, method, path, params string, into any) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := c.request(ctx, method, path, params)
	if err != nil {
		return answer{}, err
	}
	sent := c.cfg.Now()
	response, err := via.Do(r)
	if err != nil {
		return answer{}, unreached(err)
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	body = c.hide(body)
	at := c.clock.observe(response.Header, sent, c.cfg.Now())
	status := response.StatusCode
	if status == http.StatusTooManyRequests {
		// The call has failed already; where the budget is out of reach, so will
		// be the next one.
		if err := c.queue.shared().Pause(ctx, pauseOf(response)); err != nil {
			c.cfg.Log.WarnContext(ctx, "the account's budget of calls could not be paused", "error", err)
		}
	}
	switch {
	case err != nil:
		return answer{}, &exchange.Error{HTTPStatus: status, Message: "the answer was cut off", Err: err}
	case len(body) > maxAnswer && method == http.MethodGet:
		return answer{}, &exchange.Error{Outcome: exchange.OutcomeRejected, HTTPStatus: status, Message: "the answer of " + path + " is too large"}
	case status != http.StatusOK:
		return answer{}, refusal(method, response, body)
	}
	if into != nil {
		err := decode(body, into)
		if told, ok := into.(checked); ok && err == nil {
			err = told.check()
		}
		if err != nil {
			return answer{}, &exchange.Error{HTTPStatus: status, Message: "the answer cannot be read: " + text(err.Error())}
		}
	}
	return answer{at: at}, nil
}

// checked is an answer that tells by itself whether it is one to what was asked.
type checked interface{ check() error }

// decode reads JSON without endless numbers.
func decode(body []byte, into any) error {
	digits := 0
	for _, b := range body {
		if b < '0' || b > '9' {
			digits = 0
			continue
		}
		if digits++; digits > maxDigits {
			return fmt.Errorf("a number has more than %d digits", maxDigits)
		}
	}
	return json.Unmarshal(body, into)
}

// request makes a request of encoded parameters: a question with a query, or a
// form.
func (c *Client) request(ctx context.Context, method, path, params string) (*http.Request, error) {
	target := *c.base
	target.Path += path
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(params)
	} else {
		target.RawQuery = params
	}
	r, err := http.NewRequestWithContext(ctx, method, "/", body)
	if err != nil {
		return nil, err
	}
	r.URL, r.Host = &target, target.Host
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("User-Agent", "lunobot")
	c.sign(r)
	return r, nil
}

// unreached makes an error of a request that had no answer. Where there was not
// even a connection nothing was sent.
func unreached(err error) error {
	var forbidden *ForbiddenError
	if errors.As(err, &forbidden) {
		return &exchange.Error{Outcome: exchange.OutcomeRejected, Unsent: true, Message: "the call is not allowed", Err: forbidden}
	}
	e := &exchange.Error{Message: "Luno was not reached", Err: err}
	if dial := (*net.OpError)(nil); errors.As(err, &dial) && dial.Op == "dial" {
		e.Outcome, e.Unsent = exchange.OutcomeRejected, true
	}
	return e
}

// refusal makes an error of an answer that is no success. A question that is
// refused is refused; a request that changes something is so only by a code that
// settles it, or because the key is not taken (rule T2).
func refusal(method string, r *http.Response, body []byte) error {
	var told struct {
		Error     string `json:"error"`
		ErrorCode string `json:"error_code"`
		Message   string `json:"message"`
		Code      any    `json:"code"`
	}
	e := &exchange.Error{HTTPStatus: r.StatusCode}
	if json.Unmarshal(body, &told) == nil {
		e.Code, e.Message = told.ErrorCode, told.Error
		if code, ok := told.Code.(string); ok && e.Code == "" {
			e.Code = code
		}
		if e.Message == "" {
			e.Message = told.Message
		}
	}
	e.Code, e.Message = text(e.Code), text(e.Message)
	if e.Message == "" {
		e.Message = "Luno answered " + strconv.Itoa(r.StatusCode) + " " + http.StatusText(r.StatusCode)
	}
	refused := r.StatusCode >= 300 && r.StatusCode < 500
	if r.StatusCode < 400 {
		e.Message = "Luno sends elsewhere, and redirects are not followed"
	}
	if method != http.MethodGet {
		refused = r.StatusCode >= 400 && r.StatusCode < 500 && r.StatusCode != http.StatusTooManyRequests && exchange.KindOf(e).Definitive()
	}
	if refused {
		e.Outcome = exchange.OutcomeRejected
	}
	return e
}

// text makes a text of the server's fit for an error: short and in valid letters.
func text(s string) string {
	s = strings.ToValidUTF8(s, "�")
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	return s
}

// pauseOf reads how long the server wants to be left alone.
func pauseOf(r *http.Response) time.Duration {
	if n, err := strconv.Atoi(r.Header.Get("Retry-After")); err == nil && n > 0 {
		return time.Duration(min(n, 300)) * time.Second
	}
	return longestPause
}
