package bot

import (
	"encoding/json"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/catalog"
)

// Mode says whose money a bot moves.
type Mode string

// The modes.
const (
	// Paper bots trade simulated money at the market's prices.
	Paper Mode = "paper"
	// Live bots place real orders with the money of an exchange account.
	Live Mode = "live"
)

// Status is what a worker last saw of a bot.
type Status string

// The states of a bot.
const (
	Stopped  Status = "stopped"
	Starting Status = "starting"
	Running  Status = "running"
	Stopping Status = "stopping"
	Paused   Status = "paused"
	Degraded Status = "degraded"
	Failed   Status = "error"
)

// Ending says how a bot that is to stop ends its run. Its orders are taken back in any
// case.
type Ending string

// The endings.
const (
	// Asked is an end as the tenant asked for it: the position stays.
	Asked Ending = ""
	// Halted is the same by a kill switch.
	Halted Ending = "halted"
	// Flattened is an end by a kill switch that also closes the position.
	Flattened Ending = "flattened"
	// WoundDown is an end by itself: it was to buy nothing any more and holds nothing.
	WoundDown Ending = "wound_down"
	// Broken is an end that failed: the bot's orders are taken back, and its position is
	// not watched.
	Broken Ending = "broken"
)

// Active reports whether the bot counts as running against the plan's limits.
func (s Status) Active() bool { return s != Stopped && s != Failed }

// Config is what a tenant configured.
type Config struct {
	ID       string
	TenantID string
	BotID    string
	Name     string
	// Pair is the market's symbol and Strategy the strategy's name.
	Pair     string
	Strategy string
	// Also are the further pairs that the bot trades with the same balance, in the
	// order in which its strategy hears them.
	Also []string
	Mode Mode
	// AccountID is the exchange account whose money a live bot moves; "" on paper.
	AccountID string
	// Interval is the length of the candles that the bot decides on. Its orders
	// meet every minute, whatever it is.
	Interval time.Duration
	// Parameters are the strategy's parameters, complete and valid, as JSON.
	Parameters json.RawMessage
	// Balance is what the bot begins with in the counter currency: simulated money on
	// paper, and live how much of the account's it may use, whatever else is there.
	Balance decimal.Decimal
	Risk    Risk
	// StrategyVersion is the version that the bot is pinned to; "" is the one that
	// the server contains, whichever that is.
	StrategyVersion string
	// Upgrade is a change of the version that a worker has yet to make.
	Upgrade Upgrade
	// Isolation is what the bot shall have at least of a process of its own.
	Isolation catalog.Isolation
	// Version counts the changes, for lost-update checks.
	Version   int64
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Upgrade is a change of the version of a strategy that is under way, if it has
// parameters.
type Upgrade struct {
	// Version is the version to go to, as a pin.
	Version string
	// Parameters are complete and valid for it; empty if there is no upgrade.
	Parameters json.RawMessage
	// Fault says why the one before was refused, until one is asked for again.
	Fault string
}

// Bot is a configuration at work.
type Bot struct {
	ID       string
	ConfigID string
	TenantID string
	Name     string
	Pair     string
	Strategy string
	// Also are the further pairs, as in its configuration.
	Also []string
	Mode Mode
	// AccountID is the exchange account of a live bot, as its configuration's.
	AccountID string
	// Interval is the length of the candles that the bot decides on.
	Interval time.Duration
	// StrategyVersion is the version that it is pinned to, as its configuration's.
	StrategyVersion string
	// Desired is true if the tenant wants the bot to run.
	Desired bool
	// Status is what a worker last saw, Reason why, as a sentence.
	Status Status
	Reason string
	// Failure is why it failed, while a worker looks after what it left: takes its orders
	// back, and watches the exits of its position. "" of any other bot.
	Failure string
	// Ending is how it ends, or has ended, its newest run.
	Ending Ending
	// CloseOnly is true while it winds down, in this run.
	CloseOnly bool
	// Resumes counts how often somebody let it go on after a circuit breaker.
	Resumes int64
	// Run counts the starts; the state of an earlier run is not gone on with.
	Run int64
	// Ledger counts the accounts that the bot has begun by going live, by going back
	// to paper, or by another allocation while live: what an account of an earlier
	// ledger holds is not gone on with.
	Ledger int64
	// Market is the exchange whose prices it traded at when it was started last; ""
	// for the demo market.
	Market string
	// SetupAt is since when it trades what it trades, how it does, at the prices of
	// Market: what it did before is no proof of its present configuration.
	SetupAt time.Time
	// StartedAt is when the present run began; zero if it never ran.
	StartedAt time.Time
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Pairs lists all pairs that the bot trades, its own first.
func (b Bot) Pairs() []string { return append([]string{b.Pair}, b.Also...) }

// Guarded reports whether it has failed and a worker looks after what it left.
func (b Bot) Guarded() bool { return b.Failure != "" }

// AtWork reports whether a worker may do something for it that a change would be in the way
// of.
func (b Bot) AtWork() bool { return b.Desired || b.Guarded() || b.Status.Active() }

// Runnable is a bot that a worker has something to do for, with its
// configuration.
type Runnable struct {
	Bot    Bot
	Config Config
}

// Roles of events: their types, as package event carries them. The subject is
// the bot's id.
const (
	EventCreated        = "bot.created"
	EventDeleted        = "bot.deleted"
	EventUpdated        = "bot.updated"
	EventStartRequested = "bot.start_requested"
	EventStopRequested  = "bot.stop_requested"
	EventStatusChanged  = "bot.status_changed"

	EventWentLive        = "bot.went_live"
	EventWentToPaper     = "bot.went_to_paper"
	EventWrittenOff      = "bot.written_off"
	EventResumeRequested = "bot.resume_requested"
	EventForeignDecided  = "bot.foreign_order_decided"

	EventCloseOnlyAsked = "bot.close_only_requested"
	EventBreakerTripped = "bot.breaker_tripped"
	EventBreakerResumed = "bot.breaker_resumed"

	EventUpgradeRequested = "bot.upgrade_requested"
	EventUpgraded         = "bot.upgraded"
	EventUpgradeRefused   = "bot.upgrade_refused"
)
