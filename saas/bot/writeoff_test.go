package bot_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/tenancy"
)

// lost is a live bot "one" that is stopped, with three orders on account "acc" that are
// not settled, of which the newest reconciliation says something.
func (f *floor) lost(differences ...journal.Difference) bot.Bot {
	f.t.Helper()
	f.connect("tenant-1", "acc", "1000")
	one := f.create("one")
	f.must(f.goLive(one, "1000"))
	order := func(n int64, state journal.OrderState, filled, told string) journal.LiveOrder {
		return journal.LiveOrder{
			Order: journal.Order{
				ClientID: fmt.Sprint("c", n), Number: n, Side: "buy", Type: "limit", Price: dec("100"), Volume: dec("3"), State: state, Filled: dec(filled), CreatedAt: f.at, UpdatedAt: f.at,
			},
			Account: "acc", Pair: "XBTMYR", VenueID: fmt.Sprint("BX", n), Told: dec(told),
		}
	}
	f.live(journal.LiveEntry{
		BotID: one.ID, Books: []journal.Book{book(one.ID, "0.5", "10")},
		Orders: []journal.LiveOrder{
			order(1, journal.Open, "0", "0"), order(2, journal.Unknown, "0", "0"), order(3, journal.Cancelled, "1", "2"), order(4, journal.Filled, "3", "3"),
		},
		Transitions: []journal.Transition{{Order: 1, Event: 40, To: journal.Open, Cause: "of before", At: f.at}},
		Check:       &journal.Check{BotID: one.ID, Account: "acc", At: f.at, Differences: differences},
	})
	return one
}

func missing(at time.Time, numbers ...int) (list []journal.Difference) {
	for _, n := range numbers {
		list = append(list, journal.Difference{Kind: journal.OrderMissing, Subject: fmt.Sprint("c", n), Text: "it is not there", Since: at, Confirmed: true})
	}
	return list
}

// obstacle is the code of what stands first against writing off; "" if nothing does.
func (f *floor) obstacle(botID string) string {
	f.t.Helper()
	l, err := f.Leftover(f.t.Context(), f.who, botID)
	if err != nil {
		f.t.Fatal(err)
	}
	if len(l.Obstacles) == 0 {
		return ""
	}
	return l.Obstacles[0].Code
}

