package parity_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/plugins/grid/grid"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/engine/remote"
	"github.com/lunobot/lunobot/strategy/portfolio"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

// trader runs a bot at an exchange as a worker does: wishes are carried out once they are
// written, what becomes of them is heard between candles, and each commit has what is on
// the tape.
type trader struct {
	t       *testing.T
	rng     *rand.Rand
	def     strategy.Definition
	terms   parity.Terms
	account *parity.Account
	bot     *strategy.Instance
	tape    *parity.Tape
	epoch   int64
	price   exchange.Ticks
	clock   int64
	paused  bool
	// manual is true if the test itself says what the exchange does, and nothing else
	// happens.
	manual bool
	// paper is true if its orders are simulated.
	paper bool
	// log is what the exchange told, which no kill touches; sent are the orders that it
	// was given, and filled what of them was.
	log    []remote.News
	sent   map[uint64]remote.Wish
	filled map[uint64]exchange.Steps
	over   map[uint64]bool

	written traderState
	base    parity.Baseline
	points  []parity.Point
}

// traderState is what a checkpoint holds.
type traderState struct {
	parity.AccountState
	Snapshot strategy.Snapshot
	Sums     parity.Sums
}

func (w *trader) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// copied is a value that went through JSON, as all that is stored.
func copied[T any](t *testing.T, v T) T {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out T
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// goLive begins a bot after a candle, which is its baseline.
func goLive(t *testing.T, def strategy.Definition, on parity.Terms, seed uint64, first exchange.Candle) *trader {
	t.Helper()
	return (&trader{t: t}).start(def, on, seed, first)
}

func (w *trader) start(def strategy.Definition, on parity.Terms, seed uint64, first exchange.Candle) *trader {
	w.t.Helper()
	*w = trader{
		t: w.t, paper: w.paper, rng: rand.New(rand.NewPCG(seed, 5)), def: def, terms: on, sent: map[uint64]remote.Wish{}, filled: map[uint64]exchange.Steps{}, over: map[uint64]bool{},
	}
	w.open(nil)
	w.must(w.account.Seek(first))
	if ev := w.account.Start(); ev != nil {
		w.must(w.account.Commands(w.bot.Deliver(w.account.View(), ev)))
	}
	w.tape = parity.NewTape(on.Market, parity.Sums{})
	w.tape.After(first.Time)
	snapshot, err := w.bot.Snapshot()
	w.must(err)
	w.base = copied(w.t, parity.Baseline{Terms: on, AccountState: w.account.State(), Snapshot: &snapshot})
	w.written = copied(w.t, traderState{w.account.State(), snapshot, w.tape.Sums()})
	w.carry()
	return w
}

func (w *trader) open(from *traderState) {
	w.t.Helper()
	w.epoch++
	in := strategy.OpenInput{Explain: true, Interval: w.terms.Decide, Market: w.terms.Market, Params: w.terms.Params}
	if from != nil {
		in.Snapshot = &from.Snapshot
	}
	var err error
	w.bot, err = w.def.Open(in)
	w.must(err)
	w.tape = parity.NewTape(w.terms.Market, parity.Sums{})
	if from != nil {
		w.tape = parity.NewTape(w.terms.Market, from.Sums)
	}
	w.account, err = parity.NewAccount(w.terms, parity.AccountConfig{
		OrderPrefix: "lb." + strings.Repeat("x", int(w.epoch%7)) + ".", Recorder: taped{w}, Wants: w.bot.Wants, Live: !w.paper,
	})
	w.must(err)
	if from != nil {
		w.must(w.account.Restore(from.AccountState))
	}
}

// taped is a recorder that is told of the tape's changes.
type taped struct{ *trader }

func (f taped) Order(o engine.OrderRecord) { f.tape.Order(o) }

func (f taped) Fill(x exchange.Fill, ref uint64, r portfolio.Result) { f.tape.Fill(x, ref, r) }

// commit writes the bot and what is on its tape, and has its wishes carried out; or it is
// killed before that.
func (w *trader) commit(killed bool) {
	w.t.Helper()
	if killed {
		w.open(&w.written)
		return
	}
	fresh := w.tape.Fresh()
	if fresh {
		w.tape.Wishes(w.account.Wishes())
		p := w.tape.Point()
		p.Epoch = w.epoch
		w.points = append(w.points, copied(w.t, p))
		w.tape.Next()
	}
	snapshot, err := w.bot.Snapshot()
	w.must(err)
	w.written = copied(w.t, traderState{w.account.State(), snapshot, w.tape.Sums()})
	w.carry()
}

func (w *trader) note(n remote.News) {
	n.Event, n.At = int64(len(w.log)+1), w.clock
	w.log = append(w.log, n)
}

// carry gives the exchange what is new of the wishes that are written.
func (w *trader) carry() {
	for _, x := range w.account.Wishes() {
		if _, known := w.sent[x.Number]; !known {
			w.sent[x.Number] = x
			if !w.manual && w.rng.IntN(12) == 0 {
				w.over[x.Number] = true
				w.note(remote.News{Number: x.Number, End: &remote.End{Reason: "no funds", Ending: exchange.EndedRejected}})
				continue
			}
			w.note(remote.News{Number: x.Number})
			w.note(remote.News{Number: x.Number, Placed: true})
		}
		if x.Asked && !w.over[x.Number] {
			w.end(x.Number, "taken back")
		}
	}
}

func (w *trader) end(number uint64, reason string) {
	w.over[number] = true
	w.note(remote.News{Number: number, End: &remote.End{Filled: w.filled[number], Reason: reason}})
}

// trade lets some of the orders at the exchange trade, in parts.
func (w *trader) trade() {
	for number := uint64(1); number <= uint64(len(w.sent)+5); number++ {
		x, known := w.sent[number]
		r := x.Request
		limit := r.Type == exchange.LimitOrder && (r.Side == exchange.Buy && r.Price < w.price || r.Side == exchange.Sell && r.Price > w.price)
		if !known || w.over[number] || limit || w.rng.IntN(3) == 0 {
			continue
		}
		rest := r.Volume - w.filled[number]
		price := w.price
		if r.Volume == 0 {
			rest = w.terms.Fees.Taker.Affordable(r.Value, price)
		}
		if rest > 1 && r.Volume > 0 && w.rng.IntN(2) == 0 {
			rest /= 2
		}
		w.filled[number] += rest
		value := price.MustTimes(rest)
		w.note(remote.News{Number: number, Fill: &exchange.Fill{
			Pair: w.terms.Market.Pair, Sequence: int64(len(w.log)), Side: r.Side, Price: price, Volume: rest, Value: value, FeeCounter: w.terms.Fees.Taker.Of(value), Time: w.clock,
		}})
		if r.Volume == 0 || w.filled[number] == r.Volume {
			w.end(number, "")
		}
	}
}

// hear lets the bot hear what it has not.
func (w *trader) hear() bool {
	w.t.Helper()
	list := w.log[w.account.Event():]
	if !w.manual {
		w.interfere()
	}
	if len(list) > 0 {
		w.tape.Give(parity.Given{Kind: parity.News, News: list})
	}
	heard, err := w.account.News(list)
	w.must(err)
	return heard
}

// interfere gives the bot something else from outside.
func (w *trader) interfere() {
	if w.rng.IntN(40) == 0 {
		w.paused = !w.paused
		why := ""
		if w.paused {
			why = "books and exchange do not agree"
		}
		w.tape.Give(parity.Given{Kind: parity.Pause, Reason: why})
	}
	switch w.rng.IntN(60) {
	case 0:
		w.tape.Give(parity.Given{Kind: parity.Resume})
		w.account.ResumeBreaker()
	case 1, 2, 3, 4, 5: // mostly off again soon
		on := w.rng.IntN(5) == 0
		w.tape.Give(parity.Given{Kind: parity.CloseOnly, On: on})
		w.account.SetCloseOnly(on)
	}
}

// candle gives a candle, some of them late, and halts what a few are answered with.
func (w *trader) candle(c exchange.Candle) {
	w.t.Helper()
	w.hear()
	w.tape.Candle(&c)
	w.clock = c.Time + 60_000 + 20
	if !w.manual && w.rng.IntN(30) == 0 {
		w.clock += 150_000
		w.tape.Give(parity.Given{Kind: parity.Lag, Now: w.clock})
	}
	w.account.At(w.clock)
	if !w.manual && w.rng.IntN(10) == 0 {
		believed := c.Within((c.Low+c.High)/2, c.High) // the close, too, in one of two
		w.tape.Give(parity.Given{Kind: parity.Belief, Pair: w.terms.Market.Pair, Candle: &believed})
		w.account.Believe(w.terms.Market.Pair, believed)
	}
	w.must(w.account.Begin(c))
	halted := !w.manual && w.rng.IntN(50) == 0
	for ev := w.account.Next(); ev != nil; ev = w.account.Next() {
		w.tape.Event(ev)
		cs := w.bot.Deliver(w.account.View(), ev)
		if w.tape.Commands(cs); halted {
			w.tape.Give(parity.Given{Kind: parity.Halt, Reason: "the kill switch is on"})
			continue
		}
		w.must(w.account.Commands(cs))
	}
	w.price = c.Close
}

// prints lets the market trade somewhere between two candles, and reports whether that
// reached an exit.
func (w *trader) prints() bool {
	at := w.account.LastTime() + 60_000 + w.rng.Int64N(60_000)
	price := w.price + exchange.Ticks(w.rng.Int64N(int64(w.price)/100)) - w.price/200
	p := engine.Prints{From: at, To: at, Low: price, High: price, Last: price, Floor: w.price, Peak: w.price}
	if !w.account.Reaches(w.terms.Market.Pair, &p) {
		return false
	}
	w.tape.Give(parity.Given{Kind: parity.Between, Pair: w.terms.Market.Pair, Prints: &p})
	w.must(w.account.ProtectBetween(w.terms.Market.Pair, &p))
	return true
}

// run gives candles from one on, with kills at any commit, until all is written.
func (w *trader) run(candles []exchange.Candle) (kills int) {
	w.t.Helper()
	for i := 0; i < len(candles); {
		w.candle(candles[i])
		killed := w.rng.IntN(20) == 0
		if w.commit(killed); killed {
			kills++
		}
		for range w.rng.IntN(3) { // what happens between candles
			w.trade()
			if heard := w.hear(); !w.prints() && !heard {
				continue
			}
			killed := w.rng.IntN(20) == 0
			if w.commit(killed); killed {
				kills++
			}
		}
		i = int((w.account.LastTime()-candles[0].Time)/60_000) + 1 // from where it was written
		if i > 100 && i%100 < 3 && !w.paper {                      // its strategy is away for some candles
			w.away(candles[i:min(i+4, len(candles))])
		}
	}
	return kills
}

// away lets the exits of the newest state be judged without the strategy, which hears the
// candles later.
func (w *trader) away(candles []exchange.Candle) {
	w.t.Helper()
	for _, c := range candles {
		w.tape.Give(parity.Given{Kind: parity.Protect, Pair: w.terms.Market.Pair, Candle: &c})
		w.must(w.account.Protect(w.terms.Market.Pair, c))
		w.price = c.Close
		w.trade()
		w.hear()
		w.commit(false)
	}
}

func (w *trader) input(seen []exchange.Candle) parity.Input {
	return parity.Input{Baseline: w.base, Points: w.points, Candles: seen, Open: parity.Local(w.def), Version: w.terms.Version}
}

// proves PL2 for live bots: what a bot heard of its orders, at its place among the
// candles, gives the same commands, orders and wishes again, whatever kills lay in
// between; an event that is lost, doubled or changed is noticed and named.
func TestLiveBotsAreIdentical(t *testing.T) {
	t.Parallel()
	_, candles := strategytest.Demo(t, 800)
	for name, def := range map[string]strategy.Definition{"whims": whims("1.0.0", nil), "grid": grid.Definition()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			on := terms(t, def)
			on.Fees.Taker = 1_000_000
			on.Risk.StopLoss, on.Risk.TakeProfit, on.Risk.MaxDrawdown = 50_000, 80_000, 3_000_000
			w := goLive(t, def, on, 7, candles[0])
			kills := w.run(candles[1:])
			r := check(t, w.input(candles))
			if r.Difference != nil {
				t.Fatal(r.Difference.Describe())
			}
			told := map[parity.GivenKind]int{}
			for _, p := range w.points {
				for _, a := range p.Acts {
					if a.Given != nil {
						told[a.Given.Kind] += max(1, len(a.Given.News))
					}
				}
			}
			if r.Candles != 799 || kills < 20 || told[parity.News] < 80 || told[parity.Lag] == 0 || told[parity.Pause] == 0 || told[parity.Halt] == 0 ||
				told[parity.CloseOnly] == 0 || told[parity.Resume] == 0 || told[parity.Protect] == 0 || told[parity.Between] == 0 || told[parity.Belief] < 20 {
				t.Errorf("%+v after %d kills, and of each %v", r, kills, told)
			}
			if heard := w.written.Event(); int64(told[parity.News]) != heard {
				t.Errorf("%d events are on the tape, and the bot has heard %d", told[parity.News], heard)
			}
			t.Run("faults", func(t *testing.T) { w.faults(t, candles) })
		})
	}
}

