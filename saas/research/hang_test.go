package research_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/research"
)

// A tenant's version rests after the second hang in a row, longer with each further
// one, and for nobody else; a version rests for all when it hangs for several.
func TestHangsRest(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	hang := func(tenantID, version string, times int64, ago time.Duration) research.Hang {
		return research.Hang{TenantID: tenantID, Strategy: "demo", Version: version, Times: times, Last: now.Add(-ago)}
	}
	const v = "1.0.0"
	three := func(version string, ago time.Duration) research.Hangs {
		return research.Hangs{hang("a", version, 1, ago), hang("b", version, 1, ago+time.Minute), hang("c", version, 1, ago+2*time.Minute)}
	}
	for name, c := range map[string]struct {
		hangs   research.Hangs
		tenant  string
		version string
		rests   time.Duration
		why     string
		suspect bool
	}{
		"none":                            {nil, "a", v, 0, "", false},
		"a first one":                     {research.Hangs{hang("a", v, 1, time.Second)}, "a", v, 0, "", true},
		"a second one":                    {research.Hangs{hang("a", v, 2, time.Minute)}, "a", v, 4 * time.Minute, "The last 2 backtests of demo 1.0.0 hung and were stopped. The next one can be made at 12:04 UTC on 1 Mar 2026.", true},
		"a third one":                     {research.Hangs{hang("a", v, 3, time.Minute)}, "a", v, 9 * time.Minute, "The last 3 backtests", true},
		"many":                            {research.Hangs{hang("a", v, 99, time.Hour)}, "a", v, 5 * time.Hour, "The last 99 backtests", true},
		"after the rest":                  {research.Hangs{hang("a", v, 2, 5*time.Minute)}, "a", v, 0, "", true},
		"another tenant's":                {research.Hangs{hang("b", v, 9, time.Minute)}, "a", v, 0, "", false},
		"another version":                 {research.Hangs{hang("a", "1.1.0", 9, time.Minute)}, "a", v, 0, "", true},
		"two other tenants'":              {three(v, time.Minute)[:2], "d", v, 0, "", true},
		"three tenants'":                  {three(v, time.Minute), "d", v, 14 * time.Minute, "Backtests of demo 1.0.0 hang at present, and not only yours.", true},
		"three tenants' a while ago":      {three(v, 15*time.Minute), "d", v, 0, "", true},
		"three tenants' of another":       {three("1.1.0", time.Minute), "d", v, 0, "", false},
		"three tenants' of the contained": {three("", time.Minute), "d", "", 0, "", false},
	} {
		until, why := c.hangs.Rest(c.tenant, "demo", c.version, now)
		if c.rests == 0 && (!until.IsZero() || why != "") || c.rests > 0 && until.Sub(now) != c.rests || !strings.HasPrefix(why, c.why) || c.why == "" && why != "" {
			t.Errorf("%s: it rests until %s: %s", name, until, why)
		}
		if got := c.hangs.Suspect(c.tenant, "demo", c.version); got != c.suspect {
			t.Errorf("%s: suspect is %t", name, got)
		}
	}
	list := append(three(v, time.Minute), hang("a", "1.1.0", 4, time.Second)).Versions(now)
	if len(list) != 2 || list[0].Version != "1.1.0" || list[0].Times != 4 || list[0].Tenants != 1 || !list[0].Rests.IsZero() {
		t.Fatalf("summed up they are %+v", list)
	}
	if got, want := list[0].Says(), "4 backtests of demo 1.1.0 hung in a row, of 1 tenant, the newest at 2026-03-01 11:59 UTC."; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	if got, want := list[1].Says(), "3 backtests of demo 1.0.0 hung in a row, of 3 tenants, the newest at 2026-03-01 11:59 UTC. None is begun before 2026-03-01 12:14 UTC."; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
}
