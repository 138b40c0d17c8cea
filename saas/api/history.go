package api

import (
	"context"
	"net/http"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/tenancy"
)

// order is an order as the API shows it.
type order struct {
	ID          string           `json:"id" doc:"Our id of the order, which the venue knows too." example:"b-7f3a-1-12"`
	Pair        string           `json:"pair" doc:"The market's symbol." example:"XBTMYR"`
	Number      int64            `json:"number" doc:"The order's number within the bot." example:"12"`
	Run         int64            `json:"run" doc:"The bot's run that placed it." example:"1"`
	Side        string           `json:"side" enum:"buy,sell" doc:"Buy or sell." example:"buy"`
	Type        string           `json:"type" enum:"market,limit" doc:"Market or limit." example:"market"`
	Price       *decimal.Decimal `json:"price" nullable:"true" doc:"The limit price; null for a market order."`
	Volume      *decimal.Decimal `json:"volume" nullable:"true" doc:"Ordered volume in the base currency; null for a purchase by value."`
	Value       *decimal.Decimal `json:"value" nullable:"true" doc:"Ordered value in the counter currency; null for an order by volume."`
	PostOnly    bool             `json:"post_only" doc:"Whether it may only add to the book."`
	TimeInForce string           `json:"time_in_force" doc:"How long it stands." example:"GTC"`
	State       string           `json:"state" enum:"denied,submitted,unknown,open,partially_filled,filled,cancelled,rejected,expired" doc:"Where it stands. Denied is our own refusal, rejected the venue's." example:"filled"`
	Reason      string           `json:"reason" doc:"Why it was wanted, or why it was denied, rejected or cancelled."`
	Filled      decimal.Decimal  `json:"filled" doc:"Executed volume."`
	FilledValue decimal.Decimal  `json:"filled_value" doc:"Value of the executed volume."`
	Fee         decimal.Decimal  `json:"fee" doc:"Fees of its fills, in the counter currency."`
	CreatedAt   time.Time        `json:"created_at" doc:"When it was placed, in market time." example:"2026-01-02T15:04:05Z"`
	UpdatedAt   time.Time        `json:"updated_at" doc:"When it last changed, in market time." example:"2026-01-02T15:04:05Z"`
}

func orderView(o journal.Order) order {
	return order{
		ID: o.ClientID, Pair: o.Pair, Number: o.Number, Run: o.Run, Side: o.Side, Type: o.Type, Price: present(o.Price), Volume: present(o.Volume),
		Value: present(o.Value), PostOnly: o.PostOnly, TimeInForce: o.TimeInForce, State: string(o.State), Reason: o.Reason,
		Filled: o.Filled, FilledValue: o.FilledValue, Fee: o.Fee, CreatedAt: o.CreatedAt.UTC(), UpdatedAt: o.UpdatedAt.UTC(),
	}
}

// fill is an execution as the API shows it.
type fill struct {
	Sequence   int64           `json:"sequence" doc:"Identifies the fill within the bot." example:"31"`
	Pair       string          `json:"pair" doc:"The market's symbol." example:"XBTMYR"`
	OrderID    string          `json:"order_id" doc:"The order that was executed." example:"b-7f3a-1-12"`
	Side       string          `json:"side" enum:"buy,sell" doc:"Buy or sell." example:"buy"`
	Price      decimal.Decimal `json:"price" doc:"Price of the execution."`
	Volume     decimal.Decimal `json:"volume" doc:"Volume in the base currency."`
	Value      decimal.Decimal `json:"value" doc:"Value in the counter currency."`
	FeeCounter decimal.Decimal `json:"fee_counter" doc:"Fee in the counter currency."`
	FeeBase    decimal.Decimal `json:"fee_base" doc:"Fee in the base currency."`
	Profit     decimal.Decimal `json:"profit" doc:"What it realised, fees of both sides taken off; 0 for one that opens."`
	Maker      bool            `json:"maker" doc:"Whether it rested in the book before."`
	Time       time.Time       `json:"time" doc:"When it happened, in market time." example:"2026-01-02T15:04:05Z"`
}

func fillView(f journal.Fill) fill {
	return fill{
		Sequence: f.Sequence, Pair: f.Pair, OrderID: f.ClientID, Side: f.Side, Price: f.Price, Volume: f.Volume, Value: f.Value,
		FeeCounter: f.FeeCounter, FeeBase: f.FeeBase, Profit: f.Profit, Maker: f.Maker, Time: f.Time.UTC(),
	}
}

// decision is a line of a bot's log as the API shows it.
type decision struct {
	Number int64     `json:"number" doc:"Orders the lines of a bot." example:"118"`
	Kind   string    `json:"kind" doc:"What happened: buy, sell, cancel, exit, denied, rejected, none, signal, protection, started, stopped or error." example:"buy"`
	Text   string    `json:"text" doc:"What the bot did or did not do, and why." example:"Buy: the 10-average crossed above the 30-average"`
	Time   time.Time `json:"time" doc:"When, in market time." example:"2026-01-02T15:04:05Z"`
}

