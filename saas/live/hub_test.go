package live_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/live"
	"github.com/lunobot/lunobot/saas/outbox"
)

func broker(t *testing.T) *outbox.Broker {
	t.Helper()
	b, err := outbox.NewBroker(outbox.BrokerConfig{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Stop)
	return b
}

func hub(t *testing.T, cfg live.HubConfig) *live.Hub {
	t.Helper()
	if cfg.Conn == nil {
		cfg.Conn = broker(t).Conn()
	}
	h, err := live.NewHub(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Stop)
	return h
}

func at(i int) time.Time { return time.Date(2026, 3, 1, 0, 0, i, 0, time.UTC) }

func publish(t *testing.T, h *live.Hub, tenant, bot string, i int) {
	t.Helper()
	u := live.Update{BotID: "forged", Type: "equity", Time: at(i), Data: json.RawMessage(fmt.Sprint(i))}
	if err := h.Publish(t.Context(), tenant, bot, u); err != nil {
		t.Fatal(err)
	}
}

func watch(t *testing.T, ctx context.Context, h *live.Hub, tenant, bot string) <-chan live.Update {
	t.Helper()
	var c <-chan live.Update
	var err error
	if bot == "" {
		c, err = h.SubscribeTenant(ctx, tenant)
	} else {
		c, err = h.Subscribe(ctx, tenant, bot)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func next(t *testing.T, c <-chan live.Update) live.Update {
	t.Helper()
	select {
	case u, ok := <-c:
		if !ok {
			t.Fatal("the updates have ended")
		}
		return u
	case <-time.After(10 * time.Second):
		t.Fatal("no update came")
	}
	return live.Update{}
}

// proves P11: updates reach those who watch the bot or its tenant, in any
// process, and nobody else.
func TestUpdatesReachTheirWatchers(t *testing.T) {
	t.Parallel()
	conn := broker(t).Conn()
	worker, server := hub(t, live.HubConfig{Conn: conn}), hub(t, live.HubConfig{Conn: conn})
	one := watch(t, t.Context(), server, "a", "1")
	all := watch(t, t.Context(), server, "a", "")
	other := watch(t, t.Context(), server, "b", "")
	otherOne := watch(t, t.Context(), server, "b", "1")
	publish(t, worker, "a", "1", 1)
	publish(t, worker, "a", "2", 2)
	publish(t, worker, "a", "1", 3)
	publish(t, worker, "b", "1", 4)
	for name, c := range map[string]struct {
		updates <-chan live.Update
		want    []string
	}{
		"one bot":            {one, []string{"1 1", "1 3"}},
		"tenant":             {all, []string{"1 1", "2 2", "1 3"}},
		"other tenant":       {other, []string{"1 4"}},
		"other tenant's bot": {otherOne, []string{"1 4"}},
	} {
		for _, want := range c.want {
			u := next(t, c.updates)
			if got := u.BotID + " " + string(u.Data); got != want || u.Type != "equity" || u.Time.IsZero() {
				t.Errorf("%s: got %+v, want %s", name, u, want)
			}
		}
	}
}

func TestSlowWatcherLosesTheOldest(t *testing.T) {
	t.Parallel()
	h := hub(t, live.HubConfig{Buffer: 3})
	slow, quick := watch(t, t.Context(), h, "a", "1"), watch(t, t.Context(), h, "a", "1")
	const sent = 1000 // far more than can be under way to the slow watcher at once
	for i := range sent {
		publish(t, h, "a", "1", i)
		next(t, quick)
	}
	var got []live.Update
	for {
		u := next(t, slow)
		got = append(got, u)
		if u.Time.Equal(at(sent-1)) && u.Type != live.Dropped {
			break
		}
	}
	seen, missing, words := 0, 0, 0
	last := time.Time{}
	for _, u := range got {
		if u.Type != live.Dropped {
			seen++
			if !u.Time.After(last) {
				t.Errorf("%v came after %v", u.Time, last)
			}
			last = u.Time
			continue
		}
		words++
		var data struct{ Count int }
		if err := json.Unmarshal(u.Data, &data); err != nil || data.Count == 0 {
			t.Errorf("the word of dropped updates is %s, %v", u.Data, err)
		}
		missing += data.Count
	}
	if seen+missing != sent || words == 0 {
		t.Errorf("saw %d and was told %d times of %d missing; %d were sent", seen, words, missing, sent)
	}
}

func TestPublishNeverWaits(t *testing.T) {
	t.Parallel()
	b := broker(t)
	h := hub(t, live.HubConfig{Conn: b.Conn(), Queue: 1})
	b.Stop()
	for i := range 1000 {
		publish(t, h, "a", "1", i)
	}
	if h.Unsent() == 0 {
		t.Error("nothing was counted as unsent")
	}
	if _, err := h.Subscribe(t.Context(), "a", "1"); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("subscribing without a broker: %v", err)
	}
}

// proves P11: an id cannot widen a subject.
func TestIDsAreChecked(t *testing.T) {
	t.Parallel()
	h := hub(t, live.HubConfig{})
	for _, id := range []string{"", "*", ">", "a.b", "a b", "a\n", "a\x00", "ä", "a.>", string(make([]byte, 200))} {
		for name, err := range map[string]error{
			"publish tenant":   h.Publish(t.Context(), id, "1", live.Update{}),
			"publish bot":      h.Publish(t.Context(), "a", id, live.Update{}),
			"subscribe tenant": second(h.Subscribe(t.Context(), id, "1")),
			"subscribe bot":    second(h.Subscribe(t.Context(), "a", id)),
			"subscribe all":    second(h.SubscribeTenant(t.Context(), id)),
		} {
			if errs.KindOf(errors.Join(err)) != errs.Invalid {
				t.Errorf("%s %q: %v", name, id, err)
			}
		}
	}
	if err := h.Publish(t.Context(), "a", "1", live.Update{Data: json.RawMessage("{")}); err == nil {
		t.Error("an update that is not JSON was sent")
	}
}

func second(_ <-chan live.Update, err error) error { return err }

func TestSubscriptionsEnd(t *testing.T) {
	conn := broker(t).Conn()
	before := conn.NumSubscriptions()
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	h := hub(t, live.HubConfig{Conn: conn})
	ctx, cancel := context.WithCancel(t.Context())
	ended, stopped := watch(t, ctx, h, "a", "1"), watch(t, t.Context(), h, "a", "1")
	publish(t, h, "a", "1", 1)
	next(t, stopped)
	cancel()
	for range ended {
	}
	h.Stop()
	h.Stop()
	for range stopped {
	}
	if n := conn.NumSubscriptions(); n != before {
		t.Errorf("%d subscriptions are left", n-before)
	}
	if _, err := h.Subscribe(t.Context(), "a", "1"); errs.CodeOf(err) != "live_stopped" {
		t.Errorf("a stopped hub subscribed: %v", err)
	}
	if _, err := live.NewHub(live.HubConfig{}); err == nil {
		t.Error("a hub without a connection was built")
	}
}

// BenchmarkPublish is one update that one watcher gets.
func BenchmarkPublish(b *testing.B) {
	br, err := outbox.NewBroker(outbox.BrokerConfig{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	if err := br.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	defer br.Stop()
	h, err := live.NewHub(live.HubConfig{Conn: br.Conn()})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Stop()
	c, err := h.SubscribeTenant(b.Context(), "a")
	if err != nil {
		b.Fatal(err)
	}
	go func() {
		for range c {
		}
	}()
	u := live.Update{Type: "equity", Time: at(0), Data: json.RawMessage(`{"equity":"10000.5"}`)}
	b.ReportAllocs()
	for b.Loop() {
		if err := h.Publish(b.Context(), "a", "1", u); err != nil {
			b.Fatal(err)
		}
	}
}
