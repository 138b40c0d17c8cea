package saasdb_test

import (
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/replay"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
)

// A replay is made by one worker at a time, and by another one if that dies.
func TestReplays(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		ctx := t.Context()
		_, b := newBot(t, s, "a")
		_, other := newBot(t, s, "b")
		_, err := s.Replay(ctx, "a", b.ID)
		wantCode(t, err, errs.NotFound, "replay_not_found")
		asked, err := s.RequestReplay(ctx, "a", b.ID, start())
		if err != nil {
			t.Fatal(err)
		}
		same(t, "the replay", asked, replay.Replay{TenantID: "a", BotID: b.ID, Status: replay.Queued, RequestedAt: start()})
		if again, err := s.RequestReplay(ctx, "a", b.ID, start().Add(time.Second)); err != nil || !again.RequestedAt.Equal(start()) {
			t.Errorf("%+v, %v", again, err)
		}
		if _, err := s.RequestReplay(ctx, "b", other.ID, start().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		claim := func(at time.Duration) (replay.Replay, bool) {
			t.Helper()
			r, ok, err := s.ClaimReplay(ctx, start().Add(at), start().Add(at+time.Minute))
			if err != nil {
				t.Fatal(err)
			}
			return r, ok
		}
		first, ok := claim(2 * time.Second)
		if !ok || first.BotID != b.ID || first.Status != replay.Running || first.Attempt != 1 {
			t.Fatalf("%+v", first)
		}
		if second, ok := claim(3 * time.Second); !ok || second.BotID != other.ID {
			t.Fatalf("%+v", second)
		}
		if third, ok := claim(4 * time.Second); ok {
			t.Fatalf("claimed twice: %+v", third)
		}
		first.Done, first.Total = 10, 20
		if err := s.UpdateReplay(ctx, "a", first, start().Add(2*time.Minute)); err != nil {
			t.Fatal(err)
		}
		if late, ok := claim(90 * time.Second); !ok || late.BotID != other.ID || late.Attempt != 2 {
			t.Fatalf("%+v", late) // the first worker has given a sign of life since
		}
		taken, ok := claim(3 * time.Minute)
		if !ok || taken.BotID != b.ID || taken.Attempt != 2 || taken.Done != 10 {
			t.Fatalf("%+v", taken)
		}
		wantCode(t, s.UpdateReplay(ctx, "a", first, start().Add(time.Hour)), errs.Conflict, "replay_lost")
		wantCode(t, s.UpdateReplay(ctx, "b", taken, start().Add(time.Hour)), errs.Conflict, "replay_lost")
		wantCode(t, s.YieldReplay(ctx, "a", first), errs.Conflict, "replay_lost")
		if err := s.YieldReplay(ctx, "a", taken); err != nil {
			t.Fatal(err)
		}
		for _, over := range []replay.Replay{first, taken} { // nobody's while it waits
			wantCode(t, s.UpdateReplay(ctx, "a", over, start().Add(time.Hour)), errs.Conflict, "replay_lost")
		}
		if waits, err := s.Replay(ctx, "a", b.ID); err != nil || waits.Status != replay.Queued || waits.Attempt != 1 || waits.Done != 0 {
			t.Errorf("given back it is %+v, %v", waits, err)
		}
		if taken, ok = claim(3*time.Minute + time.Second); !ok || taken.BotID != b.ID || taken.Attempt != 2 {
			t.Fatalf("%+v", taken)
		}
		wantCode(t, s.UpdateReplay(ctx, "a", first, start().Add(time.Hour)), errs.Conflict, "replay_lost")
		taken.Status, taken.FinishedAt = replay.Done, start().Add(time.Hour)
		taken.Report = &replay.Report{
			From: start(), To: start().Add(time.Hour), Candles: 60, Events: []replay.Event{{Time: start(), Kind: replay.Late, Text: "late"}},
			Difference: &parity.Difference{Cause: parity.Venue, Time: start(), Detail: "why"},
		}
		if err := s.UpdateReplay(ctx, "a", taken, start()); err != nil {
			t.Fatal(err)
		}
		got, err := s.Replay(ctx, "a", b.ID)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "the report", got, taken)
		_, err = s.Replay(ctx, "b", b.ID)
		wantCode(t, err, errs.NotFound, "replay_not_found")
		if again, err := s.RequestReplay(ctx, "a", b.ID, start().Add(2*time.Hour)); err != nil || again.Status != replay.Queued || again.Report != nil || again.Attempt != 0 {
			t.Errorf("%+v, %v", again, err)
		}
		if _, err := s.RequestReplay(ctx, "b", b.ID, start()); err == nil {
			t.Error("a replay of another tenant's bot was asked for")
		}
	})
}
