package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/blotter"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/tenancy"
)

// liveOrder is an order at an exchange as the API shows it.
type liveOrder struct {
	Order       order           `json:"order" doc:"The order as such."`
	AccountID   string          `json:"account_id" doc:"The exchange account that it was placed on."`
	VenueID     string          `json:"venue_id" doc:"The exchange's id of it; empty until that is known." example:"BXMC2CJ7HNB88U4"`
	Urgent      bool            `json:"protective" doc:"Whether it is a protective exit."`
	Told        decimal.Decimal `json:"told" doc:"The volume that is filled as the exchange says; what it exceeds filled by is yet to be listed."`
	FeeBase     decimal.Decimal `json:"fee_base" doc:"Fees of its fills in the base currency."`
	CancelAsked *time.Time      `json:"cancel_asked" doc:"When it was to be taken back; null if it was not. It is a wish and not a state."`
	Settled     bool            `json:"settled" doc:"Whether nothing more can be learned of it."`
	History     []transition    `json:"history,omitempty" doc:"Every change of the order with its cause, oldest first; of one order, not in lists."`
	Fills       []liveFill      `json:"fills,omitempty" doc:"Its executions, oldest first; of one order, not in lists."`
}

func liveOrderView(o journal.LiveOrder) liveOrder {
	v := liveOrder{
		Order: orderView(o.Order), AccountID: o.Account, VenueID: o.VenueID, Urgent: o.Urgent, Told: o.Told, FeeBase: o.FeeBase,
		CancelAsked: moment(o.CancelAsked), Settled: o.Settled(),
	}
	v.Order.Pair = o.Pair
	return v
}

// transition is a change of an order.
type transition struct {
	From  string    `json:"from" doc:"The state before; empty for a new order." example:"submitted"`
	To    string    `json:"to" doc:"The state afterwards, the same as before if something else about it changed." example:"open"`
	Cause string    `json:"cause" doc:"Why." example:"the exchange has accepted it"`
	At    time.Time `json:"at" doc:"When it was noted." example:"2026-01-02T15:04:05Z"`
}

// liveFill is an execution at an exchange.
type liveFill struct {
	Sequence   int64           `json:"sequence" doc:"The exchange's number of the trade; 0 if it is from totals." example:"31"`
	FromTotals bool            `json:"from_totals" doc:"Whether the exchange never listed it, so that it was booked from the order's own totals; its price is an average then."`
	Side       string          `json:"side" enum:"buy,sell" doc:"Buy or sell." example:"buy"`
	Price      decimal.Decimal `json:"price" doc:"Price of the execution."`
	Volume     decimal.Decimal `json:"volume" doc:"Volume in the base currency."`
	Value      decimal.Decimal `json:"value" doc:"Value in the counter currency."`
	FeeCounter decimal.Decimal `json:"fee_counter" doc:"Fee in the counter currency."`
	FeeBase    decimal.Decimal `json:"fee_base" doc:"Fee in the base currency."`
	Maker      bool            `json:"maker" doc:"Whether it rested in the book before."`
	Time       time.Time       `json:"time" doc:"When it happened." example:"2026-01-02T15:04:05Z"`
}

// reconciliation is the last comparison of journal and exchange.
type reconciliation struct {
	At            time.Time      `json:"at" doc:"When it began." example:"2026-01-02T15:04:05Z"`
	AgeSeconds    int64          `json:"age_seconds" doc:"How long ago that is." example:"12"`
	AccountID     string         `json:"account_id" doc:"The exchange account."`
	Agrees        bool           `json:"agrees" doc:"Whether nothing differs and the fate of every order is known."`
	Open          int            `json:"open" doc:"The bot's open orders." example:"2"`
	Doubtful      int            `json:"doubtful" doc:"Orders of which it is not known whether the exchange has them." example:"0"`
	Unsettled     int            `json:"unsettled" doc:"Orders whose executions are not all listed yet." example:"0"`
	Foreign       []foreignOrder `json:"foreign_orders" doc:"Open orders on the account that no bot placed, oldest first."`
	Trades        []foreignTrade `json:"foreign_trades" doc:"Executions that no bot ordered, such as by hand, the newest last."`
	Differences   []difference   `json:"differences" doc:"What journal and exchange do not agree on."`
	Failed        []string       `json:"failed" doc:"What was decided about foreign orders and could not be done."`
	Paused        string         `json:"paused" doc:"Why the bot places no new orders; empty if it may."`
	ResumeAskedAt *time.Time     `json:"resume_asked_at" doc:"When somebody asked for it to go on, until that is done; else null."`
}

