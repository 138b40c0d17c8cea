// Package runner is the worker: it takes leases on bots that shall run, opens
// their strategies in plugin processes, feeds them closed candles, commits what
// they did and goes on from there after a crash.
//
// It owns the placing of bots, the groups that run them, warm-up, catching up
// after a stop of the worker, and the state of a checkpoint. It does not own the
// decisions (package engine), the processes (package pluginhost), the candles
// (package marketdata) or the records (package journal).
//
// Bots of the same pairs, one strategy and one length of candles form a group with a
// goroutine of its own, so that a slow strategy delays no other. Within a group,
// a candle costs one call to the plugin however many bots there are, and one
// commit. Bots that trade several pairs are given the candles of a minute as one
// step; what comes later is a step of its own and is committed at once. Whatever the length, the bots' orders meet every minute.
//
// A market that tells nothing is asked by its history. If that answers, its candles count,
// and where there are none nothing was traded; if not, the bots are degraded: they hear
// nothing and order nothing. A further pair that is silent is waited for a few candles
// long, and nothing is bought in it until its candles have come.
//
// A worker that cannot run a version which others may be able to, because its copy
// of the file is gone or changed, gives the bots back and leaves them alone; it
// looks at them again, each time after a longer while, only to tell their tenants
// that nobody has taken them.
//
// Workers that share the bots have equal shares of them: each is counted by a lease on
// itself and hands over, checkpointed, what is above its share. What is free for a while
// it takes all the same, because no other worker may be able to run it, and keeps.
//
// What a crash leaves behind: the newest checkpoint of every bot. A bot whose
// run is the checkpoint's goes on from it, within a longer candle if need be, and
// is given the candles since, with flat ones where nothing was traded; they
// lead to the same orders and fills, because the engine is deterministic, and
// fills and decisions that are in the journal already are recognised.
//
// Smallest use:
//
//	r, err := runner.New(runner.Config{…})
//	err = r.Start(ctx)
//	defer r.Stop()
package runner
