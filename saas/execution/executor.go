package execution

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
)

// Executor carries out the orders of one bot under one lease. It is safe for
// concurrent use. Once the lease is lost every method returns lease.ErrLost and
// nothing is sent any more.
type Executor struct {
	cfg     Config
	markets map[string]exchange.Market

	// checking serialises reconciliations, and soonest asks Run for one now.
	checking sync.Mutex
	soonest  chan struct{}

	// mu guards everything below. It is held while the journal is written, for one
	// change follows another, and never while the venue is asked.
	mu sync.Mutex
	// lost is true once the journal has refused us.
	lost bool
	// behind is true if what is below may not be what the journal has.
	behind bool
	orders map[int64]journal.LiveOrder // not settled ones, by number
	taken  map[fillKey]bool            // the fills of these
	books  map[string]journal.Book
	// foreign are the quarantined orders that are not over, by venue id.
	foreign map[string]journal.ForeignOrder
	check   journal.Check
	// checked is true after the first reconciliation of this Executor, cleared after
	// the first that found nothing that differs.
	checked, cleared bool
	// flying are the numbers of the orders that are being sent.
	flying map[int64]bool
	// sent are the numbers of those that were: none is sent twice.
	sent map[int64]bool
	// short are the pairs in which the venue has refused an urgent sell because the account has
	// too little.
	short map[string]bool
	// strange are executions that may not be ours, since the reconciliation before.
	strange []exchange.Fill
	event   int64
	// began is the newest event when the bot's books were begun anew by this Executor.
	began   int64
	number  int64 // the highest in the journal
	claimed int64 // the lowest, not above 0
}

// fillKey names a fill: two orders of ours may have traded with each other.
type fillKey struct{ order, sequence int64 }

