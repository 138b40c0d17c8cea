package lookahead

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/backtest"
)

// Depth is how closely a check looks.
type Depth string

const (
	// Cheap probes the history at a few seeded places, most of them trades. All
	// probes together run over a thirtieth of the history at the most, or 30,000
	// candles if that is more, and never over more than 100,000, which take
	// milliseconds.
	Cheap Depth = "cheap"
	// Full probes every entry and exit, up to 1,000 of them evenly chosen, and 50
	// other places.
	Full Depth = "full"
)

const (
	cheapProbes  = 6
	cheapShare   = 30 // one in
	cheapCandles = 30_000
	cheapMost    = 100_000
	fullTrades   = 1_000
	fullOthers   = 50
	// tail is how many candles of another future follow a probe.
	tail = 256
)

// Config says what is checked.
type Config struct {
	// Depth is how closely. Defaults to Cheap.
	Depth Depth
	// Progress, if not nil, is told how many candles of how many the probes have
	// run over.
	Progress func(done, total int64)
	// Run runs the strategy as it was run for Whole, but over what through makes of
	// the sources of the pairs that it trades; required.
	Run func(ctx context.Context, through backtest.Through) (*backtest.Result, error)
	// Seed chooses the places.
	Seed uint64
	// Whole is the run over the history; required.
	Whole *backtest.Result
}

func (c Config) validate() error {
	switch {
	case c.Run == nil || c.Whole == nil:
		return errors.New("lookahead: Run and Whole are required")
	case c.Whole.Candles == 0 || int64(len(c.Whole.Equity)) != c.Whole.Candles:
		return fmt.Errorf("lookahead: an equity curve of %d does not fit %d candles", len(c.Whole.Equity), c.Whole.Candles)
	case c.Depth != Cheap && c.Depth != Full:
		return fmt.Errorf("lookahead: the depth %q is neither %s nor %s", c.Depth, Cheap, Full)
	}
	return nil
}

// Report is what a check found.
type Report struct {
	Depth Depth
	// Probes is how many there were, Candles how many they ran over.
	Probes  int
	Candles int64
	// Within is how many of the first candles a cheap check of a very long history
	// looks at; 0 if the length bounds nothing.
	Within int
	// Finding is the first difference; nil if there is none.
	Finding *Finding
}

// Finding is a difference between two runs that saw the same until then.
type Finding struct {
	// Same is until when both saw the same, Time the close of the first candle at
	// which their accounts differ, and Candle its index.
	Same, Time time.Time
	Candle     int
	// Want is the equity there in the whole run and Got in the other.
	Want, Got exchange.Units
	// Unsteady is true if two runs over the very same candles differ too: the
	// strategy is not deterministic, and whether it knows the future is not told.
	Unsteady bool
}

// Describe says in a sentence what was found.
func (f Finding) Describe(m exchange.Market) string {
	const layout = "2006-01-02 15:04:05"
	if f.Unsteady {
		return fmt.Sprintf("Two runs over the same candles differ at %s UTC: the strategy does not always decide alike (rule PL1), so nothing here can be trusted.",
			f.Time.Format(layout))
	}
	return fmt.Sprintf("The strategy knows the future (rule PL3): with other prices after %s UTC, and the same before, its account at %s UTC is worth %s instead of %s %s.",
		f.Same.Format(layout), f.Time.Format(layout), m.Amount(f.Got), m.Amount(f.Want), m.Counter)
}

// probe is a run with another future from a candle on. If it is cut it ends at
// that candle, of which only the close is another; else other prices follow it.
type probe struct {
	at  int
	cut bool
}

func (p probe) length(candles int) int {
	if p.cut {
		return p.at + 1
	}
	return min(p.at+1+tail, candles)
}

// Check probes a run. It ends at the first finding; an error is one of a run.
func Check(ctx context.Context, cfg Config) (Report, error) {
	if cfg.Depth == "" {
		cfg.Depth = Cheap
	}
	if err := cfg.validate(); err != nil {
		return Report{}, err
	}
	n := len(cfg.Whole.Equity)
	probes := cfg.probes()
	r := Report{Depth: cfg.Depth}
	if cfg.Depth == Cheap && n/cheapShare > cheapMost {
		r.Within = cheapMost / cheapProbes
	}
	var total int64
	for _, p := range probes {
		total += int64(p.length(n))
	}
	for _, p := range probes {
		d := cfg.detours(p)
		got, err := cfg.Run(ctx, d.through)
		if err != nil {
			return r, fmt.Errorf("looking for look-ahead: %w", err)
		}
		r.Probes++
		r.Candles += int64(d.length)
		if cfg.Progress != nil {
			cfg.Progress(r.Candles, total)
		}
		f, err := cfg.compare(d, got)
		if err != nil {
			return r, err
		}
		if f != nil {
			r.Finding = f
			f.Unsteady, err = cfg.unsteady(ctx)
			return r, err
		}
	}
	return r, nil
}

