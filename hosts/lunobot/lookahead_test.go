package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/strategy/strategytest"
)

// Every backtest is checked for knowledge of the future, closely if asked, and a
// strategy that fails is told so in all three reports.
func TestBacktestLooksAhead(t *testing.T) { // proves PL3
	t.Parallel()
	run := func(args ...string) (a answer, document, page string) {
		t.Helper()
		dir := t.TempDir()
		a = command(t, dir, append([]string{"backtest", "--from", "2025-12-30", "--to", "2026-01-01", "--json", "r.json", "--html", "r.html"}, args...)...)
		read := func(name string) string {
			raw, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatalf("%v\n%s%s", err, a.out, a.problems)
			}
			return string(raw)
		}
		return a, read("r.json"), read("r.html")
	}
	for depth, args := range map[string][]string{"cheap, 6 other futures": nil, "full, ": {"--look-ahead"}} {
		a, document, page := run(append(args, "--strategy", "basic")...)
		if a.code != 0 || !strings.Contains(a.out, "passed   "+depth) || !strings.Contains(document, `"passed": true`) || !strings.Contains(page, "passed; "+depth) {
			t.Errorf("code %d without %q:\n%s%s", a.code, depth, a.out, a.problems)
		}
	}
	gambler := strategytest.Build(t, "./hosts/lunobot/testdata/gambler")
	for code, args := range [][]string{nil, {"--look-ahead"}} {
		a, document, page := run(append(args, "--plugin", gambler)...)
		const found = "Two runs over the same candles differ"
		if a.code != code || !strings.Contains(a.out, "FAILED") || !strings.Contains(a.out, "  ! "+found) || !strings.Contains(document, `"passed": false`) ||
			!strings.Contains(document, found) || !strings.Contains(page, "<li>"+found) {
			t.Errorf("with %v it ended with %d:\n%s%s", args, a.code, a.out, a.problems)
		}
	}
}
