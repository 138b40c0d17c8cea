package api

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

// workTime is how long a request may be worked on; streams are not bound by it.
const workTime = 25 * time.Second

// request is what is known of a request while it is worked on.
type request struct {
	id     string
	ip     string
	device string
	token  string
	who    tenancy.Principal
}

// requestKey is the context key of the *request.
type requestKey struct{}

// requestOf returns the request of a context; it is empty outside of one.
func requestOf(ctx context.Context) *request {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		return r
	}
	return &request{id: uuid.Nil.String()}
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// observe gives a request its id and context, turns a panic into a problem, and
// writes a line to the log.
func (a *API) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := a.cfg.Now()
		of := &request{id: a.newRequestID(r.Context()), ip: a.cfg.ClientIP(r), device: r.UserAgent()}
		ctx := context.WithValue(r.Context(), requestKey{}, of)
		rec := &recorder{ResponseWriter: w}
		w.Header().Set("X-Request-ID", of.id)
		defer func() {
			if v := recover(); v != nil && v != http.ErrAbortHandler { //nolint:errorlint // the sentinel itself is thrown
				a.cfg.Logger.ErrorContext(ctx, "the request panicked", "request_id", of.id, "panic", v, "stack", string(debug.Stack()))
				if rec.status == 0 {
					a.newProblem(ctx, kinds[errs.Internal], "internal", "").write(rec)
				}
			} else if v != nil {
				panic(v)
			}
			a.cfg.Logger.LogAttrs(ctx, slog.LevelInfo, "request", slog.String("request_id", of.id), slog.String("method", r.Method),
				slog.String("route", chi.RouteContext(ctx).RoutePattern()), slog.Int("status", rec.status),
				slog.Duration("duration", a.cfg.Now().Sub(begun)), slog.String("tenant_id", of.who.TenantID))
		}()
		next.ServeHTTP(rec, r.WithContext(ctx))
	})
}

func (a *API) newRequestID(ctx context.Context) string {
	var b [16]byte
	if _, err := io.ReadFull(a.cfg.Rand, b[:]); err != nil {
		a.cfg.Logger.ErrorContext(ctx, "no randomness for a request id", "error", err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80 // a UUID of version 4
	return uuid.UUID(b).String()
}

// authenticate finds out who asks, by the bearer token alone (rule C3).
func (a *API) authenticate(ctx context.Context, header string) error {
	of := requestOf(ctx)
	scheme, token, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return errs.New(errs.Unauthenticated, "token_missing", "send the access token as Authorization: Bearer …")
	}
	who, err := a.cfg.Tenancy.Authenticate(ctx, token)
	if err != nil {
		return err
	}
	of.token, of.who = token, who
	return nil
}

// noRoute answers for a path that the API does not know.
func (a *API) noRoute(w http.ResponseWriter, r *http.Request) {
	a.newProblem(r.Context(), kinds[errs.NotFound], "route_not_found", "the API has no such path").write(w)
}

// wrongMethod answers for a path that the API knows with other methods.
func (a *API) wrongMethod(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if a.router.Match(chi.NewRouteContext(), method, r.URL.Path) {
			allowed = append(allowed, method)
		}
	}
	if slices.Contains(allowed, http.MethodGet) {
		allowed = append(allowed, http.MethodHead)
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	a.newProblem(r.Context(), methodNotAllowed, "method_not_allowed", "the path does not know the method "+printable(r.Method)).write(w)
}

// printable cuts what a stranger sent to what may be shown.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
	return s[:min(len(s), 40)]
}
