package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/event"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/tenancy"
)

// Markets says what can be traded here.
type Markets interface {
	// Market returns a market by its symbol, or an error.
	Market(pair string) (exchange.Market, error)
	// Pairs lists the symbols.
	Pairs() []string
}

// Strategies says which strategies can be used here.
type Strategies interface {
	// Pin asks no process; it may be called in a transaction. It returns the version that a bot is pinned to that asks for one of a
	// strategy; "" asks for what the server contains, or else the newest, and what
	// the server contains is pinned as "". A version that cannot be used is a
	// *catalog.UnusableError.
	Pin(name, version string) (string, error)
	// Validate returns the parameters, completed with the defaults of a pinned
	// version, or param.Errors; any other error means that it cannot be used. It may
	// ask the strategy's process, which may be slow: never call it in a transaction.
	Validate(ctx context.Context, name, pin string, params json.RawMessage) (json.RawMessage, error)
	// Schema returns what the parameters of a strategy's pinned version are. It may
	// start the strategy's process: never call it in a transaction.
	Schema(ctx context.Context, name, pin string) (*param.Schema, error)
	// CanTrade reports why a strategy's pinned version cannot trade a market, and also
	// further ones with the same balance, under complete parameters: param.Errors if
	// those are at fault, and else a *PairsError; any other error means that it could
	// not be asked. A version that trades one pair only is asked nothing of one. It
	// may ask the strategy's process: never call it in a transaction.
	CanTrade(ctx context.Context, name, pin string, params json.RawMessage, own exchange.Market, also ...exchange.Market) error
	// Names lists the strategies.
	Names() []string
}

// Gate enforces the plan's limits and what it includes, in the caller's
// transaction.
type Gate interface {
	Require(ctx context.Context, tenantID string, needs ...billing.Entitlement) error
	Reserve(ctx context.Context, tenantID string, wants ...billing.Want) error
	Release(ctx context.Context, tenantID string, wants ...billing.Want) error
}

// Halts knows the kill switches that are on; *halt.Service is one.
type Halts interface {
	// Startable is a Conflict, code "halted", if a kill switch covers a bot.
	Startable(ctx context.Context, tenantID, botID string) error
}

// Transactor makes several stores' changes one.
type Transactor interface {
	Tx(ctx context.Context, tenantID string, fn func(ctx context.Context) error) error
}

// ServiceConfig are the service's collaborators; all are required but Halts and LiveVenue.
type ServiceConfig struct {
	Events event.Recorder
	Gate   Gate
	// Halts defaults to no kill switches.
	Halts Halts
	// LiveVenue is the exchange whose market data this installation runs on, and so
	// the only one whose accounts bots can trade on. Defaults to "": bots stay on
	// paper.
	LiveVenue string
	Markets   Markets
	Now       func() time.Time
	// Prices tells last prices of pairs, as far as they are known. Defaults to none, so
	// that only bounds of the markets say what the least order costs.
	Prices     func(ctx context.Context, pairs []string) map[string]exchange.Ticks
	Store      Store
	Strategies Strategies
	Tx         Transactor
}

// Service is what tenants do with their bots. It is safe for concurrent use.
type Service struct{ cfg ServiceConfig }

// NewService returns a service; the error names every collaborator that is
// missing.
func NewService(cfg ServiceConfig) (*Service, error) {
	var problems []error
	need := func(ok bool, name string) {
		if !ok {
			problems = append(problems, fmt.Errorf("bot: %s is required", name))
		}
	}
	need(cfg.Events != nil, "Events")
	need(cfg.Gate != nil, "Gate")
	need(cfg.Markets != nil, "Markets")
	need(cfg.Now != nil, "Now")
	need(cfg.Store != nil, "Store")
	need(cfg.Strategies != nil, "Strategies")
	need(cfg.Tx != nil, "Tx")
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return &Service{cfg: cfg}, nil
}

