package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
)

// groupKey says which bots share a goroutine and a plugin process.
type groupKey struct {
	pair string
	// also are the further pairs that the bots trade, with commas between: for their
	// candles no other bot waits.
	also string
	// strategy is the version of it; see Plugins.
	strategy catalog.Ref
	// process is the key of the process: bots of one key share it.
	process string
	// decide is the length of the candles that the strategy hears.
	decide time.Duration
}

// control is what the runner tells a group.
type control struct {
	join []*member // take these up
	stop []*member // bring these to rest
	sell []*member // these, which are being brought to rest, shall sell what they hold too
	drop []*member // forget these: another worker has them
	free []*member // these, which have failed, are looked after no more: they begin a new run
	give []*member // leave these to another worker
	// move gives these up for the groups of their keys.
	move []transfer
	// live are bots of which there is something new at their exchanges.
	live []*member
	// wish is what tenants want of these while they run.
	wish map[*member]wish
	// bar, if set, says why the strategy must not run any more.
	bar error
	// end is the last message: the group has no bot.
	end bool
	// urgency is set by the mailbox.
	urgency urgency
}

// The pauses before a strategy's process is tried again.
const (
	retryFirst = time.Second
	retryMost  = time.Minute
)

// callTimeout bounds a call to a strategy's process, and a commit. It is longer
// than the host's own deadline, because only that ends a process that hangs.
const callTimeout = 30 * time.Second

// group runs the bots of one key on one goroutine.
type group struct {
	r    *Runner
	key  groupKey
	mail mailbox

	process Process
	// coming brings the process that was asked for, and forgo gives that up; nil if none was.
	coming  chan started
	forgo   context.CancelFunc
	active  []*member // opened in the process
	waiting []*member // to be opened, once the process runs
	leaving []*member // ending, once their positions are closed
	winding []*member // whose orders at an exchange are brought to an end
	guards  []*member // that have failed, and are looked after
	retry   time.Duration
	again   <-chan time.Time
	// sub are the events of the group's own pair.
	sub *marketdata.Subscription
	// behind is ready while a catching-up waits that has been broken off.
	behind chan struct{}
	// silent is true while no candle comes and the history is asked instead.
	silent bool
	step   stepper
	// seen is what the bots saw and is not kept yet, by pair.
	seen map[string][]exchange.Candle
	// references are the other pairs that bots trade or look at.
	references []*reference
	// own watches the prices of the group's own pair between candles. rung announces those of
	// any pair, and later is ready when prices that came too soon are to be judged, at laterAt.
	own     *lookout
	rung    chan struct{}
	later   <-chan time.Time
	laterAt time.Time
	// owed are bots whose exits have acted and that could not be committed; that is tried
	// again at debtsAt, which is debtsPause after the last try.
	owed       []*member
	debtsPause time.Duration
	debtsAt    time.Time

	// barred is true once the group was told that its strategy must not run; the
	// runner's lock guards it.
	barred bool
}

func newGroup(r *Runner, key groupKey) *group {
	return &group{r: r, key: key, mail: mailbox{ring: make(chan struct{}, 1)}, behind: make(chan struct{}, 1), rung: make(chan struct{}, 1), seen: map[string][]exchange.Candle{}}
}

// send hands the group a message. It never waits: the group may itself wait for
// the runner.
func (g *group) send(c control) { g.mail.put(c) }

// run is the group's goroutine. When ctx ends it checkpoints its bots.
func (g *group) run(ctx context.Context) {
	sub, err := g.r.cfg.Feed.Subscribe(g.key.pair)
	if err != nil {
		g.r.cfg.Log.ErrorContext(ctx, "a pair cannot be watched", "trading_pair", g.key.pair, "error", err)
		return
	}
	g.sub, g.own = sub, g.lookout(g.key.pair, sub)
	pulse := time.NewTicker(g.r.cfg.Stale / pulses)
	defer pulse.Stop()
	defer sub.Close()
	defer g.forgetReferences()
	defer g.rest(ctx)
	defer g.unsummon()
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.mail.ring:
			for _, c := range g.mail.take() {
				if g.handle(ctx, c); c.end {
					return
				}
			}
		case got := <-g.coming:
			g.unsummon()
			g.opens(ctx, got.process, got.err)
		case <-g.again:
			g.again = nil
			g.open(ctx)
		case <-g.behind:
			_ = g.catchUp(ctx, nil) // which logs
		case <-pulse.C:
			g.pulse(ctx)
		case <-g.rung:
			g.judge(ctx)
			continue
		case <-g.later:
			g.later = nil
			g.judge(ctx)
			continue
		case ev, ok := <-sub.Events():
			if !ok {
				return
			}
			if ev.Candle == nil && !ev.Lagged {
				continue
			}
			g.event(ctx, ev)
		}
		g.redraw()
	}
}

// event takes one event of the market.
func (g *group) event(ctx context.Context, ev marketdata.Event) {
	switch {
	case ev.Lagged:
		_ = g.catchUp(ctx, nil) // which logs
	case ev.Candle != nil:
		g.silent = false
		g.own.note(&ev)
		g.watch(ctx, ev.Candle)
		g.candle(ctx, *ev.Candle, engine.Beside{Trades: ev.Trades, Top: ev.Book})
	}
}

// candle gives a closed candle to every bot that has not had it. Those that have missed
// earlier ones get these from the history first, after the others, so that they hold
// nobody up; bots whose candles cannot be read now stay behind. Beside is what the feed
// heard with it.
func (g *group) candle(ctx context.Context, c exchange.Candle, beside engine.Beside) {
	g.give(ctx, c, beside)
	if slices.ContainsFunc(g.active, func(m *member) bool { return m.lastTime() < c.Time }) {
		_ = g.catchUp(ctx, &c) // which logs
		g.give(ctx, c, beside)
	}
	g.leave(ctx, c)
}

