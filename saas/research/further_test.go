package research_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/research"
)

// The days of each pair of a run count toward the plan's: a run of two pairs costs twice
// that of one, is refused where that is too much, and leaves nothing behind.
func TestDaysOfEachPairCount(t *testing.T) { // proves E6, E9
	t.Parallel()
	each(t, "basic", func(b *bench) {
		in := research.CreateInput{Pair: "XBTMYR", Strategy: "cross", Interval: time.Hour, From: first().AddDate(2, 0, 0), To: first().AddDate(2, 0, 190)}
		two := in
		two.Also = []string{"ETHMYR"}
		_, err := b.Create(t.Context(), b.who, two)
		b.want(err, errs.LimitExceeded, billing.CodeLimitExceeded)
		if text := err.Error(); !strings.Contains(text, "366 days of data in a backtest and you asked for 380.") || !strings.Contains(text, "The days of each of the 2 pairs count.") {
			t.Errorf("it says %q", text)
		}
		if used := b.used(); used != 0 {
			t.Errorf("the refused run takes %d places", used)
		}
		if r, err := b.Create(t.Context(), b.who, in); err != nil || r.Days() != 190 || r.Traded() != 1 {
			t.Errorf("one pair: %d days, %v", r.Days(), err)
		}
	})
}

// What each pair holds to begin with, its largest position and the fees by traded value
// are kept with a run, which may begin without cash then; those of a pair that it does
// not trade are named.
func TestHoldingsAndBoundsOfFurtherPairs(t *testing.T) {
	t.Parallel()
	each(t, "premium", func(b *bench) {
		one, none := decimal.NewFromInt(1), decimal.Zero
		in := research.CreateInput{
			Kind: research.WalkForward, Search: &research.Search{Ranges: []string{"fast=5,9"}}, Pair: "XBTMYR", Strategy: "cross", Interval: time.Hour,
			From: first().AddDate(2, 0, 0), To: first().AddDate(2, 0, 30), Also: []string{"ETHMYR"}, Balance: &none,
			Terms: research.Terms{
				Holdings: map[string]decimal.Decimal{"ETHMYR": decimal.New(15, -1)}, FeeTiers: []research.FeeTier{{Volume: decimal.NewFromInt(100_000), MakerFee: none, TakerFee: decimal.New(1, -3)}},
			},
			Risk: bot.Risk{MaxPositions: map[string]decimal.Decimal{"ETHMYR": decimal.NewFromInt(2)}},
		}
		r, err := b.Create(t.Context(), b.who, in)
		if err != nil {
			t.Fatal(err)
		}
		r, err = b.Run(t.Context(), b.who, r.ID)
		if err != nil || r.Terms.Holdings["ETHMYR"].String() != "1.5" || r.Risk.MaxPositions["ETHMYR"].String() != "2" || len(r.Terms.FeeTiers) != 1 || r.Terms.FeeTiers[0].TakerFee.String() != "0.001" {
			t.Errorf("%+v, %+v, %v", r.Terms, r.Risk, err)
		}
		for name, c := range map[string]struct {
			spoil func(*research.CreateInput)
			path  string
		}{
			"a finer holding": {func(in *research.CreateInput) {
				in.Terms.Holdings = map[string]decimal.Decimal{"ETHMYR": decimal.New(1, -12)}
			}, "/holdings/ETHMYR"},
			"a holding below 0": {func(in *research.CreateInput) {
				in.Terms.Holdings = map[string]decimal.Decimal{"ETHMYR": one.Neg()}
				in.Balance = &one
			}, "/holdings/ETHMYR"},
			"a holding of no pair":  {func(in *research.CreateInput) { in.Terms.Holdings = map[string]decimal.Decimal{"SOLMYR": one} }, "/holdings"},
			"its own among further": {func(in *research.CreateInput) { in.Terms.Holdings = map[string]decimal.Decimal{"XBTMYR": one} }, "/holdings"},
			"a bound of no pair":    {func(in *research.CreateInput) { in.Risk.MaxPositions = map[string]decimal.Decimal{"SOLMYR": one} }, "/risk/max_positions"},
			"a bound below 0":       {func(in *research.CreateInput) { in.Risk.MaxPositions = map[string]decimal.Decimal{"ETHMYR": one.Neg()} }, "/risk/max_positions/ETHMYR"},
			"a bound below orders": {func(in *research.CreateInput) {
				in.Risk.MaxPositions = map[string]decimal.Decimal{"ETHMYR": decimal.New(1, -9)}
			}, "/risk/max_positions/ETHMYR"},
		} {
			in := in
			c.spoil(&in)
			_, err := b.Create(t.Context(), b.who, in)
			var invalid *errs.Error
			if !errors.As(err, &invalid) || invalid.Kind != errs.Invalid || len(invalid.Fields) != 1 || invalid.Fields[0].Path != c.path {
				t.Errorf("%s: %+v", name, err)
			}
		}
	})
}

