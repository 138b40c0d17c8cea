package saasdb_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/event"
	"github.com/lunobot/lunobot/saas/hook"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/tenancy"
)

// doorbell is the service of hooks on a database, with a clock that tests move.
type doorbell struct {
	*hook.Service
	t   *testing.T
	s   *saasdb.Store
	db  *db.DB
	mu  sync.Mutex
	now time.Time
	// events are the types of what was recorded.
	events []string
}

func (d *doorbell) clock() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

func (d *doorbell) wait(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = d.now.Add(by)
}

// Record implements event.Recorder.
func (d *doorbell) Record(_ context.Context, events ...event.Event) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range events {
		d.events = append(d.events, e.Type)
	}
	return nil
}

func newDoorbell(t *testing.T, d *db.DB, s *saasdb.Store) *doorbell {
	t.Helper()
	bell := &doorbell{t: t, s: s, db: d, now: start()}
	var err error
	bell.Service, err = hook.NewService(hook.Config{
		Events: bell, MarketNow: func() time.Time { return bell.clock().Add(24 * time.Hour) }, Now: bell.clock, Pepper: []byte(strings.Repeat("p", 32)),
		Rand: rand.NewChaCha8([32]byte{byte(len(t.Name()))}), Store: s, Tx: d,
		Takes: func(_ context.Context, strategy, _ string) (bool, error) { return strategy == "basic", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return bell
}

// trader may do with bots of a tenant what he likes.
func trader(tenantID string) tenancy.Principal {
	return tenancy.Principal{TenantID: tenantID, UserID: "u", Role: tenancy.Trader}
}

// runningBot stores a bot that is to run, in its third run.
func runningBot(t *testing.T, s *saasdb.Store, tenantID string) bot.Bot {
	t.Helper()
	_, b := newBot(t, s, tenantID)
	b.Desired, b.Status, b.Run = true, bot.Running, 3
	if err := s.UpdateBot(t.Context(), tenantID, b); err != nil {
		t.Fatal(err)
	}
	return b
}

// message is one with an id, proved by a secret.
func message(secret hook.Secret, id, body string) hook.Delivery {
	return hook.Delivery{ID: id, Body: []byte(body), Bearer: secret.Token.Reveal()}
}

func (d *doorbell) create(b bot.Bot) (hook.Hook, hook.Secret) {
	d.t.Helper()
	h, secret, err := d.Create(d.t.Context(), trader(b.TenantID), b.ID)
	if err != nil {
		d.t.Fatal(err)
	}
	return h, secret
}

func (d *doorbell) signals(b bot.Bot) []hook.Signal {
	d.t.Helper()
	list, err := d.Signals(d.t.Context(), trader(b.TenantID), b.ID, page.Page{})
	if err != nil {
		d.t.Fatal(err)
	}
	return list.Items
}

// proves K2, K5, K7: secrets rotate with an overlap and are void at once where
// they are revoked; the database holds none of them.
func TestHookSecrets(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, s *saasdb.Store) {
		ctx, bell := t.Context(), newDoorbell(t, d, s)
		b := runningBot(t, s, "a")
		_, err := bell.Hook(ctx, trader("a"), b.ID)
		wantCode(t, err, errs.NotFound, "webhook_not_found")
		h, first := bell.create(b)
		_, _, err = bell.Create(ctx, trader("a"), b.ID)
		wantCode(t, err, errs.Conflict, "webhook_exists")
		ring := func(n int, secret hook.Secret) error {
			_, err := bell.Receive(ctx, h.ID, message(secret, fmt.Sprint("m", n), "buy"))
			return err
		}
		if err := ring(1, first); err != nil {
			t.Fatal(err)
		}
		_, second, err := bell.Rotate(ctx, trader("a"), b.ID, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		bell.wait(time.Hour - time.Microsecond)
		if err := errors.Join(ring(2, first), ring(3, second)); err != nil {
			t.Errorf("within the overlap: %v", err)
		}
		bell.wait(time.Microsecond)
		wantCode(t, ring(4, first), errs.Unauthenticated, "webhook_unauthenticated")
		_, third, err := bell.Rotate(ctx, trader("a"), b.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		wantCode(t, ring(5, second), errs.Unauthenticated, "webhook_unauthenticated")
		if got, err := bell.Hook(ctx, trader("a"), b.ID); err != nil || len(got.Keys) != 1 || got.ID != h.ID {
			t.Errorf("after all it has %+v, %v", got, err)
		}
		if _, _, err := bell.Rotate(ctx, trader("a"), b.ID, hook.MaxOverlap+1); errs.KindOf(err) != errs.Invalid {
			t.Errorf("an overlap without end gave %v", err)
		}
		if err := bell.Revoke(ctx, trader("a"), b.ID); err != nil {
			t.Fatal(err)
		}
		wantCode(t, ring(6, third), errs.NotFound, "webhook_not_found")
		if again, _ := bell.create(b); again.ID == h.ID {
			t.Error("the address of before is used again")
		}
		if want := "[webhook.created webhook.rotated webhook.rotated webhook.revoked webhook.created]"; fmt.Sprint(bell.events) != want {
			t.Errorf("the events are %v", bell.events)
		}
		if len(bell.signals(b)) != 3 {
			t.Errorf("the signals are %+v", bell.signals(b))
		}
		err = d.SystemRead(ctx, "looking for secrets", func(ctx context.Context, tx bun.IDB) error {
			var hash []byte
			if err := tx.NewRaw("SELECT hash FROM hook_keys").Scan(ctx, &hash); err != nil || strings.Contains(string(hash), "lunobot") || len(hash) != 32 {
				t.Errorf("the database holds %q, %v", hash, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// proves W5, O2, E13: a message is taken once, however often and at once it comes.
func TestMessagesAreTakenOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, s *saasdb.Store) {
		ctx, bell := t.Context(), newDoorbell(t, d, s)
		b := runningBot(t, s, "a")
		h, secret := bell.create(b)
		body := `{"action":"buy","token":"` + secret.Token.Reveal() + `"}`
		var wg sync.WaitGroup
		receipts := make([]hook.Receipt, 30)
		for i := range receipts {
			wg.Go(func() {
				var err error
				if receipts[i], err = bell.Receive(ctx, h.ID, message(secret, "same", body)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, r := range receipts {
			if r != receipts[0] || r.ID != "same" {
				t.Errorf("one hears %+v and another %+v", receipts[0], r)
			}
		}
		got := bell.signals(b)
		if len(got) != 1 || got[0].Text != `{"action":"buy"}` || got[0].Run != 3 || got[0].Status != hook.Waiting ||
			!got[0].MarketTime.Equal(start().Add(24*time.Hour).Truncate(time.Millisecond)) {
			t.Errorf("the signals are %+v", got)
		}
		_, err := bell.Receive(ctx, h.ID, message(secret, "same", `{"action":"sell"}`))
		wantCode(t, err, errs.Conflict, "signal_id_used")
	})
}

// proves R1, R4: repeats are answered beyond the rate, new messages are not taken,
// and nothing of what is refused is stored.
func TestMessagesThatAreRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, s *saasdb.Store) {
		ctx, bell := t.Context(), newDoorbell(t, d, s)
		b := runningBot(t, s, "a")
		h, secret := bell.create(b)
		taken := 0
		for i := range 25 {
			_, err := bell.Receive(ctx, h.ID, message(secret, fmt.Sprint("m", i), "x"))
			if err == nil {
				taken++
			} else {
				wantCode(t, err, errs.RateLimited, "webhook_rate")
			}
		}
		if taken != 20 || len(bell.signals(b)) != 20 {
			t.Errorf("%d were taken and %d are stored, want 20", taken, len(bell.signals(b)))
		}
		if _, err := bell.Receive(ctx, h.ID, message(secret, "m0", "x")); err != nil {
			t.Errorf("a repeat gave %v", err)
		}
		bell.wait(2 * time.Second)
		b.Desired = false
		if err := s.UpdateBot(ctx, "a", b); err != nil {
			t.Fatal(err)
		}
		_, err := bell.Receive(ctx, h.ID, message(secret, "late", "x"))
		wantCode(t, err, errs.Conflict, "bot_stopped")
		if got := bell.signals(b); len(got) != 20 || got[0].Status != hook.Missed || got[0].Answer == "" {
			t.Errorf("once the bot has stopped the signals are %+v", got)
		}
		_, err = bell.Receive(ctx, "nowhere", message(secret, "lost", "x"))
		wantCode(t, err, errs.NotFound, "webhook_not_found")
	})
}

// proves P12: another tenant's bots have no webhooks and no signals, and its
// secrets prove nothing here.
func TestHooksOfOthers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, s *saasdb.Store) {
		ctx, bell := t.Context(), newDoorbell(t, d, s)
		mine, theirs := runningBot(t, s, "a"), runningBot(t, s, "b")
		h, _ := bell.create(mine)
		_, foreign := bell.create(theirs)
		thief := trader("b")
		_, err := bell.Hook(ctx, thief, mine.ID)
		wantCode(t, err, errs.NotFound, "bot_not_found")
		_, _, err = bell.Rotate(ctx, thief, mine.ID, 0)
		wantCode(t, err, errs.NotFound, "bot_not_found")
		wantCode(t, bell.Revoke(ctx, thief, mine.ID), errs.NotFound, "bot_not_found")
		_, err = bell.Signals(ctx, thief, mine.ID, page.Page{})
		wantCode(t, err, errs.NotFound, "bot_not_found")
		_, err = bell.Receive(ctx, h.ID, message(foreign, "m", "x"))
		wantCode(t, err, errs.Unauthenticated, "webhook_unauthenticated")
		_, _, err = bell.Create(ctx, tenancy.Principal{TenantID: "a", Role: tenancy.Viewer}, mine.ID)
		if errs.KindOf(err) != errs.Forbidden {
			t.Errorf("who only looks gets %v", err)
		}
		for _, err := range []error{
			s.PutKeys(ctx, "b", mine.ID, []hook.Key{{ID: "x", Hash: []byte("x"), CreatedAt: start()}}), s.PutDue(ctx, "b", mine.ID, 1), s.DeleteHook(ctx, "b", mine.ID),
			s.InsertSignal(ctx, "b", hook.Signal{ID: "x", BotID: mine.ID, Key: "x"}),
		} {
			if err == nil {
				t.Error("a store wrote into another tenant's hook")
			}
		}
		if err := s.DeleteBot(ctx, "a", mine.ID); err != nil {
			t.Fatal(err)
		}
		_, err = s.Address(ctx, h.ID)
		wantCode(t, err, errs.NotFound, "webhook_not_found")
	})
}

// However much waits for one bot, and for its runs that are over, another's
// signals are found.
func TestSignalsKeepNobodysBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, s *saasdb.Store) {
		loud, quiet := runningBot(t, s, "a"), runningBot(t, s, "b")
		put := func(b bot.Bot, run int64, from, to int) {
			t.Helper()
			err := d.Tx(t.Context(), b.TenantID, func(ctx context.Context) error {
				for i := from; i < to; i++ {
					id := fmt.Sprintf("%08d", i)
					err := s.InsertSignal(ctx, b.TenantID, hook.Signal{
						ID: id, BotID: b.ID, Key: id, Run: run, Text: "x", Sum: []byte(id), ReceivedAt: start(), MarketTime: start(), Status: hook.Waiting,
					})
					if err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		put(quiet, quiet.Run-1, 0, 1_100)
		put(loud, loud.Run, 2_000, 3_100)
		put(quiet, quiet.Run, 4_000, 4_002)
		var of []hook.Listener
		for _, b := range []bot.Bot{loud, quiet} {
			of = append(of, hook.Listener{TenantID: b.TenantID, BotID: b.ID, Run: b.Run})
		}
		list, err := s.WaitingSignals(t.Context(), start(), of...)
		if err != nil || len(list) != 1_000 {
			t.Fatalf("%d signals, %v", len(list), err)
		}
		got := map[string][]string{}
		for _, x := range list {
			got[x.BotID] = append(got[x.BotID], x.ID)
		}
		if fmt.Sprint(got[quiet.ID]) != "[00004000 00004001]" || !slices.IsSorted(got[loud.ID]) || got[loud.ID][0] != "00002000" || len(got) != 2 {
			t.Errorf("for the quiet bot come %v, for the other %d from %s", got[quiet.ID], len(got[loud.ID]), got[loud.ID][0])
		}
	})
}

// proves T3, T5: what a bot has heard is settled in the commit of its state, once
// and only under its lease.
func TestSignalsAreSettledWithTheState(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, s *saasdb.Store) {
		ctx, bell := t.Context(), newDoorbell(t, d, s)
		b, other := runningBot(t, s, "a"), runningBot(t, s, "b")
		h, secret := bell.create(b)
		h2, secret2 := bell.create(other)
		for i := range 3 {
			if _, err := bell.Receive(ctx, h.ID, message(secret, fmt.Sprint("m", i), "x")); err != nil {
				t.Fatal(err)
			}
			bell.wait(time.Minute)
		}
		if _, err := bell.Receive(ctx, h2.ID, message(secret2, "m0", "y")); err != nil {
			t.Fatal(err)
		}
		waiting := func(by time.Duration, of ...bot.Bot) (keys []string) {
			t.Helper()
			var listeners []hook.Listener
			for _, b := range of {
				listeners = append(listeners, hook.Listener{TenantID: b.TenantID, BotID: b.ID, Run: b.Run})
			}
			list, err := s.WaitingSignals(ctx, start().Add(24*time.Hour+by), listeners...)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range list {
				keys = append(keys, x.TenantID+" "+x.Key)
			}
			return keys
		}
		if got := waiting(time.Minute, b, other); fmt.Sprint(got) != "[a m0 a m1]" {
			t.Errorf("by the first minute wait %v", got)
		}
		if got := waiting(time.Hour, other, b); fmt.Sprint(got) != "[a m0 b m0 a m1 a m2]" {
			t.Errorf("in the end wait %v", got)
		}
		b.Run++
		if got := waiting(time.Hour, b); len(got) != 0 {
			t.Errorf("for another run wait %v", got)
		}
		b.Run--
		epoch := own(t, s, "a", b.ID)
		entry := journal.Entry{TenantID: "a", BotID: b.ID, Epoch: epoch + 1, Heard: []journal.Heard{
			{Key: "m0", Followed: true, Answer: "buy\x00", Time: start()}, {Key: "m1", Answer: "refused", Time: start()},
		}}
		if err := s.Commit(ctx, entry); err == nil || len(waiting(time.Hour, b)) != 3 {
			t.Errorf("a worker without the lease settled signals: %v", err)
		}
		boom := errors.New("boom")
		err := d.Tx(ctx, "a", func(ctx context.Context) error {
			entry.Epoch = epoch
			if err := s.Commit(ctx, entry); err != nil {
				return err
			}
			return boom
		})
		if !errors.Is(err, boom) || len(waiting(time.Hour, b)) != 3 {
			t.Errorf("a commit that failed settled signals: %v", err)
		}
		commit(t, s, entry)
		entry.Heard[0].Followed, entry.Heard[0].Answer = false, "again"
		commit(t, s, entry)
		if got := waiting(time.Hour, b, other); fmt.Sprint(got) != "[a m2 b m0]" {
			t.Errorf("after the commit wait %v", got)
		}
		got := bell.signals(b)
		if len(got) != 3 || got[2].Status != hook.Followed || got[2].Answer != "buy" || !got[2].HeardAt.Equal(start()) || got[1].Status != hook.Refused || got[0].Status != hook.Waiting {
			t.Errorf("the signals are %+v", got)
		}
		bell.wait(hook.Keep - time.Minute - time.Second)
		if err := bell.Prune(ctx); err != nil || len(bell.signals(b)) != 1 {
			t.Errorf("after a month are left %+v, %v", bell.signals(b), err)
		}
	})
}
