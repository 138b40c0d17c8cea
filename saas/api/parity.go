package api

import (
	"context"
	"net/http"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/replay"
	"github.com/lunobot/lunobot/tenancy"
)

// parityView is a parity report as the API shows it.
type parityView struct {
	BotID        string            `json:"bot_id" doc:"The bot that is replayed." example:"0197e1a2-6f00-7a00-8000-000000000004"`
	Status       string            `json:"status" enum:"queued,running,done,failed" doc:"Where the report stands." example:"done"`
	StatusReason string            `json:"status_reason" doc:"Why it failed, as a sentence; empty else."`
	Headline     string            `json:"headline" doc:"What it showed, or where it stands, as a sentence." example:"Replayed 10,080 candles: identical."`
	Percent      int               `json:"percent" doc:"How much of it is done." example:"100"`
	Identical    *bool             `json:"identical" doc:"Whether the replay gave the same commands and results; null until it is done." example:"true"`
	From         *time.Time        `json:"from" doc:"When the first replayed candle opened; null until it is done."`
	To           *time.Time        `json:"to" doc:"When the last identical one closed; null until it is done."`
	Candles      int64             `json:"candles" doc:"How many candles were replayed and identical." example:"10080"`
	Acts         int64             `json:"acts" doc:"How many commands, answers, fills and signals were in them." example:"412"`
	Changed      int64             `json:"changed_candles" doc:"How many of the candles stand otherwise in the market's history now." example:"0"`
	Difference   *parityDifference `json:"difference,omitempty" doc:"The first difference; missing if there is none."`
	Slippage     *paritySlippage   `json:"slippage,omitempty" doc:"What the exchange of a live bot made of its orders against what a backtest makes of the same; missing for a bot on paper, and without orders."`
	Events       []parityEvent     `json:"events" doc:"What happened to the bot in between and is no fault, oldest first."`
	RequestedAt  time.Time         `json:"requested_at" doc:"When it was asked for." example:"2026-01-02T15:04:05Z"`
	FinishedAt   *time.Time        `json:"finished_at" doc:"When it was over; null before."`
}

// parityDifference is the first difference of a replay.
type parityDifference struct {
	Cause    string    `json:"cause" enum:"data,late_candle,version,venue,not_deterministic,engine,missing_event" doc:"Why it differs: other candles, a candle that came to the history too late, another version of the strategy, another answer of the venue, a strategy that does not always decide alike, an engine that cannot replay it, or a record that lacks something that the bot was told." example:"not_deterministic"`
	Time     time.Time `json:"time" doc:"When the candle closed at which it was." example:"2026-01-02T15:04:00Z"`
	Recorded string    `json:"recorded" doc:"What the bot did; empty if it did nothing then." example:"order 12: buy 0.5 XBT at market"`
	Replayed string    `json:"replayed" doc:"What the replay did; empty if it did nothing then."`
	Detail   string    `json:"detail" doc:"The cause as a sentence."`
}

// paritySlippage sets an exchange against the simulation.
type paritySlippage struct {
	Currency string           `json:"currency" doc:"The currency of all amounts." example:"MYR"`
	Rate     decimal.Decimal  `json:"simulated_slippage" doc:"By how much orders that take from the book trade worse in the simulation, as a fraction." example:"0.0005"`
	Orders   int              `json:"orders" doc:"How many orders both traded; the other figures are of these." example:"41"`
	Turnover decimal.Decimal  `json:"turnover" doc:"What they came to at the exchange, as far as both traded them." example:"10403.5"`
	Cost     decimal.Decimal  `json:"cost" doc:"What the exchange cost beyond the simulation; below 0 if it was better." example:"12.4"`
	Price    decimal.Decimal  `json:"price_cost" doc:"The part of it that is by price." example:"12.4"`
	Fee      decimal.Decimal  `json:"fee_cost" doc:"The part of it that is by fee." example:"0"`
	Delay    int64            `json:"delay_ms" doc:"How much later the exchange began to trade, on average, in milliseconds." example:"840"`
	There    int              `json:"only_exchange" doc:"Orders that the exchange alone traded." example:"1"`
	Here     int              `json:"only_simulation" doc:"Orders that the simulation alone traded." example:"2"`
	Refused  int              `json:"refused" doc:"Orders that were denied or rejected." example:"0"`
	Compared []parityCompared `json:"compared" doc:"The newest orders that were traded or refused, at most 100, newest first."`
}

// parityCompared is an order at an exchange and in the simulation.
type parityCompared struct {
	Number   uint64          `json:"number" doc:"The order's number within the bot." example:"12"`
	Pair     string          `json:"pair" doc:"The pair that it is of." example:"XBTMYR"`
	Side     string          `json:"side" enum:"buy,sell" doc:"What it does." example:"buy"`
	Type     string          `json:"type" enum:"market,limit" doc:"Its kind." example:"market"`
	Exit     bool            `json:"exit" doc:"Whether it is a protective exit."`
	Time     time.Time       `json:"time" doc:"When it was wanted." example:"2026-01-02T15:04:00Z"`
	Exchange parityOutcome   `json:"exchange" doc:"What the exchange made of it."`
	Here     parityOutcome   `json:"simulation" doc:"What the simulation made of it."`
	Price    decimal.Decimal `json:"price_cost" doc:"What the exchange's price cost beyond the simulation's, of the volume that both traded." example:"0.4"`
	Fee      decimal.Decimal `json:"fee_cost" doc:"What its fee did." example:"0"`
	Reason   string          `json:"reason" doc:"Why the exchange did not fill it whole; empty if it did, or may yet."`
}

