package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/uptrace/bun"
	"go.uber.org/goleak"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/event"
	"github.com/lunobot/lunobot/saas/outbox"
	"github.com/lunobot/lunobot/saas/saasdb"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// bench is a database with an outbox, and a folder for brokers.
type bench struct {
	d     *db.DB
	store outbox.Store
	dir   string
}

func each(t *testing.T, fn func(t *testing.T, b bench)) {
	t.Helper()
	dbtest.Each(t, []db.MigrationSet{saasdb.Migrations()}, func(t *testing.T, d *db.DB) {
		fn(t, bench{d: d, store: saasdb.New(d), dir: filepath.Join(t.TempDir(), "broker")})
	})
}

// process is what one process runs.
type process struct {
	broker   *outbox.Broker
	relay    *outbox.Relay
	recorder *outbox.Recorder
	sub      *outbox.Subscriber
}

// start starts a broker in the bench's folder with a relay; store is what the
// relay sees.
func (b bench) start(t *testing.T, store outbox.Store) process {
	t.Helper()
	return b.startAt(t, outbox.BrokerConfig{Dir: b.dir}, store)
}

// startAt is start with a broker of its own kind.
func (b bench) startAt(t *testing.T, at outbox.BrokerConfig, store outbox.Store) process {
	t.Helper()
	broker, err := outbox.NewBroker(at)
	if err != nil {
		t.Fatal(err)
	}
	if err := broker.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Stop)
	relay, err := outbox.NewRelay(outbox.RelayConfig{Broker: broker, Now: time.Now, Store: store})
	if err != nil {
		t.Fatal(err)
	}
	if err := relay.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(relay.Stop)
	rec, err := outbox.NewRecorder(outbox.RecorderConfig{Store: b.store, Wake: relay.Wake})
	if err != nil {
		t.Fatal(err)
	}
	sub, err := outbox.NewSubscriber(outbox.SubscriberConfig{Broker: broker, Now: time.Now, Store: b.store})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sub.Stop)
	return process{broker: broker, relay: relay, recorder: rec, sub: sub}
}

func (p process) stop() {
	p.sub.Stop()
	p.relay.Stop()
	p.broker.Stop()
}

