package parity_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/portfolio"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

// worker runs a bot as a worker does, with points and restarts.
type worker struct {
	t       *testing.T
	def     strategy.Definition
	terms   parity.Terms
	session *engine.Session
	venue   *paper.Venue
	bot     *strategy.Instance
	tape    *parity.Tape
	epoch   int64

	base   parity.Baseline
	points []parity.Point
}

// saved is what a checkpoint holds.
type saved struct {
	Engine   engine.State
	Venue    paper.VenueState
	Snapshot strategy.Snapshot
	Sums     parity.Sums
}

func terms(t *testing.T, def strategy.Definition) parity.Terms {
	t.Helper()
	cfg, _ := strategytest.Demo(t, 1)
	return parity.Terms{
		Strategy: def.Info().Name, Version: def.Info().Version, Market: cfg.Market, Interval: time.Minute, Decide: time.Minute,
		Balance: cfg.Balance, Fees: cfg.Fees,
	}
}

// begin begins a bot after a warm-up candle, which is its baseline.
func begin(t *testing.T, def strategy.Definition, terms parity.Terms, first exchange.Candle) *worker {
	t.Helper()
	w := &worker{t: t, def: def, terms: terms, epoch: 1}
	w.open(nil)
	if err := w.session.Seek(first); err != nil {
		t.Fatal(err)
	}
	if ev := w.session.Start(); ev != nil {
		w.must(w.session.Commands(w.bot.Deliver(w.session.View(), ev)))
	}
	w.tape = parity.NewTape(terms.Market, parity.Sums{})
	raw, err := json.Marshal(parity.Baseline{Terms: terms, AccountState: parity.AccountState{Engine: w.session.State(), Venue: w.venue.State()}, Snapshot: w.snapshot()})
	w.must(err)
	w.must(json.Unmarshal(raw, &w.base))
	return w
}

func (w *worker) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *worker) snapshot() *strategy.Snapshot {
	s, err := w.bot.Snapshot()
	w.must(err)
	return &s
}

func (w *worker) open(from *saved) {
	w.t.Helper()
	in := strategy.OpenInput{Explain: true, Interval: w.terms.Decide, Market: w.terms.Market, Params: w.terms.Params}
	if from != nil {
		in.Snapshot = &from.Snapshot
	}
	var err error
	w.bot, err = w.def.Open(in)
	w.must(err)
	w.venue, err = paper.NewVenue(paper.VenueConfig{Market: w.terms.Market, Balance: w.terms.Balance, Fees: w.terms.Fees})
	w.must(err)
	w.tape = parity.NewTape(w.terms.Market, parity.Sums{})
	if from != nil {
		w.tape = parity.NewTape(w.terms.Market, from.Sums)
	}
	w.session, err = engine.New(engine.Config{
		Market: w.terms.Market, Interval: time.Minute, Decide: w.terms.Decide, Balance: w.terms.Balance, Venue: w.venue, Risk: w.terms.Risk,
		Recorder: follower{w}, OrderPrefix: "live-", Wants: w.bot.Wants,
	})
	w.must(err)
	if from != nil {
		w.venue.Restore(from.Venue)
		w.session.Restore(from.Engine)
	}
}

// follower is a recorder that is told of the tape's changes.
type follower struct{ *worker }

func (f follower) Order(o engine.OrderRecord) { f.tape.Order(o) }

func (f follower) Fill(x exchange.Fill, ref uint64, r portfolio.Result) { f.tape.Fill(x, ref, r) }

// restart saves the bot and opens it again, as after the death of its worker.
func (w *worker) restart() {
	w.t.Helper()
	raw, err := json.Marshal(saved{Engine: w.session.State(), Venue: w.venue.State(), Snapshot: *w.snapshot(), Sums: w.tape.Sums()})
	w.must(err)
	var s saved
	w.must(json.Unmarshal(raw, &s))
	w.epoch++
	w.open(&s)
}

// candle gives a candle, and takes a point if anything was done or it is time.
func (w *worker) candle(c exchange.Candle) {
	w.t.Helper()
	w.tape.Candle(&c)
	w.must(w.session.Begin(&c))
	for ev := w.session.Next(); ev != nil; ev = w.session.Next() {
		w.tape.Event(ev)
		cs := w.bot.Deliver(w.session.View(), ev)
		w.tape.Commands(cs)
		w.must(w.session.Commands(cs))
	}
	if w.tape.Busy() || w.session.Sequence()%15 == 0 {
		w.point()
	}
}

// point ends the tape's present part, through JSON as all that is stored.
func (w *worker) point() {
	w.t.Helper()
	p := w.tape.Point()
	w.tape.Next()
	p.Epoch = w.epoch
	raw, err := json.Marshal(p)
	w.must(err)
	var back parity.Point
	w.must(json.Unmarshal(raw, &back))
	w.points = append(w.points, back)
}

func (w *worker) input(seen []exchange.Candle) parity.Input {
	return parity.Input{Baseline: w.base, Points: w.points, Candles: seen, Open: parity.Local(w.def), Version: w.terms.Version}
}

func check(t *testing.T, in parity.Input) parity.Report {
	t.Helper()
	r, err := parity.Check(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
