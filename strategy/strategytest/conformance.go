package strategytest

import (
	"testing"
	"time"

	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/strategytest/conformance"
)

// Conformance proves what every host relies on, in subtests: those of package
// conformance, which lunobot plugin check runs over a finished binary too. Here
// the strategy runs behind real gRPC, and is compared with what it does in
// process. Only some states of a long warm-up are restored.
func Conformance(t *testing.T, def strategy.Definition) {
	t.Helper()
	checks := conformance.Checks(conformance.Config{
		Candles: 1_000,
		Limit:   10 * time.Second, // other tests and the race detector run beside it
		Now:     time.Now, Reference: inProcess(def), Start: conformance.Loopback(def),
	})
	for _, check := range checks {
		t.Run(check.Name, func(t *testing.T) {
			t.Parallel()
			if _, err := check.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func sameCommands(a, b Step) bool { return conformance.SameCommands(a, b) }
