package execution

import (
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/journal"
)

// pageOfFills is how many fills are read at once.
const pageOfFills = 500

// sight is what a pass over the venue has seen.
type sight struct {
	// open are the venue's open orders that are none of ours.
	open []exchange.Order
	// booked is what of them is in books of bots, by the venue's id.
	booked map[string]decimal.Decimal
	// differences are what does not fit.
	differences []journal.Difference
	// failed are what was decided about foreign orders and could not be done.
	failed []string
}

// Sync learns what has become of the bot's orders: those in doubt are looked up,
// open ones are compared with the venue's list, cancels are repeated, and fills are
// read. Errors say what could not be read; the rest was done.
func (e *Executor) Sync(ctx context.Context) error {
	_, err := e.sync(ctx)
	return err
}

func (e *Executor) sync(ctx context.Context) (sight, error) {
	var s sight
	err := e.resolve(ctx, &s)
	for _, m := range e.cfg.Markets {
		err = joined(err, e.compare(ctx, m, &s))
		err = joined(err, e.pull(ctx, m))
	}
	if err == nil { // all that the venue lists is booked
		err = e.total(ctx, &s)
	}
	return s, err
}

// resolve looks up the orders of which it is not known whether the venue has them
// (rule T2).
func (e *Executor) resolve(ctx context.Context, s *sight) error {
	var failed error
	for _, o := range e.Orders() {
		if !o.Doubtful() || e.underWay(o.Number) {
			continue
		}
		m := e.markets[o.Pair]
		asked := e.cfg.Now()
		v, err := e.cfg.Trader.Order(ctx, o.Pair, o.ClientID)
		switch {
		case err == nil:
			if text := altered(m, o, v); text != "" {
				s.differ(journal.OrderAltered, o.ClientID, text)
			}
			_, err = e.learn(ctx, o.Number, func(o journal.LiveOrder) (journal.LiveOrder, string) {
				return o.Hear(m, v), "it was found at the venue"
			})
		case exchange.KindOf(err) == exchange.KindNotFound && asked.After(o.ValidUntil.Add(e.cfg.Margin)):
			_, err = e.learn(ctx, o.Number, func(o journal.LiveOrder) (journal.LiveOrder, string) {
				return refuse(o, journal.Expired, "the venue never got it, and takes it no more")
			})
		case exchange.KindOf(err) == exchange.KindNotFound:
			err = nil // it may yet arrive
		default:
			err = fmt.Errorf("looking up order %s: %w", o.ClientID, err)
		}
		failed = joined(failed, err)
	}
	return failed
}

// underWay reports whether an order is being sent at present.
func (e *Executor) underWay(number int64) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.flying[number]
}

// compare holds the bot's open orders in a market against the venue's list.
func (e *Executor) compare(ctx context.Context, m exchange.Market, s *sight) error {
	mark := e.markOf(m.Pair)
	before := e.Orders()
	list, err := e.cfg.Trader.OpenOrders(ctx, m.Pair)
	if err != nil {
		return fmt.Errorf("listing open orders in %s: %w", m.Pair, err)
	}
	listed := map[int64]bool{}
	for _, v := range list {
		number, mine := e.match(v.ID, v.Request.ClientID)
		if !mine {
			s.open = append(s.open, v)
			continue
		}
		listed[number] = true
		err = joined(err, e.hear(ctx, m, number, v, mark, s))
	}
	for _, o := range before {
		if o.Pair != m.Pair || !o.Resting() {
			continue
		}
		if !listed[o.Number] {
			v, lerr := e.cfg.Trader.OrderByID(ctx, o.Pair, o.VenueID)
			switch {
			case lerr == nil:
				err = joined(err, e.hear(ctx, m, o.Number, v, mark, s))
			case exchange.KindOf(lerr) == exchange.KindNotFound:
				s.differ(journal.OrderMissing, o.ClientID, fmt.Sprintf("order %s is open here and the venue does not know it", called(o)))
			default:
				err = joined(err, fmt.Errorf("looking up order %s: %w", o.ClientID, lerr))
			}
		}
		if now, ok := e.find(o.Number); ok && now.Resting() && !now.CancelAsked.IsZero() {
			_, rerr := e.recall(ctx, now)
			err = joined(err, rerr)
		}
	}
	return err
}

