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
// What bots see, do and are given from outside goes to their tapes in the commits of their
// checkpoints, for replays (package parity): also what a live bot hears of its orders.
//
// A bot that trades at an exchange has the same engine; its venue holds wishes (package
// remote). Its livebot, under the bot's lease and on goroutines of its own, connects the
// account, reconciles before the bot is opened, carries the wishes of committed states out
// (execution.Desk), and wakes the group when there is something to hear. What is heard is
// booked and committed at once, and told to the strategy with the next candle. All bots of
// an account in a worker share one connection, one stream and the transactions.
//
// Protective exits of all bots are judged when a candle has closed, and between candles on the
// trades of their pairs: at once on the first one, and at most every quarter of a second. A
// group knows the nearest exits of its bots, so that a price that reaches none costs one
// comparison. What an exit does is committed at once, and told to the strategy with the next
// candle; a group that waits for its strategy's answer judges once it has that. What could
// not be committed is tried again with the next trade; a worker that was killed before
// decides again.
//
// A live bot's exits are judged also while its strategy is away, because its process is
// started again or its version must not run: the account of its newest checkpoint stands in,
// and the strategy hears the candles that it has missed once it is back (engine.Session.Protect).
//
// A bot that has failed, at an exchange or on paper, is looked after for what it left: its
// orders are taken back until its exchange has answered, and its exits and the host's bounds are
// judged in the same way, until it holds nothing that they would sell, or is started or stopped.
// That it has failed is in its row, so that another worker goes on with it (bot.Guard).
//
// What a crash leaves behind of it:
//
//   - An event of the exchange that is in the live journal and not in a checkpoint is heard
//     again, from the number of the newest event that the checkpoint has.
//   - A wish of the checkpoint is carried out again by whoever takes the lease: the live
//     journal knows by its number whether that was done. One of a candle of long ago is
//     denied, as the strategy's answers are to candles that are heard late.
//   - While a bot stops, its checkpoint has the orders that are to be taken back, and whoever
//     takes it up goes on with that. A run that is begun while a failed one is still looked
//     after takes that one's orders back before it begins, under the old run's number.
//   - A lease that is lost ends the livebot: the journal refuses its epoch, and it sends
//     nothing that could arrive after the lease.
//
// Smallest use:
//
//	r, err := runner.New(runner.Config{…})
//	err = r.Start(ctx)
//	defer r.Stop()
package runner
