package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

// config is a configuration as the API shows it.
type config struct {
	ID              string          `json:"id" doc:"Identifies the configuration." example:"0197e1a2-6f00-7a00-8000-000000000003"`
	BotID           string          `json:"bot_id" doc:"The bot of the configuration." example:"0197e1a2-6f00-7a00-8000-000000000004"`
	Name            string          `json:"name" doc:"What the bot is called." example:"Morning cross"`
	TradingPair     string          `json:"trading_pair" doc:"The market's symbol." example:"XBTMYR"`
	FurtherPairs    []string        `json:"further_pairs" doc:"Further pairs that are traded with the same balance, in the order in which the strategy hears them." example:"[\"ETHMYR\"]"`
	StrategyType    string          `json:"strategy_type" doc:"The strategy's name." example:"basic"`
	StrategyVersion string          `json:"strategy_version" doc:"The version that the bot is pinned to; empty if it follows the one that the server contains." example:"1.0.0"`
	Isolation       string          `json:"isolation" enum:"shared,tenant,bot" doc:"Who may share a process with the bot at most: every bot of the version, the tenant's, or none. The plan and the operator can ask for more; what is above the plan after a change of it does not count." example:"shared"`
	Upgrade         *pendingUpgrade `json:"upgrade,omitempty" doc:"A change of the version that has yet to be made; missing if there is none."`
	UpgradeFault    string          `json:"upgrade_fault" doc:"Why the last upgrade was refused; empty if it was not."`
	Mode            string          `json:"mode" enum:"paper,live" doc:"Whose money the bot moves: simulated, or that of an exchange account." example:"paper"`
	AccountID       string          `json:"account_id" doc:"The exchange account of a live bot; empty on paper." example:"0197e1a2-6f00-7a00-8000-000000000009"`
	Interval        string          `json:"interval" enum:"1m,5m,15m,30m,1h,4h,1d" doc:"The length of the candles that the bot decides on. Its orders meet every minute, whatever it is." example:"1h"`
	Parameters      object          `json:"parameters" doc:"The strategy's parameters, complete."`
	Balance         decimal.Decimal `json:"balance" doc:"What the bot begins with in the counter currency: simulated on paper, and live how much of the account's it may use." example:"10000"`
	Risk            risk            `json:"risk" doc:"The tenant's own bounds."`
	Version         int64           `json:"version" doc:"Counts the changes; it is the ETag too." example:"1"`
	CreatedAt       time.Time       `json:"created_at" doc:"When it was made." example:"2026-01-02T15:04:05Z"`
	UpdatedAt       time.Time       `json:"updated_at" doc:"When it was last changed." example:"2026-01-02T15:04:05Z"`
}

// pendingUpgrade is an upgrade that a worker has yet to make.
type pendingUpgrade struct {
	StrategyVersion string `json:"strategy_version" doc:"The version to go to; empty is the one that the server contains." example:"1.1.0"`
}

func upgradeView(u bot.Upgrade) *pendingUpgrade {
	if !u.Pending() {
		return nil
	}
	return &pendingUpgrade{StrategyVersion: u.Version}
}

// risk are bounds as the API shows them; "0" is no bound.
type risk struct {
	StopLossPercent     decimal.Decimal            `json:"stop_loss_percent" doc:"Closes the position that far below its entry price." example:"5"`
	TakeProfitPercent   decimal.Decimal            `json:"take_profit_percent" doc:"Closes the position that far above its entry price." example:"10"`
	TrailingStopPercent decimal.Decimal            `json:"trailing_stop_percent" doc:"Closes the position that far below the highest price since its entry." example:"3"`
	MaxHoldSeconds      int64                      `json:"max_hold_seconds" doc:"Closes the position after that long." example:"86400"`
	CoolDownSeconds     int64                      `json:"cool_down_seconds" doc:"For how long nothing is bought after a protective exit that lost." example:"3600"`
	MaxDailyLossPercent decimal.Decimal            `json:"max_daily_loss_percent" doc:"How much of the account may be lost since the day of UTC began; then the position is closed and nothing is bought until the next one." example:"4"`
	MaxDrawdownPercent  decimal.Decimal            `json:"max_drawdown_percent" doc:"How far the account may fall from its highest; then the position is closed and nothing is bought until the bot is resumed." example:"15"`
	MaxOrders           int64                      `json:"max_orders" doc:"How many orders may be open; 0 is 100." example:"10"`
	MaxOrdersAMinute    int64                      `json:"max_orders_a_minute" doc:"How many orders may be placed in any minute, exits not counted; 0 is 300." example:"20"`
	MaxPosition         decimal.Decimal            `json:"max_position" doc:"Bounds the position in the base currency of the trading pair." example:"0.5"`
	MaxPositions        map[string]decimal.Decimal `json:"max_positions,omitempty" doc:"Bound the positions of further pairs, by pair and each in its base currency; left out if there is none." example:"{\"ETHMYR\":\"2\"}"`
}

