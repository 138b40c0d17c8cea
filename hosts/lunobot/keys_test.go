package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/tenancy/vault"
)

// settings reads what a command printed as settings.
func settings(text string) map[string]string {
	got := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
			got[name] = value
		}
	}
	return got
}

// The printed keys are a pair and others each time; the public half can be had again
// from the private one, and from nothing else.
func TestKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	made := command(t, dir, "keys", "new")
	if made.code != 0 {
		t.Fatal(made)
	}
	keys := settings(made.out)
	kek, err := vault.ParseKEK(vault.NewSecret(keys["LUNOBOT_VAULT_KEY"]))
	if err != nil {
		t.Fatal(err)
	}
	public, err := vault.ParsePublicKEK(keys["LUNOBOT_VAULT_PUBLIC_KEY"])
	if err != nil || public.ID() != kek.ID() || len(keys) != 3 || len(keys["LUNOBOT_SIGNING_KEY"]) < 44 {
		t.Fatalf("%v: %d settings in\n%s", err, len(keys), made.out)
	}
	if again := command(t, dir, "keys", "new"); settings(again.out)["LUNOBOT_VAULT_KEY"] == keys["LUNOBOT_VAULT_KEY"] {
		t.Error("the same key comes twice")
	}
	with := func(key string) answer {
		if err := os.WriteFile(filepath.Join(dir, ".env"), []byte("LUNOBOT_VAULT_KEY="+key+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return command(t, dir, "keys", "public")
	}
	if a := with(keys["LUNOBOT_VAULT_KEY"]); a.code != 0 || settings(a.out)["LUNOBOT_VAULT_PUBLIC_KEY"] != keys["LUNOBOT_VAULT_PUBLIC_KEY"] {
		t.Error(a)
	}
	if a := with(keys["LUNOBOT_VAULT_PUBLIC_KEY"]); a.code != 2 || !strings.Contains(a.problems, "this is the public half") {
		t.Error(a)
	}
}
