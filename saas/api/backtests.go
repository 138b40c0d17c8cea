package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/live"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/strategy/backtest/backtestreport"
	"github.com/lunobot/lunobot/strategy/perf"
	"github.com/lunobot/lunobot/tenancy"
)

// backtest is a run as the API shows it.
type backtest struct {
	ID           string                     `json:"id" doc:"Identifies the backtest." example:"0197e1a2-6f00-7a00-8000-000000000006"`
	Name         string                     `json:"name" doc:"What it is called." example:"Cross over a year"`
	Kind         string                     `json:"kind" enum:"backtest,sweep,walkforward" doc:"Whether it runs one set of parameters, tries many, or chooses one window by window." example:"backtest"`
	Search       *searchView                `json:"search,omitempty" doc:"What a sweep or a walk-forward tries."`
	Source       string                     `json:"source" enum:"market,store" doc:"Where its candles are from: the market that bots trade in, or the operator's store." example:"market"`
	TradingPair  string                     `json:"trading_pair" doc:"The market's symbol." example:"XBTMYR"`
	FurtherPairs []string                   `json:"further_pairs" doc:"Further pairs that are traded with the same balance, in the order in which the strategy hears them." example:"[\"ETHMYR\"]"`
	Recorded     string                     `json:"recorded_interval" doc:"The length of the recorded candles." example:"1m"`
	StrategyType string                     `json:"strategy_type" doc:"The strategy's name." example:"basic"`
	Version      string                     `json:"strategy_version" doc:"The version that it is run with; empty for the one that the server contains, which the result names." example:"1.0.0"`
	Parameters   object                     `json:"parameters" doc:"The strategy's parameters, complete."`
	Interval     string                     `json:"interval" enum:"1m,5m,15m,30m,1h,4h,1d" doc:"The length of the candles that the strategy decides on." example:"1h"`
	From         time.Time                  `json:"from" doc:"When the first candle opens." example:"2025-01-01T00:00:00Z"`
	To           time.Time                  `json:"to" doc:"When the last one closes." example:"2026-01-01T00:00:00Z"`
	Balance      decimal.Decimal            `json:"balance" doc:"Cash to begin with, in the counter currency." example:"10000"`
	MakerFee     decimal.Decimal            `json:"maker_fee" doc:"Fee of resting orders, as a fraction." example:"0.0025"`
	TakerFee     decimal.Decimal            `json:"taker_fee" doc:"Fee of orders that trade at once, as a fraction." example:"0.0025"`
	Slippage     decimal.Decimal            `json:"slippage" doc:"By how much orders that take from the book trade worse, as a fraction." example:"0"`
	Holding      decimal.Decimal            `json:"holding" doc:"What was held of the base currency to begin with, valued at the first open." example:"0"`
	Holdings     map[string]decimal.Decimal `json:"holdings,omitempty" doc:"The same of further pairs, by pair; left out if there is none." example:"{\"ETHMYR\":\"1\"}"`
	FeeTiers     []feeTier                  `json:"fee_tiers,omitempty" doc:"The fees from a value on that was traded in the 30 days before the present one; left out if there are none."`
	Spread       decimal.Decimal            `json:"spread" doc:"Distance of bid and ask, as a fraction; orders that take from the book pay half." example:"0"`
	RangeShare   decimal.Decimal            `json:"range_share" doc:"Share of a candle's range by which orders that take from the book trade worse." example:"0"`
	Impact       decimal.Decimal            `json:"impact" doc:"By how much an order of a candle's whole volume moves the price, as a fraction." example:"0"`
	MaxShare     decimal.Decimal            `json:"max_share" doc:"Share of a candle's volume that an order may take; 0 is all." example:"0"`
	LatencyMS    int64                      `json:"latency_ms" doc:"How long an order takes to the exchange, in milliseconds." example:"0"`
	Risk         risk                       `json:"risk" doc:"The tenant's own bounds."`
	FullLook     bool                       `json:"full_look_ahead" doc:"Whether it looks for knowledge of the future at every entry and exit, instead of at a few places." example:"false"`

	Status       string     `json:"status" enum:"queued,running,done,failed,cancelled" doc:"Where it stands." example:"running"`
	StatusReason string     `json:"status_reason" doc:"Why it failed or was cancelled, or why it waits if that is not for a worker, as a sentence; empty else."`
	Done         int64      `json:"done" doc:"How many candles have been run, or sets of a sweep or a walk-forward." example:"131400"`
	Total        int64      `json:"total" doc:"How many there are; orders meet minutes, or the longer candles if these would be too many. The full look for knowledge of the future counts as many again." example:"525600"`
	Percent      int        `json:"percent" doc:"How much of it is done." example:"25"`
	Attempt      int64      `json:"attempt" doc:"How often it was begun." example:"1"`
	CreatedAt    time.Time  `json:"created_at" doc:"When it was asked for." example:"2026-01-02T15:04:05Z"`
	StartedAt    *time.Time `json:"started_at" doc:"When it was last begun; null before."`
	FinishedAt   *time.Time `json:"finished_at" doc:"When it was over; null before."`
	Figures      *figures   `json:"figures,omitempty" doc:"The headline figures; missing until it is done."`
}

