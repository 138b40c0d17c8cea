package runner

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
)

// checkpointState is what a checkpoint holds of a bot.
type checkpointState struct {
	parity.AccountState
	// Strategy is nil once the bot has stopped: a new run begins anew.
	Strategy *strategy.Snapshot `json:"strategy,omitempty"`
	// Decisions numbers the lines of the log.
	Decisions int64 `json:"decisions"`
	// Fills numbers the fills, over all pairs; 0 in a checkpoint from before there were
	// several, where it is the venue's own.
	Fills int64 `json:"fills,omitempty"`
	// Ledger is that of the bot's account, see bot.Bot.
	Ledger int64 `json:"ledger,omitempty"`
	// Since is when the account began, in epoch milliseconds of market time; 0 if it
	// was not noted.
	Since int64 `json:"since,omitempty"`
	// Measures are in what the account is counted, of each pair.
	Measures []measure `json:"measures,omitempty"`
	// Resumes is how many of the bot's resumptions the state has, see bot.Bot.
	Resumes int64 `json:"resumes,omitempty"`
	// Tripped is since when the breaker is that the bot's tenant was told of last, 0 for
	// none; nil in a checkpoint of before it was noted, where what was in force was told.
	Tripped *int64 `json:"tripped,omitempty"`
	// Tape is how far the tape for replays has come; nil if there is none.
	Tape *tapeState `json:"tape,omitempty"`
	// had is what stands beside a checkpoint that was read, for people.
	had journal.Summary
}

// time is the close of the newest candle of the bot's own pair.
func (s checkpointState) time() time.Time { return time.UnixMilli(s.Engine.LastTime + span).UTC() }

// holds reports whether the account holds anything in any of its pairs.
func (s checkpointState) holds() bool {
	return s.Engine.Portfolio.Base > 0 || slices.ContainsFunc(s.Legs, func(l parity.Leg) bool { return l.Engine.Portfolio.Base > 0 })
}

// encode returns the checkpoint's JSON.
func (s checkpointState) encode() (json.RawMessage, error) {
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encoding a checkpoint: %w", err)
	}
	return raw, nil
}

func decodeState(raw json.RawMessage) (checkpointState, error) {
	var s checkpointState
	if err := json.Unmarshal(raw, &s); err != nil {
		return checkpointState{}, fmt.Errorf("decoding a checkpoint: %w", err)
	}
	return s, nil
}

// summary is what pages show of the bot.
func (m *member) summary() journal.Summary {
	market, view, equity := m.market, m.account.View(), m.account.Appraised()
	positions := m.account.Positions()
	var since time.Time
	if m.since > 0 {
		since = time.UnixMilli(m.since).UTC()
	}
	s := journal.Summary{
		Equity: market.Amount(equity), Cash: market.Amount(view.Counter), FreeCash: market.Amount(view.Counter - view.ReservedCounter),
		Profit: market.Amount(equity - positions[0].Start), MaxDrawdown: decimal.NewFromFloat(m.account.MaxDrawdown()).Round(6),
		LastDecision: m.rec.last, Since: since, Ledger: m.assignment.Bot.Ledger,
	}
	s.Breaker, s.CloseOnly = m.breaker(), m.closing
	if until := m.account.CoolUntil(); until > 0 {
		s.CoolUntil = time.UnixMilli(until).UTC()
	}
	for _, p := range positions {
		one := positionOf(p)
		s.Realised, s.Unrealised, s.Fees = s.Realised.Add(one.Realised), s.Unrealised.Add(one.Unrealised), s.Fees.Add(one.Fees)
		s.Trades, s.Fills, s.OpenOrders = s.Trades+p.Trades, s.Fills+p.Fills, s.OpenOrders+one.OpenOrders
		if len(positions) > 1 {
			s.Positions = append(s.Positions, one)
		}
	}
	own := positionOf(positions[0])
	s.Position, s.Entry, s.Stop, s.Target, s.Price = own.Position, own.Entry, own.Stop, own.Target, own.Price
	return s
}

func positionOf(p parity.Position) journal.Position {
	m := p.Market
	worth, unrealised := p.Worth()
	return journal.Position{
		Pair: m.Pair, Position: m.Volume(p.Base), Worth: m.Amount(worth), Entry: m.Price(p.Entry()), Stop: m.Price(p.Exits.Stop), Target: m.Price(p.Exits.Target),
		Price: m.Price(p.Price), Realised: m.Amount(p.Realised), Unrealised: m.Amount(unrealised), Fees: m.Amount(p.Fees), OpenOrders: int64(p.Orders),
	}
}
