package plugin

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/param"
)

// TestManifestWithGuide: a guide comes across as it was written, and one that would fill
// the memory of hosts is refused.
func TestManifestWithGuide(t *testing.T) {
	t.Parallel()
	schema, err := param.Of(struct{}{})
	if err != nil {
		t.Fatal(err)
	}
	read := func(guide string) (Manifest, error) {
		raw, err := json.Marshal(Manifest{Info: strategy.Info{Name: "tide", Version: "1.0.0", StateVersion: 1, Guide: guide}, Schema: schema})
		if err != nil {
			t.Fatal(err)
		}
		return readManifest(raw)
	}
	const guide = "## Idea\n\nBuys <low> & sells high.\n"
	if m, err := read(guide); err != nil || m.Guide != guide {
		t.Errorf("got %q, %v", m.Guide, err)
	}
	if _, err := read(strings.Repeat("x", strategy.MaxGuide)); err != nil {
		t.Error(err)
	}
	if _, err := read(strings.Repeat("x", strategy.MaxGuide+1)); err == nil || !strings.Contains(err.Error(), "guide has 65537 bytes") {
		t.Errorf("a guide that is too long: %v", err)
	}
}
