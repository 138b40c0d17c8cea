package runner

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
)

// checkpointState is what a checkpoint holds of a bot.
type checkpointState struct {
	Engine engine.State     `json:"engine"`
	Venue  paper.VenueState `json:"venue"`
	// Strategy is nil once the bot has stopped: a new run begins anew.
	Strategy *strategy.Snapshot `json:"strategy,omitempty"`
	// Decisions numbers the lines of the log.
	Decisions int64 `json:"decisions"`
	// Since is when the account began, in epoch milliseconds of market time; 0 if it
	// was not noted.
	Since int64 `json:"since,omitempty"`
	// Tape is how far the tape for replays has come; nil if there is none.
	Tape *tapeState `json:"tape,omitempty"`
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

// newSession builds a bot's engine and paper account.
func newSession(
	c bot.Config, m exchange.Market, prefix string, rec engine.Recorder, wants func(strategy.EventKind) bool, sees strategy.Subscription,
) (*engine.Session, *paper.Venue, error) {
	balance, err := m.Units(c.Balance, exchange.Down)
	if err != nil {
		return nil, nil, err
	}
	limits, err := c.Risk.Limits(m)
	if err != nil {
		return nil, nil, err
	}
	venue, err := paper.NewVenue(paper.VenueConfig{Market: m, Balance: balance, Fees: bot.PaperFees()})
	if err != nil {
		return nil, nil, err
	}
	session, err := engine.New(engine.Config{
		Market: m, Interval: base, Decide: c.Interval, Balance: balance, Venue: venue, Risk: limits, Recorder: rec, OrderPrefix: prefix, Wants: wants,
		Subscription: sees,
	})
	return session, venue, err
}

// summary is what pages show of the bot.
func (m *member) summary() journal.Summary {
	market, st, view := m.market, m.session.State(), m.session.View()
	p := st.Portfolio
	unrealised := st.Equity - p.Counter - p.Cost
	price := func(t exchange.Ticks) decimal.Decimal { return market.Price(t) }
	var since time.Time
	if m.since > 0 {
		since = time.UnixMilli(m.since).UTC()
	}
	return journal.Summary{
		Equity: market.Amount(st.Equity), Cash: market.Amount(p.Counter), FreeCash: market.Amount(p.Counter - view.ReservedCounter),
		Profit: market.Amount(st.Equity - p.Start), Realised: market.Amount(p.Realised), Unrealised: market.Amount(unrealised), Fees: market.Amount(p.Fees),
		Position: market.Volume(p.Base), Entry: price(p.Entry()), Stop: price(view.Exits.Stop), Target: price(view.Exits.Target),
		Price: price(st.LastPrice), MaxDrawdown: decimal.NewFromFloat(st.MaxDrawdown).Round(6), Trades: p.Trades, Fills: p.Fills,
		OpenOrders: int64(len(st.Orders)), LastDecision: m.rec.last, Since: since,
	}
}