// figures are the figures of a run as the API shows them.
type figures struct {
	InitialEquity decimal.Decimal `json:"initial_equity" doc:"What the account was worth to begin with." example:"10000"`
	FinalEquity   decimal.Decimal `json:"final_equity" doc:"What the account was worth at the end." example:"11200"`
	Profit        decimal.Decimal `json:"profit" doc:"The difference of the two." example:"1200"`
	Fees          decimal.Decimal `json:"fees" doc:"All fees that were paid." example:"84.2"`
	HeldEquity    decimal.Decimal `json:"buy_and_hold_equity" doc:"What buying at the first open and holding would have given, before fees; of several pairs, equal shares of each." example:"10800"`
	TotalReturn   perf.Number     `json:"total_return" doc:"Profit as a share of what the account was worth to begin with." example:"0.12"`
	BuyAndHold    perf.Number     `json:"buy_and_hold" doc:"Return of holding." example:"0.08"`
	MaxDrawdown   perf.Number     `json:"max_drawdown" doc:"The deepest fall below a peak, as a share of it." example:"0.09"`
	CAGR          perf.Number     `json:"cagr" doc:"Compound growth a year; null for less than a day." example:"0.12"`
	Volatility    perf.Number     `json:"volatility" doc:"Standard deviation of daily returns, made annual." example:"0.3"`
	Sharpe        perf.Number     `json:"sharpe" doc:"Sharpe ratio of daily returns, made annual." example:"1.1"`
	Sortino       perf.Number     `json:"sortino" doc:"Sortino ratio of daily returns, made annual." example:"1.6"`
	Calmar        perf.Number     `json:"calmar" doc:"Growth a year divided by the largest drawdown." example:"0.9"`
	Exposure      perf.Number     `json:"exposure" doc:"Share of the time in which a position was held." example:"0.5"`
	Trades        int             `json:"trades" doc:"How many trades were closed." example:"42"`
	WinRate       perf.Number     `json:"win_rate" doc:"Share of the trades that gained." example:"0.48"`
	ProfitFactor  perf.Number     `json:"profit_factor" doc:"Sum of the gains divided by that of the losses; null without a loss." example:"1.3"`
	Warnings      int             `json:"warnings" doc:"How many warnings the report has." example:"1"`
	Best          object          `json:"best_parameters,omitempty" doc:"The parameters of a sweep's best set, of which these figures are; left out of others, and without a best set."`
}

// furtherPairs names the further pairs of a run; it is never null.
func furtherPairs(r research.Run) []string {
	out := []string{}
	for _, m := range r.Further {
		out = append(out, m.Pair)
	}
	return out
}

