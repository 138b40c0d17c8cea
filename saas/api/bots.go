package api

import (
	"context"
	"net/http"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/tenancy"
)

// botView is a bot as the API shows it.
type botView struct {
	ID              string     `json:"id" doc:"Identifies the bot." example:"0197e1a2-6f00-7a00-8000-000000000004"`
	ConfigID        string     `json:"config_id" doc:"The bot's configuration." example:"0197e1a2-6f00-7a00-8000-000000000003"`
	Name            string     `json:"name" doc:"What the bot is called." example:"Morning cross"`
	TradingPair     string     `json:"trading_pair" doc:"The market's symbol." example:"XBTMYR"`
	FurtherPairs    []string   `json:"further_pairs" doc:"Further pairs that are traded with the same balance." example:"[\"ETHMYR\"]"`
	StrategyType    string     `json:"strategy_type" doc:"The strategy's name." example:"basic"`
	StrategyVersion string     `json:"strategy_version" doc:"The version that the bot is pinned to; empty if it follows the one that the server contains." example:"1.0.0"`
	Mode            string     `json:"mode" enum:"paper,live" doc:"Whose money the bot moves: simulated, or that of an exchange account." example:"paper"`
	AccountID       string     `json:"account_id" doc:"The exchange account of a live bot; empty on paper." example:"0197e1a2-6f00-7a00-8000-000000000009"`
	Interval        string     `json:"interval" enum:"1m,5m,15m,30m,1h,4h,1d" doc:"The length of the candles that the bot decides on." example:"1h"`
	Status          string     `json:"status" enum:"stopped,starting,running,stopping,paused,degraded,error" doc:"What a worker last saw of the bot." example:"running"`
	StatusReason    string     `json:"status_reason" doc:"Why it is so, as a sentence." example:"trading"`
	Guarded         bool       `json:"guarded" doc:"Whether it has failed and what it left is still looked after: its orders are taken back, and its protective exits watched, until it is started or stopped, or holds nothing. The reason says more." example:"false"`
	StartedAt       *time.Time `json:"started_at" doc:"When the present run began; null if the bot never ran." example:"2026-01-02T15:04:05Z"`
	CloseOnly       bool       `json:"close_only" doc:"Whether it winds down: it buys nothing, and stops by itself once it holds nothing." example:"false"`
	Breaker         *breaker   `json:"breaker,omitempty" doc:"The circuit breaker that keeps it from buying; missing if none does."`
	CoolUntil       *time.Time `json:"cool_down_until" doc:"Until when it buys nothing after a protective exit that lost; null if it does not cool down." example:"2026-01-02T16:04:05Z"`
	Summary         *summary   `json:"summary,omitempty" doc:"The bot's account at a glance; missing until the bot has traded or seen a candle."`
	CreatedAt       time.Time  `json:"created_at" doc:"When it was made." example:"2026-01-02T15:04:05Z"`
	UpdatedAt       time.Time  `json:"updated_at" doc:"When its status last changed." example:"2026-01-02T15:04:05Z"`
}

// breaker is a bound of a bot's equity that was reached.
type breaker struct {
	Kind   string     `json:"kind" enum:"daily_loss,drawdown" doc:"Which bound was reached." example:"drawdown"`
	Reason string     `json:"reason" doc:"The figures." example:"the largest drawdown of 15 % is reached"`
	Since  time.Time  `json:"since" doc:"When it was reached, in market time." example:"2026-01-02T15:04:05Z"`
	Until  *time.Time `json:"until" doc:"When it ends; null if somebody has to resume the bot." example:"2026-01-03T00:00:00Z"`
}