// Create stores a configuration and its stopped bot. Faulty fields are one
// Invalid error that names them all; a plan's limit is LimitExceeded and leaves
// nothing behind (rule E9), and so are an isolation and parameters that take what the plan
// does not include.
func (s *Service) Create(ctx context.Context, p tenancy.Principal, in CreateInput) (Config, Bot, error) {
	c, err := s.draft(ctx, p, in)
	if err != nil {
		return Config{}, Bot{}, err
	}
	needs, err := s.needs(ctx, c, nil)
	if err != nil {
		return Config{}, Bot{}, err
	}
	b := Bot{
		ID: c.BotID, ConfigID: c.ID, TenantID: p.TenantID, Name: c.Name, Pair: c.Pair, Also: c.Also, Strategy: c.Strategy, Mode: c.Mode, AccountID: c.AccountID, Interval: c.Interval,
		StrategyVersion: c.StrategyVersion, Status: Stopped, Reason: "never started", SetupAt: c.CreatedAt, CreatedAt: c.CreatedAt, UpdatedAt: c.CreatedAt,
	}
	err = s.cfg.Tx.Tx(ctx, p.TenantID, func(ctx context.Context) error {
		if err := s.pinned(c); err != nil {
			return err
		}
		if err := s.cfg.Gate.Reserve(ctx, p.TenantID, holdings(b)...); err != nil {
			return err
		}
		if err := s.cfg.Gate.Require(ctx, p.TenantID, append(needs, isolated(c.Isolation)...)...); err != nil {
			return err
		}
		if err := s.cfg.Store.InsertBot(ctx, p.TenantID, c, b); err != nil {
			return err
		}
		return s.record(ctx, EventCreated, b)
	})
	if err != nil {
		return Config{}, Bot{}, fmt.Errorf("creating bot: %w", err)
	}
	return c, b, nil
}

// Check names what Create would refuse in the fields, as the same Invalid
// error, and stores nothing. Plan limits are not looked at.
func (s *Service) Check(ctx context.Context, p tenancy.Principal, in CreateInput) error {
	_, err := s.draft(ctx, p, in)
	return err
}

// draft is the configuration that Create would store.
func (s *Service) draft(ctx context.Context, p tenancy.Principal, in CreateInput) (Config, error) {
	if err := p.Require(tenancy.BotsWrite); err != nil {
		return Config{}, err
	}
	now := s.now()
	c := Config{
		ID: newID(), BotID: newID(), TenantID: p.TenantID, Name: strings.TrimSpace(in.Name), Pair: in.Pair, Also: in.Also, Strategy: in.Strategy, StrategyVersion: in.StrategyVersion,
		Mode: in.Mode, Interval: in.Interval, Parameters: in.Parameters, Risk: in.Risk, Balance: decimal.NewFromInt(10_000), Isolation: in.Isolation, Version: 1, CreatedAt: now, UpdatedAt: now,
	}
	if c.Mode == "" {
		c.Mode = Paper
	}
	if c.Interval == 0 {
		c.Interval = DefaultInterval
	}
	if c.Isolation == "" {
		c.Isolation = catalog.Shared
	}
	if in.Balance != nil {
		c.Balance = *in.Balance
	}
	var f errs.Fields
	f.Check(c.Mode == Paper, "/mode", `must be "paper": a bot begins on paper and goes live afterwards`)
	if err := s.check(ctx, &c, f); err != nil {
		return Config{}, err
	}
	return c, nil
}

// Config returns one of the tenant's configurations.
func (s *Service) Config(ctx context.Context, p tenancy.Principal, id string) (Config, error) {
	if err := p.Require(tenancy.BotsRead); err != nil {
		return Config{}, err
	}
	return s.cfg.Store.Config(ctx, p.TenantID, id)
}

// Configs lists the tenant's configurations, newest first.
func (s *Service) Configs(ctx context.Context, p tenancy.Principal, pg page.Page) (page.List[Config], error) {
	if err := p.Require(tenancy.BotsRead); err != nil {
		return page.List[Config]{}, err
	}
	pg = pg.Bounded()
	rows, err := s.cfg.Store.Configs(ctx, p.TenantID, pg)
	return page.Of(rows, pg.Limit, func(c Config) string { return c.ID }), err
}

// Update changes a configuration. Its bot must be stopped (Conflict, code
// "bot_running"), because a running bot does not change its rules under way. An
// isolation, or a parameter's value, that takes what the plan does not include is
// LimitExceeded; one that the bot has from before may stay, and an isolation counts as far
// as the plan allows it. So are more pairs than the plan allows. A configuration that keeps changing meanwhile is Stale. The
// balance of a live bot is real money: to change it takes the rights that GoLive takes. A
// live bot that shall trade otherwise needs what Untried says. To loosen a bound of its risk
// takes the rights that GoLive takes, too (Forbidden, code "bounds_loosened"), and is on
// record; to tighten one does not.
func (s *Service) Update(ctx context.Context, p tenancy.Principal, id string, in UpdateInput) (Config, error) {
	if err := p.Require(tenancy.BotsWrite); err != nil {
		return Config{}, err
	}
	return settled(func() (Config, error) { return s.update(ctx, p, id, in) })
}

