package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
)

// Probes answers load balancers for a process without pages and API: 200 at /health as
// long as it lives, and at /ready 200 if it can work, else 503 and why. The log hears of
// what it is not told because it is internal.
func Probes(log *slog.Logger, ready func(ctx context.Context) error) http.Handler {
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, status int, told any) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(told) // whoever left does not hear it
	}
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, health{Status: "ok"}) })
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, r *http.Request) {
		err := ready(r.Context())
		if err == nil {
			answer(w, http.StatusOK, health{Status: "ready"})
			return
		}
		log.WarnContext(r.Context(), "the worker is not ready", "error", err)
		answer(w, http.StatusServiceUnavailable, health{Status: "the worker is not ready to work" + because(err)})
	})
	return mux
}
