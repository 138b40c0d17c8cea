package hook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/event"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/tenancy"
)

// Config are the service's collaborators; all are required.
type Config struct {
	Events event.Recorder
	// MarketNow is the market's clock.
	MarketNow func() time.Time
	Now       func() time.Time
	// Pepper keys what is kept of secrets: at least 32 bytes that are not in the
	// database. All servers of an installation share it; with another one, every
	// secret of before is void.
	Pepper []byte
	// Rand is the source of secrets.
	Rand  io.Reader
	Store Store
	// Takes reports whether the version of a strategy that a bot is pinned to takes
	// signals; "" is the one that the server contains. A version that cannot be used
	// is an error.
	Takes func(ctx context.Context, strategy, version string) (bool, error)
	Tx    bot.Transactor
}

// Service is what tenants do with their bots' webhooks, and what comes in there.
// It is safe for concurrent use.
type Service struct {
	cfg  Config
	mint minter
}

// NewService returns a service; the error names everything that is missing.
func NewService(cfg Config) (*Service, error) {
	var problems []error
	need := func(ok bool, what string) {
		if !ok {
			problems = append(problems, errors.New("hook: "+what))
		}
	}
	need(cfg.Events != nil, "Events is required")
	need(cfg.MarketNow != nil, "MarketNow is required")
	need(cfg.Now != nil, "Now is required")
	need(len(cfg.Pepper) >= 32, "Pepper is shorter than 32 bytes")
	need(cfg.Rand != nil, "Rand is required")
	need(cfg.Store != nil, "Store is required")
	need(cfg.Takes != nil, "Takes is required")
	need(cfg.Tx != nil, "Tx is required")
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return &Service{cfg: cfg, mint: minter{pepper: cfg.Pepper, rand: cfg.Rand}}, nil
}

// Takes reports whether a bot can have a webhook: whether the version of the strategy
// that it has takes signals, as far as that can be known.
func (s *Service) Takes(ctx context.Context, b bot.Bot) bool {
	takes, err := s.cfg.Takes(ctx, b.Strategy, b.StrategyVersion)
	return err == nil && takes
}

// Hook returns a bot's webhook; without one it is NotFound, code
// "webhook_not_found".
func (s *Service) Hook(ctx context.Context, p tenancy.Principal, botID string) (Hook, error) {
	if err := p.Require(tenancy.BotsRead); err != nil {
		return Hook{}, err
	}
	if _, err := s.cfg.Store.Bot(ctx, p.TenantID, botID); err != nil {
		return Hook{}, err
	}
	return s.cfg.Store.Hook(ctx, p.TenantID, botID)
}

// Create gives a bot a webhook and returns its secret, which nobody can read
// again. A bot that has one is a Conflict, code "webhook_exists"; one whose version
// of the strategy takes no signals is a Conflict, code "strategy_takes_no_signals",
// and one whose version cannot be used, too, with that fault's code.
func (s *Service) Create(ctx context.Context, p tenancy.Principal, botID string) (Hook, Secret, error) {
	secret, key, err := s.mint.mint()
	if err != nil {
		return Hook{}, Secret{}, err
	}
	address, err := s.mint.address()
	if err != nil {
		return Hook{}, Secret{}, err
	}
	now := s.now()
	key.CreatedAt = now
	h := Hook{ID: address, TenantID: p.TenantID, BotID: botID, CreatedAt: now, Keys: []Key{key}}
	err = s.change(ctx, p, botID, EventCreated, func(ctx context.Context, b bot.Bot) error {
		takes, err := s.cfg.Takes(ctx, b.Strategy, b.StrategyVersion)
		switch {
		case err != nil:
			return err
		case !takes:
			return errs.New(errs.Conflict, "strategy_takes_no_signals", "the strategy %s takes no signals, so a webhook would do nothing",
				strings.TrimSpace(b.Strategy+" "+b.StrategyVersion))
		}
		_, err = s.cfg.Store.Hook(ctx, p.TenantID, botID)
		switch {
		case err == nil:
			return errs.New(errs.Conflict, "webhook_exists", "%s has a webhook: rotate its secret or revoke it first", b.Name)
		case errs.CodeOf(err) != "webhook_not_found":
			return err
		}
		return s.cfg.Store.InsertHook(ctx, p.TenantID, h)
	})
	if err != nil {
		return Hook{}, Secret{}, err
	}
	return h, secret, nil
}

