package saas_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange/lunosim"
	"github.com/lunobot/lunobot/saas"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/saasdb"
)

// asked is a call that changes something, as the exchange saw it.
type asked struct {
	at time.Time
	// key is whose it is: each worker has one of its own to the same account.
	key, path, clientID string
	// sent is when it says that it was sent, and ends when it ends by itself.
	sent, ends time.Time
}

// watchedSim is a simulated Luno that notes who asked for what.
type watchedSim struct {
	simProcess
	// one and two are keys of the same account, other is somebody else's.
	one, two, other lunosim.Key

	mu    sync.Mutex
	calls []asked
}

func watchSim(t *testing.T) *watchedSim {
	t.Helper()
	coins := map[string]decimal.Decimal{"MYR": decimal.New(1_000_000, 0), "XBT": decimal.New(100, 0)}
	keys := lunosim.DefaultAccounts(1, 3)
	w := &watchedSim{one: keys[0].Keys[0], two: keys[1].Keys[0], other: keys[2].Keys[0]}
	var markets []lunosim.Market
	for _, m := range lunosim.Markets() {
		if m.Pair == livePair {
			markets = append(markets, m)
		}
	}
	sim, err := lunosim.New(lunosim.Config{Markets: markets, Accounts: []lunosim.Account{
		{Name: "shared", Balances: coins, Keys: []lunosim.Key{w.one, w.two}}, {Name: "other", Balances: coins, Keys: []lunosim.Key{w.other}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		w.note(r)
		sim.ServeHTTP(out, r)
	}))
	t.Cleanup(server.Close)
	w.Rest, w.Stream = server.URL, "ws"+strings.TrimPrefix(server.URL, "http")
	return w
}

// note notes a call that changes something, before the simulator sees it.
func (w *watchedSim) note(r *http.Request) {
	if r.Method != http.MethodPost {
		return
	}
	a := asked{at: time.Now(), path: r.URL.Path}
	a.key, _, _ = r.BasicAuth()
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	if form, ferr := url.ParseQuery(string(body)); err == nil && ferr == nil {
		a.clientID = form.Get("client_order_id")
		ms, _ := strconv.ParseInt(form.Get("timestamp"), 10, 64)
		ttl, _ := strconv.ParseInt(form.Get("ttl"), 10, 64)
		a.sent, a.ends = time.UnixMilli(ms), time.UnixMilli(ms+ttl)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, a)
}

// of lists the calls of a key after a time.
func (w *watchedSim) of(k lunosim.Key, after time.Time) (list []asked) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.calls {
		if a.key == k.ID && a.at.After(after) {
			list = append(list, a)
		}
	}
	return list
}

// proxy is the way of a worker to its database, which can be cut off.
type proxy struct {
	addr string

	mu   sync.Mutex
	flow *sync.Cond
	held bool
}

// proxyTo returns a way to a database, and the database's address by it.
func proxyTo(t *testing.T, address string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: u.Host}
	p.flow = sync.NewCond(&p.mu)
	t.Cleanup(func() {
		_ = listener.Close()
		p.hold(false)
	})
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go p.carry(c)
		}
	}()
	u.Host = listener.Addr().String()
	return p, u.String()
}

// hold lets nothing pass, or everything again that has come meanwhile.
func (p *proxy) hold(held bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = held
	p.flow.Broadcast()
}

func (p *proxy) carry(client net.Conn) {
	defer client.Close() //nolint:errcheck // whoever is left notices
	server, err := net.Dial("tcp", p.addr)
	if err != nil {
		return
	}
	defer server.Close() //nolint:errcheck // whoever is left notices
	pass := func(to, from net.Conn) {
		buffer := make([]byte, 32<<10)
		for {
			n, err := from.Read(buffer)
			p.mu.Lock()
			for p.held {
				p.flow.Wait()
			}
			p.mu.Unlock()
			if _, werr := to.Write(buffer[:n]); err != nil || werr != nil {
				_ = to.Close()
				return
			}
		}
	}
	go pass(client, server)
	pass(server, client)
}

// duel is a worker that is to lose its bots, and the one that takes them over.
type duel struct {
	*watchedSim
	task  traderTask
	books liveBooks
	loser *exec.Cmd
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
	u := &duel{watchedSim: watchSim(t)}
	u.task = traderTask{Database: database, Rest: u.Rest, Stream: u.Stream, Lease: 3 * time.Second, Bots: liveBots(t, d, 2)}
	client, err := u.worker("", u.two).client()
	if err != nil {
		t.Fatal(err)
	}
	u.books = liveBooks{tenant: liveTenant, account: liveAccount, client: client, store: saasdb.New(d), bots: u.task.Bots, market: liveMarket()}
	if u.books.before, err = holdings(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	stranger, err := u.worker("", u.other).client()
	if err != nil {
		t.Fatal(err)
	}
	moving, still := context.WithCancel(t.Context())
	var crowded sync.WaitGroup
	crowded.Go(func() { crowd(moving, stranger, 1, slog.New(slog.DiscardHandler)) })
	t.Cleanup(func() {
		still()
		crowded.Wait()
	})
	loser := u.worker("loser", u.one)
	loser.Database = by
	u.loser, _ = loser.start(t)
	waitFor(t, "the first worker to trade", func() bool { return len(u.of(u.one, time.Time{})) > 50 })
	return u
}

// worker returns the task of a worker with a key.
func (u *duel) worker(holder string, k lunosim.Key) traderTask {
	task := u.task
	task.Holder, task.KeyID, task.Secret = holder, k.ID, k.Secret
	return task
}

// over lets another worker take the bots over and trade for a while, calls back once it
// does, waits until the first one has noticed, and compares the books. From cut on the
// first one was out of it. It returns what the first one asked for once its leases had
// ended at the latest.
func (u *duel) over(t *testing.T, cut time.Time, back func()) []asked {
	t.Helper()
	winner, _ := u.worker("winner", u.two).start(t)
	waitFor(t, "the second worker to trade", func() bool { return len(u.of(u.two, cut)) > 20 })
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
	return u.of(u.one, cut.Add(u.task.Lease))
}

// proves T5: a worker that was frozen past its leases and goes on has no effect at the
// exchange any more, while the one that took its bots over trades: what it was sending
// when it was frozen comes too late to be taken, and it sends nothing after that.
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
		late := u.over(t, cut, func() { signal(syscall.SIGCONT) })
		if len(late) > len(u.task.Bots) {
			t.Errorf("it asked for %d things after its leases: %+v", len(late), late)
		}
		for _, a := range late {
			if a.sent.After(cut.Add(time.Second)) || !a.ends.Before(a.at) {
				t.Errorf("it asked for %+v, which was not under way when it was frozen at %s", a, cut)
			}
		}
	})
	t.Run("cut off from the database", func(t *testing.T) {
		t.Parallel()
		database := dbtest.PostgresURL(t)
		way, by := proxyTo(t, database)
		u := newDuel(t, database, by)
		way.hold(true)
		if late := u.over(t, time.Now(), func() { way.hold(false) }); len(late) > 0 {
			t.Errorf("it asked for %d things after its leases: %+v", len(late), late)
		}
	})
}
