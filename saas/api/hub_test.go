package api_test

import (
	"context"
	"sync"

	"github.com/lunobot/lunobot/saas/live"
)

// hub passes updates on to whoever subscribed.
type hub struct {
	mu   sync.Mutex
	subs map[string][]chan live.Update
}

func newHub() *hub { return &hub{subs: map[string][]chan live.Update{}} }

func (h *hub) Subscribe(_ context.Context, tenantID, botID string) (<-chan live.Update, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	ch := make(chan live.Update, 8)
	h.subs[tenantID+botID] = append(h.subs[tenantID+botID], ch)
	return ch, nil
}

func (h *hub) publish(tenantID, botID string, u live.Update) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, ch := range h.subs[tenantID+botID] {
		ch <- u
	}
}
