package api_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/api"
	"github.com/lunobot/lunobot/saas/live"
)

// event is a server-sent event; a comment has no name.
type event struct{ id, name, data, comment string }

// follow opens a bot's stream through a real server with a short time for whole
// answers, and returns its events.
func (b *bench) follow(ctx context.Context, token, botID string) (<-chan event, http.Header) {
	b.t.Helper()
	return b.followPath(ctx, token, bots+"/"+botID+"/stream")
}

// followPath is follow for any stream.
func (b *bench) followPath(ctx context.Context, token, path string) (<-chan event, http.Header) {
	b.t.Helper()
	server := httptest.NewUnstartedServer(b.api.Handler())
	server.Config.WriteTimeout = 200 * time.Millisecond
	server.Start()
	b.t.Cleanup(server.Close)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+path, nil)
	must(b.t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := server.Client().Do(r)
	must(b.t, err)
	b.t.Cleanup(func() { _ = answer.Body.Close() })
	if answer.StatusCode != http.StatusOK {
		b.t.Fatalf("status = %d", answer.StatusCode)
	}
	events := make(chan event)
	go func() {
		defer close(events)
		var e event
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch {
			case lines.Text() == "":
				select {
				case events <- e:
				case <-ctx.Done():
					return
				}
				e = event{}
			case name == "id":
				e.id = value
			case name == "event":
				e.name = value
			case name == "data":
				e.data += value
			case name == "":
				e.comment = value
			}
		}
	}()
	return events, answer.Header
}

// next returns the next event that is no comment.
func next(t *testing.T, events <-chan event) event {
	t.Helper()
	for {
		select {
		case e, ok := <-events:
			if !ok {
				t.Fatal("the stream ended")
			}
			if e.name != "" {
				return e
			}
		case <-time.After(10 * time.Second):
			t.Fatal("no event came")
		}
	}
}

func wantEnd(t *testing.T, events <-chan event, code string) {
	t.Helper()
	if e := next(t, events); e.name != "end" || !strings.Contains(e.data, code) {
		t.Errorf("last event = %+v, want end with %s", e, code)
	}
	for range events { // drained until the server hangs up
	}
}

func TestStream(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	_, id := b.create(token)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events, header := b.follow(ctx, token, id)
	if ct := header.Get("Content-Type"); ct != "text/event-stream" {
		t.Errorf("Content-Type = %s", ct)
	}
	if e := next(t, events); e.name != "snapshot" || !strings.Contains(e.data, `"status":"stopped"`) || e.id == "" {
		t.Errorf("first event = %+v", e)
	}
	b.call("HEAD", bots+"/"+id+"/stream", token, "").want(200)
	tenant := b.tenant(token)
	b.live.publish(tenant, id, live.Update{Type: "fill", Time: b.clock.Now(), Data: []byte("{\"price\":\n\"250000\",\"fee\":\"1\",\"time\":1767225600500}")})
	first := next(t, events)
	if first.name != "fill" || first.data != `{"fee_counter":"1","price":"250000","time":"2026-01-01T00:00:00.5Z"}` {
		t.Errorf("event = %+v", first)
	}
	// The server's time for a whole answer passes; the stream goes on.
	time.Sleep(300 * time.Millisecond)
	b.live.publish(tenant, id, live.Update{Type: "status\nevent: forged", Time: b.clock.Now(), Data: []byte(`{}`)})
	if e := next(t, events); e.name != "statusevent: forged" || e.id == first.id {
		t.Errorf("event = %+v", e)
	}
	b.live.publish(tenant, id, live.Update{Type: "empty", Time: b.clock.Now()})
	if e := next(t, events); e.name != "empty" || e.data != `{}` {
		t.Errorf("event = %+v", e)
	}
	b.api.Stop()
	wantEnd(t, events, "server_stopping")
}

func TestStreamEndsWithTheSession(t *testing.T) {
	t.Parallel()
	beat := func(c *api.Config) { c.Heartbeat = 5 * time.Millisecond }
	t.Run("logout", func(t *testing.T) {
		t.Parallel()
		b := setup(t, beat)
		token := b.register("ada@example.com")
		_, id := b.create(token)
		events, _ := b.follow(t.Context(), token, id)
		next(t, events)
		if e := <-events; e.comment == "" {
			t.Errorf("no heartbeat, but %+v", e)
		}
		done := make(chan struct{})
		go func() { defer close(done); wantEnd(t, events, "session_ended") }()
		b.call("POST", "/api/v1/auth/logout", token, "").want(204)
		<-done
	})
	t.Run("expiry", func(t *testing.T) {
		t.Parallel()
		b := setup(t, beat)
		token := b.register("ada@example.com")
		_, id := b.create(token)
		events, _ := b.follow(t.Context(), token, id)
		next(t, events)
		b.clock.Move(time.Hour)
		wantEnd(t, events, "token_expired")
	})
}

func TestStreamEndsWithTheBot(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *api.Config) { c.Heartbeat = 5 * time.Millisecond })
	token := b.register("ada@example.com")
	_, id := b.create(token)
	events, _ := b.follow(t.Context(), token, id)
	next(t, events)
	done := make(chan struct{})
	go func() { defer close(done); wantEnd(t, events, `"deleted"`) }()
	b.call("DELETE", bots+"/"+id, token, "").want(204)
	<-done
}

func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *api.Config) { c.Streams = live.NewPlaces(1) })
	token := b.register("ada@example.com")
	_, id := b.create(token)
	ctx, cancel := context.WithCancel(t.Context())
	events, _ := b.follow(ctx, token, id)
	next(t, events)
	r := b.call("GET", bots+"/"+id+"/stream", token, "").want(429, `"code":"too_many_streams"`)
	if r.Header.Get("Retry-After") != "5" {
		t.Errorf("Retry-After = %q", r.Header.Get("Retry-After"))
	}
	cancel()
	for range events { // until the client has gone
	}
	b.api.Stop() // a stream that is taken now ends at once
	for deadline := time.Now().Add(10 * time.Second); ; {
		if r := b.call("GET", bots+"/"+id+"/stream", token, ""); r.Status == 200 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the place was not given back")
		}
	}
}
