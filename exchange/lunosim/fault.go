package lunosim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// FaultKind is a way in which the simulator misbehaves.
type FaultKind string

// Faults of calls. "Before" does not carry the call out, "after" does.
const (
	// HangAfter carries the call out and does not answer.
	HangAfter FaultKind = "hang-after"
	// HangBefore waits and then carries the call out, whether or not its caller is
	// still there.
	HangBefore FaultKind = "hang-before"
	// BadGatewayBefore and BadGatewayAfter answer 502 with a page of HTML.
	BadGatewayBefore FaultKind = "bad-gateway-before"
	BadGatewayAfter  FaultKind = "bad-gateway-after"
	// ResetBefore and ResetAfter break the connection.
	ResetBefore FaultKind = "reset-before"
	ResetAfter  FaultKind = "reset-after"
	// GarbageAfter answers 200 with half of the JSON, EmptyAfter with an empty
	// object.
	GarbageAfter FaultKind = "garbage-after"
	EmptyAfter   FaultKind = "empty-after"
	// TooManyRequests answers 429.
	TooManyRequests FaultKind = "too-many-requests"
	// Refuse answers with the fault's code.
	Refuse FaultKind = "refuse"
	// FillBeforeStop lets a part of an order be filled when it is to be stopped.
	FillBeforeStop FaultKind = "fill-before-stop"
)

// Faults of streams.
const (
	// StreamDuplicate sends a message twice, StreamGap leaves one out, and
	// StreamReorder sends one after the next.
	StreamDuplicate FaultKind = "stream-duplicate"
	StreamGap       FaultKind = "stream-gap"
	StreamReorder   FaultKind = "stream-reorder"
	// StreamSilent sends nothing any more and answers no ping.
	StreamSilent FaultKind = "stream-silent"
	// StreamReset breaks the connection in place of a message.
	StreamReset FaultKind = "stream-reset"
	// StreamGarbage sends what is no JSON in place of a message.
	StreamGarbage FaultKind = "stream-garbage"
	// StreamLate sends the first message late.
	StreamLate FaultKind = "stream-late"
)

// Faults that last until they are removed.
const (
	// LateFills keeps fills from listtrades for a while.
	LateFills FaultKind = "late-fills"
	// ClockSkew sets the server's clock wrong.
	ClockSkew FaultKind = "clock-skew"
	// PostOnlyMode and Suspended change a market's state.
	PostOnlyMode FaultKind = "post-only"
	Suspended    FaultKind = "suspended"
	// CircuitBreaker takes post-only orders alone for a window of time after one whose
	// mean price, weighted by volume, is too far from that of the window before; as
	// Luno does in Malaysia, by ten per cent in windows of five minutes.
	CircuitBreaker FaultKind = "circuit-breaker"
	// RevokedKey takes a key back.
	RevokedKey FaultKind = "revoked-key"
	// QuietPostOnly accepts a post-only order that would trade, and completes it
	// without a fill, in place of refusing it.
	QuietPostOnly FaultKind = "quiet-post-only"
)

// Fault is one fault and what it strikes.
type Fault struct {
	// ID is the simulator's number of it.
	ID   int64     `json:"id,omitempty"`
	Kind FaultKind `json:"kind"`
	// Path, Account, Key and Pair narrow it: to calls and streams whose path begins
	// with it, by an account's name, a key's id, and the market that is named.
	// Default to all.
	Path    string `json:"path,omitempty"`
	Account string `json:"account,omitempty"`
	Key     string `json:"key,omitempty"`
	Pair    string `json:"pair,omitempty"`
	// Skip is how many it spares first, and Count how many it strikes then; 0 is
	// all. Chance is the share of them that it strikes, decided by the seed;
	// defaults to 1.
	Skip   int     `json:"skip,omitempty"`
	Count  int     `json:"count,omitempty"`
	Chance float64 `json:"chance,omitempty"`
	// Delay is how long it hangs, keeps silent or back, how wrong the clock is, or how
	// long a circuit breaker's windows are, in milliseconds. A hang without one ends when
	// the caller leaves; the windows default to five minutes.
	Delay int64 `json:"delay_ms,omitempty"`
	// Code is what Refuse says.
	Code string `json:"code,omitempty"`
	// Percent is how much of the rest FillBeforeStop fills, which defaults to 50, and by
	// how much the price may move for CircuitBreaker, which defaults to 10.
	Percent int `json:"percent,omitempty"`
	// Struck is how often it has struck; the simulator counts it.
	Struck int `json:"struck,omitempty"`
}

