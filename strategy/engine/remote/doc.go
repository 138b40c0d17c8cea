// Package remote is the engine's venue of a bot that trades at a real exchange.
//
// It owns what the bot wants there and what it knows of that: wishes to place
// orders, to take them back and to close a position, the money that they set aside,
// and the reports that they lead to. It does not own the way to the exchange, which
// is slow, fails and forgets nothing: whoever runs the bot writes the venue's state
// down, carries the wishes out after that, and lets the venue hear what became of
// them.
//
//	engine              Venue                      whoever runs the bot
//	Place, Cancel  ───→ wish, at once
//	Place          ───→ wish, waits for cancels of its side, if there are any
//	Exit           ───→ wish, waits for all cancels
//	                    State ───────────────────→ written down
//	                    Wishes ──────────────────→ carried out, known by their numbers
//	                    Hear ←──────────────────── events, known by their numbers
//	Session.Hear   ←─── Reports
//
// It is a state machine without a clock: the same calls lead to the same state,
// which JSON holds whole.
//
// What a crash leaves behind, at each point:
//
//   - Before the state with a wish is written: nobody has the wish, and nothing was
//     sent. The bot decides anew.
//   - After that, before or while the wish is carried out: the state has the wish, and
//     it is carried out again. Its number tells whoever does so whether that was done
//     already.
//   - After events that the written state does not have: they are heard again, in
//     their order, from the number of the newest that it has. Events of a number that
//     it has change nothing (rule T7).
//   - While a protective exit waits: cancels are asked again, their end is heard, and
//     the exit goes out then, with what there is left to sell at that point of the
//     events. Nothing of an exit is sent before the state with its final volume is
//     written.
//   - While another order waits for cancels: the same, with what those whose place it
//     takes have left of it. One that waits for longer than Config.Stale is denied.
//
// Smallest use:
//
//	v, err := remote.New(remote.Config{Market: m, Balance: cash, Fees: fees, OrderPrefix: prefix})
//	s, err := engine.New(engine.Config{Venue: v, OrderPrefix: prefix, …})
//	…
//	for _, w := range v.Wishes() { … }
//	v.Hear(remote.News{…})
//	err = s.Hear()
package remote