// summary is a bot's account at a glance.
type summary struct {
	Equity       decimal.Decimal `json:"equity" doc:"What the account is worth, in the counter currency."`
	Cash         decimal.Decimal `json:"cash" doc:"Money in the account, in the counter currency."`
	FreeCash     decimal.Decimal `json:"free_cash" doc:"Money that no open order holds."`
	Profit       decimal.Decimal `json:"profit" doc:"Equity against the starting balance."`
	Realised     decimal.Decimal `json:"realised" doc:"Profit of closed trades, fees taken off."`
	Unrealised   decimal.Decimal `json:"unrealised" doc:"Profit of the open positions at the present prices."`
	Fees         decimal.Decimal `json:"fees" doc:"Fees paid, in the counter currency."`
	Position     decimal.Decimal `json:"position" doc:"What is held of the trading pair, in its base currency; entry, stop, target and price are of that pair too."`
	Entry        decimal.Decimal `json:"entry" doc:"Average price of the position; 0 without one."`
	Stop         decimal.Decimal `json:"stop" doc:"Price of the protective stop; 0 without one."`
	Target       decimal.Decimal `json:"target" doc:"Price at which the profit is taken; 0 without one."`
	Price        decimal.Decimal `json:"price" doc:"The market's price."`
	MaxDrawdown  decimal.Decimal `json:"max_drawdown" doc:"The deepest fall from a peak of the equity, as a fraction of the peak." example:"0.08"`
	Trades       int64           `json:"trades" doc:"Closed trades."`
	Fills        int64           `json:"fills" doc:"Executions."`
	OpenOrders   int64           `json:"open_orders" doc:"Orders that rest in the market."`
	LastDecision string          `json:"last_decision" doc:"The newest explanation." example:"No cross: 10-average 412,300 above 30-average 411,870"`
	Positions    []position      `json:"positions" doc:"What is held in each pair, the trading pair first; empty for a bot of one pair."`
	Since        *time.Time      `json:"since" doc:"When the account began, in market time; null if that was not noted." example:"2026-01-02T15:04:05Z"`
}

// position is what a bot holds in one of several pairs.
type position struct {
	Pair       string          `json:"pair" doc:"The market's symbol." example:"ETHMYR"`
	Position   decimal.Decimal `json:"position" doc:"What is held, in the base currency."`
	Worth      decimal.Decimal `json:"worth" doc:"What that is worth at the present price, in the counter currency."`
	Entry      decimal.Decimal `json:"entry" doc:"Average price of the position; 0 without one."`
	Stop       decimal.Decimal `json:"stop" doc:"Price of the protective stop; 0 without one."`
	Target     decimal.Decimal `json:"target" doc:"Price at which the profit is taken; 0 without one."`
	Price      decimal.Decimal `json:"price" doc:"The market's price."`
	Realised   decimal.Decimal `json:"realised" doc:"Profit of closed trades, fees taken off."`
	Unrealised decimal.Decimal `json:"unrealised" doc:"Profit of the open position at the present price."`
	Fees       decimal.Decimal `json:"fees" doc:"Fees paid, in the counter currency."`
	OpenOrders int64           `json:"open_orders" doc:"Orders that rest in the market."`
}

func summaryView(s journal.Summary) *summary {
	positions := make([]position, len(s.Positions))
	for i, p := range s.Positions {
		positions[i] = position(p)
	}
	return &summary{
		Equity: s.Equity, Cash: s.Cash, FreeCash: s.FreeCash, Profit: s.Profit, Realised: s.Realised, Unrealised: s.Unrealised, Fees: s.Fees,
		Position: s.Position, Entry: s.Entry, Stop: s.Stop, Target: s.Target, Price: s.Price, MaxDrawdown: s.MaxDrawdown, Trades: s.Trades,
		Fills: s.Fills, OpenOrders: s.OpenOrders, LastDecision: s.LastDecision, Positions: positions, Since: moment(s.Since),
	}
}

func viewOf(b bot.Bot, s map[string]journal.Summary) botView {
	v := botView{
		ID: b.ID, ConfigID: b.ConfigID, Name: b.Name, TradingPair: b.Pair, FurtherPairs: listOfPairs(b.Also), StrategyType: b.Strategy, StrategyVersion: b.StrategyVersion, Mode: string(b.Mode), AccountID: b.AccountID, Interval: bot.IntervalName(b.Interval),
		Status: string(b.Status), StatusReason: b.Reason, Guarded: b.Guarded(), CloseOnly: b.CloseOnly, StartedAt: moment(b.StartedAt), CreatedAt: b.CreatedAt.UTC(), UpdatedAt: b.UpdatedAt.UTC(),
	}
	if found, ok := s[b.ID]; ok && found.Ledger == b.Ledger {
		v.Summary, v.CoolUntil = summaryView(found), moment(found.CoolUntil)
		if b := found.Breaker; b != nil {
			v.Breaker = &breaker{Kind: b.Kind, Reason: b.Reason, Since: b.Since, Until: moment(b.Until)}
		}
	}
	return v
}