// hear takes what the venue has told of an order. mark is up to where fills had
// been read before it was asked: if all that it says is filled is known, what is
// missing comes after.
func (e *Executor) hear(ctx context.Context, m exchange.Market, number int64, v exchange.Order, mark int64, s *sight) error {
	return e.change(ctx, func(w *step) error {
		o, ok := w.order(number)
		if !ok {
			return nil
		}
		if text := altered(m, o, v); text != "" && number > 0 {
			s.differ(journal.OrderAltered, o.ClientID, text)
		}
		next := o.Hear(m, v)
		w.put(next, "the venue tells its state")
		if next.Told.Equal(next.Filled) && m.Volume(v.Filled).Equal(next.Filled) {
			w.raise(number, mark)
		}
		return nil
	})
}

// match finds an order that is not settled by the venue's id or by ours.
func (e *Executor) match(venueID, clientID string) (int64, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.matching(venueID, clientID)
}

func (e *Executor) matching(venueID, clientID string) (int64, bool) {
	if id, ok := journal.ParseCommandID(clientID); ok && e.orders[id.Number].ClientID == clientID {
		return id.Number, true
	}
	for n, o := range e.orders {
		if o.VenueID != "" && o.VenueID == venueID {
			return n, true
		}
	}
	return 0, false
}

func (e *Executor) markOf(pair string) int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.books[pair].Mark
}

// pull reads the fills since the last time, and once more from further back for
// orders of which the venue says more than has come as fills: it may tell them
// late and in any order (rule T7).
func (e *Executor) pull(ctx context.Context, m exchange.Market) error {
	if err := e.read(ctx, m, e.markOf(m.Pair)); err != nil {
		return err
	}
	mark := e.markOf(m.Pair)
	floor := mark
	for _, o := range e.Orders() {
		if o.Pair == m.Pair && o.Told.GreaterThan(o.Filled) {
			floor = min(floor, o.Floor)
		}
	}
	if floor == mark {
		return nil
	}
	return e.read(ctx, m, floor)
}

// read reads and books the fills above a sequence.
func (e *Executor) read(ctx context.Context, m exchange.Market, after int64) error {
	for {
		fills, err := e.cfg.Trader.Fills(ctx, m.Pair, after, pageOfFills)
		if err != nil {
			return fmt.Errorf("reading fills in %s: %w", m.Pair, err)
		}
		upTo, err := e.bookFills(ctx, m, after, fills)
		if err != nil {
			return err
		}
		if len(fills) < pageOfFills || upTo == after {
			return nil
		}
		after = upTo
	}
}

// bookFills takes fills that are not known and returns up to which sequence all of
// them were judged.
func (e *Executor) bookFills(ctx context.Context, m exchange.Market, after int64, fills []exchange.Fill) (int64, error) {
	upTo, paused := after, ""
	err := e.change(ctx, func(w *step) error {
		held := int64(-1) // the lowest that cannot be judged yet
		book := w.bookOf(m.Pair)
		mark := book.Mark
		for _, f := range fills {
			upTo = max(upTo, f.Sequence)
			number, mine := e.matching(f.OrderID, f.ClientID)
			if !mine {
				if f.ClientID == "" && e.doubts(m.Pair) {
					if held < 0 || f.Sequence < held {
						held = f.Sequence
					}
				} else if f.Sequence > mark {
					if err := e.suspect(ctx, w, f); err != nil {
						return err
					}
				}
				continue
			}
			key := fillKey{number, f.Sequence}
			if e.taken[key] || w.taken[key] || e.taken[fillKey{number, journal.FromTotals}] { // after one of totals there is none
				continue
			}
			w.taken[key] = true
			o, _ := w.order(number)
			took := fillOf(m, o, f)
			w.event++
			took.Event = w.event
			w.entry.Fills = append(w.entry.Fills, took)
			book = book.Take(took)
			w.book(book)
			if o.VenueID == "" {
				o.VenueID = f.OrderID
			}
			w.put(o.Take(took), fmt.Sprintf("%s filled at %s, trade %d", took.Volume, exchange.Grouped(took.Price.String()), took.Sequence))
		}
		if held >= 0 {
			upTo = min(upTo, held-1)
		}
		if upTo > mark {
			book.Mark = upTo
			if _, changed := w.books[m.Pair]; changed {
				w.book(book)
			} else { // it costs no row of its own: who reads again from below finds nothing new
				e.books[m.Pair] = book
			}
		}
		if w.entry.Check != nil && e.check.Paused == "" {
			paused = w.entry.Check.Paused
		}
		return nil
	})
	if err == nil && paused != "" && e.cfg.Paused != nil {
		e.cfg.Paused(ctx, paused)
	}
	return upTo, err
}

