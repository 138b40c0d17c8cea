package saasdb_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/saasdb"
)

// submitted is the entry of an order that nobody had before, with everything in it.
func submitted(tenantID, botID string, epoch, number int64) journal.LiveEntry {
	return journal.LiveEntry{
		TenantID: tenantID, BotID: botID, Epoch: epoch, Orders: []journal.LiveOrder{liveOrder(botID, number, journal.Submitted)},
		Transitions: []journal.Transition{{Order: number, Event: number, To: journal.Submitted, Cause: "intent", At: start()}},
	}
}

// proves T1: intents are in the journal as they were, whatever is in them.
func TestIntentsAreRead(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		_, b := newBot(t, s, "a")
		e := submitted("a", b.ID, own(t, s, "a", b.ID), 1)
		bare := liveOrder(b.ID, 2, journal.Submitted)
		bare.ValidUntil, bare.CancelAsked, bare.PostOnly, bare.VenueID = time.Time{}, time.Time{}, true, ""
		bare.Reason = `NULL, {"a\b"}, 'c' und $1 ü`
		e.Orders = append(e.Orders, bare)
		e.Transitions = append(e.Transitions, journal.Transition{Order: 2, Event: 2, To: journal.Submitted, Cause: bare.Reason + "\x00", At: start()})
		if err := commitLive(t, s, e); err != nil {
			t.Fatal(err)
		}
		e.Transitions[1].Cause = bare.Reason
		for i, want := range e.Orders {
			o, err := s.LiveOrder(t.Context(), "a", b.ID, want.Number)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "order", o, want)
			history, err := s.LiveHistory(t.Context(), "a", b.ID, want.Number)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "history", history, e.Transitions[i:i+1])
		}
	})
}

// proves T1, T5: what happens to a lease while a commit of intents waits for it decides
// whether the bot's are written, and the other bot's are.
func TestLeasesChangeUnderIntents(t *testing.T) {
	t.Parallel()
	later := start().Add(time.Hour)
	for name, c := range map[string]struct {
		change func(ctx context.Context, s *saasdb.Store, l lease.Lease) error
		lost   bool
	}{
		"taken over": {lost: true, change: func(ctx context.Context, s *saasdb.Store, l lease.Lease) error {
			h, err := s.StartHolder(ctx, "another")
			if err != nil {
				return err
			}
			got, err := s.TakeLeases(ctx, lease.Take{Holder: h, Resources: []lease.Resource{l.Resource}, Limit: 1, Now: later, Until: later.Add(time.Minute)})
			if err == nil && (len(got) != 1 || got[0].Epoch != l.Epoch+1) {
				err = errors.New("it was not taken over")
			}
			return err
		}},
		"released": {lost: true, change: func(ctx context.Context, s *saasdb.Store, l lease.Lease) error {
			return s.ReleaseLeases(ctx, lease.Holder{Name: "worker", Incarnation: 2}, []lease.Lease{l})
		}},
		"renewed": {change: func(ctx context.Context, s *saasdb.Store, _ lease.Lease) error {
			got, err := s.RenewLeases(ctx, lease.Holder{Name: "worker", Incarnation: 2}, later)
			if err == nil && len(got) != 1 {
				err = errors.New("it was not renewed")
			}
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, d *db.DB, s *saasdb.Store) {
				_, other := newBot(t, s, "a")
				_, b := newBot(t, s, "b")
				entries := []journal.LiveEntry{submitted("a", other.ID, own(t, s, "a", other.ID), 1), submitted("b", b.ID, own(t, s, "b", b.ID), 1)}
				l := lease.Lease{Resource: lease.Resource{Kind: lease.Bots, TenantID: "b", ID: b.ID}, Epoch: entries[1].Epoch}
				var result <-chan outcome
				err := d.SystemTx(t.Context(), "changing a lease", func(ctx context.Context) error {
					if err := c.change(ctx, s, l); err != nil {
						return err
					}
					result = commitBeside(t, s, entries...)
					waitsForLock(t, d)
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				got := <-result
				if got.err != nil || got.refused[0] != nil || errors.Is(got.refused[1], lease.ErrLost) != c.lost || !c.lost && got.refused[1] != nil {
					t.Fatalf("refused are %v, %v", got.refused, got.err)
				}
				want := 1
				if c.lost {
					want = 0
				}
				wantOrders(t, s, "a", other.ID, 1)
				wantOrders(t, s, "b", b.ID, want)
			})
		})
	}
}

