package runner

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/execution"
)

// newListener is the orphan's bot at work with its strategy, with the clock of its exchange.
func newListener(t *testing.T) (*shelter, *group, *member, *time.Time) {
	t.Helper()
	s, g, m, _ := newOrphan(t, &absent{})
	if !g.sentinel(t.Context(), m) {
		t.Fatal("it has no account")
	}
	now := s.now
	g.r.cfg.Trading = &Trading{Accounts: &opened{}, Now: func() time.Time { return now }}
	g.r.floor = &floor{r: g.r, seats: map[place]*seat{}, bots: map[*livebot]bool{m.live: true}}
	g.active, g.waiting = g.waiting, nil
	m.live.desk, m.live.account, m.live.retry = &execution.Desk{}, "acc", make(chan struct{}, 1)
	m.live.answered(nil)
	return s, g, m, &now
}

// takes lets a group take what waits for it.
func takes(t *testing.T, g *group) {
	t.Helper()
	for _, c := range g.mail.take() {
		c.live = nil // nothing is to be heard: its desk is empty
		g.handle(t.Context(), c)
	}
	for _, m := range g.active {
		g.running(t.Context(), m)
	}
}

// proves M2 for exchanges: a live bot whose exchange has not answered for longer than a
// reconciliation and a half is degraded, says since when and how long that is, and is well
// again with the first answer.
func TestSilentExchangeDegradesItsBots(t *testing.T) {
	t.Parallel()
	s, g, m, now := newListener(t)
	begun := len(s.told)
	*now = now.Add(45 * time.Second)
	m.live.answered(errors.New("the line is dead"))
	if takes(t, g); len(s.told) != begun+1 || !strings.HasPrefix(s.last(), "running: ") {
		t.Fatalf("after %s told %q", 45*time.Second, s.told[begun:])
	}
	for _, c := range []struct {
		after time.Duration
		want  string
	}{
		{5 * time.Second, "degraded: the exchange has not answered since 00:00:00 UTC on 1 Mar 2026, for less than a minute: it is asked again and again, and nothing new is bought meanwhile; the last answer was: the line is dead"},
		{5 * time.Second, ""}, {5 * time.Second, "for a minute"}, {2 * time.Minute, "for 3 minutes"},
	} {
		*now = now.Add(c.after)
		before := len(s.told)
		m.live.age()
		if takes(t, g); (c.want == "") != (len(s.told) == before) || !strings.Contains(s.last(), c.want) {
			t.Errorf("at %s told %q, want %q", now.Format(time.TimeOnly), s.told[before:], c.want)
		}
	}
	m.live.answered(nil)
	if takes(t, g); !strings.HasPrefix(s.last(), "running: ") {
		t.Errorf("well again, told %q", s.last())
	}
}

// A key that the exchange refuses pauses its bots at once, all that share the account, and
// ends what works with it.
func TestRefusedKeyEndsItsConnection(t *testing.T) {
	t.Parallel()
	s, g, m, _ := newListener(t)
	ends, other := 0, &livebot{r: g.r, tenant: "t", bot: "other", account: "acc"}
	m.live.end = func() { ends++ }
	g.r.floor.seats[m.live.place()] = &seat{bots: map[*livebot]bool{m.live: true, other: true}, end: func() { ends += 10 }}
	m.live.answered(exchange.Rejected("ErrApiKeyRevoked", "the key was revoked"))
	takes(t, g)
	if ends != 11 || len(g.r.floor.seats) > 0 || other.state != bot.Paused {
		t.Errorf("%d ends, %d connections, the other bot is %q", ends, len(g.r.floor.seats), other.state)
	}
	if last := s.last(); !strings.HasPrefix(last, "paused: the exchange refuses the key") || !strings.Contains(last, "the key was revoked") {
		t.Errorf("told %q", last)
	}
	g.r.Nudge("t", "", "acc")
	if g.r.Nudge("u", "bot", "acc"); len(m.live.retry) != 1 {
		t.Error("who replaces the key is not heard at once")
	}
}

// proves RK3: the tenant is told what an exit waits for, and that one which did not come about
// is tried again, until the position is closed.
func TestAnExitThatIsNotDoneIsTold(t *testing.T) {
	t.Parallel()
	s, g, m, _ := newListener(t)
	m.live.holdsUp(true)
	if takes(t, g); !strings.HasPrefix(s.last(), "degraded: its protective exit waits: ") {
		t.Errorf("told %q", s.told)
	}
	m.live.holdsUp(false)
	if takes(t, g); !strings.HasPrefix(s.last(), "running: ") {
		t.Errorf("once it waits no more, told %q", s.last())
	}
	for owed, want := range map[string]string{"": "running: ", "stop-loss at 90 reached": "degraded: its position is not closed yet, which is tried again with each candle: stop-loss at 90 reached"} {
		st := m.account.State()
		st.Engine.Owed = owed
		if err := m.account.Restore(st); err != nil {
			t.Fatal(err)
		}
		if takes(t, g); !strings.HasPrefix(s.last(), want) {
			t.Errorf("owing %q, told %q", owed, s.last())
		}
	}
	st := m.account.State()
	st.Engine.Owed, st.Engine.Refusal = "stop-loss at 90 reached", "the venue refuses it"
	if err := m.account.Restore(st); err != nil {
		t.Fatal(err)
	}
	m.live.pausedBy(t.Context(), "the account holds less than it should") // which does not hide it
	want := "degraded: its position is not closed yet, which is tried again with each candle: stop-loss at 90 reached; the newest order for that: the venue refuses it; " +
		"it places no new orders, protective exits go on: the account holds less than it should"
	if takes(t, g); s.last() != want {
		t.Errorf("told %q, want %q", s.last(), want)
	}
}
