package saas_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"github.com/lunobot/lunobot/saas"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/saasdb"
)

// asked is a call that changes something, as the exchange saw it.
type asked struct {
	at             time.Time
	path, clientID string
	// sent is when it says that it was sent, and ends when it ends by itself.
	sent, ends time.Time
}

// front is a worker's own way to a simulated Luno, which notes what the worker asks for.
type front struct {
	simProcess

	mu    sync.Mutex
	calls []asked
}

// front opens such a way, until the test ends.
func (s simProcess) front(t *testing.T) *front {
	t.Helper()
	there, err := url.Parse(s.Rest)
	if err != nil {
		t.Fatal(err)
	}
	on := httputil.NewSingleHostReverseProxy(there)
	on.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // who asks is told, too
	f := &front{simProcess: s}
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		f.note(r)
		on.ServeHTTP(out, r)
	}))
	t.Cleanup(server.Close)
	f.Rest = server.URL
	return f
}

// note notes a call that changes something, before the simulator sees it.
func (f *front) note(r *http.Request) {
	if r.Method != http.MethodPost {
		return
	}
	a := asked{at: time.Now(), path: r.URL.Path}
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	if form, ferr := url.ParseQuery(string(body)); err == nil && ferr == nil {
		a.clientID = form.Get("client_order_id")
		ms, _ := strconv.ParseInt(form.Get("timestamp"), 10, 64)
		ttl, _ := strconv.ParseInt(form.Get("ttl"), 10, 64)
		a.sent, a.ends = time.UnixMilli(ms), time.UnixMilli(ms+ttl)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, a)
}

// after lists the calls after a time.
func (f *front) after(t time.Time) (list []asked) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.calls {
		if a.at.After(t) {
			list = append(list, a)
		}
	}
	return list
}

// late fails the test if a worker that was frozen or cut off at a time has asked for
// anything after its leases, but for so many things that were under way when it was
// frozen, and came too late to be taken.
func (f *front) late(t *testing.T, cut time.Time, lease time.Duration, underWay int) {
	t.Helper()
	list := f.after(cut.Add(lease))
	if len(list) > underWay {
		t.Errorf("it asked for %d things after its leases: %+v", len(list), list)
	}
	for _, a := range list {
		if a.sent.After(cut.Add(time.Second)) || !a.ends.Before(a.at) {
			t.Errorf("it asked for %+v, which was not under way at %s", a, cut)
		}
	}
}

// way is how a worker reaches its database; it can be cut off.
type way struct{ *toxiproxy.Proxy }

// wayTo opens a way to a database, and returns the database's address by it.
func wayTo(t *testing.T, address string) (way, string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	zerolog.SetGlobalLevel(zerolog.Disabled) // toxics tell of each message that they hold up
	w := way{toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), "database", "127.0.0.1:0", u.Host)}
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	u.Host = w.Listen
	return w, u.String()
}

// cut lets nothing pass, and keeps what comes. The toxic "latency" would do so too, but
// never ends where somebody has hung up meanwhile.
func (w way) cut(t *testing.T) {
	t.Helper()
	for _, stream := range []string{"upstream", "downstream"} {
		if _, err := w.Toxics.AddToxicJson(strings.NewReader(`{"type": "bandwidth", "stream": "` + stream + `", "attributes": {"rate": 0}}`)); err != nil {
			t.Fatal(err)
		}
	}
}

// heal lets everything pass again, with what has come meanwhile.
func (w way) heal(t *testing.T) { w.Toxics.ResetToxics(t.Context()) }

// duel is a worker that is to lose its bots, and the one that takes them over.
type duel struct {
	task  traderTask
	books liveBooks
	// one is the way of the first worker to the exchange, two that of the others.
	one, two *front
	loser    *exec.Cmd
}

// newDuel starts the first worker, which reaches its database by a way of its own, and
// waits until it trades.
func newDuel(t *testing.T, database, by string) *duel {
	t.Helper()
	d, err := db.Open(t.Context(), db.Config{URL: database})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if _, err := d.Migrate(t.Context(), saas.Migrations()...); err != nil {
		t.Fatal(err)
	}
	sim := startSim(t)
	u := &duel{one: sim.front(t), two: sim.front(t)}
	u.task = traderTask{Database: database, Stream: sim.Stream, Lease: 3 * time.Second, Bots: liveBots(t, d, 2), KeyID: sim.key(1).ID, Secret: sim.key(1).Secret}
	client, err := traderTask{Rest: sim.Rest, KeyID: u.task.KeyID, Secret: u.task.Secret}.client()
	if err != nil {
		t.Fatal(err)
	}
	u.books = liveBooks{tenant: liveTenant, account: liveAccount, client: client, store: saasdb.New(d), bots: u.task.Bots, market: liveMarket()}
	if u.books.before, err = holdings(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	sim.crowded(t, 1)
	loser := u.worker("loser", u.one)
	loser.Database = by
	u.loser, _ = loser.start(t)
	waitFor(t, "the first worker to trade", func() bool { return len(u.one.after(time.Time{})) > 50 })
	return u
}

// worker returns the task of a worker with a way to the exchange.
func (u *duel) worker(holder string, f *front) traderTask {
	task := u.task
	task.Holder, task.Rest = holder, f.Rest
	return task
}

// over lets another worker take the bots over and trade for a while, calls back once it
// does, waits until the first one has noticed, and compares the books. From cut on the
// first one was out of it.
func (u *duel) over(t *testing.T, cut time.Time, back func()) {
	t.Helper()
	winner, _ := u.worker("winner", u.two).start(t)
	waitFor(t, "the second worker to trade", func() bool { return len(u.two.after(cut)) > 20 })
	back()
	if err := u.loser.Wait(); err != nil { // it ends once it knows that its leases are lost
		t.Errorf("the first worker ended with %v", err)
	}
	kill9(winner)
	last := u.worker("winner", u.two)
	last.Settle = true
	if worker, _ := last.start(t); worker.Wait() != nil {
		t.Errorf("the last worker ended with %s", worker.ProcessState)
	}
	var tally liveTally
	u.books.compare(t, &tally)
	t.Log(&tally)
	if !tally.whole() {
		t.Errorf("%s %q", &tally, tally.wrong)
	}
}

// proves T5: a worker that was frozen past its leases, or cut off from the database, and
// goes on has no effect at the exchange any more, while the one that took its bots over
// trades: what it was sending when it was frozen comes too late to be taken, and it sends
// nothing after that. TestFencingOfServers shows it of whole programs.
func TestFencing(t *testing.T) {
	t.Parallel()
	t.Run("frozen", func(t *testing.T) {
		t.Parallel()
		database := dbtest.PostgresURL(t)
		u := newDuel(t, database, database)
		signal := func(s syscall.Signal) {
			if err := u.loser.Process.Signal(s); err != nil {
				t.Fatal(err)
			}
		}
		signal(syscall.SIGSTOP)
		cut := time.Now()
		u.over(t, cut, func() { signal(syscall.SIGCONT) })
		u.one.late(t, cut, u.task.Lease, len(u.task.Bots))
	})
	t.Run("cut off from the database", func(t *testing.T) {
		t.Parallel()
		database := dbtest.PostgresURL(t)
		way, by := wayTo(t, database)
		u := newDuel(t, database, by)
		way.cut(t)
		cut := time.Now()
		u.over(t, cut, func() { way.heal(t) })
		u.one.late(t, cut, u.task.Lease, 0)
	})
}
