package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
	"github.com/lunobot/lunobot/strategy/engine/remote"
)

const (
	// baselineEvery is after how many candles a bot's tape begins anew, so that a
	// replay need not go back to the start of a long run.
	baselineEvery = 24 * 60
	// keepSeen is how long candles are kept that bots saw: as long as tapes, and
	// the time of a baseline longer.
	keepSeen = keepPoints + 2*baselineEvery*base
)

// tapeState is what a checkpoint holds of a bot's tape.
type tapeState struct {
	parity.Sums
	// Terms is a checksum of the terms of its baseline.
	Terms string `json:"terms"`
}

// lagging is how long after its close a candle is taken late: what answers it may be too
// late for an exchange, which denies it after twice as long. Sooner, that time matters to
// nobody, and is not on the tape.
const lagging = time.Minute

// taping is the tape of a member (rule PL2).
type taping struct {
	tape  *parity.Tape
	terms parity.Terms
	// sum is the checksum of terms.
	sum string
	// based is true once the tape has a baseline in the journal.
	based bool
	// bare is true while the bot has no strategy, because that is away or the bot stops: the
	// tape goes on and cannot begin anew.
	bare bool
	// paused is why its exchange takes no new orders, as far as that is on the tape.
	paused string
}

// termsOf are what a bot of a pair works under, but for its strategy.
func termsOf(pair string, c bot.Config, markets bot.Markets) (parity.Terms, error) {
	m, err := markets.Market(pair)
	if err != nil {
		return parity.Terms{}, err
	}
	also, err := marketsOf(markets, c.Also)
	if err != nil {
		return parity.Terms{}, err
	}
	balance, err := m.Units(c.Balance, exchange.Down)
	if err != nil {
		return parity.Terms{}, err
	}
	limits, err := c.Risk.Limits(m)
	if err != nil {
		return parity.Terms{}, err
	}
	positions, err := positionsOf(c.Risk, also)
	if err != nil {
		return parity.Terms{}, err
	}
	return parity.Terms{
		MaxPositions: positions, Params: c.Parameters, Market: m, Also: also, Interval: base, Decide: c.Interval, Balance: balance, Fees: bot.PaperFees(), Risk: limits,
	}, nil
}

