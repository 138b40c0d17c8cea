package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

const (
	// provenRun is how long a bot must have run on paper before it moves real money.
	provenRun = time.Hour
	// keptWhole is how old records of a paper run are thinned to one an hour.
	keptWhole = 7 * 24 * time.Hour
)

// GoLiveInput says with whose money a bot shall trade.
type GoLiveInput struct {
	// AccountID is the exchange account. Required.
	AccountID string
	// Balance is how much of the account's counter currency the bot may use. Defaults
	// to the balance that it has on paper.
	Balance *decimal.Decimal
	// Confirm is the bot's name, typed by whoever is responsible. Only GoLive looks at
	// it.
	Confirm string
	// Waive lets a bot go live that has not run on paper long enough. Defaults to
	// false.
	Waive bool
	// Version is the version of the configuration that the caller saw; 0 skips the
	// check.
	Version int64
	// prices are the last ones, as far as they are known.
	prices map[string]exchange.Ticks
}

// LiveSummary is what there is to know before a bot moves real money.
type LiveSummary struct {
	Bot Bot
	// Account is the exchange account; its id is "" if none was chosen.
	Account account.Account
	// Currency is that of the amounts, the counter currency of the bot's pairs.
	Currency string
	// Balance is what the bot may use, and so the most that it can lose.
	Balance decimal.Decimal
	// Held is what the account was last seen to hold of the currency, and Free what of
	// that no bot may use. Both are zero if it was never seen.
	Held, Free decimal.Decimal
	// Paper is what it has shown, and Proven whether that is enough.
	Paper  PaperRun
	Proven bool
	// Fees are those that paper accounts pay; the exchange's are its own matter.
	Fees exchange.Fees
	Risk Risk
	// Obstacles are what GoLive would refuse it for, the weightiest first, beside a
	// paper run that is too short and the confirmation.
	Obstacles []*errs.Error
}

// Preview tells what GoLive would do with an input, and what stands against it. It
// changes nothing. Errors: Conflict, code "live_not_offered", on an installation
// that trades at no exchange's prices; those of finding bot and account.
func (s *Service) Preview(ctx context.Context, p tenancy.Principal, botID string, in GoLiveInput) (LiveSummary, error) {
	if err := s.offered(p); err != nil {
		return LiveSummary{}, err
	}
	b, err := s.cfg.Store.Bot(ctx, p.TenantID, botID)
	if err != nil {
		return LiveSummary{}, err
	}
	c, err := s.cfg.Store.Config(ctx, p.TenantID, b.ConfigID)
	if err != nil {
		return LiveSummary{}, err
	}
	in.prices = s.last(ctx, c)
	return s.summary(ctx, b, c, in, s.cfg.Store.Account)
}

// responsible is the error of who may not decide about real money: that needs the
// right to run bots and the one to connect accounts.
func responsible(p tenancy.Principal) error {
	if err := p.Require(tenancy.BotsTrade); err != nil {
		return err
	}
	return p.Require(tenancy.AccountsWrite)
}

// offered is the error of responsible, or of a server whose bots cannot go live.
func (s *Service) offered(p tenancy.Principal) error {
	if err := responsible(p); err != nil {
		return err
	}
	if s.cfg.LiveVenue == "" {
		return errs.New(errs.Conflict, "live_not_offered", "bots trade on paper here: this server's prices are those of a demonstration, and no exchange's")
	}
	return nil
}

// finder reads an account.
type finder func(ctx context.Context, tenantID, id string) (account.Account, error)

