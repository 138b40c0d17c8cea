package saasdb_test

import (
	"errors"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/saas/saasdb"
)

func liveOrder(botID string, number int64, state journal.OrderState) journal.LiveOrder {
	o := journal.LiveOrder{
		Order: order("lb.i."+botID+".1.1", number, state, start()), Account: "acc", Pair: "XBTMYR", Epoch: 1, Urgent: true, VenueID: "BX1",
		Told: dec("0.1"), FeeBase: dec("0.000000000000000001"), Floor: 7, ValidUntil: start().Add(time.Second), CancelAsked: start(),
	}
	o.BotID, o.Filled = botID, dec("0.04")
	return o
}

// commitLive writes one entry and returns why it was refused, or why it failed.
func commitLive(t *testing.T, s *saasdb.Store, e journal.LiveEntry) error {
	t.Helper()
	refused, err := s.CommitLive(t.Context(), e)
	if err != nil {
		return err
	}
	return refused[0]
}

func TestLiveCommitAndRead(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		ctx := t.Context()
		_, b := newBot(t, s, "a")
		_, _, err := s.LastCheck(ctx, "a", b.ID)
		wantCode(t, err, errs.NotFound, "check_not_found")
		done := liveOrder(b.ID, 2, journal.Rejected)
		done.Told = done.Filled
		e := journal.LiveEntry{
			TenantID: "a", BotID: b.ID, Epoch: own(t, s, "a", b.ID),
			Orders: []journal.LiveOrder{liveOrder(b.ID, 1, journal.PartiallyFilled), done},
			Transitions: []journal.Transition{
				{Order: 1, Event: 1, To: journal.Submitted, Cause: "intent\x00", At: start()},
				{Order: 1, Event: 3, From: journal.Submitted, To: journal.PartiallyFilled, Cause: "fill", At: start()},
			},
			Fills: []journal.LiveFill{{Order: 1, Pair: "XBTMYR", Event: 2, Fill: journal.Fill{
				BotID: b.ID, Sequence: 9, ClientID: "x", Side: "buy", Price: dec("250000.5"), Volume: dec("0.04"), Value: dec("10000.02"),
				FeeCounter: dec("10.00002"), FeeBase: dec("0.0000000001"), Maker: true, Time: start(),
			}}},
			Books: []journal.Book{{
				BotID: b.ID, Account: "acc", Pair: "XBTMYR", BaseCurrency: "XBT", CounterCurrency: "MYR", GivenCounter: dec("10000"), Base: dec("0.0399999999"),
				Counter: dec("-10.02002"), Mark: 9,
			}},
			Foreign: []journal.ForeignOrder{{BotID: b.ID, Pair: "XBTMYR", VenueID: "BX9", Side: "sell", Price: dec("1"), Volume: dec("2"), FoundAt: start()}},
			Check: &journal.Check{BotID: b.ID, Account: "acc", At: start(), Open: 1, Paused: "because", Differences: []journal.Difference{{
				Kind: journal.BalanceShort, Subject: "MYR", Text: "short", Since: start(), Confirmed: true,
			}}},
		}
		if err := commitLive(t, s, e); err != nil {
			t.Fatal(err)
		}
		e.Transitions[0].Cause = "intent"
		st, err := s.LiveState(ctx, "a", b.ID)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "state", st, journal.LiveState{
			Orders: e.Orders[:1], Fills: e.Fills, Books: e.Books, Foreign: e.Foreign, Check: *e.Check, LastEvent: 3, LastNumber: 2, FirstNumber: 1,
		})
		if st.Check.Paused != "because" || !st.Check.At.Equal(start()) || st.Check.Account != "acc" {
			t.Errorf("the check is %+v", st.Check)
		}
		o, err := s.LiveOrder(ctx, "a", b.ID, 2)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "order", o, done)
		_, err = s.LiveOrder(ctx, "a", b.ID, 3)
		wantCode(t, err, errs.NotFound, "order_not_found")
		orders, err := s.LiveOrders(ctx, "a", b.ID, page.Page{After: "2"})
		if err != nil {
			t.Fatal(err)
		}
		same(t, "orders", orders, e.Orders[:1])
		history, err := s.LiveHistory(ctx, "a", b.ID, 1)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "history", history, e.Transitions)
		fills, err := s.LiveFills(ctx, "a", b.ID, 1)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "fills", fills, e.Fills)
		if fills, err := s.LiveFills(ctx, "a", b.ID, 2); err != nil || len(fills) != 0 {
			t.Errorf("another order has the fills %+v, %v", fills, err)
		}
		events, err := s.LiveEvents(ctx, "a", b.ID, 1, 10)
		if err != nil || len(events) != 2 {
			t.Fatalf("events %+v, %v", events, err)
		}
		same(t, "events", events, []journal.LiveEvent{{Event: 2, Fill: &e.Fills[0]}, {Event: 3, Transition: &e.Transitions[1]}})
		books, err := s.AccountBooks(ctx, "a", "acc")
		if err != nil {
			t.Fatal(err)
		}
		same(t, "books", books, e.Books)
		owned, err := s.OwnedOrders(ctx, "a", "acc", []string{"BX1", "BX9"})
		if err != nil {
			t.Fatal(err)
		}
		same(t, "owned orders", owned, e.Orders)
	})
}

