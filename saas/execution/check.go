package execution

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
)

// keptTrades is how many executions that no bot ordered a report names.
const keptTrades = 20

// Check reconciles journal and venue: open orders, fills and balances (rule T6).
// It repairs what can be known, quarantines orders that no bot placed, does what
// was decided about them, and pauses the bot where the two do not agree. The
// report is in the journal. The error says that the venue or the journal was not
// reached; there is no new report then.
func (e *Executor) Check(ctx context.Context) (journal.Check, error) {
	e.checking.Lock()
	defer e.checking.Unlock()
	check, err := e.reconcile(ctx)
	if ctx.Err() == nil && !e.Lost() {
		e.cfg.Answered(err)
	}
	return check, err
}

// reconcile is Check; e.checking is held.
func (e *Executor) reconcile(ctx context.Context) (journal.Check, error) {
	began := e.cfg.Now()
	s, err := e.sync(ctx)
	if err != nil {
		return journal.Check{}, err
	}
	books, err := e.cfg.Store.AccountBooks(ctx, e.cfg.TenantID, e.cfg.Account)
	if err != nil {
		return journal.Check{}, fmt.Errorf("reconciling bot %s: %w", e.cfg.BotID, err)
	}
	strangers, err := e.strangers(ctx, &s, books, began)
	if err != nil {
		return journal.Check{}, err
	}
	if err := e.quarantine(ctx, strangers, &s); err != nil {
		return journal.Check{}, err
	}
	if err := e.weigh(ctx, &s); err != nil {
		return journal.Check{}, err
	}
	trades, seen, err := e.foreignTrades(ctx)
	if err != nil {
		return journal.Check{}, err
	}
	var check journal.Check
	before := ""
	err = e.change(ctx, func(w *step) error {
		before = e.check.Paused
		check = e.report(w, s, trades)
		check.At, check.Took = began, w.now.Sub(began)
		w.entry.Check = &check
		for _, b := range e.books { // how far fills were read
			w.book(b)
		}
		return nil
	})
	if err != nil {
		return journal.Check{}, err
	}
	e.mu.Lock()
	e.checked = true
	e.cleared = e.cleared || check.Agrees()
	// The stream may have told of more since.
	e.strange = slices.DeleteFunc(e.strange, func(f exchange.Fill) bool { return slices.Contains(seen, f) })
	e.mu.Unlock()
	if before == "" && check.Paused != "" && e.cfg.Paused != nil {
		e.cfg.Paused(ctx, check.Paused)
	}
	return check, nil
}

// report says what was found. Differences that may pass count once they have
// lasted.
func (e *Executor) report(w *step, s sight, trades []journal.ForeignTrade) journal.Check {
	c := journal.Check{BotID: e.cfg.BotID, Account: e.cfg.Account, Trades: trades, Failed: s.failed, Paused: e.check.Paused}
	for _, o := range e.orders {
		switch {
		case o.Doubtful():
			c.Doubtful++
		case o.Resting():
			c.Open++
		}
		if o.Told.GreaterThan(o.Filled) {
			c.Unsettled++
			s.differ(journal.FillsMissing, o.ClientID, fmt.Sprintf("of order %s the venue says that %s is filled, and lists fills of %s", called(o), o.Told, o.Filled))
		}
	}
	for _, f := range e.foreign {
		if f.Decision == "" {
			c.Foreign++
		}
		if f.Ours && f.Decision == "" {
			s.differ(journal.OrderOrphaned, f.ClientID, fmt.Sprintf("order %s has an id of this bot and is not open in its journal", f.VenueID))
		}
	}
	for _, d := range e.check.Differences { // it is found once, and stays until somebody lifts the pause
		if d.Kind == journal.FillUnbooked {
			s.differ(d.Kind, d.Subject, d.Text)
		}
	}
	for _, d := range s.differences {
		d.Since = w.now
		for _, old := range e.check.Differences {
			if old.Kind == d.Kind && old.Subject == d.Subject {
				d.Since = old.Since
			}
		}
		passing := d.Kind == journal.FillsMissing || d.Kind == journal.BalanceShort || d.Kind == journal.OrderMissing
		d.Confirmed = !passing || w.now.Sub(d.Since) >= e.cfg.Grace
		c.Differences = append(c.Differences, d)
	}
	if why := c.Mismatch(); why != "" && c.Paused == "" {
		c.Paused = why
	}
	return c
}

// Resume lifts the pause; the next Check sets it again if there is still a
// mismatch.
func (e *Executor) Resume(ctx context.Context) error {
	return e.change(ctx, func(w *step) error {
		c := e.check
		c.BotID, c.Account, c.Paused = e.cfg.BotID, e.cfg.Account, ""
		c.Differences = nil // what is still there counts anew
		if c.At.IsZero() {
			return errs.New(errs.Conflict, "not_reconciled", "bot %s has never been reconciled with its venue", e.cfg.BotID)
		}
		w.entry.Check = &c
		return nil
	})
}

