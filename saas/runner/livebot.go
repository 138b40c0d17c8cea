package runner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/execution"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
)

const (
	// mostTold is how many events of its account's stream a bot may lag behind; beyond
	// it asks the exchange instead.
	mostTold = 256
	// recallFirst and recallMost are the pauses between two tries to take the orders of a
	// bot back whose account cannot be read.
	recallFirst = time.Second
	recallMost  = 30 * time.Second
)

// livebot is the side of a bot towards its exchange, under one lease: it connects,
// reconciles, carries wishes out and hears what becomes of them, on goroutines of its
// own. Its member asks for all of that from the group's.
type livebot struct {
	r                    *Runner
	tenant, bot, account string
	lease                lease.Lease
	config               execution.Config
	stop                 context.CancelFunc
	// done is closed once nothing of it runs any more.
	done chan struct{}
	// stream are events of the account's stream; missed rings if there was no room.
	stream chan exchange.AccountEvent
	missed chan struct{}
	// retry makes it try again now to reach its account.
	retry chan struct{}

	mu   sync.Mutex
	desk *execution.Desk // nil until it is reconciled, and while its key is refused
	// executor is there while it works.
	executor *execution.Executor
	fees     exchange.Fees
	// began is Executor.Began of the one that began its books anew; 0 if none did.
	began int64
	state bot.Status
	// reason is why the state is what it is.
	reason string
	// paused is why it places no new orders; "" if it may.
	paused string
	// waits is true while a protective exit waits for claimed orders.
	waits bool
	// fault is why it can never carry out what it is to; nil if it can.
	fault error
	// end ends the work under the present key.
	end context.CancelFunc
	// word is the exchange's last one.
	word word
	// gone is true once its account cannot be reached in future either.
	gone bool
	// forsaken is true once its orders are to be taken back by what its journal says of
	// them, and recall rings then.
	forsaken bool
	recall   chan struct{}
}

// enliven begins the work of a bot at its exchange. given is what it may call its own if
// its account begins anew.
func (r *Runner) enliven(ctx context.Context, m *member, markets []exchange.Market, given *exchange.Units) {
	b, t := m.assignment.Bot, r.cfg.Trading
	ctx, stop := context.WithCancel(ctx)
	l := &livebot{
		r: r, tenant: b.TenantID, bot: b.ID, account: m.assignment.Config.AccountID, lease: m.lease, stop: stop, done: make(chan struct{}),
		stream: make(chan exchange.AccountEvent, mostTold), missed: make(chan struct{}, 1), retry: make(chan struct{}, 1), recall: make(chan struct{}, 1), state: bot.Starting, reason: "reconciling with the exchange",
	}
	l.config = execution.Config{
		Account: l.account, Answered: l.answered, Anew: given != nil, BotID: b.ID, TenantID: b.TenantID, CheckEvery: t.CheckEvery, Commit: l.commit, Epoch: m.lease.Epoch,
		Installation: t.Installation, Left: func() time.Duration { return r.cfg.Keeper.Left(m.lease) }, Log: r.cfg.Log, Markets: markets, Now: t.Now,
		Paused: l.pausedBy, RunNumber: b.Run, Store: t.Journal,
	}
	if given != nil {
		l.config.Given = map[string]execution.Given{b.Pair: {Counter: *given}}
	}
	m.live = l
	r.floor.enter(l)
	r.done.Go(func() { l.work(ctx) })
}

// work runs until the bot is closed or its lease is lost.
func (l *livebot) work(ctx context.Context) {
	defer close(l.done)
	defer l.r.floor.exit(l)
	for ctx.Err() == nil {
		e := l.open(ctx)
		if e == nil {
			return
		}
		l.serve(ctx, e)
		if ctx.Err() == nil { // its key is refused
			l.r.floor.leave(l)
			l.doubt(ctx)
		}
	}
}

// doubt has the key of the account checked.
func (l *livebot) doubt(ctx context.Context) {
	if err := l.r.cfg.Trading.Accounts.Doubt(ctx, l.tenant, l.account); err != nil && ctx.Err() == nil {
		l.r.cfg.Log.WarnContext(ctx, "the key of an account is not checked anew", "tenant_id", l.tenant, "account_id", l.account, "error", err)
	}
}