// What the exchange has forgotten is given up by an owner or administrator who types the
// bot's name: each order has the cause in its journal, the act is on record, whoever held
// the bot before writes no more, and bot and account are free.
func TestWriteOff(t *testing.T) {
	t.Parallel()
	eachFloor(t, func(f *floor) {
		ctx := f.t.Context()
		one := f.lost(missing(f.at, 1, 2, 3)...)
		in := bot.WriteOffInput{Confirm: "two", Version: 9}
		_, err := f.GoPaper(ctx, f.who, one.ID, 0)
		f.want(err, errs.Conflict, "orders_unsettled")
		_, err = f.WriteOff(ctx, f.who, one.ID, in)
		f.want(err, errs.Invalid, "invalid_input")
		in.Confirm = " one "
		_, err = f.WriteOff(ctx, f.who, one.ID, in)
		f.want(err, errs.Conflict, "bot_held")
		f.at = f.at.Add(2 * time.Hour) // its worker is gone
		_, err = f.WriteOff(ctx, f.who, one.ID, in)
		f.want(err, errs.Stale, "config_changed")
		if o, err := f.store.LiveOrder(ctx, "tenant-1", one.ID, 1); err != nil || o.State != journal.Open {
			f.t.Errorf("after a refusal an order is %+v, %v", o, err)
		}
		in.Version = 0
		l, err := f.Leftover(ctx, f.who, one.ID)
		if err != nil || len(l.Obstacles) != 0 || len(l.Orders) != 3 || l.Orders[2].VenueID != "BX3" || !l.Orders[2].Told.Equal(dec("2")) ||
			!strings.HasPrefix(l.Orders[0].Ground, "the exchange does not know it") || len(l.Held) != 1 || l.ComparedAt.IsZero() {
			f.t.Errorf("what is left is %+v, %v", l, err)
		}
		c := f.must(f.WriteOff(ctx, f.who, one.ID, in))
		if c.Mode != bot.Paper || c.AccountID != "" {
			f.t.Errorf("afterwards it is %+v", c)
		}
		for n, want := range map[int64]journal.OrderState{1: journal.Cancelled, 2: journal.Expired, 3: journal.Cancelled} {
			o, err := f.store.LiveOrder(ctx, "tenant-1", one.ID, n)
			if err != nil || o.State != want || !o.Settled() || !strings.Contains(o.Reason, "does not know it") {
				f.t.Errorf("order %d is %+v, %v", n, o, err)
			}
			history, err := f.store.LiveHistory(ctx, "tenant-1", one.ID, n)
			if err != nil || len(history) == 0 || history[len(history)-1].To != want || !strings.HasPrefix(history[len(history)-1].Cause, "written off: ") {
				f.t.Errorf("the history of order %d is %+v, %v", n, history, err)
			}
		}
		if o, err := f.store.LiveOrder(ctx, "tenant-1", one.ID, 4); err != nil || o.Reason != "" {
			f.t.Errorf("the order that was settled is %+v, %v", o, err)
		}
		data := f.data(bot.EventWrittenOff)
		if orders, ok := data["orders"].([]any); !ok || len(orders) != 3 || data["user_id"] != "user-1" || data["account_id"] != "acc" ||
			fmt.Sprint(data["left_there"]) != "[map[Amount:0.5 Currency:XBT Pair:XBTMYR]]" || !strings.Contains(fmt.Sprint(orders[0]), "does not know it") {
			f.t.Errorf("the event says %v", data)
		}
		late := journal.LiveEntry{TenantID: "tenant-1", BotID: one.ID, Epoch: f.epochs[one.ID], Books: []journal.Book{book(one.ID, "1", "1")}}
		if refused, err := f.store.CommitLive(ctx, late); err != nil || errs.CodeOf(refused[0]) != "lease_lost" { // proves T5
			f.t.Errorf("who held it before wrote: %v, %v", refused, err)
		}
		if names, err := f.store.AccountBots(ctx, "tenant-1", "acc"); err != nil || len(names) != 0 {
			f.t.Errorf("the account is used by %v, %v", names, err)
		}
		f.want(func() error { _, err := f.WriteOff(ctx, f.who, one.ID, in); return err }(), errs.Conflict, "bot_on_paper")
		f.must(f.goLive(one, "1000"))
		if got := f.obstacle(one.ID); got != "nothing_to_write_off" {
			f.t.Errorf("with nothing to give up the obstacle is %q", got)
		}
		f.must(f.GoPaper(ctx, f.who, one.ID, 0))
		if err := f.Delete(ctx, f.who, one.ID); err != nil {
			f.t.Error(err)
		}
	})
}

