package boot_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/hosts/internal/boot"
	"github.com/lunobot/lunobot/saas"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/strategy/pluginhost/sandbox"
	"github.com/lunobot/lunobot/tenancy"
)

func TestMain(m *testing.M) {
	boot.Bundle().ServeIfChild()
	os.Exit(m.Run())
}

// run starts the server, or with "worker" first the worker, with settings that cannot work and returns its exit
// code and what it complains of.
func run(t *testing.T, env map[string]string, args ...string) (int, string) {
	t.Helper()
	program := boot.Server
	if len(args) > 0 && args[0] == "worker" {
		program, args = boot.Worker, args[1:]
	}
	t.Chdir(t.TempDir())
	for _, name := range []string{
		"LUNOBOT_ADDR", "LUNOBOT_BACKTESTS", "LUNOBOT_PLUGIN_CPU", "LUNOBOT_DATA_DIR", "DATABASE_URL", "LUNOBOT_DEMO_SPEED", "LUNOBOT_DEMO_SEED", "LUNOBOT_ENV", "LUNOBOT_SIGNING_KEY",
		"LUNOBOT_VAULT_KEY", "LUNOBOT_PLUGIN_SANDBOX", "LUNOBOT_BASE_URL", "LUNOBOT_PLANS", "LUNOBOT_LOG_LEVEL", "LUNOBOT_LUNO_ADDRESS", "LUNOBOT_LEASE", "LUNOBOT_NATS_URL", "LUNOBOT_NATS_REPLICAS", "LUNOBOT_ROLE", "LUNOBOT_VAULT_PUBLIC_KEY", "LUNOBOT_WORKER_ADDR",
		"LUNOBOT_MARKET", "LUNOBOT_LUNO_KEY_ID", "LUNOBOT_LUNO_KEY_SECRET", "LUNOBOT_PAIRS",
	} {
		t.Setenv(name, env[name])
		if env[name] == "" {
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	out, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	problems, err := os.CreateTemp(t.TempDir(), "problems")
	if err != nil {
		t.Fatal(err)
	}
	code := program(sandbox.Shim{}, args, out, problems)
	text, err := os.ReadFile(problems.Name())
	if err != nil {
		t.Fatal(err)
	}
	return code, string(text)
}

func TestBadSettings(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	newer := "sqlite://" + filepath.Join(t.TempDir(), "newer.db")
	fromTheFuture(t, newer)
	plans := filepath.Join(t.TempDir(), "plans.yaml")
	if err := os.WriteFile(plans, []byte("plans:\n  - id: free\n    colour: blue\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	busy := t.TempDir()
	first, err := saas.New(t.Context(), saas.Config{DataDir: busy, Strategies: boot.Bundle()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(first.Stop)
	sim, simulated := simulatedLuno(t)
	settled := t.TempDir()
	settle(t, settled)
	market := func(more ...string) map[string]string {
		env := map[string]string{
			"LUNOBOT_MARKET": "luno", "LUNOBOT_LUNO_ADDRESS": simulated.URL, "LUNOBOT_LUNO_KEY_ID": sim.Keys()[1].ID, "LUNOBOT_LUNO_KEY_SECRET": sim.Keys()[1].Secret,
		}
		for i := 0; i < len(more); i += 2 {
			env[more[i]] = more[i+1]
		}
		return env
	}
	cases := map[string]struct {
		env  map[string]string
		args []string
		code int
		says []string
	}{
		"all faulty values together": {
			map[string]string{"LUNOBOT_ADDR": "nowhere", "LUNOBOT_DEMO_SPEED": "-1", "LUNOBOT_DEMO_SEED": "x", "LUNOBOT_ENV": "testing", "DATABASE_URL": "mysql://x", "LUNOBOT_BASE_URL": "bots", "LUNOBOT_LOG_LEVEL": "loud", "LUNOBOT_BACKTESTS": "0", "LUNOBOT_LEASE": "1", "LUNOBOT_NATS_URL": "hunter2@nats", "LUNOBOT_NATS_REPLICAS": "0", "LUNOBOT_PLUGIN_CPU": "0"},
			nil, 2, []string{"LUNOBOT_LEASE", "LUNOBOT_NATS_URL", "LUNOBOT_NATS_REPLICAS", "LUNOBOT_PLUGIN_CPU", "LUNOBOT_BACKTESTS", "LUNOBOT_ADDR", "LUNOBOT_DEMO_SPEED", "LUNOBOT_DEMO_SEED", "LUNOBOT_ENV", "DATABASE_URL", "LUNOBOT_BASE_URL", "LUNOBOT_LOG_LEVEL"},
		},
		"a flag that does not exist":        {nil, []string{"--fast"}, 2, []string{"--fast"}},
		"a port in use":                     {map[string]string{"LUNOBOT_ADDR": taken.Addr().String()}, nil, 1, []string{"in use", taken.Addr().String(), "LUNOBOT_ADDR"}},
		"production without secrets":        {map[string]string{"LUNOBOT_ENV": "production"}, []string{"--addr", "127.0.0.1:0"}, 1, []string{"LUNOBOT_SIGNING_KEY", "LUNOBOT_VAULT_KEY", "production"}},
		"broken secrets":                    {map[string]string{"LUNOBOT_SIGNING_KEY": "c2hvcnQ=", "LUNOBOT_VAULT_KEY": "nonsense"}, []string{"--addr", "127.0.0.1:0"}, 1, []string{"LUNOBOT_SIGNING_KEY", "LUNOBOT_VAULT_KEY"}},
		"a data folder that is a file":      {map[string]string{"LUNOBOT_DATA_DIR": file}, []string{"--addr", "127.0.0.1:0"}, 1, []string{file, "LUNOBOT_DATA_DIR"}},
		"a data folder that is not to make": {map[string]string{"LUNOBOT_DATA_DIR": "/proc/lunobot"}, []string{"--addr", "127.0.0.1:0"}, 1, []string{"/proc/lunobot", "LUNOBOT_DATA_DIR"}},
		"a data folder of another server":   {map[string]string{"LUNOBOT_DATA_DIR": busy}, []string{"--addr", "127.0.0.1:0"}, 1, []string{busy, "in use", "LUNOBOT_DATA_DIR"}},
		"a database of a newer version":     {map[string]string{"DATABASE_URL": newer}, []string{"--addr", "127.0.0.1:0"}, 1, []string{"newer version"}},
		"a database that is not there":      {map[string]string{"DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/x"}, []string{"--addr", "127.0.0.1:0"}, 1, []string{"127.0.0.1:1"}},
		"another Luno":                      {map[string]string{"LUNOBOT_LUNO_ADDRESS": "https://luno.example.com"}, nil, 2, []string{"LUNOBOT_LUNO_ADDRESS", "a key is sent to", "luno.example.com"}},
		"a role that there is not":          {map[string]string{"LUNOBOT_ROLE": "worker"}, nil, 2, []string{"role", "all", "web"}},
		"pages alone on SQLite":             {map[string]string{"LUNOBOT_ROLE": "web"}, []string{"--addr", "127.0.0.1:0"}, 1, []string{"web needs PostgreSQL", "DATABASE_URL", "LUNOBOT_NATS_URL"}},
		"a worker by itself":                {nil, []string{"worker", "--addr", "127.0.0.1:0"}, 1, []string{"worker needs PostgreSQL", "DATABASE_URL", "LUNOBOT_NATS_URL"}},
		"a worker at no address":            {map[string]string{"LUNOBOT_WORKER_ADDR": "nowhere"}, []string{"worker"}, 2, []string{"LUNOBOT_WORKER_ADDR", "nowhere"}},
		"an unknown market":                 {map[string]string{"LUNOBOT_MARKET": "bourse"}, nil, 2, []string{"LUNOBOT_MARKET", "bourse", "neither demo nor luno"}},
		"a live market without a key":       {market("LUNOBOT_LUNO_KEY_SECRET", ""), nil, 2, []string{"LUNOBOT_LUNO_KEY_ID", "LUNOBOT_LUNO_KEY_SECRET", "holders of an API key"}},
		"a live market without a pair":      {market("LUNOBOT_PAIRS", "XBTMYR, DOGEMYR"), []string{"--addr", "127.0.0.1:0"}, 2, []string{"LUNOBOT_PAIRS", "DOGEMYR"}},
		"a live market's key that is wrong": {market("LUNOBOT_LUNO_KEY_SECRET", "hunter2"), []string{"--addr", "127.0.0.1:0"}, 2, []string{"refuses the key of LUNOBOT_LUNO_KEY_ID"}},
		"a live market for a demo's bots":   {market("LUNOBOT_DATA_DIR", settled), []string{"--addr", "127.0.0.1:0"}, 2, []string{"LUNOBOT_MARKET", "demo", "luno-simulated", "LUNOBOT_DATA_DIR"}},
		"a simulated Luno's key at Luno":    {market("LUNOBOT_LUNO_ADDRESS", "http://luno.example.com"), nil, 2, []string{"LUNOBOT_LUNO_ADDRESS", "luno.example.com"}},
		"plans with an unknown key":         {map[string]string{"LUNOBOT_PLANS": plans}, nil, 2, []string{"LUNOBOT_PLANS", "colour"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			code, text := run(t, c.env, c.args...)
			if code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			for _, want := range c.says {
				if !strings.Contains(text, want) {
					t.Errorf("it does not say %q:\n%s", want, text)
				}
			}
			if strings.Contains(text, "hunter2") {
				t.Errorf("it tells the password:\n%s", text)
			}
		})
	}
}

// settle leaves a bot of the demo market in a data folder.
func settle(t *testing.T, dir string) {
	t.Helper()
	app, err := saas.New(t.Context(), saas.Config{DataDir: dir, Strategies: boot.Bundle()})
	if err != nil {
		t.Fatal(err)
	}
	defer app.Stop()
	login, err := app.Tenancy().Register(t.Context(), tenancy.RegisterInput{Email: "ada@example.com", Password: "a long enough phrase", FirstName: "Ada", LastName: "L"})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := app.Bots().Create(t.Context(), login.Principal, bot.CreateInput{Name: "one", Pair: "XBTMYR", Strategy: "basic"}); err != nil {
		t.Fatal(err)
	}
}

// fromTheFuture makes a database in which a later version has left a migration.
func fromTheFuture(t *testing.T, url string) {
	t.Helper()
	d, err := db.Open(t.Context(), db.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	set := db.MigrationSet{Name: "tenancy", Files: os.DirFS("testdata/future")}
	if _, err := d.Migrate(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}
