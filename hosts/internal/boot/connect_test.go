package boot_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
	"github.com/lunobot/lunobot/exchange/lunosim"
	"github.com/lunobot/lunobot/hosts/internal/boot"
	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/tenancy/vault"
)

// simulatedLuno starts a simulated Luno with all of its markets, for the test.
func simulatedLuno(t *testing.T) (*lunosim.Sim, *httptest.Server) {
	t.Helper()
	sim, err := lunosim.New(lunosim.Config{Markets: lunosim.Markets()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	return sim, server
}

// A connected account places orders and is told of them on its stream; a market that
// is counted in other ticks than the venue's takes none. proves T9: what the bot
// means is what is sent.
func TestConnectToASimulatedLuno(t *testing.T) {
	t.Parallel()
	sim, server := simulatedLuno(t)
	cfg, err := boot.Options{
		Backtests: "1", DataDir: t.TempDir(), DemoSeed: "1", DemoSpeed: "60", Env: "development", Lease: "10s", NATSReplicas: "1", LunoAddress: server.URL, PluginCPU: "0.25", Sandbox: "off",
	}.Config(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	connect := func(m exchange.Market) account.Connection {
		budget, err := luno.NewBudget(luno.BudgetConfig{})
		if err != nil {
			t.Fatal(err)
		}
		key := sim.Keys()[0]
		c, err := cfg.Venues["luno"].Connect(account.Credential{Key: vault.NewSecret(key.ID), Secret: vault.NewSecret(key.Secret)}, budget, []exchange.Market{m}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	m := lunosim.Markets()[0].Market
	order := exchange.OrderRequest{
		ClientID: "mine", Pair: m.Pair, Side: exchange.Buy, Type: exchange.LimitOrder, Price: 300_000, Volume: 200, Time: time.Now().UnixMilli(), TTL: 5_000,
	}
	own := connect(m)
	ctx, cancel := context.WithCancel(t.Context())
	events, ended := make(chan exchange.AccountEvent, 100), make(chan error, 1)
	go func() { ended <- own.StreamAccount(ctx, func(e exchange.AccountEvent) { events <- e }) }()
	if e := <-events; !e.Connected {
		t.Errorf("the stream begins with %+v", e)
	}
	placed, err := own.For("bot").Place(ctx, order)
	if err != nil || placed.ID == "" {
		t.Fatal(placed, err)
	}
	for told := false; !told; {
		select {
		case e := <-events:
			told = e.Order != nil && e.Order.OrderID == placed.ID && e.Order.ClientID == "mine"
		case err := <-ended:
			t.Fatal(err)
		}
	}
	cancel()
	if err := <-ended; ctx.Err() == nil {
		t.Error(err)
	}
	m.Tick, order.ClientID = decimal.RequireFromString("0.1"), "other"
	if _, err := connect(m).For("bot").Place(t.Context(), order); exchange.OutcomeOf(err) != exchange.OutcomeRejected {
		t.Errorf("an order in ticks of 0.1 gave %v", err)
	}
}
