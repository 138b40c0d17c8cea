package demo_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
)

func TestOnlyClosedCandles(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // proves M4
		r := open(t, demo.Config{Speed: 60, Anchor: demo.Anchor{Wall: time.Now(), Index: 1000}})
		time.Sleep(90 * time.Second)
		if got := r.Now(); !got.Equal(r.Time(1090)) {
			t.Fatalf("market time %s, want %s", got, r.Time(1090))
		}
		for _, interval := range demo.Intervals() {
			got, err := r.Candles(t.Context(), demo.ETHMYR, interval, r.Time(0), 5000)
			if err != nil {
				t.Fatal(err)
			}
			size := int64(interval / time.Minute)
			if want := int(1090 / size); len(got) != want {
				t.Errorf("%s: %d candles, want %d", interval, len(got), want)
			}
			base, err := r.Series(demo.ETHMYR, r.Time(0), r.Time(1090))
			if err != nil {
				t.Fatal(err)
			}
			folded, err := base.Aggregate(interval)
			if err != nil {
				t.Fatal(err)
			}
			for i := range got {
				if got[i] != folded.Candles[i] {
					t.Fatalf("%s %d: %+v, folded %+v", interval, i, got[i], folded.Candles[i])
				}
			}
		}
		if got, err := r.Candles(t.Context(), demo.XBTMYR, time.Minute, time.Time{}, 3); err != nil || len(got) != 3 ||
			!got[0].OpenTime().Equal(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("from the beginning: %v %v", got, err)
		}
		if got, err := r.Candles(t.Context(), demo.XBTMYR, time.Hour, r.Time(61), 100); err != nil || got[0].Time != r.Time(120).UnixMilli() {
			t.Errorf("hours since minute 61: %v %v", got, err)
		}
		if got, err := r.Candles(t.Context(), demo.XBTMYR, time.Minute, r.Time(1090), 100); err != nil || len(got) != 0 {
			t.Errorf("the future: %v %v", got, err)
		}
	})
}

func TestStreamIsTheCandles(t *testing.T) {
	t.Parallel()
	for _, speed := range []float64{1, 60, 10_000} {
		synctest.Test(t, func(t *testing.T) {
			r := open(t, demo.Config{Speed: speed, Anchor: demo.Anchor{Wall: time.Now().Add(-time.Hour), Index: -30}})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			first := r.Index(r.Now())
			next := first
			var forming exchange.Candle
			err := r.Stream(ctx, demo.XBTMYR, func(e exchange.StreamEvent) {
				if e.Tick != nil {
					if late := r.Now().UnixMilli() - e.Tick.Time; late < 0 || late > int64(10*speed)+1000 {
						t.Errorf("tick %+v came %d ms late", e.Tick, late)
					}
					tick := exchange.Flat(e.Tick.Time, e.Tick.Price)
					tick.Volume = e.Tick.Volume
					if forming.Time == 0 {
						forming = tick
					} else {
						forming = exchange.Merge(forming, tick)
					}
					return
				}
				want := r.Candle(demo.XBTMYR, next)
				if *e.Candle != want {
					t.Errorf("candle %d: %+v, want %+v", next, *e.Candle, want)
				}
				forming.Time = want.Time
				// The first minute had begun before the stream.
				if next > first && want.Volume > 0 && forming != want {
					t.Errorf("ticks of %d fold to %+v, want %+v", next, forming, want)
				}
				forming = exchange.Candle{}
				if next++; next == first+200 {
					cancel()
				}
			})
			if !errors.Is(err, context.Canceled) || next != first+200 {
				t.Errorf("the stream ended at %d with %v", next-first, err)
			}
		})
	}
}

func TestMarketTimeGoesOnAfterRestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		before := open(t, demo.Config{})
		time.Sleep(17*time.Hour + 123*time.Millisecond)
		after := open(t, demo.Config{Anchor: before.Anchor()})
		if a, b := before.Now(), after.Now(); !a.Equal(b) || before.Index(a) != 17*3600+0 {
			t.Errorf("market time %s before and %s after the restart", a, b)
		}
	})
}

func TestMarketTimeNeverGoesBack(t *testing.T) {
	t.Parallel()
	wall := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	r := open(t, demo.Config{Now: func() time.Time { return wall }})
	wall = wall.Add(time.Hour)
	late := r.Now()
	wall = wall.Add(-30 * time.Minute)
	if got := r.Now(); !got.Equal(late) {
		t.Errorf("market time went from %s back to %s", late, got)
	}
}