// foreignOrder is an open order that no bot placed.
type foreignOrder struct {
	Pair     string          `json:"pair" doc:"The market's symbol." example:"XBTMYR"`
	VenueID  string          `json:"venue_id" doc:"The exchange's id." example:"BXMC2CJ7HNB88U4"`
	ClientID string          `json:"client_id" doc:"The id that its placer gave it; empty if there is none."`
	Side     string          `json:"side" enum:"buy,sell" doc:"Buy or sell." example:"buy"`
	Price    decimal.Decimal `json:"price" doc:"The limit price."`
	Volume   decimal.Decimal `json:"volume" doc:"Ordered volume in the base currency."`
	Ours     bool            `json:"has_id_of_bot" doc:"Whether its client id is one that this bot would have given."`
	FoundAt  time.Time       `json:"found_at" doc:"When it was first seen." example:"2026-01-02T15:04:05Z"`
	Decision string          `json:"decision" enum:",claim,ignore,cancel" doc:"What shall become of it; empty until somebody decides."`
}

// foreignTrade is an execution that no bot ordered.
type foreignTrade struct {
	Pair     string          `json:"pair" doc:"The market's symbol." example:"XBTMYR"`
	Sequence int64           `json:"sequence" doc:"The exchange's number of the trade." example:"31"`
	Side     string          `json:"side" enum:"buy,sell" doc:"Buy or sell." example:"sell"`
	Price    decimal.Decimal `json:"price" doc:"Price of the execution."`
	Volume   decimal.Decimal `json:"volume" doc:"Volume in the base currency."`
	At       time.Time       `json:"at" doc:"When it happened." example:"2026-01-02T15:04:05Z"`
}

// difference is one thing that journal and exchange do not agree on.
type difference struct {
	Kind      string    `json:"kind" doc:"What it is: order_missing, order_altered, order_orphaned, fills_missing, fill_unbooked or balance_short." example:"balance_short"`
	Subject   string    `json:"subject" doc:"The order's client id or the currency." example:"MYR"`
	Text      string    `json:"text" doc:"The same as a sentence."`
	Since     time.Time `json:"since" doc:"When it was first found." example:"2026-01-02T15:04:05Z"`
	Confirmed bool      `json:"confirmed" doc:"Whether it has lasted and so counts."`
}

func reconciliationView(r blotter.Report, now time.Time) reconciliation {
	v := reconciliation{
		At: r.At.UTC(), AgeSeconds: int64(r.Age(now) / time.Second), AccountID: r.Account, Agrees: r.Agrees(), Open: r.Open, Doubtful: r.Doubtful,
		Unsettled: r.Unsettled, Foreign: []foreignOrder{}, Trades: []foreignTrade{}, Differences: []difference{}, Failed: append([]string{}, r.Failed...),
		Paused: r.Paused, ResumeAskedAt: moment(r.ResumeAt),
	}
	for _, o := range r.Orders {
		v.Foreign = append(v.Foreign, foreignOrder{
			Pair: o.Pair, VenueID: o.VenueID, ClientID: o.ClientID, Side: o.Side, Price: o.Price, Volume: o.Volume, Ours: o.Ours, FoundAt: o.FoundAt.UTC(),
			Decision: string(o.Decision),
		})
	}
	for _, t := range r.Trades {
		v.Trades = append(v.Trades, foreignTrade{Pair: t.Pair, Sequence: t.Sequence, Side: t.Side, Price: t.Price, Volume: t.Volume, At: t.At.UTC()})
	}
	for _, d := range r.Differences {
		v.Differences = append(v.Differences, difference{Kind: string(d.Kind), Subject: d.Subject, Text: d.Text, Since: d.Since.UTC(), Confirmed: d.Confirmed})
	}
	return v
}

// liveOrderPath is a live order in a path.
type liveOrderPath struct {
	BotPath
	Number string `path:"number" doc:"The order's number within the bot; below 0 for one that was claimed."`
}

// foreignPath is a foreign order in a path, with what shall become of it.
type foreignPath struct {
	BotPath
	Pair    string `path:"pair" doc:"The market's symbol."`
	VenueID string `path:"venue_id" doc:"The exchange's id of the order."`
	Body    body[foreignDecision]
}

// foreignDecision is the body that decides about a foreign order.
type foreignDecision struct {
	Decision string `json:"decision" validate:"required,oneof=claim ignore cancel" doc:"Claim makes it an order of the bot, ignore leaves it alone, cancel takes it back at the exchange." example:"ignore"`
}

