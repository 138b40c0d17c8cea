package execution

import (
	"cmp"
	"errors"
	"strconv"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/journal"
)

// judge says what the answer to an order that was sent makes of it (rule T2):
// accepted, rejected by a code that is known to be final or for its key, or unknown. margin is by
// how much clocks may differ.
func judge(m exchange.Market, o journal.LiveOrder, placed exchange.Order, err error, margin time.Duration) (journal.LiveOrder, string) {
	var e *exchange.Error
	errors.As(err, &e)
	switch {
	case err == nil && placed.ID != "":
		return o.Hear(m, placed), "the venue has accepted it"
	case err == nil:
		return doubt(o), "the venue's answer names no order"
	case e == nil:
		return doubt(o), "no answer: " + err.Error()
	case e.Outcome == exchange.OutcomeAccepted && placed.ID != "":
		return o.Hear(m, placed), "the venue had accepted it before"
	case e.Outcome == exchange.OutcomeRejected && e.Unsent:
		return refuse(o, journal.Denied, "it was not sent: "+e.Message)
	case e.Outcome == exchange.OutcomeRejected && exchange.KindOf(e).Definitive():
		return refuse(o, journal.Rejected, "the venue refuses it: "+e.Message+" ("+cmp.Or(e.Code, strconv.Itoa(e.HTTPStatus))+")")
	}
	if until := time.UnixMilli(e.Expires).Add(-margin).UTC(); e.Expires > 0 && until.After(o.ValidUntil) {
		o.ValidUntil = until
	}
	return doubt(o), "no clear answer: " + err.Error()
}

// doubt makes an order unknown unless more has become known of it meanwhile.
func doubt(o journal.LiveOrder) journal.LiveOrder {
	if o.State == journal.Submitted {
		o.State = journal.Unknown
	}
	return o
}

// refuse ends an order that never came to be, unless the venue has told of it.
func refuse(o journal.LiveOrder, state journal.OrderState, reason string) (journal.LiveOrder, string) {
	if o.Doubtful() {
		o.State, o.Reason = state, reason
	}
	return o, reason
}
