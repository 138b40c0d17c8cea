package saasdb_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/saas/saasdb"
)

func order(client string, number int64, state journal.OrderState, at time.Time) journal.Order {
	return journal.Order{
		Pair:     "ETHMYR",
		ClientID: client, Run: 1, Number: number, Side: "buy", Type: "limit", Price: dec("250000.5"), Volume: dec("0.1"),
		PostOnly: true, TimeInForce: "gtc", State: state, Reason: string(state), CreatedAt: start(), UpdatedAt: at,
	}
}

func TestCommitAndRead(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		ctx := t.Context()
		_, b := newBot(t, s, "a")
		_, err := s.Checkpoint(ctx, "a", b.ID)
		wantCode(t, err, errs.NotFound, "checkpoint_not_found")
		e := journal.Entry{
			TenantID: "a", BotID: b.ID, Epoch: own(t, s, "a", b.ID),
			Orders: []journal.Order{order("o1", 1, journal.Open, start()), order("o2", 2, journal.Submitted, start())},
			Fills: []journal.Fill{{
				Pair:     "ETHMYR",
				Sequence: 7, ClientID: "o1", Side: "buy", Price: dec("250000.5"), Volume: dec("0.04"), Value: dec("10000.02"),
				FeeCounter: dec("10.00002"), FeeBase: dec("0"), Profit: dec("-1.5"), Maker: true, Time: start(),
			}},
			Decisions: []journal.Decision{{Number: 3, Kind: "buy", Text: "fast 'crossed' above; slow\x00 \xff?", Time: start()}},
			Equity:    []journal.EquityPoint{{Time: start(), Equity: dec("10000"), Position: dec("0.04"), Price: dec("250000")}},
			Checkpoint: &journal.Checkpoint{
				Run: 1, Sequence: 9, MarketTime: start(), State: json.RawMessage(`{"a": "it's \u0000 {?}"}`),
				Summary: journal.Summary{Equity: dec("10000.00000001"), LastDecision: "bought"},
			},
		}
		commit(t, s, e)
		for i := range e.Orders {
			e.Orders[i].BotID = b.ID
		}
		e.Fills[0].BotID, e.Decisions[0].BotID, e.Equity[0].BotID, e.Checkpoint.BotID = b.ID, b.ID, b.ID, b.ID
		e.Decisions[0].Text = "fast 'crossed' above; slow \uFFFD?"

		orders, err := s.Orders(ctx, "a", b.ID, page.Page{})
		if err != nil {
			t.Fatal(err)
		}
		same(t, "orders", orders, []journal.Order{e.Orders[1], e.Orders[0]})
		fills, err := s.Fills(ctx, "a", b.ID, page.Page{})
		if err != nil {
			t.Fatal(err)
		}
		same(t, "fills", fills, e.Fills)
		decisions, err := s.Decisions(ctx, "a", b.ID, page.Page{})
		if err != nil {
			t.Fatal(err)
		}
		same(t, "decisions", decisions, e.Decisions)
		equity, err := s.Equity(ctx, "a", b.ID, journal.EquityQuery{})
		if err != nil {
			t.Fatal(err)
		}
		same(t, "equity", equity, e.Equity)
		cp, err := s.Checkpoint(ctx, "a", b.ID)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "checkpoint", cp, e.Checkpoint)
		sums, err := s.Summaries(ctx, "a", b.ID, "nobody")
		if err != nil {
			t.Fatal(err)
		}
		same(t, "summaries", sums, map[string]journal.Summary{b.ID: e.Checkpoint.Summary})
		marks, err := s.Marks(ctx, "a", b.ID)
		if err != nil || marks != (journal.Marks{Order: 2, Fill: 7, Decision: 3}) {
			t.Errorf("marks = %+v, %v", marks, err)
		}
		_, err = s.Fills(ctx, "a", b.ID, page.Page{After: "x"})
		wantCode(t, err, errs.Malformed, "bad_page")
		before, err := s.Orders(ctx, "a", b.ID, page.Page{After: "2"})
		if err != nil || len(before) != 1 || before[0].Number != 1 {
			t.Errorf("after order 2: %v, %v", before, err)
		}
	})
}