// MaxOverlap is the longest time for which an old secret may stay valid.
const MaxOverlap = 7 * 24 * time.Hour

// Rotate gives a webhook a new secret. Those of before stay valid for the overlap
// and no longer, so that senders can be changed one after another; 0 ends them at
// once.
func (s *Service) Rotate(ctx context.Context, p tenancy.Principal, botID string, overlap time.Duration) (Hook, Secret, error) {
	if overlap < 0 || overlap > MaxOverlap {
		var f errs.Fields
		f.Add("/overlap_hours", "must be from 0 to 168")
		return Hook{}, Secret{}, f.Err()
	}
	secret, key, err := s.mint.mint()
	if err != nil {
		return Hook{}, Secret{}, err
	}
	now := s.now()
	key.CreatedAt = now
	var h Hook
	err = s.change(ctx, p, botID, EventRotated, func(ctx context.Context, _ bot.Bot) error {
		var err error
		if h, err = s.cfg.Store.LockHook(ctx, p.TenantID, botID); err != nil {
			return err
		}
		keys := []Key{key}
		for _, k := range h.Keys {
			if end := now.Add(overlap); k.ExpiresAt.IsZero() || k.ExpiresAt.After(end) {
				k.ExpiresAt = end
			}
			if k.Valid(now) {
				keys = append(keys, k)
			}
		}
		h.Keys = keys[:min(len(keys), maxKeys)]
		return s.cfg.Store.PutKeys(ctx, p.TenantID, botID, h.Keys)
	})
	if err != nil {
		return Hook{}, Secret{}, err
	}
	return h, secret, nil
}

// maxKeys is how many secrets of a hook are valid at most; the oldest go first.
const maxKeys = 3

// Revoke takes a bot's webhook away: its address and all of its secrets are void
// at once, on every server (rule K7). Signals that wait are heard all the same.
func (s *Service) Revoke(ctx context.Context, p tenancy.Principal, botID string) error {
	return s.change(ctx, p, botID, EventRevoked, func(ctx context.Context, _ bot.Bot) error {
		return s.cfg.Store.DeleteHook(ctx, p.TenantID, botID)
	})
}

// Signals lists what came in for a bot, newest first. What waits for a run that is
// over is shown as missed.
func (s *Service) Signals(ctx context.Context, p tenancy.Principal, botID string, pg page.Page) (page.List[Signal], error) {
	if err := p.Require(tenancy.BotsRead); err != nil {
		return page.List[Signal]{}, err
	}
	b, err := s.cfg.Store.Bot(ctx, p.TenantID, botID)
	if err != nil {
		return page.List[Signal]{}, err
	}
	pg = pg.Bounded()
	rows, err := s.cfg.Store.Signals(ctx, p.TenantID, botID, pg)
	for i := range rows {
		if r := &rows[i]; r.Status == Waiting && (r.Run != b.Run || !b.Desired) {
			r.Status, r.Answer = Missed, "the bot stopped before it heard this"
		}
	}
	return page.Of(rows, pg.Limit, func(x Signal) string { return x.ID }), err
}

// change makes a change of a bot's webhook with its event, in one transaction.
// Whoever holds a secret can trade, so that is what the caller must be allowed to.
func (s *Service) change(ctx context.Context, p tenancy.Principal, botID, typ string, do func(ctx context.Context, b bot.Bot) error) error {
	if err := p.Require(tenancy.BotsTrade); err != nil {
		return err
	}
	return s.cfg.Tx.Tx(ctx, p.TenantID, func(ctx context.Context) error {
		b, err := s.cfg.Store.LockBot(ctx, p.TenantID, botID)
		if err != nil {
			return err
		}
		if err := do(ctx, b); err != nil {
			return err
		}
		e, err := event.New(s.cfg.Now(), p.TenantID, typ, botID, map[string]any{"name": b.Name, "user_id": p.UserID})
		if err != nil {
			return fmt.Errorf("telling of a webhook: %w", err)
		}
		return s.cfg.Events.Record(ctx, e)
	})
}

// now is the clock, cut to what the databases keep.
func (s *Service) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Microsecond) }
