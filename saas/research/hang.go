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
	// hangLeak is how many times as long as it lasted a hang takes to be forgotten.
	hangLeak = 10
	// A tenant's runs of a version rest while more than hangBudget of hanging is not
	// forgotten, and all of its runs while more than hangBudgetAll is, of all versions.
	hangBudget, hangBudgetAll = 90 * time.Second, 180 * time.Second
	// A version that an operator has put in is suspect while hangs of wideTenants are not
	// forgotten, but for tenants that had a success with it within provenFor.
	wideTenants = 3
	provenFor   = 24 * time.Hour
)

// Hang is for how long backtests of a tenant with a version of a strategy hung lately: made
// no progress until they were stopped or cancelled. It is a bucket that each hang fills by
// the time that it lasted, and that leaks at a tenth of the pace of the clock; a success does
// not empty it.
type Hang struct {
	TenantID string
	// Strategy and Version are those of the runs; "" is the version that the server
	// contains. Without a Strategy it is the bucket of all of the tenant's runs together.
	Strategy, Version string
	// Times is how many filled it since it was last empty.
	Times int64
	// Last is when the newest of them was ended, Empties when all are forgotten.
	Last, Empties time.Time
}

// NewHang is one hang of a run that ended at a time after it had made no progress for
// another.
func NewHang(strategy, version string, at time.Time, stood time.Duration) Hang {
	return Hang{Strategy: strategy, Version: version, Times: 1, Last: at, Empties: at.Add(hangLeak * stood)}
}

// named is the version in words.
func named(strategy, version string) string { return strings.TrimSpace(strategy + " " + version) }

// Hangs are those of all tenants that are not forgotten.
type Hangs []Hang

// Rest returns until when no run of a tenant with a version is begun, and why, as a
// sentence for the tenant; zero and "" if it may be begun. Hangs of one tenant hold up no
// other.
func (hs Hangs) Rest(tenantID, strategy, version string, now time.Time) (until time.Time, why string) {
	for _, h := range hs {
		budget, of := hangBudgetAll, ""
		switch {
		case h.TenantID != tenantID:
			continue
		case h.Strategy == strategy && h.Version == version:
			budget, of = hangBudget, " of "+named(strategy, version)
		case h.Strategy != "":
			continue
		}
		if end := h.Empties.Add(-hangLeak * budget); end.After(now) && end.After(until) {
			until, why = end, fmt.Sprintf("%d of your backtests%s hung lately.", h.Times, of)
		}
	}
	return until, why
}

// clock writes a time, to the minute after it.
func clock(at time.Time) string {
	return at.UTC().Add(time.Minute - time.Nanosecond).Format("15:04 UTC on 2 Jan 2006")
}

// againAt completes the reason of a rest.
func againAt(at time.Time) string { return " The next one can be made at " + clock(at) + "." }

// Suspect reports whether a run may well hang: one of the tenant's did lately, or those
// of several tenants with a version that an operator has put in and with which this one
// had no success lately. Never so with one that the server contains, lest somebody's
// parameters take it from everybody.
func (hs Hangs) Suspect(p Pending, now time.Time) bool {
	tenants := 0
	for _, h := range hs {
		if h.TenantID == p.TenantID {
			return true
		}
		if h.Strategy == p.Strategy && h.Version == p.Version {
			tenants++
		}
	}
	return wide(p.Version, tenants) && now.Sub(p.Succeeded) >= provenFor
}

// wide reports whether a version is suspect for more than the tenants whose runs hung.
func wide(version string, tenants int) bool { return version != "" && tenants >= wideTenants }

// HungVersion is a version of a strategy whose backtests hung lately, for operators.
type HungVersion struct {
	// Strategy and Version name it; "" is the version that the server contains.
	Strategy, Version string
	// Tenants is of how many tenants, Times how many hangs those had together, and Last
	// when the newest was.
	Tenants int
	Times   int64
	Last    time.Time
	// Suspect says that its runs go last and one at a time, but those of tenants that had
	// a success with it in the last day.
	Suspect bool
}

// Says tells of it in a sentence.
func (v HungVersion) Says() string {
	text := fmt.Sprintf("%d %s of %s hung lately, of %d %s, the newest at %s.", v.Times, plural("backtest", v.Times), named(v.Strategy, v.Version), v.Tenants,
		plural("tenant", int64(v.Tenants)), v.Last.UTC().Format("2006-01-02 15:04 UTC"))
	if v.Suspect {
		text += " Its backtests go last and one at a time, but those of tenants that had a success with it in the last day."
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
func (hs Hangs) Versions() []HungVersion {
	var list []HungVersion
	for _, h := range hs {
		if h.Strategy == "" {
			continue // the sum of others
		}
		i := slices.IndexFunc(list, func(v HungVersion) bool { return v.Strategy == h.Strategy && v.Version == h.Version })
		if i < 0 {
			i, list = len(list), append(list, HungVersion{Strategy: h.Strategy, Version: h.Version})
		}
		v := &list[i]
		v.Tenants, v.Times = v.Tenants+1, v.Times+h.Times
		v.Suspect = wide(v.Version, v.Tenants)
		if h.Last.After(v.Last) {
			v.Last = h.Last
		}
	}
	slices.SortStableFunc(list, func(a, b HungVersion) int { return b.Last.Compare(a.Last) })
	return list
}

// HungVersions lists the versions whose backtests hung lately, over all tenants. Who may
// see them is the caller's to know.
func (s *Service) HungVersions(ctx context.Context) ([]HungVersion, error) {
	hangs, err := s.cfg.Store.Hangs(ctx, s.now())
	return hangs.Versions(), err
}

// rested is the Conflict of a run that is not begun for now, code "strategy_hangs"; nil
// if it may be.
func (s *Service) rested(ctx context.Context, tenantID string, r Request) error {
	now := s.now()
	hangs, err := s.cfg.Store.Hangs(ctx, now)
	if err != nil {
		return err
	}
	until, why := hangs.Rest(tenantID, r.Strategy, r.StrategyVersion, now)
	if why == "" {
		return nil
	}
	return errs.New(errs.Conflict, "strategy_hangs", "%s", why+againAt(until)).With("retry_at", until.UTC())
}

// explain gives those of the runs that wait because their version rests that reason.
func (s *Service) explain(ctx context.Context, runs []Run) error {
	if !slices.ContainsFunc(runs, func(r Run) bool { return r.Status == Queued }) {
		return nil
	}
	now := s.now()
	hangs, err := s.cfg.Store.Hangs(ctx, now)
	if err != nil {
		return err
	}
	for i := range runs {
		r := &runs[i]
		if until, why := hangs.Rest(r.TenantID, r.Strategy, r.StrategyVersion, now); r.Status == Queued && why != "" {
			r.Reason = why + " This one waits until " + clock(until) + "."
		}
	}
	return nil
}
