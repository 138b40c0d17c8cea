package strategytest

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Build builds a plugin of this module and returns the path of the binary, which
// is removed at the end of the test. The package is named from the module's
// root, such as "./plugins/basic"; flags go to go build.
func Build(tb testing.TB, pkg string, flags ...string) string {
	tb.Helper()
	module, err := exec.CommandContext(tb.Context(), "go", "env", "GOMOD").Output()
	if err != nil {
		tb.Fatalf("looking for the module: %v", err)
	}
	binary := filepath.Join(tb.TempDir(), filepath.Base(pkg))
	build := exec.CommandContext(tb.Context(), "go", append(append([]string{"build", "-o", binary}, flags...), pkg)...)
	build.Dir = filepath.Dir(strings.TrimSpace(string(module)))
	if out, err := build.CombinedOutput(); err != nil {
		tb.Fatalf("building %s: %v\n%s", pkg, err, out)
	}
	return binary
}
