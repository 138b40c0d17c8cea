// Package conformance checks a strategy from outside, over the wire: what every
// host relies on, and what no tenant's input may break.
//
// It owns the checks, the odd markets that they run a strategy through, and the
// Trader, which runs one strategy with the engine on a simulated account. It
// does not own the process that is checked: a Subject is a loopback in a test
// (package strategytest) or a plugin's process (lunobot plugin check), so that
// both are held to the same. Nothing here needs package testing.
//
// The checks begin a Subject each and share nothing:
//
//   - manifest and defaults: what a strategy tells of itself can be used;
//   - market waves, flat, gaps and extremes: the same events give the same
//     commands in another process, and a state restored after any event goes on
//     alike (rule PL1);
//   - signals: the same for a strategy that takes messages from outside, whatever
//     these say;
//   - hostile parameters: the plugin refuses what its schema refuses and takes
//     the rest, at the edges too;
//   - strange states: a state of a later version, of none or of another form is
//     refused, and never taken for nothing (rule PL7);
//   - deadlines: many bots are answered in time, and a backtest that is given up
//     holds nothing up;
//   - backtest: two processes give the same result, which is also what the engine
//     of this side comes to.
//
// Smallest use:
//
//	for _, check := range conformance.Checks(conformance.Config{Now: time.Now, Start: start}) {
//		note, err := check.Run(ctx)
//	}
package conformance