// proves T7: fills are applied once, and orders move only forward.
func TestRepeatsChangeNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		ctx := t.Context()
		_, b := newBot(t, s, "a")
		epoch := own(t, s, "a", b.ID)
		entry := func(e journal.Entry) journal.Entry { e.TenantID, e.BotID, e.Epoch = "a", b.ID, epoch; return e }
		later := start().Add(time.Second)
		fill := journal.Fill{Sequence: 1, ClientID: "o1", Volume: dec("0.1"), Time: start()}
		other := fill
		other.Volume = dec("9")
		commit(t, s,
			entry(journal.Entry{
				Orders:    []journal.Order{order("o1", 1, journal.Submitted, start()), order("o1", 1, journal.Open, start())},
				Fills:     []journal.Fill{fill, other},
				Decisions: []journal.Decision{{Number: 1, Text: "first", Time: start()}, {Number: 1, Text: "again", Time: start()}},
				Equity:    []journal.EquityPoint{{Time: start(), Equity: dec("1")}, {Time: start(), Equity: dec("2")}},
			}),
			entry(journal.Entry{Checkpoint: &journal.Checkpoint{Run: 1, Sequence: 5, State: []byte(`5`)}}),
			entry(journal.Entry{Checkpoint: &journal.Checkpoint{Run: 1, Sequence: 4, State: []byte(`4`)}}),
		)
		commit(t, s, entry(journal.Entry{
			Orders: []journal.Order{order("o1", 1, journal.Filled, later)}, Fills: []journal.Fill{other},
			Decisions: []journal.Decision{{Number: 1, Text: "again", Time: start()}},
			Equity:    []journal.EquityPoint{{Time: start(), Equity: dec("3")}},
		}))
		for _, late := range []journal.OrderState{journal.Submitted, journal.Open, journal.Cancelled, journal.Filled} {
			o := order("o1", 1, late, later.Add(time.Minute))
			o.Reason = "late"
			commit(t, s, entry(journal.Entry{
				Orders: []journal.Order{o}, Checkpoint: &journal.Checkpoint{Run: 1, Sequence: 3, State: []byte(`3`)},
			}))
		}
		orders, err := s.Orders(ctx, "a", b.ID, page.Page{})
		if err != nil || len(orders) != 1 || orders[0].State != journal.Filled || orders[0].Reason != "filled" {
			t.Errorf("orders = %+v, %v", orders, err)
		}
		fills, err := s.Fills(ctx, "a", b.ID, page.Page{})
		if err != nil || len(fills) != 1 || !fills[0].Volume.Equal(fill.Volume) {
			t.Errorf("fills = %+v, %v", fills, err)
		}
		decisions, err := s.Decisions(ctx, "a", b.ID, page.Page{})
		if err != nil || len(decisions) != 1 || decisions[0].Text != "first" {
			t.Errorf("decisions = %+v, %v", decisions, err)
		}
		equity, err := s.Equity(ctx, "a", b.ID, journal.EquityQuery{})
		if err != nil || len(equity) != 1 || equity[0].Equity.String() != "3" {
			t.Errorf("equity = %+v, %v", equity, err)
		}
		cp, err := s.Checkpoint(ctx, "a", b.ID)
		if err != nil || cp.Sequence != 5 || string(cp.State) != "5" {
			t.Errorf("checkpoint = %+v, %v", cp, err)
		}
	})
}

// The statement that stores an order agrees with journal.Order.Supersedes for
// every pair of states and times.
func TestOrdersMoveAsTheRuleSays(t *testing.T) {
	t.Parallel()
	states := []journal.OrderState{
		journal.Denied, journal.Submitted, journal.Unknown, journal.Open, journal.PartiallyFilled,
		journal.Filled, journal.Cancelled, journal.Rejected, journal.Expired,
	}
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		_, b := newBot(t, s, "a")
		first := journal.Entry{TenantID: "a", BotID: b.ID, Epoch: own(t, s, "a", b.ID)}
		second := first
		want := map[string]journal.OrderState{}
		n := int64(0)
		for _, from := range states {
			for _, to := range states {
				for _, shift := range []time.Duration{-time.Second, 0, time.Second} {
					n++
					name := fmt.Sprintf("%s-%s%s", from, to, shift)
					a, z := order(name, n, from, start()), order(name, n, to, start().Add(shift))
					first.Orders, second.Orders = append(first.Orders, a), append(second.Orders, z)
					if want[name] = from; z.Supersedes(a) {
						want[name] = to
					}
				}
			}
		}
		commit(t, s, first)
		commit(t, s, second)
		open := 0
		orders, err := s.Orders(t.Context(), "a", b.ID, page.Page{Limit: 500})
		if err != nil || len(orders) != len(want) {
			t.Fatalf("%d orders, %v; want %d", len(orders), err, len(want))
		}
		for _, o := range orders {
			if o.State != want[o.ClientID] {
				t.Errorf("%s ended as %s, want %s", o.ClientID, o.State, want[o.ClientID])
			}
			if !o.State.Final() {
				open++
			}
		}
		list, err := s.OpenOrders(t.Context(), "a", b.ID)
		if err != nil || len(list) != open {
			t.Errorf("%d open orders, %v; want %d", len(list), err, open)
		}
		for i := 1; i < len(list); i++ {
			if list[i].Number <= list[i-1].Number {
				t.Fatal("open orders are not oldest first")
			}
		}
	})
}

