package saasdb_test

import (
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/saas/saasdb"
)

// Hangs are counted by tenant and version, in a row, and begin anew after long.
func TestHangs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		ctx := t.Context()
		put := func(tenantID, version string, at time.Duration, want int64) {
			t.Helper()
			now := start().Add(at)
			h, err := s.PutHang(ctx, tenantID, research.Hang{Strategy: "demo", Version: version, Last: now}, now.Add(-24*time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			same(t, "the hang", h, research.Hang{TenantID: tenantID, Strategy: "demo", Version: version, Times: want, Last: now})
		}
		put("a", "1.0.0", 0, 1)
		put("a", "1.0.0", time.Hour, 2)
		put("b", "1.0.0", time.Hour, 1)
		put("a", "", 2*time.Hour, 1)
		put("a", "1.0.0", 26*time.Hour, 1) // long after the one before
		list, err := s.Hangs(ctx, start().Add(90*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "those that count", list, research.Hangs{
			{TenantID: "a", Strategy: "demo", Version: "", Times: 1, Last: start().Add(2 * time.Hour)},
			{TenantID: "a", Strategy: "demo", Version: "1.0.0", Times: 1, Last: start().Add(26 * time.Hour)},
		})
		for range 2 { // the second drops nothing
			if err := s.DropHang(ctx, "a", "demo", "1.0.0"); err != nil {
				t.Fatal(err)
			}
		}
		if list, err = s.Hangs(ctx, start()); err != nil || len(list) != 2 || list[1].TenantID != "b" {
			t.Errorf("left are %+v, %v", list, err)
		}
	})
}
