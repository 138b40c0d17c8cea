package replay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

// Bots knows the tenants' bots; *bot.Service is one.
type Bots interface {
	Bot(ctx context.Context, p tenancy.Principal, id string) (bot.Bot, error)
}

// ServiceConfig are the service's collaborators; all are required but those with
// a default.
type ServiceConfig struct {
	Bots  Bots
	Now   func() time.Time
	Store Store
	// Wake is called when there is work. Defaults to nothing.
	Wake func()
}

// Service is what tenants do with replays. It is safe for concurrent use.
type Service struct{ cfg ServiceConfig }

// NewService returns a service; the error names every collaborator that is
// missing.
func NewService(cfg ServiceConfig) (*Service, error) {
	var problems []error
	need := func(ok bool, name string) {
		if !ok {
			problems = append(problems, fmt.Errorf("replay: %s is required", name))
		}
	}
	need(cfg.Bots != nil, "Bots")
	need(cfg.Now != nil, "Now")
	need(cfg.Store != nil, "Store")
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	if cfg.Wake == nil {
		cfg.Wake = func() {}
	}
	return &Service{cfg: cfg}, nil
}

// Request asks for a replay of one of the tenant's bots. One that is under way is
// returned as it is. A bot of which nothing was recorded is a Conflict, code
// "nothing_to_replay".
func (s *Service) Request(ctx context.Context, p tenancy.Principal, botID string) (Replay, error) {
	if err := p.Require(tenancy.BotsWrite); err != nil {
		return Replay{}, err
	}
	b, err := s.cfg.Bots.Bot(ctx, p, botID)
	if err != nil {
		return Replay{}, err
	}
	bases, err := s.cfg.Store.Baselines(ctx, p.TenantID, botID, 1)
	if err != nil {
		return Replay{}, err
	}
	if len(bases) == 0 {
		return Replay{}, errs.New(errs.Conflict, "nothing_to_replay", "nothing was recorded of %s: it has not run yet", b.Name)
	}
	r, err := s.cfg.Store.RequestReplay(ctx, p.TenantID, botID, s.cfg.Now().UTC().Truncate(time.Microsecond))
	if err == nil {
		s.cfg.Wake()
	}
	return r, err
}

// Replay returns the newest replay of one of the tenant's bots; NotFound, code
// "replay_not_found", if none was asked for.
func (s *Service) Replay(ctx context.Context, p tenancy.Principal, botID string) (Replay, error) {
	if _, err := s.cfg.Bots.Bot(ctx, p, botID); err != nil {
		return Replay{}, err
	}
	return s.cfg.Store.Replay(ctx, p.TenantID, botID)
}
