package research

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/strategy/backtest/search"
	"github.com/lunobot/lunobot/strategy/param"
)

// Kind is what a run does with the history.
type Kind string

// The kinds of runs.
const (
	// Backtest runs one set of parameters.
	Backtest Kind = "backtest"
	// Sweep tries many sets and says what the best is worth.
	Sweep Kind = "sweep"
	// WalkForward chooses a set window by window and trades each choice on the
	// candles after it.
	WalkForward Kind = "walkforward"
)

const (
	// MaxSets is how many sets a run tries at the most, those of all windows
	// counted.
	MaxSets = 5_000
	// MaxSearched bounds the candles of all sets of a run: a few minutes of one
	// core.
	MaxSearched = 3_000_000_000
	// defaultTrials is how many sets are tried if the method wants a number and
	// nobody says.
	defaultTrials = 200
	// maxRanges and maxRange bound how many ranges there are, and each of them in
	// bytes.
	maxRanges = 20
	maxRange  = 1000
)

// Search says which sets of parameters a sweep or a walk forward tries and which
// is best.
type Search struct {
	// Ranges are the parameters that are varied, as search.SpaceConfig reads them,
	// such as "fast=5:50:5" or "kind=sma,ema".
	Ranges []string `json:"ranges"`
	// Method defaults to a grid; Trials is how many sets the others try.
	Method search.Method `json:"method"`
	Trials int           `json:"trials"`
	// Seed makes the random choices.
	Seed uint64 `json:"seed"`
	// Measure is what the sets compete in. Defaults to the Sharpe ratio.
	Measure search.Measure `json:"measure"`
	// MaxDrawdown, a fraction, and MinTrades leave out sets; 0 is no bound.
	MaxDrawdown float64 `json:"max_drawdown"`
	MinTrades   int     `json:"min_trades"`
	// InSample is the length of a window of a walk forward, OutOfSample how long
	// its choice is traded; they default to a third of the time and a third of
	// that, in whole days if there are several. Anchored windows all begin where
	// the history does.
	InSample    time.Duration `json:"in_sample,omitempty"`
	OutOfSample time.Duration `json:"out_of_sample,omitempty"`
	Anchored    bool          `json:"anchored,omitempty"`
}

// checkSearch completes and checks what a sweep or a walk forward tries.
func (s *Service) checkSearch(ctx context.Context, r *Request, in *Search, f *errs.Fields) {
	switch r.Kind {
	case Backtest:
		f.Check(in == nil, "/search", "is for the kinds "+string(Sweep)+" and "+string(WalkForward))
		return
	case Sweep, WalkForward:
	default:
		f.Add("/kind", fmt.Sprintf("must be %s, %s or %s", Backtest, Sweep, WalkForward))
		return
	}
	if in == nil {
		f.Add("/search", "is required: say what is varied, such as ranges of fast=5:50:5")
		return
	}
	r.Search = in.withDefaults()
	r.Search.check(f)
	schema, err := s.cfg.Strategies.Schema(ctx, r.Strategy, r.StrategyVersion)
	if err != nil {
		return // said already
	}
	space, err := r.Space(schema, nil)
	if err != nil {
		f.Add("/search/ranges", Plain(err))
		return
	}
	err = search.Config{Method: r.Search.Method, Space: space, Trials: r.Search.Trials, Objective: r.Search.objective()}.Check()
	if err != nil {
		if f.Err() == nil {
			f.Add("/search/ranges", Plain(err))
		}
		return
	}
	r.checkSize(space, f)
}

func (s *Search) withDefaults() *Search {
	c := *s
	if c.Method == "" {
		c.Method = search.Grid
	}
	if c.Measure == "" {
		c.Measure = search.Sharpe
	}
	if c.Trials == 0 {
		c.Trials = defaultTrials
	}
	if c.Seed == 0 {
		c.Seed = 1
	}
	return &c
}

func (s *Search) objective() search.Objective {
	return search.Objective{Measure: s.Measure, MaxDrawdown: s.MaxDrawdown, MinTrades: s.MinTrades}
}

// check names the fields that are wrong by themselves.
func (s *Search) check(f *errs.Fields) {
	oneOf(f, "/search/method", s.Method, search.Methods())
	oneOf(f, "/search/objective", s.Measure, search.Measures())
	f.Check(s.Trials >= 1 && s.Trials <= MaxSets, "/search/trials", "must be from 1 to "+mostSets())
	f.Check(s.MaxDrawdown >= 0 && s.MaxDrawdown < 1, "/search/max_drawdown", "must be a fraction from 0 to below 1, such as 0.2")
	f.Check(s.MinTrades >= 0, "/search/min_trades", "must not be negative")
	long := func(text string) bool { return len(text) > maxRange }
	f.Check(len(s.Ranges) <= maxRanges && !slices.ContainsFunc(s.Ranges, long), "/search/ranges",
		fmt.Sprintf("must be at most %d, of at most %d characters each", maxRanges, maxRange))
}

