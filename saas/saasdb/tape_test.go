package saasdb_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/saasdb"
)

// proves PL2: what replays need is kept whole, of each event once, and as long as
// a replay may want it.
func TestTapes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		ctx := t.Context()
		_, b := newBot(t, s, "a")
		epoch := own(t, s, "a", b.ID)
		at := func(sequence int64) time.Time { return start().Add(time.Duration(sequence) * time.Minute) }
		point := func(run, sequence, part int64, body string) {
			t.Helper()
			commit(t, s, journal.Entry{TenantID: "a", BotID: b.ID, Epoch: epoch, Point: &journal.TapePoint{
				Run: run, Sequence: sequence, Part: part, MarketTime: at(sequence), Body: json.RawMessage(body),
			}})
		}
		baseline := func(run, sequence, part int64, body string) {
			t.Helper()
			commit(t, s, journal.Entry{TenantID: "a", BotID: b.ID, Epoch: epoch, Baseline: &journal.Baseline{
				Run: run, Sequence: sequence, Part: part, MarketTime: at(sequence), Body: json.RawMessage(body),
			}})
		}
		baseline(1, 10, 0, `{"first":0}`)
		baseline(1, 10, 0, `{"first":1}`) // under other terms before it saw anything
		point(1, 10, 1, `{"heard":1}`)    // between candles
		for i := int64(11); i <= 20; i++ {
			point(1, i, i-9, `{"seen":18446744073709551615}`)
		}
		point(1, 15, 6, `{"again":true}`) // a commit whose answer was lost is made again
		baseline(1, 20, 11, `{}`)
		point(1, 20, 12, `{"heard":2}`)
		point(1, 25, 13, `{"second":1}`)
		baseline(2, 25, 0, `{}`)
		of := func(run, sequence, part int64) *journal.Baseline {
			return &journal.Baseline{Run: run, Sequence: sequence, Part: part}
		}
		points, err := s.TapePoints(ctx, "a", b.ID, *of(1, 10, 0), of(1, 20, 11))
		if err != nil || len(points) != 11 || points[0].Part != 1 || points[10].Sequence != 20 || points[10].Part != 11 {
			t.Fatalf("%+v, %v", points, err)
		}
		same(t, "a point", points[5], journal.TapePoint{
			BotID: b.ID, Run: 1, Sequence: 15, Part: 6, MarketTime: at(15), Body: json.RawMessage(`{"again":true}`),
		})
		same(t, "a point", points[6].Body, json.RawMessage(`{"seen":18446744073709551615}`))
		if second, err := s.TapePoints(ctx, "a", b.ID, *of(1, 20, 11), nil); err != nil || len(second) != 2 || second[0].Part != 12 {
			t.Errorf("after the second baseline there are %+v, %v", second, err)
		}
		bases, err := s.Baselines(ctx, "a", b.ID, 9)
		if err != nil || len(bases) != 3 || bases[2].Run != 2 {
			t.Fatalf("%+v, %v", bases, err)
		}
		if newest, err := s.Baselines(ctx, "a", b.ID, 2); err != nil || len(newest) != 2 || newest[0].Sequence != 20 || newest[1].Run != 2 {
			t.Errorf("the newest two are %+v, %v", newest, err)
		}
		same(t, "a baseline", bases[0], journal.Baseline{BotID: b.ID, Run: 1, Sequence: 10, MarketTime: at(10), Body: json.RawMessage(`{"first":1}`)})

		// Since minute 22 the baseline of minute 20 is needed, and not the one before.
		if gone, err := s.Prune(ctx, "a", b.ID, 10, at(22)); err != nil || gone != 11 {
			t.Errorf("pruned %d, %v; want ten points and a baseline", gone, err)
		}
		bases, err = s.Baselines(ctx, "a", b.ID, 9)
		left, err2 := s.TapePoints(ctx, "a", b.ID, *of(1, 20, 11), nil)
		if err != nil || err2 != nil || len(bases) != 2 || len(left) != 2 || left[0].Part != 12 || left[1].Sequence != 25 {
			t.Errorf("%+v and %+v are left, %v, %v", bases, left, err, err2)
		}
	})
}

func TestSeenCandles(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		ctx := t.Context()
		open := start().Truncate(time.Minute)
		candle := func(minute int, price exchange.Ticks) exchange.Candle {
			return exchange.Candle{Time: open.Add(time.Duration(minute) * time.Minute).UnixMilli(), Open: price, High: price + 1, Low: price - 1, Close: price, Volume: 7}
		}
		for range 2 { // two workers, or a repeat
			if err := s.KeepCandles(ctx, "XBTMYR", []exchange.Candle{candle(0, 10), candle(1, 11), candle(1, 12), candle(2, 13)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.KeepCandles(ctx, "ETHMYR", []exchange.Candle{candle(1, 99)}); err != nil {
			t.Fatal(err)
		}
		got, err := s.SeenCandles(ctx, "XBTMYR", open, open.Add(2*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "the candles", got, []exchange.Candle{candle(0, 10), candle(1, 11), candle(1, 12)})
		if err := s.DropCandles(ctx, "XBTMYR", open.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		got, err = s.SeenCandles(ctx, "XBTMYR", open, open.Add(time.Hour))
		if err != nil || len(got) != 3 || got[0] != candle(1, 11) {
			t.Errorf("%+v, %v", got, err)
		}
		if got, err = s.SeenCandles(ctx, "ETHMYR", open, open.Add(time.Hour)); err != nil || len(got) != 1 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
