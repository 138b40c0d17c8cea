// Package halt has the kill switches (rule RK2): for one bot, for all bots of a tenant,
// and for all bots of the installation.
//
// It owns switches that are on and were on, who pulled and released them, and that bots
// under one are asked to stop and not started. It does not own how a worker stops a bot,
// nor the tables (package saasdb implements Store).
//
// A switch that is pulled asks every bot that it covers to stop, in the transaction in
// which it is stored: their orders are taken back, and if it flattens, their positions
// are closed. Workers read the switches that are on several times a second, and at once
// when they hear of one; from then on no command of a strategy under one is carried out,
// whatever its bot is in the midst of. Until the switch is released, no such bot is
// started. Switches that were released are kept, and tell who did what, when and why.
//
// Smallest use:
//
//	s, err := halt.NewService(halt.Config{Events: events, Now: time.Now, Store: store, Tx: d})
//	h, err := s.Pull(ctx, who, halt.PullInput{Reason: "the market is mad", Flatten: true})
//	err = s.Release(ctx, who, h.ID)
package halt
