package replay

import (
	"context"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/journal"
)

// Store keeps replays and reads what they need.
type Store interface {
	// RequestReplay puts a bot's replay into the queue in place of one that is
	// over, and returns it; one that is not over is returned as it is.
	RequestReplay(ctx context.Context, tenantID, botID string, now time.Time) (Replay, error)
	// Replay returns the bot's newest replay; NotFound, code "replay_not_found",
	// if there is none.
	Replay(ctx context.Context, tenantID, botID string) (Replay, error)
	// ClaimReplay begins the oldest replay, over all tenants, that waits or whose
	// worker has not been heard of since; false if there is none. It counts the
	// attempt, and the claim lasts until a time.
	ClaimReplay(ctx context.Context, now, until time.Time) (Replay, bool, error)
	// UpdateReplay stores status, progress, reason, report and end of a replay at
	// work, and makes its claim last until a time. ErrLost if it is another
	// attempt's by now.
	UpdateReplay(ctx context.Context, tenantID string, r Replay, until time.Time) error
	// YieldReplay puts a replay at work back into the queue as if this attempt had not
	// been begun. ErrLost if it is another attempt's by now.
	YieldReplay(ctx context.Context, tenantID string, r Replay) error

	// Baselines lists where the bot's newest tapes begin, so many of them at most,
	// oldest first.
	Baselines(ctx context.Context, tenantID, botID string, most int) ([]journal.Baseline, error)
	// TapePoints lists the points of a run after a baseline and, unless that is nil, up to
	// the next one, oldest first.
	TapePoints(ctx context.Context, tenantID, botID string, from journal.Baseline, until *journal.Baseline) ([]journal.TapePoint, error)
	// SeenCandles lists the candles of a pair that bots saw and that opened in
	// [from, to), oldest first, in every form.
	SeenCandles(ctx context.Context, pair string, from, to time.Time) ([]exchange.Candle, error)
}