// faults spoils the tape and the replay in turns.
func (w *trader) faults(t *testing.T, candles []exchange.Candle) {
	news := func(in *parity.Input, nth int) *parity.Given {
		for i := range in.Points {
			for k := range in.Points[i].Acts {
				if g := in.Points[i].Acts[k].Given; g != nil && g.Kind == parity.News && len(g.News) > 0 {
					if nth--; nth < 0 {
						return g
					}
				}
			}
		}
		t.Fatal("too few events")
		return nil
	}
	for name, c := range map[string]struct {
		spoil func(in *parity.Input)
		cause parity.Cause
		text  string
	}{
		"an event is lost":    {func(in *parity.Input) { g := news(in, 20); g.News = g.News[1:] }, parity.Missing, "after event"},
		"an event is doubled": {func(in *parity.Input) { g := news(in, 20); g.News = append(g.News, g.News[len(g.News)-1]) }, parity.Missing, "after event"},
		"a point is lost":     {func(in *parity.Input) { in.Points = append(in.Points[:50:50], in.Points[51:]...) }, parity.Missing, "1 parts"},
		"an event is changed": {func(in *parity.Input) { news(in, 20).News[0].At++ }, parity.Missing, "lacks"},
		"another kind":        {func(in *parity.Input) { news(in, 20).Kind = "claim" }, parity.Engine, "does not know"},
		"other risk":          {func(in *parity.Input) { in.Baseline.Risk.MaxPosition = 1 }, parity.Engine, "makes something else of it"},
		"another version": {func(in *parity.Input) {
			in.Version, in.Open = "9.9.9", parity.Local(whims("9.9.9", func(n int) bool { return n == 100 }))
		}, parity.Version, "9.9.9"},
	} {
		t.Run(name, func(t *testing.T) {
			in := copied(t, w.points)
			input := w.input(candles)
			if input.Points = in; name == "another version" {
				input.Baseline.Snapshot = nil
			}
			c.spoil(&input)
			want(t, check(t, input), c.cause, c.text)
		})
	}
}

