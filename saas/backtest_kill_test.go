package saas_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/saastest"
)

// apiRun is a backtest as the API shows it.
type apiRun struct {
	ID      string `json:"id"`
	Status  string `json:"status"`
	Reason  string `json:"status_reason"`
	Attempt int64  `json:"attempt"`
	Figures struct {
		Final  string `json:"final_equity"`
		Trades int    `json:"trades"`
	} `json:"figures"`
}

// A server that is killed while a backtest runs begins it anew at its next
// start, with the result of one that nobody killed; a run whose server dies
// again and again is given up.
func TestBacktestKilled(t *testing.T) {
	t.Parallel()
	binary := buildServer(t)
	dbtest.EachURL(t, func(t *testing.T, url string) {
		s := saastest.New(t, saastest.Config{Binary: binary, Env: []string{"LUNOBOT_DATA_DIR=" + t.TempDir(), "DATABASE_URL=" + url, "LUNOBOT_BACKTESTS=1"}}).Client()
		s.Start()
		s.Token = s.Register("kill@example.com").Token
		s.Call(http.MethodPost, "/api/v1/subscriptions/upgrade", map[string]any{"plan_id": 3}, nil, http.StatusOK)
		// Two years of minutes take long enough to be killed in.
		create := func() apiRun {
			var run apiRun
			s.Call(http.MethodPost, "/api/v1/backtests", map[string]any{
				"trading_pair": "XBTMYR", "strategy_type": "basic", "from": "2024-01-01", "to": "2026-01-01", "parameters": map[string]int{"fast": 3, "slow": 8},
			}, &run, http.StatusCreated)
			return run
		}
		get := func(run apiRun) (now apiRun) {
			s.Call(http.MethodGet, "/api/v1/backtests/"+run.ID, nil, &now, http.StatusOK)
			return now
		}
		await := func(run apiRun, status string) (now apiRun) {
			t.Helper()
			waitFor(t, "the backtest to be "+status, func() bool { now = get(run); return now.Status == status })
			return now
		}
		// killRunning kills the server while it works on an attempt.
		killRunning := func(run apiRun, attempt int64) {
			t.Helper()
			for deadline := time.Now().Add(time.Minute); ; {
				now := get(run)
				if now.Status == "running" && now.Attempt == attempt {
					break
				}
				if now.Status == "done" || time.Now().After(deadline) {
					t.Fatalf("attempt %d is %s: the server was not killed in it", now.Attempt, now.Status)
				}
			}
			s.Kill()
			s.Start()
		}
		undisturbed := await(create(), "done")

		run := create()
		killRunning(run, 1)
		killRunning(run, 2)
		now := await(run, "done")
		if now.Attempt != 3 || now.Figures != undisturbed.Figures || now.Figures.Trades == 0 {
			t.Errorf("after two kills %+v, undisturbed %+v", now, undisturbed)
		}

		run = create()
		for attempt := range int64(3) {
			killRunning(run, attempt+1)
		}
		if now = await(run, "failed"); !strings.Contains(now.Reason, "ended 3 times") {
			t.Errorf("given up with %q", now.Reason)
		}
		await(create(), "done") // its place is free again
	})
}
