package execution

import (
	"context"
	"fmt"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
)

// Cancel wants an order taken back, and returns it as the venue then has it: open
// still, cancelled, or filled meanwhile (rule T4). The wish is journalled first and
// repeated by every Check until the order is over; so an error, which says that
// the venue was not reached, needs no other answer. Errors of another kind:
// NotFound, code "order_not_found".
func (e *Executor) Cancel(ctx context.Context, number int64, reason string) (journal.LiveOrder, error) {
	var o journal.LiveOrder
	err := e.change(ctx, func(w *step) error {
		var found bool
		var err error
		if o, found, err = e.known(ctx, number); err != nil || !found {
			return joined(err, missing(found, e.cfg.BotID, number))
		}
		if o.State.Final() || !o.CancelAsked.IsZero() {
			return nil
		}
		o.CancelAsked, o.Reason = w.now, reason
		w.put(o, "it is to be taken back: "+reason)
		return nil
	})
	if err != nil || o.State.Final() || o.VenueID == "" { // one that is in doubt is taken back once it is found
		return o, err
	}
	return e.recall(ctx, o)
}

// Recall wants all of the bot's orders taken back, claimed ones too, but exits only if it is
// told so, and finds out about those in doubt. It returns how many are not known to be over;
// ask it again until none is. The error says what of that failed.
func (e *Executor) Recall(ctx context.Context, reason string, exits bool) (left int, err error) {
	open := func() (list []journal.LiveOrder) {
		for _, o := range e.Orders() {
			if !o.State.Final() && (exits || !o.Urgent) {
				list = append(list, o)
			}
		}
		return list
	}
	for _, o := range open() {
		if o.CancelAsked.IsZero() {
			_, cerr := e.Cancel(ctx, o.Number, reason)
			err = joined(err, cerr)
		}
	}
	if len(open()) > 0 { // which asks again
		err = joined(err, e.Sync(ctx))
	}
	return len(open()), err
}

func missing(found bool, botID string, number int64) error {
	if found {
		return nil
	}
	return errs.New(errs.NotFound, "order_not_found", "bot %s has no order %d", botID, number)
}

// recall asks the venue for an order back and reads what has become of it. Once the
// lease has ended that is its new owner's matter (rule T5).
func (e *Executor) recall(ctx context.Context, o journal.LiveOrder) (journal.LiveOrder, error) {
	if e.cfg.Left() <= e.cfg.Margin {
		return o, lease.ErrLost
	}
	asked := e.cfg.Trader.Cancel(ctx, o.Pair, o.VenueID)
	if exchange.KindOf(asked) == exchange.KindKey {
		e.cfg.Answered(asked)
		return o, asked
	}
	// Whatever the answer was: that it is not open may mean that it is filled.
	v, err := e.cfg.Trader.OrderByID(ctx, o.Pair, o.VenueID)
	if err != nil {
		return o, fmt.Errorf("reading what became of order %s: %w", o.ClientID, joined(asked, err))
	}
	cause := "the venue was asked for it back"
	if asked != nil {
		cause = "the venue did not take the cancel: " + asked.Error()
	}
	m := e.markets[o.Pair]
	return e.learn(ctx, o.Number, func(o journal.LiveOrder) (journal.LiveOrder, string) { return o.Hear(m, v), cause })
}