// summary gathers what there is to know. It holds until the transaction ends if bot
// and account are locked.
func (s *Service) summary(ctx context.Context, b Bot, c Config, in GoLiveInput, find finder) (LiveSummary, error) {
	market, err := s.cfg.Markets.Market(c.Pair)
	if err != nil {
		return LiveSummary{}, fmt.Errorf("the pair of bot %s: %w", b.ID, err)
	}
	sum := LiveSummary{Bot: b, Currency: market.Counter, Balance: c.Balance, Fees: PaperFees(), Risk: c.Risk}
	if in.Balance != nil {
		sum.Balance = *in.Balance
	}
	if b.Market == s.cfg.LiveVenue {
		if sum.Paper, err = s.cfg.Store.PaperRun(ctx, b.TenantID, b.ID, b.SetupAt, s.now().Add(-keptWhole)); err != nil {
			return LiveSummary{}, err
		}
	}
	sum.Proven = sum.Paper.Lasted >= provenRun
	refuse := func(e *errs.Error) { sum.Obstacles = append(sum.Obstacles, e) }
	switch {
	case c.Mode == Live:
		refuse(errs.New(errs.Conflict, "bot_live", "%s trades live already", b.Name))
	case b.AtWork():
		refuse(busy(b, "it goes live"))
	case c.Upgrade.Pending():
		refuse(errs.New(errs.Conflict, "bot_upgrading", "%s is about to be upgraded: let that be done first", b.Name))
	}
	var f errs.Fields
	checkBalance(&f, sum.Balance, market, true)
	s.enough(&f, sum.Balance, c, in.prices)
	if in.AccountID == "" {
		f.Add("/account_id", "is required: connect an account of the exchange "+s.cfg.LiveVenue+" and choose it")
	} else if sum.Account, err = find(ctx, b.TenantID, in.AccountID); err != nil {
		return LiveSummary{}, err
	}
	bad := asFields(f)
	if bad != nil {
		refuse(bad)
	}
	if in.AccountID == "" {
		return sum, nil
	}
	if e := s.usable(sum.Account); e != nil {
		refuse(e)
		return sum, nil
	}
	stake, err := s.cfg.Store.Stake(ctx, b.TenantID, b.ID)
	if err != nil {
		return LiveSummary{}, err
	}
	if slices.ContainsFunc(stake.Accounts, func(id string) bool { return id != in.AccountID }) {
		refuse(errs.New(errs.Conflict, "orders_elsewhere",
			"it is not known what became of orders of %s on the account that it traded on before: look there, and make another bot for %s", b.Name, sum.Account.Name))
	}
	e, err := s.allocate(ctx, &sum, b)
	if e != nil && bad == nil {
		refuse(e) // what is no amount cannot be too much
	}
	return sum, err
}

// asFields is the Invalid error of faulty fields, or nil.
func asFields(f errs.Fields) *errs.Error {
	e, _ := f.Err().(*errs.Error) //nolint:errorlint // it is made right here
	return e
}

// GoLive has a stopped bot trade with an account's money from its next start on. It
// needs a paper run of an hour of market time in the present configuration, at this
// installation's prices, or a waiver; the bot's name, typed; and as much free money
// on the account as the bot may use, so that two bots are never given the same. Who
// decides must have the right to run bots and the one to connect accounts.
//
// Errors: those of Preview; its first obstacle; Invalid for the wrong name; Conflict,
// code "paper_run_missing", without waiver; Stale, code "config_changed".
func (s *Service) GoLive(ctx context.Context, p tenancy.Principal, botID string, in GoLiveInput) (Config, error) {
	if err := s.offered(p); err != nil {
		return Config{}, err
	}
	b, err := s.cfg.Store.Bot(ctx, p.TenantID, botID)
	if err != nil {
		return Config{}, err
	}
	c, err := s.cfg.Store.Config(ctx, p.TenantID, b.ConfigID)
	if err != nil {
		return Config{}, err
	}
	in.prices = s.last(ctx, c)
	err = s.cfg.Tx.Tx(ctx, p.TenantID, func(ctx context.Context) error {
		b, found, err := s.locked(ctx, p.TenantID, botID)
		if err != nil {
			return err
		}
		c = found
		sum, err := s.summary(ctx, b, c, in, s.cfg.Store.LockAccount)
		if err != nil {
			return err
		}
		if len(sum.Obstacles) > 0 {
			return sum.Obstacles[0]
		}
		var f errs.Fields
		f.Check(strings.TrimSpace(in.Confirm) == b.Name, "/confirm", "must be the bot's name, "+b.Name)
		if err := f.Err(); err != nil {
			return err
		}
		if !sum.Proven && !in.Waive {
			return errs.New(errs.Conflict, "paper_run_missing", "%s has run on paper for %d of %d minutes in this configuration: let it, or say that you do without",
				b.Name, int64(sum.Paper.Lasted/time.Minute), int64(provenRun/time.Minute))
		}
		if in.Version != 0 {
			c.Version = in.Version
		}
		c.Mode, c.AccountID, c.Balance = Live, in.AccountID, sum.Balance
		return s.switchMode(ctx, b, &c, EventWentLive, map[string]any{
			"user_id": p.UserID, "account_id": c.AccountID, "account": sum.Account.Name, "balance": c.Balance, "currency": sum.Currency,
			"paper_run_seconds": int64(sum.Paper.Lasted / time.Second), "waived": !sum.Proven,
		})
	})
	return c, err
}