// update is one try of Update. The strategy is asked before the transaction, for it may
// be slow; errMoved if the configuration is not the one any more that it was asked of.
func (s *Service) update(ctx context.Context, p tenancy.Principal, id string, in UpdateInput) (Config, error) {
	seen, err := s.cfg.Store.Config(ctx, p.TenantID, id)
	if err != nil {
		return Config{}, err
	}
	b, err := s.cfg.Store.Bot(ctx, p.TenantID, seen.BotID)
	if err == nil {
		err = changeable(b)
	}
	if err != nil {
		return Config{}, err
	}
	c := seen
	in.apply(&c)
	if err := s.check(ctx, &c, errs.Fields{}); err != nil {
		return Config{}, err
	}
	needs, err := s.needs(ctx, c, seen.Parameters)
	if err != nil {
		return Config{}, err
	}
	var more []map[string]any
	if c.Mode == Live && !seen.tradesAs(c) {
		if err := in.waived(p, seen.Name); err != nil {
			return Config{}, err
		}
		more = append(more, map[string]any{"user_id": p.UserID, "waived": true})
	}
	if loosened := c.Loosened(seen); c.Mode == Live && len(loosened) > 0 {
		if err := mayLoosen(p, seen.Name, loosened); err != nil {
			return Config{}, err
		}
		more = append(more, map[string]any{"user_id": p.UserID, "loosened": loosened})
	}
	if c.Mode == Live && !c.Balance.Equal(seen.Balance) {
		if err := s.offered(p); err != nil {
			return Config{}, err
		}
		var f errs.Fields
		s.enough(&f, c.Balance, c, s.last(ctx, c))
		if err := f.Err(); err != nil {
			return Config{}, err
		}
		more = append(more, map[string]any{"user_id": p.UserID, "balance": c.Balance, "balance_before": seen.Balance})
	}
	err = s.cfg.Tx.Tx(ctx, p.TenantID, func(ctx context.Context) error {
		b, err := s.cfg.Store.LockBot(ctx, p.TenantID, seen.BotID)
		if err != nil {
			return err
		}
		if err := changeable(b); err != nil {
			return err
		}
		if now, err := s.cfg.Store.Config(ctx, p.TenantID, id); err != nil {
			return err
		} else if now.Version != seen.Version {
			return errMoved
		}
		if err := s.pinned(c); err != nil {
			return err
		}
		need := needs
		if c.Isolation != seen.Isolation {
			need = append(need, isolated(c.Isolation)...)
		}
		if len(need) > 0 {
			if err := s.cfg.Gate.Require(ctx, p.TenantID, need...); err != nil {
				return err
			}
		}
		if err := s.exchange(ctx, b, c.Also); err != nil {
			return err
		}
		c.UpdatedAt = s.now()
		if c, err = s.cfg.Store.UpdateConfig(ctx, p.TenantID, c); err != nil {
			return err
		}
		if err := s.changed(ctx, b, seen, c); err != nil {
			return err
		}
		b.Name, b.Also, b.Interval, b.StrategyVersion = c.Name, c.Also, c.Interval, c.StrategyVersion
		return s.record(ctx, EventUpdated, b, more...)
	})
	return c, err
}

// changeable is the Conflict of a bot that must be stopped before it is changed.
func changeable(b Bot) error {
	if b.AtWork() {
		return busy(b, "you change it")
	}
	return nil
}

// busy is the Conflict of a bot that must be stopped before something is done.
func busy(b Bot, before string) *errs.Error {
	if b.Guarded() {
		return errs.New(errs.Conflict, "bot_guarded", "%s has failed, and what it left is looked after: stop it before %s", b.Name, before)
	}
	return errs.New(errs.Conflict, "bot_running", "%s is running: stop it before %s", b.Name, before)
}

// errMoved means that a configuration was changed while its strategy was asked.
var errMoved = errors.New("the configuration has changed")

// tries is how often a change is made that somebody else's comes before.
const tries = 3

// settled makes a change until nobody else's comes before it. After some tries it is
// Stale, code "config_changed".
func settled(change func() (Config, error)) (Config, error) {
	for try := 1; ; try++ {
		c, err := change()
		switch {
		case !errors.Is(err, errMoved):
			return c, err
		case try == tries:
			return Config{}, errs.New(errs.Stale, "config_changed", "somebody else keeps changing it: look at it again and repeat your change").Wrap(err)
		}
	}
}

// pinned reports whether the version that a configuration was checked with can be used
// still; else the error is a *catalog.UnusableError.
func (s *Service) pinned(c Config) error {
	_, err := s.cfg.Strategies.Pin(c.Strategy, c.StrategyVersion)
	return err
}