// riskInput are bounds that come in; one that is left out is no bound.
type riskInput struct {
	StopLossPercent     *amount `json:"stop_loss_percent,omitempty" doc:"Closes the position that far below its entry price; 0 is no bound." example:"\"5\""`
	TakeProfitPercent   *amount `json:"take_profit_percent,omitempty" doc:"Closes the position that far above its entry price; 0 is no bound." example:"\"10\""`
	TrailingStopPercent *amount `json:"trailing_stop_percent,omitempty" doc:"Closes the position that far below the highest price since its entry; 0 is no bound." example:"\"3\""`
	MaxHoldSeconds      int64   `json:"max_hold_seconds,omitempty" doc:"Closes the position after that long; 0 is no bound." example:"86400"`
	CoolDownSeconds     int64   `json:"cool_down_seconds,omitempty" doc:"For how long nothing is bought after a protective exit that lost; 0 is no bound." example:"3600"`
	MaxDailyLossPercent *amount `json:"max_daily_loss_percent,omitempty" doc:"How much of the account may be lost since the day of UTC began; then the position is closed and nothing is bought until the next one. 0 is no bound." example:"\"4\""`
	MaxDrawdownPercent  *amount `json:"max_drawdown_percent,omitempty" doc:"How far the account may fall from its highest; then the position is closed and nothing is bought until the bot is resumed. 0 is no bound." example:"\"15\""`
	MaxOrders           int64   `json:"max_orders,omitempty" doc:"How many orders may be open, at most 100; 0 is 100." example:"10"`
	MaxOrdersAMinute    int64   `json:"max_orders_a_minute,omitempty" doc:"How many orders may be placed in any minute, exits not counted, at most 300; 0 is 300." example:"20"`
	MaxPosition         *amount `json:"max_position,omitempty" doc:"Bounds the position in the base currency of the trading pair; 0 is no bound." example:"\"0.5\""`
	MaxPositions        amounts `json:"max_positions,omitempty" doc:"Bound the positions of further pairs, by pair and each in its base currency; one that is left out has no bound." example:"{\"ETHMYR\":\"2\"}"`
}

func (r riskInput) risk() bot.Risk {
	return bot.Risk{
		StopLossPercent: or(r.StopLossPercent).Decimal, TakeProfitPercent: or(r.TakeProfitPercent).Decimal, MaxPosition: or(r.MaxPosition).Decimal,
		TrailingStopPercent: or(r.TrailingStopPercent).Decimal, MaxHoldSeconds: r.MaxHoldSeconds, CoolDownSeconds: r.CoolDownSeconds,
		MaxDailyLossPercent: or(r.MaxDailyLossPercent).Decimal, MaxDrawdownPercent: or(r.MaxDrawdownPercent).Decimal, MaxOrders: r.MaxOrders, MaxOrdersAMinute: r.MaxOrdersAMinute,
		MaxPositions: r.MaxPositions,
	}
}

// newConfig is the body that makes a configuration.
type newConfig struct {
	Name            string      `json:"name" validate:"required,max=80" doc:"What the bot shall be called." example:"Morning cross"`
	TradingPair     string      `json:"trading_pair" validate:"required,max=32" doc:"The market's symbol." example:"XBTMYR"`
	FurtherPairs    []string    `json:"further_pairs,omitempty" doc:"Further pairs to trade with the same balance, at most 8 and of the same counter currency; only for a strategy that trades several. Each different pair of all bots counts toward the plan." example:"[\"ETHMYR\"]"`
	LunoAPIKey      *retiredKey `json:"luno_api_key,omitempty" doc:"Not taken any more: keys belong to exchange accounts."`
	LunoAPISecret   *retiredKey `json:"luno_api_secret,omitempty" doc:"Not taken any more: keys belong to exchange accounts."`
	StrategyType    string      `json:"strategy_type" validate:"required,max=64" doc:"The strategy's name." example:"basic"`
	StrategyVersion string      `json:"strategy_version,omitempty" validate:"max=100" doc:"The version to be pinned to; if it is left out, what the server contains, or else the newest." example:"1.0.0"`
	Isolation       string      `json:"isolation,omitempty" validate:"omitempty,oneof=shared tenant bot" doc:"Who may share a process with the bot at most; shared if it is left out. More than the plan includes is refused." example:"shared"`
	Mode            string      `json:"mode,omitempty" validate:"max=16" doc:"paper, which is also what it is if left out: a bot goes live with an operation of its own, once it has run on paper." example:"paper"`
	Interval        string      `json:"interval,omitempty" validate:"omitempty,oneof=1m 5m 15m 30m 1h 4h 1d" doc:"The length of the candles that the bot decides on; 1m if it is left out." example:"1h"`
	Parameters      object      `json:"parameters,omitempty" doc:"The strategy's parameters; those that are left out have their defaults."`
	Balance         *amount     `json:"balance,omitempty" doc:"The starting balance of a paper account in the counter currency; 10000 if left out." example:"\"10000\""`
	Risk            *riskInput  `json:"risk,omitempty" doc:"The tenant's own bounds."`
}