func backtestView(r research.Run) backtest {
	v := backtest{
		ID: r.ID, Name: r.Name, Kind: string(r.Kind), Search: searchViewOf(r.Search), Source: string(r.Source), TradingPair: r.Pair, FurtherPairs: furtherPairs(r), Recorded: recordedName(r.Recorded), StrategyType: r.Strategy, Version: r.StrategyVersion, Parameters: object(r.Parameters), Interval: bot.IntervalName(r.Interval),
		From: r.From.UTC(), To: r.To.UTC(), Balance: r.Balance, MakerFee: r.MakerFee, TakerFee: r.TakerFee, Slippage: r.Slippage, Risk: risk(r.Risk), FullLook: r.FullLook,
		Holding: r.Terms.Holding, Holdings: r.Terms.Holdings, FeeTiers: feeTiersView(r.Terms.FeeTiers), Spread: r.Terms.Spread, RangeShare: r.Terms.RangeShare, Impact: r.Terms.Impact, MaxShare: r.Terms.MaxShare,
		LatencyMS: r.Terms.Latency.Milliseconds(),
		Status:    string(r.Status), StatusReason: r.Reason, Done: r.Done, Total: r.Total, Percent: r.Percent(), Attempt: r.Attempt,
		CreatedAt: r.CreatedAt.UTC(), StartedAt: moment(r.StartedAt), FinishedAt: moment(r.FinishedAt),
	}
	if f := r.Figures; f != nil {
		v.Figures = &figures{
			InitialEquity: f.Initial, FinalEquity: f.Final, Profit: f.Profit, Fees: f.Fees, HeldEquity: f.Held, TotalReturn: f.Return,
			BuyAndHold: f.HoldReturn, MaxDrawdown: f.Drawdown, CAGR: f.CAGR, Volatility: f.Volatility, Sharpe: f.Sharpe, Sortino: f.Sortino,
			Calmar: f.Calmar, Exposure: f.Exposure, Trades: f.Trades, WinRate: f.WinRate, ProfitFactor: f.ProfitFactor, Warnings: f.Warnings, Best: object(f.Best),
		}
	}
	return v
}

// feeTier is the fees from a traded value on, as the API shows them.
type feeTier struct {
	Volume   decimal.Decimal `json:"volume" doc:"The least value traded, in the counter currency." example:"100000"`
	MakerFee decimal.Decimal `json:"maker_fee" doc:"Fee of resting orders from there on, as a fraction." example:"0.001"`
	TakerFee decimal.Decimal `json:"taker_fee" doc:"Fee of orders that trade at once, as a fraction." example:"0.0015"`
}

func feeTiersView(tiers []research.FeeTier) (out []feeTier) {
	for _, t := range tiers {
		out = append(out, feeTier(t))
	}
	return out
}

// newFeeTier is a feeTier that comes in.
type newFeeTier struct {
	Volume   amount `json:"volume" doc:"The least value traded, in the counter currency." example:"\"100000\""`
	MakerFee amount `json:"maker_fee" doc:"Fee of resting orders from there on, as a fraction." example:"\"0.001\""`
	TakerFee amount `json:"taker_fee" doc:"Fee of orders that trade at once, as a fraction." example:"\"0.0015\""`
}

func feeTiers(tiers []newFeeTier) (out []research.FeeTier) {
	for _, t := range tiers {
		out = append(out, research.FeeTier{Volume: t.Volume.Decimal, MakerFee: t.MakerFee.Decimal, TakerFee: t.TakerFee.Decimal})
	}
	return out
}

