package api

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lunobot/lunobot/saas/errs"
)

// problemKind is a kind of problem: what its type ends with, its status and its
// title.
type problemKind struct {
	name, title, meaning string
	status               int
}

// kinds is the one table of what an error's kind is in HTTP.
//
//nolint:gochecknoglobals // immutable table
var kinds = map[errs.Kind]problemKind{
	errs.Internal: {errs.Internal.String(), "Something went wrong here", "A fault of ours. Quote the request id when you report it.",
		http.StatusInternalServerError},
	errs.Invalid: {errs.Invalid.String(), "Some fields are not valid", "The request could be read, and errors names every faulty field and what would be right.",
		http.StatusUnprocessableEntity},
	errs.Malformed: {errs.Malformed.String(), "The request could not be read", "The body is not JSON, or the request holds a field, a parameter or a cursor that the route does not know.",
		http.StatusBadRequest},
	errs.Unauthenticated: {errs.Unauthenticated.String(), "You are not logged in", "There is no access token, it has expired or its session has ended. Refresh it or log in.",
		http.StatusUnauthorized},
	errs.Forbidden: {errs.Forbidden.String(), "You may not do this", "Your role, or the state of the subscription, does not allow it.",
		http.StatusForbidden},
	errs.NotFound: {errs.NotFound.String(), "There is no such thing", "Nothing of yours has this address.",
		http.StatusNotFound},
	errs.Conflict: {errs.Conflict.String(), "The present state does not allow this", "Something else has to change first; detail says what.",
		http.StatusConflict},
	errs.Stale: {errs.Stale.String(), "It was changed meanwhile", "If-Match names a version that is no longer the newest. Read it again.",
		http.StatusPreconditionFailed},
	errs.LimitExceeded: {errs.LimitExceeded.String(), "Your plan does not allow this", "The plan's limit is reached. The members feature, limit, used, plan and upgrade say which, and which plan would allow it.",
		http.StatusForbidden},
	errs.RateLimited: {errs.RateLimited.String(), "Too many requests", "Try again after as many seconds as Retry-After says.",
		http.StatusTooManyRequests},
	errs.Unavailable: {errs.Unavailable.String(), "Not available at present", "Something that is needed does not answer. Nothing was changed; try again.",
		http.StatusServiceUnavailable},
}

// Problems of HTTP itself, which no service knows.
//
//nolint:gochecknoglobals // immutable tables
var (
	methodNotAllowed = problemKind{"method-not-allowed", "The method is not allowed here", "Allow lists the methods that the path knows.",
		http.StatusMethodNotAllowed}
	tooLarge = problemKind{"too-large", "The request is too large", "A body may have 1 MiB.",
		http.StatusRequestEntityTooLarge}
	wrongMedia = problemKind{"unsupported-media-type", "The body is not JSON", "Send it with Content-Type: application/json.",
		http.StatusUnsupportedMediaType}
	tooSlow = problemKind{"timeout", "The request took too long to arrive", "The body did not arrive in time.",
		http.StatusRequestTimeout}
)

// problemKinds lists all kinds by status and name.
func problemKinds() []problemKind {
	all := append(slices.Collect(maps.Values(kinds)), methodNotAllowed, tooLarge, wrongMedia, tooSlow)
	slices.SortFunc(all, func(a, b problemKind) int {
		if a.status != b.status {
			return a.status - b.status
		}
		return strings.Compare(a.name, b.name)
	})
	return all
}

// fault is one thing that is wrong with a request.
type fault struct {
	Pointer   string `json:"pointer,omitempty" doc:"JSON pointer of the faulty field of the body." example:"/parameters/fast"`
	Parameter string `json:"parameter,omitempty" doc:"Name of the faulty parameter of the query." example:"limit"`
	Detail    string `json:"detail" doc:"What is wrong, and what would be right." example:"must be below slow"`
}

// problem is an error as clients see it, after RFC 9457. It is also the error
// that handlers give to the router.
type problem struct {
	Type      string  `json:"type" doc:"Which kind of problem it is: a link to its explanation." example:"/docs#problem-invalid"`
	Title     string  `json:"title" doc:"The kind in words." example:"Some fields are not valid"`
	Status    int     `json:"status" doc:"The status of the answer." example:"422"`
	Detail    string  `json:"detail" doc:"What happened, for people." example:"some fields are not valid"`
	Code      string  `json:"code,omitempty" doc:"What happened, for programs." example:"invalid_input"`
	Instance  string  `json:"instance" doc:"This occurrence: the request's id as a URN." example:"urn:uuid:0197e1a2-6f00-7a00-8000-000000000000"`
	RequestID string  `json:"request_id" doc:"The request's id, under which the log knows more." example:"0197e1a2-6f00-7a00-8000-000000000000"`
	Errors    []fault `json:"errors,omitempty" doc:"Every faulty field or parameter."`

	// meta holds further members, which stand beside the ones above.
	meta    map[string]any
	headers http.Header
}

