package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/saastest"
)

// serve builds the server and starts it on a folder's lunobot-data.
func serve(t *testing.T, dir string) *saastest.Server {
	t.Helper()
	server := filepath.Join(t.TempDir(), "server")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", server, "../server").CombinedOutput(); err != nil {
		t.Fatalf("building the server: %v\n%s", err, out)
	}
	s := saastest.New(t, saastest.Config{Args: []string{"--demo-speed", "3000"}, Binary: server, Dir: dir})
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

// tenant is somebody who is logged in.
type tenant struct {
	*saastest.Client
	t *testing.T
}

// seenBot is what the API shows of a bot.
type seenBot struct {
	Status          string `json:"status"`
	StatusReason    string `json:"status_reason"`
	StrategyVersion string `json:"strategy_version"`
}

func (n *tenant) look(bot string) (b seenBot) {
	n.t.Helper()
	n.Call("GET", "/api/v1/trading/bots/"+bot, nil, &b, 200)
	return b
}

// runs makes a bot of a strategy and starts it.
func (n *tenant) runs(strategy string) (bot string) {
	n.t.Helper()
	var made struct {
		BotID string `json:"bot_id"`
	}
	n.Call("POST", "/api/v1/trading/configs", map[string]string{"name": strategy, "trading_pair": "XBTMYR", "strategy_type": strategy}, &made, 201)
	n.Call("POST", "/api/v1/trading/bots/"+made.BotID+"/start", nil, nil, 200)
	return made.BotID
}

// decisions counts the lines of a bot's log, up to 100.
func (n *tenant) decisions(bot string) int {
	n.t.Helper()
	var list struct {
		Items []struct {
			Number int64 `json:"number"`
		} `json:"items"`
	}
	n.Call("GET", "/api/v1/trading/bots/"+bot+"/decisions?limit=100", nil, &list, 200)
	return len(list.Items)
}

// until waits up to a minute and returns how long it took.
func until(t *testing.T, what string, ok func() bool) time.Duration {
	t.Helper()
	begun := time.Now()
	for ; time.Since(begun) < time.Minute; time.Sleep(50 * time.Millisecond) {
		if ok() {
			return time.Since(begun)
		}
	}
	t.Fatalf("waited a minute for %s", what)
	return 0
}

// The whole way of a strategy with real binaries: an author begins and builds a
// plugin; an operator checks it, puts it in and approves it beside the running
// server; a tenant's bot decides with it; it is revoked and approved again.
// proves PL5: the revoked version pauses its bots and no other.
func TestFromNewPluginToRunningBot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	step{"plugin new pulse-idea --module example.org/me/pulse --replace " + checkout(t), 0, []string{"cd pulse-idea"}}.take(t, dir)
	file := filepath.Join(dir, "pulse-idea", "bin", "pulse-idea")
	goIn(t, filepath.Join(dir, "pulse-idea"), "build", "-o", file, ".")
	step{"plugin check " + file, 0, []string{"checks passed"}}.take(t, dir)

	server := serve(t, dir)
	ada, eve := &tenant{server.Register("ada@example.com"), t}, &tenant{server.Register("eve@example.com"), t}
	refused := struct{ Code string }{}
	ada.Call("POST", "/api/v1/trading/configs", map[string]string{"name": "x", "trading_pair": "XBTMYR", "strategy_type": "pulse-idea"}, nil, 422)
	step{"plugin install " + file + " --by op", 0, []string{"lunobot plugin approve pulse-idea@0.1.0"}}.take(t, dir)
	ada.Call("POST", "/api/v1/trading/configs", map[string]string{"name": "x", "trading_pair": "XBTMYR", "strategy_type": "pulse-idea"}, nil, 422)
	ada.Call("GET", "/api/v1/admin/strategies", nil, &refused, 403)
	ada.Call("POST", "/api/v1/admin/strategies/pulse-idea/0.1.0/approve", nil, &refused, 403)
	if refused.Code != "admin_only" {
		t.Errorf("a tenant who approves is told %q", refused.Code)
	}
	step{"plugin approve pulse-idea@0.1.0 --by op", 0, []string{"approved pulse-idea@0.1.0"}}.take(t, dir)
	offered := until(t, "the strategy to be offered", func() bool {
		var list struct{ Items []struct{ Name string } }
		ada.Call("GET", "/api/v1/strategies", nil, &list, 200)
		for _, s := range list.Items {
			if s.Name == "pulse-idea" {
				return true
			}
		}
		return false
	})
	bot, other := ada.runs("pulse-idea"), eve.runs("basic")
	running := func() bool { return ada.look(bot).Status == "running" && ada.decisions(bot) >= 3 }
	until(t, "the bot to decide", running)
	until(t, "the other bot to decide", func() bool { return eve.look(other).Status == "running" && eve.decisions(other) >= 3 })
	if now := ada.look(bot); now.StrategyVersion != "0.1.0" {
		t.Errorf("it is pinned to %q", now.StrategyVersion)
	}
	step{"plugin remove pulse-idea@0.1.0", 2, []string{"bots are pinned to it"}}.take(t, dir)

	step{"plugin revoke pulse-idea@0.1.0 --by op --reason losses", 0, []string{"pinned by 1 bots"}}.take(t, dir)
	paused := until(t, "the bot to pause", func() bool { return ada.look(bot).Status == "paused" })
	if now := ada.look(bot); !strings.Contains(now.StatusReason, "pulse-idea 0.1.0 cannot be used: its approval was revoked (losses)") {
		t.Errorf("it pauses because %q", now.StatusReason)
	}
	if offered > 15*time.Second || paused > 15*time.Second {
		t.Errorf("an approval was seen after %s, a revocation after %s", offered, paused)
	}
	before := eve.decisions(other)
	until(t, "the other bot to decide on", func() bool { return eve.decisions(other) > before || before == 100 })
	if now := eve.look(other); now.Status != "running" {
		t.Errorf("the other bot is %s: %s", now.Status, now.StatusReason)
	}
	step{"plugin approve pulse-idea@0.1.0 --by op", 0, []string{"approved"}}.take(t, dir)
	until(t, "the bot to run again", func() bool { return ada.look(bot).Status == "running" })

	// A file that somebody swaps for another pauses the bot too.
	found, err := filepath.Glob(filepath.Join(dir, "lunobot-data", "plugins", "pulse-idea", "0.1.0", "*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("the files are %v, %v", found, err)
	}
	if err := os.Remove(found[0]); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(found[0], []byte("evil"), 0o600); err != nil {
		t.Fatal(err)
	}
	until(t, "the bot to pause for its file", func() bool {
		return strings.Contains(ada.look(bot).StatusReason, "its file was changed since it was put in")
	})
}
