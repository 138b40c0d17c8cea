package search_test

import (
	"slices"
	"testing"

	"github.com/lunobot/lunobot/strategy/backtest/search"
)

// The doubts tell a choice among random sets from one of which a set has skill.
func TestDoubtsKnowLuckFromSkill(t *testing.T) {
	t.Parallel()
	schema := knobSchema(t)
	doubts := func(edge float64) search.Doubts {
		r := run(t, search.Config{Space: space(t, schema, "x=1:100"), Runners: []search.Runner{&machine{schema: schema, gain: func(k knobs, part int) float64 {
			g := 0.01 * chance(uint64(k.X), uint64(part))
			if k.X == 50 {
				g += edge
			}
			return g
		}}}})
		return r.Doubts
	}
	luck, skill := doubts(0), doubts(0.008)
	for name, d := range map[string]search.Doubts{"luck": luck, "skill": skill} {
		o := d.Overfitting
		if d.Trials != 100 || o.Trials != 100 || o.Blocks != search.Blocks || o.Splits != 12_870 || d.Period.Hours() != 1 {
			t.Errorf("%s: %+v", name, d)
		}
	}
	if luck.Probabilistic < 0.95 || luck.Deflated > 0.9 || luck.Overfitting.Probability < 0.2 {
		t.Errorf("the best of 100 random sets: %+v", luck)
	}
	if skill.Deflated < 0.99 || skill.Overfitting.Probability > 0.01 || skill.Sharpe < skill.Luck {
		t.Errorf("a set with skill among 99 without: %+v", skill)
	}
	if !(skill.MinTrack > 0 && skill.MinTrack < luck.MinTrack) {
		t.Errorf("it takes %v days to tell skill and %v to tell luck", skill.MinTrack, luck.MinTrack)
	}
}

func TestNeighboursOfTheBest(t *testing.T) {
	t.Parallel()
	schema := knobSchema(t)
	neighbours := func(gain func(k knobs, part int) float64) (*search.Result, [][]string) {
		r := run(t, search.Config{
			Space: space(t, schema, "x=10:50:10", "loud=0:8:2"), Objective: search.Objective{Measure: search.Equity},
			Runners: []search.Runner{&machine{schema: schema, gain: gain}},
		})
		var values [][]string
		for _, n := range r.Stability.Neighbours {
			values = append(values, r.Sets[slices.IndexFunc(r.Sets, func(s *search.Set) bool { return s.Number == n })].Values)
		}
		return r, values
	}
	wide, values := neighbours(func(k knobs, _ int) float64 {
		return 0.01 - 0.0001*float64((k.X-30)*(k.X-30)+(k.Loud-4)*(k.Loud-4))/100
	})
	want := [][]string{{"20", "4"}, {"30", "2"}, {"30", "6"}, {"40", "4"}, {"20", "2"}, {"20", "6"}, {"40", "2"}, {"40", "6"}}
	if !slices.EqualFunc(values, want, slices.Equal) {
		t.Errorf("the neighbours are %v, want %v", values, want)
	}
	narrow, _ := neighbours(func(k knobs, _ int) float64 {
		if k.X == 30 && k.Loud == 4 {
			return 0.01
		}
		return 0.001
	})
	if a, b := wide.Stability.Ratio, narrow.Stability.Ratio; !(a > 0.95 && a <= 1 && b < 0.5) {
		t.Errorf("a wide hill is stable by %v, a needle by %v", a, b)
	}
	if wide.Stability.Lowest > wide.Stability.Median {
		t.Errorf("%+v", wide.Stability)
	}
}

func TestHalvesOfTheHistory(t *testing.T) {
	t.Parallel()
	schema := knobSchema(t)
	r := run(t, search.Config{Space: space(t, schema, "x=1:2"), Runners: []search.Runner{&machine{schema: schema, gain: func(k knobs, part int) float64 {
		g := 0.001 * float64(part%3-1)
		if k.X == 1 && part < machineParts/2 || k.X == 2 && part >= machineParts/2 {
			g += 0.001
		}
		return g
	}}}})
	first, second := r.Sets[0], r.Sets[1]
	if first.Number != 1 {
		first, second = second, first
	}
	if !(first.Inside > 1 && first.Outside < 1 && second.Inside < 1 && second.Outside > 1) {
		t.Errorf("first %v and %v, second %v and %v", first.Inside, first.Outside, second.Inside, second.Outside)
	}
}
