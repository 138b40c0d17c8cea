package web

import (
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/replay"
	"github.com/lunobot/lunobot/tenancy"
)

// replayPart is what a bot's page tells of its replay (rule PL2).
type replayPart struct {
	BotID    string
	MayWrite bool
	// Asked is true if there is a replay; the fields of one that is not are zero.
	Asked bool
	replay.Replay
	// Slip compares a live bot's fills with a simulation; nil if there is nothing.
	Slip *slippagePart
	// Error is why none could be asked for.
	Error string
}

// Active reports whether the replay waits or is at work.
func (p replayPart) Active() bool { return p.Asked && !p.Status.Over() }

// Tone is how the headline is shown: "ok" for identical, "bad" for a
// difference or a failure.
func (p replayPart) Tone() string {
	switch {
	case !p.Asked || p.Active():
		return ""
	case p.Status == replay.Done && p.Report != nil && p.Report.Difference == nil:
		return "ok"
	}
	return "bad"
}

// Events are what happened in between and is no fault.
func (p replayPart) Events() []replayEvent {
	if p.Report == nil {
		return nil
	}
	list := make([]replayEvent, len(p.Report.Events))
	for i, e := range p.Report.Events {
		list[i] = replayEvent{At: moment{e.Time}, Text: e.Text}
	}
	return list
}

// replayEvent is a line of them.
type replayEvent struct {
	At   moment
	Text string
}

// Span is the time that was replayed, in words.
func (p replayPart) Span() string {
	if p.Report == nil || p.Report.From.IsZero() {
		return ""
	}
	return span(p.Report.From, p.Report.To)
}

// replayOf reads what there is of a bot's replay.
func (w *Web) replayOf(rq *request, botID string) (replayPart, error) {
	p := replayPart{BotID: botID, MayWrite: rq.who.Can(tenancy.BotsWrite)}
	r, err := w.cfg.Replays.Replay(rq.Context(), rq.who, botID)
	if errs.CodeOf(err) == "replay_not_found" {
		return p, nil
	}
	p.Replay, p.Asked = r, err == nil
	if err != nil || r.Report == nil || r.Report.Slippage == nil {
		return p, err
	}
	markets, err := w.markets(rq)
	p.Slip = slippageOf(r.Report.Slippage, markets)
	return p, err
}

// botReplay renders the part of the page that tells of the replay.
func (w *Web) botReplay(rq *request) error {
	p, err := w.replayOf(rq, rq.PathValue("id"))
	if err != nil {
		return err
	}
	return w.part(rq, "bots/bot", "replay", p)
}

// requestReplay asks for a replay.
func (w *Web) requestReplay(rq *request) error {
	id := rq.PathValue("id")
	_, err := w.cfg.Replays.Request(rq.Context(), rq.who, id)
	if err != nil && errs.KindOf(err) != errs.Conflict {
		return err
	}
	if !rq.isFragment() {
		return rq.redirect("/bots/" + id)
	}
	p, failed := w.replayOf(rq, id)
	if failed != nil {
		return failed
	}
	if err != nil {
		p.Error = messageOf(err)
	}
	return w.part(rq, "bots/bot", "replay", p)
}
