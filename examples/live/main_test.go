package main_test

import (
	"os/exec"
	"regexp"
	"testing"
)

// TestLive runs the example as it stands: a bot goes live, and the exchange tells of
// what it bought and sold.
func TestLive(t *testing.T) {
	t.Parallel()
	got, err := exec.CommandContext(t.Context(), "go", "run", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, got)
	}
	want := regexp.MustCompile(`^the key may trade and no more: the account is connected
of the account's MYR, the bot may lose 5000 at the most
(the exchange: the bot's buy of 0\.\d+ XBT at MYR \d{3},\d{3}
)+the exchange: the bot's sell of 0\.\d+ XBT at MYR \d{3},\d{3}
$`)
	if !want.Match(got) {
		t.Errorf("it prints\n%s\nwant\n%s", got, want)
	}
}
