package runner_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
)

// tape is a baseline of a bot with the points after it.
type tape struct {
	sequence int64
	base     parity.Baseline
	points   []parity.Point
}

// tapes returns what the journal has of a bot's tapes, and the candles that were
// kept.
func (w *world) tapes(id string) (out []tape, kept []exchange.Candle) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	decode := func(raw json.RawMessage, to any) {
		if err := json.Unmarshal(raw, to); err != nil {
			w.t.Fatal(err)
		}
	}
	within := func(b journal.Baseline, i int, p journal.TapePoint) bool {
		next := i+1 < len(w.baselines[id]) && w.baselines[id][i+1].Run == b.Run && p.Sequence > w.baselines[id][i+1].Sequence
		return p.Run == b.Run && p.Sequence > b.Sequence && !next
	}
	for i, b := range w.baselines[id] {
		one := tape{sequence: b.Sequence}
		decode(b.Body, &one.base)
		for _, p := range w.points[id] {
			if within(b, i, p) {
				one.points = append(one.points, parity.Point{})
				decode(p.Body, &one.points[len(one.points)-1])
			}
		}
		out = append(out, one)
	}
	once := map[exchange.Candle]bool{}
	for _, c := range w.kept {
		if !once[c] {
			once[c] = true
			kept = append(kept, c)
		}
	}
	return out, kept
}

// taped is how many candles are on a bot's newest tape; the world is locked.
func (w *world) taped(id string) int64 {
	list := w.points[id]
	if len(list) == 0 {
		return 0
	}
	var p parity.Point
	if err := json.Unmarshal(list[len(list)-1].Body, &p); err != nil {
		w.t.Error(err)
	}
	return p.Candles
}

// proves PL2: what bots saw is on their tapes and comes to the same again, with a
// restart of the worker and a failed process in between; parameters that were
// changed begin a new tape.
func TestWhatBotsSawIsReplayed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := map[string]time.Duration{"minutes": time.Minute, "longer": 5 * time.Minute, "looks": time.Minute}
	for id, interval := range ids {
		more := ""
		if id == "looks" {
			more = `,"tape":true,"pair":"ETHMYR"`
		}
		w.addEvery(interval, id, `{"who":"`+id+`","trade":true,"warm":3`+more+`}`)
	}
	await := func(n int) {
		w.await("tapes", func() bool {
			return w.taped("minutes") >= int64(n) && w.taped("longer") >= int64(n) && w.taped("looks") >= int64(n)
		})
	}
	w.interrupted(await)
	for id := range ids {
		list, kept := w.tapes(id)
		if len(list) != 1 {
			t.Fatalf("%s has %d baselines", id, len(list))
		}
		rep := replayed(t, list[0], kept, w.market)
		if rep.Difference != nil {
			t.Fatalf("%s: %s", id, rep.Difference.Describe())
		}
		if rep.Candles < 120 || rep.Acts < 20 || rep.Restarts == 0 {
			t.Errorf("%s: %+v", id, rep)
		}
		if got := list[0].base; got.Strategy != "counting" || got.Version != "1.0.0" || !strings.Contains(string(got.Params), id) || got.Engine.LastTime == 0 {
			t.Errorf("%+v", got.Terms)
		}
	}
	// Without what it was told beside its candles, a bot does otherwise, and the
	// cause is named.
	looks, seen := w.tapes("looks")
	if rep := replayed(t, looks[0], seen, nil); rep.Difference == nil || rep.Difference.Cause != parity.Data ||
		!strings.Contains(rep.Difference.Detail, "Beside its candles") {
		t.Errorf("without its trades: %+v", rep)
	}
	// The tenant stops the bot, changes its parameters and starts it again.
	w.change(func() {
		for i := range w.bots {
			w.bots[i].Bot.Run++
			w.bots[i].Config.Parameters = json.RawMessage(`{"who":"other","trade":true}`)
		}
	})
	r := w.start()
	w.await("the new run", func() bool {
		return len(w.baselines["minutes"]) > 1 && w.taped("minutes") >= 20 && w.taped("minutes") < 80
	})
	r.Stop()
	list, kept := w.tapes("minutes")
	last := list[len(list)-1]
	if rep := replayed(t, last, kept, w.market); rep.Difference != nil || rep.Candles < 20 || rep.Restarts != 0 {
		t.Errorf("%+v", rep)
	}
	if changes := list[0].base.Changes(last.base.Terms); len(changes) != 1 || !strings.Contains(changes[0], "other") {
		t.Errorf("%q", changes)
	}
}

// watching is a strategy that does nothing but count the candles that it hears.
type watching struct{ Count int64 }

func (s *watching) OnCandle(*strategy.Bot, exchange.Candle) { s.Count++ }

// proves PL1: a bot whose tape could not begin anew is not checkpointed with a state
// of its strategy of before, only because another one joins it.
func TestCheckpointsHaveTheStateOfTheirTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.process = newProcessOf(t, strategy.MustDefine(strategy.Info{Name: "watching", Version: "1.0.0"}, struct{}{}, func(struct{}) strategy.Strategy {
		return &watching{}
	}))
	w.add("a", `{}`)
	r := w.start()
	w.await("a checkpoint", func() bool { return w.point("a").Engine.Sequence > 0 })
	r.Stop()
	away, commits := errors.New("the journal is away"), 0
	w.change(func() {
		w.bots[0].Config.Balance = w.bots[0].Config.Balance.Add(decimal.NewFromInt(1)) // other terms
		w.refuse = func(entries []journal.Entry) error {
			for _, e := range entries {
				var p struct {
					Engine   struct{ Sequence int64 } `json:"engine"`
					Strategy struct{ Data watching }  `json:"strategy"`
				}
				if err := json.Unmarshal(e.Checkpoint.State, &p); err != nil {
					return err
				}
				if e.BotID == "a" && w.latest["b"].Checkpoint == nil {
					return away // nothing of it is stored until the other one is
				}
				if commits++; p.Engine.Sequence != p.Strategy.Data.Count {
					t.Errorf("bot %s has had %d candles in its checkpoint, and its strategy %d", e.BotID, p.Engine.Sequence, p.Strategy.Data.Count)
				}
			}
			return nil
		}
	})
	r = w.start()
	begun := w.market.Now()
	w.await("candles", func() bool { return w.seen["a"].After(begun.Add(5 * time.Minute)) })
	w.add("b", `{}`)
	w.await("checkpoints", func() bool { return commits > 6 })
	r.Stop()
}

func replayed(t *testing.T, one tape, kept []exchange.Candle, history exchange.MarketData) parity.Report {
	t.Helper()
	var beside parity.Beside
	if history != nil {
		beside = parity.FromHistory(history, one.base)
	}
	rep, err := parity.Check(t.Context(), parity.Input{
		Baseline: one.base, Points: one.points, Candles: kept, Beside: beside, Open: parity.Local(definition()), Version: "1.0.0",
	})
	if err != nil {
		t.Fatal(err)
	}
	return rep
}