// An order that the exchange may know is not given up, only one that a reconciliation has
// missed for long enough, or of an account that cannot be asked any more.
func TestWriteOffNeedsAGround(t *testing.T) {
	t.Parallel()
	eachFloor(t, func(f *floor) {
		ctx := f.t.Context()
		fleeting := missing(f.at, 1, 2, 3)
		fleeting[2].Confirmed = false
		one := f.lost(fleeting...)
		is := func(want string) {
			f.t.Helper()
			if got := f.obstacle(one.ID); got != want {
				f.t.Errorf("the obstacle is %q, want %q", got, want)
			}
		}
		is("orders_known")
		_, err := f.WriteOff(ctx, f.who, one.ID, bot.WriteOffInput{Confirm: "one"})
		f.want(err, errs.Conflict, "orders_known")
		change := func(fn func(a *account.Account)) {
			f.t.Helper()
			a, err := f.store.Account(ctx, "tenant-1", "acc")
			if err == nil {
				a.State, a.UnreachedAt = account.Connected, time.Time{}
				fn(&a)
				err = f.store.UpdateAccount(ctx, "tenant-1", a)
			}
			if err != nil {
				f.t.Fatal(err)
			}
		}
		for state, obstacle := range map[account.State]string{account.Revoked: "", account.Refused: "orders_known"} { // one that is refused for its rights can ask
			change(func(a *account.Account) { a.State, a.Reason, a.CheckedAt = state, "it was deleted there", f.at })
			is(obstacle)
		}
		silent := f.at.Add(time.Minute)
		change(func(a *account.Account) { a.UnreachedAt = silent })
		f.at = f.at.Add(time.Hour)
		is("orders_known") // for less than an hour
		f.at = f.at.Add(time.Minute)
		is("")
		if l, err := f.Leftover(ctx, f.who, one.ID); err != nil || l.Orders[2].Ground != "the exchange has not answered since 1 March 2026 00:01 UTC" {
			f.t.Errorf("what is left is %+v, %v", l.Orders, err)
		}
		change(func(a *account.Account) { a.UnreachedAt = f.at.Add(-3 * time.Hour) })
		is("orders_known") // it was reached since
		change(func(a *account.Account) { a.UnreachedAt = silent })
		if _, err := f.Start(ctx, f.who, one.ID); err != nil {
			f.t.Fatal(err)
		}
		is("bot_running")
		_, err = f.WriteOff(ctx, f.who, one.ID, bot.WriteOffInput{Confirm: "one"})
		f.want(err, errs.Conflict, "bot_running")
		// Asked to stop, it waits for its exchange: that may be given up while a worker waits.
		if _, err := f.Stop(ctx, f.who, one.ID); err != nil {
			f.t.Fatal(err)
		}
		f.live(journal.LiveEntry{BotID: one.ID, Check: &journal.Check{BotID: one.ID, Account: "acc", At: f.at, Differences: missing(f.at, 1, 2, 3)}})
		is("")
		f.must(f.WriteOff(ctx, f.who, one.ID, bot.WriteOffInput{Confirm: "one"}))
		if b, err := f.Service.Bot(ctx, f.who, one.ID); err != nil || b.Status != bot.Stopped || b.Mode != bot.Paper {
			f.t.Errorf("it is %+v, %v", b, err)
		}
	})
}

// proves P12: nobody gives up orders but those who may decide about real money, of their
// own tenant.
func TestWhoWritesOff(t *testing.T) {
	t.Parallel()
	eachFloor(t, func(f *floor) {
		one := f.lost(missing(f.at, 1, 2, 3)...)
		f.at = f.at.Add(2 * time.Hour)
		for _, c := range []struct {
			who  tenancy.Principal
			kind errs.Kind
			code string
		}{
			{tenancy.Principal{UserID: "user-1", TenantID: "tenant-1", Role: tenancy.Viewer}, errs.Forbidden, "permission_denied"},
			{tenancy.Principal{UserID: "user-1", TenantID: "tenant-1", Role: tenancy.Trader}, errs.Forbidden, "permission_denied"},
			{tenancy.Principal{UserID: "user-2", TenantID: "tenant-2", Role: tenancy.Owner}, errs.NotFound, "bot_not_found"},
		} {
			_, err := f.Leftover(f.t.Context(), c.who, one.ID)
			f.want(err, c.kind, c.code)
			_, err = f.WriteOff(f.t.Context(), c.who, one.ID, bot.WriteOffInput{Confirm: "one"})
			f.want(err, c.kind, c.code)
		}
		admin := f.who
		admin.Role = tenancy.Admin
		f.must(f.WriteOff(f.t.Context(), admin, one.ID, bot.WriteOffInput{Confirm: "one"}))
	})
}
