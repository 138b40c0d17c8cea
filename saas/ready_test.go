package saas_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/saas"
	"github.com/lunobot/lunobot/saas/db/dbtest"
)

// ready asks an App whether it can work.
func ready(t *testing.T, app *saas.App) (status int, body string) {
	t.Helper()
	out := httptest.NewRecorder()
	app.Handler().ServeHTTP(out, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/ready", http.NoBody))
	return out.Code, out.Body.String()
}

// proves T5: a process whose worker was replaced by another of its name says that
// it is not ready, and why, instead of being sent requests that it works no more
// for; the one that replaced it is ready.
func TestReplacedWorkerIsNotReady(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		start := func() *saas.App {
			app, err := saas.New(t.Context(), saas.Config{DatabaseURL: url, DataDir: t.TempDir(), Strategies: bundle()})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(app.Stop)
			if err := app.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			return app
		}
		first := start()
		if status, body := ready(t, first); status != http.StatusOK {
			t.Fatalf("before: %d %s", status, body)
		}
		second := start()
		waitFor(t, "the first to notice", func() bool { status, _ := ready(t, first); return status == http.StatusServiceUnavailable })
		if _, body := ready(t, first); !strings.Contains(body, "its worker was replaced: another process of the same name was started after it") {
			t.Errorf("it says %s", body)
		}
		if status, body := ready(t, second); status != http.StatusOK {
			t.Errorf("the second: %d %s", status, body)
		}
	})
}
