package boot_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/hosts/internal/boot"
)

// TestBundledStrategiesAreDocumented holds the page of each bundled strategy to
// its definition: each parameter has a row, and there is a command to try it.
func TestBundledStrategiesAreDocumented(t *testing.T) {
	t.Parallel()
	for _, def := range boot.Bundle().Definitions() {
		name := def.Info().Name
		raw, err := os.ReadFile(filepath.Join("..", "..", "..", "plugins", name, "README.md"))
		if err != nil {
			t.Error(err)
			continue
		}
		page := string(raw)
		for _, f := range def.Schema().Fields() {
			if !documented(page, f.Name) {
				t.Errorf("the table of plugins/%s/README.md has no row of the parameter %s", name, f.Name)
			}
		}
		if command := "go run ./hosts/lunobot backtest --strategy " + name + " --data demo"; !strings.Contains(page, command) {
			t.Errorf("plugins/%s/README.md does not name the command %q", name, command)
		}
	}
}

// documented reports whether the first cell of a table's row names a parameter.
func documented(page, parameter string) bool {
	for line := range strings.Lines(page) {
		if cells := strings.Split(line, "|"); len(cells) > 2 && strings.Contains(cells[1], "`"+parameter+"`") {
			return true
		}
	}
	return false
}
