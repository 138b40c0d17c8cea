package research

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lunobot/lunobot/saas/errs"
)

const (
	// hangMemory is how long a hang counts.
	hangMemory = 24 * time.Hour
	// hangRest is how long a tenant's backtests of a version rest after the second hang
	// in a row; it doubles with each further one, up to hangRestMost.
	hangRest, hangRestMost = 5 * time.Minute, 6 * time.Hour
	// A version that an operator has put in rests for everybody for wideRest after a hang
	// if the backtests of wideTenants hung within wideSpan.
	wideTenants        = 3
	wideSpan, wideRest = time.Hour, 15 * time.Minute
)

// Hang is how often backtests of a tenant with a version of a strategy hung in a row:
// made no progress for so long that their process was ended.
type Hang struct {
	TenantID string
	// Strategy and Version are those of the runs; "" is the version that the server
	// contains.
	Strategy, Version string
	Times             int64
	// Last is when the newest of them was ended.
	Last time.Time
}

// named is the version in words.
func named(strategy, version string) string { return strings.TrimSpace(strategy + " " + version) }

// rest returns until when no further run is begun; zero for a first hang.
func (h Hang) rest() time.Time {
	if h.Times < 2 {
		return time.Time{}
	}
	return h.Last.Add(min(hangRest<<min(h.Times-2, 10), hangRestMost))
}

// Hangs are those of all tenants that still count.
type Hangs []Hang

// Rest returns until when no run of a tenant with a version is begun, and why, as a
// sentence for the tenant; zero and "" if it may be begun. Hangs of one tenant hold up no
// other: only a version that hangs for several rests for all, and never one that the
// server contains, lest somebody's parameters take it from everybody.
func (hs Hangs) Rest(tenantID, strategy, version string, now time.Time) (until time.Time, why string) {
	var newest time.Time
	tenants := 0
	for _, h := range hs {
		if h.Strategy != strategy || h.Version != version {
			continue
		}
		if until := h.rest(); h.TenantID == tenantID && until.After(now) {
			return until, fmt.Sprintf("The last %d backtests of %s hung and were stopped. %s", h.Times, named(strategy, version), againAt(until))
		}
		if now.Sub(h.Last) < wideSpan {
			if tenants++; h.Last.After(newest) {
				newest = h.Last
			}
		}
	}
	if until := newest.Add(wideRest); version != "" && tenants >= wideTenants && until.After(now) {
		return until, fmt.Sprintf("Backtests of %s hang at present, and not only yours. Whoever runs this installation sees that. %s", named(strategy, version), againAt(until))
	}
	return time.Time{}, ""
}

func againAt(at time.Time) string {
	return "The next one can be made at " + at.UTC().Add(time.Minute-time.Nanosecond).Format("15:04 UTC on 2 Jan 2006") + "."
}

// Suspect reports whether a run may well hang: one of the tenant's did lately, or those
// of two tenants with a version that an operator has put in.
func (hs Hangs) Suspect(tenantID, strategy, version string) bool {
	tenants := 0
	for _, h := range hs {
		if h.TenantID == tenantID {
			return true
		}
		if h.Strategy == strategy && h.Version == version {
			tenants++
		}
	}
	return version != "" && tenants >= 2
}

// HungVersion is a version of a strategy whose backtests hung lately, for operators.
type HungVersion struct {
	// Strategy and Version name it; "" is the version that the server contains.
	Strategy, Version string
	// Tenants is of how many tenants, Times how many hangs in a row those had together,
	// and Last when the newest was.
	Tenants int
	Times   int64
	Last    time.Time
	// Rests is until when it rests for everybody; zero if it does not.
	Rests time.Time
}

// Says tells of it in a sentence.
func (v HungVersion) Says() string {
	text := fmt.Sprintf("%d %s of %s hung in a row, of %d %s, the newest at %s.", v.Times, plural("backtest", v.Times), named(v.Strategy, v.Version), v.Tenants,
		plural("tenant", int64(v.Tenants)), v.Last.UTC().Format("2006-01-02 15:04 UTC"))
	if !v.Rests.IsZero() {
		text += " None is begun before " + v.Rests.UTC().Format("2006-01-02 15:04 UTC") + "."
	}
	return text
}

func plural(word string, n int64) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// Versions sums the hangs up by version, those with the newest first.
func (hs Hangs) Versions(now time.Time) []HungVersion {
	var list []HungVersion
	for _, h := range hs {
		i := slices.IndexFunc(list, func(v HungVersion) bool { return v.Strategy == h.Strategy && v.Version == h.Version })
		if i < 0 {
			i, list = len(list), append(list, HungVersion{Strategy: h.Strategy, Version: h.Version})
		}
		v := &list[i]
		v.Tenants, v.Times = v.Tenants+1, v.Times+h.Times
		if h.Last.After(v.Last) {
			v.Last = h.Last
		}
	}
	for i := range list {
		list[i].Rests, _ = hs.Rest("", list[i].Strategy, list[i].Version, now)
	}
	slices.SortStableFunc(list, func(a, b HungVersion) int { return b.Last.Compare(a.Last) })
	return list
}

// HangsSince is the time since when hangs count.
func HangsSince(now time.Time) time.Time { return now.Add(-hangMemory) }

// HungVersions lists the versions whose backtests hung lately, over all tenants. Who may
// see them is the caller's to know.
func (s *Service) HungVersions(ctx context.Context) ([]HungVersion, error) {
	now := s.now()
	hangs, err := s.cfg.Store.Hangs(ctx, HangsSince(now))
	return hangs.Versions(now), err
}

// rested is the Conflict of a run that is not begun for now, code "strategy_hangs"; nil
// if it may be.
func (s *Service) rested(ctx context.Context, tenantID string, r Request) error {
	now := s.now()
	hangs, err := s.cfg.Store.Hangs(ctx, HangsSince(now))
	if err != nil {
		return err
	}
	until, why := hangs.Rest(tenantID, r.Strategy, r.StrategyVersion, now)
	if why == "" {
		return nil
	}
	return errs.New(errs.Conflict, "strategy_hangs", "%s", why).With("retry_at", until.UTC())
}
