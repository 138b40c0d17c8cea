// Package luno talks to the Luno exchange over REST.
//
// It owns the client: which calls may be made at all, pace, repeats of what may
// be repeated, and the translation of Luno's answers into the nouns of package
// exchange. What there is today is the public market data that history needs:
// markets and candles. It does not own orders, streams or what is done with the
// candles.
//
// # What leaves this process
//
// An allow-list of method and path sits in the transport: what is not on it is
// a *ForbiddenError and is not sent, whoever asks. Requests go to one address,
// over https unless it is this machine's own, and redirects are not followed. A
// key goes to Luno's own address or to this machine and nowhere else.
//
// Smallest use:
//
//	c, err := luno.New(luno.Config{KeyID: id, Secret: secret})
//	markets, err := c.Markets(ctx)
//	candles, err := c.Candles(ctx, "XBTMYR", time.Minute, since, 1000)
package luno
