// Package live carries short-lived updates of bots from the worker that runs
// them to whoever watches: pages and streams of server-sent events.
//
// It owns the Hub. It does not own what updates say, nor anything that must
// not be lost: that is in the journal and the outbox. An update that nobody
// watches is gone, and a watcher that is too slow loses the oldest ones and is
// told how many (type Dropped), so that it can load what it shows afresh.
//
// Updates travel over NATS core subjects that carry the tenant and the bot
// (rule P11), so that server and worker may be different processes.
//
// Smallest use:
//
//	hub, err := live.NewHub(live.HubConfig{Conn: broker.Conn()})
//	updates, err := hub.Subscribe(ctx, tenantID, botID)
//	err = hub.Publish(ctx, tenantID, botID, live.Update{Type: "equity", Time: now, Data: raw})
package live