// proves T5: what a worker writes under a lease that it has lost is left out, and
// the others' work of the same transaction stands.
func TestLiveCommitIsFenced(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		_, mine := newBot(t, s, "a")
		_, lost := newBot(t, s, "b")
		_, free := newBot(t, s, "b")
		entry := func(tenant, bot string, epoch int64) journal.LiveEntry {
			return journal.LiveEntry{
				TenantID: tenant, BotID: bot, Epoch: epoch, Orders: []journal.LiveOrder{liveOrder(bot, 1, journal.Submitted)},
				Transitions: []journal.Transition{{Order: 1, Event: 1, To: journal.Submitted, At: start()}},
			}
		}
		old := own(t, s, "b", lost.ID)
		own(t, s, "b", lost.ID)
		refused, err := s.CommitLive(t.Context(), entry("b", lost.ID, old), entry("a", mine.ID, own(t, s, "a", mine.ID)), entry("b", free.ID, 0))
		if err != nil || !errors.Is(refused[0], lease.ErrLost) || refused[1] != nil || !errors.Is(refused[2], lease.ErrLost) {
			t.Fatal(refused, err)
		}
		for _, c := range []struct {
			tenant, bot string
			orders      int
		}{{"a", mine.ID, 1}, {"b", lost.ID, 0}, {"b", free.ID, 0}, {"b", mine.ID, 0}} {
			if st, err := s.LiveState(t.Context(), c.tenant, c.bot); err != nil || len(st.Orders) != c.orders {
				t.Errorf("bot %s of tenant %s has %d orders, %v; want %d", c.bot, c.tenant, len(st.Orders), err, c.orders)
			}
		}
	})
}

