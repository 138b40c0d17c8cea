package runner

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/hook"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
)

// Signals are the messages from outside that wait for bots.
type Signals interface {
	// WaitingSignals lists those that came by a market time, those of each bot in
	// the order of their arrival. What it leaves out for their number it gives later.
	WaitingSignals(ctx context.Context, by time.Time, of ...hook.Listener) ([]hook.Signal, error)
}

// maxAnswer bounds what is kept of a bot's answer to a signal, in bytes.
const maxAnswer = 2000

// signals reads what waits for the group's bots and came by a candle's close, by
// bot. A fault leaves it for the next candle.
func (g *group) signals(ctx context.Context, c exchange.Candle) map[string][]hook.Signal {
	if g.r.cfg.Signals == nil {
		return nil
	}
	var listeners []hook.Listener
	for _, m := range g.active {
		if m.listens && m.follows(c) {
			listeners = append(listeners, hook.Listener{
				TenantID: m.assignment.Bot.TenantID, BotID: m.assignment.Bot.ID, Run: m.assignment.Bot.Run,
			})
		}
	}
	if len(listeners) == 0 {
		return nil
	}
	list, err := g.r.cfg.Signals.WaitingSignals(ctx, time.UnixMilli(c.Time+span).UTC(), listeners...)
	if err != nil {
		if ctx.Err() == nil {
			g.r.cfg.Log.WarnContext(ctx, "signals were not read; they wait for the next candle", "bots", len(listeners), "error", err)
		}
		return nil
	}
	byBot := map[string][]hook.Signal{}
	for _, s := range list {
		byBot[s.BotID] = append(byBot[s.BotID], s)
	}
	return byBot
}

// signal leaves a message for the bot's next candle. It is settled by the commit
// that stores the bot's state after it, so that a restart hears it again or has
// heard it, and nothing between.
func (m *member) signal(s hook.Signal, at int64) {
	b := m.assignment.Bot
	if m.rec.handed[s.Key] { // and not committed yet
		return
	}
	if m.rec.handed == nil {
		m.rec.handed = map[string]bool{}
	}
	m.rec.handed[s.Key] = true
	err := m.account.Signal(strategy.Signal{ID: s.Key, Text: s.Text, Time: s.MarketTime.UnixMilli()})
	if err == nil {
		return
	}
	text := fmt.Sprintf("signal %q was not taken: %v", s.Key, err)
	m.rec.note(journal.Decision{BotID: b.ID, Kind: string(engine.Answered), Time: time.UnixMilli(at).UTC(), Text: text})
	m.rec.heard = append(m.rec.heard, journal.Heard{Key: s.Key, Answer: text, Time: time.UnixMilli(at).UTC()})
}

// hearing is what a bot says to a signal, while it says it.
type hearing struct {
	key     string // "" if what it hears is no signal
	at      time.Time
	answers []string
	denied  bool
}

// listen begins to gather what is said to an event, if that is a signal.
func (r *recorder) listen(ev *strategy.Event) {
	r.hearing = hearing{}
	if ev.Kind == strategy.SignalEvent {
		r.hearing = hearing{key: ev.Signal.ID, at: time.UnixMilli(ev.Time).UTC()}
	}
}

// settle keeps what became of the signal that these commands answer.
func (r *recorder) settle(cs []strategy.Command) {
	h := &r.hearing
	if h.key == "" {
		return
	}
	followed := !h.denied && slices.ContainsFunc(cs, func(c strategy.Command) bool {
		return c.Kind != strategy.NoteCommand && c.Kind != strategy.PlotCommand
	})
	if len(h.answers) == 0 {
		text := fmt.Sprintf("signal %q: the strategy did nothing", h.key)
		if followed {
			text = fmt.Sprintf("signal %q was followed", h.key)
		}
		h.answers = []string{text}
		r.note(journal.Decision{BotID: r.botID, Kind: string(engine.Answered), Time: h.at, Text: text})
	}
	answer := strings.Join(h.answers, "; ")
	answer = strings.ToValidUTF8(answer[:min(len(answer), maxAnswer)], "")
	r.heard = append(r.heard, journal.Heard{Key: h.key, Followed: followed, Answer: answer, Time: h.at})
	r.hearing = hearing{}
}
