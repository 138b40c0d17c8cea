// Package replay keeps the parity reports of tenants' bots (rule PL2): what a bot
// saw is replayed, and the report says whether it comes to the same, or names the
// first difference and its cause.
//
// It owns the asking for reports, the worker that makes them, and what a report
// says about a bot's life between two tapes. It does not own the comparison
// (package parity), what is recorded (packages runner and journal), nor the
// strategies' processes (package pluginhost).
//
// One report is kept of a bot, the newest. A worker claims a report for a while;
// if it dies, the report is made again, which changes nothing, because a replay
// only reads.
//
// Smallest use:
//
//	r, err := service.Request(ctx, principal, botID)
//	r, err = service.Replay(ctx, principal, botID) // until r.Status.Over()
//	fmt.Println(r.Headline())
package replay
