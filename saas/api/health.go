package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

// health is the answer of the two routes for load balancers.
type health struct {
	Status string `json:"status" doc:"ok." example:"ok"`
}

func (a *API) healthRoutes() {
	handle(a, operation{
		method: http.MethodGet, path: "/health", id: "health", tag: tagServer, public: true,
		summary: "Is the server up", description: "Answers as long as the process lives. It looks at nothing else.",
	}, a.health)
	handle(a, operation{
		method: http.MethodGet, path: "/ready", id: "ready", tag: tagServer, public: true,
		summary: "Can the server work", description: "Answers 200 if what the server needs answers and its workers have not been replaced by another process; else 503, and why.",
	}, a.ready)
}

func (a *API) health(context.Context, tenancy.Principal, *nothing) (*answer[health], error) {
	return &answer[health]{Body: health{Status: "ok"}}, nil
}

func (a *API) ready(ctx context.Context, _ tenancy.Principal, _ *nothing) (*answer[health], error) {
	if err := a.cfg.Ready(ctx); err != nil {
		return nil, errs.New(errs.Unavailable, "not_ready", "the server is not ready to work%s", because(err)).Wrap(err)
	}
	return &answer[health]{Body: health{Status: "ready"}}, nil
}

// because returns the reason for people, and nothing of an error that is internal.
func because(err error) string {
	var known *errs.Error
	if !errors.As(err, &known) || known.Kind == errs.Internal {
		return ""
	}
	return ": " + known.Message
}
