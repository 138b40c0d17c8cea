package account

import (
	"context"
	"slices"
	"time"
)

// oneCall is a call in the unit in which turns are counted, a millionth.
const oneCall = 1_000_000

// Turns is how many calls of its venue an account has left, as all workers see
// it.
type Turns struct {
	// Left is how many calls could be made at At, in millionths.
	Left int64
	At   time.Time
	// PausedUntil is when the venue may be called again; zero if it may.
	PausedUntil time.Time
	// Waiting are the workers that were told to wait, or were lately.
	Waiting []Waiting
}

// Waiting is a worker that was told to wait, or was lately.
type Waiting struct {
	Holder string `json:"holder"`
	// Spare says that it is for spare calls, which have places of their own.
	Spare bool `json:"spare,omitempty"`
	// Calls is how many it asked for; 0 if it got them.
	Calls int64 `json:"calls"`
	// Pass is what it has had in millionths of a call, divided by how many of its
	// bots waited for it: who has had the least is next.
	Pass int64 `json:"pass"`
	// Served is what Pass was when it got some last.
	Served int64 `json:"served"`
	// Until is when it loses its place, in microseconds since the epoch, because it
	// did not ask again.
	Until int64 `json:"until"`
}

// TurnStore keeps the turns of accounts.
type TurnStore interface {
	// ChangeTurns stores what change makes of an account's turns, alone among all
	// processes. An account without turns begins with the zero value.
	//
	// What is counted is an account at a venue: once a check has found out which one
	// it is, the turns are those of the venue's account, which outlive a connection
	// to it and are there for the next one.
	ChangeTurns(ctx context.Context, tenantID, accountID string, change func(Turns) Turns) error
	// SweepTurns forgets turns that were counted last before a time. That must be so
	// long ago that they are all there again.
	SweepTurns(ctx context.Context, before time.Time) error
}

// patience is how long a worker that was told to wait keeps its place beyond the
// end of the wait, and for how long it is known what one has had.
const patience = time.Second

// Bounds on what a worker whose clock was ahead leaves behind for the others.
const (
	// clockSlack is how far ahead of this worker's clock another's may be.
	clockSlack = 5 * time.Second
	// longestPause is as long as a venue may pause an account.
	longestPause = 5 * time.Minute
)

// ask is what a worker asks for.
type ask struct {
	holder string
	calls  int64
	// bots is how many bots of the worker wait, from 1.
	bots          int64
	urgent, spare bool
}

// take gives a worker some of the calls that it asks for. It gets none, and a
// time to wait, if there are none beside the reserve and what those who wait
// before it have asked for: those that have had less, each of their bots, for so long
// as they waited, and before spare calls all others. Who waits gets all that it asked for or goes on
// waiting, so that a busy account is not asked about for every single call.
func (t Turns) take(now time.Time, r rates, a ask) (left Turns, calls int64, wait time.Duration) {
	t = t.refilled(now, r)
	if latest := now.Add(longestPause); t.PausedUntil.After(latest) {
		t.PausedUntil = latest
	}
	if pause := t.PausedUntil.Sub(now); pause > 0 {
		return t, 0, pause
	}
	if a.urgent {
		if t.Left < oneCall {
			return t, 0, r.until(oneCall - t.Left)
		}
		t.Left -= oneCall
		return t, 1, 0
	}
	latest := now.Add(r.until(r.burst) + patience + clockSlack).UnixMicro()
	t.Waiting = slices.DeleteFunc(slices.Clone(t.Waiting), func(w Waiting) bool { return w.Until < now.UnixMicro() || w.Until > latest })
	own, place := t.place(a.holder, a.spare)
	kept, least := r.reserve, int64(1)
	if a.spare {
		kept += r.spare
	}
	for i, w := range t.Waiting {
		before := w.Pass < own.Pass || w.Pass == own.Pass && i < place
		if w.Spare != a.spare {
			before = a.spare
		}
		if i != place && w.Calls > 0 && before {
			kept += w.Calls * oneCall
		}
	}
	if own.Calls > 0 {
		least = a.calls
	}
	if free := (t.Left - kept) / oneCall; free >= least {
		calls = min(a.calls, free)
		t.Left -= calls * oneCall
		own.Calls, own.Served, own.Until = 0, own.Pass, now.Add(patience).UnixMicro()
		own.Pass += calls * oneCall / a.bots
		t.Waiting[place] = own
		return t, calls, 0
	}
	// With more of them waiting than the bucket holds, it is asked again when the
	// bucket is full.
	wait = r.until(min(kept+a.calls*oneCall, r.burst) - t.Left)
	own.Calls, own.Until = a.calls, now.Add(wait+patience).UnixMicro()
	t.Waiting[place] = own
	return t, 0, wait
}

// place returns a worker's place among those that wait, which it gets at the end if
// it has none. Who did not wait makes up for nothing: it begins where the one was that
// got some last. This is start-time fair queueing (Goyal, Vin and Cheng, 1996).
func (t *Turns) place(holder string, spare bool) (own Waiting, place int) {
	place = slices.IndexFunc(t.Waiting, func(w Waiting) bool { return w.Holder == holder && w.Spare == spare })
	if place < 0 {
		place = len(t.Waiting)
		t.Waiting = append(t.Waiting, Waiting{Holder: holder, Spare: spare})
	}
	own = t.Waiting[place]
	if own.Calls > 0 {
		return own, place
	}
	for _, w := range t.Waiting {
		if w.Spare == spare {
			own.Pass = max(own.Pass, w.Served)
		}
	}
	return own, place
}

// paused returns the turns after the venue said that there were too many calls.
func (t Turns) paused(until time.Time) Turns {
	if until.After(t.PausedUntil) {
		t.PausedUntil = until
	}
	return t
}

// spent returns the turns after calls that were counted elsewhere.
func (t Turns) spent(now time.Time, r rates, calls int64) Turns {
	t = t.refilled(now, r)
	t.Left -= calls * oneCall
	return t
}

// refilled returns the turns as of now. A clock that is behind another worker's
// adds nothing; where the other's was far ahead, turns come again from now on.
func (t Turns) refilled(now time.Time, r rates) Turns {
	switch passed := now.Sub(t.At); {
	case t.At.IsZero() || passed >= r.until(r.burst):
		t.Left, t.At = r.burst, now
	case passed > 0:
		t.Left, t.At = min(r.burst, t.Left+passed.Microseconds()*r.perSecond/int64(time.Second/time.Microsecond)), now
	case passed < -clockSlack:
		t.At = now
	}
	return t
}

// rates are the numbers of a bucket, in millionths of a call; spare is what spare calls
// leave beside the reserve.
type rates struct{ burst, reserve, spare, perSecond int64 }

// until returns how long it takes for so much to come, and never nothing.
func (r rates) until(missing int64) time.Duration {
	us := (max(missing, 1)*int64(time.Second/time.Microsecond) + r.perSecond - 1) / r.perSecond
	return time.Duration(max(us, 1000)) * time.Microsecond
}
