package bot

import (
	"context"

	"github.com/lunobot/lunobot/saas/page"
)

// Store keeps configurations and bots. Every method is of one tenant; what
// belongs to another is a NotFound error, code "config_not_found" or
// "bot_not_found". Writes join the transaction that ctx carries.
type Store interface {
	// InsertBot stores a new configuration with its bot.
	InsertBot(ctx context.Context, tenantID string, c Config, b Bot) error
	// Config returns one configuration.
	Config(ctx context.Context, tenantID, id string) (Config, error)
	// Configs lists configurations, newest first; it returns one more than the
	// limit if more follow.
	Configs(ctx context.Context, tenantID string, p page.Page) ([]Config, error)
	// UpdateConfig stores a changed configuration, and its bot's name, pairs,
	// strategy and interval with it, if the stored version is c.Version; it raises
	// the version. Another version is a Stale error, code "config_changed".
	UpdateConfig(ctx context.Context, tenantID string, c Config) (Config, error)
	// Bot returns one bot.
	Bot(ctx context.Context, tenantID, id string) (Bot, error)
	// LockBot is Bot with the row locked until the transaction ends.
	LockBot(ctx context.Context, tenantID, id string) (Bot, error)
	// Bots lists bots, newest first; it returns one more than the limit if more
	// follow.
	Bots(ctx context.Context, tenantID string, p page.Page) ([]Bot, error)
	// UpdateBot stores the bot's wish, status, reason, run and times.
	UpdateBot(ctx context.Context, tenantID string, b Bot) error
	// DeleteBot removes a bot, its configuration and all that hangs on them.
	DeleteBot(ctx context.Context, tenantID, id string) error
}