// proves T1, T7: a number stands for one order, an order moves only forward, and a
// fill is there once; who does not know so is told, and changes nothing.
func TestLiveCommitRefusesThePast(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		_, b := newBot(t, s, "a")
		epoch := own(t, s, "a", b.ID)
		fill := journal.LiveFill{Order: 1, Event: 2, Pair: "XBTMYR", Fill: journal.Fill{Sequence: 5, Volume: dec("1"), Time: start()}}
		base := journal.LiveEntry{
			TenantID: "a", BotID: b.ID, Epoch: epoch, Orders: []journal.LiveOrder{liveOrder(b.ID, 1, journal.PartiallyFilled)},
			Transitions: []journal.Transition{{Order: 1, Event: 1, At: start()}}, Fills: []journal.LiveFill{fill},
		}
		if err := commitLive(t, s, base); err != nil {
			t.Fatal(err)
		}
		other := liveOrder(b.ID, 1, journal.PartiallyFilled)
		other.ClientID = "another"
		again := fill
		again.Event = 9
		for name, e := range map[string]journal.LiveEntry{
			"backwards":     {Orders: []journal.LiveOrder{liveOrder(b.ID, 1, journal.Open)}},
			"another order": {Orders: []journal.LiveOrder{other}},
			"an intent again": {
				Orders: []journal.LiveOrder{liveOrder(b.ID, 1, journal.Submitted)}, Transitions: []journal.Transition{{Order: 1, Event: 7, To: journal.Submitted, At: start()}},
			},
			"an intent as the same event": {
				Orders: []journal.LiveOrder{liveOrder(b.ID, 2, journal.Submitted)}, Transitions: []journal.Transition{{Order: 2, Event: 1, To: journal.Submitted, At: start()}},
			},
			"the same event":   {Transitions: []journal.Transition{{Order: 1, Event: 1, At: start()}}},
			"the same fill":    {Fills: []journal.LiveFill{again}},
			"with something":   {Orders: []journal.LiveOrder{liveOrder(b.ID, 2, journal.Submitted)}, Fills: []journal.LiveFill{again}},
			"the fill's event": {Fills: []journal.LiveFill{{Order: 1, Event: 2, Fill: journal.Fill{Sequence: 6, Time: start()}}}},
		} {
			e.TenantID, e.BotID, e.Epoch = "a", b.ID, epoch
			if err := commitLive(t, s, e); errs.CodeOf(err) != "journal_behind" || errs.KindOf(err) != errs.Conflict {
				t.Errorf("%s: %v", name, err)
			}
		}
		st, err := s.LiveState(t.Context(), "a", b.ID)
		if err != nil || len(st.Orders) != 1 || st.Orders[0].State != journal.PartiallyFilled || len(st.Fills) != 1 || st.LastEvent != 2 || st.LastNumber != 1 {
			t.Errorf("%+v, %v", st, err)
		}
		for _, state := range []journal.OrderState{journal.Cancelled, journal.Cancelled} { // once over, its fills may still come
			if err := commitLive(t, s, journal.LiveEntry{TenantID: "a", BotID: b.ID, Epoch: epoch, Orders: []journal.LiveOrder{liveOrder(b.ID, 1, state)}}); err != nil {
				t.Error(err)
			}
		}
		filled := journal.LiveEntry{TenantID: "a", BotID: b.ID, Epoch: epoch, Orders: []journal.LiveOrder{liveOrder(b.ID, 1, journal.Filled)}}
		if err := commitLive(t, s, filled); errs.CodeOf(err) != "journal_behind" {
			t.Errorf("out of a final state: %v", err)
		}
	})
}

func TestForeignOrdersAreDecidedOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		ctx := t.Context()
		_, b := newBot(t, s, "a")
		epoch := own(t, s, "a", b.ID)
		f := journal.ForeignOrder{BotID: b.ID, Pair: "XBTMYR", VenueID: "BX9", FoundAt: start()}
		put := func() {
			t.Helper()
			check := journal.Check{BotID: b.ID, At: start()}
			if err := commitLive(t, s, journal.LiveEntry{TenantID: "a", BotID: b.ID, Epoch: epoch, Foreign: []journal.ForeignOrder{f}, Check: &check}); err != nil {
				t.Fatal(err)
			}
		}
		decide := func(tenant string) error {
			return s.DecideForeign(ctx, tenant, b.ID, "XBTMYR", "BX9", journal.Claim, "ada", start())
		}
		wantCode(t, decide("a"), errs.NotFound, "foreign_order_not_found")
		put()
		wantCode(t, decide("b"), errs.NotFound, "foreign_order_not_found") // another tenant's
		if err := decide("a"); err != nil {
			t.Fatal(err)
		}
		put() // the executor, which has not read it yet
		_, list, err := s.LastCheck(ctx, "a", b.ID)
		if err != nil || len(list) != 1 || list[0].Decision != journal.Claim || list[0].DecidedBy != "ada" || !list[0].DecidedAt.Equal(start()) {
			t.Errorf("%+v, %v", list, err)
		}
		f.Over = true
		put()
		wantCode(t, decide("a"), errs.NotFound, "foreign_order_not_found")
		if _, list, err := s.LastCheck(ctx, "a", b.ID); err != nil || len(list) != 0 {
			t.Errorf("%+v, %v", list, err)
		}
	})
}

