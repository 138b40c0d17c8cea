package demo_test

import (
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
)

// proves PL2: the trades of the past are those that the stream told, once and in
// order, and add up to the candles.
func TestTradesOfThePastAreThoseOfTheStream(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	r := open(t, demo.Config{Now: func() time.Time { return now }, Anchor: demo.Anchor{Wall: now, Index: 500}})
	from, to := r.Time(100).Add(7*time.Second), r.Time(400)
	var got []exchange.Trade
	for at := from; at.Before(to); at = at.Add(50 * time.Minute) {
		end := at.Add(50 * time.Minute)
		if end.After(to) {
			end = to
		}
		part, err := r.TradesBetween(t.Context(), demo.ETHMYR, at, end)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, part...)
	}
	volume := map[int64]exchange.Steps{}
	at := 0
	for index := int64(100); index < 400; index++ {
		ticks, n := r.Path(demo.ETHMYR, index)
		for _, tick := range ticks[:n] {
			if tick.Time < from.UnixMilli() {
				continue
			}
			if at >= len(got) || got[at] != tick.Trade(demo.ETHMYR) {
				t.Fatalf("trade %d is not %+v", at, tick)
			}
			if at > 0 && (got[at].Sequence <= got[at-1].Sequence || got[at].Time < got[at-1].Time) {
				t.Errorf("trade %d does not follow the one before", at)
			}
			volume[index] += got[at].Volume
			at++
		}
		if c := r.Candle(demo.ETHMYR, index); index > 100 && volume[index] != c.Volume {
			t.Errorf("the trades of candle %d have a volume of %d, the candle has %d", index, volume[index], c.Volume)
		}
	}
	if at != len(got) || at == 0 {
		t.Errorf("%d trades, want %d", len(got), at)
	}
	tape, err := r.Tape(demo.ETHMYR, from, to)
	if err != nil {
		t.Fatal(err)
	}
	var all []exchange.Trade
	for err == nil {
		var block []exchange.Trade
		block, err = tape.Next(t.Context())
		all = append(all, block...)
	}
	if !errors.Is(err, io.EOF) || !slices.Equal(all, got) {
		t.Errorf("a tape of the same time has %d trades (%v), want %d", len(all), err, len(got))
	}
	if _, err := r.Tape("NOPE", from, to); err == nil {
		t.Error("a pair that is not there has a tape")
	}
	if future, err := r.TradesBetween(t.Context(), demo.ETHMYR, r.Time(500), r.Time(600)); err != nil || len(future) != 0 {
		t.Errorf("it knows %d trades of the future (%v)", len(future), err)
	}
	if _, err := r.TradesBetween(t.Context(), "NOPE", from, to); err == nil {
		t.Error("a pair that is not there has trades")
	}
}
