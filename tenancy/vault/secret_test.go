package vault_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/tenancy/vault"
)

// proves X4: a secret shows itself in no way but Reveal.
func TestSecretIsRedacted(t *testing.T) {
	t.Parallel()
	s := vault.NewSecret(canary)
	hidden := struct {
		Open   vault.Secret
		Ptr    *vault.Secret
		closed vault.Secret
		Map    map[string]vault.Secret
	}{s, &s, s, map[string]vault.Secret{"k": s}}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
		for _, v := range []any{s, &s, hidden, &hidden, []vault.Secret{s}, hidden.closed} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
	}
	var logged bytes.Buffer
	for _, h := range []slog.Handler{slog.NewJSONHandler(&logged, nil), slog.NewTextHandler(&logged, nil)} {
		slog.New(h).Info("x", "secret", s, "struct", hidden, "list", []vault.Secret{s})
	}
	encoded := must(json.Marshal(map[string]any{"a": s, "b": hidden, "c": []any{&s}}))(t)
	for name, text := range map[string]string{"printed": out.String(), "logged": logged.String(), "encoded": string(encoded)} {
		if strings.Contains(text, canary) || strings.Contains(text, fmt.Sprintf("%x", canary)) {
			t.Errorf("%s: %s", name, text)
		}
	}
	kek := must(vault.NewKEK())(t)
	private := must(kek.Encode())(t)
	if text := fmt.Sprintf("%v %+v %s %v", kek, kek, kek, private); strings.Contains(text, "lunobot-kek-private") || !strings.Contains(text, kek.ID()) {
		t.Errorf("a key prints as %q", text)
	}
}

func TestSecretIsRead(t *testing.T) {
	t.Parallel()
	var in struct{ Key, Missing vault.Secret }
	if err := json.Unmarshal([]byte(`{"key": "`+canary+`"}`), &in); err != nil {
		t.Fatal(err)
	}
	if in.Key.Reveal() != canary || in.Key.Empty() || !in.Missing.Empty() || in.Missing.Reveal() != "" {
		t.Error("a secret was not read as it was given")
	}
}