// serve works under one key, until ctx ends, the lease is lost or the exchange refuses the
// key.
func (l *livebot) serve(ctx context.Context, e *execution.Executor) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	l.mu.Lock()
	l.end, l.executor = end, e
	if l.desk == nil { // it was refused in this moment
		end()
	}
	desk := l.desk
	l.mu.Unlock()
	if desk == nil {
		return
	}
	var parts sync.WaitGroup
	run := func(part func(ctx context.Context) error) {
		parts.Go(func() {
			if err := part(ctx); err != nil && ctx.Err() == nil {
				l.r.cfg.Log.WarnContext(ctx, "a bot's work at its exchange ended", "tenant_id", l.tenant, "bot_id", l.bot, "error", err)
			}
		})
	}
	run(e.Run)
	run(desk.Run)
	run(func(ctx context.Context) error { return l.listen(ctx, e) })
	run(l.listenToAge)
	run(func(ctx context.Context) error { return l.takeBack(ctx, e) })
	parts.Wait()
	l.mu.Lock()
	l.executor = nil
	l.mu.Unlock()
}

// nudge makes the bot look at its exchange now.
func (l *livebot) nudge() {
	select {
	case l.retry <- struct{}{}:
	default:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.executor != nil {
		l.executor.Wake()
	}
}

// open connects and reconciles until that has succeeded; nil if ctx ends before. A bot
// whose books do not agree with its exchange is open as well, paused, because its
// protective exits must go on (rule RK3).
func (l *livebot) open(ctx context.Context) *execution.Executor {
	backoff := exchange.Backoff{Min: 2 * time.Second, Max: time.Minute, Rand: func() float64 { return 0.5 }}
	var e *execution.Executor
	for failures := 0; ; failures++ {
		err := l.reach(ctx, &e)
		if err == nil {
			return e
		}
		if ctx.Err() != nil || errors.Is(err, lease.ErrLost) {
			return nil
		}
		pause := time.Second // it is only not known yet what became of orders
		switch {
		case errors.Is(err, errDoubt):
		case exchange.KindOf(err) == exchange.KindKey:
			e = nil // it has that key
			l.r.floor.refused(l, err)
			l.doubt(ctx)
			pause = backoff.Pause(failures)
		default:
			state := bot.Degraded
			if errs.KindOf(err) == errs.Conflict || errs.KindOf(err) == errs.NotFound {
				state = bot.Paused
			}
			l.mu.Lock()
			l.gone = forever(err)
			l.mu.Unlock()
			l.become(state, "it cannot reach its exchange account and tries again: "+err.Error())
			pause = backoff.Pause(failures)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-l.retry:
			failures = 0
		case <-time.After(pause):
		}
	}
}

// forever reports whether an account that could not be opened never will be.
func forever(err error) bool {
	switch errs.CodeOf(err) {
	case "account_not_found", "key_destroyed", "account_changed":
		return true
	}
	return false
}

// isGone reports whether the bot's account can never be reached again.
func (l *livebot) isGone() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.gone
}

// errDoubt says that a reconciliation has yet to find out about orders.
var errDoubt = errors.New("it is not known yet what became of all orders")

// reach makes one attempt to connect and reconcile.
func (l *livebot) reach(ctx context.Context, e **execution.Executor) error {
	trader, err := l.r.floor.join(ctx, l)
	if err != nil {
		return err
	}
	asking, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	fees := exchange.Fees{}
	for _, m := range l.config.Markets {
		f, err := trader.Fees(asking, m.Pair)
		if err != nil {
			return fmt.Errorf("reading the fees of %s: %w", m.Pair, err)
		}
		h := f.Highest()
		fees.Maker, fees.Taker = max(fees.Maker, h.Maker), max(fees.Taker, h.Taker)
	}
	if *e == nil {
		l.config.Trader = trader
		if *e, err = execution.Open(ctx, l.config); err != nil {
			*e = nil
			return err
		}
	}
	check, err := (*e).Check(asking)
	switch {
	case err != nil:
		return err
	case !check.Agrees() && check.Paused == "":
		return errDoubt
	}
	if l.config.Anew { // of orders of an account of before nobody would hear any more
		left, err := (*e).Recall(asking, "left by the account before", true)
		switch {
		case err != nil:
			return err
		case left > 0:
			return errDoubt
		}
	}
	desk, err := execution.NewDesk(execution.DeskConfig{
		Broken: l.broken, Executor: *e, Log: l.r.cfg.Log, MarketNow: l.r.cfg.MarketNow, Waits: l.holdsUp,
	})
	if err != nil {
		return err
	}
	l.mu.Lock()
	if l.config.Anew {
		l.began = (*e).Began()
	}
	l.config.Anew, l.config.Given = false, nil // its books have begun
	l.desk, l.fees, l.paused, l.waits = desk, fees, check.Paused, false
	l.mu.Unlock()
	l.wake()
	return nil
}

