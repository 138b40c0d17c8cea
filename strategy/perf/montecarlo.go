package perf

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Order is how a Monte-Carlo run puts trades in another order.
type Order string

const (
	// Reshuffle takes each trade once, in another order: the end stays the same,
	// the way there does not.
	Reshuffle Order = "reshuffle"
	// Bootstrap draws as many trades as there were, each of them any number of
	// times (Efron, Annals of Statistics 7, 1979): what else might have happened
	// with trades such as these.
	Bootstrap Order = "bootstrap"
)

// MonteCarloConfig says how trades are put in another order.
type MonteCarloConfig struct {
	// Order is how. Defaults to Reshuffle.
	Order Order
	// Runs is how often. Defaults to 1000.
	Runs int
	// Seed makes the numbers: the same seed gives the same result.
	Seed uint64
}

// maxRuns bounds the two figures that are kept of each run.
const maxRuns = 1 << 20

// MonteCarlo is what trades in other orders would have given.
type MonteCarlo struct {
	Order  Order  `json:"order"`
	Runs   int    `json:"runs"`
	Seed   uint64 `json:"seed"`
	Trades int    `json:"trades"`
	// Final are quantiles of the equity at the end as a multiple of that at the
	// start, and Drawdown of the deepest fall, a share of the peak, measured at
	// the ends of trades.
	Final    []Quantile `json:"final"`
	Drawdown []Quantile `json:"drawdown"`
	// Losing is in which share of the runs the end was below the start.
	Losing Number `json:"losing"`
}

// Quantile is the value that a share of the runs is at or below.
type Quantile struct {
	Share float64 `json:"share"`
	Value float64 `json:"value"`
}

// TradeReturns returns what each closed trade did to an account that began with
// an equity in units: its profit as a share of what the account had realised
// before it, in the order of the trades. It ends where nothing is left.
func TradeReturns(initial int64, trades []Trade) []float64 {
	var out []float64
	equity := initial
	for _, t := range trades {
		if t.ExitTime.IsZero() {
			continue
		}
		if equity <= 0 {
			break
		}
		out = append(out, float64(t.Profit)/float64(equity))
		equity += t.Profit
	}
	return out
}

// Resample puts trades in other orders (Aronson, Evidence-Based Technical
// Analysis, 2006, chapter 5) and returns what would have come of it: each trade's
// return compounds with those before it. The error says what is wrong with the
// configuration, or that there are fewer than two trades.
func Resample(returns []float64, cfg MonteCarloConfig) (MonteCarlo, error) {
	if cfg.Order == "" {
		cfg.Order = Reshuffle
	}
	if cfg.Runs == 0 {
		cfg.Runs = 1000
	}
	var problems []error
	if cfg.Order != Reshuffle && cfg.Order != Bootstrap {
		problems = append(problems, fmt.Errorf("perf: the order %q is neither %s nor %s", cfg.Order, Reshuffle, Bootstrap))
	}
	if cfg.Runs < 1 || cfg.Runs > maxRuns {
		problems = append(problems, fmt.Errorf("perf: the runs must be from 1 to %d", maxRuns))
	}
	if len(returns) < 2 {
		problems = append(problems, errors.New("perf: putting trades in another order takes two of them"))
	}
	if err := errors.Join(problems...); err != nil {
		return MonteCarlo{}, err
	}
	r := rand.New(rand.NewPCG(cfg.Seed, 1)) //nolint:gosec // to be made again from the seed
	finals, falls := make([]float64, cfg.Runs), make([]float64, cfg.Runs)
	order := slices.Clone(returns)
	losing := 0
	for run := range cfg.Runs {
		if cfg.Order == Bootstrap {
			for i := range order {
				order[i] = returns[r.IntN(len(returns))]
			}
		} else {
			r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		}
		finals[run], falls[run] = compound(order)
		if finals[run] < 1 {
			losing++
		}
	}
	return MonteCarlo{
		Order: cfg.Order, Runs: cfg.Runs, Seed: cfg.Seed, Trades: len(returns), Losing: ratio(float64(losing), float64(cfg.Runs)),
		Final: quantiles(finals), Drawdown: quantiles(falls),
	}, nil
}

// compound returns what 1 becomes and how deep it falls on the way; what is lost
// as a whole stays lost.
func compound(returns []float64) (final, fall float64) {
	equity, peak := 1.0, 1.0
	for _, r := range returns {
		equity = max(0, equity*(1+r))
		peak = max(peak, equity)
		fall = max(fall, 1-equity/peak)
	}
	return equity, fall
}

// quantiles sorts values and returns some of them, interpolated between
// neighbours (type 7 of Hyndman and Fan, American Statistician 50, 1996).
func quantiles(values []float64) []Quantile {
	slices.Sort(values)
	out := make([]Quantile, 0, 7)
	for _, share := range []float64{0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99} {
		at := share * float64(len(values)-1)
		low := math.Floor(at)
		v := values[int(low)]
		if next := int(low) + 1; next < len(values) {
			v += (at - low) * (values[next] - v)
		}
		out = append(out, Quantile{Share: share, Value: v})
	}
	return out
}
