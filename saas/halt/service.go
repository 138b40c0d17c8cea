package halt

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/event"
	"github.com/lunobot/lunobot/tenancy"
)

// Config are the service's collaborators; all are required.
type Config struct {
	Events event.Recorder
	Now    func() time.Time
	Store  Store
	Tx     Transactor
}

// Service is what people do with kill switches. It is safe for concurrent use.
type Service struct{ cfg Config }

// NewService returns a service; the error names every collaborator that is missing.
func NewService(cfg Config) (*Service, error) {
	var problems []error
	need := func(ok bool, name string) {
		if !ok {
			problems = append(problems, fmt.Errorf("halt: %s is required", name))
		}
	}
	need(cfg.Events != nil, "Events")
	need(cfg.Now != nil, "Now")
	need(cfg.Store != nil, "Store")
	need(cfg.Tx != nil, "Tx")
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return &Service{cfg: cfg}, nil
}

// maxReason bounds what people say, in characters.
const maxReason = 200

// PullInput says what is halted.
type PullInput struct {
	// Scope defaults to Tenant.
	Scope Scope
	// BotID is the bot, for the scope Bot only.
	BotID string
	// Flatten closes positions, too, by market orders.
	Flatten bool
	// Reason is shown to all whom it concerns. Defaults to none.
	Reason string
}

// Validate names every faulty field.
func (in PullInput) Validate() error {
	var f errs.Fields
	f.Check(in.Scope == Bot || in.Scope == Tenant || in.Scope == Platform, "/scope", "must be bot, tenant or platform")
	f.Check(in.BotID != "" || in.Scope != Bot, "/bot_id", "is required to stop one bot")
	f.Check(in.BotID == "" || in.Scope == Bot, "/bot_id", "is for the scope bot only")
	f.Check(utf8.ValidString(in.Reason) && utf8.RuneCountInString(in.Reason) <= maxReason, "/reason", fmt.Sprintf("must be text of at most %d characters", maxReason))
	f.CheckLine("/reason", in.Reason)
	return f.Err()
}

// Pull turns a switch on: who may start bots may do so for a bot and for the tenant, and
// only an administrator of the installation for all of it. Every bot that it covers and
// that runs is asked to stop in the same transaction. Pulling one that is on changes
// nothing but that it flattens from now on, if it is to.
func (s *Service) Pull(ctx context.Context, p tenancy.Principal, in PullInput) (Halt, error) {
	in.Reason = strings.TrimSpace(in.Reason)
	if in.Scope == "" {
		in.Scope = Tenant
	}
	if err := in.Validate(); err != nil {
		return Halt{}, err
	}
	h := Halt{
		ID: uuid.Must(uuid.NewV7()).String(), TenantID: p.TenantID, BotID: in.BotID, Flatten: in.Flatten, Reason: in.Reason, PulledBy: p.Email, PulledAt: s.now(),
	}
	if in.Scope == Platform {
		h.TenantID = ""
	}
	if err := may(p, h.Scope()); err != nil {
		return Halt{}, err
	}
	err := s.tx(ctx, h.TenantID, "pulling the kill switch", func(ctx context.Context) error {
		was, fresh, err := s.cfg.Store.PutHalt(ctx, h.TenantID, h)
		if err != nil {
			return err
		}
		h = was
		stopped, err := s.cfg.Store.StopCovered(ctx, h, s.now())
		if err != nil || !fresh && stopped == 0 {
			return err
		}
		h.Stopped = stopped
		return s.record(ctx, EventPulled, p.Email, h)
	})
	if err != nil {
		return Halt{}, fmt.Errorf("pulling the kill switch: %w", err)
	}
	return h, nil
}

// may reports whether somebody may use a switch of a scope.
func may(p tenancy.Principal, scope Scope) error {
	if scope != Platform {
		return p.Require(tenancy.BotsTrade)
	}
	if !p.PlatformAdmin {
		return errs.New(errs.Forbidden, "admin_only", "only an administrator of the installation may stop all of it")
	}
	return nil
}

// Release turns a switch off, under the same rules as Pull. No bot starts by that:
// people start them again. One that is off already is left as it is. One of another
// tenant is NotFound.
func (s *Service) Release(ctx context.Context, p tenancy.Principal, id string) (Halt, error) {
	if err := p.Require(tenancy.BotsTrade); err != nil {
		return Halt{}, err
	}
	return s.release(ctx, p, p.TenantID, id)
}