func (c newConfig) input() bot.CreateInput {
	in := bot.CreateInput{
		Name: c.Name, Pair: c.TradingPair, Also: c.FurtherPairs, Strategy: c.StrategyType, StrategyVersion: c.StrategyVersion,
		Isolation: catalog.Isolation(c.Isolation), Mode: bot.Mode(c.Mode), Interval: bot.ParseInterval(c.Interval), Parameters: json.RawMessage(c.Parameters),
		Risk: or(c.Risk).risk(),
	}
	if c.Balance != nil {
		in.Balance = &c.Balance.Decimal
	}
	return in
}

func (c newConfig) check(ctx context.Context, a *API, who tenancy.Principal) error {
	return a.cfg.Bots.Check(ctx, who, c.input())
}

// configChange is the body that changes a configuration; what is left out stays.
type configChange struct {
	Name            *string    `json:"name,omitempty" validate:"omitempty,max=80" doc:"What the bot shall be called." example:"Evening cross"`
	Interval        *string    `json:"interval,omitempty" validate:"omitempty,oneof=1m 5m 15m 30m 1h 4h 1d" doc:"The length of the candles that the bot decides on; another one begins the strategy anew, as other parameters do." example:"1h"`
	StrategyVersion *string    `json:"strategy_version,omitempty" validate:"omitempty,max=100" doc:"The version to be pinned to, which begins anew at the next start. To keep the state of a running bot, upgrade it." example:"1.1.0"`
	Isolation       *string    `json:"isolation,omitempty" validate:"omitempty,oneof=shared tenant bot" doc:"Who may share a process with the bot at most. More than the plan includes is refused." example:"bot"`
	Parameters      object     `json:"parameters,omitempty" doc:"All of the strategy's parameters; those that are left out have their defaults."`
	FurtherPairs    []string   `json:"further_pairs,omitempty" doc:"All of the further pairs; an empty list is none. Others than before begin a new account at the next start, as another balance does." example:"[\"ETHMYR\"]"`
	Balance         *amount    `json:"balance,omitempty" doc:"The starting balance of a paper account in the counter currency." example:"\"10000\""`
	Risk            *riskInput `json:"risk,omitempty" doc:"All of the tenant's own bounds."`
	Confirm         string     `json:"confirm,omitempty" validate:"max=200" doc:"The bot's name, for a live bot that shall trade otherwise." example:"Morning cross"`
	Waive           bool       `json:"waive,omitempty" doc:"Do without a run on paper, for a live bot that shall trade otherwise; it is put on record." example:"false"`
}

func (c configChange) input() bot.UpdateInput {
	in := bot.UpdateInput{Name: c.Name, Also: c.FurtherPairs, Parameters: json.RawMessage(c.Parameters), StrategyVersion: c.StrategyVersion, Untried: bot.Untried{Confirm: c.Confirm, Waive: c.Waive}}
	if c.Isolation != nil {
		isolation := catalog.Isolation(*c.Isolation)
		in.Isolation = &isolation
	}
	if c.Interval != nil {
		length := bot.ParseInterval(*c.Interval)
		in.Interval = &length
	}
	if c.Balance != nil {
		in.Balance = &c.Balance.Decimal
	}
	if c.Risk != nil {
		r := c.Risk.risk()
		in.Risk = &r
	}
	return in
}

// listOfPairs is never null.
func listOfPairs(pairs []string) []string { return append([]string{}, pairs...) }

func configView(c bot.Config) config {
	return config{
		ID: c.ID, BotID: c.BotID, Name: c.Name, TradingPair: c.Pair, FurtherPairs: listOfPairs(c.Also), StrategyType: c.Strategy,
		StrategyVersion: c.StrategyVersion, Isolation: string(c.Isolation), Upgrade: upgradeView(c.Upgrade), UpgradeFault: c.Upgrade.Fault, Mode: string(c.Mode), AccountID: c.AccountID, Interval: bot.IntervalName(c.Interval),
		Parameters: object(c.Parameters), Balance: c.Balance, Risk: risk(c.Risk), Version: c.Version,
		CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(),
	}
}

// configAnswer is a configuration with its entity tag.
type configAnswer struct {
	ETag string `header:"ETag" doc:"The version, for If-Match."`
	Body config
}

