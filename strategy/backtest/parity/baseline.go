package parity

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/risk"
)

// Terms are what a bot works under. They travel as JSON.
type Terms struct {
	// Strategy is the strategy's name and Version its version. Pin is the version
	// that was asked for; "" for the one that the program contains.
	Strategy string `json:"strategy"`
	Version  string `json:"version"`
	Pin      string `json:"pin,omitempty"`
	// Params are the strategy's parameters.
	Params json.RawMessage `json:"params,omitempty"`
	Market exchange.Market `json:"market"`
	// Interval is the length of the candles that orders meet, Decide of those
	// that the strategy hears.
	Interval time.Duration `json:"interval"`
	Decide   time.Duration `json:"decide"`
	// Balance is what the account began with, Fees are its rates.
	Balance exchange.Units `json:"balance"`
	Fees    exchange.Fees  `json:"fees"`
	Risk    risk.Config    `json:"risk"`
}

// Changes says in words what is otherwise under other terms; nothing if they
// are the same.
func (t Terms) Changes(other Terms) []string {
	var out []string
	change := func(what, before, after string) {
		if before != after {
			out = append(out, fmt.Sprintf("%s: %s → %s", what, before, after))
		}
	}
	text := func(v any) string {
		raw, err := json.Marshal(v)
		if err != nil {
			return err.Error()
		}
		return string(raw)
	}
	change("strategy", t.Strategy, other.Strategy)
	change("version", t.Version, other.Version)
	change("parameters", compact(t.Params), compact(other.Params))
	change("market", text(t.Market), text(other.Market))
	change("interval", t.Interval.String(), other.Interval.String())
	change("candles", t.Decide.String(), other.Decide.String())
	change("balance", t.Market.Amount(t.Balance).String(), other.Market.Amount(other.Balance).String())
	change("fees", text(t.Fees), text(other.Fees))
	change("limits", text(t.Risk), text(other.Risk))
	return out
}

func compact(raw json.RawMessage) string {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return string(raw)
	}
	return b.String()
}

// Baseline is a bot at the beginning of a tape.
type Baseline struct {
	Terms
	// Engine, Venue and Snapshot are the states from which all goes on.
	Engine   engine.State       `json:"engine"`
	Venue    paper.VenueState   `json:"venue"`
	Snapshot *strategy.Snapshot `json:"snapshot,omitempty"`
}

// session makes the bot's engine on paper, as it was.
func (b Baseline) session(rec engine.Recorder, wants func(strategy.EventKind) bool, sees strategy.Subscription) (*engine.Session, error) {
	venue, err := paper.NewVenue(paper.VenueConfig{Market: b.Market, Balance: b.Balance, Fees: b.Fees})
	if err != nil {
		return nil, err
	}
	s, err := engine.New(engine.Config{
		Market: b.Market, Interval: b.Interval, Decide: b.Decide, Balance: b.Balance, Venue: venue, Risk: b.Risk, Recorder: rec,
		OrderPrefix: "replay-", Wants: wants, Subscription: sees,
	})
	if err != nil {
		return nil, err
	}
	venue.Restore(b.Venue)
	s.Restore(b.Engine)
	return s, nil
}
