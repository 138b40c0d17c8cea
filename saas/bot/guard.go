package bot

import "context"

// Guard is what a worker does for a bot that has failed.
type Guard struct {
	// Failure is why the bot failed, and Reason that with what is done about it.
	Failure, Reason string
	// Anew is true when it begins. Broken is true if the bot was to stop when it failed:
	// then its orders are taken back, and its position is not watched.
	Anew, Broken bool
}

// Guarded writes that a bot has failed, and that a worker looks after what it left until
// Observe says that this is over, or somebody starts or stops the bot. Its place among the
// running ones goes back to the plan: the tenant may need it for another. It changes nothing if
// the bot has begun another run since, or was asked to stop meanwhile.
func (s *Service) Guarded(ctx context.Context, tenantID, id string, run int64, g Guard) error {
	return s.cfg.Tx.Tx(ctx, tenantID, func(ctx context.Context) error {
		b, err := s.cfg.Store.LockBot(ctx, tenantID, id)
		if err != nil {
			return err
		}
		begins := g.Anew && (b.Desired || g.Broken)
		if b.Run != run || !b.Guarded() && !begins || b.Guarded() && b.Reason == g.Reason {
			return nil
		}
		b.Desired, b.Status, b.Failure, b.Reason, b.UpdatedAt = false, Failed, g.Failure, g.Reason, s.now()
		if g.Broken {
			b.Ending = Broken
		}
		if err := s.cfg.Gate.Release(ctx, tenantID, running(b)); err != nil {
			return err
		}
		if err := s.cfg.Store.UpdateBot(ctx, tenantID, b); err != nil {
			return err
		}
		return s.record(ctx, EventStatusChanged, b)
	})
}
