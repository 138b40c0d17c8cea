package saasdb_test

import (
	"math"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/saasdb"
)

// The lines of a chart come back as they were drawn, those of the newest thousand
// candles whatever pieces they were committed in, and the rest goes with Prune.
func TestPlots(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		ctx := t.Context()
		_, b := newBot(t, s, "a")
		_, other := newBot(t, s, "a")
		epochs := map[string]int64{b.ID: own(t, s, "a", b.ID), other.ID: own(t, s, "a", other.ID)}
		open := start().Truncate(time.Minute)
		at := func(candle int) time.Time { return open.Add(time.Duration(candle) * time.Minute) }
		draw := func(botID string, plots ...journal.Plot) {
			t.Helper()
			commit(t, s, journal.Entry{TenantID: "a", BotID: botID, Epoch: epochs[botID], Plots: plots})
		}
		plots := func(botID string) []journal.Plot {
			t.Helper()
			list, err := s.Plots(ctx, "a", botID)
			if err != nil {
				t.Fatal(err)
			}
			return list
		}
		if list := plots(b.ID); len(list) != 0 {
			t.Errorf("before anything was drawn: %v", list)
		}
		draw(other.ID, journal.Plot{Line: "alone", Time: at(0), Value: 1})

		// A line begins later than another and has a strange name; what is no number is
		// left out, and spoils nothing.
		draw(b.ID,
			journal.Plot{Line: "fast", Time: at(1), Value: 250_000.25}, journal.Plot{Line: "fast", Time: at(0), Value: 1e-8},
			journal.Plot{Pair: "ETHMYR", Line: "fast", Time: at(1), Value: 11_862.99}, journal.Plot{Line: "s\x00low \"'{?}\xff", Time: at(1), Value: -3}, journal.Plot{Line: "fast", Time: at(2), Value: math.Inf(1)},
		)
		draw(b.ID, journal.Plot{Line: "fast", Time: at(3), Value: math.NaN()})
		draw(b.ID, journal.Plot{Line: "fast", Time: at(4), Value: 6}, journal.Plot{Line: "fast", Time: at(4), Value: 7})
		draw(b.ID, journal.Plot{Line: "fast", Time: at(4), Value: 8}) // the same candle again
		same(t, "the plots", plots(b.ID), []journal.Plot{
			{Line: "fast", Time: at(0), Value: 1e-8}, {Line: "fast", Time: at(1), Value: 250_000.25}, {Line: "slow \"'{?}\uFFFD", Time: at(1), Value: -3},
			{Pair: "ETHMYR", Line: "fast", Time: at(1), Value: 11_862.99}, {Line: "fast", Time: at(4), Value: 8},
		})

		// 2,000 candles in pieces of 1 to 15.
		for i, n := 10, 1; i < 2_010; i, n = i+n, n%15+1 {
			var piece []journal.Plot
			for k := i; k < min(i+n, 2_010); k++ {
				piece = append(piece, journal.Plot{Line: "fast", Time: at(k), Value: float64(k)}, journal.Plot{Line: "slow", Time: at(k), Value: float64(-k)})
			}
			draw(b.ID, piece...)
		}
		check := func(when string) {
			t.Helper()
			list := plots(b.ID)
			if n := len(list); n < 2*journal.KeptPlots || n > 2*(journal.KeptPlots+14) {
				t.Fatalf("%s: %d points of two lines", when, n)
			}
			for i, first := 0, 2_010-len(list)/2; i < len(list); i += 2 {
				k := float64(first + i/2)
				if want := at(first + i/2); !list[i].Time.Equal(want) || list[i].Line != "fast" || list[i].Value != k || list[i+1].Line != "slow" || list[i+1].Value != -k {
					t.Fatalf("%s: %+v and %+v, want those of %s", when, list[i], list[i+1], want)
				}
			}
		}
		check("before")
		if gone, err := s.Prune(ctx, "a", b.ID, 10, open); err != nil || gone < 100 {
			t.Errorf("pruned %d, %v", gone, err)
		}
		check("after")
		if gone, err := s.Prune(ctx, "a", b.ID, 10, open); err != nil || gone != 0 {
			t.Errorf("pruned again %d, %v", gone, err)
		}
		same(t, "the other bot's", plots(other.ID), []journal.Plot{{Line: "alone", Time: at(0), Value: 1}})
	})
}

// Of each day the last point counts, one at midnight for the day that it ends, and
// none up to the time that is asked from.
func TestDailyEquity(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		_, b := newBot(t, s, "a")
		epoch := own(t, s, "a", b.ID)
		midnight := start().Truncate(24 * time.Hour)
		point := func(hours int, equity string) journal.EquityPoint {
			return journal.EquityPoint{BotID: b.ID, Time: midnight.Add(time.Duration(hours) * time.Hour), Equity: dec(equity)}
		}
		all := []journal.EquityPoint{point(-1, "1"), point(1, "2"), point(23, "3"), point(24, "4"), point(25, "5"), point(71, "6.5"), point(80, "7")}
		commit(t, s, journal.Entry{TenantID: "a", BotID: b.ID, Epoch: epoch, Equity: all})
		for since, want := range map[time.Time][]journal.EquityPoint{
			{}:                           {all[0], all[3], all[4], all[5], all[6]},
			midnight.Add(-time.Hour):     {all[3], all[4], all[5], all[6]},
			midnight.Add(25 * time.Hour): {all[5], all[6]},
			midnight.Add(90 * time.Hour): {},
		} {
			got, err := s.DailyEquity(t.Context(), "a", b.ID, since)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "since "+since.String(), got, want)
		}
		if got, err := s.DailyEquity(t.Context(), "b", b.ID, time.Time{}); err != nil || len(got) != 0 {
			t.Errorf("another tenant sees %d, %v", len(got), err)
		}
	})
}