// newBacktest is the body that makes a run.
type newBacktest struct {
	Kind         string       `json:"kind,omitempty" validate:"omitempty,oneof=backtest sweep walkforward" doc:"Whether to run one set of parameters, to try many, or to choose one window by window; a backtest if it is left out. The others take a plan with advanced backtests." example:"backtest"`
	Search       *newSearch   `json:"search,omitempty" doc:"What a sweep or a walk-forward tries; required for these."`
	Name         string       `json:"name,omitempty" validate:"max=80" doc:"What it shall be called; the strategy and the pair if it is left out." example:"Cross over a year"`
	Source       string       `json:"source,omitempty" validate:"omitempty,oneof=market store" doc:"Where the candles are from: the market that bots trade in, which is meant if it is left out, or the operator's store." example:"market"`
	TradingPair  string       `json:"trading_pair" validate:"required,max=32" doc:"The symbol of a market of the source." example:"XBTMYR"`
	FurtherPairs []string     `json:"further_pairs,omitempty" doc:"Further pairs of the source to trade with the same balance, at most 8 and of the same counter currency; only for a strategy that trades several. Their candles come from the same history, and the candles of all pairs count toward the most that are run, as their days do toward the plan's days of data." example:"[\"ETHMYR\"]"`
	Recorded     string       `json:"recorded_interval,omitempty" validate:"max=20" doc:"The length of the recorded candles, for a source that has several; the shortest if it is left out." example:"1m"`
	StrategyType string       `json:"strategy_type" validate:"required,max=64" doc:"The strategy's name." example:"basic"`
	Version      string       `json:"strategy_version,omitempty" validate:"max=100" doc:"The version to run, such as the one that a bot is pinned to; if it is left out, what the server contains, or else the newest." example:"1.0.0"`
	Parameters   object       `json:"parameters,omitempty" doc:"The strategy's parameters; those that are left out have their defaults."`
	Interval     string       `json:"interval,omitempty" validate:"omitempty,oneof=1m 5m 15m 30m 1h 4h 1d" doc:"The length of the candles that the strategy decides on; 1m if it is left out. Orders meet every minute, as a bot's do." example:"1h"`
	From         *when        `json:"from,omitempty" doc:"When to begin; 30 days before the end if it is left out. It is cut to whole candles." example:"\"2025-01-01\""`
	To           *when        `json:"to,omitempty" doc:"When to end; at the newest candle if it is left out." example:"\"2026-01-01\""`
	Balance      *amount      `json:"balance,omitempty" doc:"Cash to begin with, in the counter currency; 10000 if it is left out. It may be 0 with a holding." example:"\"10000\""`
	MakerFee     *amount      `json:"maker_fee,omitempty" doc:"Fee of resting orders, as a fraction; that of paper bots if it is left out." example:"\"0.0025\""`
	TakerFee     *amount      `json:"taker_fee,omitempty" doc:"Fee of orders that trade at once, as a fraction; that of paper bots if it is left out." example:"\"0.0025\""`
	Slippage     *amount      `json:"slippage,omitempty" doc:"By how much orders that take from the book trade worse, as a fraction; 0 if it is left out." example:"\"0.0005\""`
	Holding      *amount      `json:"holding,omitempty" doc:"What is held of the base currency to begin with, valued at the first open; 0 if it is left out." example:"\"0.5\""`
	Holdings     amounts      `json:"holdings,omitempty" doc:"The same of further pairs, by pair." example:"{\"ETHMYR\":\"1\"}"`
	FeeTiers     []newFeeTier `json:"fee_tiers,omitempty" doc:"Fees that replace the others from a value on that was traded in the 30 days before the present one, in all pairs together; at most 10, the smallest value first."`
	Spread       *amount      `json:"spread,omitempty" doc:"Distance of bid and ask, as a fraction; orders that take from the book pay half. 0 if it is left out." example:"\"0.001\""`
	RangeShare   *amount      `json:"range_share,omitempty" doc:"Share of a candle's range by which orders that take from the book trade worse; 0 if it is left out." example:"\"0.1\""`
	Impact       *amount      `json:"impact,omitempty" doc:"By how much an order of a candle's whole volume moves the price, as a fraction; smaller ones move it by the square of their share. 0 if it is left out." example:"\"0.01\""`
	MaxShare     *amount      `json:"max_share,omitempty" doc:"Share of a candle's volume that an order may take; all if it is 0 or left out." example:"\"0.1\""`
	LatencyMS    int          `json:"latency_ms,omitempty" validate:"min=0,max=86400000" doc:"How long an order takes to the exchange, in milliseconds." example:"500"`
	Risk         *riskInput   `json:"risk,omitempty" doc:"The tenant's own bounds, as a bot's."`
	FullLook     bool         `json:"full_look_ahead,omitempty" doc:"Look for knowledge of the future at every entry and exit, up to 1,000 of them, which takes as long as hundreds of backtests; only for the kind backtest. If it is left out, a few places are looked at." example:"false"`
}

