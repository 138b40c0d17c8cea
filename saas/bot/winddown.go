package bot

import (
	"context"
	"time"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

// CloseOnly begins or ends winding a running bot down: it buys nothing, its open buys are
// taken back, claimed ones too, and its sells and protective exits go on. Once it holds nothing and has no order
// it stops by itself. It goes on over restarts, and a later start does without. Wanting what is
// so already changes nothing. Conflict, code "bot_not_running", if it is not to run.
func (s *Service) CloseOnly(ctx context.Context, p tenancy.Principal, id string, on bool) (Bot, error) {
	return s.steer(ctx, p, id, EventCloseOnlyAsked, func(b *Bot) (bool, error) {
		changed := b.CloseOnly != on
		b.CloseOnly = on
		return changed, nil
	})
}

// ResumeBreaker lets a running bot buy again that its largest drawdown has stopped; the
// drawdown is counted anew from what it has then. A daily loss ends with its day. Conflict,
// code "bot_not_running", if it is not to run; Forbidden, code "bounds_loosened", for a live
// bot and somebody who may not loosen its bounds: resumed each time it would have none.
func (s *Service) ResumeBreaker(ctx context.Context, p tenancy.Principal, id string) (Bot, error) {
	return s.steer(ctx, p, id, EventBreakerResumed, func(b *Bot) (bool, error) {
		if b.Mode == Live {
			if err := mayLoosen(p, b.Name, []string{"largest drawdown"}); err != nil {
				return false, err
			}
		}
		b.Resumes++
		return true, nil
	})
}

// steer changes what is wanted of a running bot, with its event; a worker carries it out.
func (s *Service) steer(ctx context.Context, p tenancy.Principal, id, typ string, change func(b *Bot) (bool, error)) (Bot, error) {
	if err := p.Require(tenancy.BotsTrade); err != nil {
		return Bot{}, err
	}
	var b Bot
	err := s.cfg.Tx.Tx(ctx, p.TenantID, func(ctx context.Context) (err error) {
		if b, err = s.cfg.Store.LockBot(ctx, p.TenantID, id); err != nil {
			return err
		}
		if !b.Desired {
			return errs.New(errs.Conflict, "bot_not_running", "%s does not run: start it first", b.Name)
		}
		if changed, err := change(&b); err != nil || !changed {
			return err
		}
		b.UpdatedAt = s.now()
		if err := s.cfg.Store.UpdateBot(ctx, p.TenantID, b); err != nil {
			return err
		}
		return s.record(ctx, typ, b, map[string]any{"user_id": p.UserID, "close_only": b.CloseOnly})
	})
	return b, err
}

// Unwound asks a bot to stop that has wound down, as a worker saw: it holds nothing and has no
// order. It changes nothing if the bot has begun another run since, or shall not wind down any
// more.
func (s *Service) Unwound(ctx context.Context, tenantID, id string, run int64) error {
	return s.cfg.Tx.Tx(ctx, tenantID, func(ctx context.Context) error {
		b, err := s.cfg.Store.LockBot(ctx, tenantID, id)
		if err != nil || b.Run != run || !b.Desired || !b.CloseOnly {
			return err
		}
		b.Desired, b.Status, b.Reason, b.Ending, b.UpdatedAt = false, Stopping, "wound down: it holds nothing any more", WoundDown, s.now()
		if err := s.cfg.Store.UpdateBot(ctx, tenantID, b); err != nil {
			return err
		}
		return s.record(ctx, EventStopRequested, b)
	})
}

// Tripped tells that a circuit breaker has stopped a bot from buying, as a worker saw: which,
// why, and until when; zero until somebody resumes it.
func (s *Service) Tripped(ctx context.Context, tenantID, id, kind, reason string, until time.Time) error {
	return s.cfg.Tx.Tx(ctx, tenantID, func(ctx context.Context) error {
		b, err := s.cfg.Store.Bot(ctx, tenantID, id)
		if err != nil {
			return err
		}
		data := map[string]any{"breaker": kind, "reason": reason}
		if !until.IsZero() {
			data["until"] = until
		}
		return s.record(ctx, EventBreakerTripped, b, data)
	})
}
