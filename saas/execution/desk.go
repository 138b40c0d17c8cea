package execution

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/strategy/engine/remote"
)

// DeskConfig says for whom a Desk works.
type DeskConfig struct {
	// After returns a channel that gets a value after a time. Defaults to time.After.
	After func(time.Duration) <-chan time.Time
	// Broken is told of a wish that can never be carried out, which is a fault of this
	// program; nil for nobody. It must not call the Desk.
	Broken func(ctx context.Context, err error)
	// Executor is the bot's. Required.
	Executor *Executor
	// Log hears what is tried again. Defaults to no log.
	Log *slog.Logger
	// MarketNow is the clock that the wishes' times are of. Required.
	MarketNow func() time.Time
	// Patience is for how long a cancel may keep the other wishes waiting; a Check asks
	// again. Defaults to ten seconds.
	Patience time.Duration
	// Retry is after how long something is tried again. Defaults to a second.
	Retry time.Duration
	// Stale is how old a wish for an order may be that is not sent yet; protective exits
	// may be older. Defaults to two minutes.
	Stale time.Duration
	// Waits is told whether a protective exit waits until claimed orders are over that hold
	// what it sells; nil for nobody. It must not call the Desk.
	Waits func(waits bool)
}

// Wish is what a bot wants, and why.
type Wish struct {
	remote.Wish
	Reason string
}

// Desk carries out the wishes of a bot's committed states, one after another, on a
// goroutine of its own: what it waits for, no other bot waits for. A wish is known by
// its number, so that a state may be handed over as often as one likes, by whatever
// process.
//
// What a crash leaves behind: before an intent is in the journal, the wish in the bot's
// state, which is carried out by whoever goes on, unless it is too old by then. After
// that, the intent: it is never sent again, but looked up, and its fate is an event.
// A cancel is journalled before it is asked for, and repeated by every Check.
type Desk struct {
	cfg  DeskConfig
	ring chan struct{}

	mu     sync.Mutex
	wishes []Wish
	// placed and asked are the numbers that nothing is to be done for any more, as
	// long as they are wished.
	placed, asked map[int64]bool
	// back are the claimed orders that are to be taken back.
	back back
	// waits is what DeskConfig.Waits was told last.
	waits bool
}

// back says why claimed orders are to be taken back, "" for none, and whether only buys are.
type back struct {
	reason string
	buys   bool
}

