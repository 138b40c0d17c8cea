// Package bot holds a tenant's bots: what each trades with which strategy and
// parameters, whether it shall run, and what was last seen of it.
//
// It owns configurations, bots, their service with the checks of role, plan and
// parameters, and the interface of their store. It does not own a bot's orders
// and state (package journal) or the process that runs it (package runner).
//
// A configuration and its bot are made and deleted together. The wish (Desired)
// is the tenant's and is written here; the Status is what a worker last saw and
// is written by runner.
//
// Smallest use:
//
//	cfg, b, err := bots.Create(ctx, principal, bot.CreateInput{Name: "First", Pair: "XBTMYR", Strategy: "basic"})
//	b, err = bots.Start(ctx, principal, b.ID)
package bot
