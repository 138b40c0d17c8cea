package ceiling

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/event"
	"github.com/lunobot/lunobot/tenancy"
)

// Markets says what can be traded here.
type Markets interface {
	// Market returns a market by its symbol, or an error.
	Market(pair string) (exchange.Market, error)
	// Pairs lists the symbols.
	Pairs() []string
}

// Config are the service's collaborators; all are required but Log.
type Config struct {
	Events event.Recorder
	// Log hears what goes wrong in Run. Defaults to no log.
	Log     *slog.Logger
	Markets Markets
	Now     func() time.Time
	Store   Store
	Tx      Transactor
}

// Service is what people do with ceilings. It is safe for concurrent use.
type Service struct{ cfg Config }

// NewService returns a service; the error names every collaborator that is missing.
func NewService(cfg Config) (*Service, error) {
	var problems []error
	need := func(ok bool, name string) {
		if !ok {
			problems = append(problems, fmt.Errorf("ceiling: %s is required", name))
		}
	}
	need(cfg.Events != nil, "Events")
	need(cfg.Markets != nil, "Markets")
	need(cfg.Now != nil, "Now")
	need(cfg.Store != nil, "Store")
	need(cfg.Tx != nil, "Tx")
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{cfg: cfg}, nil
}

// Seen is a ceiling and how the bots stand under it.
type Seen struct {
	Ceiling
	Standing Standing
	// Over is true while entries are denied because of the day's loss, until Until.
	Over  bool
	Until time.Time
}

// List lists the tenant's ceilings with how its bots stand, by currency.
func (s *Service) List(ctx context.Context, p tenancy.Principal) ([]Seen, error) {
	if err := p.Require(tenancy.BotsRead); err != nil {
		return nil, err
	}
	list, err := s.cfg.Store.Ceilings(ctx, p.TenantID)
	if err != nil {
		return nil, err
	}
	seen := make([]Seen, len(list))
	for i, c := range list {
		if seen[i], err = s.look(ctx, c); err != nil {
			return nil, err
		}
	}
	return seen, nil
}

// Get returns the ceiling of a currency; NotFound, code "ceiling_not_found".
func (s *Service) Get(ctx context.Context, p tenancy.Principal, currency string) (Seen, error) {
	list, err := s.List(ctx, p)
	if err != nil {
		return Seen{}, err
	}
	for _, c := range list {
		if c.Currency == currency {
			return c, nil
		}
	}
	return Seen{}, missing(currency)
}

func missing(currency string) *errs.Error {
	return errs.New(errs.NotFound, "ceiling_not_found", "no ceiling in %.16q", currency)
}

// Reached lists the tenant's ceilings of which the day's loss is reached, by currency.
func (s *Service) Reached(ctx context.Context, p tenancy.Principal) ([]Ceiling, error) {
	if err := p.Require(tenancy.BotsRead); err != nil {
		return nil, err
	}
	list, err := s.cfg.Store.Ceilings(ctx, p.TenantID)
	var over []Ceiling
	for _, c := range list {
		if c.Over(s.cfg.Now()) {
			over = append(over, c)
		}
	}
	return over, err
}

// look adds how the bots stand.
func (s *Service) look(ctx context.Context, c Ceiling) (Seen, error) {
	now := s.cfg.Now()
	standing, err := s.cfg.Store.Standing(ctx, c.TenantID, c.Currency, now)
	return Seen{Ceiling: c, Standing: standing, Over: c.Over(now), Until: Day(now).Add(24 * time.Hour)}, err
}

// SetInput is what a ceiling shall be.
type SetInput struct {
	Currency string
	// MaxExposure and MaxDailyLoss are amounts of the currency; 0 is no bound, and one of
	// them must be one.
	MaxExposure, MaxDailyLoss decimal.Decimal
	// Version is the version that the caller saw; 0 skips the check.
	Version int64
}

const (
	// mostDigits bounds an amount, in digits before the point.
	mostDigits = 15
	// decimals is how fine an amount can be.
	decimals = 8
)

