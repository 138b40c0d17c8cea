package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/lunobot/lunobot/saas/errs"
)

// errorPage is what the error page shows.
type errorPage struct {
	Status  int
	Heading string
	Text    string
	// Code finds the request in the log; "" where there is nothing to find.
	Code string
	// Upgrade is the plan that would allow it, or "".
	Upgrade string
	// Limit says that a plan's limit is the reason; Back and BackText lead to
	// where somebody came from, the bots if they are empty.
	Limit          bool
	Back, BackText string
}

func errNoPage() error { return errs.New(errs.NotFound, "page_not_found", "There is no such page.") }

// fail answers with the page of an error. Internal errors are logged with the
// code that the page shows.
func (w *Web) fail(rq *request, err error) {
	if errors.Is(err, context.Canceled) && rq.Context().Err() != nil {
		return // the browser has gone
	}
	kind := errs.KindOf(err)
	if kind == errs.Unauthenticated {
		w.toSignIn(rq)
		return
	}
	p := describe(err)
	if bot, ok := botOf(rq.URL.Path); ok && (kind == errs.Conflict || kind == errs.Stale) {
		p.Back, p.BackText = bot, "Back to the bot"
	}
	if strings.HasPrefix(rq.URL.Path, "/backtests/") {
		p.Back, p.BackText = "/backtests", "Back to the backtests"
	}
	if kind == errs.Internal || kind == errs.Unavailable {
		p.Code = rq.code
		w.cfg.Logger.ErrorContext(rq.Context(), "page failed", "support_code", rq.code, "method", rq.Method, "path", rq.URL.Path,
			"tenant_id", rq.who.TenantID, "error", err)
	}
	rq.sayWhen(kind, err)
	name := "errors/error"
	if p.Limit {
		name = "errors/limit"
	}
	if err := w.page(rq, p.Status, name, view{Title: p.Heading, D: p}); err != nil {
		w.cfg.Logger.ErrorContext(rq.Context(), "error page failed", "support_code", rq.code, "error", err)
		http.Error(rq.w, "Something went wrong here. Support code: "+rq.code, http.StatusInternalServerError)
	}
}

// botOf is the page of the bot that an address is about.
func botOf(path string) (page string, ok bool) {
	id, _, below := strings.Cut(strings.TrimPrefix(path, "/bots/"), "/")
	return "/bots/" + id, below && strings.HasPrefix(path, "/bots/") && id != "new"
}

// sayWhen tells programs when to try again what is refused for now.
func (rq *request) sayWhen(kind errs.Kind, err error) {
	if kind == errs.RateLimited || kind == errs.Unavailable {
		rq.w.Header().Set("Retry-After", fmt.Sprint(retryAfter(err)))
	}
}

// toSignIn leads to the sign-in page and, after it, back to the page that was
// wanted.
func (w *Web) toSignIn(rq *request) {
	to := "/signin"
	if rq.Method == http.MethodGet && rq.URL.Path != "/" && !rq.isFragment() {
		to += "?next=" + url.QueryEscape(localPath(rq.URL.RequestURI()))
	}
	if rq.Header.Get("Accept") == "text/event-stream" || strings.HasPrefix(rq.Header.Get("Accept"), "application/json") {
		http.Error(rq.w, "Please sign in.", http.StatusUnauthorized)
		return
	}
	_ = rq.redirect(to) // never fails
}

// describe says what happened and what to do.
func describe(err error) errorPage {
	text := messageOf(err)
	switch errs.KindOf(err) {
	case errs.NotFound:
		return errorPage{Status: http.StatusNotFound, Heading: "Not found", Text: "This page does not exist, or it is not yours to see. The address may be mistyped, or the thing has been deleted."}
	case errs.Forbidden:
		return errorPage{Status: http.StatusForbidden, Heading: "Not allowed", Text: text + " The owner of this account can give you another role."}
	case errs.LimitExceeded:
		return errorPage{Status: http.StatusForbidden, Heading: "Your plan's limit is reached", Text: text, Upgrade: upgradeOf(err), Limit: true}
	case errs.Invalid:
		return errorPage{Status: http.StatusUnprocessableEntity, Heading: "Some fields are not valid", Text: text}
	case errs.Malformed:
		if errs.CodeOf(err) == codeTooLarge {
			return errorPage{Status: http.StatusRequestEntityTooLarge, Heading: "That is too large", Text: text}
		}
		return errorPage{Status: http.StatusBadRequest, Heading: "That could not be read", Text: text}
	case errs.Conflict, errs.Stale:
		status := http.StatusConflict
		if errs.KindOf(err) == errs.Stale {
			status = http.StatusPreconditionFailed
		}
		return errorPage{Status: status, Heading: "That does not fit the present state", Text: text}
	case errs.RateLimited:
		return errorPage{Status: http.StatusTooManyRequests, Heading: "Too many attempts", Text: text}
	case errs.Unavailable:
		return errorPage{Status: http.StatusServiceUnavailable, Heading: "Not available at present", Text: text}
	case errs.Unauthenticated:
		return errorPage{Status: http.StatusUnauthorized, Heading: "Please sign in", Text: text}
	case errs.Internal:
	}
	return errorPage{
		Status: http.StatusInternalServerError, Heading: "Something went wrong here",
		Text: "This is our fault, not yours. Nothing that you entered was half done. Try again in a moment; if it happens again, tell support the code below.",
	}
}

// messageOf returns an error's sentence for people, and none of its internals.
func messageOf(err error) string {
	var e *errs.Error
	if !errors.As(err, &e) || e.Kind == errs.Internal {
		return ""
	}
	return sentence(e.Message)
}

// upgradeOf is the plan that would lift the limit that an error tells of.
func upgradeOf(err error) string {
	var e *errs.Error
	if !errors.As(err, &e) {
		return ""
	}
	text, _ := e.Meta["upgrade"].(string)
	return text
}

// retryAfter is how many seconds to wait before the next attempt.
func retryAfter(err error) int {
	var e *errs.Error
	if errors.As(err, &e) {
		if n, ok := e.Meta["retry_after"].(int); ok && n > 0 {
			return n
		}
	}
	return 1
}

// faults are the faulty fields of a form, by their JSON pointer without its
// first slash.
type faults map[string]string

// faultsOf returns the faulty fields of an Invalid error; ok is false for any
// other.
func faultsOf(err error) (faults, bool) {
	var e *errs.Error
	if !errors.As(err, &e) || e.Kind != errs.Invalid {
		return nil, false
	}
	f := faults{}
	for _, field := range e.Fields {
		name := strings.TrimPrefix(field.Path, "/")
		if _, known := f[name]; !known {
			f[name] = sentence(field.Reason)
		}
	}
	return f, true
}