func (n newBacktest) input() research.CreateInput {
	number := func(a *amount) *decimal.Decimal {
		if a == nil {
			return nil
		}
		return &a.Decimal
	}
	return research.CreateInput{
		Kind: research.Kind(n.Kind), Search: n.Search.search(), Name: n.Name, Source: research.Source(n.Source), Pair: n.TradingPair, Also: n.FurtherPairs, Recorded: recorded(n.Recorded), Strategy: n.StrategyType, StrategyVersion: n.Version, Parameters: json.RawMessage(n.Parameters), Interval: bot.ParseInterval(n.Interval),
		From: or(n.From).Time, To: or(n.To).Time, Balance: number(n.Balance), MakerFee: number(n.MakerFee), TakerFee: number(n.TakerFee),
		Slippage: number(n.Slippage), Risk: or(n.Risk).risk(), FullLook: n.FullLook,
		Terms: research.Terms{
			Holding: or(n.Holding).Decimal, Holdings: n.Holdings, FeeTiers: feeTiers(n.FeeTiers), Spread: or(n.Spread).Decimal, RangeShare: or(n.RangeShare).Decimal, Impact: or(n.Impact).Decimal,
			MaxShare: or(n.MaxShare).Decimal, Latency: time.Duration(n.LatencyMS) * time.Millisecond,
		},
	}
}

func (n newBacktest) check(ctx context.Context, a *API, who tenancy.Principal) error {
	_, err := a.cfg.Backtests.Check(ctx, who, n.input())
	return err
}

// BacktestPath is a backtest in a path.
type BacktestPath struct {
	ID string `path:"backtest_id" doc:"The backtest's id."`
}

func (a *API) backtestRoutes() {
	const all, one = "/api/v1/backtests", "/api/v1/backtests/{backtest_id}"
	unfinished := []errs.Kind{errs.Conflict}
	handle(a, operation{
		method: http.MethodPost, path: all, id: "create-backtest", tag: tagBacktests, status: http.StatusCreated, fails: []errs.Kind{errs.LimitExceeded},
		summary: "Run a backtest",
		description: "Puts a strategy's run over history into the queue, if the plan has room for it: basic backtests run one at a time and cover a year, " +
			"advanced ones run several at a time, cover more, and include sweeps and walk-forwards.",
	}, a.createBacktest)
	handle(a, operation{
		method: http.MethodGet, path: all, id: "list-backtests", tag: tagBacktests,
		summary: "List backtests", description: "Lists the tenant's backtests, newest first. The newest 100 are kept unless the operator chose otherwise.",
	}, a.listBacktests)
	handle(a, operation{
		method: http.MethodGet, path: one, id: "get-backtest", tag: tagBacktests,
		summary: "Get a backtest", description: "Shows one backtest: how far it is, and its headline figures once it is done.",
	}, a.getBacktest)
	handle(a, operation{
		method: http.MethodGet, path: one + "/result", id: "get-backtest-result", tag: tagBacktests, fails: unfinished,
		media: "application/json", model: reflect.TypeFor[backtestreport.Document](),
		summary:     "Get a backtest's result",
		description: "Shows all that came of a backtest that is done: the figures, every trade, and the equity curve with as many points as are asked for.",
	}, a.backtestResult)
	handle(a, operation{
		method: http.MethodGet, path: one + "/sweep", id: "get-sweep", tag: tagBacktests, fails: unfinished,
		media: "application/json", model: reflect.TypeFor[backtestreport.SearchDocument](),
		summary:     "Get a sweep's result",
		description: "Shows all that came of a sweep that is done: every set with its figures, and how much of the best one luck explains.",
	}, a.sweepResult)
	handle(a, operation{
		method: http.MethodGet, path: one + "/walkforward", id: "get-walkforward", tag: tagBacktests, fails: unfinished,
		media: "application/json", model: reflect.TypeFor[backtestreport.WalkDocument](),
		summary:     "Get a walk-forward's result",
		description: "Shows all that came of a walk-forward that is done: each window with its choice, and the equity after the windows.",
	}, a.walkResult)
	handle(a, operation{
		method: http.MethodGet, path: one + "/report", id: "get-backtest-report", tag: tagBacktests, fails: unfinished, media: "text/html",
		summary:     "Get a backtest's report",
		description: "Shows a backtest that is done as one HTML page that needs nothing else, with charts.",
	}, a.backtestReport)
	handle(a, operation{
		method: http.MethodGet, path: one + "/stream", id: "stream-backtest", tag: tagBacktests, media: "text/event-stream", fails: []errs.Kind{errs.RateLimited},
		summary: "Follow a backtest",
		description: "Server-sent events with JSON as data. The first is `snapshot`, the backtest as GET shows it; then come `progress` with done, total and percent, " +
			"and `status` with status and status_reason. The last is `end`, with a code: `over` if nothing more will come.",
	}, a.streamBacktest)
	handle(a, operation{
		method: http.MethodPost, path: one + "/cancel", id: "cancel-backtest", tag: tagBacktests,
		summary: "Cancel a backtest", description: "Ends a backtest that waits or runs; cancelling one that is over changes nothing.",
	}, a.cancelBacktest)
	handle(a, operation{
		method: http.MethodDelete, path: one, id: "delete-backtest", tag: tagBacktests, fails: unfinished,
		summary: "Delete a backtest", description: "Removes a backtest that is over, with its result.",
	}, a.deleteBacktest)
}