// Error implements error.
func (p *problem) Error() string { return p.Detail }

// GetStatus tells the router the status.
func (p *problem) GetStatus() int { return p.Status }

// GetHeaders tells the router the headers.
func (p *problem) GetHeaders() http.Header { return p.headers }

// ContentType tells the router the media type.
func (p *problem) ContentType(string) string { return "application/problem+json" }

// MarshalJSON writes the members and the further ones, which never replace one.
func (p *problem) MarshalJSON() ([]byte, error) {
	type plain problem
	raw, err := json.Marshal((*plain)(p))
	if err != nil || len(p.meta) == 0 {
		return raw, err
	}
	members := maps.Clone(p.meta)
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, err
	}
	return json.Marshal(members)
}

// newProblem returns a problem of this request.
func (a *API) newProblem(ctx context.Context, k problemKind, code, detail string) *problem {
	id := requestOf(ctx).id
	if detail == "" {
		detail = k.meaning
	}
	p := &problem{
		Type: a.cfg.ProblemBase + k.name, Title: k.title, Status: k.status, Detail: detail, Code: code,
		Instance: "urn:uuid:" + id, RequestID: id, headers: http.Header{},
	}
	if k.status == http.StatusUnauthorized {
		p.headers.Set("WWW-Authenticate", `Bearer realm="api"`)
	}
	return p
}

// problemOf returns what the client is told of an error. The cause of an
// internal one is logged and not told.
func (a *API) problemOf(ctx context.Context, err error) *problem {
	var ready *problem
	if errors.As(err, &ready) {
		return ready
	}
	var e *errs.Error
	known := errors.As(err, &e)
	log := a.cfg.Logger.With("request_id", requestOf(ctx).id, "error", err)
	switch {
	case !known && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)):
		log.WarnContext(ctx, "the request was given up")
		return a.newProblem(ctx, kinds[errs.Unavailable], "timeout", "")
	case !known || e.Kind == errs.Internal:
		log.ErrorContext(ctx, "the request failed")
		return a.newProblem(ctx, kinds[errs.Internal], "internal", "")
	case e.Kind == errs.Unavailable:
		log.WarnContext(ctx, "something that is needed does not answer")
	}
	p := a.newProblem(ctx, kinds[e.Kind], e.Code, e.Message)
	p.meta = e.Meta
	for _, f := range faultyFields(err) {
		p.Errors = append(p.Errors, fault{Pointer: f.Path, Detail: f.Reason})
	}
	if after, ok := seconds(e.Meta["retry_after"]); ok {
		p.headers.Set("Retry-After", strconv.FormatInt(after, 10))
	}
	return p
}

// faultyFields lists the fields that the error, and all errors that were joined
// to it, name.
func faultyFields(err error) []errs.Field {
	var list []errs.Field
	if e, ok := err.(*errs.Error); ok { //nolint:errorlint // walks the tree itself
		list = append(list, e.Fields...)
	}
	switch e := err.(type) { //nolint:errorlint // walks the tree itself
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			list = append(list, faultyFields(inner)...)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			list = append(list, faultyFields(inner)...)
		}
	}
	return list
}

// seconds reads a number of seconds, or a duration, rounded up.
func seconds(v any) (int64, bool) {
	switch n := v.(type) {
	case int:
		return int64(n), true
	case int64:
		return n, true
	case float64:
		return int64(math.Ceil(n)), true
	case time.Duration:
		return int64(math.Ceil(n.Seconds())), true
	}
	return 0, false
}

// write sends the problem where no router does.
func (p *problem) write(w http.ResponseWriter) {
	for name, values := range p.headers {
		w.Header()[name] = values
	}
	raw, err := json.Marshal(p)
	if err != nil { // a fact that JSON cannot hold: the problem without the facts
		p.meta = nil
		raw, _ = json.Marshal(p)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(raw, '\n')) // the client may be gone
}
