package saas_test

import (
	"bufio"
	"context"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/saastest"
)

// halting is a server with bots of two tenants and an administrator.
type halting struct {
	*saastest.Server
	t     *testing.T
	ada   *saastest.Client
	bo    *saastest.Client
	admin *saastest.Client
}

// newHalting starts a server. An administrator is made before, as an operator does.
func newHalting(t *testing.T, url string) *halting {
	t.Helper()
	env := []string{"LUNOBOT_DATA_DIR=" + t.TempDir(), "DATABASE_URL=" + url, "LUNOBOT_DEMO_SPEED=300", "LUNOBOT_DEMO_SEED=7"}
	make := exec.CommandContext(t.Context(), shared.build(t, "../hosts/lunobot"), "admin", "create", "--email", "root@example.com", "--first-name", "Ro", "--last-name", "Ot")
	make.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "LUNOBOT_ADMIN_PASSWORD=a long enough phrase"}, env...)
	make.Dir = t.TempDir()
	if out, err := make.CombinedOutput(); err != nil {
		t.Fatalf("making an administrator: %v\n%s", err, out)
	}
	s := saastest.New(t, saastest.Config{Binary: buildServer(t), Env: env})
	s.Start()
	h := &halting{Server: s, t: t, ada: s.Register("ada@example.com"), bo: s.Register("bo@example.com"), admin: s.Client()}
	var login struct {
		Token string `json:"access_token"`
	}
	h.admin.Call(http.MethodPost, "/api/v1/auth/login", map[string]string{"email": "root@example.com", "password": "a long enough phrase"}, &login, http.StatusOK)
	h.admin.Token = login.Token
	h.ada.Call(http.MethodPost, "/api/v1/subscriptions/upgrade", map[string]int{"plan_id": 2}, nil, http.StatusOK)
	return h
}

// quick trades often; ladder leaves orders open.
func (h *halting) quick(who *saastest.Client, name string) string {
	return h.bot(who, map[string]any{
		"name": name, "trading_pair": "XBTMYR", "strategy_type": "basic", "parameters": map[string]int{"fast": 1, "slow": 3},
	})
}

func (h *halting) ladder(who *saastest.Client, name string) string {
	return h.bot(who, map[string]any{"name": name, "trading_pair": "ETHMYR", "strategy_type": "marketmaker"})
}

// bot makes a bot and starts it, and returns its path.
func (h *halting) bot(who *saastest.Client, config map[string]any) string {
	h.t.Helper()
	var made struct {
		BotID string `json:"bot_id"`
	}
	who.Call(http.MethodPost, "/api/v1/trading/configs", config, &made, http.StatusCreated)
	path := "/api/v1/trading/bots/" + made.BotID
	who.Call(http.MethodPost, path+"/start", nil, nil, http.StatusOK)
	return path
}

// haltedBot is what the API says of a bot.
type haltedBot struct {
	Status  string `json:"status"`
	Reason  string `json:"status_reason"`
	Summary *struct {
		Position   decimal.Decimal `json:"position"`
		OpenOrders int             `json:"open_orders"`
	} `json:"summary"`
}

func (h *halting) see(who *saastest.Client, path string) (b haltedBot) {
	h.t.Helper()
	who.Call(http.MethodGet, path, nil, &b, http.StatusOK)
	return b
}

// holds waits until a bot holds something, orders until it has orders open.
func (h *halting) holds(who *saastest.Client, path string) {
	h.t.Helper()
	waitFor(h.t, "a position", func() bool { b := h.see(who, path); return b.Summary != nil && b.Summary.Position.IsPositive() })
}

func (h *halting) orders(who *saastest.Client, path string) {
	h.t.Helper()
	waitFor(h.t, "open orders", func() bool { b := h.see(who, path); return b.Summary != nil && b.Summary.OpenOrders > 0 })
}

// follow tells when a bot's stream says that it has stopped.
func (h *halting) follow(who *saastest.Client, path string) <-chan time.Time {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.t.Context())
	h.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.Base()+path+"/stream", nil)
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+who.Token)
	res, err := http.DefaultClient.Do(req) //nolint:bodyclose // whoever reads it closes it
	if err != nil || res.StatusCode != http.StatusOK {
		h.t.Fatalf("following a bot: %v, %v", res, err)
	}
	stopped := make(chan time.Time, 1)
	go func() {
		defer close(stopped)
		defer res.Body.Close() //nolint:errcheck // it is read to its end
		for lines, typ := bufio.NewScanner(res.Body), ""; lines.Scan(); {
			if is, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				typ = is
			}
			if strings.HasPrefix(lines.Text(), "data: ") && typ == "status" && strings.Contains(lines.Text(), `"stopped"`) {
				stopped <- time.Now()
				return
			}
		}
	}()
	return stopped
}

