package saas_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/saastest"
)

// cluster is an installation of several processes.
type cluster struct {
	web     *saastest.Client
	workers []*saastest.Server
	db      *db.DB
}

// newCluster starts a server and workers at once, on an empty database.
func newCluster(t *testing.T, workers int, env ...string) *cluster {
	t.Helper()
	url, k := dbtest.PostgresURL(t), newSecrets(t)
	env = append(env, "LUNOBOT_ENV=production", "DATABASE_URL="+url, "LUNOBOT_NATS_URL="+broker(t), "LUNOBOT_HISTORY_DIR="+t.TempDir(), "LUNOBOT_PLUGIN_DIR="+t.TempDir())
	own := func(more ...string) []string {
		return append(append([]string{"LUNOBOT_DATA_DIR=" + t.TempDir()}, env...), more...)
	}
	c := &cluster{web: saastest.New(t, saastest.Config{Binary: buildServer(t), Env: own("LUNOBOT_ROLE=web", "LUNOBOT_SIGNING_KEY="+k.signing, "LUNOBOT_VAULT_PUBLIC_KEY="+k.public)}).Client()}
	worker := shared.build(t, "../hosts/worker")
	for range workers {
		c.workers = append(c.workers, saastest.New(t, saastest.Config{Binary: worker, Env: own("LUNOBOT_VAULT_KEY=" + k.private)}))
	}
	c.web.Begin()
	for _, w := range c.workers {
		w.Begin()
	}
	c.web.Await()
	for _, w := range c.workers {
		w.Await()
	}
	var err error
	if c.db, err = db.Open(t.Context(), db.Config{URL: url}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.db.Close() })
	return c
}

// shares returns how many bots each worker has, by its name.
func (c *cluster) shares(t *testing.T) map[string]int {
	t.Helper()
	var rows []struct {
		Holder string
		N      int
	}
	err := c.db.SystemRead(t.Context(), "looking at leases", func(ctx context.Context, tx bun.IDB) error {
		return tx.NewRaw("SELECT holder, count(*) AS n FROM leases WHERE kind = ? AND expires_at > ? GROUP BY holder", lease.Bots, time.Now().UnixMicro()).Scan(ctx, &rows)
	})
	if err != nil {
		t.Fatal(err)
	}
	n := map[string]int{}
	for _, r := range rows {
		n[r.Holder] = r.N
	}
	return n
}

// awaitShares waits until so many workers have so many bots each.
func (c *cluster) awaitShares(t *testing.T, workers, bots int) {
	t.Helper()
	waitFor(t, fmt.Sprintf("%d workers with %d bots", workers, bots), func() bool {
		n := c.shares(t)
		for _, has := range n {
			if has != bots {
				return false
			}
		}
		return len(n) == workers
	})
}

// proves T3, T5 and RK3 over several machines: a server and two workers that begin at
// once on an empty database share the bots; a worker that is stopped hands its bots
// over at once, one that comes back is given some, and of one that is killed with kill
// -9 the other takes the bots over when its lease ends. The bots' orders and fills are
// those of bots that nobody ever disturbed.
func TestWorkersTakeOver(t *testing.T) {
	t.Parallel()
	const bots, speed, seed, leased = 4, 1_500, 7, 2 * time.Second
	c := newCluster(t, 2, fmt.Sprintf("LUNOBOT_DEMO_SPEED=%d", speed), fmt.Sprintf("LUNOBOT_DEMO_SEED=%d", seed), "LUNOBOT_LEASE="+leased.String())
	for _, p := range append([]*saastest.Server{c.web.Server}, c.workers...) {
		p.Client().Call(http.MethodGet, "/health", nil, nil, http.StatusOK)
		p.Client().Call(http.MethodGet, "/ready", nil, nil, http.StatusOK)
	}
	c.workers[0].Client().Call(http.MethodGet, "/api/v1/strategies", nil, nil, http.StatusNotFound)
	c.web.Token = c.web.Register("many@example.com").Token
	c.web.Call(http.MethodPost, "/api/v1/subscriptions/upgrade", map[string]int{"plan_id": 3}, nil, http.StatusOK)
	var paths []string
	for i := range bots {
		var made struct {
			BotID string `json:"bot_id"`
		}
		c.web.Call(http.MethodPost, "/api/v1/trading/configs", map[string]any{
			"name": fmt.Sprint("bot ", i), "trading_pair": "XBTMYR", "strategy_type": "basic", "parameters": map[string]int{"fast": 3, "slow": 8},
		}, &made, http.StatusCreated)
		paths = append(paths, "/api/v1/trading/bots/"+made.BotID)
		c.web.Call(http.MethodPost, paths[i]+"/start", nil, nil, http.StatusOK)
	}
	c.awaitShares(t, 2, bots/2)
	c.workers[0].Stop()
	c.awaitShares(t, 1, bots)
	c.workers[0].Start()
	c.awaitShares(t, 2, bots/2)
	c.workers[1].Kill()
	killed := time.Now()
	c.awaitShares(t, 1, bots)
	if took := time.Since(killed); took > leased+20*time.Second {
		t.Errorf("the bots of a killed worker were taken over after %s", took)
	}
	fills := func() (n int) {
		for _, path := range paths {
			n += len(all[apiFill](c.web, path+"/fills"))
		}
		return n
	}
	before := fills()
	waitFor(t, "the bots to trade on", func() bool { return fills() > before+bots })
	for _, path := range paths {
		stopBot(t, c.web, path)
		log := all[struct {
			Kind string    `json:"kind"`
			Time time.Time `json:"time"`
		}](c.web, path+"/decisions")
		want := uninterrupted(t, seed, log[0].Time, log[len(log)-1].Time)
		compare(t, "fill", all[apiFill](c.web, path+"/fills"), want.fills)
		compare(t, "order", all[apiOrder](c.web, path+"/orders"), want.orders)
		if len(want.fills) < 5 {
			t.Errorf("only %d fills: the run proves little", len(want.fills))
		}
	}
	c.workers[0].Stop()
	if n := c.shares(t); len(n) != 0 {
		t.Errorf("stopped bots and workers leave leases: %v", n)
	}
}
