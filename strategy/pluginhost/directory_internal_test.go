package pluginhost

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/lunobot/lunobot/strategy/strategytest/machine"
)

// proves PL6: what a host has left that was killed is removed by the next one, and nothing
// that another one uses.
func TestSweepOfDirectories(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	newOne := func() *directory {
		t.Helper()
		d, err := newDirectory(parent)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(d.path, "plugin1"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return d
	}
	used, left := newOne(), newOne()
	if !used.lock.Locked() {
		machine.Missing(t, "locks of directories", errors.New("the system has none"))
	}
	if n := sweep(parent); n != 0 || !used.exists() || !left.exists() {
		t.Fatalf("%d directories in use are removed", n)
	}
	if err := left.lock.Close(); err != nil { // as the end of a process does
		t.Fatal(err)
	}
	if n := sweep(parent); n != 1 || !used.exists() || left.exists() {
		t.Errorf("%d directories are removed; of one in use it is %t that it is there, of the other %t", n, used.exists(), left.exists())
	}
	used.remove()
	used.remove()
	if used.exists() {
		t.Error("a directory outlives its process")
	}
}
