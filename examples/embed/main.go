// Command embed is a program of one's own with Lunobot inside: its own mux, its
// own logger and its own plans.
package main

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"os/signal"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/plugins/basic/basic"
	"github.com/lunobot/lunobot/saas"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost/sandbox"
)

func main() {
	shim := sandbox.Serve() // the App shuts its strategies in by executing this program again
	bundle, err := plugin.NewBundle(basic.Definition())
	exitOn(err)
	bundle.ServeIfChild() // the App starts its strategies by executing this program again

	plans, err := billing.NewCatalog(
		billing.Plan{ID: "club", Number: 1, Name: "Club", Price: billing.Money{Currency: "MYR"}, Limits: map[billing.Feature]billing.Limit{
			billing.Bots: 2, billing.Pairs: 2, billing.APICallsPerHour: 500,
		}},
		billing.Plan{ID: "desk", Number: 2, Name: "Desk", Price: billing.Money{Minor: 49_00, Currency: "MYR"}, Limits: map[billing.Feature]billing.Limit{
			billing.Bots: 25, billing.Pairs: billing.Unlimited, billing.APICallsPerHour: billing.Unlimited,
		}},
	)
	exitOn(err)
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	app, err := saas.New(ctx, saas.Config{Catalog: plans, DataDir: "embed-data", Log: log, Shim: shim, Strategies: bundle})
	exitOn(err)
	defer app.Stop()
	exitOn(app.Start(ctx))

	mux := http.NewServeMux()
	mux.HandleFunc("GET /about", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("our club's own page\n")) })
	mux.Handle("/", app.Handler())
	server := &http.Server{Addr: "127.0.0.1:5001", Handler: mux} //nolint:gosec // an example: no timeouts
	go func() { <-ctx.Done(); _ = server.Close() }()
	log.Info("listening", "address", "http://"+server.Addr)
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		exitOn(err)
	}
}

func exitOn(err error) {
	if err != nil {
		slog.Error("embed", "error", err)
		os.Exit(1)
	}
}