// exchange gives the places in the plan back of further pairs that a bot is not to
// trade any more, and takes those of the new ones. A refusal ends the transaction, so
// that it changes nothing.
func (s *Service) exchange(ctx context.Context, b Bot, also []string) error {
	but := func(pairs, without []string) []string {
		return slices.DeleteFunc(slices.Clone(pairs), func(p string) bool { return slices.Contains(without, p) })
	}
	if gone := but(b.Also, also); len(gone) > 0 {
		if err := s.cfg.Gate.Release(ctx, b.TenantID, traded(b.ID, gone...)...); err != nil {
			return err
		}
	}
	if more := but(also, b.Also); len(more) > 0 {
		return s.cfg.Gate.Reserve(ctx, b.TenantID, traded(b.ID, more...)...)
	}
	return nil
}

// CheckUpdate names what Update would refuse in the fields, as the same Invalid
// error, and stores nothing. Whether the bot is stopped is not looked at.
func (s *Service) CheckUpdate(ctx context.Context, p tenancy.Principal, id string, in UpdateInput) error {
	if err := p.Require(tenancy.BotsWrite); err != nil {
		return err
	}
	c, err := s.cfg.Store.Config(ctx, p.TenantID, id)
	if err != nil {
		return err
	}
	in.apply(&c)
	return s.check(ctx, &c, errs.Fields{})
}

// Bot returns one of the tenant's bots.
func (s *Service) Bot(ctx context.Context, p tenancy.Principal, id string) (Bot, error) {
	if err := p.Require(tenancy.BotsRead); err != nil {
		return Bot{}, err
	}
	return s.cfg.Store.Bot(ctx, p.TenantID, id)
}

// Bots lists the tenant's bots, newest first.
func (s *Service) Bots(ctx context.Context, p tenancy.Principal, pg page.Page) (page.List[Bot], error) {
	if err := p.Require(tenancy.BotsRead); err != nil {
		return page.List[Bot]{}, err
	}
	pg = pg.Bounded()
	rows, err := s.cfg.Store.Bots(ctx, p.TenantID, pg)
	return page.Of(rows, pg.Limit, func(b Bot) string { return b.ID }), err
}

// Delete removes a stopped bot with its configuration, orders and history, and
// gives its place in the plan back. A running bot is a Conflict, and so is a live one.
func (s *Service) Delete(ctx context.Context, p tenancy.Principal, botID string) error {
	if err := p.Require(tenancy.BotsWrite); err != nil {
		return err
	}
	return s.cfg.Tx.Tx(ctx, p.TenantID, func(ctx context.Context) error {
		b, err := s.cfg.Store.LockBot(ctx, p.TenantID, botID)
		if err != nil {
			return err
		}
		if b.AtWork() {
			return busy(b, "you delete it")
		}
		if b.Mode == Live {
			return errs.New(errs.Conflict, "bot_live", "%s is a live bot: take it back to paper before you delete it", b.Name)
		}
		if err := s.cfg.Store.DeleteBot(ctx, p.TenantID, botID); err != nil {
			return err
		}
		if err := s.cfg.Gate.Release(ctx, p.TenantID, append(holdings(b), running(b))...); err != nil {
			return err
		}
		return s.record(ctx, EventDeleted, b)
	})
}

// Start asks for the bot to run; a worker takes it up. Starting a bot that is
// to run already changes nothing. One under a kill switch is a Conflict, code "halted". The plan's limit of running bots is
// LimitExceeded (rule E7), and so are parameters that take what the plan does not include.
func (s *Service) Start(ctx context.Context, p tenancy.Principal, id string) (Bot, error) {
	return s.wish(ctx, p, id, true)
}

// Stop asks for the bot to stop. One that has failed, and whose position is watched, is not
// watched any more then. Stopping a stopped bot changes nothing.
func (s *Service) Stop(ctx context.Context, p tenancy.Principal, id string) (Bot, error) {
	return s.wish(ctx, p, id, false)
}

