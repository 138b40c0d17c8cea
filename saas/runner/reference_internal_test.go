package runner

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lunobot/lunobot/exchange/marketdata"
)

// proves M2: one time of grace is for all pairs that are silent, however many.
func TestGraceIsForAllPairs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		grace, end := context.WithTimeout(t.Context(), referenceGrace)
		defer end()
		for range 3 {
			(&reference{sub: &marketdata.Subscription{}}).await(grace, 60_000)
		}
		if waited := time.Since(began); waited != referenceGrace {
			t.Errorf("three silent pairs are waited for %s, want %s", waited, referenceGrace)
		}
	})
}
