package saas_test

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange/lunosim"
	"github.com/lunobot/lunobot/saas/saastest"
)

// What README.md says about live prices: the two programs find each other with the keys
// that stand there, a bot begins at the simulator's prices, and its trading key is
// connected.
func TestLiveMarketOfPrograms(t *testing.T) {
	t.Parallel()
	keys := lunosim.DefaultAccounts(1, 1)[0].Keys
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys[:2] {
		if !strings.Contains(string(readme), k.ID) || !strings.Contains(string(readme), k.Secret) {
			t.Errorf("README.md does not tell the key %s, %s", k.ID, k.Secret)
		}
	}
	address := simOf(t, "--addr", "127.0.0.1:0").Rest
	s := saastest.New(t, saastest.Config{Binary: buildServer(t), Args: []string{
		"--data-dir", t.TempDir(), "--market", "luno", "--luno-address", address, "--luno-key-id", keys[1].ID, "--luno-key-secret", keys[1].Secret,
	}}).Client()
	s.Start()
	s.Call(http.MethodGet, "/ready", nil, nil, http.StatusOK)
	s.Token = s.Register("live@example.com").Token
	var markets struct {
		Items []struct{ Pair, Label string }
	}
	s.Call(http.MethodGet, "/api/v1/markets", nil, &markets, http.StatusOK)
	if len(markets.Items) != 2 || !strings.HasPrefix(markets.Items[0].Label, "Simulated Luno at "+address) {
		t.Errorf("the markets are %+v", markets)
	}
	var candles struct {
		Items []struct{ Time time.Time }
	}
	s.Call(http.MethodGet, "/api/v1/markets/XBTMYR/candles?interval=15m&limit=100", nil, &candles, http.StatusOK)
	if n := len(candles.Items); n < 98 || time.Since(candles.Items[n-1].Time) > 40*time.Minute {
		t.Errorf("%d candles, the last of %v", n, candles.Items[n-1].Time)
	}
	var account struct{ ID, State, Reason string }
	s.Call(http.MethodPost, "/api/v1/accounts", map[string]string{"name": "Mine", "venue": "luno", "key_id": keys[0].ID, "secret": keys[0].Secret}, &account, http.StatusCreated)
	waitFor(t, "the key to be checked", func() bool {
		s.Call(http.MethodGet, "/api/v1/accounts/"+account.ID, nil, &account, http.StatusOK)
		return account.State != "checking"
	})
	if account.State != "connected" {
		t.Errorf("the account is %+v", account)
	}
	var made struct {
		BotID string `json:"bot_id"`
	}
	s.Call(http.MethodPost, "/api/v1/trading/configs", map[string]any{"name": "one", "trading_pair": "XBTMYR", "strategy_type": "basic"}, &made, http.StatusCreated)
	path := "/api/v1/trading/bots/" + made.BotID
	s.Call(http.MethodPost, path+"/start", nil, nil, http.StatusOK)
	var b struct{ Status, Reason string }
	waitFor(t, "the bot to run", func() bool {
		s.Call(http.MethodGet, path, nil, &b, http.StatusOK)
		return b.Status == "running"
	})
	stopBot(t, s, path)
	s.Stop()
}