// locked returns a bot, which stays as it is until the transaction ends, with its
// configuration.
func (s *Service) locked(ctx context.Context, tenantID, botID string) (Bot, Config, error) {
	b, err := s.cfg.Store.LockBot(ctx, tenantID, botID)
	if err != nil {
		return Bot{}, Config{}, err
	}
	c, err := s.cfg.Store.Config(ctx, tenantID, b.ConfigID)
	return b, c, err
}

// GoPaper has a stopped live bot trade simulated money again. What it holds stays on
// the account and is its tenant's. Its orders must be settled (Conflict, code
// "orders_unsettled"); WriteOff gives up those that never will be.
func (s *Service) GoPaper(ctx context.Context, p tenancy.Principal, botID string, version int64) (Config, error) {
	if err := responsible(p); err != nil {
		return Config{}, err
	}
	var c Config
	err := s.cfg.Tx.Tx(ctx, p.TenantID, func(ctx context.Context) error {
		b, found, err := s.locked(ctx, p.TenantID, botID)
		if err != nil {
			return err
		}
		c = found
		switch {
		case c.Mode == Paper:
			return errs.New(errs.Conflict, "bot_on_paper", "%s trades on paper already", b.Name)
		case b.AtWork():
			return busy(b, "it goes back to paper")
		}
		a, err := s.cfg.Store.LockAccount(ctx, p.TenantID, c.AccountID)
		if err != nil {
			return err
		}
		stake, err := s.cfg.Store.Stake(ctx, p.TenantID, b.ID)
		if err != nil {
			return err
		}
		if len(stake.Unsettled) > 0 {
			return errUnsettled(b, stake)
		}
		if version != 0 {
			c.Version = version
		}
		data := map[string]any{"user_id": p.UserID, "account_id": c.AccountID, "account": a.Name, "left_there": stake.Held}
		c.Mode, c.AccountID = Paper, ""
		return s.switchMode(ctx, b, &c, EventWentToPaper, data)
	})
	return c, err
}

func errUnsettled(b Bot, stake Stake) *errs.Error {
	return errs.New(errs.Conflict, "orders_unsettled",
		"it is not known yet what became of %d orders of %s: start it, so that it asks the exchange, and stop it again, or write off those that the exchange does not know any more",
		len(stake.Unsettled), b.Name)
}

// switchMode stores the other mode and begins another account.
func (s *Service) switchMode(ctx context.Context, b Bot, c *Config, typ string, data map[string]any) error {
	var err error
	c.UpdatedAt = s.now()
	if *c, err = s.cfg.Store.UpdateConfig(ctx, b.TenantID, *c); err != nil {
		return err
	}
	if err := s.renew(ctx, b); err != nil {
		return err
	}
	b.Mode, b.AccountID = c.Mode, c.AccountID
	return s.record(ctx, typ, b, data)
}

// trade is the Conflict of a live bot that cannot trade at present.
func (s *Service) trade(ctx context.Context, b Bot) error {
	if b.Mode != Live {
		return nil
	}
	if s.cfg.LiveVenue == "" {
		return errs.New(errs.Conflict, "live_not_offered", "%s is a live bot, and this server's prices are those of a demonstration, and no exchange's", b.Name)
	}
	a, err := s.cfg.Store.LockAccount(ctx, b.TenantID, b.AccountID)
	if err != nil {
		return err
	}
	if e := s.usable(a); e != nil {
		return e
	}
	return nil
}
