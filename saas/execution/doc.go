// Package execution carries out a bot's orders at a remote venue so that none is
// lost and none doubled, whatever fails on the way.
//
// It owns the order of things: an intent is committed before a byte leaves (rule
// T1), the answer is accepted, rejected or unknown (rule T2), a cancel is a wish
// and the final state is read from the venue (rule T4), nothing is sent that
// could arrive after the bot's lease (rule T5), fills are applied once (rule T7);
// and the reconciliation of journal and venue (rule T6). It does not own the
// records and what follows from them (package journal), the venue's protocol (an
// exchange.Trader), nor what is to be ordered (package engine).
//
// An Executor is that of one bot under one lease. After a restart a new one, under
// a new epoch, goes on from the journal alone: commands are recognised by their
// number, and orders whose fate is not known are looked up under their old client
// ids. It trades once a reconciliation has found nothing that differs.
//
// Claimed orders have numbers below 0, and the bot's engine does not know of them. They are
// taken back with the others when its run ends (Desk.GiveBack, Executor.Recall), buys when the
// bot is to buy nothing (Desk.GiveBackBuys), and before an exit that needs what they hold: that
// waits for as long as it takes, and DeskConfig.Waits is told.
//
// What a caller hears of its orders it reads from the journal, by LiveEvents: each
// transition and each fill has a number, and a caller that keeps the last one in
// its own checkpoint hears everything once.
//
// Smallest use:
//
//	group, err := journal.NewGroup(journal.GroupConfig{Store: store})
//	e, err := execution.Open(ctx, execution.Config{…})
//	check, err := e.Check(ctx)
//	order, err := e.Place(ctx, execution.Intent{Number: 1, Request: exchange.OrderRequest{…}, Reason: "…"})
//	err = e.Run(ctx)
package execution
