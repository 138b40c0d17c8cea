package blotter

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/event"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/tenancy"
)

// Bots knows the tenants' bots; *bot.Service is one.
type Bots interface {
	// Bot returns a bot that the principal may see; else the error is Forbidden or
	// NotFound.
	Bot(ctx context.Context, p tenancy.Principal, id string) (bot.Bot, error)
}

// Transactor makes several stores' changes one.
type Transactor interface {
	Tx(ctx context.Context, tenantID string, fn func(ctx context.Context) error) error
}

// Config are the service's collaborators; all are required.
type Config struct {
	Bots   Bots
	Events event.Recorder
	Now    func() time.Time
	Store  journal.LiveStore
	Tx     Transactor
}

// Service is what tenants see and decide of live orders. It is safe for concurrent
// use.
type Service struct{ cfg Config }

// New returns a service; the error names every collaborator that is missing.
func New(cfg Config) (*Service, error) {
	var problems []error
	need := func(ok bool, name string) {
		if !ok {
			problems = append(problems, fmt.Errorf("blotter: Config.%s is required", name))
		}
	}
	need(cfg.Bots != nil, "Bots")
	need(cfg.Events != nil, "Events")
	need(cfg.Now != nil, "Now")
	need(cfg.Store != nil, "Store")
	need(cfg.Tx != nil, "Tx")
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return &Service{cfg: cfg}, nil
}

// Order is a live order with all that is known of it.
type Order struct {
	journal.LiveOrder
	// History are its transitions and Fills its executions, oldest first.
	History []journal.Transition
	Fills   []journal.LiveFill
}

// Report is the last reconciliation of a bot with its exchange.
type Report struct {
	journal.Check
	// Orders are the foreign orders that are still open, oldest first.
	Orders []journal.ForeignOrder
	// Books are what the bot may call its own on the account, by pair.
	Books []journal.Book
}

// Orders lists a bot's live orders, newest first. A bot that never traded live has
// none.
func (s *Service) Orders(ctx context.Context, p tenancy.Principal, botID string, pg page.Page) (page.List[journal.LiveOrder], error) {
	if _, err := s.cfg.Bots.Bot(ctx, p, botID); err != nil {
		return page.List[journal.LiveOrder]{}, err
	}
	pg = pg.Bounded()
	rows, err := s.cfg.Store.LiveOrders(ctx, p.TenantID, botID, pg)
	return page.Of(rows, pg.Limit, func(o journal.LiveOrder) string { return strconv.FormatInt(o.Number, 10) }), err
}

// Order returns one live order by its number; NotFound, code "order_not_found".
func (s *Service) Order(ctx context.Context, p tenancy.Principal, botID string, number int64) (Order, error) {
	if _, err := s.cfg.Bots.Bot(ctx, p, botID); err != nil {
		return Order{}, err
	}
	o, err := s.cfg.Store.LiveOrder(ctx, p.TenantID, botID, number)
	if err != nil {
		return Order{}, err
	}
	history, err := s.cfg.Store.LiveHistory(ctx, p.TenantID, botID, number)
	if err != nil {
		return Order{}, err
	}
	fills, err := s.cfg.Store.LiveFills(ctx, p.TenantID, botID, number)
	return Order{LiveOrder: o, History: history, Fills: fills}, err
}

// Report returns a bot's last reconciliation; NotFound, code "check_not_found", if
// there was none.
func (s *Service) Report(ctx context.Context, p tenancy.Principal, botID string) (Report, error) {
	if _, err := s.cfg.Bots.Bot(ctx, p, botID); err != nil {
		return Report{}, err
	}
	check, foreign, err := s.cfg.Store.LastCheck(ctx, p.TenantID, botID)
	if err != nil {
		return Report{}, err
	}
	st, err := s.cfg.Store.LiveState(ctx, p.TenantID, botID)
	return Report{Check: check, Orders: foreign, Books: st.Books}, err
}

// Decide says what shall become of a foreign order: it is claimed by the bot, left
// alone, or cancelled at the exchange by the bot's next reconciliation (rule T6).
// NotFound, code "foreign_order_not_found", if there is no such order that is open; Conflict,
// code "foreign_order_claimed", if another bot has claimed it.
func (s *Service) Decide(ctx context.Context, p tenancy.Principal, botID, pair, venueID string, d journal.ForeignDecision) error {
	switch d {
	case journal.Claim, journal.Ignore, journal.CancelForeign:
	default:
		var f errs.Fields
		f.Add("/decision", "must be claim, ignore or cancel")
		return f.Err()
	}
	return s.decide(ctx, p, botID, bot.EventForeignDecided, map[string]any{"trading_pair": pair, "venue_id": venueID, "decision": d},
		func(ctx context.Context, now time.Time) error {
			return s.cfg.Store.DecideForeign(ctx, p.TenantID, botID, pair, venueID, d, p.UserID, now)
		})
}

// Resume lets a bot trade again that a mismatch has paused. Its next reconciliation
// lifts the pause, and sets it again if journal and exchange still differ. Conflict,
// code "not_paused", if it is not paused.
func (s *Service) Resume(ctx context.Context, p tenancy.Principal, botID string) error {
	return s.decide(ctx, p, botID, bot.EventResumeRequested, map[string]any{}, func(ctx context.Context, now time.Time) error {
		return s.cfg.Store.AskResume(ctx, p.TenantID, botID, p.UserID, now)
	})
}

// decide writes a decision about a bot of the tenant, with its event.
func (s *Service) decide(
	ctx context.Context, p tenancy.Principal, botID, typ string, data map[string]any, write func(ctx context.Context, now time.Time) error,
) error {
	if err := p.Require(tenancy.BotsTrade); err != nil {
		return err
	}
	return s.cfg.Tx.Tx(ctx, p.TenantID, func(ctx context.Context) error {
		b, err := s.cfg.Bots.Bot(ctx, p, botID)
		if err != nil {
			return err
		}
		now := s.cfg.Now().UTC()
		if err := write(ctx, now); err != nil {
			return err
		}
		data["name"], data["user_id"] = b.Name, p.UserID
		e, err := event.New(now, p.TenantID, typ, botID, data)
		if err != nil {
			return err
		}
		return s.cfg.Events.Record(ctx, e)
	})
}
