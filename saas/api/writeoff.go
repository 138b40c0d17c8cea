package api

import (
	"context"
	"net/http"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

// leftover is what a live bot has at its exchange and cannot bring to an end.
type leftover struct {
	Account    string      `json:"account" doc:"The account's name; empty on paper." example:"Main"`
	Orders     []lostOrder `json:"orders" doc:"The orders whose end or whose executions are not all known, oldest first."`
	Holdings   []holding   `json:"holdings" doc:"What the bot's books say that it has; it is left to the tenant."`
	ComparedAt *time.Time  `json:"compared_at" doc:"When books and exchange were compared last; null if they never were."`
	Obstacles  []obstacle  `json:"obstacles" doc:"Why writing off would be refused, the weightiest first; empty if it would not."`
}

// lostOrder is an order whose end or whose executions are not all known.
type lostOrder struct {
	Number      int64           `json:"number" doc:"The order's number within the bot; below 0 if it was claimed." example:"12"`
	VenueID     string          `json:"venue_id" doc:"The exchange's id; empty if it never told one." example:"BXMC2CJ7HNB88U4"`
	ClientID    string          `json:"client_id" doc:"Our id of it."`
	Pair        string          `json:"pair" doc:"The market's symbol." example:"XBTMYR"`
	Side        string          `json:"side" enum:"buy,sell" doc:"Buy or sell." example:"buy"`
	Price       decimal.Decimal `json:"price" doc:"The limit price; 0 at the market."`
	Volume      decimal.Decimal `json:"volume" doc:"Ordered volume in the base currency; 0 if it buys for a value."`
	Value       decimal.Decimal `json:"value" doc:"Ordered value in the counter currency, of a market buy by value."`
	State       string          `json:"state" doc:"Where it stands as far as is known." example:"open"`
	Filled      decimal.Decimal `json:"filled" doc:"The volume that is booked."`
	Told        decimal.Decimal `json:"told" doc:"The volume that the exchange says to be filled."`
	PlacedAt    time.Time       `json:"placed_at" doc:"When it was wanted." example:"2026-01-02T15:04:05Z"`
	MissedSince *time.Time      `json:"missed_since" doc:"Since when the exchange does not know it; null if it is not known to."`
	Ground      string          `json:"ground" doc:"Why it can be written off; empty if it cannot."`
}

// holding is what a bot has of a currency.
type holding struct {
	Pair     string          `json:"pair" doc:"The market's symbol." example:"XBTMYR"`
	Currency string          `json:"currency" doc:"The currency." example:"XBT"`
	Amount   decimal.Decimal `json:"amount" doc:"How much." example:"0.0123"`
}

func leftoverView(l bot.Leftover) leftover {
	v := leftover{Account: l.Account.Name, Orders: []lostOrder{}, Holdings: []holding{}, ComparedAt: moment(l.ComparedAt), Obstacles: obstaclesOf(l.Obstacles)}
	for _, o := range l.Orders {
		v.Orders = append(v.Orders, lostOrder{
			Number: o.Number, VenueID: o.VenueID, ClientID: o.ClientID, Pair: o.Pair, Side: o.Side, Price: o.Price, Volume: o.Volume, Value: o.Value, State: o.State,
			Filled: o.Filled, Told: o.Told, PlacedAt: o.PlacedAt.UTC(), MissedSince: moment(o.MissedSince), Ground: o.Ground,
		})
	}
	for _, h := range l.Held {
		v.Holdings = append(v.Holdings, holding(h))
	}
	return v
}

// writeOffDecision is the body that gives a live bot's orders up.
type writeOffDecision struct {
	Confirm string `json:"confirm" validate:"required,max=200" doc:"The bot's name, typed by whoever decides." example:"Morning cross"`
}

// writingOff is the input that gives a live bot's orders up.
type writingOff struct {
	BotPath
	IfMatch string `header:"If-Match" validate:"max=100" doc:"The ETag of the configuration that the decision is meant for. Without it, the newest is meant." example:"\"1\""`
	Body    body[writeOffDecision]
}

func (a *API) writeOffRoutes(one string) {
	handle(a, operation{
		method: http.MethodGet, path: one + "/write-off", id: "get-leftover", tag: tagLive,
		summary:     "See what a live bot cannot bring to an end",
		description: "Lists the orders whose end or executions the exchange does not tell, with the reason why each can be written off, and what the bot is said to hold.",
	}, a.getLeftover)
	handle(a, operation{
		method: http.MethodPost, path: one + "/write-off", id: "write-off", tag: tagLive, fails: []errs.Kind{errs.Conflict, errs.Stale},
		summary: "Write off what an exchange has forgotten",
		description: "Gives up the orders of a stopped live bot that comparisons have found the exchange not to know, or whose account is refused or has been silent for an hour, " +
			"and takes the bot back to paper. The history of each order says why, and the decision is on record. What the bot is said to hold is left to the tenant. " +
			"Owners and administrators of the tenant may do this.",
	}, a.writeOff)
}

func (a *API) getLeftover(ctx context.Context, who tenancy.Principal, in *struct{ BotPath }) (*answer[leftover], error) {
	l, err := a.cfg.Bots.Leftover(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	return &answer[leftover]{Body: leftoverView(l)}, nil
}

func (a *API) writeOff(ctx context.Context, who tenancy.Principal, in *writingOff) (*configAnswer, error) {
	return configAnswered(a.cfg.Bots.WriteOff(ctx, who, in.ID, bot.WriteOffInput{Confirm: in.Body.Value.Confirm, Version: version(in.IfMatch)}))
}
