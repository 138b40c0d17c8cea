package execution

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
)

// strangers returns those of the venue's open orders that are no bot's, as far as the
// journals said when the pass began: that nobody placed, or that are settled there, such as
// ones that were written off and rest all the same. A venue may list what is over for Grace.
func (e *Executor) strangers(ctx context.Context, s *sight, books []journal.Book, began time.Time) ([]exchange.Order, error) {
	ids := make([]string, len(s.open))
	for i, v := range s.open {
		ids[i] = v.ID
	}
	orders, err := e.cfg.Store.OwnedOrders(ctx, e.cfg.TenantID, e.cfg.Account, ids)
	if err != nil {
		return nil, err
	}
	owned := map[string]bool{}
	s.booked = map[string]decimal.Decimal{}
	for _, o := range orders {
		owned[o.VenueID] = owned[o.VenueID] || !o.Settled() || !o.UpdatedAt.Before(began.Add(-e.cfg.Grace))
		s.booked[o.VenueID] = s.booked[o.VenueID].Add(o.Filled)
	}
	return slices.DeleteFunc(slices.Clone(s.open), func(v exchange.Order) bool {
		// An order that another bot is just placing has no id of the venue's yet.
		id, ours := journal.ParseCommandID(v.Request.ClientID)
		other := ours && id.Installation == e.cfg.Installation && id.BotID != e.cfg.BotID &&
			slices.ContainsFunc(books, func(b journal.Book) bool { return b.BotID == id.BotID })
		return other || owned[v.ID]
	}), nil
}