// proves N1, N2, N3: decimals come back with every digit.
func TestDecimalsAreExact(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		ctx := t.Context()
		_, b := newBot(t, s, "a")
		epoch := own(t, s, "a", b.ID)
		digits := rapid.StringMatching(`-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?`)
		seq := int64(0)
		rapid.Check(t, func(rt *rapid.T) {
			d := func(name string) decimal.Decimal { return dec(digits.Draw(rt, name)) }
			seq++
			at := start().Add(time.Duration(seq) * time.Second)
			f := journal.Fill{
				Sequence: seq, Price: d("price"), Volume: d("volume"), Value: d("value"),
				FeeCounter: d("fee counter"), FeeBase: d("fee base"), Profit: d("profit"), Time: at,
			}
			o := order(fmt.Sprint(seq), seq, journal.Open, at)
			o.Price, o.Volume, o.Value, o.Filled, o.FilledValue, o.Fee = d("p"), d("v"), d("w"), d("f"), d("fv"), d("fee")
			p := journal.EquityPoint{Time: at, Equity: d("equity"), Position: d("position"), Price: d("at")}
			sum := journal.Summary{Equity: d("equity"), Cash: d("cash"), MaxDrawdown: d("drawdown")}
			err := s.Commit(ctx, journal.Entry{
				TenantID: "a", BotID: b.ID, Epoch: epoch, Fills: []journal.Fill{f}, Orders: []journal.Order{o}, Equity: []journal.EquityPoint{p},
				Checkpoint: &journal.Checkpoint{Sequence: seq, State: []byte(`{}`), Summary: sum},
			})
			if err != nil {
				rt.Fatal(err)
			}
			fills, err := s.Fills(ctx, "a", b.ID, page.Page{Limit: 1})
			if err != nil {
				rt.Fatal(err)
			}
			orders, err := s.Orders(ctx, "a", b.ID, page.Page{Limit: 1})
			if err != nil {
				rt.Fatal(err)
			}
			equity, err := s.Equity(ctx, "a", b.ID, journal.EquityQuery{From: at, To: at.Add(time.Microsecond)})
			if err != nil || len(equity) != 1 {
				rt.Fatal(equity, err)
			}
			sums, err := s.Summaries(ctx, "a", b.ID)
			if err != nil {
				rt.Fatal(err)
			}
			fg, og, eg, sg := fills[0], orders[0], equity[0], sums[b.ID]
			for _, c := range [][2]decimal.Decimal{
				{fg.Price, f.Price}, {fg.Volume, f.Volume}, {fg.Value, f.Value}, {fg.FeeCounter, f.FeeCounter}, {fg.FeeBase, f.FeeBase},
				{fg.Profit, f.Profit}, {og.Price, o.Price}, {og.Volume, o.Volume}, {og.Value, o.Value}, {og.Filled, o.Filled},
				{og.FilledValue, o.FilledValue}, {og.Fee, o.Fee}, {eg.Equity, p.Equity}, {eg.Position, p.Position}, {eg.Price, p.Price},
				{sg.Equity, sum.Equity}, {sg.Cash, sum.Cash}, {sg.MaxDrawdown, sum.MaxDrawdown},
			} {
				if !c[0].Equal(c[1]) {
					rt.Fatalf("%s came back as %s", c[1], c[0])
				}
			}
		})
	})
}

