package parity

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lunobot/lunobot/exchange"
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
	// Also are the markets of the further pairs that are traded with the same
	// balance.
	Also []exchange.Market `json:"also,omitempty"`
	// Interval is the length of the candles that orders meet, Decide of those
	// that the strategy hears.
	Interval time.Duration `json:"interval"`
	Decide   time.Duration `json:"decide"`
	// Balance is what the account began with, Fees are its rates.
	Balance exchange.Units `json:"balance"`
	Fees    exchange.Fees  `json:"fees"`
	Risk    risk.Config    `json:"risk"`
	// MaxPositions bound the positions of the pairs of Also, in their order; 0 is no
	// bound, and none at all is none for each.
	MaxPositions []exchange.Steps `json:"max_positions,omitempty"`
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
	change("further pairs", text(t.Also), text(other.Also))
	change("interval", t.Interval.String(), other.Interval.String())
	change("candles", t.Decide.String(), other.Decide.String())
	change("balance", t.Market.Amount(t.Balance).String(), other.Market.Amount(other.Balance).String())
	change("fees", text(t.Fees), text(other.Fees))
	change("limits", text(t.Risk), text(other.Risk))
	change("largest positions of further pairs", text(t.MaxPositions), text(other.MaxPositions))
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
	// AccountState and Snapshot are the states from which all goes on.
	AccountState
	Snapshot *strategy.Snapshot `json:"snapshot,omitempty"`
}

// account makes the bot's engine, as it was; nothing of it reaches an exchange.
func (b Baseline) account(rec engine.Recorder, s Strategy, sim *Simulation) (*Account, error) {
	a, err := NewAccount(b.Terms, AccountConfig{OrderPrefix: "replay-", Recorder: rec, Wants: s.Wants, Subscription: subscription(s), Live: b.Live(), sim: sim})
	if err != nil {
		return nil, err
	}
	return a, a.Restore(b.AccountState)
}