func (a *API) blotterRoutes() {
	const one = "/api/v1/trading/bots/{bot_id}/live"
	handle(a, operation{
		method: http.MethodGet, path: one + "/orders", id: "list-live-orders", tag: tagLive,
		summary: "List a bot's live orders", description: "Lists the orders that a bot has placed at an exchange, newest first, denied and rejected ones included.",
	}, a.listLiveOrders)
	handle(a, operation{
		method: http.MethodGet, path: one + "/orders/{number}", id: "get-live-order", tag: tagLive,
		summary: "Get a live order", description: "Shows one live order with every change of it, with its cause, and its executions.",
	}, a.getLiveOrder)
	handle(a, operation{
		method: http.MethodGet, path: one + "/reconciliation", id: "get-reconciliation", tag: tagLive,
		summary:     "Get the last reconciliation",
		description: "Shows how the bot's journal compared with its exchange when it was last looked at, with the foreign orders that wait for a decision.",
	}, a.getReconciliation)
	handle(a, operation{
		method: http.MethodPut, path: one + "/foreign/{pair}/{venue_id}", id: "decide-foreign-order", tag: tagLive,
		summary: "Decide about a foreign order", description: "Says what shall become of an open order that no bot placed; the next reconciliation does it. It may be decided anew until then.",
	}, a.decideForeign)
	handle(a, operation{
		method: http.MethodPost, path: one + "/resume", id: "resume-bot", tag: tagLive, status: http.StatusAccepted, fails: []errs.Kind{errs.Conflict},
		summary: "Go on after a mismatch",
		description: "Asks for the pause to be lifted that a reconciliation has set. The next one does it, and sets it again if journal and exchange still differ. " +
			"The answer is the last reconciliation.",
	}, a.resumeBot)
}

func (a *API) listLiveOrders(ctx context.Context, who tenancy.Principal, in *historyQuery) (*answer[listOf[liveOrder]], error) {
	of := list{"live-orders", who.TenantID, in.ID}
	p, err := a.cursors.page(in.ListQuery, of)
	if err != nil {
		return nil, err
	}
	l, err := a.cfg.Blotter.Orders(ctx, who, in.ID, p)
	if err != nil {
		return nil, err
	}
	return listed(a.cursors, of, l, liveOrderView), nil
}

func (a *API) getLiveOrder(ctx context.Context, who tenancy.Principal, in *liveOrderPath) (*answer[liveOrder], error) {
	number, wrong := strconv.ParseInt(in.Number, 10, 64)
	if wrong != nil {
		number = 0 // no order has it
	}
	o, err := a.cfg.Blotter.Order(ctx, who, in.ID, number)
	if wrong != nil && errs.CodeOf(err) == "order_not_found" {
		err = errs.New(errs.NotFound, "order_not_found", "no order %q", in.Number)
	}
	if err != nil {
		return nil, err
	}
	v := liveOrderView(o.LiveOrder)
	for _, t := range o.History {
		v.History = append(v.History, transition{From: string(t.From), To: string(t.To), Cause: t.Cause, At: t.At.UTC()})
	}
	for _, f := range o.Fills {
		v.Fills = append(v.Fills, liveFill{
			Sequence: f.Sequence, FromTotals: f.Totalled(), Side: f.Side, Price: f.Price, Volume: f.Volume, Value: f.Value, FeeCounter: f.FeeCounter, FeeBase: f.FeeBase,
			Maker: f.Maker, Time: f.Time.UTC(),
		})
	}
	return &answer[liveOrder]{Body: v}, nil
}

func (a *API) getReconciliation(ctx context.Context, who tenancy.Principal, in *struct{ BotPath }) (*answer[reconciliation], error) {
	r, err := a.cfg.Blotter.Report(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	return &answer[reconciliation]{Body: reconciliationView(r, a.cfg.Now())}, nil
}

func (a *API) decideForeign(ctx context.Context, who tenancy.Principal, in *foreignPath) (*nothing, error) {
	return nil, a.cfg.Blotter.Decide(ctx, who, in.ID, in.Pair, in.VenueID, journal.ForeignDecision(in.Body.Value.Decision))
}

func (a *API) resumeBot(ctx context.Context, who tenancy.Principal, in *struct{ BotPath }) (*answer[reconciliation], error) {
	if err := a.cfg.Blotter.Resume(ctx, who, in.ID); err != nil {
		return nil, err
	}
	return a.getReconciliation(ctx, who, in)
}
