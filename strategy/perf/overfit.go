package perf

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"sync"
)

// Block sums up the returns of a part of a record, which is all that
// cross-validation needs to know of them.
type Block struct {
	Count        int
	Sum, Squares float64
}

// Blocks cuts returns into n parts, whose lengths differ by one at the most, and
// sums up each.
func Blocks(returns []float64, n int) []Block {
	out := make([]Block, n)
	for b := range out {
		for _, r := range returns[b*len(returns)/n : (b+1)*len(returns)/n] {
			out[b].add(Block{Count: 1, Sum: r, Squares: float64(r * r)})
		}
	}
	return out
}

func (b *Block) add(o Block) {
	b.Count += o.Count
	b.Sum += o.Sum
	b.Squares += o.Squares
}

// Sharpe returns the Sharpe ratio of one period over the returns of the blocks;
// undefined as that of Moments.
func Sharpe(blocks ...Block) Number {
	var all Block
	for _, b := range blocks {
		all.add(b)
	}
	return all.sharpe()
}

func (b Block) sharpe() Number {
	if b.Count < 2 {
		return undefined()
	}
	n := float64(b.Count)
	r, ok := sharpe(b.Sum, b.Squares, 1/n, 1/(n-1))
	if !ok {
		return undefined()
	}
	return Number(r)
}

// sharpe returns the Sharpe ratio of n returns by their sum, that of their
// squares, 1/n and 1/(n − 1); false if they are equal.
func sharpe(sum, squares, n, less float64) (float64, bool) {
	mean := sum * n
	variance := (squares - sum*mean) * less
	if variance <= 1e-14*squares { // equal returns differ by rounding only
		return 0, false
	}
	return mean / math.Sqrt(variance), true
}

// Overfitting says how much a choice among trials is worth outside of the
// history that it was made on.
type Overfitting struct {
	// Probability is the probability of backtest overfitting: in which share of
	// the splits the trial that was best in one half did no better than the
	// median of all in the other.
	Probability Number `json:"probability"`
	// Loss is in which share of the splits it lost money there.
	Loss Number `json:"loss"`
	// Slope and Intercept are those of the line of least squares through the
	// chosen trials' Sharpe ratios: outside = Intercept + Slope × inside.
	Slope     Number `json:"slope"`
	Intercept Number `json:"intercept"`
	// Trials is how many there were to choose from, Blocks into how many parts
	// the history was cut and Splits in how many ways those were put in halves.
	Trials int `json:"trials"`
	Blocks int `json:"blocks"`
	Splits int `json:"splits"`
}

// maxBlocks bounds the splits: 20 blocks can be halved in 184,756 ways.
const maxBlocks = 20

// Overfit returns the probability of backtest overfitting by combinatorially
// symmetric cross-validation (Bailey, Borwein, López de Prado and Zhu, The
// Probability of Backtest Overfitting, Journal of Computational Finance 20,
// 2017): the blocks are put in halves in every way, the trial with the best
// Sharpe ratio in one half is ranked by its Sharpe ratio in the other.
//
// Each trial has the same even number of blocks, which cover the same times with
// the same number of returns. An
// undefined Sharpe ratio, such as that of a trial that did not trade, counts as
// 0. Among equal ones the first trial is chosen, and its rank is in the middle of
// those that it ties with.
//
// That many workers, at least one, share the splits; the result does not depend
// on them.
func Overfit(trials [][]Block, workers int) (Overfitting, error) {
	out := Overfitting{Probability: undefined(), Loss: undefined(), Slope: undefined(), Intercept: undefined(), Trials: len(trials)}
	if len(trials) < 2 {
		return out, errors.New("perf: overfitting takes two trials or more")
	}
	n := len(trials[0])
	if n < 2 || n%2 != 0 || n > maxBlocks {
		return out, fmt.Errorf("perf: overfitting takes an even number of blocks up to %d, not %d", maxBlocks, n)
	}
	for _, t := range trials {
		if len(t) != n {
			return out, fmt.Errorf("perf: trials of %d and %d blocks do not compare", n, len(t))
		}
		for b := range t {
			if t[b].Count != trials[0][b].Count {
				return out, fmt.Errorf("perf: blocks of %d and %d returns do not compare", trials[0][b].Count, t[b].Count)
			}
		}
	}
	out.Blocks = n
	chosen := cross(trials, halves(n), max(1, workers))
	out.Splits = len(chosen)
	var bad, lost int
	var fit regression
	for _, c := range chosen {
		// The relative rank is that among one more than there are.
		if rank := float64(c.below) + float64(c.equal+1)/2; rank/float64(len(trials)+1) <= 0.5 {
			bad++
		}
		if c.outside < 0 {
			lost++
		}
		fit.add(c.inside, c.outside)
	}
	out.Probability = ratio(float64(bad), float64(out.Splits))
	out.Loss = ratio(float64(lost), float64(out.Splits))
	out.Slope, out.Intercept = fit.line()
	return out, nil
}

// halves returns the sets of half of the blocks, in order, so that the other half
// of one stands as far from the end as it does from the start.
func halves(blocks int) []uint32 {
	var out []uint32
	for split := uint32(0); split < 1<<blocks; split++ {
		if bits.OnesCount32(split) == blocks/2 {
			out = append(out, split)
		}
	}
	return out
}

