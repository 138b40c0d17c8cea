// Package lunosim is a server that speaks the protocol of the Luno exchange: its
// REST calls and both websocket streams with their shapes, codes, permissions and
// limits, over the matching engine of package paper. Clients of Luno work against
// it unchanged.
//
// It owns the protocol, accounts and keys, and the faults that it can play. It does
// not own the matching rules, which are paper's, nor real money: the calls that
// would move some are counted and refused.
//
// Where Luno's documentation leaves something open, the simulator does this:
//
//   - A balance is the total; what is free is the balance less what is reserved.
//   - Fees are taken in the counter currency, and of a market buy's counter volume;
//     with Config.BaseFees they are taken in the base currency.
//   - A post-only order that would trade is refused with "ErrOrderCanceled".
//   - Lists of orders before a time leave out those of that very millisecond.
//   - Gaps between candles are filled with flat ones of volume 0, candles begin at
//     multiples of their duration since the epoch, and the last one is still forming.
//   - An unknown order is answered with 404, a key without the permission with 403.
//   - All keys of an account share one limit of calls; callers without a key share
//     the one of their address.
//   - What orders reserve and release has rows of its own in the list of
//     transactions, in which only the available balance changes.
//   - Any valid key opens a user stream. What no pong has confirmed is sent again to
//     the key's next stream, so that a client hears everything at least once.
//
// Beside Luno's calls it has its own, for this machine alone: the status page at /,
// GET /sim/state, GET, POST and DELETE /sim/faults, DELETE /sim/faults/{id},
// POST /sim/markets/{pair} and POST /sim/accounts/{name}/deposits.
//
// With Config.State it keeps itself in a file and goes on where it ended, also after a
// kill -9: orders, their ids, balances, trades, rows and candles, to the last digit. What
// it does is written before it is answered; a power failure can cost the last seconds.
// Begun anew are traders, whose orders are taken back, faults, the states of markets, the
// limits of calls, and what a user stream would send again.
//
// Faults are a JSON list such as
//
//	[{"kind": "hang-after", "path": "/api/1/postorder", "skip": 3, "count": 1, "delay_ms": 5000},
//	 {"kind": "stream-gap", "pair": "XBTMYR", "chance": 0.01}]
//
// and the constants of type FaultKind say what each kind does.
//
// Smallest use:
//
//	sim, err := lunosim.New(lunosim.Config{Markets: lunosim.Markets()})
//	server := httptest.NewServer(sim)
package lunosim
