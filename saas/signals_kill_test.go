package saas_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/saastest"
)

// sender posts signals to one webhook, as a program outside does that wants each
// to arrive: whatever is not answered is sent again with the same id.
type sender struct {
	t      *testing.T
	base   *atomic.Pointer[string] // where the server is at present
	bot    string
	path   string
	secret string
	chance *rand.Rand

	// accepted are the receipts by the message's id; unsure are ids of which no
	// answer was waited for.
	accepted map[string]receipt
	unsure   map[string]bool
	// unanswered is how many attempts got no answer, repeated how many messages
	// were sent again after one.
	unanswered, repeated int
}

type receipt struct {
	ID         string    `json:"id"`
	ReceivedAt time.Time `json:"received_at"`
}

// attempt sends a message once. Within is how long the answer is waited for.
func (s *sender) attempt(id, body string, within time.Duration) (status int, r receipt, again time.Duration, err error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), within)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, *s.base.Load()+s.path, strings.NewReader(body))
	if err != nil {
		return 0, r, 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+s.secret)
	req.Header.Set("Webhook-Id", id)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, r, 0, err
	}
	defer res.Body.Close() //nolint:errcheck // the body has been read
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, r, 0, err
	}
	if after, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil {
		again = time.Duration(after) * time.Second
	}
	switch res.StatusCode {
	case http.StatusAccepted:
		err = json.Unmarshal(raw, &r)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
	default:
		err = fmt.Errorf("message %s: %d %s", id, res.StatusCode, raw)
		s.t.Error(err)
	}
	return res.StatusCode, r, again, err
}

// deliver sends a message until it is accepted.
func (s *sender) deliver(id, body string) {
	for s.t.Context().Err() == nil && !s.t.Failed() {
		within := 10 * time.Second
		if s.chance.IntN(4) == 0 { // who is impatient loses the answer and not the message
			within = time.Duration(s.chance.IntN(4_000)) * time.Microsecond
		}
		status, r, again, err := s.attempt(id, body, within)
		switch {
		case err != nil:
			s.unanswered++
			again = 10 * time.Millisecond
		case status == http.StatusAccepted:
			if before, known := s.accepted[id]; known && before != r {
				s.t.Errorf("message %s was received %+v and again %+v", id, before, r)
			} else if known {
				s.repeated++
			}
			s.accepted[id] = r
			return
		}
		time.Sleep(again) // what the server asks for, or a moment for it to come back
	}
}

// run sends messages until stop is closed: buys, sales, and what means nothing.
func (s *sender) run(stop <-chan struct{}) {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(s.chance.IntN(300)) * time.Millisecond):
		}
		id := fmt.Sprintf("m%d", i)
		body := []string{`{"action":"buy","amount":200}`, `{"action":"buy","amount":100}`, `{"action":"sell","size":50}`, `{"action":"dance"}`}[s.chance.IntN(4)]
		if s.chance.IntN(6) == 0 { // sent once, and nobody asks what became of it
			id = fmt.Sprintf("u%d", i)
			s.unsure[id] = true
			_, _, _, _ = s.attempt(id, body, time.Duration(s.chance.IntN(4_000))*time.Microsecond)
			continue
		}
		s.deliver(id, body)
		if s.chance.IntN(3) == 0 {
			s.deliver(id, body)
		}
	}
}

// proves E13, T1, T3, W5 for signals: while a server is killed again and again,
// every message that it has accepted leads to one decision and at most one order,
// however often it was sent; and PL2: a replay of what the bots saw is identical.
func TestSignalsOutliveKills(t *testing.T) {
	t.Parallel()
	binary := buildServer(t)
	dbtest.EachURL(t, func(t *testing.T, url string) {
		const kills, speed, seed = 5, 1_500, 11
		s := saastest.New(t, saastest.Config{Binary: binary, Env: []string{
			"LUNOBOT_DATA_DIR=" + t.TempDir(), "DATABASE_URL=" + url, fmt.Sprintf("LUNOBOT_DEMO_SPEED=%d", speed), fmt.Sprintf("LUNOBOT_DEMO_SEED=%d", seed),
		}}).Client()
		s.Start()
		s.Token = s.Register("signals@example.com").Token
		s.Call(http.MethodPost, "/api/v1/subscriptions/upgrade", map[string]int{"plan_id": 2}, nil, http.StatusOK)
		var base atomic.Pointer[string]
		base.Store(new(s.Base()))
		senders := make([]*sender, 3)
		for i := range senders {
			senders[i] = newSender(t, s, &base, fmt.Sprint("ear ", i), []string{"XBTMYR", "ETHMYR"}[i%2], seed+uint64(i))
		}
		stop := make(chan struct{})
		var work sync.WaitGroup
		for _, x := range senders {
			work.Go(func() { x.run(stop) })
		}
		chance := rand.New(rand.NewPCG(seed, kills))
		for range kills {
			time.Sleep(time.Duration(300+chance.IntN(1200)) * time.Millisecond) // the moment of the kill is the test
			s.Kill()
			s.Start()
			base.Store(new(s.Base()))
		}
		close(stop)
		work.Wait()
		orders, accepted, unanswered, repeated := 0, 0, 0, 0
		for _, x := range senders {
			orders += x.check(s)
			accepted, unanswered, repeated = accepted+len(x.accepted), unanswered+x.unanswered, repeated+x.repeated
		}
		if orders < 10 || unanswered < 5 || repeated < 5 {
			t.Errorf("%d orders, %d lost answers and %d repeats: the run proves little", orders, unanswered, repeated)
		}
		t.Logf("seed %d: %d kills, %d messages accepted, %d attempts without an answer, %d sent again after one, %d orders", seed, kills, accepted, unanswered, repeated, orders)
	})
}

