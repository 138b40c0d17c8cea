package plugin

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/param"
)

// Capability is something that a plugin can do beyond what its protocol
// demands.
type Capability string

// The capabilities of this release.
const (
	// Live means that it serves live bots.
	Live Capability = "live"
	// Backtest means that it contains the backtest engine.
	Backtest Capability = "backtest"
	// Checks means that it finds faults in parameters that its schema does not.
	Checks Capability = "checks"
	// Past means that its backtests may begin with candles that warm up and are not
	// traded in.
	Past Capability = "past"
	// SharedMemory means that it takes candles from memory that its host shares
	// with it, and leaves curve and trades there.
	SharedMemory Capability = "shared-memory"
	// LiveLine means that its process has taken its end of the host's Line.
	LiveLine Capability = "live-line"
	// Signals means that its bots want messages from outside.
	Signals Capability = "signals"
	// Pairs means that its bots can trade several pairs with one balance.
	Pairs Capability = "pairs"
)

// Manifest is what a plugin tells of itself.
type Manifest struct {
	strategy.Info
	// Schema describes the parameters.
	Schema *param.Schema `json:"schema"`
	// SDK is the release of this package that the plugin was built with.
	SDK string `json:"sdk"`
	// Protocols are the versions of the wire that it speaks.
	Protocols []int `json:"protocols"`
	// Capabilities are what it can do.
	Capabilities []Capability `json:"capabilities"`
}

// ManifestOf returns the manifest that a plugin of the definition, built with
// this release, tells.
func ManifestOf(def strategy.Definition) Manifest {
	m := Manifest{
		Info: def.Info(), Schema: def.Schema(), SDK: SDKVersion,
		Protocols: []int{Protocol}, Capabilities: []Capability{Live, Backtest, Past, SharedMemory},
	}
	if def.Checks() {
		m.Capabilities = append(m.Capabilities, Checks)
	}
	if def.Signals() {
		m.Capabilities = append(m.Capabilities, Signals)
	}
	if def.Pairs() {
		m.Capabilities = append(m.Capabilities, Pairs)
	}
	return m
}

// Can reports whether the plugin has the capability.
func (m Manifest) Can(c Capability) bool {
	for _, one := range m.Capabilities {
		if one == c {
			return true
		}
	}
	return false
}

// readManifest decodes and checks a manifest that came from a plugin.
func readManifest(raw []byte) (Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return Manifest{}, fmt.Errorf("the manifest is not readable: %w", err)
	}
	if m.Name == "" || m.Version == "" || m.Schema == nil || m.StateVersion < 1 {
		return Manifest{}, errors.New("the manifest lacks a name, a version, a state version or a schema")
	}
	if len(m.Guide) > strategy.MaxGuide {
		return Manifest{}, fmt.Errorf("the manifest's guide has %d bytes, at most %d", len(m.Guide), strategy.MaxGuide)
	}
	return m, nil
}
