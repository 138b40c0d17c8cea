package journal

import (
	"context"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/page"
)

// Entry is what one or more events of a bot left behind.
type Entry struct {
	TenantID, BotID string
	// Epoch is the fencing epoch of the lease under which the work was done.
	Epoch int64
	// Orders are new orders and orders whose state changed.
	Orders    []Order
	Fills     []Fill
	Decisions []Decision
	Equity    []EquityPoint
	// Plots are what the strategy has drawn since the checkpoint before.
	Plots []Plot
	// Heard are the messages from outside that the bot has heard.
	Heard []Heard
	// Checkpoint is the state after the last of the events; nil if it did not
	// change.
	Checkpoint *Checkpoint
	// Point is what the bot's tape has up to the checkpoint, Baseline where its
	// next part begins; nil if there is nothing to keep.
	Point    *TapePoint
	Baseline *Baseline
}

// EquityQuery asks for a part of a bot's equity curve.
type EquityQuery struct {
	// From and To bound the market time, [From, To); zero is no bound.
	From, To time.Time
	// Points is how many are wanted at most, spread evenly; 0 means 500.
	Points int
}

// Store keeps the journal.
type Store interface {
	// Commit writes the entries in one transaction (that of ctx, if it carries
	// one). An entry whose epoch is not that of the bot's lease fails the whole
	// commit with a Conflict, code "lease_lost". Fills and decisions that are
	// there already are left as they are; an order moves only forward, and
	// never out of a final state; what was heard does not wait any longer.
	Commit(ctx context.Context, entries ...Entry) error
	// Checkpoint returns the bot's newest checkpoint; NotFound, code
	// "checkpoint_not_found", if there is none.
	Checkpoint(ctx context.Context, tenantID, botID string) (Checkpoint, error)
	// Marks returns the highest numbers that the bot has used.
	Marks(ctx context.Context, tenantID, botID string) (Marks, error)
	// Summaries returns the summaries of the bots that have one, by bot id.
	Summaries(ctx context.Context, tenantID string, botIDs ...string) (map[string]Summary, error)
	// Orders, Fills and Decisions list newest first and return one more than
	// the limit if more follow; the page's key is the number, fill sequence or
	// decision number as decimal text. A bot of another tenant has none.
	Orders(ctx context.Context, tenantID, botID string, p page.Page) ([]Order, error)
	Fills(ctx context.Context, tenantID, botID string, p page.Page) ([]Fill, error)
	Decisions(ctx context.Context, tenantID, botID string, p page.Page) ([]Decision, error)
	// OpenOrders lists the orders that are not final, oldest first.
	OpenOrders(ctx context.Context, tenantID, botID string) ([]Order, error)
	// Equity returns the curve, oldest first.
	Equity(ctx context.Context, tenantID, botID string, q EquityQuery) ([]EquityPoint, error)
	// DailyEquity returns the last point of each day (UTC) after a time, oldest first;
	// a point at midnight is the end of the day before.
	DailyEquity(ctx context.Context, tenantID, botID string, since time.Time) ([]EquityPoint, error)
	// Plots returns what the bot's strategy has drawn over the newest KeptPlots
	// candles at least, as far as it is kept, by time and then line.
	Plots(ctx context.Context, tenantID, botID string) ([]Plot, error)
	// KeepCandles keeps one-minute candles that bots of a pair saw, for replays;
	// those that are there already are left as they are. Of a minute there may be
	// several forms.
	KeepCandles(ctx context.Context, pair string, candles []exchange.Candle) error
	// DropCandles forgets those that opened before a time.
	DropCandles(ctx context.Context, pair string, before time.Time) error
	// Prune keeps the newest keep decisions and the plots of the newest KeptPlots
	// candles, thins equity points older than before to one an hour, and forgets
	// the baselines that no replay since before needs, with their points; it
	// returns how many rows went.
	Prune(ctx context.Context, tenantID, botID string, keep int, before time.Time) (int64, error)
}