func decisionView(d journal.Decision) decision {
	return decision{Number: d.Number, Kind: d.Kind, Text: d.Text, Time: d.Time.UTC()}
}

// equityPoint is a point of a bot's equity curve as the API shows it.
type equityPoint struct {
	Time     time.Time       `json:"time" doc:"When, in market time." example:"2026-01-02T15:04:05Z"`
	Equity   decimal.Decimal `json:"equity" doc:"What the account was worth, all pairs together, in the counter currency."`
	Position decimal.Decimal `json:"position" doc:"What it held of the trading pair, in its base currency."`
	Price    decimal.Decimal `json:"price" doc:"The trading pair's price."`
}

func equityView(p journal.EquityPoint) equityPoint {
	return equityPoint{Time: p.Time.UTC(), Equity: p.Equity, Position: p.Position, Price: p.Price}
}

// historyQuery is the input of a bot's lists.
type historyQuery struct {
	BotPath
	ListQuery
}

// equityQuery is the input of an equity curve.
type equityQuery struct {
	BotPath
	From   time.Time `query:"from" doc:"The earliest time, in market time." example:"2026-01-01T00:00:00Z"`
	To     time.Time `query:"to" doc:"The time to end before, in market time." example:"2026-02-01T00:00:00Z"`
	Points int       `query:"points" default:"500" validate:"min=2,max=5000" doc:"How many points at most, spread evenly; 500 if it is left out."`
}

func (a *API) historyRoutes() {
	const one = "/api/v1/trading/bots/{bot_id}"
	handle(a, operation{
		method: http.MethodGet, path: one + "/orders", id: "list-orders", tag: tagHistory,
		summary: "List a bot's orders", description: "Lists the orders of a bot, newest first, denied ones included.",
	}, a.listOrders)
	handle(a, operation{
		method: http.MethodGet, path: one + "/fills", id: "list-fills", tag: tagHistory,
		summary: "List a bot's fills", description: "Lists the executions of a bot's orders, newest first.",
	}, a.listFills)
	handle(a, operation{
		method: http.MethodGet, path: one + "/decisions", id: "list-decisions", tag: tagHistory,
		summary: "List a bot's decisions", description: "Lists what a bot did or did not do and why, newest first.",
	}, a.listDecisions)
	handle(a, operation{
		method: http.MethodGet, path: one + "/equity", id: "get-equity", tag: tagHistory,
		summary: "Get a bot's equity curve", description: "Shows what a bot's account was worth over time, oldest first. It comes whole: next_cursor is null.",
	}, a.equity)
}

// listHistory answers with a part of one of a bot's lists.
func listHistory[T, V any](
	ctx context.Context, a *API, who tenancy.Principal, in *historyQuery, name string,
	read func(ctx context.Context, tenantID, botID string, p page.Page) ([]T, error), key func(T) string, view func(T) V,
) (*answer[listOf[V]], error) {
	if _, err := a.cfg.Bots.Bot(ctx, who, in.ID); err != nil {
		return nil, err
	}
	of := list{name, who.TenantID, in.ID}
	p, err := a.cursors.page(in.ListQuery, of)
	if err != nil {
		return nil, err
	}
	rows, err := read(ctx, who.TenantID, in.ID, p)
	if err != nil {
		return nil, err
	}
	return listed(a.cursors, of, page.Of(rows, p.Limit, key), view), nil
}

func (a *API) listOrders(ctx context.Context, who tenancy.Principal, in *historyQuery) (*answer[listOf[order]], error) {
	return listHistory(ctx, a, who, in, "orders", a.cfg.Journal.Orders, func(o journal.Order) string { return decimalKey(o.Number) }, orderView)
}

func (a *API) listFills(ctx context.Context, who tenancy.Principal, in *historyQuery) (*answer[listOf[fill]], error) {
	return listHistory(ctx, a, who, in, "fills", a.cfg.Journal.Fills, func(f journal.Fill) string { return decimalKey(f.Sequence) }, fillView)
}

func (a *API) listDecisions(ctx context.Context, who tenancy.Principal, in *historyQuery) (*answer[listOf[decision]], error) {
	return listHistory(ctx, a, who, in, "decisions", a.cfg.Journal.Decisions, func(d journal.Decision) string { return decimalKey(d.Number) }, decisionView)
}

func (a *API) equity(ctx context.Context, who tenancy.Principal, in *equityQuery) (*answer[listOf[equityPoint]], error) {
	if _, err := a.cfg.Bots.Bot(ctx, who, in.ID); err != nil {
		return nil, err
	}
	points, err := a.cfg.Journal.Equity(ctx, who.TenantID, in.ID, journal.EquityQuery{From: in.From, To: in.To, Points: in.Points})
	if err != nil {
		return nil, err
	}
	return listed(a.cursors, nil, page.List[journal.EquityPoint]{Items: points}, equityView), nil
}
