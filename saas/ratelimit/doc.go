// Package ratelimit slows down who asks too often, in the memory of one process.
//
// It owns the count of requests by key, which is bounded whatever comes in. It does
// not own what a key is, nor how a refusal is told: that is its callers'. Limits of
// a plan are billing's Gate, and what must hold over several servers is counted in
// the database.
//
// A request may be bound by several rates, as by that of its sender and that of
// what it is sent to; it counts for all of them or for none (rule R4). A rate is a
// token bucket of golang.org/x/time/rate: a burst at once, and so many a minute in
// the long run.
//
// Of each rate at most 2 × Config.Keys keys are remembered. Who is forgotten has a
// full burst again; that can only happen to a key that was not seen while
// Config.Keys others were.
//
// Smallest use:
//
//	l, err := ratelimit.New(ratelimit.Config{Now: time.Now, Rates: []ratelimit.Rate{{Burst: 20, PerMinute: 60}}})
//	if v := l.Admit(network); v.Wait > 0 { … }
package ratelimit
