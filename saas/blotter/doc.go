// Package blotter is what tenants see of their bots' real orders, and what they
// decide about them.
//
// It owns the reading of live orders with their histories and of the last
// reconciliation, the decisions about foreign orders, and the wish to go on after a
// mismatch; each with the checks of tenant and role. It does not own the orders
// themselves (package journal keeps them, package execution makes them and does what
// was decided) or the bots (package bot).
//
// A decision is a row, and an event that wakes the worker; the next reconciliation of
// the bot follows it, after a crash as well.
//
// Smallest use:
//
//	b, err := blotter.New(blotter.Config{Bots: bots, Events: events, Now: time.Now, Store: store, Tx: db})
//	report, err := b.Report(ctx, principal, botID)
//	err = b.Decide(ctx, principal, botID, "XBTMYR", report.Foreign[0].VenueID, journal.Ignore)
package blotter