// quarantine notes orders that no bot placed and does what was decided about those
// of before, and lifts a pause that somebody wants lifted. It cancels none unasked (rule T6). A cancel that fails is noted, and
// tried again by the next Check.
func (e *Executor) quarantine(ctx context.Context, strangers []exchange.Order, s *sight) error {
	last, decided, err := e.cfg.Store.LastCheck(ctx, e.cfg.TenantID, e.cfg.BotID)
	if err != nil && errs.KindOf(err) != errs.NotFound {
		return err
	}
	if last.Paused != "" && !last.ResumeAt.IsZero() { // what still differs is found again right below
		if err := e.Resume(ctx); err != nil {
			return err
		}
	}
	decisions := make(map[string]journal.ForeignOrder, len(decided))
	for _, f := range decided {
		decisions[f.VenueID] = f
	}
	var cancel []exchange.Order
	err = e.change(ctx, func(w *step) error {
		open := make(map[string]bool, len(strangers))
		for _, v := range strangers {
			if e.placing(v) {
				continue
			}
			open[v.ID] = true
			f, known := e.foreign[v.ID]
			if !known {
				w.foreign[v.ID] = e.stranger(w, v)
				continue
			}
			if d, ok := decisions[v.ID]; ok {
				f.Decision, f.DecidedBy, f.DecidedAt = d.Decision, d.DecidedBy, d.DecidedAt
				e.foreign[v.ID] = f
			}
			switch f.Decision {
			case journal.Claim:
				if booked := s.booked[v.ID]; booked.IsPositive() {
					s.failed = append(s.failed, fmt.Sprintf("foreign order %s cannot be claimed: a bot had it before, and %s of it is in that bot's books; cancel it, or leave it alone", v.ID, booked))
					continue
				}
				e.claim(w, f, v)
			case journal.CancelForeign:
				cancel = append(cancel, v)
			case journal.Ignore:
			}
		}
		for id, f := range e.foreign {
			if !open[id] {
				f.Over = true
				w.foreign[id] = f
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, v := range cancel {
		if cerr := e.cfg.Trader.Cancel(ctx, v.Request.Pair, v.ID); cerr != nil && exchange.KindOf(cerr) != exchange.KindNotOpen {
			s.failed = append(s.failed, fmt.Sprintf("foreign order %s could not be cancelled: %s", v.ID, cerr))
		}
	}
	return nil
}

// placing reports whether an order is one of the bot's that has become known since
// the venue was asked.
func (e *Executor) placing(v exchange.Order) bool {
	_, mine := e.matching(v.ID, v.Request.ClientID)
	return mine
}

func (e *Executor) stranger(w *step, v exchange.Order) journal.ForeignOrder {
	m := e.markets[v.Request.Pair]
	id, ok := journal.ParseCommandID(v.Request.ClientID)
	return journal.ForeignOrder{
		BotID: e.cfg.BotID, Pair: v.Request.Pair, VenueID: v.ID, ClientID: v.Request.ClientID, Side: v.Request.Side.String(),
		Price: m.Price(v.Request.Price), Volume: m.Volume(v.Request.Volume), FoundAt: w.now,
		Ours: ok && id.Installation == e.cfg.Installation && id.BotID == e.cfg.BotID,
	}
}

// claim makes a foreign order one of the bot's, with all of its fills.
func (e *Executor) claim(w *step, f journal.ForeignOrder, v exchange.Order) {
	m := e.markets[f.Pair]
	number := e.claimed - 1
	for {
		if _, taken := w.orders[number]; !taken {
			break
		}
		number--
	}
	o := orderOf(m, v.Request)
	if o.ClientID == "" {
		o.ClientID = "claimed." + v.ID
	}
	o.BotID, o.Run, o.Number, o.Account, o.Epoch = e.cfg.BotID, e.cfg.RunNumber, number, e.cfg.Account, e.cfg.Epoch
	o.Reason, o.CreatedAt, o.State = "claimed by "+f.DecidedBy, w.now, journal.Submitted
	w.put(o.Hear(m, v), o.Reason)
	f.Over = true
	w.foreign[v.ID] = f
}

// suspect notes an execution that is none of this bot's open orders; Check finds
// out whose it was. Those of before the bot's first reconciliation are nobody's
// business.
func (e *Executor) suspect(ctx context.Context, w *step, f exchange.Fill) error {
	if e.check.At.IsZero() {
		return nil
	}
	id, ours := journal.ParseCommandID(f.ClientID)
	switch {
	case !ours || id.Installation != e.cfg.Installation:
	case id.BotID != e.cfg.BotID:
		if near, err := w.near(ctx, id.BotID); near || err != nil {
			return err // that bot reads it itself
		}
	default:
		o, found, err := e.known(ctx, id.Number)
		if err != nil {
			return err
		}
		if found && o.ClientID == f.ClientID {
			return e.tooLate(ctx, w, o, f)
		}
	}
	if len(e.strange) == keptTrades {
		e.strange = e.strange[1:]
	}
	e.strange = append(e.strange, f)
	return nil
}

// near reports whether another bot has a book on the account.
func (w *step) near(ctx context.Context, botID string) (bool, error) {
	if w.neighbours == nil {
		books, err := w.e.cfg.Store.AccountBooks(ctx, w.e.cfg.TenantID, w.e.cfg.Account)
		if err != nil {
			return false, fmt.Errorf("looking for whose an execution is: %w", err)
		}
		w.neighbours = make(map[string]bool, len(books))
		for _, b := range books {
			w.neighbours[b.BotID] = true
		}
	}
	return w.neighbours[botID], nil
}

// tooLate pauses the bot if an execution of an order that is settled is not in the
// journal. The pause is written together with how far fills were read.
func (e *Executor) tooLate(ctx context.Context, w *step, o journal.LiveOrder, f exchange.Fill) error {
	booked, err := e.cfg.Store.LiveFills(ctx, e.cfg.TenantID, e.cfg.BotID, o.Number)
	if err != nil || slices.ContainsFunc(booked, func(b journal.LiveFill) bool { return b.Sequence == f.Sequence || b.Totalled() }) {
		return err
	}
	m := e.markets[f.Pair]
	c := e.check
	if w.entry.Check != nil {
		c = *w.entry.Check
	}
	d := journal.Difference{
		Kind: journal.FillUnbooked, Subject: o.ClientID, Since: w.now, Confirmed: true,
		Text: fmt.Sprintf("order %s is %s here, and the venue lists a fill of it that is in no book: %s of %s at %s, trade %d",
			called(o), o.State, f.Side, m.Volume(f.Volume), m.Price(f.Price), f.Sequence),
	}
	if slices.ContainsFunc(c.Differences, func(old journal.Difference) bool { return old.Text == d.Text }) {
		return nil
	}
	c.Differences, c.Paused = append(slices.Clone(c.Differences), d), cmp.Or(c.Paused, d.Text)
	w.entry.Check = &c
	return nil
}
