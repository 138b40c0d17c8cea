package parity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/engine"
)

// Input is a tape and what is needed to replay it.
type Input struct {
	Baseline Baseline
	// Points are those of the tape, oldest first.
	Points []Point
	// Candles are the candles after the baseline as they were seen, oldest first.
	// Where bots saw different ones of a minute, all of them are there, and the
	// sums tell which one this bot saw.
	Candles []exchange.Candle
	// Further are the candles of the further pairs that the bot trades, by pair, as
	// Candles are, and FurtherHistory as History.
	Further, FurtherHistory map[string][]exchange.Candle
	// History, if it is not empty, is what the market's history has of the same
	// time now. Where it differs, the session is replayed over it too, as a
	// backtest would.
	History []exchange.Candle
	// Beside tells what a strategy that looks at more than candles is told beside
	// them, such as FromHistory; nil for nothing.
	Beside Beside
	// Simulation, if not nil, is given the orders of a bot that is live.
	Simulation *Simulation
	// Open opens the strategy; Version is the version that it opens.
	Open    Open
	Version string
	// Progress, if not nil, is called with the number of candles done.
	Progress func(done int64)
}

// Check replays a tape. The error is of the replay itself, such as a strategy
// that cannot be opened or ctx's end; what the replay finds is in the report.
func Check(ctx context.Context, in Input) (Report, error) {
	if in.Open == nil {
		return Report{}, errors.New("parity: Open is required")
	}
	if len(in.Points) == 0 {
		return Report{}, nil
	}
	c := &check{in: in, span: in.Baseline.Interval.Milliseconds()}
	c.survey()
	c.mend()
	shown, d := c.resolve()
	run, err := c.start(ctx, in.Simulation)
	if err != nil {
		return Report{}, err
	}
	found, err := run.follow(ctx, shown, true, in.Progress)
	if err != nil {
		return Report{}, err
	}
	if found != nil {
		if d, err = c.explain(ctx, shown, run, found); err != nil {
			return Report{}, err
		}
	}
	c.report.Candles, c.report.Acts = run.candles, run.acts
	c.report.To = time.UnixMilli(in.Baseline.Engine.LastTime + (run.candles+1)*c.span).UTC()
	if d == nil {
		d = c.missing
	}
	if c.report.Difference = d; d != nil || len(in.History) == 0 {
		return c.report, nil
	}
	c.report.Difference, err = c.history(ctx, shown)
	return c.report, err
}

// check is one replay's work.
type check struct {
	in     Input
	span   int64
	report Report
	// missing is set if the tape lacks something.
	missing *Difference
}

// survey reads what the points alone tell.
func (c *check) survey() {
	c.report.From = time.UnixMilli(c.in.Baseline.Engine.LastTime + c.span).UTC()
	done, epoch := int64(0), int64(0)
	for _, p := range c.in.Points {
		if late := time.Duration(p.Late) * time.Millisecond; late > LateAfter {
			c.report.LateCandles += p.Candles - done
			c.report.Latest = max(c.report.Latest, late)
		}
		if epoch != 0 && p.Epoch != epoch {
			c.report.Restarts++
		}
		done, epoch = p.Candles, p.Epoch
	}
}

// mend ends the tape where a point is missing, or some of what the bot was told.
func (c *check) mend() {
	last, event := int64(0), c.in.Baseline.Event()
	for i, p := range c.in.Points {
		lack := ""
		if last > 0 && p.Points > last+1 {
			lack = fmt.Sprintf("%d parts of the tape are missing", p.Points-last-1)
		}
		for _, a := range p.Acts {
			if a.Given == nil {
				continue
			}
			for _, n := range a.Given.News {
				if lack == "" && n.Event != event+1 {
					lack = fmt.Sprintf("after event %d of its exchange there is event %d", event, n.Event)
				}
				event = n.Event
			}
		}
		if lack == "" {
			last = p.Points
			continue
		}
		before := int64(0)
		if i > 0 {
			before = c.in.Points[i-1].Candles
		}
		c.missing = &Difference{
			Cause: Missing, Time: time.UnixMilli(c.in.Baseline.Engine.LastTime + (before+1)*c.span).UTC(), Detail: "The tape lacks something that the bot was told: " + lack + ".",
		}
		c.in.Points = c.in.Points[:i]
		return
	}
}

// minute is a candle of the bot's own pair with those of the further pairs: late are
// the steps before it, with is what came with it.
type minute struct {
	late [][]engine.PairCandle
	with []engine.PairCandle
	own  exchange.Candle
}

// slot is a place for a candle, in the order in which the bot saw them; pair is ""
// for its own.
type slot struct {
	pair string
	c    *exchange.Candle
}

