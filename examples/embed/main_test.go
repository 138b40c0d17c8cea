package main_test

import (
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestEmbed runs the example as it stands and looks at its own page and at
// Lunobot's, with the plans of the example.
func TestEmbed(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "embed")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("building the example: %v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), binary)
	cmd.Dir = t.TempDir()
	var log strings.Builder
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for path, want := range map[string]string{
		"/about": "our club's own page", "/health": "ok", "/api/v1/subscriptions/plans": `"Desk"`, "/signup": "Create an account",
	} {
		if text := get(t, "http://127.0.0.1:5001"+path); !strings.Contains(text, want) {
			t.Errorf("%s does not say %q:\n%s", path, want, text)
		}
	}
}

// get fetches an address, waiting up to half a minute for the program to listen.
func get(t *testing.T, url string) string {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		res, err := http.Get(url) //nolint:noctx // an address of the test
		if err != nil {
			if time.Now().After(deadline) {
				t.Fatal(err)
			}
			continue
		}
		text, err := io.ReadAll(res.Body)
		if err := res.Body.Close(); err != nil {
			t.Fatal(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}