// commit writes an entry with those of other bots, and tells the group if it may have
// something to hear.
func (l *livebot) commit(ctx context.Context, e journal.LiveEntry) error {
	err := l.r.floor.commits.Commit(ctx, e)
	news := err != nil || len(e.Transitions)+len(e.Fills) > 0
	if e.Check != nil && err == nil {
		l.mu.Lock()
		news = news || l.paused != e.Check.Paused
		l.paused = e.Check.Paused
		l.mu.Unlock()
	}
	if news {
		l.wake()
	}
	return err
}

// pausedBy is execution.Config.Paused.
func (l *livebot) pausedBy(_ context.Context, reason string) {
	l.mu.Lock()
	l.paused = reason
	l.mu.Unlock()
	l.wake()
}

// pauses is why the exchange takes no new orders of the bot; "" if it does.
func (l *livebot) pauses() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.paused
}

// holdsUp is told whether a protective exit waits for claimed orders.
func (l *livebot) holdsUp(waits bool) {
	l.mu.Lock()
	l.waits = waits
	l.mu.Unlock()
	l.wake()
}

// broken is told of a wish that cannot be carried out.
func (l *livebot) broken(ctx context.Context, err error) {
	l.r.cfg.Log.ErrorContext(ctx, "what a bot wants can never be carried out", "tenant_id", l.tenant, "bot_id", l.bot, "error", err)
	l.mu.Lock()
	l.fault = fmt.Errorf("what it wants cannot be carried out: %w", err)
	l.mu.Unlock()
	l.wake()
}

// broke is why the bot cannot go on; nil if it can.
func (l *livebot) broke() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fault
}

func (l *livebot) become(state bot.Status, reason string) {
	l.mu.Lock()
	changed := l.state != state || l.reason != reason
	l.state, l.reason = state, reason
	l.mu.Unlock()
	if changed {
		l.wake()
	}
}

// wake lets the group look at the bot.
func (l *livebot) wake() {
	l.r.mu.Lock()
	defer l.r.mu.Unlock()
	if m := l.r.members[l.bot]; m != nil && m.lease.Epoch == l.lease.Epoch {
		if g := l.r.groups[m.key()]; g != nil {
			g.send(control{live: []*member{m}})
		}
	}
}

// ready returns what the bot needs of its exchange to run; false before it is
// reconciled, with what its tenant shall be told.
func (l *livebot) ready() (fees exchange.Fees, ok bool, state bot.Status, reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.desk == nil {
		return exchange.Fees{}, false, l.state, l.reason
	}
	switch {
	case l.word.told != "" && l.paused != "":
		return l.fees, true, bot.Degraded, l.word.told + "; it is paused, too: " + l.paused
	case l.word.told != "":
		return l.fees, true, bot.Degraded, l.word.told
	case l.waits:
		return l.fees, true, bot.Degraded, "its protective exit waits: the exchange has not said yet that the claimed orders are over that hold what is to be sold, " +
			"and is asked until it does"
	case l.paused != "":
		return l.fees, true, bot.Paused, "it places no new orders, protective exits go on: " + l.paused
	}
	return l.fees, true, bot.Running, ""
}

// begins is the newest event that an account which begins with its books must not hear.
func (l *livebot) begins() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.began
}

// listen takes what the stream tells.
func (l *livebot) listen(ctx context.Context, e *execution.Executor) error {
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case ev := <-l.stream:
			err = e.Hear(ctx, ev)
		case <-l.missed:
			err = e.Sync(ctx)
		}
		switch {
		case errors.Is(err, lease.ErrLost):
			return err
		case exchange.KindOf(err) == exchange.KindKey:
			l.answered(err)
		case err != nil && ctx.Err() == nil: // the next reconciliation finds out
			l.r.cfg.Log.WarnContext(ctx, "what an account's stream told was not taken", "tenant_id", l.tenant, "bot_id", l.bot, "error", err)
		}
	}
}

// close ends the work.
func (l *livebot) close() { l.stop() }