func (m *minute) slots() []slot {
	var out []slot
	for _, step := range append(slices.Clone(m.late), m.with) {
		for i := range step {
			out = append(out, slot{step[i].Pair, &step[i].Candle})
		}
	}
	return append(out, slot{c: &m.own})
}

// shown are the candles of a point, of which the sums say that the bot saw them.
type shown struct {
	point   Point
	minutes []minute
}

// mostForms bounds how many ways are tried to put together what a bot saw.
const mostForms = 1 << 12

// form names a candle of which there may be several forms.
type form struct {
	pair string
	at   int64
}

// resolve finds the candles of every point. The difference is where that ends
// before the last point: candles that are not kept, or that are not those which
// the bot saw.
func (c *check) resolve() ([]shown, *Difference) {
	forms := formsOf(c.in.Candles, c.in.Further)
	var out []shown
	var before Sums
	next := c.in.Baseline.Engine.LastTime + c.span
	for _, p := range c.in.Points {
		s := shown{point: p, minutes: c.minutes(p, next, p.Candles-before.Candles)}
		var slots []slot
		ways, odd := 1, next
		for i := range s.minutes {
			for _, x := range s.minutes[i].slots() {
				of := forms[form{x.pair, x.c.Time}]
				if len(of) == 0 {
					return out, &Difference{Cause: Data, Time: c.closed(x.c.Time), Detail: "The candle that the bot saw is not kept, so that nothing can be replayed from here on."}
				}
				if len(of) > 1 {
					odd = x.c.Time
				}
				ways = min(ways*len(of), mostForms+1)
				*x.c = of[0]
				slots = append(slots, x)
			}
		}
		if !pick(before.Seen, p.Seen, slots, forms, ways) {
			return out, &Difference{Cause: Data, Time: c.closed(odd), Detail: fmt.Sprintf(
				"Between %s and %s the bot saw other candles than those that are kept.", clock(c.closed(next)), clock(c.closed(next+int64(len(s.minutes)-1)*c.span)))}
		}
		out = append(out, s)
		next, before = next+int64(len(s.minutes))*c.span, p.Sums
	}
	return out, nil
}

func formsOf(own []exchange.Candle, further map[string][]exchange.Candle) map[form][]exchange.Candle {
	forms := make(map[form][]exchange.Candle, len(own))
	for _, k := range own {
		forms[form{"", k.Time}] = append(forms[form{"", k.Time}], k)
	}
	for pair, list := range further {
		for _, k := range list {
			forms[form{pair, k.Time}] = append(forms[form{pair, k.Time}], k)
		}
	}
	return forms
}

// minutes lays out what a point saw from a time on, with the times of the candles
// only.
func (c *check) minutes(p Point, from, count int64) []minute {
	odd := make(map[int64]Odd, len(p.Odd))
	for _, o := range p.Odd {
		odd[o.At] = o
	}
	step := func(at int64, pairs []string) []engine.PairCandle {
		var out []engine.PairCandle
		for _, pair := range pairs {
			out = append(out, engine.PairCandle{Pair: pair, Candle: exchange.Candle{Time: at}})
		}
		return out
	}
	var all []string
	for _, m := range c.in.Baseline.Also {
		all = append(all, m.Pair)
	}
	out := make([]minute, count)
	for i := range out {
		at := from + int64(i)*c.span
		m := minute{own: exchange.Candle{Time: at}, with: step(at, all)}
		if o, ok := odd[at]; ok {
			m.with = step(at, o.With)
			for _, late := range o.Late {
				m.late = append(m.late, step(late.At, late.Pairs))
			}
		}
		out[i] = m
	}
	return out
}

// pick sets the candles to those forms that lead from one sum to another, and
// reports whether there are such.
func pick(from, to uint64, slots []slot, forms map[form][]exchange.Candle, ways int) bool {
	if ways > mostForms {
		return false
	}
	for way := range ways {
		sum, rest := from, way
		for _, x := range slots {
			of := forms[form{x.pair, x.c.Time}]
			*x.c, rest = of[rest%len(of)], rest/len(of)
			if x.pair == "" {
				sum = seen(sum, x.c)
			} else {
				sum = seenOf(sum, x.pair, x.c)
			}
		}
		if sum == to {
			return true
		}
	}
	return false
}

func (c *check) closed(open int64) time.Time { return time.UnixMilli(open + c.span).UTC() }

func clock(t time.Time) string { return t.Format("2006-01-02 15:04") }

