package parity

import (
	"cmp"
	"slices"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/engine/remote"
	"github.com/lunobot/lunobot/strategy/risk"
)

// Live reports whether the state is of an account at an exchange.
func (s AccountState) Live() bool { return len(s.Remote) > 0 }

// Event is the number of the newest event of the exchange that the account has heard; 0
// if it is on paper or has heard none.
func (s AccountState) Event() int64 {
	var newest int64
	for _, v := range s.Remote {
		newest = max(newest, v.Event)
	}
	return newest
}

// Live reports whether the account's orders are wishes at an exchange.
func (a *Account) Live() bool { return len(a.remotes) > 0 }

// Event is AccountState.Event.
func (a *Account) Event() int64 {
	var newest int64
	for _, v := range a.remotes {
		newest = max(newest, v.Event())
	}
	return newest
}

// Knows reports whether the order of a number is not known to be over.
func (a *Account) Knows(number uint64) bool {
	return slices.ContainsFunc(a.remotes, func(v *remote.Venue) bool { return v.Knows(number) })
}

// At tells the venues at an exchange what time it is, in epoch milliseconds; see
// remote.Venue.At.
func (a *Account) At(now int64) {
	for _, v := range a.remotes {
		v.At(now)
	}
}

// Close tells the venues at an exchange that orders close positions from now on, at a time
// in epoch milliseconds; see remote.Venue.Close.
func (a *Account) Close(now int64) {
	for _, v := range a.remotes {
		v.Close(now)
	}
}

// News lets the account hear what happened at an exchange, in the order of the events,
// and books it. It reports whether that was anything.
func (a *Account) News(list []remote.News) (bool, error) {
	if len(list) == 0 {
		return false, nil
	}
	for i, v := range a.remotes {
		hear := func() {
			for _, n := range list {
				v.Hear(n)
			}
		}
		if a.basket == nil {
			hear()
		} else {
			a.basket.Lend(a.Markets()[i].Pair, hear)
		}
	}
	return true, a.Hear()
}

// Wishes are what the account wants at an exchange, the oldest first.
func (a *Account) Wishes() []remote.Wish {
	var out []remote.Wish
	for _, v := range a.remotes {
		out = append(out, v.Wishes()...)
	}
	slices.SortFunc(out, func(x, y remote.Wish) int { return cmp.Compare(x.Number, y.Number) })
	return out
}

// Open is how many orders at an exchange are not known to be over.
func (a *Account) Open() int {
	n := 0
	for _, v := range a.remotes {
		n += v.Open()
	}
	return n
}

// Protect is engine.Session.Protect for a candle of one of the pairs.
func (a *Account) Protect(pair string, c exchange.Candle) error {
	if a.basket == nil {
		a.session.Protect(&c)
		return nil
	}
	return a.basket.Protect(pair, &c)
}

// Protected is engine.Session.Protected of one of the pairs.
func (a *Account) Protected(pair string) int64 {
	if a.basket == nil {
		return a.session.Protected()
	}
	return a.basket.Protected(pair)
}

// Alarm is engine.Session.Alarm of one of the pairs.
func (a *Account) Alarm(pair string) risk.Alarm {
	if a.basket == nil {
		return a.session.Alarm()
	}
	return a.basket.Alarm(pair)
}

// Reaches is engine.Session.Reaches in one of the pairs.
func (a *Account) Reaches(pair string, p *engine.Prints) bool {
	if a.basket == nil {
		return a.session.Reaches(p)
	}
	return a.basket.Reaches(pair, p)
}

// ProtectBetween is engine.Session.ProtectBetween in one of the pairs.
func (a *Account) ProtectBetween(pair string, p *engine.Prints) error {
	if a.basket == nil {
		a.session.ProtectBetween(p)
		return nil
	}
	return a.basket.ProtectBetween(pair, p)
}

// Believe is engine.Session.Believe for a candle of one of the pairs.
func (a *Account) Believe(pair string, c exchange.Candle) {
	if a.basket == nil {
		a.session.Believe(c)
		return
	}
	a.basket.Believe(pair, c)
}

// Leaving reports whether an order that closes a position is under way at an exchange.
func (a *Account) Leaving() bool {
	return slices.ContainsFunc(a.Wishes(), func(w remote.Wish) bool { return w.Exit })
}
