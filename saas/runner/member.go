package runner

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
)

// member is a bot at work in a group. Once it is in a group, only the group's
// goroutine touches it, except for stopping, which the runner guards.
type member struct {
	assignment bot.Runnable
	lease      lease.Lease
	stopping   bool
	// end is how it ends its run once it is to stop, and sold is true once its positions
	// have been closed for that.
	end  bot.Ending
	sold bool
	// told is the ending that its group was told of; the runner guards it.
	told bot.Ending
	// over is true once the group is done with it.
	over bool
	// at is the group that it belongs to.
	at groupKey
	// params are those that its strategy is opened with.
	params json.RawMessage
	// trial is true until the version that it is upgraded to has taken it.
	trial bool
	// refused is true once that version has not; it waits to be moved back.
	refused bool
	// news is a line for its log, about the version that it was to get.
	news string
	// moving is true while its group is to give it up, and seen the newest version
	// of its configuration that was heard of; the runner guards both.
	moving bool
	seen   int64
	// leaving is true while it is to be given to another worker, and kept if nobody
	// else took it when it was free; the runner guards both.
	leaving, kept bool
	// held is what the tenant was told last of why its strategy must not run.
	held string

	// ailing is what the tenant was told of why the bot is degraded although it works,
	// and moved when it was given a candle last, by the clock of back-offs.
	ailing string
	moved  time.Time

	// number is the bot's within its plugin process; 0 while it is not open.
	number  uint64
	market  exchange.Market // of its own pair
	account *parity.Account
	rec     *recorder
	// sees is what the strategy looks at beyond its candles.
	sees strategy.Subscription
	// listens is true if the strategy takes signals.
	listens bool
	// snapshot is the strategy's state at the newest checkpoint.
	snapshot *strategy.Snapshot
	// fresh is true for a run that has no checkpoint yet, and anew if it begins with
	// a new account.
	fresh, anew bool
	// since is when the account began, in epoch milliseconds of market time; 0 if
	// that is not known.
	since  int64
	equity []journal.EquityPoint
	// taping takes down what it sees and does; nil once it is stopped.
	taping *taping
	// ending is the last point of a tape that has ended, until it is committed.
	ending *parity.Point
	// odd is true if the candles of the further pairs did not all come with one of its
	// own since the newest commit: that is committed at once, for they will never come
	// like that again.
	odd bool
	// current is true if snapshot is the state after all that it has heard.
	current bool
	// live is its side towards its exchange, once that is needed; gated is true while it
	// waits for it, and said what its tenant was told last.
	live  *livebot
	said  string
	gated bool
	// sentinel is true while account has no strategy and only its protective exits act,
	// and minded is until when it has that, if no worker can run its strategy.
	sentinel bool
	minded   time.Time
	// appraised is when the newest candle opened that its worth was written down for
	// meanwhile, in epoch milliseconds.
	appraised int64
	// settling is true while orders of the run before are brought to an end, until is
	// when that, or its stop, takes too long, and late the timer for it.
	settling bool
	until    time.Time
	late     *time.Timer
	// recalled is the event of its exchange up to which its orders were taken back since it
	// began to stop; -1 if they were not.
	recalled int64
	// overdue is true once its stop takes too long.
	overdue bool
	// sellAt is when it may sell again, if its position is being closed.
	sellAt time.Time
	// denied is true if the sale of its position was not sent at the last try.
	denied bool
	// wish is what the tenant wants of it while it runs, and closing and resumed how far its
	// account has followed. tripped is since when the breaker is that was told last, noted
	// the same in its newest checkpoint, and unwound is true once it was asked to stop because
	// it has wound down.
	wish    wish
	closing bool
	resumed int64
	tripped int64
	noted   int64
	unwound bool
	// failure is why it failed, while what it left is looked after, and blind why its position
	// is not watched then; blank is true if it has no account, and posted once its tenant was
	// told. standing is the same as failure for the runner, which guards it.
	failure, blind string
	blank, posted  bool
	standing       bool
	// passed is the wish that its group was told of; the runner guards it.
	passed wish
	// loaded is the run of the newest checkpoint.
	loaded int64
}

func (m *member) key() groupKey { return m.at }