// parityOutcome is what became of an order.
type parityOutcome struct {
	Volume decimal.Decimal `json:"volume" doc:"What was traded, in base." example:"0.5"`
	Price  decimal.Decimal `json:"price" doc:"At what price, on average." example:"210310"`
	Fee    decimal.Decimal `json:"fee" doc:"For which fee, in the counter currency." example:"1.05"`
	Delay  int64           `json:"delay_ms" doc:"How long after it was wanted that began, in milliseconds." example:"840"`
}

func slippageOf(s *replay.Slippage) *paritySlippage {
	if s == nil {
		return nil
	}
	outcome := func(o replay.Outcome) parityOutcome {
		return parityOutcome{Volume: o.Volume, Price: o.Price, Fee: o.Fee, Delay: o.Delay.Milliseconds()}
	}
	v := &paritySlippage{
		Currency: s.Currency, Rate: replay.SimulatedSlippage.Decimal(), Orders: s.Orders, Turnover: s.Turnover, Cost: s.Cost(), Price: s.Price, Fee: s.Fee,
		Delay: s.Delay.Milliseconds(), There: s.OnlyThere, Here: s.OnlyHere, Refused: s.Refused, Compared: []parityCompared{},
	}
	for _, c := range s.Compared {
		v.Compared = append(v.Compared, parityCompared{
			Number: c.Number, Pair: c.Pair, Side: c.Side, Type: c.Type, Exit: c.Exit, Time: c.Time.UTC(), Exchange: outcome(c.There), Here: outcome(c.Here),
			Price: c.Price, Fee: c.Fee, Reason: c.Reason,
		})
	}
	return v
}

// parityEvent is something in a bot's life that is no fault.
type parityEvent struct {
	Time time.Time `json:"time" doc:"When it was, in market time." example:"2026-01-02T15:04:00Z"`
	Kind string    `json:"kind" enum:"started,changed,restarted,skipped,late,corrected" doc:"What it was." example:"restarted"`
	Text string    `json:"text" doc:"The same as a sentence."`
}

func parityOf(r replay.Replay) parityView {
	v := parityView{
		BotID: r.BotID, Status: string(r.Status), StatusReason: r.Reason, Headline: r.Headline(), Percent: r.Percent(), Events: []parityEvent{},
		RequestedAt: r.RequestedAt.UTC(), FinishedAt: moment(r.FinishedAt),
	}
	rep := r.Report
	if rep == nil {
		return v
	}
	identical := rep.Difference == nil
	v.Slippage = slippageOf(rep.Slippage)
	v.Identical, v.From, v.To, v.Candles, v.Acts, v.Changed = &identical, moment(rep.From), moment(rep.To), rep.Candles, rep.Acts, rep.Changed
	if d := rep.Difference; d != nil {
		v.Difference = &parityDifference{Cause: string(d.Cause), Time: d.Time.UTC(), Recorded: d.Recorded, Replayed: d.Replayed, Detail: d.Detail}
	}
	for _, e := range rep.Events {
		v.Events = append(v.Events, parityEvent{Time: e.Time.UTC(), Kind: string(e.Kind), Text: e.Text})
	}
	return v
}

func (a *API) parityRoutes() {
	const path = "/api/v1/trading/bots/{bot_id}/parity"
	handle(a, operation{
		method: http.MethodPost, path: path, id: "request-parity", tag: tagBots, status: http.StatusAccepted, fails: []errs.Kind{errs.Conflict},
		summary: "Ask for a parity report",
		description: "Replays what the bot saw in the last week of market time and compares what it does then with what it did. " +
			"A live bot is told again what it heard of its orders, at the same places, and what its exchange made of them is set against a simulation. " +
			"A report that is under way already is shown as it is. Every plan has it.",
	}, a.requestParity)
	handle(a, operation{
		method: http.MethodGet, path: path, id: "get-parity", tag: tagBots,
		summary: "Get the parity report", description: "Shows the newest parity report of a bot: whether a replay is identical, or the first difference and its cause.",
	}, a.getParity)
}

func parityAnswered(r replay.Replay, err error) (*answer[parityView], error) {
	if err != nil {
		return nil, err
	}
	return &answer[parityView]{Body: parityOf(r)}, nil
}

func (a *API) requestParity(ctx context.Context, who tenancy.Principal, in *struct{ BotPath }) (*answer[parityView], error) {
	return parityAnswered(a.cfg.Replays.Request(ctx, who, in.ID))
}

func (a *API) getParity(ctx context.Context, who tenancy.Principal, in *struct{ BotPath }) (*answer[parityView], error) {
	return parityAnswered(a.cfg.Replays.Replay(ctx, who, in.ID))
}
