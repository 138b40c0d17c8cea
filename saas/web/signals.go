package web

import (
	"time"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/hook"
	"github.com/lunobot/lunobot/saas/page"
)

// lateAfter is how much market time may lie between a signal's arrival and its
// hearing before the page says that it was late: twice what is usual, and some.
const lateAfter = 3 * time.Minute

// signalRow is a line of the list of signals.
type signalRow struct {
	hook.Signal
	Came, Heard moment
	// Wait is the market time from its arrival until it was heard, or until now.
	Wait time.Duration
}

// Label says what became of the signal.
func (r signalRow) Label() string {
	switch r.Status {
	case hook.Waiting:
		return "Accepted"
	case hook.Followed:
		return "Acted"
	case hook.Refused:
		return "Refused"
	case hook.Missed:
	}
	return "Missed"
}

// Tone is how the label is shown.
func (r signalRow) Tone() string {
	switch r.Status {
	case hook.Waiting:
		return "o-open"
	case hook.Followed:
		return "ok"
	case hook.Refused, hook.Missed:
	}
	return "warn"
}

// Late says how long the bot took, or has taken, to hear the signal; "" if no
// longer than it should, or never.
func (r signalRow) Late() string {
	if r.Status == hook.Missed || r.Wait <= lateAfter {
		return ""
	}
	return length(r.Wait)
}

// Said is what the bot said to the signal, or when it will.
func (r signalRow) Said() string {
	switch {
	case r.Status == hook.Missed:
		return sentence(r.Answer)
	case r.Status != hook.Waiting:
		return r.Answer
	case r.Late() != "":
		return "Heard as soon as the bot has caught up with the market."
	}
	return "Heard with the next candle."
}

// signals reads a part of a bot's signals.
func (w *Web) signals(rq *request, b bot.Bot, after string) (feed[signalRow], error) {
	list, err := w.cfg.Hooks.Signals(rq.Context(), rq.who, b.ID, page.Page{After: after})
	f := feed[signalRow]{BotID: b.ID, Next: list.Next}
	for _, s := range list.Items {
		r := signalRow{Signal: s, Came: moment{s.ReceivedAt}, Heard: moment{s.HeardAt}, Wait: w.cfg.MarketTime().Sub(s.MarketTime)}
		if !s.HeardAt.IsZero() {
			r.Wait = s.HeardAt.Sub(s.MarketTime)
		}
		f.Rows = append(f.Rows, r)
	}
	return f, err
}

func (w *Web) botSignals(rq *request) error {
	return older(w, rq, "signal-rows", func(b bot.Bot, _ marketIndex, after string) (feed[signalRow], error) {
		return w.signals(rq, b, after)
	})
}