// record records events in a transaction of their tenant.
func (b bench) record(t *testing.T, r event.Recorder, tenantID string, subjects ...string) {
	t.Helper()
	err := b.d.Tx(t.Context(), tenantID, func(ctx context.Context) error {
		for _, s := range subjects {
			if err := r.Record(ctx, newEvent(t, tenantID, s)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func newEvent(t *testing.T, tenantID, subject string) event.Event {
	t.Helper()
	e, err := event.New(time.Now(), tenantID, "bot.started", subject, map[string]string{"name": "It's"})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// collect returns a handler that hands subjects over, and a function that waits
// for the next ones.
func collect(t *testing.T) (outbox.Handler, func(n int) []string) {
	t.Helper()
	seen := make(chan string, 1000)
	handler := func(ctx context.Context, e event.Event) error {
		db.AfterCommit(ctx, func() { seen <- e.Subject })
		return nil
	}
	return handler, func(n int) []string {
		t.Helper()
		var got []string
		for range n {
			select {
			case s := <-seen:
				got = append(got, s)
			case <-time.After(40 * time.Second):
				t.Fatalf("only %q came", got)
			}
		}
		return got
	}
}

func (p process) subscribe(t *testing.T, name string, h outbox.Handler) {
	t.Helper()
	if err := p.sub.Subscribe(t.Context(), name, h); err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, got []string, subjects ...string) {
	t.Helper()
	if !slices.Equal(got, subjects) {
		t.Errorf("handled %q, want %q", got, subjects)
	}
}

func TestEventsArriveInOrderAndOnlyAfterCommit(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		p := b.start(t, b.store)
		boom := errors.New("boom")
		err := b.d.Tx(t.Context(), "a", func(ctx context.Context) error {
			return errors.Join(p.recorder.Record(ctx, newEvent(t, "a", "never")), boom)
		})
		if !errors.Is(err, boom) {
			t.Fatal(err)
		}
		b.record(t, p.recorder, "a", "1", "2")
		first, nextFirst := collect(t)
		p.subscribe(t, "first", first)
		want(t, nextFirst(2), "1", "2")
		second, nextSecond := collect(t)
		p.subscribe(t, "second", second)
		var more []string
		for i := range 300 {
			more = append(more, fmt.Sprint(i))
		}
		b.record(t, p.recorder, "b", more...)
		want(t, nextFirst(300), more...)
		want(t, nextSecond(302), append([]string{"1", "2"}, more...)...)
		p.stop()

		// Another process goes on where this one stopped.
		p = b.start(t, b.store)
		p.subscribe(t, "first", first)
		b.record(t, p.recorder, "a", "after")
		want(t, nextFirst(1), "after")
	})
}

// killed is a store whose relay dies between publishing and marking.
type killed struct {
	outbox.Store
	published chan int
}

func (k *killed) DrainEvents(ctx context.Context, limit int, now time.Time, publish outbox.Publish) (int, error) {
	return k.Store.DrainEvents(ctx, limit, now, func(ctx context.Context, m []outbox.Message) (int, error) {
		n, err := publish(ctx, m)
		if err == nil {
			k.published <- n
			<-ctx.Done()
		}
		return 0, errors.Join(err, errors.New("killed"))
	})
}

// proves H5: a relay that is killed between publishing and marking publishes
// again, and the consumer sees the event once.
func TestKillBetweenPublishAndMark(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		k := &killed{Store: b.store, published: make(chan int, 10)}
		p := b.start(t, k)
		b.record(t, p.recorder, "a", "1", "2")
		if n := <-k.published; n != 2 {
			t.Fatalf("published %d, want 2", n)
		}
		handler, next := collect(t)
		p.subscribe(t, "c", handler)
		want(t, next(2), "1", "2")
		p.stop()
		p = b.start(t, b.store)
		p.subscribe(t, "c", handler)
		b.record(t, p.recorder, "a", "3")
		want(t, next(1), "3")
	})
}

// proves H5: what the broker lost with the power is published again, and what
// was handled before is not handled twice.
func TestBrokerThatLostItsDisk(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		p := b.start(t, b.store)
		handler, next := collect(t)
		p.subscribe(t, "c", handler)
		b.record(t, p.recorder, "a", "1")
		want(t, next(1), "1")
		p.sub.Stop()
		b.record(t, p.recorder, "a", "2")
		for { // until it is marked as sent
			n, err := b.store.DrainEvents(t.Context(), 10, time.Now(), func(_ context.Context, m []outbox.Message) (int, error) {
				return 0, fmt.Errorf("%d left", len(m))
			})
			if err == nil && n == 0 && b.sent(t) == 2 {
				break
			}
		}
		p.stop()
		if err := os.RemoveAll(b.dir); err != nil {
			t.Fatal(err)
		}
		p = b.start(t, b.store)
		p.subscribe(t, "c", handler)
		want(t, next(1), "2")
		b.record(t, p.recorder, "a", "3")
		want(t, next(1), "3")
	})
}

