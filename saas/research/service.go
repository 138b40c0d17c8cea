package research

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/event"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/tenancy"
)

// Gate enforces the plan's limits in the caller's transaction.
type Gate interface {
	Require(ctx context.Context, tenantID string, needs ...billing.Entitlement) error
	Reserve(ctx context.Context, tenantID string, wants ...billing.Want) error
	Fit(ctx context.Context, tenantID string, f billing.Feature, size int64) error
	Release(ctx context.Context, tenantID string, wants ...billing.Want) error
}

// Leases tells whether a lease holds, until the caller's transaction ends.
type Leases interface {
	CheckLease(ctx context.Context, l lease.Lease) error
}

// ServiceConfig are the service's collaborators; all are required but those with
// a default.
type ServiceConfig struct {
	Events  event.Recorder
	Gate    Gate
	History Offers
	// Keep is how many runs of a tenant are kept. Defaults to 100.
	Keep       int
	Leases     Leases
	Markets    bot.Markets
	Now        func() time.Time
	Store      Store
	Strategies bot.Strategies
	Tx         bot.Transactor
}

// Service is what tenants do with their backtests, and what workers report. It
// is safe for concurrent use.
type Service struct{ cfg ServiceConfig }

// NewService returns a service; the error names every collaborator that is
// missing.
func NewService(cfg ServiceConfig) (*Service, error) {
	if cfg.Keep == 0 {
		cfg.Keep = 100
	}
	var problems []error
	need := func(ok bool, name string) {
		if !ok {
			problems = append(problems, fmt.Errorf("research: %s is required", name))
		}
	}
	need(cfg.Events != nil, "Events")
	need(cfg.Gate != nil, "Gate")
	need(cfg.History != nil, "History")
	need(cfg.Leases != nil, "Leases")
	need(cfg.Markets != nil, "Markets")
	need(cfg.Now != nil, "Now")
	need(cfg.Store != nil, "Store")
	need(cfg.Strategies != nil, "Strategies")
	need(cfg.Tx != nil, "Tx")
	if cfg.Keep < 1 {
		problems = append(problems, errors.New("research: Keep must be above 0"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return &Service{cfg: cfg}, nil
}

// Keep returns how many runs of a tenant are kept.
func (s *Service) Keep() int { return s.cfg.Keep }

// Create stores a run that waits for a worker. Faulty fields are one Invalid
// error that names them all. A plan without backtests, or with basic ones only
// where a sweep or a walk forward is asked for, without what the parameters that are set
// or varied take, with as many as it allows under way, or with too few days of data is LimitExceeded and leaves
// nothing behind (rules E1, E9). A version with which the tenant's backtests hang rests for
// a while: then it is a Conflict, code "strategy_hangs".
func (s *Service) Create(ctx context.Context, p tenancy.Principal, in CreateInput) (Run, error) {
	if err := p.Require(tenancy.BotsWrite); err != nil {
		return Run{}, err
	}
	req, err := s.request(ctx, in)
	if err != nil {
		return Run{}, err
	}
	if err := s.rested(ctx, p.TenantID, req); err != nil {
		return Run{}, err
	}
	needs, err := s.needs(ctx, req)
	if err != nil {
		return Run{}, err
	}
	r := Run{
		ID: uuid.Must(uuid.NewV7()).String(), TenantID: p.TenantID, Request: req, Status: Queued, Total: req.Work(), CreatedAt: s.now(),
	}
	err = s.cfg.Tx.Tx(ctx, p.TenantID, func(ctx context.Context) error {
		if err := s.cfg.Gate.Require(ctx, p.TenantID, append([]billing.Entitlement{Need(req.Kind)}, needs...)...); err != nil {
			return err
		}
		if err := s.cfg.Gate.Reserve(ctx, p.TenantID, place(r)); err != nil {
			return err
		}
		if err := s.cfg.Gate.Fit(ctx, p.TenantID, billing.BacktestDays, r.Days()); err != nil {
			return counted(err, r)
		}
		if err := s.cfg.Store.InsertRun(ctx, p.TenantID, r); err != nil {
			return err
		}
		if _, err := s.cfg.Store.PruneRuns(ctx, p.TenantID, s.cfg.Keep); err != nil {
			return err
		}
		return s.record(ctx, EventQueued, r)
	})
	if err != nil {
		return Run{}, fmt.Errorf("creating backtest: %w", err)
	}
	return r, nil
}

// Check returns what Create would run, or names what it would refuse in the
// fields, as the same Invalid error, and stores nothing. Plan limits are not
// looked at.
func (s *Service) Check(ctx context.Context, p tenancy.Principal, in CreateInput) (Request, error) {
	if err := p.Require(tenancy.BotsWrite); err != nil {
		return Request{}, err
	}
	return s.request(ctx, in)
}

// Offers lists the histories that can be run over, the market's first; without
// their holes.
func (s *Service) Offers(ctx context.Context, p tenancy.Principal) ([]Offer, error) {
	if err := p.Require(tenancy.BotsRead); err != nil {
		return nil, err
	}
	return s.cfg.History.Offers(ctx)
}

// Offer returns one history with its holes. One that is not there is NotFound, code
// "history_not_found".
func (s *Service) Offer(ctx context.Context, p tenancy.Principal, ref Ref) (Offer, error) {
	if err := p.Require(tenancy.BotsRead); err != nil {
		return Offer{}, err
	}
	return s.cfg.History.Offer(ctx, ref)
}

// Run returns one of the tenant's runs.
func (s *Service) Run(ctx context.Context, p tenancy.Principal, id string) (Run, error) {
	if err := p.Require(tenancy.BotsRead); err != nil {
		return Run{}, err
	}
	r, err := s.cfg.Store.Run(ctx, p.TenantID, id)
	if err != nil {
		return Run{}, err
	}
	list := []Run{r}
	err = s.explain(ctx, list)
	return list[0], err
}

// Runs lists the tenant's runs, newest first.
func (s *Service) Runs(ctx context.Context, p tenancy.Principal, pg page.Page) (page.List[Run], error) {
	if err := p.Require(tenancy.BotsRead); err != nil {
		return page.List[Run]{}, err
	}
	pg = pg.Bounded()
	rows, err := s.cfg.Store.Runs(ctx, p.TenantID, pg)
	if err == nil {
		err = s.explain(ctx, rows)
	}
	return page.Of(rows, pg.Limit, func(r Run) string { return r.ID }), err
}

// Result returns one part of what is kept of a run that is done; see Page,
// Document and Equity. One of a run that is not done is a Conflict, code
// "backtest_not_done".
func (s *Service) Result(ctx context.Context, p tenancy.Principal, id string, part Part) ([]byte, error) {
	r, err := s.Run(ctx, p, id)
	if err != nil {
		return nil, err
	}
	if r.Status != Done {
		return nil, errs.New(errs.Conflict, "backtest_not_done", "the backtest is %s: there is no result", r.Status)
	}
	return s.cfg.Store.ResultPart(ctx, p.TenantID, id, part)
}

// Cancel ends a run that is not over; its worker drops it. Cancelling one that
// is over changes nothing.
func (s *Service) Cancel(ctx context.Context, p tenancy.Principal, id string) (Run, error) {
	if err := p.Require(tenancy.BotsWrite); err != nil {
		return Run{}, err
	}
	var r Run
	err := s.cfg.Tx.Tx(ctx, p.TenantID, func(ctx context.Context) error {
		var err error
		if r, err = s.cfg.Store.LockRun(ctx, p.TenantID, id); err != nil || r.Status.Over() {
			return err
		}
		return s.end(ctx, &r, Cancelled, "cancelled by you")
	})
	return r, err
}

// Delete removes a run that is over, with its result. One that is not is a
// Conflict, code "backtest_running".
func (s *Service) Delete(ctx context.Context, p tenancy.Principal, id string) error {
	if err := p.Require(tenancy.BotsWrite); err != nil {
		return err
	}
	return s.cfg.Tx.Tx(ctx, p.TenantID, func(ctx context.Context) error {
		r, err := s.cfg.Store.LockRun(ctx, p.TenantID, id)
		if err != nil {
			return err
		}
		if !r.Status.Over() {
			return errs.New(errs.Conflict, "backtest_running", "%s is %s: cancel it before you delete it", r.Name, r.Status)
		}
		if err := s.cfg.Store.DeleteRun(ctx, p.TenantID, id); err != nil {
			return err
		}
		return s.record(ctx, EventDeleted, r)
	})
}

// end ends a run in the caller's transaction and gives its place back.
func (s *Service) end(ctx context.Context, r *Run, status Status, reason string) error {
	r.Status, r.Reason, r.FinishedAt = status, reason, s.now()
	if err := s.cfg.Store.UpdateRun(ctx, r.TenantID, *r); err != nil {
		return err
	}
	if err := s.cfg.Gate.Release(ctx, r.TenantID, place(*r)); err != nil {
		return err
	}
	typ := map[Status]string{Done: EventDone, Failed: EventFailed, Cancelled: EventCancelled}[status]
	return s.record(ctx, typ, *r)
}

// now is the clock, cut to what the databases keep.
func (s *Service) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Microsecond) }

func (s *Service) record(ctx context.Context, typ string, r Run) error {
	e, err := event.New(s.cfg.Now(), r.TenantID, typ, r.ID, map[string]any{
		"name": r.Name, "kind": r.Kind, "trading_pair": r.Pair, "strategy_type": r.Strategy, "status": r.Status, "status_reason": r.Reason,
	})
	if err != nil {
		return err
	}
	return s.cfg.Events.Record(ctx, e)
}

// Need returns what a plan must include for a kind of run.
func Need(k Kind) billing.Entitlement {
	if k == Backtest {
		return billing.NeedBasicBacktests
	}
	return billing.NeedAdvancedBacktests
}

// needs is what a plan must include for the parameters of a request that was checked,
// those that are varied among them.
func (s *Service) needs(ctx context.Context, r Request) ([]billing.Entitlement, error) {
	schema, err := s.cfg.Strategies.Schema(ctx, r.Strategy, r.StrategyVersion)
	if err != nil {
		return nil, fmt.Errorf("reading the parameters of strategy %s: %w", r.Strategy, err)
	}
	needs := bot.Needed(schema.Needs(r.Parameters, nil)...)
	if r.Search == nil {
		return needs, nil
	}
	for _, text := range r.Search.Ranges {
		name, _, _ := strings.Cut(text, "=")
		if f, ok := schema.Field(name); ok {
			needs = append(needs, bot.Needed(f.Needs)...)
		}
	}
	return needs, nil
}

// counted adds to a refusal of too many days of data how they are counted.
func counted(err error, r Run) error {
	var refused *errs.Error
	if r.Traded() == 1 || !errors.As(err, &refused) || refused.Code != billing.CodeLimitExceeded {
		return err
	}
	told := *refused
	told.Message += fmt.Sprintf(" The days of each of the %d pairs count.", r.Traded())
	return &told
}

// place is what a run takes of its plan while it is not over.
func place(r Run) billing.Want { return billing.Want{Feature: billing.RunningBacktests, Key: r.ID} }
