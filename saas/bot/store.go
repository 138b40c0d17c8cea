package bot

import (
	"context"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/account"
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
	// UpdateBot stores what is wanted of the bot, its status, reason, run, ledger, market and times.
	UpdateBot(ctx context.Context, tenantID string, b Bot) error
	// DeleteBot removes a bot, its configuration and all that hangs on them.
	DeleteBot(ctx context.Context, tenantID, id string) error
	// Account returns an exchange account; one of another tenant is NotFound, code
	// "account_not_found".
	Account(ctx context.Context, tenantID, id string) (account.Account, error)
	// LockAccount is Account, which stays as it is until the transaction ends: two
	// bots cannot be given its money at once.
	LockAccount(ctx context.Context, tenantID, id string) (account.Account, error)
	// PaperRun tells what a bot did on paper since a time. Of its life before thinned
	// one record an hour is kept.
	PaperRun(ctx context.Context, tenantID, botID string, since, thinned time.Time) (PaperRun, error)
	// Claims lists what each bot of an account may call its own of a currency there, and what
	// bots have spent of it that have left it since.
	Claims(ctx context.Context, tenantID, accountID, currency string, since time.Time) ([]Claim, error)
	// Stake returns what a bot has at its exchange.
	Stake(ctx context.Context, tenantID, botID string) (Stake, error)
	// WriteOff journals that orders have been given up that are not settled, by their
	// numbers, each with the reason. Conflict, code "bot_held", while somebody holds the
	// bot's lease, unless the bot is stopping; whoever held it before can write no more. Conflict, code
	// "journal_behind", if others are unsettled than those.
	WriteOff(ctx context.Context, tenantID, botID string, why map[int64]string, stopping bool, at time.Time) error
	// CloseBooks ends what a bot may call its own on an account, and forgets the
	// report of its last reconciliation.
	CloseBooks(ctx context.Context, tenantID, botID string) error
}

// PaperRun is what a bot has shown without real money.
type PaperRun struct {
	// Lasted is how long it has run, in market time.
	Lasted time.Duration
	// MaxDrawdown is the largest fall of its account from a peak, as a fraction, and
	// Profit and Fees are the account's, in the counter currency; all since the account
	// began.
	MaxDrawdown  decimal.Decimal
	Profit, Fees decimal.Decimal
	Trades       int64
}

// Claim is what a bot may call its own of a currency on an account.
type Claim struct {
	BotID, Name string
	// Amount is the most that it was at any time since the time that was asked for:
	// what its books say, or what it was given if it has none yet.
	Amount decimal.Decimal
	// Spent is, by pair, the most of its counter currency that was gone at any time since by
	// fills of books that are closed: the bot began anew since, or is on paper again. What they
	// bought is nobody's.
	Spent map[string]decimal.Decimal
	// Placed is the same of its books of now: it has that in coins, and no other bot may use
	// it, but the bot itself has it no more once it begins anew.
	Placed map[string]decimal.Decimal
}

// Stake is what a bot has at its exchange.
type Stake struct {
	// Unsettled are the orders whose end, or whose fills, are not all known, oldest first.
	Unsettled []LostOrder
	// Accounts are those that such orders are on, each once.
	Accounts []string
	// Held is what its books say that it holds in each pair, in base.
	Held []Holding
	// ComparedAt is when its books were reconciled with the exchange last; zero if they
	// never were.
	ComparedAt time.Time
}

// Holding is what a bot has of the base currency of a pair.
type Holding struct {
	Pair, Currency string
	Amount         decimal.Decimal
}