// proves P12: another tenant has no claim on an account, sees no stake and ends no
// books.
func TestLiveBotsOfAnotherTenant(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		ctx := t.Context()
		c, b := newBot(t, s, "a")
		newBot(t, s, "b")
		book := journal.Book{BotID: b.ID, Account: c.AccountID, Pair: "XBTMYR", BaseCurrency: "XBT", CounterCurrency: "MYR", Base: dec("2"), Counter: dec("5")}
		e := journal.LiveEntry{
			TenantID: "a", BotID: b.ID, Epoch: own(t, s, "a", b.ID), Books: []journal.Book{book}, Orders: []journal.LiveOrder{liveOrder(b.ID, 1, journal.Open)},
			Check: &journal.Check{BotID: b.ID, Account: c.AccountID, At: start(), Paused: "because"},
		}
		if err := commitLive(t, s, e); err != nil {
			t.Fatal(err)
		}
		_, err := s.PaperRun(ctx, "b", b.ID, start(), start())
		wantCode(t, err, errs.NotFound, "bot_not_found")
		wantCode(t, s.AskResume(ctx, "b", b.ID, "x", start()), errs.Conflict, "not_paused")
		if err := s.CloseBooks(ctx, "b", b.ID); err != nil {
			t.Fatal(err)
		}
		for tenant, all := range map[string]int{"a": 1, "b": 0} {
			stake, err := s.Stake(ctx, tenant, b.ID)
			if err != nil || len(stake.Unsettled) != all || len(stake.Held) != all {
				t.Errorf("%s has at stake %+v, %v", tenant, stake, err)
			}
		}
		claims, err := s.Claims(ctx, "a", c.AccountID, "MYR", start())
		if err != nil || len(claims) != 1 || !claims[0].Amount.Equal(dec("5")) || claims[0].BotID != b.ID {
			t.Errorf("the claims are %+v, %v", claims, err)
		}
		if claims, err = s.Claims(ctx, "b", c.AccountID, "XBT", start()); err != nil || len(claims) != 1 || claims[0].BotID == b.ID {
			t.Errorf("the other tenant's claims on its account of that id are %+v, %v", claims, err)
		}
		if names, err := s.AccountBots(ctx, "b", "elsewhere"); err != nil || len(names) != 0 {
			t.Errorf("an account that nobody has is traded on by %v, %v", names, err)
		}
		if err := s.CloseBooks(ctx, "a", b.ID); err != nil {
			t.Fatal(err)
		}
		_, _, err = s.LastCheck(ctx, "a", b.ID)
		wantCode(t, err, errs.NotFound, "check_not_found")
		if stake, err := s.Stake(ctx, "a", b.ID); err != nil || len(stake.Unsettled) != 1 || len(stake.Held) != 0 {
			t.Errorf("once its books are closed there is at stake %+v, %v", stake, err)
		}
	})
}