// probes returns the probes, the earliest first.
func (c Config) probes() []probe {
	r := rand.New(rand.NewPCG(c.Seed, 1)) //nolint:gosec // to be made again from the seed
	last := len(c.Whole.Equity) - 1
	var places []int
	if c.Depth == Full {
		trades := c.trades(last)
		for i := range min(len(trades), fullTrades) {
			places = append(places, trades[i*len(trades)/min(len(trades), fullTrades)])
		}
		for range fullOthers {
			places = append(places, r.IntN(last+1))
		}
	} else {
		last = min(last, min(max(len(c.Whole.Equity)/cheapShare, cheapCandles), cheapMost)/cheapProbes-tail)
		trades := c.trades(last)
		for range cheapProbes - 2 {
			if len(trades) > 0 {
				places = append(places, trades[r.IntN(len(trades))])
			}
		}
		for len(places) < cheapProbes {
			places = append(places, r.IntN(last+1))
		}
	}
	slices.Sort(places)
	var out []probe
	for i, at := range places {
		if c.Depth == Full {
			out = append(out, probe{at, true}, probe{at, false})
		} else {
			out = append(out, probe{at, i%3 != 2})
		}
	}
	return out
}

// trades returns the candles in which the account entered or left the market, up
// to the last that may be probed.
func (c Config) trades(last int) []int {
	var out []int
	end := c.Whole.CloseTime(last)
	add := func(ms int64) {
		if ms < end {
			out = append(out, c.Whole.IndexAt(ms))
		}
	}
	for _, t := range c.Whole.Trades.All() {
		if t.EntryTime >= end {
			break
		}
		add(t.EntryTime)
		add(t.ExitTime)
	}
	for leg := range len(c.Whole.Pairs) + 1 {
		if opened := c.Whole.AccountOf(int64(leg)).Opened; opened > 0 {
			add(opened)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// otherClose returns the end of a candle's range that is farther from its close.
func otherClose(c exchange.Candle) exchange.Ticks {
	if c.Close-c.Low > c.High-c.Close {
		return c.Low
	}
	return c.High
}

// turnRound turns the moves from a price on round: what rose falls, and twice as
// much.
func turnRound(candles []exchange.Candle, base exchange.Ticks) {
	turn := func(t exchange.Ticks) exchange.Ticks { return max(1, base-2*(t-base)) }
	for i := range candles {
		c := &candles[i]
		c.Open, c.Close = turn(c.Open), turn(c.Close)
		c.High, c.Low = turn(c.Low), turn(c.High)
		c.Volume = 2*c.Volume + 1
	}
}

// compare returns the first difference between the whole run and a probe; nil if
// there is none.
func (c Config) compare(d *detours, got *backtest.Result) (*Finding, error) {
	if len(got.Equity) != d.length {
		return nil, fmt.Errorf("lookahead: %d candles gave an equity curve of %d", d.length, len(got.Equity))
	}
	find := func(i int, value int64) *Finding {
		closed := func(i int) time.Time { return time.UnixMilli(c.Whole.CloseTime(i)).UTC() }
		f := &Finding{Same: closed(d.at), Time: closed(i), Candle: i, Want: exchange.Units(c.Whole.Equity[i]), Got: exchange.Units(value)}
		if d.cut {
			f.Same = f.Same.Add(-c.Whole.Config.Interval)
		}
		return f
	}
	same := d.at + 1
	if d.cut {
		same = d.at
	}
	for i, e := range got.Equity[:same] {
		if e != c.Whole.Equity[i] {
			return find(i, e), nil
		}
	}
	if !d.cut {
		return nil, nil
	}
	// At the candle itself the two accounts are worth different things; what they
	// hold is the same.
	equity, err := got.EquityAt(d.closes(got.Config.Markets()))
	if err != nil {
		return nil, err
	}
	// What a further pair is worth is rounded to a unit of the run's own market.
	if off := int64(equity) - c.Whole.Equity[d.at]; max(off, -off) > int64(len(got.Pairs)) {
		return find(d.at, int64(equity)), nil
	}
	return nil, nil
}

// unsteady reports whether another run over the same candles differs.
func (c Config) unsteady(ctx context.Context) (bool, error) {
	again, err := c.Run(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("looking for look-ahead: %w", err)
	}
	return !slices.Equal(again.Equity, c.Whole.Equity), nil
}