// proves PL2, PL1 for bots on paper: exits that acted on prices between two candles act again
// in a replay, at the same place, whatever kills lay in between; a price that is lost or
// changed is noticed.
func TestExitsBetweenCandlesAreReplayed(t *testing.T) {
	t.Parallel()
	_, candles := strategytest.Demo(t, 600)
	def := whims("1.0.0", nil)
	on := terms(t, def)
	on.Risk.StopLoss, on.Risk.TakeProfit, on.Risk.TrailingStop = 300_000, 300_000, 200_000
	w := (&trader{t: t, paper: true}).start(def, on, 11, candles[0])
	kills := w.run(candles[1:])
	if r := check(t, w.input(candles)); r.Difference != nil || r.Candles != 599 || kills < 20 {
		t.Fatalf("%d candles, %d kills: %+v", r.Candles, kills, r.Difference)
	}
	acts, spoiled := 0, false
	points := copied(t, w.points)
	for i := range points {
		for k := range points[i].Acts {
			if g := points[i].Acts[k].Given; g != nil && g.Kind == parity.Between {
				if acts++; acts == 10 {
					g.Prints.Low -= 5
					g.Prints.Last, spoiled = g.Prints.Low, true
				}
			}
		}
	}
	in := w.input(candles)
	in.Points = points
	if acts < 20 || !spoiled {
		t.Fatalf("%d exits acted between candles", acts)
	}
	if r := check(t, in); r.Difference == nil {
		t.Error("another price is not noticed")
	}
}

// A tape of more news than a point holds says so: it begins anew after them.
func TestTapesAreBounded(t *testing.T) {
	t.Parallel()
	tape := parity.NewTape(terms(t, whims("1.0.0", nil)).Market, parity.Sums{})
	tape.Give(parity.Given{Kind: parity.News, News: make([]remote.News, parity.MaxNews)})
	if tape.Full() || !tape.Fresh() {
		t.Error("as many as a point holds are too many")
	}
	tape.Give(parity.Given{Kind: parity.News, News: make([]remote.News, 1)})
	if !tape.Full() {
		t.Error("one more is not too many")
	}
	if tape.Next(); tape.Full() || tape.Fresh() {
		t.Error("the next point is full too")
	}
}