func (s *Service) wish(ctx context.Context, p tenancy.Principal, id string, run bool) (Bot, error) {
	if err := p.Require(tenancy.BotsTrade); err != nil {
		return Bot{}, err
	}
	var needs []billing.Entitlement
	if run {
		var err error
		if needs, err = s.startNeeds(ctx, p.TenantID, id); err != nil {
			return Bot{}, err
		}
	}
	var b Bot
	err := s.cfg.Tx.Tx(ctx, p.TenantID, func(ctx context.Context) error {
		var err error
		if b, err = s.cfg.Store.LockBot(ctx, p.TenantID, id); err != nil {
			return err
		}
		if run && !b.Desired && s.cfg.Halts != nil {
			if err := s.cfg.Halts.Startable(ctx, p.TenantID, id); err != nil {
				return err
			}
		}
		now := s.now()
		switch {
		case run && !b.Desired && b.Status == Stopping:
			return errs.New(errs.Conflict, "bot_stopping", "%s is still stopping: try again in a moment", b.Name)
		case run && !b.Desired:
			if _, err := s.cfg.Strategies.Pin(b.Strategy, b.StrategyVersion); err != nil {
				return err
			}
			if err := s.trade(ctx, b); err != nil {
				return err
			}
			if err := s.cfg.Gate.Reserve(ctx, p.TenantID, running(b)); err != nil {
				return err
			}
			if len(needs) > 0 {
				if err := s.cfg.Gate.Require(ctx, p.TenantID, needs...); err != nil {
					return err
				}
			}
			if b.Market != s.cfg.LiveVenue { // what it did at other prices proves nothing here
				b.Market, b.SetupAt = s.cfg.LiveVenue, now
			}
			b.Desired, b.Status, b.Reason, b.Ending = true, Starting, "waiting for a worker", Asked
			b.CloseOnly, b.Failure = false, ""
			b.Run, b.StartedAt = b.Run+1, now
		case !run && (b.Desired || b.Guarded()):
			b.Desired, b.Status, b.Reason, b.Failure, b.Ending = false, Stopping, "asked to stop", "", Asked
		default:
			return nil
		}
		b.UpdatedAt = now
		if err := s.cfg.Store.UpdateBot(ctx, p.TenantID, b); err != nil {
			return err
		}
		typ := EventStopRequested
		if run {
			typ = EventStartRequested
		}
		return s.record(ctx, typ, b)
	})
	return b, err
}

// Observe writes what a worker saw of a bot. A bot that came to rest gives its
// place among the running ones back. It changes nothing if the bot has begun
// another run since.
func (s *Service) Observe(ctx context.Context, tenantID, id string, run int64, status Status, reason string) error {
	return s.cfg.Tx.Tx(ctx, tenantID, func(ctx context.Context) error {
		b, err := s.cfg.Store.LockBot(ctx, tenantID, id)
		if err != nil {
			return err
		}
		if b.Run != run || (b.Status == status && b.Reason == reason && !b.Guarded()) {
			return nil
		}
		if !b.Desired && status.Active() && status != Stopping {
			return nil // asked to stop meanwhile: the worker will see it
		}
		b.Status, b.Reason, b.Failure, b.UpdatedAt = status, reason, "", s.now()
		if status == Failed {
			b.Desired = false
		}
		if !status.Active() {
			if err := s.cfg.Gate.Release(ctx, tenantID, running(b)); err != nil {
				return err
			}
		}
		if err := s.cfg.Store.UpdateBot(ctx, tenantID, b); err != nil {
			return err
		}
		return s.record(ctx, EventStatusChanged, b)
	})
}

// now is the clock, cut to what the databases keep.
func (s *Service) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Microsecond) }

// record records an event of a bot, with more data if there is any.
func (s *Service) record(ctx context.Context, typ string, b Bot, more ...map[string]any) error {
	data := map[string]any{
		"name": b.Name, "trading_pair": b.Pair, "further_pairs": b.Also, "strategy_type": b.Strategy, "strategy_version": b.StrategyVersion, "mode": b.Mode, "status": b.Status, "status_reason": b.Reason,
	}
	for _, m := range more {
		maps.Copy(data, m)
	}
	e, err := event.New(s.cfg.Now(), b.TenantID, typ, b.ID, data)
	if err != nil {
		return err
	}
	return s.cfg.Events.Record(ctx, e)
}

// holdings are what a bot takes of its plan by existing.
func holdings(b Bot) []billing.Want {
	return append(traded(b.ID, b.Pairs()...), billing.Want{Feature: billing.Bots, Key: b.ID})
}

// traded is what a bot takes of its plan by trading pairs.
func traded(botID string, pairs ...string) []billing.Want {
	wants := make([]billing.Want, 0, len(pairs)+1)
	for _, pair := range pairs {
		wants = append(wants, billing.Want{Feature: billing.Pairs, Key: pair, Holder: botID})
	}
	return wants
}

// running is what a bot takes of its plan by running.
func running(b Bot) billing.Want { return billing.Want{Feature: billing.RunningBots, Key: b.ID} }

func newID() string { return uuid.Must(uuid.NewV7()).String() }