func oneOf[T ~string](f *errs.Fields, path string, got T, all []T) {
	names := make([]string, len(all))
	for i, one := range all {
		if one == got {
			return
		}
		names[i] = string(one)
	}
	f.Add(path, "must be one of "+strings.Join(names, ", "))
}

// Plain writes an error of package search in one line, for the tenant.
func Plain(err error) string {
	return strings.ReplaceAll(strings.ReplaceAll(err.Error(), "search: ", ""), "\n", "; ")
}

// checkSize completes the windows and bounds the work.
func (r *Request) checkSize(space *search.Space, f *errs.Fields) {
	span, s := r.To.Sub(r.From), r.Search
	if span < 2*r.Interval {
		return // said already
	}
	candles := span / r.Detail()
	if r.Kind == WalkForward {
		if s.InSample == 0 {
			s.InSample = rounded(span/3, r.Interval)
		}
		if s.OutOfSample == 0 {
			s.OutOfSample = rounded(s.InSample/3, r.Interval)
		}
		whole := func(d time.Duration, path string) bool {
			ok := d > 0 && d%r.Interval == 0
			f.Check(ok, path, "must be a whole number of candles above 0")
			return ok
		}
		inside, outside := whole(s.InSample, "/search/in_sample_hours"), whole(s.OutOfSample, "/search/out_of_sample_hours")
		if !inside || !outside {
			return
		}
		if s.InSample+s.OutOfSample > span {
			f.Add("/search/in_sample_hours", "must leave room for a window and what is traded after it: the time asked for is shorter")
			return
		}
		candles = s.InSample / r.Detail()
	}
	sets := r.sets(space)
	switch {
	case sets > MaxSets:
		f.Add("/search/ranges", fmt.Sprintf("make %d sets in all, and at most %s are tried: take larger steps, or the method tpe with fewer trials", sets, mostSets()))
	case int64(sets)*int64(candles)*r.Traded() > MaxSearched:
		f.Add("/search/ranges", fmt.Sprintf("make %d sets of %d candles each, more than are run: take fewer sets, a shorter time or longer candles", sets, int64(candles)*r.Traded()))
	default:
		r.Sets = sets
	}
}

// mostSets is MaxSets in a sentence.
func mostSets() string { return exchange.Grouped(strconv.Itoa(MaxSets)) }

// sets returns how many sets are tried at the most, those of all windows counted.
func (r *Request) sets(space *search.Space) int {
	sets, finite := space.Size()
	if r.Search.Method != search.Grid && (!finite || sets > r.Search.Trials) {
		sets = r.Search.Trials
	}
	if r.Kind == WalkForward {
		sets *= r.Windows()
	}
	return sets
}

// Windows is how many windows a walk-forward has; 0 for any other kind.
func (r *Request) Windows() int {
	if r.Kind != WalkForward {
		return 0
	}
	return search.WalkConfig{InSample: r.Search.InSample, OutOfSample: r.Search.OutOfSample, Search: search.Config{From: r.From, To: r.To}}.Windows()
}

// rounded shortens a length to whole days if it has several, else to candles; it
// has one at least.
func rounded(d, candle time.Duration) time.Duration {
	const day = 24 * time.Hour
	if d >= 4*day && day%candle == 0 {
		return d.Truncate(day)
	}
	return max(d.Truncate(candle), candle)
}

// Space returns the sets that a sweep or a walk forward chooses from. Check is
// that of search.SpaceConfig.
func (r Request) Space(schema *param.Schema, check func(params json.RawMessage) error) (*search.Space, error) {
	if r.Search == nil {
		return nil, errors.New("research: a backtest has no space")
	}
	cfg := search.SpaceConfig{Check: check, Fixed: map[string]string{}, Ranges: r.Search.Ranges, Schema: schema}
	var given map[string]json.RawMessage
	if len(r.Parameters) > 0 {
		if err := json.Unmarshal(r.Parameters, &given); err != nil {
			return nil, fmt.Errorf("reading the parameters: %w", err)
		}
	}
	for name, raw := range given {
		if field, ok := schema.Field(name); ok {
			cfg.Fixed[name] = field.Text(raw)
		}
	}
	for _, text := range r.Search.Ranges {
		name, _, _ := strings.Cut(text, "=")
		delete(cfg.Fixed, name)
	}
	return search.NewSpace(cfg)
}

// Searching returns the search as package search makes it, without its runners.
func (r Request) Searching(space *search.Space) search.Config {
	return search.Config{Method: r.Search.Method, Objective: r.Search.objective(), Seed: r.Search.Seed, Space: space, Trials: r.Search.Trials}
}