// Further pairs are kept with a run; what the history lacks of one is named at its
// place, and the candles of all pairs count toward the most that are run.
func TestFurtherPairsOfARun(t *testing.T) { // proves E9
	t.Parallel()
	each(t, "premium", func(b *bench) {
		in := research.CreateInput{Pair: "XBTMYR", Strategy: "cross", From: first().AddDate(2, 0, 0), To: first().AddDate(2, 0, 30), Also: []string{"ETHMYR"}}
		r, err := b.Create(t.Context(), b.who, in)
		if err != nil {
			t.Fatal(err)
		}
		if r, err = b.Run(t.Context(), b.who, r.ID); err != nil || len(r.Further) != 1 || r.Further[0].Pair != "ETHMYR" || r.Further[0].Base != "ETH" || r.Candles() != 30*24*60 {
			t.Errorf("%+v, %v", r.Further, err)
		}
		early := in
		early.From, early.To = first(), first().AddDate(0, 0, 30)
		for name, c := range map[string]struct {
			in         research.CreateInput
			also       []string
			path, want string
		}{
			"nothing of it":      {in, []string{"ETHMYR", "SOLMYR"}, "/further_pairs/1", "has no candles in this history: choose another pair"},
			"nothing then":       {early, []string{"ETHMYR"}, "/further_pairs/0", "has candles from 2021-01-01T00:00:00Z to 2026-01-31T08:59:00Z only, and none of the time asked for"},
			"candles of others":  {in, []string{"ADAMYR"}, "/further_pairs/0", "is recorded in candles of 7m0s, and the run goes over candles of 1m"},
			"no pair":            {in, []string{"NOPE"}, "/further_pairs/0", "is not a pair that is traded here: XBTMYR"},
			"its own pair":       {in, []string{"XBTMYR"}, "/further_pairs/0", "is the bot's own pair: choose another beside it"},
			"what it cannot do":  {in, []string{"ETHMYR", "SOLMYR", "ADAMYR"}, "/further_pairs", "must be at most two"},
			"a sweep of nothing": {in, []string{"SOLMYR"}, "/further_pairs/0", "has no candles in this history: choose another pair"},
		} {
			c.in.Also = c.also
			if name == "a sweep of nothing" {
				c.in.Kind, c.in.Search = research.Sweep, &research.Search{Ranges: []string{"fast=5,9"}}
			}
			_, err := b.Create(t.Context(), b.who, c.in)
			var invalid *errs.Error
			if !errors.As(err, &invalid) || invalid.Kind != errs.Invalid || len(invalid.Fields) != 1 || invalid.Fields[0].Path != c.path || invalid.Fields[0].Reason != c.want {
				t.Errorf("%s: %+v", name, err)
			}
		}
		// Two years of minutes fit for one pair, and for two do not.
		long := research.CreateInput{Pair: "XBTMYR", Strategy: "cross", Interval: time.Hour, From: first().AddDate(2, 0, 0), To: first().AddDate(4, 0, 0)}
		one, err := b.Check(t.Context(), b.who, long)
		if err != nil || one.Detail() != time.Minute {
			t.Errorf("one pair meets candles of %s, %v", one.Detail(), err)
		}
		long.Also = in.Also
		if two, err := b.Check(t.Context(), b.who, long); err != nil || two.Detail() != time.Hour {
			t.Errorf("two pairs meet candles of %s, %v", two.Detail(), err)
		}
	})
}
