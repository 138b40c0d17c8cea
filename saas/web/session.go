package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

// sessionAge is how long a browser keeps the cookie; the tokens in it may end
// before.
const sessionAge = 90 * 24 * time.Hour

// cookieName binds the cookie to https and to this host where that is possible
// (rule C1).
func (w *Web) cookieName() string {
	if w.cfg.Secure {
		return "__Host-lunobot_session"
	}
	return "lunobot_session"
}

// remember hands the session's tokens to the browser, out of reach of scripts.
func (w *Web) remember(rq *request, t tenancy.Tokens) {
	w.setSession(rq, t.AccessToken+"~"+t.RefreshToken, int(sessionAge/time.Second))
}

// forget takes the tokens back.
func (w *Web) forget(rq *request) { w.setSession(rq, "", -1) }

func (w *Web) setSession(rq *request, value string, age int) {
	http.SetCookie(rq.w, &http.Cookie{ //nolint:gosec // Secure follows the address that people use
		Name: w.cookieName(), Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: w.cfg.Secure, SameSite: http.SameSiteLaxMode,
	})
}

// identify finds who asks. An access token that has expired is renewed with the
// refresh token beside it. The error is Unauthenticated if there is no session.
func (w *Web) identify(rq *request) error {
	cookie, err := rq.Cookie(w.cookieName())
	if err != nil {
		return errs.New(errs.Unauthenticated, "no_session", "Please sign in.")
	}
	access, refresh, _ := strings.Cut(cookie.Value, "~")
	p, err := w.cfg.Tenancy.Authenticate(rq.Context(), access)
	if err == nil {
		rq.who, rq.access = p, access
		return nil
	}
	if errs.CodeOf(err) != "token_expired" {
		return w.ended(rq, err)
	}
	l, err := w.cfg.Tenancy.Refresh(rq.Context(), tenancy.RefreshInput{RefreshToken: refresh, IP: w.cfg.ClientIP(rq.Request)})
	if err != nil {
		return w.ended(rq, err)
	}
	w.remember(rq, l.Tokens)
	rq.who, rq.access = l.Principal, l.Tokens.AccessToken
	return nil
}

// ended forgets a session that is over. One token is told apart: a superseded
// one means that this browser has been given a newer one already, which must
// not be overwritten.
func (w *Web) ended(rq *request, err error) error {
	if errs.KindOf(err) == errs.Unauthenticated && errs.CodeOf(err) != "token_superseded" {
		w.forget(rq)
	}
	return err
}

// signedIn reports whether somebody is known to ask.
func (rq *request) signedIn() bool { return rq.who.UserID != "" }

// isFragment reports whether htmx asks for a part of a page.
func (rq *request) isFragment() bool { return rq.Header.Get("HX-Request") == "true" }

// redirect leads to another page after a form, or lets htmx do so.
func (rq *request) redirect(to string) error {
	if rq.isFragment() {
		rq.w.Header().Set("HX-Redirect", to)
		rq.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	http.Redirect(rq.w, rq.Request, to, http.StatusSeeOther)
	return nil
}

// localPath returns a path of these pages as it is and "/" for anything that
// could lead elsewhere.
func localPath(to string) string {
	if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
		return "/"
	}
	return to
}
