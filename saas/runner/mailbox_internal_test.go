package runner

import (
	"context"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
)

// stuck is a history that answers nothing until it is given up, and tells of each question.
type stuck struct {
	exchange.MarketData
	asked chan struct{}
	last  context.Context //nolint:containedctx // of the newest question
}

func (h *stuck) Candles(ctx context.Context, _ string, _ time.Duration, _ time.Time, _ int) ([]exchange.Candle, error) {
	h.last = ctx
	h.asked <- struct{}{}
	<-ctx.Done()
	return nil, ctx.Err()
}

// proves RK2: a history that hangs keeps no bot from stopping; what was missed is caught up
// with afterwards. Messages of another kind do not disturb it.
func TestHangingHistoryDelaysNoStop(t *testing.T) {
	t.Parallel()
	_, g, m, _ := newOrphan(t, &absent{})
	if !g.sentinel(t.Context(), m) {
		t.Fatal("it has no account")
	}
	past := &stuck{asked: make(chan struct{}, 2)}
	g.r.cfg.History, g.active, g.waiting = past, g.waiting, nil
	done := make(chan error)
	ask := func() { done <- g.catchUp(t.Context(), nil) }
	go ask()
	<-past.asked
	if g.send(control{live: []*member{m}}); past.last.Err() != nil {
		t.Error("what is new of a bot breaks it off")
	}
	g.send(control{stop: []*member{m}})
	select {
	case err := <-done:
		if len(g.behind) != 1 || err != nil {
			t.Errorf("it goes on later: %d, %v", len(g.behind), err)
		}
	case <-time.After(callTimeout / 2):
		t.Fatal("the stop waits for the history")
	}
	go ask() // asked while the message waits, it does not begin to wait
	<-past.asked
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, end := g.mail.interrupted(t.Context(), time.Minute, killUrgent); len(g.mail.waiting) != 1 {
		t.Error("nobody waits")
	} else {
		end()
	}
	m.told = bot.Halted
	ctx, end := g.mail.interrupted(t.Context(), time.Minute, killUrgent)
	if ctx.Err() != nil {
		t.Error("a stop that was asked for is taken for a kill switch")
	}
	if g.send(control{stop: []*member{m}}); ctx.Err() == nil {
		t.Error("a kill switch waits for other pairs")
	}
	if end(); len(g.mail.waiting) != 0 {
		t.Errorf("%d wait", len(g.mail.waiting))
	}
}
