package pluginhost

import (
	"os"
	"path/filepath"
	"testing"
)

// proves PL5: what a process holds is all that the system counts apart.
func TestMemoryOf(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	const status = "Name:\tplugin\nVmSize:\t  999999 kB\nVmRSS:\t   100 kB\nRssAnon:\t    60 kB\nVmPTE:\t    20 kB\nVmSwap:\t     3 kB\nHugetlbPages:\t  2048 kB\nThreads:\t7\n"
	if err := os.WriteFile(filepath.Join(directory, "status"), []byte(status), 0o600); err != nil {
		t.Fatal(err)
	}
	if held, there, err := memoryOf(directory); held != (100+20+3+2048)<<10 || !there || err != nil {
		t.Errorf("it holds %d bytes, %t, %v", held, there, err)
	}
	if held, err := heldMemory(os.Getpid()); held < 1<<20 || err != nil {
		t.Errorf("this process holds %d bytes, %v", held, err)
	}
}
