package tenancy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/lunobot/lunobot/saas/errs"
)

// AttemptLimit says how attempts are slowed down: a number of them may follow
// each other at will, then each wait is twice as long as the one before it.
type AttemptLimit struct {
	// Free is how many attempts may be made before the first wait.
	Free int
	// Delay is the first wait.
	Delay time.Duration
	// Max is the longest wait.
	Max time.Duration
	// Forget is how long after the latest attempt the count starts anew.
	Forget time.Duration
}

// After returns the wait after the nth attempt, for n from 1.
func (l AttemptLimit) After(n int) time.Duration {
	if n < l.Free {
		return 0
	}
	d := l.Delay
	for i := l.Free; i < n && d < l.Max; i++ {
		d *= 2
	}
	return min(d, l.Max)
}

func (l AttemptLimit) validate(name string) error {
	if l.Free < 1 || l.Delay < time.Millisecond || l.Max < l.Delay || l.Max > 24*time.Hour || l.Forget < l.Max {
		return fmt.Errorf("tenancy: throttle: %s: want 1 ≤ free, 1 ms ≤ delay ≤ max ≤ 24 h, max ≤ forget; got %+v", name, l)
	}
	return nil
}

// ThrottleConfig slows down the guessing of passwords. It is always on. An
// attempt is counted before the password is looked at and taken back if it was
// right, so that no number of parallel guesses gets more looks than the limit.
type ThrottleConfig struct {
	// Account limits the attempts on one address from everywhere. It does not
	// hold for networks from which the user has logged in before, so that nobody
	// can lock a user out of their usual place. Defaults to 10 free ones, then 1
	// second to 5 minutes, forgotten after 1 hour.
	Account AttemptLimit
	// AccountAndNetwork limits the attempts on one address from one network.
	// Defaults to 5 free ones, then 1 second to 15 minutes, forgotten after 1
	// hour.
	AccountAndNetwork AttemptLimit
	// Network limits the attempts from one network, whatever the address.
	// Defaults to 50 free ones, then 1 second to 15 minutes, forgotten after 1
	// hour.
	Network AttemptLimit
}

func (c ThrottleConfig) withDefaults() ThrottleConfig {
	if c.Account == (AttemptLimit{}) {
		c.Account = AttemptLimit{Free: 10, Delay: time.Second, Max: 5 * time.Minute, Forget: time.Hour}
	}
	if c.AccountAndNetwork == (AttemptLimit{}) {
		c.AccountAndNetwork = AttemptLimit{Free: 5, Delay: time.Second, Max: 15 * time.Minute, Forget: time.Hour}
	}
	if c.Network == (AttemptLimit{}) {
		c.Network = AttemptLimit{Free: 50, Delay: time.Second, Max: 15 * time.Minute, Forget: time.Hour}
	}
	return c
}

func (c ThrottleConfig) validate() error {
	return errors.Join(c.Account.validate("account"), c.AccountAndNetwork.validate("account and network"),
		c.Network.validate("network"))
}

// longestForget is how long a counter may matter.
func (c ThrottleConfig) longestForget() time.Duration {
	return max(c.Account.Forget, c.AccountAndNetwork.Forget, c.Network.Forget)
}

// Network returns the part of an address that one household or office shares:
// an IPv4 address itself, the /64 of an IPv6 address, and "" for anything else.
func Network(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return ""
	}
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return ""
	}
	return p.String()
}

// errCounterBlocked rolls back a count that a blocked counter refuses.
var errCounterBlocked = errors.New("blocked")

// attempt is one guess and the counters that it goes through.
type attempt struct {
	svc      *Service
	counters []counter
}

type counter struct {
	id      string
	limit   AttemptLimit
	network bool // shared with other accounts
}

// newAttempt finds the counters for a guess at the password of email from ip.
func (s *Service) newAttempt(ctx context.Context, email, ip string) (*attempt, error) {
	a, network, known := &attempt{svc: s}, Network(ip), false
	if network != "" {
		var err error
		if known, err = s.cfg.Store.KnownNetwork(ctx, email, network); err != nil {
			return nil, err
		}
	}
	// The order is always the same, so that two attempts cannot wait for each
	// other's rows.
	if !known {
		a.counters = append(a.counters, counter{id: counterID("account", email), limit: s.cfg.Throttle.Account})
	}
	if network != "" {
		a.counters = append(a.counters,
			counter{id: counterID("pair", email, network), limit: s.cfg.Throttle.AccountAndNetwork},
			counter{id: counterID("network", network), limit: s.cfg.Throttle.Network, network: true})
	}
	return a, nil
}

// counterID hides the address: a dump of the counters names nobody.
func counterID(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s,", len(p), p) // a hash takes everything
	}
	return parts[0] + ":" + hex.EncodeToString(h.Sum(nil))
}

// check refuses the guess if a counter is blocked, and changes nothing.
func (a *attempt) check(ctx context.Context) error {
	ids := make([]string, len(a.counters))
	for i, c := range a.counters {
		ids[i] = c.id
	}
	until, err := a.svc.cfg.Store.BlockedUntil(ctx, ids)
	if err != nil {
		return err
	}
	if wait := until.Sub(a.svc.cfg.Now()); !until.IsZero() && wait > 0 {
		return errTooMany(wait)
	}
	return nil
}

func errTooMany(wait time.Duration) error {
	return errs.New(errs.RateLimited, "too_many_attempts", "too many attempts; please wait before the next one").
		With("retry_after", int(math.Ceil(wait.Seconds())))
}

// count counts the guess against every counter, or against none and refuses it.
func (a *attempt) count(ctx context.Context) error {
	now := a.svc.cfg.Now()
	err := a.svc.cfg.Tx.SystemTx(ctx, "counting a login attempt", func(ctx context.Context) error {
		for _, c := range a.counters {
			ok, err := a.svc.cfg.Store.CountAttempt(ctx, c.id, c.limit, now)
			if err != nil {
				return err
			}
			if !ok {
				return errCounterBlocked
			}
		}
		return nil
	})
	if !errors.Is(err, errCounterBlocked) {
		return err
	}
	if err := a.check(ctx); err != nil {
		return err
	}
	// The block ended, or was lifted, between the two looks.
	return errTooMany(time.Second)
}

// forgive takes the guess back because it was right. The account's counters
// start anew; the network's, which others share, loses this one only.
func (a *attempt) forgive(ctx context.Context) error {
	var all, one []string
	for _, c := range a.counters {
		if c.network {
			one = append(one, c.id)
		} else {
			all = append(all, c.id)
		}
	}
	return a.svc.cfg.Store.ForgiveAttempts(ctx, all, one)
}
