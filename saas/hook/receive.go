package hook

import (
	"bytes"
	"context"
	"crypto/sha256"
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/lunobot/lunobot/saas/errs"
)

// Keep is how long signals are kept, and with them the memory of their ids.
const Keep = 30 * 24 * time.Hour

// Receive takes a message in, once: the same id with the same body again gets the
// same answer and changes nothing, with another body it is a Conflict, code
// "signal_id_used". The message is stored when Receive returns. An address that
// is none is NotFound, a sender without proof Unauthenticated; a bot that does not
// run is a Conflict, code "bot_stopped", and too many messages are RateLimited.
func (s *Service) Receive(ctx context.Context, address string, d Delivery) (Receipt, error) {
	h, err := s.cfg.Store.Address(ctx, address)
	if err != nil {
		return Receipt{}, err
	}
	e := d.open()
	if err := s.mint.prove(h, d, e, s.now()); err != nil {
		return Receipt{}, err
	}
	key, err := d.key(e)
	if err != nil {
		return Receipt{}, err
	}
	text, err := d.text(e)
	if err != nil {
		return Receipt{}, err
	}
	sum := sha256.Sum256(d.Body)
	var r Receipt
	err = s.cfg.Tx.Tx(ctx, h.TenantID, func(ctx context.Context) (err error) {
		r, err = s.take(ctx, h, Signal{Key: key, Text: text, Sum: sum[:]}, d, e)
		return err
	})
	return r, err
}

// take stores a message in the caller's transaction. The bot is locked first, as
// wherever a bot is changed, so that no two wait for each other; it also keeps the
// bot from stopping meanwhile.
func (s *Service) take(ctx context.Context, of Hook, in Signal, d Delivery, e envelope) (Receipt, error) {
	b, err := s.cfg.Store.LockBot(ctx, of.TenantID, of.BotID)
	if err != nil {
		return Receipt{}, gone(err)
	}
	h, err := s.cfg.Store.LockHook(ctx, of.TenantID, of.BotID)
	if err != nil {
		return Receipt{}, gone(err)
	}
	// Again, with the lock: it may have been rotated or revoked meanwhile.
	if h.ID != of.ID {
		return Receipt{}, ErrNone()
	}
	now := s.now()
	if err := s.mint.prove(h, d, e, now); err != nil {
		return Receipt{}, err
	}
	before, err := s.cfg.Store.SignalOf(ctx, h.TenantID, h.BotID, in.Key)
	switch {
	case err == nil && !bytes.Equal(before.Sum, in.Sum):
		return Receipt{}, errs.New(errs.Conflict, "signal_id_used", "another message with this id was taken before")
	case err == nil:
		return receipt(before), nil
	case errs.CodeOf(err) != "signal_not_found":
		return Receipt{}, err
	}
	due, wait := admit(h.Due, now)
	if wait > 0 {
		return Receipt{}, errs.New(errs.RateLimited, "webhook_rate", "a webhook takes %d messages a minute", perMinute).
			With("retry_after", int(math.Ceil(wait.Seconds())))
	}
	if !b.Desired {
		return Receipt{}, errs.New(errs.Conflict, "bot_stopped", "the bot does not run, so it would not hear the message: start it and send it again")
	}
	in.ID, in.TenantID, in.BotID, in.Run, in.Status = uuid.Must(uuid.NewV7()).String(), h.TenantID, h.BotID, b.Run, Waiting
	in.ReceivedAt, in.MarketTime = now, s.cfg.MarketNow().UTC().Truncate(time.Millisecond)
	if err := s.cfg.Store.PutDue(ctx, h.TenantID, h.BotID, due); err != nil {
		return Receipt{}, err
	}
	return receipt(in), s.cfg.Store.InsertSignal(ctx, h.TenantID, in)
}

func receipt(s Signal) Receipt { return Receipt{ID: s.Key, ReceivedAt: s.ReceivedAt} }

// ErrNone returns the answer for a hook that is not there or another tenant's, and
// for every address that is none; it is NotFound.
func ErrNone() *errs.Error {
	return errs.New(errs.NotFound, "webhook_not_found", "there is no such webhook")
}

// gone turns a bot or a hook that is not there any more into an address that is
// none.
func gone(err error) error {
	if errs.KindOf(err) == errs.NotFound {
		return ErrNone()
	}
	return err
}

// Prune forgets signals that are older than Keep.
func (s *Service) Prune(ctx context.Context) error {
	_, err := s.cfg.Store.PruneSignals(ctx, s.now().Add(-Keep))
	return err
}
