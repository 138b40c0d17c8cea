// Package lease says who owns a bot or a long job, so that no two workers ever
// do the same work.
//
// It owns leases, their fencing epochs and the Keeper, which takes, renews and
// gives back the leases of one worker. It does not own the work, nor the table
// (package saasdb implements Store).
//
// A lease ends by itself when its holder stops renewing it; then another worker
// takes it over. Every taking raises the epoch of the resource, and whatever is
// written under an older epoch is refused (rule T5): a worker that was frozen
// past its lease can do no harm when it wakes up. Clocks of several machines
// therefore decide only how soon a lease changes hands, never whether that is
// safe.
//
// A holder has a stable name and an incarnation, a number that grows with every
// start. A new incarnation takes the leases of its own name over at once, so
// that a worker that was killed and started again does not wait for its own
// leases to end. Two processes must not share a name; if they do, the one that
// started last wins, and the other is told that it was superseded
// (ErrSuperseded) at its next step, and is never Ready again.
//
// Smallest use:
//
//	k, err := lease.NewKeeper(lease.KeeperConfig{Holder: "worker-1", Now: time.Now, Store: store})
//	err = k.Start(ctx)
//	got, err := k.Acquire(ctx, candidates, 100)
//	err = k.Run(ctx, func(lost []lease.Lease) { … })
package lease