func (b bench) sent(t *testing.T) (n int) {
	t.Helper()
	err := b.d.SystemRead(t.Context(), "counting", func(ctx context.Context, tx bun.IDB) error {
		return tx.NewRaw("SELECT COUNT(*) FROM outbox WHERE sent_at IS NOT NULL").Scan(ctx, &n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// proves H2: a handler that fails or panics is called again before the next
// event, and its effects do not stay.
func TestFailingHandlerIsCalledAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		p := b.start(t, b.store)
		handler, next := collect(t)
		calls := 0
		p.subscribe(t, "c", func(ctx context.Context, e event.Event) error {
			if err := handler(ctx, e); err != nil {
				return err
			}
			switch calls++; calls {
			case 1:
				return errors.New("not now")
			case 2:
				panic("not ever")
			}
			return nil
		})
		b.record(t, p.recorder, "a", "1", "2")
		want(t, next(2), "1", "2")
		p.stop()
		if calls != 4 {
			t.Errorf("called %d times, want 4", calls)
		}
	})
}

func TestProcessesShareAConsumer(t *testing.T) {
	t.Parallel()
	b := bench{dir: filepath.Join(t.TempDir(), "broker")}
	b.d = dbtest.SQLite(t, saasdb.Migrations())
	b.store = saasdb.New(b.d)
	p := b.start(t, b.store)
	var calls atomic.Int64
	handler, next := collect(t)
	counted := func(ctx context.Context, e event.Event) error { calls.Add(1); return handler(ctx, e) }
	p.subscribe(t, "c", counted)
	p.subscribe(t, "c", counted)
	b.record(t, p.recorder, "a", "1", "2", "3")
	want(t, next(3), "1", "2", "3")
	p.stop()
	if calls.Load() != 3 {
		t.Errorf("%d calls, want 3", calls.Load())
	}
	if err := p.sub.Subscribe(t.Context(), "c", handler); errs.CodeOf(err) != "subscriber_stopped" {
		t.Errorf("a stopped subscriber subscribed: %v", err)
	}
}

// Several relays take turns, and the order stays.
func TestRelaysTakeTurns(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		p := b.start(t, b.store)
		other, err := outbox.NewRelay(outbox.RelayConfig{Broker: p.broker, Now: time.Now, Store: b.store, Batch: 7})
		if err != nil {
			t.Fatal(err)
		}
		if b.d.Dialect() == db.Postgres { // a SQLite file has one server
			if err := other.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(other.Stop)
		}
		handler, next := collect(t)
		p.subscribe(t, "c", handler)
		var all []string
		for i := range 100 {
			all = append(all, fmt.Sprint(i))
			b.record(t, p.recorder, "a", all[i])
			other.Wake()
		}
		want(t, next(100), all...)
	})
}

func TestRecordRefuses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		rec, err := outbox.NewRecorder(outbox.RecorderConfig{Store: b.store})
		if err != nil {
			t.Fatal(err)
		}
		if err := rec.Record(t.Context(), newEvent(t, "a", "x")); err == nil {
			t.Error("an event was recorded without a transaction")
		}
		if err := rec.Record(t.Context()); err != nil {
			t.Errorf("nothing to record: %v", err)
		}
		for name, spoil := range map[string]func(e *event.Event){
			"no id":           func(e *event.Event) { e.ID = "" },
			"wildcard tenant": func(e *event.Event) { e.TenantID = "*" },
			"dotted tenant":   func(e *event.Event) { e.TenantID = "a.b" },
			"no type":         func(e *event.Event) { e.Type = "" },
			"wildcard type":   func(e *event.Event) { e.Type = "bot.>" },
			"empty part":      func(e *event.Event) { e.Type = "bot..started" },
			"blank":           func(e *event.Event) { e.Type = "bot started" },
			"no JSON":         func(e *event.Event) { e.Data = []byte("{") },
			"too large":       func(e *event.Event) { e.Data = []byte(`"` + strings.Repeat("x", 1<<20) + `"`) },
			"another tenant":  func(e *event.Event) { e.TenantID = "b" },
		} {
			e := newEvent(t, "a", "x")
			spoil(&e)
			err := b.d.Tx(t.Context(), "a", func(ctx context.Context) error { return rec.Record(ctx, e) })
			if err == nil {
				t.Errorf("%s: it was recorded", name)
			}
		}
	})
}