// open reports whether the bot is open in the process of its group.
func (m *member) open() bool { return !m.over && m.number != 0 }

// prefix begins the bot's client order ids; the order's number follows. With
// the bot's id, which is unique everywhere, and the lease's epoch, no two
// orders ever share one (rule T1).
func (m *member) prefix() string {
	if m.live != nil {
		return fmt.Sprintf("lb.%s.%s.%d.", m.live.config.Installation, m.assignment.Bot.ID, m.lease.Epoch) // as journal.CommandID
	}
	return fmt.Sprintf("lb-%s-%d-", m.assignment.Bot.ID, m.lease.Epoch)
}

// runNumber is the run that is written: that of the newest checkpoint as long as orders of
// that are brought to an end, or that is watched because the one after it failed before it began.
func (m *member) runNumber() int64 {
	if m.settling || m.failure != "" && m.fresh {
		return m.loaded
	}
	return m.assignment.Bot.Run
}

// pairs are those that the bot trades, its own first.
func (m *member) pairs() []string {
	return append([]string{m.assignment.Bot.Pair}, m.assignment.Config.Also...)
}

// marketTime is the close of the newest candle that the bot has seen.
func (m *member) marketTime() time.Time {
	if m.account == nil {
		return time.Time{}
	}
	return time.UnixMilli(m.account.LastTime()).Add(base).UTC()
}

// lastTime is the open time of the newest candle that the bot has seen.
func (m *member) lastTime() int64 { return m.account.LastTime() }

// load reads what the bot was at its newest checkpoint, and decides whether the
// run goes on from there or begins anew.
func (m *member) load(ctx context.Context, j journal.Store) (*checkpointState, error) {
	b := m.assignment.Bot
	m.snapshot, m.current, m.odd, m.equity, m.ending = nil, false, false, nil, nil
	if !m.sentinel || m.account == nil { // else it is watched, on its tape, until it is built anew
		m.taping = nil
	}
	cp, err := j.Checkpoint(ctx, b.TenantID, b.ID)
	if errs.CodeOf(err) == "checkpoint_not_found" {
		m.fresh = true
		return nil, nil
	}
	if err != nil {
		return nil, &outageError{err}
	}
	st, err := decodeState(cp.State)
	if err != nil {
		return nil, err
	}
	st.had = cp.Summary
	m.fresh, m.loaded = cp.Run != b.Run, cp.Run
	if !m.fresh {
		m.snapshot = st.Strategy
	}
	return &st, nil
}

// build makes the bot's engine and account, in the state of its checkpoint if
// there is one.
func (m *member) build(ctx context.Context, st *checkpointState, j journal.Store, markets bot.Markets, wants func(strategy.EventKind) bool, sees strategy.Subscription) error {
	terms, err := m.terms(markets)
	if err != nil {
		return err
	}
	m.sentinel, m.taping = false, nil
	m.market, m.sees, m.listens = terms.Market, sees, wants != nil && wants(strategy.SignalEvent)
	m.rec = &recorder{botID: m.assignment.Bot.ID, run: m.assignment.Bot.Run, markets: terms.Markets()}
	open := func() (*parity.Account, error) {
		return parity.NewAccount(terms, parity.AccountConfig{OrderPrefix: m.prefix(), Recorder: m.rec, Wants: wants, Subscription: sees, Live: m.trades()})
	}
	if m.account, err = open(); err != nil {
		return err
	}
	if m.live != nil && m.fresh { // what claimed orders traded before belongs to its books of before
		m.account.HearAfter(m.live.begins())
	}
	m.anew, m.since = st == nil, 0
	m.closing, m.resumed, m.tripped, m.noted = false, m.wish.resumes, 0, 0
	if st == nil {
		return nil
	}
	m.since = st.Since
	m.followed(st)
	if m.fresh {
		m.closing = false // see wound
	}
	m.rec.numbered, m.rec.filled = st.Decisions, max(st.Fills, st.Venue.LastFill)
	if !m.fresh {
		m.rec.last = st.had.LastDecision
		if unfit, err := st.unfit(markets); unfit != "" || err != nil {
			return cmp.Or(err, fmt.Errorf("the bot cannot go on with its account: %s; started again it begins a new one", unfit))
		}
		return m.account.Restore(st.AccountState)
	}
	last, unfit, err := m.wound(ctx, *st, terms, j, markets)
	if err != nil {
		return err
	}
	if !m.renews(st, terms, unfit) {
		return m.account.Restore(last)
	}
	// A tenant who changed the starting balance or the pairs wants a new account, and so
	// does one who took the bot live or back to paper; otherwise a new run goes on with
	// the old one. Numbers are never used twice.
	m.anew = true
	m.account.Renew(last)
	text, err := m.bequest(st.had, unfit)
	m.rec.note(journal.Decision{BotID: m.assignment.Bot.ID, Kind: "started", Time: st.time(), Text: text})
	return err
}