// What a bot spent by books of before is nobody's to spend again, though it has books of now:
// those began with what they were given.
func TestClaimsTellBooksApart(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		c, b := newBot(t, s, "a")
		epoch := own(t, s, "a", b.ID)
		number := int64(0)
		trade := func(book journal.Book, side, volume, value string) journal.Book {
			t.Helper()
			number++
			o := liveOrder(b.ID, number, journal.Filled)
			o.Account, o.ClientID, o.VenueID = c.AccountID, id(), id()
			f := journal.LiveFill{Order: number, Event: number, Pair: "XBTMYR", Fill: journal.Fill{
				BotID: b.ID, Sequence: number, Side: side, Volume: dec(volume), Value: dec(value), Time: start().Add(time.Duration(number) * time.Second),
			}}
			book = book.Take(f)
			e := journal.LiveEntry{
				TenantID: "a", BotID: b.ID, Epoch: epoch, Orders: []journal.LiveOrder{o}, Fills: []journal.LiveFill{f}, Books: []journal.Book{book},
				Transitions: []journal.Transition{{Order: number, Event: number, To: journal.Filled, At: start()}},
			}
			if err := commitLive(t, s, e); err != nil {
				t.Fatal(err)
			}
			return book
		}
		claims := func(amount, spent, placed string) {
			t.Helper()
			got, err := s.Claims(t.Context(), "a", c.AccountID, "MYR", start())
			if err != nil || len(got) != 1 || !got[0].Amount.Equal(dec(amount)) || !got[0].Spent["XBTMYR"].Equal(dec(spent)) || !got[0].Placed["XBTMYR"].Equal(dec(placed)) {
				t.Errorf("the claims are %+v, %v; want %s, spent %s, placed %s", got, err, amount, spent, placed)
			}
		}
		given := func(counter string) journal.Book {
			return journal.Book{BotID: b.ID, Account: c.AccountID, Pair: "XBTMYR", BaseCurrency: "XBT", CounterCurrency: "MYR", GivenCounter: dec(counter), Counter: dec(counter)}
		}
		first := trade(given("1000"), "buy", "1", "500")
		trade(first, "buy", "0.2", "100")
		claims("1000", "0", "600")
		if err := s.CloseBooks(t.Context(), "a", b.ID); err != nil {
			t.Fatal(err)
		}
		claims(c.Balance.String(), "600", "0")
		second := trade(given("400"), "buy", "0.5", "250")
		claims("400", "600", "250")
		trade(second, "sell", "0.5", "260")
		claims("410", "600", "0") // all is there again
	})
}

// proves T6, T7: a foreign order is claimed by one bot only, whether that has claimed it or is
// to; another tenant's claim is its own matter. Found again after it was over, it is decided
// anew.
func TestForeignOrdersAreClaimedByOne(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		_, one := newBot(t, s, "a")
		_, two := newBot(t, s, "a")
		_, far := newBot(t, s, "b")
		epochs := map[string]int64{}
		put := func(tenant, id string, over bool, orders ...journal.LiveOrder) {
			t.Helper()
			if epochs[id] == 0 {
				epochs[id] = own(t, s, tenant, id)
			}
			f := journal.ForeignOrder{BotID: id, Pair: "XBTMYR", VenueID: "BX1", FoundAt: start(), Over: over}
			e := journal.LiveEntry{TenantID: tenant, BotID: id, Epoch: epochs[id], Orders: orders, Foreign: []journal.ForeignOrder{f}, Check: &journal.Check{BotID: id, At: start()}}
			if err := commitLive(t, s, e); err != nil {
				t.Fatal(err)
			}
		}
		decide := func(tenant, id string, d journal.ForeignDecision) error {
			return s.DecideForeign(t.Context(), tenant, id, "XBTMYR", "BX1", d, "ada", start())
		}
		put("a", one.ID, false)
		put("a", two.ID, false)
		put("b", far.ID, false)
		if err := errors.Join(decide("a", one.ID, journal.Claim), decide("a", one.ID, journal.Claim), decide("b", far.ID, journal.Claim)); err != nil {
			t.Fatal(err)
		}
		wantCode(t, decide("a", two.ID, journal.Claim), errs.Conflict, "foreign_order_claimed")
		if err := decide("a", two.ID, journal.Ignore); err != nil {
			t.Fatal(err)
		}
		claimed := liveOrder(one.ID, -1, journal.Open)
		claimed.VenueID = "BX1"
		put("a", one.ID, true, claimed)
		wantCode(t, decide("a", two.ID, journal.Claim), errs.Conflict, "foreign_order_claimed")
		_, list, err := s.LastCheck(t.Context(), "a", two.ID)
		if err != nil || len(list) != 1 || list[0].Decision != journal.Ignore {
			t.Errorf("%+v, %v", list, err)
		}
		claimed.State, claimed.Told = journal.Cancelled, claimed.Filled // it is written off
		put("a", one.ID, true, claimed)
		if err := decide("a", two.ID, journal.Claim); err != nil {
			t.Fatal(err)
		}
		put("a", one.ID, false) // and found
		_, list, err = s.LastCheck(t.Context(), "a", one.ID)
		if err != nil || len(list) != 1 || list[0].Decision != "" || list[0].DecidedBy != "" || !list[0].DecidedAt.IsZero() {
			t.Errorf("%+v, %v", list, err)
		}
	})
}