// faultGroup says where a kind of fault belongs.
type faultGroup uint8

const (
	callFault faultGroup = iota + 1
	stopFault
	streamFault
	firstFault
	lasting
)

func (k FaultKind) group() faultGroup {
	switch k {
	case HangAfter, HangBefore, BadGatewayBefore, BadGatewayAfter, ResetBefore, ResetAfter, GarbageAfter, EmptyAfter, TooManyRequests, Refuse:
		return callFault
	case FillBeforeStop:
		return stopFault
	case StreamDuplicate, StreamGap, StreamReorder, StreamSilent, StreamReset, StreamGarbage:
		return streamFault
	case StreamLate:
		return firstFault
	case LateFills, ClockSkew, PostOnlyMode, Suspended, CircuitBreaker, RevokedKey, QuietPostOnly:
		return lasting
	}
	return 0
}

// check names what is wrong with a fault.
func (s *Sim) checkFault(f Fault) error {
	var problems []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	check(f.Kind.group() != 0, "%q is no kind of fault", f.Kind)
	check(f.Skip >= 0 && f.Count >= 0, "skip and count must be at least 0")
	check(f.Chance >= 0 && f.Chance <= 1, "chance must be between 0 and 1")
	check(f.Percent >= 0 && f.Percent <= 100, "percent must be between 0 and 100")
	check(f.Delay >= 0 || f.Kind == ClockSkew, "delay_ms must be at least 0")
	check(f.Pair == "" || s.markets[f.Pair] != nil, "there is no market %q", f.Pair)
	check(f.Key == "" || s.keys[f.Key] != nil, "there is no key %q", f.Key)
	check(f.Kind != RevokedKey || f.Key != "", "a revoked key needs the key's id")
	check(f.Kind != Refuse || f.Code != "", "a refusal needs a code")
	check(f.Kind != LateFills || f.Delay > 0, "late fills need a delay_ms")
	check(f.Account == "" || slices.ContainsFunc(s.accounts, func(a *account) bool { return a.name == f.Account }), "there is no account %q", f.Account)
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("lunosim: fault %q: %w", f.Kind, err)
	}
	return nil
}

// subject is what a fault may strike.
type subject struct {
	path, pair string
	key        *key
}

func (f *Fault) fits(x subject) bool {
	return strings.HasPrefix(x.path, f.Path) && (f.Pair == "" || f.Pair == x.pair) &&
		(f.Key == "" || x.key != nil && x.key.ID == f.Key) && (f.Account == "" || x.key != nil && x.key.account.name == f.Account)
}

// faults are those at work.
type faults struct {
	// count is how many there are, for those who would find none.
	count atomic.Int64
	skew  atomic.Int64
	// due is when a circuit breaker looks next, in milliseconds; 0 if there is none.
	due atomic.Int64

	mu     sync.Mutex
	random *rand.Rand
	last   int64
	list   []*Fault
}