func backtestAnswered(r research.Run, err error) (*answer[backtest], error) {
	if err != nil {
		return nil, err
	}
	return &answer[backtest]{Body: backtestView(r)}, nil
}

func (a *API) createBacktest(ctx context.Context, who tenancy.Principal, in *struct{ Body body[newBacktest] }) (*answer[backtest], error) {
	return backtestAnswered(a.cfg.Backtests.Create(ctx, who, in.Body.Value.input()))
}

func (a *API) listBacktests(ctx context.Context, who tenancy.Principal, in *struct{ ListQuery }) (*answer[listOf[backtest]], error) {
	of := list{"backtests", who.TenantID}
	p, err := a.cursors.page(in.ListQuery, of)
	if err != nil {
		return nil, err
	}
	l, err := a.cfg.Backtests.Runs(ctx, who, p)
	if err != nil {
		return nil, err
	}
	return listed(a.cursors, of, l, backtestView), nil
}

func (a *API) getBacktest(ctx context.Context, who tenancy.Principal, in *struct{ BacktestPath }) (*answer[backtest], error) {
	return backtestAnswered(a.cfg.Backtests.Run(ctx, who, in.ID))
}

func (a *API) cancelBacktest(ctx context.Context, who tenancy.Principal, in *struct{ BacktestPath }) (*answer[backtest], error) {
	return backtestAnswered(a.cfg.Backtests.Cancel(ctx, who, in.ID))
}

func (a *API) deleteBacktest(ctx context.Context, who tenancy.Principal, in *struct{ BacktestPath }) (*nothing, error) {
	return nil, a.cfg.Backtests.Delete(ctx, who, in.ID)
}

func (a *API) streamBacktest(ctx context.Context, who tenancy.Principal, in *struct{ BacktestPath }) (*huma.StreamResponse, error) {
	if _, err := a.cfg.Backtests.Run(ctx, who, in.ID); err != nil {
		return nil, err
	}
	return a.open(ctx, who, stream{
		id: in.ID, live: a.cfg.Progress, last: lastOfBacktest,
		read: func(ctx context.Context) (any, bool, error) {
			r, err := a.cfg.Backtests.Run(ctx, who, in.ID)
			return backtestView(r), r.Status.Over(), err
		},
	})
}

// lastOfBacktest reports whether an update is of a run that is over.
func lastOfBacktest(u live.Update) bool {
	var data struct {
		Status research.Status `json:"status"`
	}
	return u.Type == "status" && json.Unmarshal(u.Data, &data) == nil && data.Status != "" && data.Status.Over()
}
