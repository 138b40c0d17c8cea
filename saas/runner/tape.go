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

// taping is the tape of a member (rule PL2).
type taping struct {
	tape  *parity.Tape
	terms parity.Terms
	// sum is the checksum of terms.
	sum string
	// based is true once the tape has a baseline in the journal.
	based bool
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

// record begins to take down what the bot sees and does. A bot that goes on from
// a checkpoint goes on with its tape, unless it does so under other terms.
func (m *member) record(st *checkpointState, markets bot.Markets, ref catalog.Ref, version string) error {
	if m.trades() {
		return nil // what an exchange does cannot be replayed on paper
	}
	terms, err := termsOf(m.assignment.Bot.Pair, m.assignment.Config, markets)
	if err != nil {
		return err
	}
	terms.Strategy, terms.Version, terms.Pin = ref.Name, version, ref.Version
	raw, err := json.Marshal(terms)
	if err != nil {
		return fmt.Errorf("encoding the terms of a bot: %w", err)
	}
	sum := sha256.Sum256(raw)
	t := &taping{tape: parity.NewTape(terms.Market, parity.Sums{}, terms.Also...), terms: terms, sum: hex.EncodeToString(sum[:])}
	if st != nil && !m.fresh && st.Tape != nil && st.Tape.Terms == t.sum {
		t.tape, t.based = parity.NewTape(terms.Market, st.Tape.Sums, terms.Also...), true
	}
	m.taping, m.rec.tape = t, t.tape
	return nil
}

// rebases reports whether the bot's tape begins at this checkpoint.
func (t *taping) rebases() bool { return !t.based || t.tape.Sums().Candles >= baselineEvery }

// state is what the checkpoint holds of the tape; nil without one.
func (t *taping) state() *tapeState {
	switch {
	case t == nil:
		return nil
	case t.rebases():
		return &tapeState{Terms: t.sum}
	}
	return &tapeState{Sums: t.tape.Sums(), Terms: t.sum}
}

// entry adds what there is of the tape to an entry with a checkpoint of the
// state.
func (t *taping) entry(e *journal.Entry, st checkpointState) error {
	cp := e.Checkpoint
	if t.based && t.tape.Sums().Candles > 0 {
		if err := addPoint(e, t.tape.Point()); err != nil {
			return err
		}
	}
	if t.rebases() && st.Strategy != nil {
		raw, err := json.Marshal(parity.Baseline{Terms: t.terms, AccountState: st.AccountState, Snapshot: st.Strategy})
		if err != nil {
			return fmt.Errorf("encoding a baseline: %w", err)
		}
		e.Baseline = &journal.Baseline{BotID: cp.BotID, Run: cp.Run, Sequence: cp.Sequence, MarketTime: cp.MarketTime, Body: raw}
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
	e.Point = &journal.TapePoint{BotID: cp.BotID, Run: cp.Run, Sequence: cp.Sequence, MarketTime: cp.MarketTime, Body: raw}
	return nil
}

// untape ends the tape of a bot that is stopped: that its orders are taken back
// is not the strategy's doing. What is on it goes with the last commit.
func (m *member) untape() {
	if t := m.taping; t != nil && t.based && t.tape.Sums().Candles > 0 {
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
	if t.rebases() {
		t.tape, t.based = parity.NewTape(t.terms.Market, parity.Sums{}, t.terms.Also...), true
		m.rec.tape = t.tape
		return
	}
	t.tape.Next()
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