// pull pulls a switch and returns its id, and how long it took until all bots that are
// followed had stopped, counted from before the call.
func (h *halting) pull(who *saastest.Client, path string, body map[string]any, stops ...<-chan time.Time) (id string, took time.Duration) {
	h.t.Helper()
	var pulled struct {
		ID string `json:"id"`
	}
	begun := time.Now()
	who.Call(http.MethodPost, path, body, &pulled, http.StatusOK)
	for _, s := range stops {
		select {
		case at, ok := <-s:
			if !ok {
				h.t.Fatal("a stream ended before its bot had stopped")
			}
			took = max(took, at.Sub(begun))
		case <-time.After(time.Minute):
			h.t.Fatal("a bot has not stopped in a minute")
		}
	}
	return pulled.ID, took
}

// rests checks that bots are at rest with no order open, and cannot be started.
func (h *halting) rests(who *saastest.Client, paths ...string) {
	h.t.Helper()
	for _, path := range paths {
		b := h.see(who, path)
		if b.Status != "stopped" || !strings.HasPrefix(b.Reason, "stopped by the kill switch") || b.Summary == nil || b.Summary.OpenOrders != 0 {
			h.t.Errorf("%s is %+v with %+v", path, b, b.Summary)
		}
		var refused struct{ Code, Detail string }
		who.Call(http.MethodPost, path+"/start", nil, &refused, http.StatusConflict)
		if refused.Code != "halted" {
			h.t.Errorf("starting it is refused with %+v", refused)
		}
	}
}

const ownHalts, allHalts = "/api/v1/trading/halts", "/api/v1/admin/halts"

// proves RK2: kill switches of a bot, a tenant and the installation take effect within a
// second, on what they cover only; orders are taken back; they survive kill -9, and bots
// start again once they are released.
func TestKillSwitch(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		h := newHalting(t, url)
		quick, ladder, other := h.quick(h.ada, "quick"), h.ladder(h.ada, "ladder"), h.quick(h.bo, "other")
		type scope struct {
			name, path string
			by         *saastest.Client
			body       map[string]any
			stops      map[string]*saastest.Client
		}
		scopes := []scope{
			{"bot", ownHalts, h.ada, map[string]any{"scope": "bot", "bot_id": strings.TrimPrefix(quick, "/api/v1/trading/bots/")}, map[string]*saastest.Client{quick: h.ada}},
			{"tenant", ownHalts, h.ada, map[string]any{"reason": "the test"}, map[string]*saastest.Client{quick: h.ada, ladder: h.ada}},
			{"platform", allHalts, h.admin, map[string]any{}, map[string]*saastest.Client{quick: h.ada, ladder: h.ada, other: h.bo}},
		}
		for _, c := range scopes {
			fastest := time.Hour
			for try := 0; try < 3 && fastest > time.Second; try++ { // the machine may be busy with something else for a moment
				h.orders(h.ada, ladder)
				var stops []<-chan time.Time
				for path, who := range c.stops {
					waitFor(t, "a bot to run", func() bool { return h.see(who, path).Status == "running" })
					stops = append(stops, h.follow(who, path))
				}
				id, took := h.pull(c.by, c.path, c.body, stops...)
				fastest = min(fastest, took)
				for path, who := range c.stops {
					h.rests(who, path)
				}
				for path, who := range map[string]*saastest.Client{quick: h.ada, ladder: h.ada, other: h.bo} {
					if b := h.see(who, path); c.stops[path] == nil && b.Status != "running" {
						t.Errorf("the switch of the %s left %s %s: %s", c.name, path, b.Status, b.Reason)
					}
				}
				h.Kill()
				h.Start()
				for path, who := range c.stops {
					h.rests(who, path)
				}
				c.by.Call(http.MethodPost, c.path+"/"+id+"/release", nil, nil, http.StatusOK)
				for path, who := range c.stops {
					who.Call(http.MethodPost, path+"/start", nil, nil, http.StatusOK)
				}
			}
			if fastest > time.Second {
				t.Errorf("the switch of the %s took %s to stop all bots", c.name, fastest)
			}
			t.Logf("the switch of the %s was effective after %s", c.name, fastest.Round(time.Millisecond))
		}
		h.Stop()
	})
}

// proves RK2: a server that is killed right after a switch was pulled that flattens goes
// on with it: the position is sold at the next price, and only once.
func TestKillSwitchFlattensAfterKill(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		h := newHalting(t, url)
		quick := h.quick(h.ada, "quick")
		h.holds(h.ada, quick)
		h.pull(h.ada, ownHalts, map[string]any{"flatten": true})
		h.Kill()
		h.Start()
		waitFor(t, "the bot to stop", func() bool { return h.see(h.ada, quick).Status == "stopped" })
		h.rests(h.ada, quick)
		if b := h.see(h.ada, quick); !b.Summary.Position.IsZero() {
			t.Errorf("it holds %s", b.Summary.Position)
		}
		held := decimal.Zero
		for _, f := range all[apiFill](h.ada, quick+"/fills") {
			switch volume := decimal.RequireFromString(f.Volume); f.Side {
			case "buy":
				held = held.Add(volume)
			default:
				held = held.Sub(volume)
			}
			if held.IsNegative() {
				t.Fatalf("it sold more than it had, by fill %+v", f)
			}
		}
		if !held.IsZero() {
			t.Errorf("its fills leave %s", held)
		}
		h.Stop()
	})
}
