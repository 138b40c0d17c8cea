package billing

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"

	"github.com/lunobot/lunobot/exchange"
)

// Feature is something of which a plan allows a number.
type Feature string

// The features.
const (
	// Bots counts the bots that a tenant has.
	Bots Feature = "bots"
	// Pairs counts the different trading pairs of those bots.
	Pairs Feature = "pairs"
	// RunningBots counts the bots that run or shall run. A plan that does not
	// say allows as many as it allows bots.
	RunningBots Feature = "running_bots"
	// RunningBacktests counts the backtests that wait or run. A plan that does
	// not say allows what its level of backtesting does.
	RunningBacktests Feature = "running_backtests"
	// BacktestDays is how many days of data one backtest may cover. It is a size
	// and not counted: see Gate.Fit. A plan that does not say allows what its
	// level of backtesting does.
	BacktestDays Feature = "backtest_days"
	// ExchangeAccounts counts the exchange accounts that a tenant has connected. A plan
	// that does not say allows as many as it allows bots.
	ExchangeAccounts Feature = "exchange_accounts"
	// APICallsPerHour is how many calls a tenant's own API keys may make in an
	// hour. The Gate gives its limit; counting is package ratelimit's.
	APICallsPerHour Feature = "api_calls_per_hour"
)

// Features lists every feature in the order in which pages show them.
func Features() []Feature {
	return []Feature{Bots, RunningBots, Pairs, ExchangeAccounts, RunningBacktests, BacktestDays, APICallsPerHour}
}

// Counted lists the features that the Gate counts, in the same order.
func Counted() []Feature {
	return []Feature{Bots, RunningBots, Pairs, ExchangeAccounts, RunningBacktests}
}

// IsValid reports whether it is one of Features.
func (f Feature) IsValid() bool { return slices.Contains(Features(), f) }

// Count returns n of the feature in words, such as "1 bot" or "3 trading
// pairs".
func (f Feature) Count(n int64) string {
	one, many := string(f), string(f)
	switch f {
	case Bots:
		one, many = "bot", "bots"
	case RunningBots:
		one, many = "running bot", "running bots"
	case Pairs:
		one, many = "trading pair", "trading pairs"
	case ExchangeAccounts:
		one, many = "exchange account", "exchange accounts"
	case RunningBacktests:
		one, many = "backtest at a time", "backtests at a time"
	case BacktestDays:
		one, many = "day of data in a backtest", "days of data in a backtest"
	case APICallsPerHour:
		one, many = "API call an hour", "API calls an hour"
	}
	if n == 1 {
		return "1 " + one
	}
	return whole(n) + " " + many
}

// whole writes a number in a sentence.
func whole(n int64) string { return exchange.Grouped(strconv.FormatInt(n, 10)) }

// Limit is how many a plan allows: a number, or Unlimited. The zero value
// allows none.
type Limit int64

// Unlimited allows any number.
const Unlimited Limit = -1

// Allows reports whether n fit under the limit.
func (l Limit) Allows(n int64) bool { return l == Unlimited || n <= int64(l) }

// String returns the number, or "unlimited".
func (l Limit) String() string {
	if l == Unlimited {
		return "unlimited"
	}
	return strconv.FormatInt(int64(l), 10)
}

// MarshalJSON writes a number, or "unlimited".
func (l Limit) MarshalJSON() ([]byte, error) {
	if l == Unlimited {
		return []byte(`"unlimited"`), nil
	}
	return []byte(l.String()), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (l *Limit) UnmarshalJSON(raw []byte) error {
	if string(raw) == `"unlimited"` {
		*l = Unlimited
		return nil
	}
	var n int64
	if err := json.Unmarshal(raw, &n); err != nil || n < 0 {
		return fmt.Errorf("%s is neither a number from 0 nor \"unlimited\"", raw)
	}
	*l = Limit(n)
	return nil
}

// UnmarshalYAML reads a number from 0, or the word unlimited.
func (l *Limit) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode && node.Value == "unlimited" {
		*l = Unlimited
		return nil
	}
	n, err := strconv.ParseInt(node.Value, 10, 64)
	if err != nil || n < 0 || node.Kind != yaml.ScalarNode {
		return atLine(node, fmt.Sprintf("a limit must be a whole number from 0 or the word unlimited, not %q", node.Value))
	}
	*l = Limit(n)
	return nil
}
