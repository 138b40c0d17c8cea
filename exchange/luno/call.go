package luno

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

const (
	// maxAnswer bounds an answer: a thousand candles take 150 kB.
	maxAnswer = 8 << 20
	// firstPause is the pause after the first try that failed; it doubles up to
	// longestPause, which is also the pause after too many calls, where Luno
	// names no other.
	firstPause   = time.Second
	longestPause = time.Minute
)

// answer is a successful answer.
type answer struct {
	// at is what the server's clock said; zero if it did not.
	at time.Time
}

// get makes a call that may be repeated and decodes its JSON. An answer that is
// no success is an *exchange.Error: rejected, or unknown where it may pass.
func (c *Client) get(ctx context.Context, path string, query url.Values, into any) (answer, error) {
	pause := firstPause
	for try := 1; ; try++ {
		if err := c.limit.Wait(ctx); err != nil {
			return answer{}, err
		}
		a, err := c.once(ctx, path, query, into)
		var failed *exchange.Error
		var forbidden *ForbiddenError
		switch {
		case err == nil:
			return a, nil
		case ctx.Err() != nil:
			return answer{}, ctx.Err()
		case errors.As(err, &forbidden):
			return answer{}, forbidden
		case errors.As(err, &failed) && failed.Outcome == exchange.OutcomeRejected && failed.HTTPStatus != http.StatusTooManyRequests:
			return answer{}, failed
		case try == c.cfg.Tries:
			return answer{}, fmt.Errorf("after %d tries: %w", try, err)
		}
		wait := pause
		var busy *busyError
		if errors.As(err, &busy) {
			wait = busy.pause
		}
		c.cfg.Log.WarnContext(ctx, "a call of Luno failed and is made again", "path", path, "try", try, "pause", wait, "error", err)
		if err := c.cfg.Sleep(ctx, wait); err != nil {
			return answer{}, err
		}
		pause = min(2*pause, longestPause)
	}
}

// busyError says how long Luno wants to be left alone.
type busyError struct{ pause time.Duration }

func (e *busyError) Error() string { return fmt.Sprintf("too many calls, %s of pause", e.pause) }

// once makes a call once.
func (c *Client) once(ctx context.Context, path string, query url.Values, into any) (answer, error) {
	target := *c.base
	target.Path += path
	target.RawQuery = query.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "lunobot")
	if c.cfg.KeyID != "" {
		r.SetBasicAuth(c.cfg.KeyID, string(c.cfg.Secret))
	}
	response, err := c.http.Do(r)
	if err != nil {
		return answer{}, &exchange.Error{Message: "Luno was not reached", Err: err}
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	status := response.StatusCode
	switch {
	case err != nil:
		return answer{}, &exchange.Error{HTTPStatus: status, Message: "the answer was cut off", Err: err}
	case len(body) > maxAnswer:
		return answer{}, exchange.Rejected("", "the answer of %s is too large", path)
	case status != http.StatusOK:
		return answer{}, refusal(response, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return answer{}, &exchange.Error{HTTPStatus: status, Message: "the answer cannot be read", Err: err}
	}
	at, _ := http.ParseTime(response.Header.Get("Date")) // zero if it is none
	return answer{at: at}, nil
}

// refusal makes an error of an answer that is no success.
func refusal(r *http.Response, body []byte) error {
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
	if e.Message == "" {
		e.Message = "Luno answered " + strings.TrimSpace(r.Status)
	}
	switch {
	case r.StatusCode == http.StatusTooManyRequests:
		e.Outcome, e.Err = exchange.OutcomeRejected, &busyError{pause: pauseOf(r)}
	case r.StatusCode >= 300 && r.StatusCode < 400:
		e.Outcome, e.Message = exchange.OutcomeRejected, "Luno sends elsewhere, and redirects are not followed"
	case r.StatusCode >= 400 && r.StatusCode < 500:
		e.Outcome = exchange.OutcomeRejected
	}
	return e
}

// pauseOf reads how long the server wants to be left alone.
func pauseOf(r *http.Response) time.Duration {
	if n, err := strconv.Atoi(r.Header.Get("Retry-After")); err == nil && n > 0 {
		return min(time.Duration(n)*time.Second, 5*longestPause)
	}
	return longestPause
}