func configAnswered(c bot.Config, err error) (*configAnswer, error) {
	if err != nil {
		return nil, err
	}
	return &configAnswer{ETag: `"` + strconv.FormatInt(c.Version, 10) + `"`, Body: configView(c)}, nil
}

// ConfigPath is a configuration in a path.
type ConfigPath struct {
	ID string `path:"config_id" doc:"The configuration's id."`
}

// configUpdate is the input that changes a configuration.
type configUpdate struct {
	ConfigPath
	IfMatch string `header:"If-Match" validate:"max=100" doc:"The ETag of the version that the change is meant for. Without it, the newest is changed." example:"\"1\""`
	Body    body[configChange]
}

func (in *configUpdate) check(ctx context.Context, a *API, who tenancy.Principal) error {
	return a.cfg.Bots.CheckUpdate(ctx, who, in.ID, in.Body.Value.input())
}

// version reads an If-Match: 0 is no condition, and a tag that no version has
// is one that never holds.
func version(ifMatch string) int64 {
	if ifMatch == "" || ifMatch == "*" {
		return 0
	}
	text, begins := strings.CutPrefix(ifMatch, `"`)
	text, ends := strings.CutSuffix(text, `"`)
	n, err := strconv.ParseInt(text, 10, 64)
	if !begins || !ends || err != nil || n <= 0 {
		return -1
	}
	return n
}

func (a *API) configRoutes() {
	const all, one = "/api/v1/trading/configs", "/api/v1/trading/configs/{config_id}"
	change := []errs.Kind{errs.Conflict, errs.LimitExceeded, errs.Stale}
	handle(a, operation{
		method: http.MethodPost, path: all, id: "create-config", tag: tagConfigs, status: http.StatusCreated,
		summary:     "Create a configuration and its bot",
		description: "Makes a configuration and its stopped bot, if the plan has room for it. Nothing is left behind if it has not.",
		fails:       []errs.Kind{errs.LimitExceeded},
	}, a.createConfig)
	handle(a, operation{
		method: http.MethodGet, path: all, id: "list-configs", tag: tagConfigs,
		summary: "List configurations", description: "Lists the tenant's configurations, newest first.",
	}, a.listConfigs)
	handle(a, operation{
		method: http.MethodGet, path: one, id: "get-config", tag: tagConfigs,
		summary: "Get a configuration", description: "Shows one configuration, with its version as ETag.",
	}, a.getConfig)
	handle(a, operation{
		method: http.MethodPatch, path: one, id: "update-config", tag: tagConfigs, fails: change,
		summary:     "Change a configuration",
		description: "Changes the fields that are given. The bot must be stopped. With If-Match, a configuration that was changed meanwhile is left alone.",
	}, a.updateConfig)
	handle(a, operation{
		method: http.MethodPut, path: one, id: "put-config", tag: tagConfigs, fails: change,
		summary:     "Change a configuration (PUT)",
		description: "The same as PATCH, for clients that have no other: fields that are left out stay as they are.",
	}, a.updateConfig)
	handle(a, operation{
		method: http.MethodDelete, path: one, id: "delete-config", tag: tagConfigs, fails: []errs.Kind{errs.Conflict},
		summary:     "Delete a configuration and its bot",
		description: "Removes a configuration with its stopped bot and the bot's history, and gives its place in the plan back.",
	}, a.deleteConfig)
}

func (a *API) createConfig(ctx context.Context, who tenancy.Principal, in *struct{ Body body[newConfig] }) (*configAnswer, error) {
	c, _, err := a.cfg.Bots.Create(ctx, who, in.Body.Value.input())
	return configAnswered(c, err)
}

func (a *API) listConfigs(ctx context.Context, who tenancy.Principal, in *struct{ ListQuery }) (*answer[listOf[config]], error) {
	of := list{"configs", who.TenantID}
	p, err := a.cursors.page(in.ListQuery, of)
	if err != nil {
		return nil, err
	}
	l, err := a.cfg.Bots.Configs(ctx, who, p)
	if err != nil {
		return nil, err
	}
	return listed(a.cursors, of, l, configView), nil
}

func (a *API) getConfig(ctx context.Context, who tenancy.Principal, in *struct{ ConfigPath }) (*configAnswer, error) {
	return configAnswered(a.cfg.Bots.Config(ctx, who, in.ID))
}

func (a *API) updateConfig(ctx context.Context, who tenancy.Principal, in *configUpdate) (*configAnswer, error) {
	change := in.Body.Value.input()
	change.Version = version(in.IfMatch)
	return configAnswered(a.cfg.Bots.Update(ctx, who, in.ID, change))
}

func (a *API) deleteConfig(ctx context.Context, who tenancy.Principal, in *struct{ ConfigPath }) (*nothing, error) {
	c, err := a.cfg.Bots.Config(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	return nil, a.cfg.Bots.Delete(ctx, who, c.BotID)
}
