package execution

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
)

// Intent is an order that a bot wants.
type Intent struct {
	// Number is that of the command within the bot, above 0. A command that is given
	// again is recognised by it, in whatever process and under whatever lease.
	Number int64
	// Request is what is wanted; its ClientID, Time and TTL are the Executor's.
	Request exchange.OrderRequest
	// Reason is why, as a sentence.
	Reason string
}

// Place commits an intent, sends it and journals what became of it. The error says
// that nothing was sent or that the journal could not be written; what the venue
// says is the order's state. Unknown is a state, too: Check and Run find out.
//
// A command that is in the journal already is not sent again: its order is
// returned. Errors: Conflict, code "command_reused", if its number stands for
// another order; Conflict, code "not_reconciled", before the first Check.
func (e *Executor) Place(ctx context.Context, in Intent) (journal.LiveOrder, error) {
	o, err := e.Intend(ctx, in)
	if err != nil || o.State != journal.Submitted {
		return o, err
	}
	return e.Send(ctx, o)
}

// Deny journals an order that our own checks have refused (rule T11), at any time: it
// is not sent. A command that is in the journal already stays as it is and is returned.
func (e *Executor) Deny(ctx context.Context, in Intent, reason string) (journal.LiveOrder, error) {
	return e.enter(ctx, in, func(journal.LiveOrder) (string, error) { return reason, nil })
}

// Intend commits an intent and sends nothing (rule T1). An order that may not be
// placed at present is denied, and the order's reason says why.
func (e *Executor) Intend(ctx context.Context, in Intent) (journal.LiveOrder, error) {
	in, why := e.fit(ctx, in)
	if why != "" {
		return e.Deny(ctx, in, why)
	}
	o, err := e.enter(ctx, in, func(o journal.LiveOrder) (string, error) {
		if !e.checked || !e.cleared && !o.Urgent {
			return "", errs.New(errs.Conflict, "not_reconciled", "bot %s has not been reconciled with its venue since it started: %s",
				e.cfg.BotID, cmp.Or(e.check.Mismatch(), "wait for the first reconciliation that finds nothing"))
		}
		return e.forbids(in, o), nil
	})
	if why := overCeiling(err); why != "" {
		return e.Deny(ctx, in, why)
	}
	return o, err
}

// enter puts a command into the journal unless it is there.
func (e *Executor) enter(ctx context.Context, in Intent, refusal func(o journal.LiveOrder) (string, error)) (journal.LiveOrder, error) {
	m, ok := e.markets[in.Request.Pair]
	if !ok {
		return journal.LiveOrder{}, errs.New(errs.Invalid, "unknown_pair", "bot %s does not trade %q", e.cfg.BotID, in.Request.Pair)
	}
	var o journal.LiveOrder
	err := e.change(ctx, func(w *step) error {
		var err error
		if o, err = e.draft(m, in, w.now); err != nil {
			return err
		}
		known, found, err := e.known(ctx, in.Number)
		if err != nil {
			return err
		}
		if found {
			if !alike(known, o) {
				return errs.New(errs.Conflict, "command_reused",
					"command %d of bot %s stands for %s already, and cannot be %s", in.Number, e.cfg.BotID, describe(known), describe(o))
			}
			o = known
			return nil
		}
		why, err := refusal(o)
		if err != nil {
			return err
		}
		if why != "" {
			o.State, o.Reason = journal.Denied, why
			w.put(o, why)
			return nil
		}
		w.put(o, "intent: "+in.Reason)
		return nil
	})
	return o, err
}

// draft returns the order of an intent, as yet submitted.
func (e *Executor) draft(m exchange.Market, in Intent, now time.Time) (journal.LiveOrder, error) {
	id, err := journal.CommandID{Installation: e.cfg.Installation, BotID: e.cfg.BotID, Epoch: e.cfg.Epoch, Number: in.Number}.ClientID()
	if err != nil {
		return journal.LiveOrder{}, err
	}
	now = now.Truncate(time.Millisecond) // what venues are told is in milliseconds
	until := now.Add(min(e.cfg.TTL, max(0, e.cfg.Left()-e.cfg.Margin))).Truncate(time.Millisecond)
	o := orderOf(m, in.Request)
	o.ClientID, o.BotID, o.Run, o.Number = id, e.cfg.BotID, e.cfg.RunNumber, in.Number
	o.State, o.Reason, o.CreatedAt, o.UpdatedAt = journal.Submitted, in.Reason, now, now
	o.Account, o.Epoch, o.ValidUntil, o.Floor = e.cfg.Account, e.cfg.Epoch, until, e.books[m.Pair].Mark
	return o, nil
}

// known returns a command's order if the journal has it.
func (e *Executor) known(ctx context.Context, number int64) (journal.LiveOrder, bool, error) {
	if o, ok := e.orders[number]; ok || number > e.number {
		return o, ok, nil
	}
	o, err := e.cfg.Store.LiveOrder(ctx, e.cfg.TenantID, e.cfg.BotID, number)
	if err != nil && errs.KindOf(err) == errs.NotFound {
		return o, false, nil
	}
	return o, err == nil, err
}

