package boot_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/hosts/internal/boot"
)

// noted is a budget that notes who asks.
type noted struct {
	mu    sync.Mutex
	turns []string
}

// Take implements exchange.Budget.
func (n *noted) Take(_ context.Context, t exchange.Turn) (time.Duration, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.turns = append(n.turns, fmt.Sprintf("%s %t", t.Bot, t.Spare))
	return 0, nil
}

// Pause implements exchange.Budget.
func (n *noted) Pause(context.Context, time.Duration) error { return nil }

// proves T10: all that is asked with the operator's key is counted in the budget that is
// shared, what nobody trades by as spare calls; and a key that may tells whose it is.
func TestMarketIsAskedByTheSharedBudget(t *testing.T) {
	t.Parallel()
	sim, server := simulatedLuno(t)
	key := sim.Keys()[1]
	cfg, err := boot.Options{
		Backtests: "1", DataDir: t.TempDir(), DemoSeed: "1", DemoSpeed: "60", Env: "development", Lease: "10s", NATSReplicas: "1", PluginCPU: "0.25", Sandbox: "off",
		Market: "luno", LunoAddress: server.URL, LunoKeyID: key.ID, LunoSecret: key.Secret,
	}.Config(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	asked := &noted{}
	cfg.Live.Share(asked)
	for _, caller := range []string{"bots", "pages", "backtests", "replays"} {
		if list, err := cfg.Live.Data(caller).Markets(t.Context()); err != nil || len(list) == 0 {
			t.Fatalf("%s: %d markets, %v", caller, len(list), err)
		}
	}
	if _, err := cfg.Live.Tickers(t.Context(), "XBTMYR"); err != nil {
		t.Fatal(err)
	}
	ids, err := cfg.Live.Wallets(t.Context())
	if err != nil || len(ids) != 8 || slices.ContainsFunc(ids, func(id string) bool { return len(id) != 19 }) {
		t.Errorf("the key reaches the accounts %v, %v", ids, err)
	}
	if got, want := strings.Join(asked.turns, ", "), "bots false, pages true, backtests true, replays true, pages true, bots false"; got != want {
		t.Errorf("turns %s, want %s", got, want)
	}
}