// give gives a closed candle to the bots whose next one it is, with what comes beside it.
func (g *group) give(ctx context.Context, c exchange.Candle, beside engine.Beside) {
	if !slices.ContainsFunc(g.active, func(m *member) bool { return m.follows(c) }) {
		return
	}
	if g.wants(func(s strategy.Subscription) bool { return s.Trades }) && !whole(beside.Trades, c) {
		if read := g.tape(ctx, c.Time, c.Time+span); whole(read, c) {
			beside.Trades = read
		}
	}
	beside.Pairs = g.others(ctx, c.Time, true)
	if ctx.Err() != nil {
		return // what belongs beside it may lack; the worker that goes on reads all anew
	}
	g.take(ctx, c, beside, true)
}

// handle carries out what the runner says.
func (g *group) handle(ctx context.Context, c control) {
	for _, m := range c.drop {
		g.part(ctx, m)
	}
	g.handOver(ctx, c.give)
	g.handOver(ctx, c.free)
	for _, m := range c.stop {
		if !m.over {
			g.stop(ctx, m)
		}
	}
	for _, m := range c.sell {
		g.hasten(ctx, m)
	}
	g.follow(ctx, c.wish)
	for _, t := range c.move {
		g.transfer(ctx, t)
	}
	if c.bar != nil {
		g.hold(ctx, c.bar)
	}
	if len(c.live) > 0 {
		g.awake(ctx, c.live)
	}
	if len(c.join) > 0 {
		watched := len(g.guards)
		for _, m := range c.join {
			if m.failure != "" {
				g.guards = append(g.guards, m)
			} else {
				g.waiting = append(g.waiting, m)
			}
		}
		if len(g.guards) > watched {
			g.watch(ctx, nil)
		}
		if g.again == nil {
			g.open(ctx)
		}
	}
}

// crashed takes all bots out of a process that failed and tries again later;
// they go on from their checkpoints (rule PL5). What they were in the midst of
// is dropped, so that nobody checkpoints it.
func (g *group) crashed(ctx context.Context, err error) {
	if barred := g.r.cfg.Plugins.Usable(g.key.strategy); barred != nil {
		g.hold(ctx, barred)
		return
	}
	g.waiting = append(g.waiting, g.active...)
	g.active = nil
	g.close(ctx, g.waiting...) // the process may live on
	g.process = nil
	if ctx.Err() != nil {
		return
	}
	g.refuseAll(ctx, err)
	g.r.cfg.Log.WarnContext(ctx, "a strategy's process failed", "strategy", g.key.named(), "bots", len(g.waiting), "error", err)
	g.pause()
	reason := fmt.Sprintf("the strategy's process failed and is started again in %s: %v", g.retry, err)
	for _, m := range g.waiting {
		if m.refused {
			continue
		}
		g.r.observe(ctx, m, bot.Degraded, reason+m.meanwhile())
	}
	g.dismiss()
	g.watch(ctx, nil)
}

// pause lets the waiting bots be tried again, each time after a longer while.
func (g *group) pause() {
	g.retry = min(max(retryFirst, 2*g.retry), retryMost)
	g.again = time.After(g.retry)
}

// fail ends a bot that cannot go on; the others are not disturbed. What it leaves is looked
// after. Of one that has failed already, and is looked after, that goes on without its account.
func (g *group) fail(ctx context.Context, m *member, err error) {
	b := m.assignment.Bot
	if errors.As(err, new(*strategy.NewerStateError)) { // of a program that was replaced by an older one
		err = fmt.Errorf("%w. Bring that one back, or start the bot again: %s", err, beginsAnew)
	}
	g.r.cfg.Log.WarnContext(ctx, "a bot failed", "tenant_id", b.TenantID, "bot_id", b.ID, "error", err)
	if m.failure != "" {
		m.blind = err.Error()
		return
	}
	text, guarded := g.guard(ctx, m, err)
	if guarded {
		return
	}
	g.part(ctx, m)
	g.r.observe(ctx, m, bot.Failed, text)
	g.r.forget(ctx, m)
}

// part ends the group's work on a bot; messages about it are late from now on.
func (g *group) part(ctx context.Context, m *member) {
	m.over = true
	g.remove(m)
	g.close(ctx, m)
	if m.live != nil {
		m.live.close()
	}
	if m.late != nil {
		m.late.Stop()
	}
	g.overlook()
}

// remove takes a bot out of the group's lists.
func (g *group) remove(m *member) {
	without := func(list []*member) []*member {
		kept := list[:0]
		for _, x := range list {
			if x != m {
				kept = append(kept, x)
			}
		}
		clear(list[len(kept):])
		return kept
	}
	g.active, g.waiting, g.leaving, g.winding, g.guards = without(g.active), without(g.waiting), without(g.leaving), without(g.winding), without(g.guards)
}

// close forgets bots in their process, which may be gone. Those that are not
// open in it are passed over.
func (g *group) close(ctx context.Context, ms ...*member) {
	var numbers []uint64
	for _, m := range ms {
		if m.number != 0 {
			numbers = append(numbers, m.number)
			m.number = 0
		}
	}
	if g.process == nil || len(numbers) == 0 {
		return
	}
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	if err := g.process.Close(call, numbers); err != nil {
		g.r.cfg.Log.DebugContext(ctx, "closing bots in their process", "strategy", g.key.named(), "bots", len(numbers), "error", err)
	}
}
