package billing

import (
	"cmp"
	"slices"
)

// Channel is a way by which a tenant can be notified outside the pages.
type Channel string

// The channels.
const (
	Email    Channel = "email"
	SMS      Channel = "sms"
	Telegram Channel = "telegram"
	Discord  Channel = "discord"
	Slack    Channel = "slack"
	Webhook  Channel = "webhook"
)

// Channels lists every channel.
func Channels() []Channel { return []Channel{Email, SMS, Telegram, Discord, Slack, Webhook} }

// Support is the level of help that a plan includes.
type Support string

// The levels of support, from the least.
const (
	SupportCommunity Support = "community"
	SupportEmail     Support = "email"
	SupportPriority  Support = "priority"
	SupportDedicated Support = "dedicated"
)

func supports() []Support {
	return []Support{SupportCommunity, SupportEmail, SupportPriority, SupportDedicated}
}

// Backtests is the level of backtesting that a plan includes.
type Backtests string

// The levels of backtesting, from the least.
const (
	BacktestsNone     Backtests = "none"
	BacktestsBasic    Backtests = "basic"
	BacktestsAdvanced Backtests = "advanced"
)

// What a level of backtesting allows unless the plan says otherwise: a year of
// data, a leap year included, and ten.
const (
	basicBacktests    Limit = 1
	basicDays         Limit = 366
	advancedBacktests Limit = 4
	advancedDays      Limit = 3653
)

// limit returns what the level allows of a feature of backtests.
func (b Backtests) limit(f Feature) Limit {
	switch {
	case b == BacktestsBasic && f == RunningBacktests:
		return basicBacktests
	case b == BacktestsBasic && f == BacktestDays:
		return basicDays
	case b == BacktestsAdvanced && f == RunningBacktests:
		return advancedBacktests
	case b == BacktestsAdvanced && f == BacktestDays:
		return advancedDays
	}
	return 0
}

func backtests() []Backtests { return []Backtests{BacktestsNone, BacktestsBasic, BacktestsAdvanced} }

// Isolation says who shares the process of a strategy.
type Isolation string

// The isolations, from the least: all bots share one process of a version, those
// of one tenant do, or each bot has its own.
const (
	IsolationShared Isolation = "shared"
	IsolationTenant Isolation = "tenant"
	IsolationBot    Isolation = "bot"
)

func isolations() []Isolation { return []Isolation{IsolationShared, IsolationTenant, IsolationBot} }

// rank orders isolations from the least; "" is the least.
func (i Isolation) rank() int { return max(0, slices.Index(isolations(), i)) }

// Entitlements is what a plan includes beside its limits. The zero value
// includes nothing.
type Entitlements struct {
	// APIAccess allows API keys of one's own. Calls with a login's token are
	// everyone's and are not meant.
	APIAccess bool `json:"api_access" yaml:"api_access"`
	// Backtests is the level of backtesting.
	Backtests Backtests `json:"backtests" yaml:"backtests"`
	// Channels are the ways of notification.
	Channels []Channel `json:"channels" yaml:"channels"`
	// CustomIndicators allows indicators of one's own.
	CustomIndicators bool `json:"custom_indicators" yaml:"custom_indicators"`
	// Isolation says who shares the process of a strategy with the tenant's bots; ""
	// is IsolationShared. An operator can ask for more, and a bot up to MaxIsolation.
	Isolation Isolation `json:"isolation,omitempty" yaml:"isolation"`
	// MaxIsolation is the strictest that the tenant may ask for its bots, for each
	// process takes memory; "" is Isolation.
	MaxIsolation Isolation `json:"max_isolation,omitempty" yaml:"max_isolation"`
	// SLA is the promised availability in per cent, such as "99.9"; "" promises
	// none.
	SLA string `json:"sla,omitempty" yaml:"sla"`
	// Support is the level of help.
	Support Support `json:"support" yaml:"support"`
	// WhiteLabel allows the tenant's own name and logo.
	WhiteLabel bool `json:"white_label" yaml:"white_label"`
}

// Entitlement is one thing that a plan includes or not, as code asks for it.
type Entitlement string

// The entitlements that are not channels.
const (
	NeedAPIAccess         Entitlement = "api_access"
	NeedBasicBacktests    Entitlement = "backtests_basic"
	NeedAdvancedBacktests Entitlement = "backtests_advanced"
	NeedCustomIndicators  Entitlement = "custom_indicators"
	NeedWhiteLabel        Entitlement = "white_label"
	NeedTenantIsolation   Entitlement = "isolation_tenant"
	NeedBotIsolation      Entitlement = "isolation_bot"
)

// NeedChannel is the entitlement to be notified by the channel.
func NeedChannel(c Channel) Entitlement { return "channel_" + Entitlement(c) }

// Isolable returns the strictest isolation that the tenant's bots may have by its
// own wish.
func (e Entitlements) Isolable() Isolation {
	if e.MaxIsolation.rank() > e.Isolation.rank() {
		return e.MaxIsolation
	}
	return cmp.Or(e.Isolation, IsolationShared)
}

// Has reports whether the entitlement is included. A higher level of
// backtesting, or a stricter isolation, includes the lower one. What is not known
// is not included.
func (e Entitlements) Has(want Entitlement) bool {
	switch want {
	case NeedAPIAccess:
		return e.APIAccess
	case NeedBasicBacktests:
		return e.Backtests == BacktestsBasic || e.Backtests == BacktestsAdvanced
	case NeedAdvancedBacktests:
		return e.Backtests == BacktestsAdvanced
	case NeedCustomIndicators:
		return e.CustomIndicators
	case NeedWhiteLabel:
		return e.WhiteLabel
	case NeedTenantIsolation:
		return e.Isolable().rank() >= IsolationTenant.rank()
	case NeedBotIsolation:
		return e.Isolable().rank() >= IsolationBot.rank()
	}
	return slices.ContainsFunc(e.Channels, func(c Channel) bool { return NeedChannel(c) == want })
}

// Words returns the entitlement as it stands in a sentence, such as "API
// access".
func (e Entitlement) Words() string {
	switch e {
	case NeedAPIAccess:
		return "API access"
	case NeedBasicBacktests:
		return "backtests"
	case NeedAdvancedBacktests:
		return "advanced backtests"
	case NeedCustomIndicators:
		return "custom indicators"
	case NeedWhiteLabel:
		return "white label"
	case NeedTenantIsolation:
		return "processes that no other tenant's bots share"
	case NeedBotIsolation:
		return "a process for each bot alone"
	}
	for _, c := range Channels() {
		if NeedChannel(c) == e {
			return "notifications by " + string(c)
		}
	}
	return string(e)
}
