package api

import (
	"context"
	"net/http"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

// liveTerms is the body that asks what going live would mean.
type liveTerms struct {
	AccountID string  `json:"account_id,omitempty" validate:"max=100" doc:"The exchange account whose money the bot shall use." example:"0197e1a2-6f00-7a00-8000-000000000009"`
	Balance   *amount `json:"balance,omitempty" doc:"How much of the account's counter currency the bot may use; what it has on paper if left out." example:"\"1000\""`
}

func (t liveTerms) input() bot.GoLiveInput {
	in := bot.GoLiveInput{AccountID: t.AccountID}
	if t.Balance != nil {
		in.Balance = &t.Balance.Decimal
	}
	return in
}

// liveDecision is the body that takes a bot live.
type liveDecision struct {
	AccountID string  `json:"account_id" validate:"required,max=100" doc:"The exchange account whose money the bot shall use." example:"0197e1a2-6f00-7a00-8000-000000000009"`
	Balance   *amount `json:"balance,omitempty" doc:"How much of the account's counter currency the bot may use; what it has on paper if left out." example:"\"1000\""`
	Confirm   string  `json:"confirm" validate:"required,max=200" doc:"The bot's name, typed by whoever decides." example:"Morning cross"`
	Waive     bool    `json:"waive,omitempty" doc:"Do without a paper run of an hour in the present configuration; it is put on record." example:"false"`
}

// liveSummary is what there is to know before a bot moves real money.
type liveSummary struct {
	Account   string          `json:"account" doc:"The account's name; empty if none was chosen." example:"Main"`
	Currency  string          `json:"currency" doc:"The currency of the amounts." example:"MYR"`
	Balance   decimal.Decimal `json:"balance" doc:"What the bot may use, and so the most that it can lose." example:"1000"`
	Held      decimal.Decimal `json:"held" doc:"What the account was last seen to hold of the currency." example:"2500"`
	Free      decimal.Decimal `json:"free" doc:"What of that no bot may use." example:"1500"`
	HeldAt    *time.Time      `json:"held_at" doc:"When that was seen; null if it was not."`
	PaperRun  paperRun        `json:"paper_run" doc:"What the bot has shown on paper in its present configuration."`
	Waiver    bool            `json:"needs_waiver" doc:"Whether the paper run is too short, so that it must be waived."`
	PaperFee  string          `json:"paper_fee_percent" doc:"What a side costs on paper, in per cent; the exchange's fees are its own." example:"0.25"`
	Risk      risk            `json:"risk" doc:"The bounds; without a stop-loss nothing but the strategy ends a loss."`
	Obstacles []obstacle      `json:"obstacles" doc:"Why going live would be refused, the weightiest first; empty if it would not."`
}

// paperRun is what a bot has shown on paper.
type paperRun struct {
	Seconds     int64           `json:"seconds" doc:"How long it has run, in market time." example:"5400"`
	MaxDrawdown decimal.Decimal `json:"max_drawdown" doc:"The deepest fall of the account from a peak, as a fraction." example:"0.04"`
	Profit      decimal.Decimal `json:"profit" doc:"What the account gained or lost." example:"12.5"`
	Fees        decimal.Decimal `json:"fees" doc:"What it paid in fees." example:"3.2"`
	Trades      int64           `json:"trades" doc:"Round trips." example:"14"`
}

// obstacle is a reason why something about a live bot would be refused.
type obstacle struct {
	Code   string  `json:"code" doc:"A stable name, as the refusal has it." example:"allocation_unavailable"`
	Detail string  `json:"detail" doc:"The reason, and what to do."`
	Errors []fault `json:"errors,omitempty" doc:"The faulty fields."`
}

func liveSummaryView(s bot.LiveSummary) liveSummary {
	return liveSummary{
		Account: s.Account.Name, Currency: s.Currency, Balance: s.Balance, Held: s.Held, Free: s.Free, HeldAt: moment(s.Account.BalancesAt),
		PaperRun: paperRun{
			Seconds: int64(s.Paper.Lasted / time.Second), MaxDrawdown: s.Paper.MaxDrawdown, Profit: s.Paper.Profit, Fees: s.Paper.Fees, Trades: s.Paper.Trades,
		},
		Waiver: !s.Proven, PaperFee: percentOf(s.Fees.Taker), Risk: risk(s.Risk), Obstacles: obstaclesOf(s.Obstacles),
	}
}

func obstaclesOf(list []*errs.Error) []obstacle {
	views := []obstacle{}
	for _, e := range list {
		o := obstacle{Code: e.Code, Detail: e.Message}
		for _, f := range e.Fields {
			o.Errors = append(o.Errors, fault{Pointer: f.Path, Detail: f.Reason})
		}
		views = append(views, o)
	}
	return views
}

// percentOf writes a rate in per cent.
func percentOf(r exchange.Rate) string {
	return decimal.NewFromInt(int64(r)).Mul(decimal.NewFromInt(100)).Div(decimal.NewFromInt(int64(exchange.RateOne))).String()
}

// modeChange is the input that takes a bot back to paper.
type modeChange struct {
	BotPath
	IfMatch string `header:"If-Match" validate:"max=100" doc:"The ETag of the configuration that the decision is meant for. Without it, the newest is meant." example:"\"1\""`
}

// goingLive is the input that takes a bot live.
type goingLive struct {
	BotPath
	IfMatch string `header:"If-Match" validate:"max=100" doc:"The ETag of the configuration that the decision is meant for. Without it, the newest is meant." example:"\"1\""`
	Body    body[liveDecision]
}

// livePreview is the input that asks what going live would mean.
type livePreview struct {
	BotPath
	Body body[liveTerms]
}

func (a *API) liveRoutes() {
	const one = "/api/v1/trading/bots/{bot_id}"
	handle(a, operation{
		method: http.MethodPost, path: one + "/live/preview", id: "preview-live", tag: tagLive, fails: []errs.Kind{errs.Conflict},
		summary:     "See what going live would mean",
		description: "Tells what the bot could lose, what it has shown on paper, how much of the account's money is free, and what stands against it. Nothing changes.",
	}, a.previewLive)
	handle(a, operation{
		method: http.MethodPost, path: one + "/live", id: "go-live", tag: tagLive, fails: []errs.Kind{errs.Conflict, errs.Stale},
		summary: "Take a bot live",
		description: "From its next start on the bot trades with the account's money, and with no more of it than its balance. It must be stopped, have run on paper " +
			"for an hour of market time in its present configuration or be waived that, and its name must be confirmed. Two bots are never given the same money. " +
			"Owners and administrators of the tenant may do this.",
	}, a.goLive)
	handle(a, operation{
		method: http.MethodPost, path: one + "/paper", id: "go-paper", tag: tagLive, fails: []errs.Kind{errs.Conflict, errs.Stale},
		summary:     "Take a bot back to paper",
		description: "The bot trades simulated money from its next start on. What it holds stays on the account and is the tenant's. It must be stopped, and its orders over.",
	}, a.goPaper)
	a.writeOffRoutes(one)
}

func (a *API) previewLive(ctx context.Context, who tenancy.Principal, in *livePreview) (*answer[liveSummary], error) {
	s, err := a.cfg.Bots.Preview(ctx, who, in.ID, in.Body.Value.input())
	if err != nil {
		return nil, err
	}
	return &answer[liveSummary]{Body: liveSummaryView(s)}, nil
}

func (a *API) goLive(ctx context.Context, who tenancy.Principal, in *goingLive) (*configAnswer, error) {
	d := in.Body.Value
	terms := liveTerms{AccountID: d.AccountID, Balance: d.Balance}.input()
	terms.Confirm, terms.Waive, terms.Version = d.Confirm, d.Waive, version(in.IfMatch)
	return configAnswered(a.cfg.Bots.GoLive(ctx, who, in.ID, terms))
}

func (a *API) goPaper(ctx context.Context, who tenancy.Principal, in *modeChange) (*configAnswer, error) {
	return configAnswered(a.cfg.Bots.GoPaper(ctx, who, in.ID, version(in.IfMatch)))
}