// forbids says why an order may not be placed at present; "" if it may.
func (e *Executor) forbids(in Intent, o journal.LiveOrder) string {
	m := e.markets[o.Pair]
	age := e.check.Age(e.cfg.Now())
	switch {
	case !o.Urgent && e.check.Paused != "":
		return "the bot is paused: " + e.check.Paused
	case !o.Urgent && age > 4*e.cfg.CheckEvery:
		return fmt.Sprintf("the last reconciliation with the venue is %s old", age.Round(time.Second))
	case o.ValidUntil.Sub(e.cfg.Now()) < least:
		return "the bot's lease ends too soon to send it"
	case in.Request.Stop != exchange.Stop{}:
		return "the journal keeps no stop orders: a bot's protective exits watch the price themselves"
	}
	if err := m.Check(in.Request); err != nil {
		return err.Error()
	}
	return e.beyond(m, o)
}

// beyond says why an order would move more than the bot's books have, beside what its
// other orders may move; "" if it would not. Its engine sees to that as well, but does not
// know of orders that were claimed, and what else the account holds is somebody else's.
func (e *Executor) beyond(m exchange.Market, o journal.LiveOrder) string {
	if o.Side == exchange.Sell.String() {
		if free := e.free(o.Pair); o.Volume.GreaterThan(free) {
			return fmt.Sprintf("it sells %s %s, and of what the bot has there are %s free", o.Volume, m.Base, free)
		}
		return ""
	}
	free := decimal.Zero
	for _, b := range e.books {
		if b.CounterCurrency == m.Counter {
			free = free.Add(b.Counter)
		}
	}
	for _, x := range e.orders {
		if x.Side == o.Side && e.books[x.Pair].CounterCurrency == m.Counter {
			free = free.Sub(x.Cost())
		}
	}
	if need := o.Cost(); need.GreaterThan(free) {
		return fmt.Sprintf("it may spend %s %s, and of what the bot may use there are %s free", need, m.Counter, free)
	}
	return ""
}

// Send sends an order that Intend returned, once, and journals the answer. What was
// intended under another lease, or may be under way already, is not sent.
func (e *Executor) Send(ctx context.Context, o journal.LiveOrder) (journal.LiveOrder, error) {
	o, ready, err := e.launch(o.Number)
	if err != nil || !ready {
		return o, err
	}
	defer e.land(o.Number)
	// Whoever stops must know what became of what is under way.
	ctx = context.WithoutCancel(ctx)
	m := e.markets[o.Pair]
	now := e.cfg.Now()
	left := min(o.ValidUntil.Sub(now), e.cfg.Left()-e.cfg.Margin)
	if left < least { // rule T5: frozen since, or the journal was slow
		return e.learn(ctx, o.Number, func(o journal.LiveOrder) (journal.LiveOrder, string) {
			o.State, o.Reason = journal.Denied, "it was held back: too little time was left of the bot's lease or of its own"
			return o, o.Reason
		})
	}
	r, err := requestOf(m, o)
	if err != nil {
		return o, err
	}
	sending, cancel := context.WithTimeout(ctx, left)
	placed, err := e.cfg.Trader.Place(sending, r)
	cancel()
	sent, lerr := e.learn(ctx, o.Number, func(o journal.LiveOrder) (journal.LiveOrder, string) {
		return judge(m, o, placed, err, e.cfg.Margin)
	})
	if exchange.KindOf(err) == exchange.KindKey {
		e.cfg.Answered(err)
	}
	e.lacks(o, err)
	return sent, lerr
}

// launch marks an order as under way; ready is false if it is not to be sent.
func (e *Executor) launch(number int64) (o journal.LiveOrder, ready bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	o, ok := e.orders[number]
	switch {
	case e.lost:
		return o, false, lease.ErrLost
	case !ok:
		return o, false, errs.New(errs.NotFound, "order_not_found", "bot %s has no open order %d", e.cfg.BotID, number)
	case o.State != journal.Submitted || o.Epoch != e.cfg.Epoch || e.flying[number] || e.sent[number]:
		return o, false, nil
	}
	e.flying[number], e.sent[number] = true, true
	return o, true, nil
}

func (e *Executor) land(number int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.flying, number)
}

// learn makes one step with an order that is not settled.
func (e *Executor) learn(
	ctx context.Context, number int64, become func(o journal.LiveOrder) (journal.LiveOrder, string),
) (journal.LiveOrder, error) {
	var o journal.LiveOrder
	err := e.change(ctx, func(w *step) error {
		var ok bool
		if o, ok = w.order(number); !ok { // settled meanwhile: there is nothing more to learn
			var err error
			o, _, err = e.known(ctx, number)
			return err
		}
		var cause string
		o, cause = become(o)
		w.put(o, cause)
		return nil
	})
	return o, err
}