// NewDesk checks cfg and builds a Desk that has nothing to do; the error names every
// fault.
func NewDesk(cfg DeskConfig) (*Desk, error) {
	if cfg.After == nil {
		cfg.After = time.After
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Patience == 0 {
		cfg.Patience = 10 * time.Second
	}
	if cfg.Retry == 0 {
		cfg.Retry = time.Second
	}
	if cfg.Stale == 0 {
		cfg.Stale = 2 * time.Minute
	}
	var problems []error
	if cfg.Executor == nil {
		problems = append(problems, errors.New("execution: DeskConfig.Executor is required"))
	}
	if cfg.MarketNow == nil {
		problems = append(problems, errors.New("execution: DeskConfig.MarketNow is required"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return &Desk{cfg: cfg, ring: make(chan struct{}, 1), placed: map[int64]bool{}, asked: map[int64]bool{}}, nil
}

// Carry takes all wishes of a state that is committed, in place of those of the state
// before. It never waits.
func (d *Desk) Carry(wishes []Wish) {
	d.mu.Lock()
	d.wishes = wishes
	for _, done := range []map[int64]bool{d.placed, d.asked} {
		for n := range done {
			if !slices.ContainsFunc(wishes, func(w Wish) bool { return int64(w.Number) == n }) {
				delete(done, n)
			}
		}
	}
	d.mu.Unlock()
	d.wake()
}

// GiveBack wants all orders taken back that are claimed by now, because the run of the bot
// ends that would watch what they trade. It never waits; Claimed says how many are left.
func (d *Desk) GiveBack(reason string) { d.give(back{reason: reason}) }

// GiveBackBuys is GiveBack for buys alone, because the bot is to buy nothing any more.
func (d *Desk) GiveBackBuys(reason string) { d.give(back{reason: reason, buys: true}) }

func (d *Desk) give(b back) {
	d.mu.Lock()
	news := !b.buys || d.back.reason == ""
	if news {
		d.back = b
	}
	d.mu.Unlock()
	if news {
		d.wake()
	}
}

// Claimed is Executor.Claimed.
func (d *Desk) Claimed() int { return d.cfg.Executor.Claimed() }

// ClaimedBuys is how many of the claimed orders that are not settled buy.
func (d *Desk) ClaimedBuys() int { return len(d.cfg.Executor.claims(buys)) }

func (d *Desk) wake() {
	select {
	case d.ring <- struct{}{}:
	default:
	}
}

// Run carries out what it is handed until ctx ends, whose error is no fault, or the
// lease is lost.
func (d *Desk) Run(ctx context.Context) error {
	for waited := 0; ; {
		err := d.Work(ctx)
		var again <-chan time.Time
		pause := d.cfg.Retry
		if waits := errors.Is(err, errInTheWay); !waits {
			waited = 0
		} else { // for as long as it takes, and without using the account's calls up
			pause <<= min(waited, 4)
			waited++
		}
		switch {
		case errors.Is(err, lease.ErrLost):
			return err
		case err != nil && ctx.Err() == nil:
			d.cfg.Log.WarnContext(ctx, "what a bot wants is tried again", "tenant_id", d.cfg.Executor.cfg.TenantID, "bot_id", d.cfg.Executor.cfg.BotID, "error", err)
			again = d.cfg.After(pause)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-d.ring:
		case <-again:
		}
	}
}

// Work carries out what there is to do. The error says what must be tried again. What waits
// for claimed orders keeps nothing else waiting.
func (d *Desk) Work(ctx context.Context) error {
	var waiting error
	var held []int64
	for ctx.Err() == nil {
		w, cancel, ok := d.next(held)
		if !cancel {
			if err := d.giveBack(ctx); err != nil {
				return err
			}
		}
		if !ok {
			d.tell(waiting != nil)
			return waiting
		}
		do := d.place
		if cancel {
			do = d.cancel
		}
		err := do(ctx, w)
		if never(err) {
			if d.cfg.Broken != nil {
				d.cfg.Broken(ctx, err)
			}
			err = nil
		}
		if errors.Is(err, errInTheWay) && !errors.Is(err, lease.ErrLost) {
			waiting, held = joined(waiting, err), append(held, int64(w.Number))
			continue
		}
		if err != nil {
			return err
		}
		d.done(w, cancel)
	}
	return ctx.Err()
}

// tell tells whether a protective exit waits, if that is new.
func (d *Desk) tell(waits bool) {
	d.mu.Lock()
	news := waits != d.waits
	d.waits = waits
	d.mu.Unlock()
	if news && d.cfg.Waits != nil {
		d.cfg.Waits(waits)
	}
}

// never reports whether trying again cannot help.
func never(err error) bool {
	return errs.CodeOf(err) == "command_reused" || errs.KindOf(err) == errs.Invalid
}

// next returns what is to be done first: cancels, which free what exits wait for, then
// protective exits, then the oldest order. Orders that are held are passed over.
func (d *Desk) next(held []int64) (w Wish, cancel, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	pick := func(want func(w *Wish) bool) bool {
		i := slices.IndexFunc(d.wishes, func(w Wish) bool { return want(&w) })
		if i >= 0 {
			w = d.wishes[i]
		}
		return i >= 0
	}
	if pick(func(w *Wish) bool { return w.Asked && !d.asked[int64(w.Number)] }) {
		return w, true, true
	}
	open := func(w *Wish) bool {
		return !w.Asked && !d.placed[int64(w.Number)] && !slices.Contains(held, int64(w.Number))
	}
	return w, false, pick(func(w *Wish) bool { return w.Exit && open(w) }) || pick(open)
}

func (d *Desk) done(w Wish, cancel bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := int64(w.Number)
	d.placed[n] = true
	d.asked[n] = d.asked[n] || cancel
}

// intent is a wish as an intent.
func (w *Wish) intent() Intent {
	r := w.Request
	r.Urgent = r.Urgent || w.Exit
	return Intent{Number: int64(w.Number), Request: r, Reason: cmp.Or(w.Reason, "the strategy wants it")}
}

// giveBack sees to it that the journal says that claimed orders are to be taken back, if
// that is wanted.
func (d *Desk) giveBack(ctx context.Context) error {
	d.mu.Lock()
	wanted := d.back
	d.mu.Unlock()
	if wanted.reason == "" {
		return nil
	}
	asking, stop := context.WithTimeout(ctx, d.cfg.Patience)
	defer stop()
	if err := d.cfg.Executor.giveBack(asking, wanted); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.back == wanted {
		d.back = back{}
	}
	return nil
}

// place sees to it that an order was sent, or that the journal says why it is not.
func (d *Desk) place(ctx context.Context, w Wish) error {
	e, in := d.cfg.Executor, w.intent()
	age := d.cfg.MarketNow().Sub(time.UnixMilli(w.Request.Time))
	if !w.Exit && age > d.cfg.Stale {
		o, err := e.Deny(ctx, in, fmt.Sprintf("it is %s late: the market has gone on since", age.Round(time.Second)))
		if err == nil && o.Doubtful() { // it was intended in time; its fate is found out
			_, err = e.Send(ctx, o)
		}
		return err
	}
	asking, stop := context.WithTimeout(ctx, d.cfg.Patience)
	err := e.makeWay(asking, in)
	stop()
	if err != nil {
		return err
	}
	_, err = e.Place(ctx, in)
	if errs.CodeOf(err) == "not_reconciled" {
		if why := e.pausedBy(); why != "" {
			_, err = e.Deny(ctx, in, "the bot is paused: "+why)
		}
	}
	return err
}

// cancel sees to it that the journal says that an order is to be taken back. One that
// was never intended is not sent at all. That the venue was not reached is no matter: a
// Check asks again.
func (d *Desk) cancel(ctx context.Context, w Wish) error {
	e := d.cfg.Executor
	o, err := e.Deny(ctx, w.intent(), "it was taken back before it was sent")
	if err != nil || o.State.Final() {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, d.cfg.Patience) // an account that called too often is paused for longer
	defer stop()
	_, err = e.Cancel(ctx, o.Number, cmp.Or(w.Reason, "the strategy takes it back"))
	if now, open := e.find(o.Number); open && now.CancelAsked.IsZero() {
		return err
	}
	return nil // a Check asks again if this did not succeed
}

// pausedBy is why the bot places no orders; "" if it may.
func (e *Executor) pausedBy() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.check.Paused
}