// strike returns the first fault of a group that strikes a subject now.
func (f *faults) strike(group faultGroup, x subject) (Fault, bool) {
	if f.count.Load() == 0 {
		return Fault{}, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.list {
		switch {
		case one.Kind.group() != group || !one.fits(x) || one.Count > 0 && one.Struck >= one.Count:
			continue
		case one.Skip > 0:
			one.Skip--
			continue
		case one.Chance > 0 && f.random.Float64() >= one.Chance:
			continue
		}
		one.Struck++
		return *one, true
	}
	return Fault{}, false
}

// lasts returns the first lasting fault of a kind that fits a subject.
func (f *faults) lasts(kind FaultKind, x subject) (Fault, bool) {
	if f.count.Load() == 0 {
		return Fault{}, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.list {
		if one.Kind == kind && one.fits(x) {
			one.Struck++
			return *one, true
		}
	}
	return Fault{}, false
}

// strikeOne counts that a fault has struck.
func (f *faults) strikeOne(id int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.list {
		if one.ID == id {
			one.Struck++
		}
	}
}

// AddFault lets a fault begin and returns its number; the error names all that is
// wrong with it.
func (s *Sim) AddFault(fault Fault) (int64, error) {
	if err := s.checkFault(fault); err != nil {
		return 0, err
	}
	f := &s.faults
	f.mu.Lock()
	f.last++
	fault.ID, fault.Struck = f.last, 0
	f.list = append(f.list, &fault)
	f.mu.Unlock()
	f.count.Add(1)
	s.cfg.Log.Info("lunosim: a fault begins", "fault", fault.ID, "kind", fault.Kind)
	return fault.ID, s.settle()
}

// RemoveFault ends a fault; false if there is none of that number. What a fault had
// changed for as long as it lasts is as it was.
func (s *Sim) RemoveFault(id int64) (bool, error) {
	f := &s.faults
	f.mu.Lock()
	before := len(f.list)
	f.list = slices.DeleteFunc(f.list, func(one *Fault) bool { return one.ID == id })
	removed := before - len(f.list)
	f.mu.Unlock()
	f.count.Add(-int64(removed))
	return removed > 0, s.settle()
}

// ClearFaults ends all faults.
func (s *Sim) ClearFaults() error {
	for _, f := range s.Faults() {
		if _, err := s.RemoveFault(f.ID); err != nil {
			return err
		}
	}
	return nil
}

// Faults lists the faults at work, the oldest first, with how often each struck.
func (s *Sim) Faults() []Fault {
	f := &s.faults
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]Fault, len(f.list))
	for i, one := range f.list {
		out[i] = *one
	}
	return out
}

// settle makes keys, markets and the clock what the lasting faults say.
func (s *Sim) settle() error {
	s.settling.Lock()
	defer s.settling.Unlock()
	var skew, due int64
	now := s.now()
	revoked, states, quiet := map[string]bool{}, map[string]string{}, false
	for _, f := range s.Faults() {
		switch f.Kind {
		case ClockSkew:
			skew += f.Delay
		case RevokedKey:
			revoked[f.Key] = true
		case QuietPostOnly:
			quiet = true
		case PostOnlyMode, Suspended:
			state := "POST_ONLY"
			if f.Kind == Suspended {
				state = "SUSPENDED"
			}
			for _, pair := range s.pairs {
				if f.Pair == "" || f.Pair == pair {
					states[pair] = state
				}
			}
		default:
		}
	}
	for _, f := range s.Faults() { // after those that hold a market in a state
		if f.Kind != CircuitBreaker {
			continue
		}
		next, err := s.breaks(f, now, states)
		if err != nil {
			return err
		}
		if due == 0 || next < due {
			due = next
		}
	}
	s.faults.due.Store(due)
	s.faults.skew.Store(skew)
	s.venue.SetQuietPostOnly(quiet)
	for id, k := range s.keys {
		k.revoked.Store(revoked[id])
	}
	s.sessions.expel(func(x *session) bool { return x.key.revoked.Load() })
	var problems []error
	for _, pair := range s.pairs {
		if state := states[pair]; state != s.forced[pair] {
			s.forced[pair] = state
			if state == "" {
				state = "ACTIVE"
			}
			problems = append(problems, s.SetStatus(pair, state))
		}
	}
	return errors.Join(problems...)
}

// ReadFaults reads a JSON list of faults. Unknown fields are refused.
func ReadFaults(r io.Reader) ([]Fault, error) {
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	var list []Fault
	if err := decoder.Decode(&list); err != nil {
		return nil, fmt.Errorf("lunosim: a list of faults is needed: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("lunosim: something follows the list of faults")
	}
	return list, nil
}