// newSender makes a bot that listens, starts it and gives it a webhook.
func newSender(t *testing.T, s *saastest.Client, base *atomic.Pointer[string], name, pair string, seed uint64) *sender {
	t.Helper()
	var made struct {
		BotID string `json:"bot_id"`
	}
	s.Call(http.MethodPost, "/api/v1/trading/configs", map[string]any{
		"name": name, "trading_pair": pair, "strategy_type": "signals", "parameters": map[string]any{"max_age": 0},
	}, &made, http.StatusCreated)
	var hook struct{ Path, Token string }
	bot := "/api/v1/trading/bots/" + made.BotID
	s.Call(http.MethodPost, bot+"/webhook", nil, &hook, http.StatusCreated)
	s.Call(http.MethodPost, bot+"/start", nil, nil, http.StatusOK)
	return &sender{
		t: t, base: base, bot: bot, path: hook.Path, secret: hook.Token, chance: rand.New(rand.NewPCG(seed, 1)),
		accepted: map[string]receipt{}, unsure: map[string]bool{},
	}
}

// check waits until the bot has heard all that came, stops it, and holds what it
// did against what was sent. It returns how many orders there were.
func (x *sender) check(s *saastest.Client) int {
	t := x.t
	t.Helper()
	type heard struct {
		ID, Status, Answer string
		ReceivedAt         time.Time `json:"received_at"`
	}
	var signals []heard
	waitFor(t, "all signals to be heard", func() bool {
		signals = all[heard](s, x.bot+"/signals")
		for _, h := range signals {
			if h.Status == "waiting" {
				return false
			}
		}
		return true
	})
	// One that the stop took back would say that as its reason, and not its signal.
	waitFor(t, "all orders to be over", func() bool {
		for _, o := range all[struct{ State string }](s, x.bot+"/orders") {
			if o.State == "open" || o.State == "partially_filled" {
				return false
			}
		}
		return true
	})
	stopBot(t, s, x.bot)
	decisions := all[struct {
		Kind, Text string
		Time       time.Time
	}](s, x.bot+"/decisions")
	orders := all[struct {
		Number           int64
		ClientID, Reason string
	}](s, x.bot+"/orders")
	mentions := func(text, id string) bool { return strings.Contains(text, fmt.Sprintf("signal %q", id)) }
	listed := map[string]int{}
	followed := 0
	for _, h := range signals {
		listed[h.ID]++
		if _, known := x.accepted[h.ID]; !known && !x.unsure[h.ID] {
			t.Errorf("%s was never sent", h.ID)
		}
		if r, known := x.accepted[h.ID]; known && !r.ReceivedAt.Equal(h.ReceivedAt) {
			t.Errorf("%s was received %s and the sender was told %s", h.ID, h.ReceivedAt, r.ReceivedAt)
		}
		decided, ordered := 0, 0
		for _, d := range decisions {
			if mentions(d.Text, h.ID) {
				decided++
			}
		}
		for _, o := range orders {
			if mentions(o.Reason, h.ID) {
				ordered++
			}
		}
		want := 0
		if h.Status == "followed" {
			followed++
			want = 1
		}
		if decided != 1 || ordered != want || h.Status == "missed" || !mentions(h.Answer, h.ID) {
			t.Errorf("%+v has %d decisions and %d orders, want 1 and %d", h, decided, ordered, want)
		}
	}
	for id := range x.accepted {
		if listed[id] != 1 {
			t.Errorf("%s was accepted and is listed %d times", id, listed[id])
		}
	}
	for i, o := range orders {
		if o.Number != int64(i+1) {
			t.Errorf("order %d has the number %d", i+1, o.Number)
		}
	}
	if len(orders) != followed {
		t.Errorf("%d orders for %d signals that were followed", len(orders), followed)
	}
	replayAll(t, s, x.bot, int64(decisions[len(decisions)-1].Time.Sub(decisions[0].Time)/time.Minute), 1)
	return len(orders)
}