// proves T5: one stale epoch fails the whole commit, and nothing of it stays.
func TestCommitIsFenced(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, s *saasdb.Store) {
		ctx := t.Context()
		_, mine := newBot(t, s, "a")
		_, lost := newBot(t, s, "b")
		e1, e2 := own(t, s, "a", mine.ID), own(t, s, "b", lost.ID)
		entry := func(tenant, bot string, epoch int64) journal.Entry {
			return journal.Entry{TenantID: tenant, BotID: bot, Epoch: epoch, Decisions: []journal.Decision{{Number: 1, Time: start()}}}
		}
		for name, entries := range map[string][]journal.Entry{
			"older":     {entry("a", mine.ID, e1), entry("b", lost.ID, e2-1)},
			"newer":     {entry("a", mine.ID, e1), entry("b", lost.ID, e2+1)},
			"no lease":  {entry("a", mine.ID, e1), entry("b", "nobody", 1)},
			"epoch 0":   {entry("b", "nobody", 0)},
			"two views": {entry("a", mine.ID, e1), entry("a", mine.ID, e1-1)},
		} {
			err := s.Commit(ctx, entries...)
			if errs.KindOf(err) != errs.Conflict || errs.CodeOf(err) != "lease_lost" {
				t.Errorf("%s: %v", name, err)
			}
		}
		h := lease.Holder{Name: "worker", Incarnation: 2}
		err := s.ReleaseLeases(ctx, h, []lease.Lease{{Resource: lease.Resource{Kind: lease.Bots, TenantID: "b", ID: lost.ID}, Epoch: e2}})
		if err != nil {
			t.Fatal(err)
		}
		wantCode(t, s.Commit(ctx, entry("b", lost.ID, e2)), errs.Conflict, "lease_lost")
		got, err := s.Decisions(ctx, "a", mine.ID, page.Page{})
		if err != nil || len(got) != 0 {
			t.Fatalf("%d decisions of a refused commit stayed, %v", len(got), err)
		}
		err = d.Tx(ctx, "a", func(ctx context.Context) error { return s.Commit(ctx, entry("a", mine.ID, e1)) })
		if err != nil {
			t.Fatalf("a commit inside a transaction of the tenant: %v", err)
		}
		if err := s.Commit(ctx); err != nil {
			t.Errorf("a commit of nothing: %v", err)
		}
	})
}

func TestEquityIsThinned(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		ctx := t.Context()
		_, b := newBot(t, s, "a")
		e := journal.Entry{TenantID: "a", BotID: b.ID, Epoch: own(t, s, "a", b.ID)}
		hour := start().Truncate(time.Hour)
		for i := range 180 {
			e.Equity = append(e.Equity, journal.EquityPoint{Time: hour.Add(time.Duration(i) * time.Minute), Equity: decimal.NewFromInt(int64(i))})
			e.Decisions = append(e.Decisions, journal.Decision{Number: int64(i + 1), Text: strings.Repeat("x", i), Time: start()})
		}
		commit(t, s, e)
		for _, points := range []int{1, 2, 3, 7, 179, 180, 181, 0} {
			got, err := s.Equity(ctx, "a", b.ID, journal.EquityQuery{Points: points})
			want := min(points, 180)
			if points == 0 {
				want = 180
			}
			if err != nil || len(got) != want {
				t.Fatalf("asked for %d points, got %d, %v", points, len(got), err)
			}
			if want > 1 && (got[0].Equity.String() != "0" || got[want-1].Equity.String() != "179") {
				t.Errorf("%d points from %s to %s, want first and last", points, got[0].Equity, got[want-1].Equity)
			}
		}
		part, err := s.Equity(ctx, "a", b.ID, journal.EquityQuery{From: hour.Add(10 * time.Minute), To: hour.Add(20 * time.Minute)})
		if err != nil || len(part) != 10 || part[0].Equity.String() != "10" {
			t.Errorf("ten minutes have %d points, %v", len(part), err)
		}
		gone, err := s.Prune(ctx, "a", b.ID, 10, hour.Add(150*time.Minute))
		if err != nil || gone != 170+59+59+29 {
			t.Errorf("pruned %d, %v; want %d", gone, err, 170+59+59+29)
		}
		got, err := s.Equity(ctx, "a", b.ID, journal.EquityQuery{})
		if err != nil || len(got) != 33 || got[0].Equity.String() != "59" || got[1].Equity.String() != "119" || got[2].Equity.String() != "149" {
			t.Errorf("%d points stayed, %v", len(got), err)
		}
		left, err := s.Decisions(ctx, "a", b.ID, page.Page{})
		if err != nil || len(left) != 10 || left[9].Number != 171 {
			t.Errorf("%d decisions stayed, %v", len(left), err)
		}
		if again, err := s.Prune(ctx, "a", b.ID, 10, hour.Add(150*time.Minute)); err != nil || again != 0 {
			t.Errorf("a second pruning took %d, %v", again, err)
		}
	})
}
