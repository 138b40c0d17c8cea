package web

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lunobot/lunobot/saas/errs"
)

// policy is the content security policy: nothing but what is embedded here,
// and nothing inline.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// maxForm is the largest form, in bytes.
const maxForm = 1 << 20

// codeTooLarge is the code of a form that is larger.
const codeTooLarge = "form_too_large"

// formTime is how long a form may take to arrive.
const formTime = 30 * time.Second

// harden sets the security headers and refuses unsafe requests that another
// site's page has sent (rule C2).
func (w *Web) harden(next http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	if w.cfg.BaseURL != "" {
		// The error is that of a malformed address, which New has refused.
		_ = guard.AddTrustedOrigin(strings.TrimSuffix(w.cfg.BaseURL, "/"))
	}
	guard.SetDenyHandler(w.serve(func(*request) error {
		return errs.New(errs.Forbidden, "cross_origin", "This request came from another site and was not carried out.")
	}, false))
	guarded := guard.Handler(next)
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		h := rw.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
		if w.cfg.Secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		guarded.ServeHTTP(rw, r)
	})
}

// serve turns a handler into an http.Handler: it finds who asks, and turns
// errors and panics into pages. Without a session, members' pages lead to the
// sign-in page.
func (w *Web) serve(h handler, member bool) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rq := &request{Request: r, w: rw, look: readLook(r), code: w.supportCode()}
		defer func() {
			switch fault := recover(); fault {
			case nil:
			case http.ErrAbortHandler:
				panic(fault)
			default:
				w.fail(rq, fmt.Errorf("panic: %v\n%s", fault, debug.Stack()))
			}
		}()
		if err := w.identify(rq); err != nil && (member || errs.KindOf(err) != errs.Unauthenticated) {
			w.fail(rq, err)
			return
		}
		if err := rq.read(); err != nil {
			w.fail(rq, err)
			return
		}
		if err := h(rq); err != nil {
			w.fail(rq, err)
		}
	})
}

// read reads the form and refuses what nobody types and no database takes:
// text that is not UTF-8 or holds NUL, in the address or in a field.
func (rq *request) read() error {
	if !isText(rq.URL.Path) {
		return errNoPage()
	}
	rq.Body = http.MaxBytesReader(rq.w, rq.Body, maxForm)
	err := rq.parseForm()
	if errors.As(err, new(*http.MaxBytesError)) {
		return errs.New(errs.Malformed, codeTooLarge, "a form may have %d MiB", maxForm>>20)
	}
	if err != nil {
		return errs.New(errs.Malformed, "form_malformed", "the form could not be read").Wrap(err)
	}
	for name, values := range rq.Form {
		for _, text := range append(values, name) {
			if !isText(text) {
				return errs.New(errs.Malformed, "form_malformed", "the form holds characters that are not text")
			}
		}
	}
	return nil
}

// parseForm reads the body within formTime; a sender that is slower would keep
// the connection for as long as it likes.
func (rq *request) parseForm() error {
	if rq.Method == http.MethodGet || rq.Method == http.MethodHead {
		return rq.ParseForm() // of the address alone
	}
	conn := http.NewResponseController(rq.w)
	if err := conn.SetReadDeadline(time.Now().Add(formTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if err := rq.ParseForm(); err != nil {
		return err // the server gives the connection up with the rest of the body
	}
	if err := conn.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// supportCode returns a short code that people can read out.
func (w *Web) supportCode() string {
	var b [5]byte
	if _, err := io.ReadFull(w.cfg.Rand, b[:]); err != nil {
		return rand.Text()[:8]
	}
	const letters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
	var code strings.Builder
	for i := range 8 {
		bit := i * 5
		pair := uint16(b[bit/8]) << 8
		if bit/8+1 < len(b) {
			pair |= uint16(b[bit/8+1])
		}
		code.WriteByte(letters[pair>>(11-bit%8)&31])
	}
	return code.String()
}