// proves T5: nobody takes a lease over while intents are being written under it, on
// PostgreSQL, where the writer is not alone.
func TestIntentsKeepTheirLease(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, s *saasdb.Store) {
		if d.Dialect() != db.Postgres {
			return // one writer, which the other waits for
		}
		_, b := newBot(t, s, "a")
		e := submitted("a", b.ID, own(t, s, "a", b.ID), 1)
		h, err := s.StartHolder(t.Context(), "another")
		if err != nil {
			t.Fatal(err)
		}
		later := start().Add(time.Hour)
		take := lease.Take{Holder: h, Resources: []lease.Resource{{Kind: lease.Bots, TenantID: "a", ID: b.ID}}, Limit: 1, Now: later, Until: later.Add(time.Minute)}
		var result <-chan outcome
		err = d.Write(t.Context(), "a", func(ctx context.Context, tx bun.IDB) error {
			// The rows of the commit wait for that of their bot.
			if _, err := tx.NewRaw("SELECT 1 FROM bots WHERE tenant_id = 'a' AND id = ? FOR UPDATE", b.ID).Exec(ctx); err != nil {
				return err
			}
			result = commitBeside(t, s, e)
			waitsForLock(t, d)
			if got, err := s.TakeLeases(t.Context(), take); err != nil || len(got) != 0 {
				t.Errorf("taken over while the commit was under way: %v, %v", got, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := <-result; got.err != nil || got.refused[0] != nil {
			t.Fatalf("refused are %v, %v", got.refused, got.err)
		}
		if got, err := s.TakeLeases(t.Context(), take); err != nil || len(got) != 1 {
			t.Fatalf("taking over afterwards: %v, %v", got, err)
		}
		if err := commitLive(t, s, submitted("a", b.ID, e.Epoch, 2)); !errors.Is(err, lease.ErrLost) {
			t.Errorf("a commit under the old epoch: %v", err)
		}
		wantOrders(t, s, "a", b.ID, 1)
	})
}

// outcome is what CommitLive returns.
type outcome struct {
	refused []error
	err     error
}

// commitBeside commits entries beside what the test does meanwhile.
func commitBeside(t *testing.T, s *saasdb.Store, entries ...journal.LiveEntry) <-chan outcome {
	t.Helper()
	result := make(chan outcome, 1)
	go func() {
		refused, err := s.CommitLive(t.Context(), entries...)
		result <- outcome{refused, err}
	}()
	return result
}

// waitsForLock returns once a statement that locks leases and writes orders, all in one,
// waits for a lock. SQLite has none such: its writer waits for the connection.
func waitsForLock(t *testing.T, d *db.DB) {
	t.Helper()
	if d.Dialect() != db.Postgres {
		return
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		var queries []string
		err := d.SystemRead(t.Context(), "looking for who waits", func(ctx context.Context, tx bun.IDB) error {
			return tx.NewRaw("SELECT query FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(ctx, &queries)
		})
		if err != nil {
			t.Fatal(err)
		}
		// The server tells a query's beginning, and for a moment the one before it.
		if slices.ContainsFunc(queries, func(q string) bool {
			return strings.Contains(q, "FOR NO KEY UPDATE") && strings.Contains(q, "INSERT INTO live_orders")
		}) {
			return
		}
	}
	t.Fatal("no such statement waits for a lock")
}

func wantOrders(t *testing.T, s *saasdb.Store, tenantID, botID string, want int) {
	t.Helper()
	st, err := s.LiveState(t.Context(), tenantID, botID)
	if err != nil || len(st.Orders) != want || int(st.LastEvent) != want {
		t.Errorf("bot %s of tenant %s has %d orders and the event %d, %v; want %d", botID, tenantID, len(st.Orders), st.LastEvent, err, want)
	}
}
