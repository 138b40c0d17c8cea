package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
)

// tape is one that is to be replayed.
type tape struct {
	run    int64
	base   parity.Baseline
	points []parity.Point
}

// candles is how many there are on the tape.
func (t tape) candles() int64 {
	if len(t.points) == 0 {
		return 0
	}
	return t.points[len(t.points)-1].Candles
}

// span is when the first candle of the tape opened and the last closed.
func (t tape) span() (from, to time.Time) {
	step := t.base.Interval.Milliseconds()
	first := t.base.Engine.LastTime + step
	return time.UnixMilli(first).UTC(), time.UnixMilli(first + t.candles()*step).UTC()
}

// job makes one report.
type job struct {
	w      *Worker
	replay Replay
	stage  *stage
	sim    parity.Simulation // of the orders at an exchange
	report Report
	// done of total candles have been replayed.
	done, total atomic.Int64
}

// run makes the report.
func (j *job) run(ctx context.Context) (Report, error) {
	defer j.stage.stop()
	tapes, err := j.tapes(ctx)
	if err != nil {
		return Report{}, err
	}
	for _, t := range tapes {
		j.total.Add(t.candles())
	}
	var before *tape
	for i := range tapes {
		t := &tapes[i]
		if before != nil {
			j.between(*before, *t)
		}
		before = t
		if err := j.check(ctx, *t); err != nil {
			return Report{}, err
		}
		if j.report.Difference != nil {
			break // what comes after it follows from it
		}
	}
	j.report.Slippage = j.sim.Result()
	if n := len(j.report.Events); n > MaxEvents {
		j.report.Events = j.report.Events[n-MaxEvents:]
	}
	return j.report, nil
}

// maxTapes is how many tapes a replay takes at most: a bot that was started again
// and again has more.
const maxTapes = 200

// tapes reads the newest tapes, as many as a replay takes, oldest first. Those of
// before candles were last dropped are left out.
func (j *job) tapes(ctx context.Context) ([]tape, error) {
	cfg := j.w.cfg
	bases, err := cfg.Store.Baselines(ctx, j.replay.TenantID, j.replay.BotID, maxTapes)
	if err != nil {
		return nil, err
	}
	oldest := cfg.MarketNow().Add(-cfg.Keep)
	var out []tape
	total := int64(0)
	for i := len(bases) - 1; i >= 0 && total < cfg.Candles && !bases[i].MarketTime.Before(oldest); i-- {
		var until *journal.Baseline
		if i+1 < len(bases) && bases[i+1].Run == bases[i].Run {
			until = &bases[i+1]
		}
		t, err := j.tape(ctx, bases[i], until)
		if err != nil {
			return nil, err
		}
		out, total = append(out, t), total+t.candles()
	}
	slices.Reverse(out)
	return out, nil
}

func (j *job) tape(ctx context.Context, b journal.Baseline, until *journal.Baseline) (tape, error) {
	t := tape{run: b.Run}
	if err := json.Unmarshal(b.Body, &t.base); err != nil {
		return tape{}, fmt.Errorf("reading a baseline of bot %s: %w", j.replay.BotID, err)
	}
	points, err := j.w.cfg.Store.TapePoints(ctx, j.replay.TenantID, j.replay.BotID, b, until)
	if err != nil {
		return tape{}, err
	}
	for _, p := range points {
		var one parity.Point
		if err := json.Unmarshal(p.Body, &one); err != nil {
			return tape{}, fmt.Errorf("reading the tape of bot %s: %w", j.replay.BotID, err)
		}
		if n := len(t.points); n > 0 && one.Points > 0 && t.points[n-1].Points == one.Points {
			t.points = t.points[:n-1] // of a commit whose answer was lost: the newer one has it too
		}
		t.points = append(t.points, one)
	}
	return t, nil
}

// check replays one tape.
func (j *job) check(ctx context.Context, t tape) error {
	if len(t.points) == 0 {
		return nil
	}
	cfg := j.w.cfg
	from, to := t.span()
	seen, now, err := j.candles(ctx, t.base.Terms, t.base.Market, from, to)
	if err != nil {
		return err
	}
	further, furtherNow := map[string][]exchange.Candle{}, map[string][]exchange.Candle{}
	for i, m := range t.base.Also {
		// From the first that the bot had yet to see of the pair, which may have come late.
		first := time.UnixMilli(t.base.Legs[i].Engine.LastTime).UTC().Add(t.base.Interval)
		if further[m.Pair], furtherNow[m.Pair], err = j.candles(ctx, t.base.Terms, m, first, to); err != nil {
			return err
		}
	}
	process, err := j.stage.process(ctx, t.base.Terms)
	if err != nil {
		return err
	}
	done := j.done.Load()
	rep, err := parity.Check(ctx, parity.Input{
		Baseline: t.base, Points: t.points, Candles: seen, History: now, Further: further, FurtherHistory: furtherNow, Beside: parity.FromHistory(cfg.History, t.base), Open: j.stage.open, Version: process.Manifest().Version,
		Simulation: &j.sim,
		Progress:   func(n int64) { j.done.Store(done + n) },
	})
	if err != nil {
		return err
	}
	j.done.Store(done + rep.Candles)
	j.add(rep)
	return j.stage.clear(ctx)
}