// positionsOf are the bounds of the positions in further pairs; nil if there is none.
func positionsOf(r bot.Risk, also []exchange.Market) ([]exchange.Steps, error) {
	if len(r.MaxPositions) == 0 {
		return nil, nil
	}
	out := make([]exchange.Steps, len(also))
	for i, m := range also {
		var err error
		if out[i], err = r.Largest(m); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// marketsOf are the markets of pairs.
func marketsOf(markets bot.Markets, pairs []string) ([]exchange.Market, error) {
	var out []exchange.Market
	for _, pair := range pairs {
		m, err := markets.Market(pair)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// terms are what the bot works under, but for its strategy: at an exchange with the fees
// of its account.
func (m *member) terms(markets bot.Markets) (parity.Terms, error) {
	terms, err := termsOf(m.assignment.Bot.Pair, m.assignment.Config, markets)
	if m.live != nil {
		terms.Fees, _, _, _ = m.live.ready()
	}
	return terms, err
}

// record begins to take down what the bot sees and does. A bot that goes on from
// a checkpoint goes on with its tape, unless it does so under other terms.
func (m *member) record(st *checkpointState, markets bot.Markets, ref catalog.Ref, version string) error {
	terms, err := m.terms(markets)
	if err != nil {
		return err
	}
	terms.Strategy, terms.Version, terms.Pin = ref.Name, version, ref.Version
	raw, err := json.Marshal(terms)
	if err != nil {
		return fmt.Errorf("encoding the terms of a bot: %w", err)
	}
	sum := sha256.Sum256(raw)
	t := &taping{terms: terms, sum: hex.EncodeToString(sum[:])}
	var from parity.Sums
	if st != nil && !m.fresh && st.Tape != nil {
		if from.Points = st.Tape.Points; st.Tape.Terms == t.sum {
			from, t.based = st.Tape.Sums, true
		}
	}
	m.taping = t
	m.spool(from)
	return nil
}

// recordBare goes on with the tape of a checkpoint while the bot has no strategy.
func (m *member) recordBare(st *checkpointState, terms parity.Terms) {
	if st.Tape != nil && st.Tape.Terms != "" {
		m.taping = &taping{terms: terms, sum: st.Tape.Terms, based: true, bare: true}
		m.spool(st.Tape.Sums)
	}
}

// spool begins a tape, or goes on with one, from sums.
func (m *member) spool(from parity.Sums) {
	t := m.taping
	t.tape = parity.NewTape(t.terms.Market, from, t.terms.Also...)
	if from.At == 0 {
		t.tape.After(m.account.LastTime())
	}
	m.rec.tape = t.tape
}

// rebases reports whether the bot's tape begins at this checkpoint.
func (t *taping) rebases() bool {
	return !t.bare && (!t.based || t.tape.Sums().Candles >= baselineEvery || t.tape.Full())
}

// writes reports whether a point of the tape goes with this checkpoint. Of more news than
// it holds there is none: the tape begins anew after them.
func (t *taping) writes() bool { return t.based && t.tape.Fresh() && !t.tape.Full() }

// state is what the checkpoint holds of the tape; nil without one.
func (t *taping) state() *tapeState {
	if t == nil {
		return nil
	}
	s := tapeState{Sums: t.tape.Sums(), Terms: t.sum}
	if t.writes() {
		s.Points++
	}
	if t.rebases() {
		s.Sums = parity.Sums{Points: s.Points}
	}
	if t.bare && t.tape.Full() {
		s = tapeState{Sums: parity.Sums{Points: s.Points}} // it ends here, and another one begins with the strategy
	}
	return &s
}

// entry adds what there is of the tape to an entry with a checkpoint of the
// state.
func (t *taping) entry(e *journal.Entry, st checkpointState, wishes []remote.Wish) error {
	cp := e.Checkpoint
	if t.writes() {
		t.tape.Wishes(wishes)
		if err := addPoint(e, t.tape.Point()); err != nil {
			return err
		}
	}
	if t.rebases() && st.Strategy != nil {
		raw, err := json.Marshal(parity.Baseline{Terms: t.terms, AccountState: st.AccountState, Snapshot: st.Strategy})
		if err != nil {
			return fmt.Errorf("encoding a baseline: %w", err)
		}
		e.Baseline = &journal.Baseline{BotID: cp.BotID, Run: cp.Run, Sequence: cp.Sequence, Part: st.Tape.Points, MarketTime: cp.MarketTime, Body: raw}
	}
	return nil
}

// addPoint adds a point of a tape to an entry with the checkpoint that it is of.
func addPoint(e *journal.Entry, p parity.Point) error {
	p.Epoch = e.Epoch
	raw, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encoding a tape: %w", err)
	}
	cp := e.Checkpoint
	e.Point = &journal.TapePoint{BotID: cp.BotID, Run: cp.Run, Sequence: cp.Sequence, Part: p.Points, MarketTime: cp.MarketTime, Body: raw}
	return nil
}

// untape ends the tape of a bot that is stopped: that its orders are taken back
// is not the strategy's doing. What is on it goes with the last commit.
func (m *member) untape() {
	if t := m.taping; t != nil && t.writes() {
		t.tape.Wishes(m.account.Wishes())
		p := t.tape.Point()
		m.ending = &p
	}
	m.taping, m.rec.tape = nil, nil
}

// tapeCommitted goes on once an entry has been committed.
func (m *member) tapeCommitted() {
	t := m.taping
	if t == nil {
		return
	}
	rebases := t.rebases()
	if t.writes() {
		t.tape.Next()
	}
	if rebases {
		t.based = true
		m.spool(parity.Sums{Points: t.tape.Sums().Points})
	}
}

// given takes down what the bot is given from outside, before its account gets it: whatever
// calls that between candles, such as Account.SetCloseOnly and ResumeBreaker, says so here.
func (m *member) given(g parity.Given) {
	if m.taping != nil {
		m.taping.tape.Give(g)
	}
}

// hears takes down what the bot hears of its orders at its exchange, and whether that
// takes new ones.
func (m *member) hears(list []remote.News) {
	t := m.taping
	if t == nil {
		return
	}
	if why := m.live.pauses(); why != t.paused {
		t.paused = why
		m.given(parity.Given{Kind: parity.Pause, Reason: why})
	}
	if len(list) > 0 {
		m.given(parity.Given{Kind: parity.News, News: list})
	}
}

// keep stores the candles that the group's bots saw since it was called last. A
// failure is tried again with the next commit.
func (g *group) keep(ctx context.Context) {
	for pair, seen := range g.seen {
		if len(seen) == 0 {
			continue
		}
		if err := g.r.cfg.Journal.KeepCandles(ctx, pair, seen); err != nil {
			g.r.cfg.Log.WarnContext(ctx, "candles were not kept for replays", "trading_pair", pair, "candles", len(seen), "error", err)
			continue
		}
		g.seen[pair] = seen[:0]
	}
}

// saw notes candles of a pair that bots saw.
func (g *group) saw(pair string, candles ...exchange.Candle) {
	for _, c := range candles {
		list := g.seen[pair]
		if n := len(list); n > 0 && list[n-1].Time >= c.Time && slices.Contains(list, c) {
			continue // another bot has it too
		}
		g.seen[pair] = append(list, c)
	}
}

// forgetCandles drops the candles that no replay needs any more.
func (g *group) forgetCandles(ctx context.Context, now time.Time) {
	for pair := range g.seen {
		if err := g.r.cfg.Journal.DropCandles(ctx, pair, now.Add(-keepSeen)); err != nil && ctx.Err() == nil {
			g.r.cfg.Log.WarnContext(ctx, "old candles were not dropped", "trading_pair", pair, "error", err)
		}
	}
}

// rebase gives members that go on under other terms a new baseline before they
// see anything: what they were opened with is the state of their checkpoints.
func (g *group) rebase(ctx context.Context, ms []*member) {
	due := ms[:0:0]
	for _, m := range ms {
		if !m.over && m.taping != nil && !m.taping.based {
			due = append(due, m)
		}
	}
	if len(due) == 0 {
		return
	}
	if err := g.commit(ctx, due, false); err != nil && ctx.Err() == nil {
		// Their tapes begin with their next commits.
		g.r.cfg.Log.WarnContext(ctx, "bots go on without baselines for replays", "bots", len(due), "error", err)
	}
}
