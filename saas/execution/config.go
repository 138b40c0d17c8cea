package execution

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/journal"
)

// Config says for whom an Executor works, and with what.
type Config struct {
	// Account names the exchange account. Required.
	Account string
	// After returns a channel that gets a value after a time, for Run. Defaults to
	// time.After.
	After func(time.Duration) <-chan time.Time
	// Answered is told what came of each reconciliation, and of each call that the venue
	// has refused for the bot's key; nil for nobody. It must not call the Executor.
	Answered func(err error)
	// Anew begins the bot's books anew with what Given says, because its account
	// begins anew.
	Anew bool
	// BotID and TenantID are whose orders they are. Required.
	BotID, TenantID string
	// CheckEvery is the time between two reconciliations in Run. Defaults to 30 s. A
	// bot whose last one is older than four times that places no new orders.
	CheckEvery time.Duration
	// Commit writes an entry, such as that of a journal.Group. Required.
	Commit func(ctx context.Context, e journal.LiveEntry) error
	// Epoch is that of the bot's lease. Required.
	Epoch int64
	// Given is what the bot may call its own in each of its pairs when it begins;
	// pairs that it has traded in before keep what they have.
	Given map[string]Given
	// Grace is for how long the venue may tell one thing later than another, such as
	// fills later than orders, before that is a mismatch. Defaults to 30 s.
	Grace time.Duration
	// Installation is part of every client order id. Required.
	Installation string
	// Left is how long the bot's lease lasts without another renewal, see
	// lease.Keeper.Left. Required.
	Left func() time.Duration
	// Log hears what goes wrong in Run. Defaults to no log.
	Log *slog.Logger
	// Margin is by how much clocks may differ, and how long before the lease ends
	// nothing is sent any more. Defaults to 2 s.
	Margin time.Duration
	// Markets are the pairs that the bot trades. At least one is required.
	Markets []exchange.Market
	// Now is the clock. Required.
	Now func() time.Time
	// Paused is told when a mismatch has paused the bot; nil for nobody. It must not call
	// the Executor.
	Paused func(ctx context.Context, reason string)
	// Run is the bot's run, for the journal.
	RunNumber int64
	// Store keeps the journal. Required.
	Store journal.LiveStore
	// TTL is for how long an order may be under way. Defaults to 5 s.
	TTL time.Duration
	// Trader is the bot's share in the account's calls. Required.
	Trader exchange.Trader
}

// Given is what a bot begins with in a pair.
type Given struct {
	Base    exchange.Steps
	Counter exchange.Units
	// Since is a sequence that all trades of the bot will be above, such as the
	// newest of the market's tape. At 0 the account's whole history is read once.
	Since int64
}

// least is the shortest time that an order is given to reach its venue.
const least = 200 * time.Millisecond

func (c Config) withDefaults() Config {
	if c.After == nil {
		c.After = time.After
	}
	if c.CheckEvery == 0 {
		c.CheckEvery = 30 * time.Second
	}
	if c.Grace == 0 {
		c.Grace = 30 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Margin == 0 {
		c.Margin = 2 * time.Second
	}
	if c.TTL == 0 {
		c.TTL = 5 * time.Second
	}
	if c.Answered == nil {
		c.Answered = func(error) {}
	}
	return c
}

func (c Config) validate() error {
	var problems []error
	need := func(ok bool, field string) {
		if !ok {
			problems = append(problems, fmt.Errorf("execution: Config.%s is required", field))
		}
	}
	need(c.Account != "", "Account")
	need(c.BotID != "", "BotID")
	need(c.TenantID != "", "TenantID")
	need(c.Commit != nil, "Commit")
	need(c.Epoch > 0, "Epoch")
	need(c.Left != nil, "Left")
	need(len(c.Markets) > 0, "Markets")
	need(c.Now != nil, "Now")
	need(c.Store != nil, "Store")
	need(c.Trader != nil, "Trader")
	for _, m := range c.Markets {
		problems = append(problems, m.Validate())
	}
	if c.TTL < least || c.Margin < 0 || c.Grace < 0 || c.CheckEvery < 0 {
		problems = append(problems, fmt.Errorf("execution: Config.TTL must be at least %s, Margin, Grace and CheckEvery not below 0", least))
	}
	if _, err := (journal.CommandID{Installation: c.Installation, BotID: c.BotID, Epoch: max(1, c.Epoch), Number: 1}).ClientID(); err != nil {
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}
