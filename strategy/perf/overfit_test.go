package perf_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/strategy/perf"
)

func noise(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// trials returns random records, the first of which gains in each period what is
// said.
func trials(seed uint64, count, periods, blocks int, edge float64) [][]perf.Block {
	r := noise(seed)
	out := make([][]perf.Block, count)
	for i := range out {
		returns := make([]float64, periods)
		for k := range returns {
			returns[k] = 0.01 * r.NormFloat64()
			if i == 0 {
				returns[k] += edge
			}
		}
		out[i] = perf.Blocks(returns, blocks)
	}
	return out
}

func TestOverfittingByHand(t *testing.T) {
	t.Parallel()
	// Two blocks can be halved in two ways. The first trial is better in the
	// first, the second in the second: what was chosen is always worse after.
	a, b := []float64{3, 4, -2, -1}, []float64{-2, -1, 3, 4}
	o, err := perf.Overfit([][]perf.Block{perf.Blocks(a, 2), perf.Blocks(b, 2)}, 1)
	if err != nil || o.Splits != 2 || o.Blocks != 2 || o.Trials != 2 {
		t.Fatalf("%+v, %v", o, err)
	}
	near(t, "always worse", o.Probability, 1)
	near(t, "always loses", o.Loss, 1)
	// Four blocks can be halved in six ways. Trial by trial and block by block
	// the sums are 4, −4, 4, −4 and 1, 1, 1, 1 with equal spread. The first
	// is chosen only where its two good blocks are inside, and loses then; the
	// second is chosen in the five other splits and is above the first in four
	// of them: not where both good blocks are outside.
	first := []float64{4 - 1, 4 + 1, -4 - 1, -4 + 1, 4 - 1, 4 + 1, -4 - 1, -4 + 1}
	second := []float64{0, 2, 0, 2, 0, 2, 0, 2}
	o, err = perf.Overfit([][]perf.Block{perf.Blocks(first, 4), perf.Blocks(second, 4)}, 2)
	if err != nil || o.Splits != 6 {
		t.Fatalf("%+v, %v", o, err)
	}
	near(t, "two of six", o.Probability, 2.0/6)
	near(t, "one of six", o.Loss, 1.0/6)
}

func TestBlocksCoverAll(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		returns := rapid.SliceOfN(rapid.Float64Range(-1, 1), 0, 70).Draw(t, "returns")
		n := rapid.IntRange(1, 20).Draw(t, "blocks")
		blocks := perf.Blocks(returns, n)
		count, least, most := 0, math.MaxInt, 0
		for _, b := range blocks {
			count += b.Count
			least, most = min(least, b.Count), max(most, b.Count)
		}
		if count != len(returns) || most-least > 1 {
			t.Fatalf("%d returns in %+v", len(returns), blocks)
		}
		got, want := perf.Sharpe(blocks...), perf.MomentsOf(returns).Sharpe()
		if got.Defined() && want.Defined() && math.Abs(got.Float()-want.Float()) > 1e-6*max(1, math.Abs(want.Float())) {
			t.Fatalf("Sharpe ratio of the blocks %v, of the returns %v", got, want)
		}
	})
}

// Among trials without skill the chosen one is as often above the median
// elsewhere as below; one with skill stays good; and one cannot be chosen from.
func TestOverfittingKnowsLuckFromSkill(t *testing.T) {
	t.Parallel()
	sum := 0.0
	const rounds = 20
	for seed := range uint64(rounds) {
		o, err := perf.Overfit(trials(seed, 20, 240, 10, 0), 1)
		if err != nil {
			t.Fatal(err)
		}
		sum += o.Probability.Float()
	}
	if mean := sum / rounds; mean < 0.35 || mean > 0.65 {
		t.Errorf("without skill the probability is %v on average, want about a half", mean)
	}
	o, err := perf.Overfit(trials(1, 20, 240, 10, 0.01), 1)
	if err != nil || o.Probability > 0.01 || o.Loss > 0.01 {
		t.Errorf("with skill %+v, %v", o, err)
	}
	if o.Splits != 252 {
		t.Errorf("%d splits, want 252", o.Splits)
	}
}

func TestOverfittingIsBounded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := trials(rapid.Uint64().Draw(t, "seed"), rapid.IntRange(2, 12).Draw(t, "trials"), rapid.IntRange(0, 80).Draw(t, "periods"),
			2*rapid.IntRange(1, 4).Draw(t, "half"), rapid.Float64Range(-0.02, 0.02).Draw(t, "edge"))
		o, err := perf.Overfit(all, 1)
		if err != nil || o.Probability < 0 || o.Probability > 1 || o.Loss < 0 || o.Loss > 1 {
			t.Fatalf("%+v, %v", o, err)
		}
		if many, err := perf.Overfit(all, rapid.IntRange(2, 40).Draw(t, "workers")); err != nil || fmt.Sprint(many) != fmt.Sprint(o) {
			t.Fatalf("many workers give %+v, %v, one gives %+v", many, err, o)
		}
		// Twins of a trial tie with it, whatever happens: never more than half
		// are below, so the chosen one is at the median.
		twins, err := perf.Overfit([][]perf.Block{all[0], all[0], all[0]}, 1)
		if err != nil || twins.Probability != 1 {
			t.Fatalf("twins: %+v, %v", twins, err)
		}
	})
}

func TestOverfittingRefuses(t *testing.T) {
	t.Parallel()
	for want, all := range map[string][][]perf.Block{
		"two trials":         trials(1, 1, 10, 4, 0),
		"even number":        trials(1, 2, 10, 3, 0),
		"up to 20":           trials(1, 2, 10, 22, 0),
		"of 2 and 4 blocks":  {perf.Blocks(nil, 2), perf.Blocks(nil, 4)},
		"of 1 and 2 returns": {perf.Blocks(make([]float64, 2), 2), perf.Blocks(make([]float64, 4), 2)},
	} {
		o, err := perf.Overfit(all, 1)
		if err == nil || !strings.Contains(err.Error(), want) || o.Probability.Defined() {
			t.Errorf("%q: %+v, %v", want, o, err)
		}
		if raw, err := json.Marshal(o); err != nil || !strings.Contains(string(raw), `"probability":null`) {
			t.Errorf("%q: %s, %v", want, raw, err)
		}
	}
}

func BenchmarkOverfit(b *testing.B) {
	all := trials(1, 1000, 480, 16, 0)
	for b.Loop() {
		if _, err := perf.Overfit(all, 1); err != nil {
			b.Fatal(err)
		}
	}
}