// candles reads what bots saw of a market, and what its history has now.
func (j *job) candles(ctx context.Context, t parity.Terms, m exchange.Market, from, to time.Time) (seen, now []exchange.Candle, err error) {
	cfg := j.w.cfg
	if seen, err = cfg.Store.SeenCandles(ctx, m.Pair, from, to); err != nil {
		return nil, nil, err
	}
	series, err := marketdata.Download(ctx, marketdata.DownloadInput{From: from, To: to, History: cfg.History, Interval: t.Interval, Market: m})
	if err != nil {
		return nil, nil, &historyError{err}
	}
	return seen, series.Candles, nil
}

// add adds what a tape's replay showed to the report.
func (j *job) add(rep parity.Report) {
	r := &j.report
	if r.From.IsZero() {
		r.From = rep.From
	}
	r.To, r.Candles, r.Acts, r.Changed = rep.To, r.Candles+rep.Candles, r.Acts+rep.Acts, r.Changed+rep.Changed
	r.Difference = rep.Difference
	if rep.Restarts > 0 {
		times := "once"
		if rep.Restarts > 1 {
			times = fmt.Sprintf("%d times", rep.Restarts)
		}
		r.Events = append(r.Events, Event{Time: rep.From, Kind: Restarted, Text: "Its worker was started again " + times + ", and it went on from its checkpoint."})
	}
	if rep.LateCandles > 0 {
		r.Events = append(r.Events, Event{Time: rep.From, Kind: Late, Text: fmt.Sprintf(
			"It saw %s late, up to %s after they closed, because its worker was not there. It took them as if in time.", candles(rep.LateCandles), rep.Latest.Round(time.Second))})
	}
	if rep.Changed > 0 {
		text := "No command would have been another."
		if rep.Difference != nil {
			text = "That changes what the bot would have done."
		}
		r.Events = append(r.Events, Event{Time: rep.ChangedFrom, Kind: Corrected, Text: fmt.Sprintf("The history has %s now that differ from what the bot saw. %s", candles(rep.Changed), text)})
	}
}

// between tells what lies between two tapes.
func (j *job) between(a, b tape) {
	_, end := a.span()
	begin, _ := b.span()
	changes := a.base.Changes(b.base.Terms)
	if a.run != b.run {
		text := "It was started anew"
		if gap := begin.Sub(end); gap > 0 {
			text += fmt.Sprintf(", after %s in which it did not run", gap)
		}
		if len(changes) > 0 {
			text += ", with other settings: " + strings.Join(changes, "; ")
		}
		j.report.Events = append(j.report.Events, Event{Time: begin, Kind: Started, Text: text + "."})
		return
	}
	if begin.After(end) && b.base.Live() {
		j.report.Events = append(j.report.Events, Event{Time: end, Kind: Skipped, Text: fmt.Sprintf(
			"So much was heard of its orders at once that the %s to then were not recorded.", begin.Sub(end))})
	}
	if len(changes) > 0 {
		j.report.Events = append(j.report.Events, Event{Time: begin, Kind: Changed, Text: "It went on under other terms: " + strings.Join(changes, "; ") + "."})
	}
}

// keep notes how far the replay is, and makes its claim last whatever it is at, until
// ctx ends. One that another worker has begun anew is lost.
func (j *job) keep(ctx context.Context, lost context.CancelCauseFunc) {
	cfg := j.w.cfg
	tick := time.NewTicker(cfg.Every)
	defer tick.Stop()
	r, noted := j.replay, cfg.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now, done, total := cfg.Now(), j.done.Load(), j.total.Load()
		if done == r.Done && total == r.Total && now.Sub(noted) < cfg.Claim/4 {
			continue
		}
		r.Done, r.Total = done, total
		err := cfg.Store.UpdateReplay(ctx, r.TenantID, r, now.Add(cfg.Claim))
		switch {
		case errors.Is(err, ErrLost):
			lost(ErrLost)
			return
		case err != nil && ctx.Err() == nil:
			cfg.Log.DebugContext(ctx, "progress was not noted", "bot_id", r.BotID, "error", err)
		case err == nil:
			noted = now
		}
	}
}

// historyError is a history that does not give what a replay needs.
type historyError struct{ err error }

// Error implements error.
func (e *historyError) Error() string { return "reading the history: " + e.err.Error() }

// Unwrap returns the cause.
func (e *historyError) Unwrap() error { return e.err }

// reasonOf tells a tenant in a sentence why a replay failed. Details are in the
// log.
func reasonOf(err error) string {
	var dead *pluginhost.Error
	var one *plugin.BotError
	switch {
	case errors.Is(err, exchange.ErrTradesNotKept):
		return "The bot's strategy listens to the market's trades, and this market does not tell those of the past: what the bot heard cannot be replayed."
	case errors.As(err, new(*historyError)):
		return "The market's history could not be read. Try again in a while."
	case errors.As(err, new(*catalog.UnusableError)), errors.As(err, &dead) && dead.Kind == pluginhost.NotFound:
		return "The version of the strategy that the bot ran is not installed here any more."
	case errors.As(err, &dead):
		return "The strategy's process could not be started, or ended during the replay. Whoever runs this installation finds the cause in the log."
	case errors.As(err, &one):
		return "The strategy does not open with what was recorded: " + one.Text
	case errors.Is(err, errTries):
		return "The process that made it ended again and again, and it was given up."
	case errors.Is(err, context.DeadlineExceeded):
		return "The replay took too long and was given up."
	}
	return "Something went wrong here, which is not your fault. Try again; if it happens again, tell support the bot's number."
}
