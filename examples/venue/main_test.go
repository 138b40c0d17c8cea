package main_test

import (
	"os/exec"
	"testing"
)

// TestVenue runs the example as it stands.
func TestVenue(t *testing.T) {
	t.Parallel()
	got, err := exec.CommandContext(t.Context(), "go", "run", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, got)
	}
	const want = `the maker quotes a buy of 1.5 at 19.9
the maker quotes a sell of 1.5 at 20.1
the guest's order C3: 1.5 of 2 TEA for 30.15 MYR, fee 0.03015
TEAMYR: bid 19.9, ask 0, last 20.1
`
	if string(got) != want {
		t.Errorf("it prints\n%s\nwant\n%s", got, want)
	}
}