// state returns what the bot is.
func (m *member) state() checkpointState {
	return checkpointState{
		AccountState: m.account.State(), Strategy: m.snapshot, Decisions: m.rec.numbered, Fills: m.rec.filled, Since: m.since, Ledger: m.assignment.Bot.Ledger,
		Tape: m.taping.state(), Resumes: m.resumed, Tripped: new(m.tripped), Measures: measures(m.account.Markets()),
	}
}

// followed takes from a checkpoint how far the account has followed what its tenant wants,
// and what was told of it.
func (m *member) followed(st *checkpointState) {
	m.closing, m.resumed, m.tripped = st.Engine.Watch.CloseOnly, st.Resumes, st.Engine.Watch.Breaker.Since
	if st.Tripped != nil {
		m.tripped = *st.Tripped
	}
	m.noted = m.tripped
}

// checkpoint returns the bot's state for the journal.
func (m *member) checkpoint(st checkpointState) (*journal.Checkpoint, error) {
	state, err := st.encode()
	if err != nil {
		return nil, err
	}
	return &journal.Checkpoint{
		BotID: m.assignment.Bot.ID, Run: m.runNumber(), Sequence: st.Engine.Sequence, MarketTime: m.marketTime(), State: state,
		Summary: m.summary(),
	}, nil
}

// entry returns all that is to be committed of the bot.
func (m *member) entry() (journal.Entry, error) {
	st := m.state()
	cp, err := m.checkpoint(st)
	if err != nil {
		return journal.Entry{}, err
	}
	b := m.assignment.Bot
	e := journal.Entry{
		TenantID: b.TenantID, BotID: b.ID, Epoch: m.lease.Epoch, Orders: m.rec.orders, Fills: m.rec.fills, Decisions: m.rec.decisions,
		Equity: m.equity, Plots: m.rec.undrawn(), Heard: m.rec.heard, Checkpoint: cp,
	}
	switch {
	case m.taping != nil:
		err = m.taping.entry(&e, st, m.account.Wishes())
	case m.ending != nil:
		err = addPoint(&e, *m.ending)
	}
	return e, err
}

// committed forgets what the journal has.
func (m *member) committed() {
	m.rec.reset()
	m.equity, m.ending, m.odd, m.noted = nil, nil, false, m.tripped
	m.tapeCommitted()
}

// due reports whether the bot must be committed after this candle: something
// happened, or it is time for a point of the equity curve. What a live bot holds is written
// down every minute, for what its tenant's bots may lose together is counted from that, and
// who watches its exits without its strategy goes by them.
func (m *member) due() bool {
	return m.rec.dirty() || m.regular() || m.odd || m.tripped != m.noted || m.trades() && m.holds()
}

// regular reports whether the candle is one after which a quiet bot is
// checkpointed too. Those of longer candles are where these close, so that the
// reason for doing nothing is there to be kept.
func (m *member) regular() bool {
	if m.key().decide == base {
		return m.account.Sequence()%quietEvery == 0
	}
	return (m.account.LastTime()+span)%(quietEvery*span) == 0
}

// sample adds a point of the equity curve and the newest reason for doing
// nothing.
func (m *member) sample() {
	m.equity = append(m.equity, journal.EquityPoint{
		BotID: m.assignment.Bot.ID, Time: m.marketTime(), Equity: m.market.Amount(m.account.Equity()), Position: m.market.Volume(m.account.View().Base),
		Price: m.market.Price(m.account.LastPrice()),
	})
	if m.regular() && m.rec.quiet != nil {
		m.rec.note(*m.rec.quiet)
	}
}
