package hook

import (
	"context"
	"time"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/page"
)

// Store keeps hooks and signals. Every method but Address, WaitingSignals and
// PruneSignals is of one tenant; what belongs to another is a NotFound error, code
// "bot_not_found", "webhook_not_found" or "signal_not_found". Writes join the
// transaction that ctx carries.
type Store interface {
	// Bot and LockBot are those of bot.Store.
	Bot(ctx context.Context, tenantID, id string) (bot.Bot, error)
	LockBot(ctx context.Context, tenantID, id string) (bot.Bot, error)

	// Address returns the hook of an address, of whichever tenant.
	Address(ctx context.Context, id string) (Hook, error)
	// Hook returns the hook of a bot, and LockHook the same with its row locked
	// until the transaction ends.
	Hook(ctx context.Context, tenantID, botID string) (Hook, error)
	LockHook(ctx context.Context, tenantID, botID string) (Hook, error)
	// InsertHook stores a bot's hook with its keys.
	InsertHook(ctx context.Context, tenantID string, h Hook) error
	// PutKeys replaces the keys of a bot's hook.
	PutKeys(ctx context.Context, tenantID, botID string, keys []Key) error
	// PutDue stores the hook's rate.
	PutDue(ctx context.Context, tenantID, botID string, due int64) error
	// DeleteHook removes a bot's hook with its keys; its signals stay.
	DeleteHook(ctx context.Context, tenantID, botID string) error

	// InsertSignal stores a signal.
	InsertSignal(ctx context.Context, tenantID string, s Signal) error
	// SignalOf returns the signal of a sender's id.
	SignalOf(ctx context.Context, tenantID, botID, key string) (Signal, error)
	// Signals lists a bot's signals, newest first; it returns one more than the
	// limit if more follow.
	Signals(ctx context.Context, tenantID, botID string, p page.Page) ([]Signal, error)
	// WaitingSignals lists signals that wait for runs of bots and came by a market
	// time, those of each bot in the order of their arrival. There are a thousand at
	// most, and no bot's keep another's back.
	WaitingSignals(ctx context.Context, by time.Time, of ...Listener) ([]Signal, error)
	// PruneSignals removes the signals of all tenants that came before a time, and
	// the keys that ended before it; it returns how many signals went.
	PruneSignals(ctx context.Context, before time.Time) (int64, error)
}
