// Package luno talks to the Luno exchange over REST.
//
// It owns the client: which calls may be made at all, their pace, repeats of what
// may be repeated, and the translation of Luno's answers into the nouns of package
// exchange. It knows markets, quotes, candles, orders, fills, balances, fees and
// bookings. It does not own streams, which are package lunostream's, nor what is done
// with any of it.
//
// # What leaves this process
//
// An allow-list of method and path sits in the transport: what is not on it is
// a *ForbiddenError and is not sent, whoever asks. Requests go to one address,
// over https unless it is this machine's own, and redirects are not followed. A
// key goes to Luno's own address or to this machine and nowhere else. Of Luno's
// several versions of a call there is the one that tells most: orders are read in
// their second and third version.
//
// # What an answer means
//
// An order is sent once, under a client order id and with a time after which Luno
// must not take it. Only a refusal by a code that settles it is a rejection; a
// time-out, a page instead of JSON, an answer without an order's id or too many
// calls leave the outcome unknown (rule T2). What is asked of Luno and changes
// nothing is asked again by itself.
//
// # Limits of Luno
//
// A market buy is for an amount, not by volume. Whether its fee comes on top of the
// amount is not documented. Stop-limit orders can be placed (OrderRequest.Stop), and bots
// do not: protective exits are the host's and watch the price themselves (rule RK1). The user stream tells what an order has traded in all, without
// the trades' sequences: fills are booked from what Client.Fills lists after the stream
// has told of one. Fees finer than a unit are rounded up, and a
// ledger's entries (Client.Entries) tell them exactly.
//
// Smallest use:
//
//	c, err := luno.New(luno.Config{KeyID: id, Secret: secret})
//	report, err := c.CheckKey(ctx)
//	order, err := c.For("bot-1").Place(ctx, exchange.OrderRequest{ClientID: "…", Pair: "XBTMYR", …})
package luno