// doubts reports whether an order in a market may be the venue's without a known
// id.
func (e *Executor) doubts(pair string) bool {
	for _, o := range e.orders {
		if o.Pair == pair && o.VenueID == "" && o.Doubtful() {
			return true
		}
	}
	return false
}

// differ notes a difference; Check says since when it is there.
func (s *sight) differ(kind journal.DifferenceKind, subject, text string) {
	s.differences = append(s.differences, journal.Difference{Kind: kind, Subject: subject, Text: text})
}

// Hear takes an event of the account's stream. What it tells is a hint: the
// journal gets fills as the venue lists them.
func (e *Executor) Hear(ctx context.Context, ev exchange.AccountEvent) error {
	if ev.Connected { // what happened meanwhile was not told
		return e.Sync(ctx)
	}
	u := ev.Order
	if u == nil {
		return nil
	}
	m, trades := e.markets[u.Pair]
	number, mine := e.match(u.OrderID, u.ClientID)
	if !trades || !mine {
		return nil
	}
	v := exchange.Order{ID: u.OrderID, Status: u.Status}
	if u.Executed {
		v.Filled = u.Filled
	}
	o, err := e.learn(ctx, number, func(o journal.LiveOrder) (journal.LiveOrder, string) {
		if u.Status == exchange.Complete && !u.Executed {
			v.Status = exchange.Open // how it ended is read below
		}
		return o.Hear(m, v), "the venue's stream tells its state"
	})
	if err != nil {
		return err
	}
	if u.Status == exchange.Complete && !o.State.Final() {
		v, err := e.cfg.Trader.OrderByID(ctx, u.Pair, u.OrderID)
		if err != nil {
			return fmt.Errorf("reading how order %s ended: %w", o.ClientID, err)
		}
		if o, err = e.learn(ctx, number, func(o journal.LiveOrder) (journal.LiveOrder, string) {
			return o.Hear(m, v), "the venue's stream tells its state"
		}); err != nil {
			return err
		}
	}
	if o.Told.GreaterThan(o.Filled) {
		return e.pull(ctx, m)
	}
	return nil
}

// Wake makes Run reconcile now, because there is something to do. It never waits.
func (e *Executor) Wake() {
	select {
	case e.soonest <- struct{}{}:
	default:
	}
}

// retryFailed is after how long a reconciliation that failed is tried again.
const retryFailed = 10 * time.Second

// Run reconciles at once and then every CheckEvery, sooner if that fails or it is woken,
// until ctx ends or the lease is lost.
func (e *Executor) Run(ctx context.Context) error {
	for {
		most := e.cfg.CheckEvery
		if _, err := e.Check(ctx); err != nil {
			most = retryFailed
			if e.Lost() {
				return err
			}
			if ctx.Err() == nil {
				e.cfg.Log.WarnContext(ctx, "the venue could not be reconciled with", "tenant_id", e.cfg.TenantID, "bot_id", e.cfg.BotID, "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-e.soonest:
		case <-e.cfg.After(min(most, e.soon())):
		}
	}
}

// soon is how long the next reconciliation may wait: less while the fate of an order is
// not known. If that lasts, the calls of the account are left to its other bots.
func (e *Executor) soon() time.Duration {
	pause := e.cfg.CheckEvery
	for _, o := range e.Orders() {
		if !o.Doubtful() && o.CancelAsked.IsZero() && !o.Told.GreaterThan(o.Filled) {
			continue
		}
		if e.cfg.Now().Sub(o.UpdatedAt) < e.cfg.Grace {
			return min(pause, time.Second)
		}
		pause = min(pause, 10*time.Second)
	}
	return pause
}

// Lost reports whether the journal has refused the Executor: another one has the
// bot.
func (e *Executor) Lost() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.lost
}
