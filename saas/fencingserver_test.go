package saas_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/lease"
)

// rival is one of two workers of which each could run the bot.
type rival struct {
	r      *liveRun
	server liveServer
	front  *front
	way    way
	cmd    *exec.Cmd
	whole  *testing.T
}

// rival makes a worker with ways of its own to the exchange and to the database.
func (r *liveRun) rival(t *testing.T) *rival {
	t.Helper()
	v := &rival{r: r, server: r.server, front: r.sim.front(t), whole: t}
	v.way, v.server.Database = wayTo(t, r.server.Database)
	v.server.Dir, v.server.Rest, v.server.Role = t.TempDir(), v.front.Rest, saas.Worker
	return v
}

// start starts it, until the whole test ends.
func (v *rival) start() {
	v.r.t.Helper()
	v.cmd = v.server.start(v.whole)
}

func (v *rival) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := v.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// count counts leases.
func (v *rival) count(t *testing.T, d *db.DB, where string, args ...any) (n int) {
	t.Helper()
	err := d.SystemRead(t.Context(), "looking at leases", func(ctx context.Context, tx bun.IDB) error {
		return tx.NewRaw("SELECT count(*) FROM leases WHERE "+where, args...).Scan(ctx, &n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// name is that by which the worker has leases; "" if it has not begun.
func (v *rival) name() string {
	raw, err := os.ReadFile(filepath.Join(v.server.Dir, "worker.id"))
	if err != nil {
		return ""
	}
	return "server:" + strings.TrimSpace(string(raw))
}

// lives waits until the worker has told after a time that it is there: it knows by then
// which bots it has.
func (v *rival) lives(t *testing.T, d *db.DB, after time.Time) {
	t.Helper()
	v.r.until("a worker to be there", func() bool {
		return v.count(t, d, "kind = ? AND resource_id = ? AND expires_at > ?", lease.Workers, v.name(), after.Add(v.server.Lease).UnixMicro()) > 0
	})
}

// goesOn waits until the worker has the bot, and has reconciled it since.
func (v *rival) goesOn(t *testing.T, d *db.DB) {
	t.Helper()
	v.r.until("a worker to have the bot", func() bool {
		return v.count(t, d, "kind = ? AND holder = ? AND expires_at > ?", lease.Bots, v.name(), time.Now().UnixMicro()) > 0
	})
	since := time.Now()
	v.r.until("its reconciliation", func() bool {
		c, _, err := v.r.store.LastCheck(t.Context(), v.r.who.TenantID, v.r.bot.ID)
		return err == nil && c.At.After(since) && c.Agrees()
	})
}

// proves T3, T5 and RK3 for whole programs: two workers over PostgreSQL, and a bot that
// trades live with orders that rest at the exchange. The worker that has the bot is frozen
// past its lease and goes on, is cut off from the database and reached again, is told to
// end, and is killed with kill -9. Each time the other one goes on with the bot, the first
// one asks the exchange for nothing after its lease, and the orders rest. In the end
// nothing is lost or doubled, and exchange, journal and bot agree to the last digit.
//
//nolint:tparallel // each takes the bot from the one before
func TestFencingOfServers(t *testing.T) {
	t.Parallel()
	k := newSecrets(t)
	r := liveRunOn(t, liveServer{Database: dbtest.PostgresURL(t), Events: broker(t), Signing: k.signing, Vault: k.private, Lease: 5 * time.Second},
		"grid", `{"low":388000,"high":402000,"lines":15}`)
	d, err := db.Open(t.Context(), db.Config{URL: r.server.Database})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	has, next := r.rival(t), r.rival(t)
	has.start()
	r.until("a worker to trade", func() bool { return len(has.front.after(time.Time{})) > 5 })
	next.start()
	next.lives(t, d, time.Now())
	resting := r.resting(t)
	for _, c := range []struct {
		how string
		// out is what the worker that has the bot suffers, and back what happens once the
		// other one has it.
		out, back func(t *testing.T, v *rival)
		// underWay is how much may reach the exchange too late.
		underWay int
	}{
		{
			"frozen",
			func(t *testing.T, v *rival) { v.signal(t, syscall.SIGSTOP) },
			func(t *testing.T, v *rival) { v.signal(t, syscall.SIGCONT) }, 5,
		},
		{
			"cut off from the database",
			func(t *testing.T, v *rival) { v.way.cut(t) },
			func(t *testing.T, v *rival) { v.way.heal(t) }, 0,
		},
		{
			"told to end",
			func(t *testing.T, v *rival) {
				v.signal(t, syscall.SIGTERM)
				if err := v.cmd.Wait(); err != nil {
					t.Errorf("it ended with %v", err)
				}
			},
			func(_ *testing.T, v *rival) { v.start() }, 0,
		},
		{
			"killed",
			func(_ *testing.T, v *rival) { kill9(v.cmd) },
			func(_ *testing.T, v *rival) { v.start() }, 0,
		},
	} {
		if !t.Run(c.how, func(t *testing.T) {
			whole := r.t
			defer func() { r.t = whole }()
			r.t = t
			cut := time.Now()
			c.out(t, has)
			next.goesOn(t, d)
			back := time.Now()
			c.back(t, has)
			has.lives(t, d, back)
			has.front.late(t, cut, has.server.Lease, c.underWay)
			r.rested(t, resting)
		}) {
			return
		}
		has, next = next, has
	}
	for _, v := range []*rival{has, next} {
		v.signal(t, syscall.SIGTERM)
		if err := v.cmd.Wait(); err != nil {
			t.Errorf("a worker ended with %v", err)
		}
	}
	r.rested(t, resting)
	r.stop()
	tally := &liveTally{kills: 1}
	r.books.compare(t, tally)
	r.same()
	if t.Log(tally); !tally.whole() {
		t.Errorf("%s %q", tally, tally.wrong)
	}
}

// resting waits until the bot has orders at the exchange that nobody trades with, and
// returns their ids.
func (r *liveRun) resting(t *testing.T) (ids []string) {
	t.Helper()
	r.until("orders that rest", func() bool {
		open, err := r.books.client.OpenOrders(t.Context(), livePair)
		if err != nil {
			t.Fatal(err)
		}
		ids = nil
		for _, o := range open {
			if o.Request.Price < livePrice*98/100 { // below what the crowd pays
				ids = append(ids, o.ID)
			}
		}
		return len(ids) > 0
	})
	return ids
}

// rested fails the test unless these orders rest as before, and if any order of the bot
// was taken back.
func (r *liveRun) rested(t *testing.T, ids []string) {
	t.Helper()
	for _, id := range ids {
		if o, err := r.books.client.OrderByID(t.Context(), livePair, id); err != nil || o.Status != exchange.Open || o.Filled > 0 {
			t.Errorf("order %s, which rested, is %+v, %v", id, o, err)
		}
	}
	closed, err := r.books.client.ClosedOrders(t.Context(), livePair, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range closed {
		if o.Remaining() > 0 {
			t.Errorf("an order was not left to rest: %+v", o)
		}
	}
}