// check names every faulty field.
func (s *Service) check(in SetInput) error {
	var f errs.Fields
	f.Check(s.counts(in.Currency), "/currency", "must be the counter currency of a pair that is traded here, such as MYR")
	amount := func(d decimal.Decimal, path string) {
		f.Check(!d.IsNegative() && d.LessThan(decimal.New(1, mostDigits)) && d.Equal(d.Truncate(decimals)), path,
			fmt.Sprintf("must be at least 0, with at most %d digits before the point and %d after it", mostDigits, decimals))
	}
	amount(in.MaxExposure, "/max_exposure")
	amount(in.MaxDailyLoss, "/max_daily_loss")
	f.Check(in.MaxExposure.IsPositive() || in.MaxDailyLoss.IsPositive(), "/max_exposure", "one of the two bounds must be above 0: remove the ceiling if there shall be none")
	return f.Err()
}

// counts reports whether something is traded against a currency.
func (s *Service) counts(currency string) bool {
	for _, pair := range s.cfg.Markets.Pairs() {
		if m, err := s.cfg.Markets.Market(pair); err == nil && m.Counter == currency {
			return true
		}
	}
	return false
}

// Set sets the ceiling of a currency, in place of the one before if there is one. Owners and
// administrators of the tenant may do that. A day's loss that was reached counts anew.
// Errors: Invalid with every faulty field; Stale, code "ceiling_changed", if the version is
// another one.
func (s *Service) Set(ctx context.Context, p tenancy.Principal, in SetInput) (Seen, error) {
	if err := p.Require(tenancy.AccountsWrite); err != nil {
		return Seen{}, err
	}
	if err := s.check(in); err != nil {
		return Seen{}, err
	}
	c := Ceiling{
		TenantID: p.TenantID, Currency: in.Currency, MaxExposure: in.MaxExposure, MaxDailyLoss: in.MaxDailyLoss, SetBy: p.Email, SetAt: s.now(), Version: 1,
	}
	err := s.cfg.Tx.Tx(ctx, p.TenantID, func(ctx context.Context) error {
		was, err := s.cfg.Store.LockCeiling(ctx, p.TenantID, in.Currency)
		switch {
		case errs.KindOf(err) == errs.NotFound:
			if in.Version != 0 {
				return stale()
			}
		case err != nil:
			return err
		case in.Version != 0 && in.Version != was.Version:
			return stale()
		default:
			c.Version = was.Version + 1
		}
		if err := s.cfg.Store.PutCeiling(ctx, p.TenantID, c); err != nil {
			return err
		}
		return s.record(ctx, EventSet, c, map[string]any{
			"user_id": p.UserID, "max_exposure": c.MaxExposure, "max_daily_loss": c.MaxDailyLoss,
			"max_exposure_before": was.MaxExposure, "max_daily_loss_before": was.MaxDailyLoss,
		})
	})
	if err != nil {
		return Seen{}, fmt.Errorf("setting the ceiling in %s: %w", in.Currency, err)
	}
	return s.look(ctx, c)
}

func stale() *errs.Error {
	return errs.New(errs.Stale, "ceiling_changed", "this ceiling was changed meanwhile: look at it again")
}

// Remove removes the ceiling of a currency, for the same people as Set. NotFound, code
// "ceiling_not_found"; Stale, code "ceiling_changed", if the version, unless it is 0, is
// another one.
func (s *Service) Remove(ctx context.Context, p tenancy.Principal, currency string, version int64) error {
	if err := p.Require(tenancy.AccountsWrite); err != nil {
		return err
	}
	return s.cfg.Tx.Tx(ctx, p.TenantID, func(ctx context.Context) error {
		was, err := s.cfg.Store.LockCeiling(ctx, p.TenantID, currency)
		if err != nil {
			return err
		}
		if version != 0 && version != was.Version {
			return stale()
		}
		if err := s.cfg.Store.DeleteCeiling(ctx, p.TenantID, currency); err != nil {
			return err
		}
		return s.record(ctx, EventRemoved, was, map[string]any{
			"user_id": p.UserID, "max_exposure_before": was.MaxExposure, "max_daily_loss_before": was.MaxDailyLoss,
		})
	})
}

// now is the clock, cut to what the databases keep.
func (s *Service) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Microsecond) }

// record records an event of a ceiling.
func (s *Service) record(ctx context.Context, typ string, c Ceiling, data map[string]any) error {
	data["currency"] = c.Currency
	e, err := event.New(s.cfg.Now(), c.TenantID, typ, c.Currency, data)
	if err != nil {
		return err
	}
	return s.cfg.Events.Record(ctx, e)
}
