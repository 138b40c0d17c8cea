package saasdb_test

import (
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/saas/saasdb"
)

// Hangs add up by tenant and version in time that is forgotten at a tenth of the clock's
// pace, and are counted anew once all is.
func TestHangs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		ctx := t.Context()
		put := func(tenantID, version string, at, stood time.Duration, times int64, empties time.Duration) {
			t.Helper()
			h, err := s.PutHang(ctx, tenantID, research.NewHang("demo", version, start().Add(at), stood))
			if err != nil {
				t.Fatal(err)
			}
			same(t, "the hang", h, research.Hang{TenantID: tenantID, Strategy: "demo", Version: version, Times: times, Last: start().Add(at), Empties: start().Add(empties)})
		}
		put("a", "1.0.0", 0, time.Minute, 1, 10*time.Minute)
		put("a", "1.0.0", 5*time.Minute, time.Minute, 2, 20*time.Minute)
		put("b", "1.0.0", 5*time.Minute, time.Second, 1, 5*time.Minute+10*time.Second)
		put("a", "", 5*time.Minute, 90*time.Second, 1, 20*time.Minute)
		list := func(at time.Duration, want ...research.Hang) {
			t.Helper()
			got, err := s.Hangs(ctx, start().Add(at))
			if err != nil {
				t.Fatal(err)
			}
			same(t, "those that count", got, research.Hangs(want))
		}
		contained := research.Hang{TenantID: "a", Strategy: "demo", Times: 1, Last: start().Add(5 * time.Minute), Empties: start().Add(20 * time.Minute)}
		version := research.Hang{TenantID: "a", Strategy: "demo", Version: "1.0.0", Times: 2, Last: start().Add(5 * time.Minute), Empties: start().Add(20 * time.Minute)}
		list(5*time.Minute+10*time.Second, contained, version)
		put("a", "1.0.0", 20*time.Minute, time.Second, 1, 20*time.Minute+10*time.Second) // all was forgotten
		version = research.Hang{TenantID: "a", Strategy: "demo", Version: "1.0.0", Times: 1, Last: start().Add(20 * time.Minute), Empties: start().Add(20*time.Minute + 10*time.Second)}
		list(20*time.Minute, version)
	})
}
