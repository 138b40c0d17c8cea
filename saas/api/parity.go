package api

import (
	"context"
	"net/http"
	"time"

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
	Difference   *parityDifference `json:"difference" doc:"The first difference; null if there is none."`
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

// parityEvent is something in a bot's life that is no fault.
type parityEvent struct {
	Time time.Time `json:"time" doc:"When it was, in market time." example:"2026-01-02T15:04:00Z"`
	Kind string    `json:"kind" enum:"started,changed,restarted,late,corrected" doc:"What it was." example:"restarted"`
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
			"A live bot is told again what it heard of its orders, at the same places. " +
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