// Open checks cfg and goes on from the journal; the error names every fault. The
// Executor places nothing before its first Check.
func Open(ctx context.Context, cfg Config) (*Executor, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	e := &Executor{cfg: cfg, markets: map[string]exchange.Market{}, flying: map[int64]bool{}, sent: map[int64]bool{}, short: map[string]bool{}, soonest: make(chan struct{}, 1)}
	for _, m := range cfg.Markets {
		e.markets[m.Pair] = m
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.load(ctx); err != nil {
		return nil, err
	}
	if cfg.Anew {
		e.began = e.event
	}
	for n, o := range e.orders {
		if o.State == journal.Submitted { // an Executor of before may have sent it, under the same lease
			e.sent[n] = true
		}
	}
	return e, e.commit(ctx, e.openBooks)
}

// Began is the number of the newest event from before the bot's books were begun anew: an
// account that begins with them hears only what comes after it. It is 0 without Config.Anew.
func (e *Executor) Began() int64 { return e.began }

// load takes the journal's state.
func (e *Executor) load(ctx context.Context) error {
	st, err := e.cfg.Store.LiveState(ctx, e.cfg.TenantID, e.cfg.BotID)
	if err != nil {
		return fmt.Errorf("reading the journal of bot %s: %w", e.cfg.BotID, err)
	}
	e.orders, e.taken = make(map[int64]journal.LiveOrder, len(st.Orders)), make(map[fillKey]bool, len(st.Fills))
	for _, o := range st.Orders {
		e.orders[o.Number] = o
	}
	for _, f := range st.Fills {
		e.taken[fillKey{f.Order, f.Sequence}] = true
	}
	e.books, e.foreign = map[string]journal.Book{}, map[string]journal.ForeignOrder{}
	for _, b := range st.Books {
		e.books[b.Pair] = b
	}
	for _, f := range st.Foreign {
		e.foreign[f.VenueID] = f
	}
	e.check, e.event, e.number, e.claimed = st.Check, st.LastEvent, st.LastNumber, min(0, st.FirstNumber)
	e.behind = false
	return nil
}

// openBooks gives the bot what it begins with in pairs that are new to it.
func (e *Executor) openBooks(w *step) error {
	for pair, m := range e.markets {
		b, ok := e.books[pair]
		switch {
		case e.cfg.Anew && slices.ContainsFunc(slices.Collect(maps.Values(e.orders)), func(o journal.LiveOrder) bool { return o.Account != e.cfg.Account }):
			return errs.New(errs.Conflict, "account_changed",
				"bot %s has orders on another account than %s that are not known to be over", e.cfg.BotID, e.cfg.Account)
		case ok && !e.cfg.Anew && b.Account != e.cfg.Account:
			return errs.New(errs.Conflict, "account_changed",
				"bot %s has traded %s on account %s and cannot go on with account %s", e.cfg.BotID, pair, b.Account, e.cfg.Account)
		}
		if ok && !e.cfg.Anew {
			continue
		}
		g := e.cfg.Given[pair]
		base, counter, mark := m.Volume(g.Base), m.Amount(g.Counter), g.Since
		if ok && b.Account == e.cfg.Account {
			mark = b.Mark
		}
		w.book(journal.Book{
			BotID: e.cfg.BotID, Account: e.cfg.Account, Pair: pair, BaseCurrency: m.Base, CounterCurrency: m.Counter,
			GivenBase: base, GivenCounter: counter, Base: base, Counter: counter, Mark: mark,
		})
	}
	return nil
}

// step is a change under way: what the journal is to get. Memory takes it once the
// journal has it.
type step struct {
	e       *Executor
	now     time.Time
	event   int64
	entry   journal.LiveEntry
	orders  map[int64]journal.LiveOrder
	books   map[string]journal.Book
	foreign map[string]journal.ForeignOrder
	taken   map[fillKey]bool
	// neighbours are the bots with a book on the account; nil until that is asked.
	neighbours map[string]bool
}

// change makes one step and writes it.
func (e *Executor) change(ctx context.Context, with func(w *step) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.lost {
		return lease.ErrLost
	}
	if e.behind {
		if err := e.load(ctx); err != nil {
			return err
		}
	}
	return e.commit(ctx, with)
}

// commit makes one step and writes it; e.mu is held.
func (e *Executor) commit(ctx context.Context, with func(w *step) error) error {
	w := &step{
		e: e, now: e.cfg.Now(), event: e.event, entry: journal.LiveEntry{TenantID: e.cfg.TenantID, BotID: e.cfg.BotID, Epoch: e.cfg.Epoch},
		orders: map[int64]journal.LiveOrder{}, books: map[string]journal.Book{}, foreign: map[string]journal.ForeignOrder{}, taken: map[fillKey]bool{},
	}
	if err := with(w); err != nil {
		return err
	}
	w.entry.Orders = slices.SortedFunc(maps.Values(w.orders), func(a, b journal.LiveOrder) int { return cmp.Compare(a.Number, b.Number) })
	w.entry.Books = slices.SortedFunc(maps.Values(w.books), func(a, b journal.Book) int { return cmp.Compare(a.Pair, b.Pair) })
	w.entry.Foreign = slices.SortedFunc(maps.Values(w.foreign), func(a, b journal.ForeignOrder) int { return cmp.Compare(a.VenueID, b.VenueID) })
	if len(w.orders)+len(w.books)+len(w.foreign)+len(w.entry.Transitions) == 0 && w.entry.Check == nil {
		return nil
	}
	if err := e.cfg.Commit(ctx, w.entry); err != nil {
		if errors.Is(err, lease.ErrLost) {
			e.lost = true
			return err
		}
		if overCeiling(err) != "" {
			return err // nothing was written
		}
		e.behind = true // it may have been written or not
		return fmt.Errorf("writing the journal of bot %s: %w", e.cfg.BotID, err)
	}
	e.take(w)
	return nil
}

// take makes memory what the journal has after a step.
func (e *Executor) take(w *step) {
	e.event = w.event
	maps.Copy(e.taken, w.taken)
	maps.Copy(e.books, w.books)
	for n, o := range w.orders {
		e.number, e.claimed = max(e.number, n), min(e.claimed, n)
		if !o.Settled() {
			e.orders[n] = o
			continue
		}
		delete(e.orders, n)
		delete(e.sent, n)
		maps.DeleteFunc(e.taken, func(k fillKey, _ bool) bool { return k.order == n })
	}
	for id, f := range w.foreign {
		if e.foreign[id] = f; f.Over {
			delete(e.foreign, id)
		}
	}
	if w.entry.Check != nil {
		e.check = *w.entry.Check
	}
}

// order returns an order as it is within the step.
func (w *step) order(number int64) (journal.LiveOrder, bool) {
	if o, ok := w.orders[number]; ok {
		return o, true
	}
	o, ok := w.e.orders[number]
	return o, ok
}

// put notes what has become of an order, and why.
func (w *step) put(o journal.LiveOrder, cause string) {
	old, known := w.order(o.Number)
	if known && same(old, o) {
		return
	}
	o.UpdatedAt = w.now
	w.event++
	w.orders[o.Number] = o
	w.entry.Transitions = append(w.entry.Transitions, journal.Transition{
		Order: o.Number, Event: w.event, From: old.State, To: o.State, Cause: cause, At: w.now,
	})
}

// same reports whether nothing that matters is different.
func same(a, b journal.LiveOrder) bool {
	return a.State == b.State && a.VenueID == b.VenueID && a.Told.Equal(b.Told) && a.Filled.Equal(b.Filled) && a.CancelAsked.Equal(b.CancelAsked)
}

// raise notes that no fill that is missing is at or below a sequence. It is no
// transition, and is written with the next one.
func (w *step) raise(number, floor int64) {
	if o, ok := w.e.orders[number]; ok && floor > o.Floor {
		o.Floor = floor
		w.e.orders[number] = o
	}
}

func (w *step) book(b journal.Book) { w.books[b.Pair] = b }

func (w *step) bookOf(pair string) journal.Book {
	if b, ok := w.books[pair]; ok {
		return b
	}
	return w.e.books[pair]
}

// Orders lists the orders that are not settled, oldest first.
func (e *Executor) Orders() []journal.LiveOrder {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.SortedFunc(maps.Values(e.orders), func(a, b journal.LiveOrder) int { return cmp.Compare(a.Number, b.Number) })
}

// Books lists what the bot has, by pair.
func (e *Executor) Books() []journal.Book {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.SortedFunc(maps.Values(e.books), func(a, b journal.Book) int { return cmp.Compare(a.Pair, b.Pair) })
}

// find returns an unsettled order by its number.
func (e *Executor) find(number int64) (journal.LiveOrder, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	o, ok := e.orders[number]
	return o, ok
}
