// Package journal is the durable memory of what bots did: every order before it
// is sent, every fill, every decision, equity over time, and the checkpoint
// from which a bot goes on after a crash.
//
// It owns the records and the rule that one event of a bot is committed whole:
// its fills, its new orders, its decisions and the checkpoint after it stand or
// fall together, and only for the holder of the bot's lease (rules T1, T5, T7).
// It does not own the decisions themselves (package engine) or who runs a bot
// (package lease, package runner).
//
// Smallest use:
//
//	err := j.Commit(ctx, journal.Entry{TenantID: t, BotID: b, Epoch: lease.Epoch, Orders: …, Checkpoint: &cp})
//	cp, err := j.Checkpoint(ctx, tenantID, botID)
package journal
