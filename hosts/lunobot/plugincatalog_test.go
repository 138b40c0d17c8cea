package main_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

// pulse builds a version of the test plugin.
func pulse(t *testing.T, version string) string {
	t.Helper()
	return strategytest.Build(t, "./strategy/strategytest/testdata/pulse", "-ldflags", "-X main.version="+version)
}

// step is a command line and what it must give.
type step struct {
	args string
	code int
	says []string
}

func (s step) take(t *testing.T, dir string) {
	t.Helper()
	a := command(t, dir, strings.Fields(s.args)...)
	if a.code != s.code {
		t.Errorf("%s ended with code %d, want %d: %s%s", s.args, a.code, s.code, a.out, a.problems)
	}
	for _, want := range s.says {
		if !strings.Contains(a.out+a.problems, want) {
			t.Errorf("%s does not say %q:\n%s%s", s.args, want, a.out, a.problems)
		}
	}
}

func TestPluginCatalog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, other, next := pulse(t, "1.0.0"), pulse(t, "1.0.0"), pulse(t, "1.1.0")
	f, err := os.OpenFile(other, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("more"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	basic := strategytest.Build(t, "./plugins/basic")
	namesake := strategytest.Build(t, "./strategy/strategytest/testdata/pulse", "-ldflags", "-X main.name=basic -X main.version=9.9.9")
	for _, s := range []step{
		{"plugin list", 0, []string{"NAME"}},
		{"plugin install " + file + " --by ada --publisher Ada", 0, []string{"pulse 1.0.0 (Pulse 1.0.0)", "SHA-256 ", "lunobot plugin approve pulse@1.0.0"}},
		{"plugin install " + file, 0, []string{"lunobot plugin approve pulse@1.0.0"}},
		{"plugin install " + other, 2, []string{"pulse@1.0.0 is there with another file", "raise the version"}},
		{"plugin install " + basic, 2, []string{"is contained in this server"}},
		{"plugin install " + namesake, 0, []string{"basic 9.9.9", "Lunobot contains basic ", "give it another name"}},
		{"plugin remove basic@9.9.9", 0, nil},
		{"plugin install " + binary, 1, []string{"handshake"}},
		{"plugin install nowhere", 2, []string{"nowhere is not a file"}},
		{"plugin install " + next + " --by ada", 0, []string{"pulse 1.1.0"}},
		{"plugin revoke pulse@1.0.0", 2, []string{"is installed and not approved"}},
		{"plugin approve pulse@1.0.0 --by bo", 0, []string{"approved pulse@1.0.0 (SHA-256 "}},
		{"plugin approve pulse@3.0.0", 2, []string{"pulse@3.0.0 was not put in here", "lunobot plugin list"}},
		{"plugin approve pulse", 2, []string{"NAME@VERSION"}},
		{"plugin isolation pulse@1.0.0 tenant --by bo", 0, []string{"isolation tenant"}},
		{"plugin isolation pulse@1.0.0 planet", 2, []string{"planet"}},
		{"plugin revoke pulse@1.0.0 --by cy --reason losses", 0, []string{"revoked pulse@1.0.0", "pinned by 0 bots"}},
		{"plugin list", 0, []string{"pulse   1.1.0     installed", "pulse   1.0.0     revoked", "by ada"}},
		{"plugin log", 0, []string{"strategy.revoked", "cy", `"losses"`, "strategy.isolation_changed", "strategy.approved", "strategy.installed"}},
		{"plugin log --limit 0", 2, []string{"--limit"}},
		{"plugin remove pulse@1.1.0", 0, []string{"removed pulse@1.1.0"}},
		{"plugin remove pulse@1.1.0", 2, []string{"pulse@1.1.0 was not put in here"}},
	} {
		s.take(t, dir)
	}
	var list []struct{ Name, Version, Status, Isolation, SHA256, Publisher, ApprovedBy, Fault string }
	a := command(t, dir, "plugin", "list", "--json")
	if err := json.Unmarshal([]byte(a.out), &list); err != nil || len(list) != 1 || list[0].Status != "revoked" || list[0].Isolation != "tenant" || list[0].Publisher != "Ada" || list[0].Fault != "" {
		t.Fatalf("the list is %+v, %v", list, err)
	}
	lost := filepath.Join("lunobot-data", "plugins", "pulse", "1.1.0", "copied-by-hand")
	if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, lost)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, lost), []byte("1234567"), 0o600); err != nil {
		t.Fatal(err)
	}
	step{"plugin list", 0, []string{"pulse   1.0.0     revoked", lost + " (7 bytes) was not put in, and nothing starts it. It lies where a file of pulse@1.1.0 would"}}.take(t, dir)
	var strays []struct {
		Name, Version, Status, Path string
		Size                        int64
	}
	a = command(t, dir, "plugin", "list", "--json")
	if err := json.Unmarshal([]byte(a.out), &strays); err != nil || len(strays) != 2 || strays[1].Status != "stray" || strays[1].Path != lost || strays[1].Version != "1.1.0" || strays[1].Size != 7 {
		t.Fatalf("the list is %+v, %v", strays, err)
	}
	// What hangs is told too.
	d, err := db.Open(t.Context(), db.Config{URL: "sqlite://" + filepath.Join(dir, "lunobot-data", "lunobot.db")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = saasdb.New(d).PutHang(t.Context(), "tenant-1", research.NewHang("pulse", "1.0.0", time.Now(), time.Hour))
	if err := errors.Join(err, d.Close()); err != nil {
		t.Fatal(err)
	}
	step{"plugin list", 0, []string{"lunobot: 1 backtest of pulse 1.0.0 hung lately, of 1 tenant, the newest at "}}.take(t, dir)
	step{"plugin list --json", 0, []string{`"hung": 1`}}.take(t, dir)
	// proves PL5: a file that was changed is told, and not approved.
	path := filepath.Join(dir, "lunobot-data", "plugins", "pulse", "1.0.0", list[0].SHA256)
	if err := os.Chmod(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("evil"), 0o600); err != nil {
		t.Fatal(err)
	}
	step{"plugin list", 0, []string{"pulse 1.0.0 cannot be used: its file was changed"}}.take(t, dir)
	step{"plugin approve pulse@1.0.0", 2, []string{"pulse 1.0.0 cannot be used: its file was changed"}}.take(t, dir)
}
