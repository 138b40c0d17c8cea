// Package hook lets programs outside talk to a tenant's bots: each bot of a
// strategy that takes signals can have a webhook with an address and a secret of
// its own, and what comes in there waits for the bot's next candle.
//
// It owns addresses and secrets (made, shown once, rotated with an overlap,
// revoked), the proof that a message comes from who knows the secret, its limits,
// and the signals with what became of them. It does not own what a signal means,
// which is the strategy's, nor when a bot hears it, which is package runner's.
//
// There are three ways to prove it, because senders differ in what they can do:
//
//   - a signature after Standard Webhooks (rule H1): the headers webhook-id,
//     webhook-timestamp and webhook-signature over id, time and body, with the
//     signing key;
//   - the secret as Authorization: Bearer …;
//   - the secret as "token" in the JSON body, for charting programs that can send
//     nothing but a body. It is taken out before the message is stored.
//
// A message has an id, by header or in the body, and is taken once: a repeat gets
// the same answer and nothing else happens. It is stored before it is answered.
//
// The database holds no secret: of each it keeps an HMAC under a pepper that is
// not in the database (rule K2). The signing key is made from that and the pepper,
// so that it can be checked without being stored.
//
// Smallest use:
//
//	s, err := hook.NewService(hook.Config{…})
//	h, secret, err := s.Create(ctx, principal, botID)
//	receipt, err := s.Receive(ctx, h.ID, hook.Delivery{Body: body, Bearer: secret.Token.Reveal()})
package hook