// weigh compares what the account holds with what its bots' books say. More than
// that is the tenant's own; less is a difference. While fills are on their way to
// the books it would be unfair: if they do not come, that is a difference itself.
func (e *Executor) weigh(ctx context.Context, s *sight) error {
	var balances []exchange.Balance
	for range 3 { // fills in between would make it unfair
		before := e.lastEvent()
		var err error
		if balances, err = e.cfg.Trader.Balances(ctx); err != nil {
			return fmt.Errorf("reading balances: %w", err)
		}
		for _, m := range e.cfg.Markets {
			if err := e.pull(ctx, m); err != nil {
				return err
			}
		}
		if e.lastEvent() == before {
			break
		}
	}
	if slices.ContainsFunc(e.Orders(), func(o journal.LiveOrder) bool { return o.Doubtful() || o.Told.GreaterThan(o.Filled) }) {
		return nil
	}
	books, err := e.cfg.Store.AccountBooks(ctx, e.cfg.TenantID, e.cfg.Account)
	if err != nil {
		return fmt.Errorf("reconciling bot %s: %w", e.cfg.BotID, err)
	}
	held, claimed := map[string]decimal.Decimal{}, map[string]decimal.Decimal{}
	for _, b := range balances {
		held[b.Currency] = held[b.Currency].Add(b.Total)
	}
	for _, b := range books {
		claimed[b.BaseCurrency] = claimed[b.BaseCurrency].Add(b.Base)
		claimed[b.CounterCurrency] = claimed[b.CounterCurrency].Add(b.Counter)
	}
	for _, currency := range e.currencies() {
		if held[currency].LessThan(claimed[currency]) {
			s.differ(journal.BalanceShort, currency, fmt.Sprintf("the account holds %s %s, and its bots should have %s together",
				held[currency], currency, claimed[currency]))
		}
	}
	return nil
}

// currencies lists the currencies of the bot's pairs, each once.
func (e *Executor) currencies() []string {
	var list []string
	for _, m := range e.cfg.Markets {
		list = append(list, m.Base, m.Counter)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (e *Executor) lastEvent() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.event
}

// foreignTrades returns the executions since the last reconciliation that no bot
// ordered, in the journal's words, and those that it has judged.
func (e *Executor) foreignTrades(ctx context.Context) (kept []journal.ForeignTrade, strange []exchange.Fill, err error) {
	e.mu.Lock()
	strange = slices.Clone(e.strange)
	kept = slices.Clone(e.check.Trades)
	e.mu.Unlock()
	ids := make([]string, len(strange))
	for i, f := range strange {
		ids[i] = f.OrderID
	}
	orders, err := e.cfg.Store.OwnedOrders(ctx, e.cfg.TenantID, e.cfg.Account, ids)
	if err != nil {
		return nil, nil, err
	}
	for _, f := range strange {
		m := e.markets[f.Pair]
		known := func(t journal.ForeignTrade) bool {
			return t.Pair == f.Pair && t.Sequence == f.Sequence && t.Side == f.Side.String()
		}
		if slices.ContainsFunc(kept, known) {
			continue
		}
		if owned, err := e.owned(ctx, orders, f); err != nil {
			return nil, nil, err
		} else if owned {
			continue
		}
		kept = append(kept, journal.ForeignTrade{
			Pair: f.Pair, Sequence: f.Sequence, Side: f.Side.String(), Price: m.Price(f.Price), Volume: m.Volume(f.Volume), At: time.UnixMilli(f.Time).UTC(),
		})
	}
	return kept[max(0, len(kept)-keptTrades):], strange, nil
}

// owned reports whether an execution is one of a bot's: of an order that is not settled, or
// booked. What an order trades that was written off is nobody's.
func (e *Executor) owned(ctx context.Context, orders []journal.LiveOrder, f exchange.Fill) (bool, error) {
	for _, o := range orders {
		if o.VenueID != f.OrderID {
			continue
		}
		if !o.Settled() {
			return true, nil
		}
		booked, err := e.cfg.Store.LiveFills(ctx, e.cfg.TenantID, o.BotID, o.Number)
		if err != nil || slices.ContainsFunc(booked, func(b journal.LiveFill) bool { return b.Sequence == f.Sequence || b.Totalled() }) {
			return true, err
		}
	}
	return false, nil
}

// joined is errors.Join that keeps a lone error as it is.
func joined(a, b error) error {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	return errors.Join(a, b)
}