// cross chooses a trial for every split. Each worker takes a part of the splits
// together with their other halves.
func cross(trials [][]Block, splits []uint32, workers int) []choice {
	out := make([]choice, len(splits))
	var busy sync.WaitGroup
	for w := range workers {
		from, to := w*len(splits)/2/workers, (w+1)*len(splits)/2/workers
		back, end := len(splits)-to, len(splits)-from
		busy.Go(func() {
			c := newCrossing(trials[0], slices.Concat(splits[from:to], splits[back:end]))
			c.run(trials)
			copy(out[from:to], c.chosen)
			copy(out[back:end], c.chosen[to-from:])
		})
	}
	busy.Wait()
	return out
}

// crossing holds what cross-validation needs for some splits; trials pass through
// it one after another.
type crossing struct {
	// splits are in the order of halves, with the other half of each.
	splits []uint32
	chosen []choice
	// values are the present trial's Sharpe ratios over the half of each split.
	values []float64
	// shares are 1/n and 1/(n − 1) of the n returns in each half; 0 for fewer than
	// two.
	shares [][2]float64
	// low and high are its sums over every set of the first and of the other
	// blocks.
	low, high []Block
	lows      int
}

// choice is the trial that was best in a half.
type choice struct {
	trial           int
	inside, outside float64
	// below and equal count the trials by their ratio in the other half; the
	// trial equals itself.
	below, equal int
}

// newCrossing returns a crossing of trials with as many returns in their blocks.
func newCrossing(t []Block, splits []uint32) *crossing {
	c := &crossing{
		splits: splits, chosen: make([]choice, len(splits)), values: make([]float64, len(splits)), shares: make([][2]float64, len(splits)),
		lows: len(t) / 2, low: make([]Block, 1<<(len(t)/2)), high: make([]Block, 1<<(len(t)-len(t)/2)),
	}
	for s, split := range splits {
		n := 0
		for i, b := range t {
			if split>>i&1 == 1 {
				n += b.Count
			}
		}
		if n >= 2 {
			c.shares[s] = [2]float64{1 / float64(n), 1 / float64(n-1)}
		}
	}
	return c
}

func (c *crossing) run(trials [][]Block) {
	for i, t := range trials {
		c.choose(i, c.ratios(t))
	}
	for _, i := range c.winners() {
		c.look(i, c.ratios(trials[i]))
	}
	for _, t := range trials {
		c.rank(c.ratios(t))
	}
}

// ratios returns a trial's Sharpe ratio over the half of every split. The slice
// is the crossing's and is valid until the next call.
func (c *crossing) ratios(t []Block) []float64 {
	sums(c.low, t[:c.lows])
	sums(c.high, t[c.lows:])
	mask := uint32(len(c.low) - 1)
	for s, split := range c.splits {
		a, b := &c.low[split&mask], &c.high[split>>c.lows]
		c.values[s], _ = sharpe(a.Sum+b.Sum, a.Squares+b.Squares, c.shares[s][0], c.shares[s][1])
	}
	return c.values
}

// sums sets the sums over every set of the blocks.
func sums(to []Block, blocks []Block) {
	to[0] = Block{}
	for set := 1; set < len(to); set++ {
		first := bits.TrailingZeros(uint(set))
		to[set] = to[set&(set-1)]
		to[set].add(blocks[first])
	}
}

// choose takes a trial where it is the best so far.
func (c *crossing) choose(trial int, values []float64) {
	for s, v := range values {
		if trial == 0 || v > c.chosen[s].inside {
			c.chosen[s] = choice{trial: trial, inside: v}
		}
	}
}

// winners returns the trials that were chosen somewhere.
func (c *crossing) winners() []int {
	var out []int
	for _, chosen := range c.chosen {
		out = append(out, chosen.trial)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// look notes how a trial did in the other half where it was chosen.
func (c *crossing) look(trial int, values []float64) {
	for s := range c.chosen {
		if c.chosen[s].trial == trial {
			c.chosen[s].outside = values[len(values)-1-s]
		}
	}
}

// rank counts a trial for the ranks of the chosen ones.
func (c *crossing) rank(values []float64) {
	for s := range c.chosen {
		switch v := values[len(values)-1-s]; {
		case v < c.chosen[s].outside:
			c.chosen[s].below++
		case v == c.chosen[s].outside:
			c.chosen[s].equal++
		}
	}
}

// regression gathers what a line of least squares needs.
type regression struct{ n, x, y, xx, xy float64 }

func (r *regression) add(x, y float64) {
	r.n++
	r.x += x
	r.y += y
	r.xx += float64(x * x)
	r.xy += float64(x * y)
}

func (r *regression) line() (slope, intercept Number) {
	spread := r.n*r.xx - r.x*r.x
	if spread <= 1e-12*r.n*r.xx {
		return undefined(), undefined()
	}
	slope = ratio(r.n*r.xy-r.x*r.y, spread)
	return slope, ratio(r.y-slope.Float()*r.x, r.n)
}
