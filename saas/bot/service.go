package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
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

// errMoved means that a configuration was changed while its strategy was asked.
var errMoved = errors.New("the configuration has changed")

// tries is how often a change is made that somebody else's comes before.
const tries = 3

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

func newID() string { return uuid.Must(uuid.NewV7()).String() }
