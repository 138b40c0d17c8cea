package boot_test

import (
	"strings"
	"testing"

	"github.com/lunobot/lunobot/hosts/internal/boot"
	"github.com/lunobot/lunobot/strategy"
)

// TestBundledStrategiesCarryTheirGuide: tenants read of each bundled strategy what its
// folder says, when it loses included.
func TestBundledStrategiesCarryTheirGuide(t *testing.T) {
	t.Parallel()
	for _, def := range boot.Bundle().Definitions() {
		info := def.Info()
		if !strings.HasPrefix(info.Guide, "# "+info.Name+":") || !strings.Contains(info.Guide, "## Idea") || !strings.Contains(info.Guide, "when it loses") && !strings.Contains(info.Guide, "## When it loses") {
			t.Errorf("%s has no guide that says what it does and when it loses", info.Name)
		}
		if len(info.Guide) > strategy.MaxGuide {
			t.Errorf("the guide of %s has %d bytes", info.Name, len(info.Guide))
		}
	}
}