// BotPath is a bot in a path.
type BotPath struct {
	ID string `path:"bot_id" doc:"The bot's id."`
}

// botUpdate is the input that changes a bot.
type botUpdate struct {
	BotPath
	Body body[configChange]
}

func (in *botUpdate) check(ctx context.Context, a *API, who tenancy.Principal) error {
	b, err := a.cfg.Bots.Bot(ctx, who, in.ID)
	if err != nil {
		return err
	}
	return a.cfg.Bots.CheckUpdate(ctx, who, b.ConfigID, in.Body.Value.input())
}

func (a *API) botRoutes() {
	const all, one = "/api/v1/trading/bots", "/api/v1/trading/bots/{bot_id}"
	handle(a, operation{
		method: http.MethodGet, path: all, id: "list-bots", tag: tagBots,
		summary: "List bots", description: "Lists the tenant's bots, newest first.",
	}, a.listBots)
	handle(a, operation{
		method: http.MethodGet, path: one, id: "get-bot", tag: tagBots,
		summary: "Get a bot", description: "Shows one bot with its account at a glance.",
	}, a.getBot)
	for _, m := range []struct{ method, id, summary string }{
		{http.MethodPatch, "update-bot", "Change a bot"}, {http.MethodPut, "put-bot", "Change a bot (PUT)"},
	} {
		handle(a, operation{
			method: m.method, path: one, id: m.id, tag: tagBots, summary: m.summary, fails: []errs.Kind{errs.Conflict},
			description: "Changes the configuration of a stopped bot: the fields that are given; what is left out stays as it is.",
		}, a.updateBot)
	}
	handle(a, operation{
		method: http.MethodDelete, path: one, id: "delete-bot", tag: tagBots, fails: []errs.Kind{errs.Conflict},
		summary:     "Delete a bot",
		description: "Removes a stopped bot with its configuration and history, and gives its place in the plan back.",
	}, a.deleteBot)
	handle(a, operation{
		method: http.MethodPost, path: one + "/start", id: "start-bot", tag: tagBots, fails: []errs.Kind{errs.Conflict, errs.LimitExceeded},
		summary:     "Start a bot",
		description: "Asks for the bot to run; a worker takes it up. The answer shows the bot as starting. Starting one that is to run already changes nothing.",
	}, a.startBot)
	handle(a, operation{
		method: http.MethodPost, path: one + "/stop", id: "stop-bot", tag: tagBots, fails: []errs.Kind{errs.Conflict},
		summary:     "Stop a bot",
		description: "Asks for the bot to stop. The answer shows the bot as stopping. Stopping a stopped one changes nothing.",
	}, a.stopBot)
	for _, o := range []struct {
		path, id, summary, description string
		do                             func(context.Context, tenancy.Principal, string) (bot.Bot, error)
	}{
		{
			"/close-only", "begin-close-only", "Wind a bot down",
			"From now on the bot buys nothing and its open buys are taken back; sells and protective exits go on. Once it holds nothing and has no order it stops by itself.", a.closeOnly(true),
		},
		{"/close-only/end", "end-close-only", "Let a bot that winds down buy again", "Ends what winding the bot down began.", a.closeOnly(false)},
		{
			"/breaker/resume", "resume-breaker", "Resume a bot after its largest drawdown",
			"Lets the bot buy again; its drawdown is counted from what it has then. A daily loss is not lifted: it ends with the day of UTC.", a.cfg.Bots.ResumeBreaker,
		},
	} {
		handle(a, operation{
			method: http.MethodPost, path: one + o.path, id: o.id, tag: tagBots, fails: []errs.Kind{errs.Conflict}, summary: o.summary, description: o.description,
		}, a.steered(o.do))
	}
	handle(a, operation{
		method: http.MethodPost, path: one + "/upgrade", id: "upgrade-bot", tag: tagBots, fails: []errs.Kind{errs.Conflict, errs.LimitExceeded, errs.Stale},
		summary: "Change the version of a bot's strategy",
		description: "Pins the bot to another version, newer or older. A running bot goes on in it with its state within seconds; if that version does not take the state, " +
			"the bot stays with the one that it has and upgrade_fault of its configuration says why. A stopped bot begins anew at its next start.",
	}, a.upgradeBot)
}

