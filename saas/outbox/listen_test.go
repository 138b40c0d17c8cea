package outbox_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/lunobot/lunobot/saas/event"
	"github.com/lunobot/lunobot/saas/outbox"
)

// cluster starts a broker that is a process of its own to those that use it, and
// returns its address.
func cluster(t *testing.T) string {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the broker does not start")
	}
	return s.ClientURL()
}

// Over a broker that several processes share, each of them that listens hears every
// event, of those that handle events under one name one does, and none listens any more
// once it was stopped.
func TestListenInSeveralProcesses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b bench) {
		url := cluster(t)
		var heard [3]chan string
		handler, handled := collect(t)
		processes := make([]process, len(heard))
		for i := range heard {
			p := b.startAt(t, outbox.BrokerConfig{URL: url}, b.store)
			heard[i], processes[i] = make(chan string, 1000), p
			if err := p.sub.Listen(t.Context(), func(e event.Event) { heard[i] <- e.Subject }); err != nil {
				t.Fatal(err)
			}
			p.subscribe(t, "shared", handler)
		}
		var want []string
		for i := range 30 {
			subject := "bot-" + strconv.Itoa(i)
			want = append(want, subject)
			b.record(t, processes[i%3].recorder, "tenant", subject)
		}
		for i := range heard {
			got := map[string]bool{}
			for len(got) < len(want) {
				select {
				case s := <-heard[i]:
					got[s] = true
				case <-time.After(20 * time.Second):
					t.Fatalf("process %d heard %d of %d events", i, len(got), len(want))
				}
			}
		}
		got := handled(len(want))
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("handled were %q", got)
		}
		processes[0].sub.Stop()
		b.record(t, processes[1].recorder, "tenant", "late")
		for range want { // what was published twice comes before
			if <-heard[1] == "late" {
				break
			}
		}
		for len(heard[0]) > 0 {
			if <-heard[0] == "late" {
				t.Error("it listens after its end")
			}
		}
		if err := processes[0].sub.Listen(t.Context(), func(event.Event) {}); err == nil {
			t.Error("a stopped subscriber listens")
		}
	})
}