// start opens the strategy and the session of a replay, with a simulation unless that is
// nil.
func (c *check) start(ctx context.Context, sim *Simulation) (*replay, error) {
	if !c.in.Baseline.Live() {
		sim = nil
	}
	if sim != nil {
		if err := sim.begin(&c.in.Baseline); err != nil {
			return nil, err
		}
	}
	s, err := c.in.Open(ctx, c.in.Baseline)
	if err != nil {
		return nil, err
	}
	tape := NewTape(c.in.Baseline.Market, Sums{}, c.in.Baseline.Also...)
	tape.After(c.in.Baseline.Engine.LastTime)
	account, err := c.in.Baseline.account(tape, s, sim)
	if err != nil {
		return nil, fmt.Errorf("parity: %w", err)
	}
	r := &replay{tape: tape, account: account, strategy: s, sim: sim}
	sees := subscription(s)
	if r.book = sees.Book; sees.Any() && c.in.Beside != nil {
		r.beside = c.in.Beside(sees)
	}
	return r, nil
}

// explain finds the cause of a difference.
func (c *check) explain(ctx context.Context, all []shown, first *replay, f *finding) (*Difference, error) {
	d := &Difference{Time: c.closed(f.at), Recorded: f.recorded.Text, Replayed: f.replayed.Text}
	if c.in.Version != c.in.Baseline.Version {
		d.Cause = Version
		d.Detail = fmt.Sprintf("The bot ran version %s of %s and the replay version %s.", name(c.in.Baseline.Version), c.in.Baseline.Strategy, name(c.in.Version))
		return d, nil
	}
	if f.failed != "" {
		d.Cause, d.Detail = Engine, "The replay ended: "+f.failed+"."
		return d, nil
	}
	if f.missing {
		d.Cause, d.Detail = Missing, "The tape lacks something that the bot did or was told there."
		return d, nil
	}
	if f.heard {
		d.Cause = Data
		d.Detail = "Beside its candles, the bot was told other trades, another book or other candles of other pairs than are kept, or told them later."
		return d, nil
	}
	if f.answered() {
		if d.Cause, d.Detail = Venue, "The same orders met another answer of the venue."; c.in.Baseline.Live() {
			d.Cause, d.Detail = Engine, "The bot was told the same of its orders, and the engine of today makes something else of it."
		}
		return d, nil
	}
	again, err := c.start(ctx, nil)
	if err != nil {
		return nil, err
	}
	if _, err := again.follow(ctx, all[:f.point+1], true, nil); err != nil {
		return nil, err
	}
	d.Cause = Unsteady
	switch {
	case again.tape.sums != first.tape.sums:
		d.Detail = "The strategy does not always decide alike: two replays of the same differ too."
	case f.words:
		d.Detail = "What the bot did is the same; how the strategy explained it is not. It depends on something that it is not given."
	default:
		d.Detail = "Given the same, the strategy now decides otherwise: it depends on something that it is not given, such as the clock."
	}
	return d, nil
}

func name(version string) string {
	if version == "" {
		return "(unknown)"
	}
	return version
}

// history replays over the history as it is now, if it differs.
func (c *check) history(ctx context.Context, all []shown) (*Difference, error) {
	now := formsOf(c.in.History, c.in.FurtherHistory)
	closes := map[string]exchange.Ticks{"": c.in.Baseline.Engine.LastPrice}
	for _, l := range c.in.Baseline.Legs {
		closes[l.Pair] = l.Engine.LastPrice
	}
	cause := Data
	for _, s := range all {
		for i := range s.minutes {
			for _, x := range s.minutes[i].slots() {
				k, other := *x.c, exchange.Flat(x.c.Time, closes[x.pair]) // nothing was traded in it
				if of := now[form{x.pair, k.Time}]; len(of) > 0 {
					other = of[len(of)-1]
				}
				closes[x.pair] = other.Close
				if k == other {
					continue
				}
				if c.report.Changed++; c.report.Changed == 1 {
					c.report.ChangedFrom = time.UnixMilli(k.Time).UTC()
					if k.Volume == 0 && other.Volume > 0 {
						cause = Late
					}
				}
				*x.c = other
			}
		}
	}
	if c.report.Changed == 0 {
		return nil, nil
	}
	run, err := c.start(ctx, nil)
	if err != nil {
		return nil, err
	}
	f, err := run.follow(ctx, all, false, nil)
	if err != nil || f == nil {
		return nil, err
	}
	d := &Difference{Cause: cause, Time: c.closed(f.at), Recorded: f.recorded.Text, Replayed: f.replayed.Text}
	what := "has another candle"
	if cause == Late {
		what = "has trades, which came too late for the bot,"
	}
	d.Detail = fmt.Sprintf("Over what the bot saw, the replay is identical. The history now %s at %s.", what, clock(c.report.ChangedFrom))
	return d, nil
}