// ReleasePlatform is Release for a switch of the installation, for its administrators.
func (s *Service) ReleasePlatform(ctx context.Context, p tenancy.Principal, id string) (Halt, error) {
	if err := may(p, Platform); err != nil {
		return Halt{}, err
	}
	return s.release(ctx, p, "", id)
}

func (s *Service) release(ctx context.Context, p tenancy.Principal, tenantID, id string) (h Halt, err error) {
	err = s.tx(ctx, tenantID, "releasing the kill switch", func(ctx context.Context) error {
		if h, err = s.cfg.Store.LockHalt(ctx, tenantID, id); err != nil || !h.On() {
			return err
		}
		h.ReleasedBy, h.ReleasedAt = p.Email, s.now()
		if err := s.cfg.Store.ReleaseHalt(ctx, tenantID, h); err != nil {
			return err
		}
		return s.record(ctx, EventReleased, p.Email, h)
	})
	return h, err
}

// Over lists the switches that are on and cover the tenant or bots of it.
func (s *Service) Over(ctx context.Context, p tenancy.Principal) (Halts, error) {
	if err := p.Require(tenancy.BotsRead); err != nil {
		return nil, err
	}
	return s.cfg.Store.HaltsOver(ctx, p.TenantID)
}

// maxListed is how many switches of the past are listed.
const maxListed = 200

// List lists the newest switches of the tenant, those that are off among them.
func (s *Service) List(ctx context.Context, p tenancy.Principal) (Halts, error) {
	if err := p.Require(tenancy.BotsRead); err != nil {
		return nil, err
	}
	return s.cfg.Store.HaltsOf(ctx, p.TenantID, maxListed)
}

// ListPlatform lists the newest switches of the installation, for its administrators.
func (s *Service) ListPlatform(ctx context.Context, p tenancy.Principal) (Halts, error) {
	if err := may(p, Platform); err != nil {
		return nil, err
	}
	return s.cfg.Store.HaltsOf(ctx, "", maxListed)
}

// Startable is a Conflict, code "halted", if a switch is on that covers a bot.
func (s *Service) Startable(ctx context.Context, tenantID, botID string) error {
	list, err := s.cfg.Store.HaltsOver(ctx, tenantID)
	if err != nil {
		return err
	}
	h, on := list.Cover(tenantID, botID)
	if !on {
		return nil
	}
	text := h.Says()
	if h.Scope() != Platform {
		text += " Release it first."
	}
	return errs.New(errs.Conflict, "halted", "%s", text).With("halt_id", h.ID).With("scope", string(h.Scope()))
}

// On lists the switches of all tenants that are on, for workers.
func (s *Service) On(ctx context.Context) (Halts, error) { return s.cfg.Store.HaltsOn(ctx) }

// Enforce asks bots to stop that run under switches all the same, because they were
// started in the moment in which one was pulled. A switch that was released meanwhile stops
// nothing any more.
func (s *Service) Enforce(ctx context.Context, list Halts) error {
	for _, h := range list {
		err := s.tx(ctx, h.TenantID, "enforcing the kill switch", func(ctx context.Context) error {
			now, err := s.cfg.Store.LockHalt(ctx, h.TenantID, h.ID)
			if errs.KindOf(err) == errs.NotFound || err == nil && !now.On() {
				return nil
			}
			if err != nil {
				return err
			}
			_, err = s.cfg.Store.StopCovered(ctx, now, s.now())
			return err
		})
		if err != nil {
			return fmt.Errorf("enforcing the kill switch %s: %w", h.ID, err)
		}
	}
	return nil
}

func (s *Service) tx(ctx context.Context, tenantID, purpose string, fn func(ctx context.Context) error) error {
	if tenantID == "" {
		return s.cfg.Tx.SystemTx(ctx, purpose, fn)
	}
	return s.cfg.Tx.Tx(ctx, tenantID, fn)
}

// now is the clock, cut to what the databases keep.
func (s *Service) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Microsecond) }

func (s *Service) record(ctx context.Context, typ, by string, h Halt) error {
	e, err := event.New(s.cfg.Now(), h.TenantID, typ, h.ID, map[string]any{
		"scope": h.Scope(), "bot_id": h.BotID, "flatten": h.Flatten, "reason": h.Reason, "by": by, "bots": h.Stopped,
	})
	if err != nil {
		return err
	}
	return s.cfg.Events.Record(ctx, e)
}
