package machine

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// Held returns the memory, in bytes, that a process shares with no other, and its
// part of what it shares. A system that does not tell is Missing.
func Held(tb testing.TB, pid string) int64 {
	tb.Helper()
	return told(tb, pid, "smaps_rollup", "Pss")
}

// Peak returns the most memory, in bytes, that this process had resident since
// ForgetPeak, or since it began.
func Peak(tb testing.TB) int64 {
	tb.Helper()
	return told(tb, strconv.Itoa(os.Getpid()), "status", "VmHWM")
}

// ForgetPeak lets Peak begin anew. A system that does not know how is Missing.
func ForgetPeak(tb testing.TB) {
	tb.Helper()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		Missing(tb, "the count of what a process holds", err)
	}
}

// told reads what the system tells of a process in a file of its own.
func told(tb testing.TB, pid, file, what string) int64 {
	tb.Helper()
	raw, err := os.ReadFile(filepath.Join("/proc", pid, file)) //nolint:gosec // a file of the system
	if err != nil {
		Missing(tb, "the count of what a process holds", err)
	}
	_, rest, _ := bytes.Cut(raw, []byte("\n"+what+":"))
	var kilobytes int64
	if _, err := fmt.Sscan(string(rest), &kilobytes); err != nil {
		tb.Fatalf("reading %s of process %s: %v", what, pid, err)
	}
	return kilobytes << 10
}