// botAnswered adds the summary to a bot.
func (a *API) botAnswered(ctx context.Context, who tenancy.Principal, b bot.Bot, err error) (*answer[botView], error) {
	if err != nil {
		return nil, err
	}
	s, err := a.cfg.Journal.Summaries(ctx, who.TenantID, b.ID)
	if err != nil {
		return nil, err
	}
	return &answer[botView]{Body: viewOf(b, s)}, nil
}

func (a *API) listBots(ctx context.Context, who tenancy.Principal, in *struct{ ListQuery }) (*answer[listOf[botView]], error) {
	of := list{"bots", who.TenantID}
	p, err := a.cursors.page(in.ListQuery, of)
	if err != nil {
		return nil, err
	}
	l, err := a.cfg.Bots.Bots(ctx, who, p)
	if err != nil {
		return nil, err
	}
	s, err := a.summaries(ctx, who, l)
	if err != nil {
		return nil, err
	}
	return listed(a.cursors, of, l, func(b bot.Bot) botView { return viewOf(b, s) }), nil
}

func (a *API) summaries(ctx context.Context, who tenancy.Principal, l page.List[bot.Bot]) (map[string]journal.Summary, error) {
	if len(l.Items) == 0 {
		return nil, nil
	}
	ids := make([]string, len(l.Items))
	for i, b := range l.Items {
		ids[i] = b.ID
	}
	return a.cfg.Journal.Summaries(ctx, who.TenantID, ids...)
}

func (a *API) getBot(ctx context.Context, who tenancy.Principal, in *struct{ BotPath }) (*answer[botView], error) {
	b, err := a.cfg.Bots.Bot(ctx, who, in.ID)
	return a.botAnswered(ctx, who, b, err)
}

func (a *API) updateBot(ctx context.Context, who tenancy.Principal, in *botUpdate) (*answer[botView], error) {
	b, err := a.cfg.Bots.Bot(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	if _, err := a.cfg.Bots.Update(ctx, who, b.ConfigID, in.Body.Value.input()); err != nil {
		return nil, err
	}
	b, err = a.cfg.Bots.Bot(ctx, who, in.ID)
	return a.botAnswered(ctx, who, b, err)
}

func (a *API) deleteBot(ctx context.Context, who tenancy.Principal, in *struct{ BotPath }) (*nothing, error) {
	return nil, a.cfg.Bots.Delete(ctx, who, in.ID)
}

func (a *API) startBot(ctx context.Context, who tenancy.Principal, in *struct{ BotPath }) (*answer[botView], error) {
	b, err := a.cfg.Bots.Start(ctx, who, in.ID)
	return a.botAnswered(ctx, who, b, err)
}

func (a *API) stopBot(ctx context.Context, who tenancy.Principal, in *struct{ BotPath }) (*answer[botView], error) {
	b, err := a.cfg.Bots.Stop(ctx, who, in.ID)
	return a.botAnswered(ctx, who, b, err)
}

// closeOnly begins or ends winding a bot down.
func (a *API) closeOnly(on bool) func(context.Context, tenancy.Principal, string) (bot.Bot, error) {
	return func(ctx context.Context, who tenancy.Principal, id string) (bot.Bot, error) {
		return a.cfg.Bots.CloseOnly(ctx, who, id, on)
	}
}

// steered answers with the bot after something was wanted of it.
func (a *API) steered(do func(context.Context, tenancy.Principal, string) (bot.Bot, error)) func(context.Context, tenancy.Principal, *struct{ BotPath }) (*answer[botView], error) {
	return func(ctx context.Context, who tenancy.Principal, in *struct{ BotPath }) (*answer[botView], error) {
		b, err := do(ctx, who, in.ID)
		return a.botAnswered(ctx, who, b, err)
	}
}