func TestOldEventsArePruned(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		ctx := t.Context()
		rec, err := outbox.NewRecorder(outbox.RecorderConfig{Store: b.store})
		if err != nil {
			t.Fatal(err)
		}
		b.record(t, rec, "a", "1", "2", "3")
		now := time.Now()
		var all []outbox.Message
		drain := func(limit int, at time.Time) {
			_, err := b.store.DrainEvents(ctx, limit, at, func(_ context.Context, m []outbox.Message) (int, error) {
				all = append(all, m...)
				return len(m), nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		drain(1, now.Add(-25*time.Hour))
		drain(1, now)
		if len(all) != 2 || all[0].ID >= all[1].ID || all[0].Event.Subject != "1" || string(all[0].Event.Data) != `{"name":"It's"}` {
			t.Fatalf("drained %+v", all)
		}
		if n, err := b.store.PruneEvents(ctx, now.Add(-24*time.Hour), now); err != nil || n != 1 {
			t.Errorf("pruned %d, %v; want the one that was sent long ago", n, err)
		}
		if n, err := b.store.ResendEvents(ctx, now.Add(-time.Minute)); err != nil || n != 1 {
			t.Errorf("made %d unsent, %v; want the one that was sent just now", n, err)
		}
		all = nil
		drain(10, now)
		if len(all) != 2 || all[0].Event.Subject != "2" || all[1].Event.Subject != "3" {
			t.Errorf("drained %+v", all)
		}
		e := newEvent(t, "", "x")
		calls := 0
		note := func(context.Context, event.Event) error { calls++; return nil }
		for range 2 {
			if err := b.store.HandleEvent(ctx, "c", e, now, note); err != nil {
				t.Fatal(err)
			}
		}
		if calls != 1 {
			t.Errorf("handled %d times, want 1", calls)
		}
		if _, err := b.store.PruneEvents(ctx, now, now.Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if err := b.store.HandleEvent(ctx, "c", e, now, note); err != nil || calls != 2 {
			t.Errorf("the note of a handled event was not pruned: %v", err)
		}
	})
}

func TestBrokerErrors(t *testing.T) {
	t.Parallel()
	if _, err := outbox.NewBroker(outbox.BrokerConfig{}); err == nil {
		t.Error("a broker that is neither embedded nor somewhere was built")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]outbox.BrokerConfig{
		"folder that is a file": {Dir: file},
		"nobody there":          {URL: "nats://127.0.0.1:1", Timeout: time.Second},
	} {
		broker, err := outbox.NewBroker(cfg)
		if err != nil {
			t.Fatal(err)
		}
		err = broker.Start(t.Context())
		if errs.KindOf(err) != errs.Unavailable || errs.CodeOf(err) != "broker_start" {
			t.Errorf("%s: %v", name, err)
		}
		broker.Stop()
	}
}

func TestNothingIsLeftRunning(t *testing.T) {
	b := bench{dir: filepath.Join(t.TempDir(), "broker")}
	b.d = dbtest.SQLite(t, saasdb.Migrations())
	b.store = saasdb.New(b.d)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	p := b.start(t, b.store)
	handler, next := collect(t)
	ctx, cancel := context.WithCancel(t.Context())
	if err := p.sub.Subscribe(ctx, "ended", handler); err != nil {
		t.Fatal(err)
	}
	b.record(t, p.recorder, "a", "1")
	want(t, next(1), "1")
	cancel()
	p.subscribe(t, "stopped", handler)
	want(t, next(1), "1")
	p.stop()
	p.stop()
}

// Two processes on one cluster, which goes away for a while: events wait in the
// outbox and arrive once it is back.
func TestClusterOutage(t *testing.T) {
	t.Parallel()
	b := bench{dir: t.TempDir()}
	b.d = dbtest.SQLite(t, saasdb.Migrations())
	b.store = saasdb.New(b.d)
	port := -1
	boot := func() *server.Server {
		s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: b.dir, NoLog: true, NoSigs: true})
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		if !s.ReadyForConnections(10 * time.Second) {
			t.Fatal("the server was not ready")
		}
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		return s
	}
	s := boot()
	port = s.Addr().(*net.TCPAddr).Port
	connect := func() *outbox.Broker {
		broker, err := outbox.NewBroker(outbox.BrokerConfig{URL: s.ClientURL()})
		if err != nil {
			t.Fatal(err)
		}
		if err := broker.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(broker.Stop)
		return broker
	}
	relay, err := outbox.NewRelay(outbox.RelayConfig{Broker: connect(), Now: time.Now, Store: b.store})
	if err != nil {
		t.Fatal(err)
	}
	if err := relay.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(relay.Stop)
	rec, err := outbox.NewRecorder(outbox.RecorderConfig{Store: b.store, Wake: relay.Wake})
	if err != nil {
		t.Fatal(err)
	}
	sub, err := outbox.NewSubscriber(outbox.SubscriberConfig{Broker: connect(), Now: time.Now, Store: b.store})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sub.Stop)
	handler, next := collect(t)
	if err := sub.Subscribe(t.Context(), "c", handler); err != nil {
		t.Fatal(err)
	}
	b.record(t, rec, "a", "1")
	want(t, next(1), "1")
	s.Shutdown()
	s.WaitForShutdown()
	b.record(t, rec, "a", "2", "3")
	boot()
	want(t, next(2), "2", "3")
}
