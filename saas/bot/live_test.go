package bot_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/billing/billingtest"
	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/event"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/tenancy"
)

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func amount(s string) *decimal.Decimal {
	d := dec(s)
	return &d
}

// floor is a bench on an installation that trades at the prices of "luno", whose
// clock stands until it is moved.
type floor struct {
	*bench
	mu     sync.Mutex
	at     time.Time
	events []event.Event
	epochs map[string]int64
}

// Record implements event.Recorder.
func (f *floor) Record(_ context.Context, events ...event.Event) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, events...)
	return nil
}

func (f *floor) now() time.Time { return f.at }

func eachFloor(t *testing.T, fn func(f *floor)) {
	each(t, func(b *bench) {
		f := &floor{bench: b, at: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), epochs: map[string]int64{}}
		cfg := b.cfg
		cfg.LiveVenue, cfg.Now, cfg.Events = "luno", f.now, f
		var err error
		if b.Service, err = bot.NewService(cfg); err != nil {
			b.t.Fatal(err)
		}
		fn(f)
	})
}

// data is what the newest event of a type says.
func (f *floor) data(typ string) map[string]any {
	f.t.Helper()
	for _, e := range slices.Backward(f.events) {
		if e.Type == typ {
			var data map[string]any
			if err := json.Unmarshal(e.Data, &data); err != nil {
				f.t.Fatal(err)
			}
			return data
		}
	}
	f.t.Fatalf("no event %s", typ)
	return nil
}

// connect stores an account of a tenant that is connected and was seen to hold an
// amount of MYR.
func (f *floor) connect(tenantID, id, held string) account.Account {
	f.t.Helper()
	a := account.Account{
		ID: id, TenantID: tenantID, Name: "Main " + id, Venue: "luno", State: account.Connected, BalancesAt: f.at, CreatedAt: f.at, UpdatedAt: f.at,
		Balances: []account.Balance{
			{Currency: "MYR", Wallet: "10", Total: dec("77"), Free: dec("77")}, // no bot trades with that one
			{Currency: "MYR", Wallet: "9", Total: dec(held).Add(dec("0.5")), Free: dec(held)},
			{Currency: "XBT", Total: dec("7"), Free: dec("7")},
		},
	}
	if err := f.store.InsertAccount(f.t.Context(), tenantID, a, account.SealedKey{}); err != nil {
		f.t.Fatal(err)
	}
	return a
}

// epoch is that of a lease of the bot.
func (f *floor) epoch(botID string) int64 {
	f.t.Helper()
	if e, ok := f.epochs[botID]; ok {
		return e
	}
	ctx := f.t.Context()
	h, err := f.store.StartHolder(ctx, "worker "+botID)
	if err != nil {
		f.t.Fatal(err)
	}
	got, err := f.store.TakeLeases(ctx, lease.Take{
		Holder: h, Resources: []lease.Resource{{Kind: lease.Bots, TenantID: f.who.TenantID, ID: botID}}, Limit: 1, Now: f.at, Until: f.at.Add(time.Hour),
	})
	if err != nil || len(got) != 1 {
		f.t.Fatalf("leased %v, %v", got, err)
	}
	f.epochs[botID] = got[0].Epoch
	return got[0].Epoch
}

// ran writes points of a bot's equity at minutes after now.
func (f *floor) ran(botID string, minutes ...int) {
	f.t.Helper()
	e := journal.Entry{TenantID: f.who.TenantID, BotID: botID, Epoch: f.epoch(botID)}
	for _, m := range minutes {
		e.Equity = append(e.Equity, journal.EquityPoint{Time: f.at.Add(time.Duration(m) * time.Minute), Equity: dec("1000")})
	}
	if err := f.store.Commit(f.t.Context(), e); err != nil {
		f.t.Fatal(err)
	}
}

// live writes what a bot's execution left behind.
func (f *floor) live(e journal.LiveEntry) {
	f.t.Helper()
	e.TenantID, e.Epoch = f.who.TenantID, f.epoch(e.BotID)
	refused, err := f.store.CommitLive(f.t.Context(), e)
	if err := errors.Join(append(refused, err)...); err != nil {
		f.t.Fatal(err)
	}
}

// book is what a bot has on account "acc" in XBTMYR.
func book(botID, base, counter string) journal.Book {
	return journal.Book{BotID: botID, Account: "acc", Pair: "XBTMYR", BaseCurrency: "XBT", CounterCurrency: "MYR", Base: dec(base), Counter: dec(counter)}
}

// seen is the summary of going live with an input.
func (f *floor) seen(botID string, in bot.GoLiveInput) bot.LiveSummary {
	f.t.Helper()
	sum, err := f.Preview(f.t.Context(), f.who, botID, in)
	if err != nil {
		f.t.Fatal(err)
	}
	return sum
}

// goLive takes a bot live with an allocation, without a paper run.
func (f *floor) goLive(b bot.Bot, allocation string) (bot.Config, error) {
	return f.GoLive(f.t.Context(), f.who, b.ID, bot.GoLiveInput{AccountID: "acc", Balance: amount(allocation), Confirm: b.Name, Waive: true})
}

func (f *floor) must(c bot.Config, err error) bot.Config {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

// Bots stay on paper where prices are no exchange's, and where somebody asks who may
// not decide about money.
func TestWhoGoesLive(t *testing.T) {
	t.Parallel()
	each(t, func(b *bench) {
		made := b.create("one")
		_, err := b.Preview(b.t.Context(), b.who, made.ID, bot.GoLiveInput{})
		b.want(err, errs.Conflict, "live_not_offered")
		_, err = b.GoLive(b.t.Context(), b.who, made.ID, bot.GoLiveInput{Waive: true, Confirm: "one"})
		b.want(err, errs.Conflict, "live_not_offered")
	})
	eachFloor(t, func(f *floor) {
		ctx := f.t.Context()
		made := f.create("one")
		f.connect("tenant-1", "acc", "1000")
		f.connect("tenant-2", "theirs", "1000")
		in := bot.GoLiveInput{AccountID: "acc", Confirm: "one", Waive: true, Balance: amount("1000")}
		for _, role := range []tenancy.Role{tenancy.Viewer, tenancy.Trader} {
			who := f.who
			who.Role = role
			for _, do := range []func() error{
				func() error { _, err := f.Preview(ctx, who, made.ID, in); return err },
				func() error { _, err := f.GoLive(ctx, who, made.ID, in); return err },
				func() error { _, err := f.GoPaper(ctx, who, made.ID, 0); return err },
			} {
				f.want(do(), errs.Forbidden, "permission_denied")
			}
		}
		// proves P12
		stranger := tenancy.Principal{TenantID: "tenant-2", Role: tenancy.Owner}
		_, err := f.Preview(ctx, stranger, made.ID, in)
		f.want(err, errs.NotFound, "bot_not_found")
		_, err = f.GoLive(ctx, stranger, made.ID, in)
		f.want(err, errs.NotFound, "bot_not_found")
		_, err = f.GoPaper(ctx, stranger, made.ID, 0)
		f.want(err, errs.NotFound, "bot_not_found")
		in.AccountID = "theirs"
		_, err = f.GoLive(ctx, f.who, made.ID, in)
		f.want(err, errs.NotFound, "account_not_found")
	})
}

// A bot goes live with its name typed, and after a paper run or a waiver, which is on
// record.
func TestGoLive(t *testing.T) {
	t.Parallel()
	eachFloor(t, func(f *floor) {
		ctx := f.t.Context()
		made := f.create("one")
		f.connect("tenant-1", "acc", "1000")
		in := bot.GoLiveInput{AccountID: "acc", Confirm: "two", Balance: amount("1000.5"), Version: 7}
		sum := f.seen(made.ID, in)
		if len(sum.Obstacles) > 0 || sum.Proven || sum.Currency != "MYR" || sum.Held.String() != "1000.5" || sum.Free.String() != "1000.5" ||
			sum.Balance.String() != "1000.5" || sum.Account.Name != "Main acc" || sum.Fees != bot.PaperFees() {
			f.t.Errorf("the summary is %+v", sum)
		}
		_, err := f.GoLive(ctx, f.who, made.ID, in)
		f.want(err, errs.Invalid, "invalid_input")
		in.Confirm = " one "
		_, err = f.GoLive(ctx, f.who, made.ID, in)
		f.want(err, errs.Conflict, "paper_run_missing")
		in.Waive = true
		_, err = f.GoLive(ctx, f.who, made.ID, in)
		f.want(err, errs.Stale, "config_changed")
		in.Version = 1
		c := f.must(f.GoLive(ctx, f.who, made.ID, in))
		b, err := f.Bot(ctx, f.who, made.ID)
		if err != nil || c.Mode != bot.Live || c.AccountID != "acc" || c.Balance.String() != "1000.5" || c.Version != 2 ||
			b.Mode != bot.Live || b.AccountID != "acc" || b.Ledger != 1 || b.Desired {
			f.t.Errorf("it went live as %+v, %+v, %v", c, b, err)
		}
		data := f.data(bot.EventWentLive)
		if data["waived"] != true || data["user_id"] != "user-1" || data["account_id"] != "acc" || data["balance"] != "1000.5" || data["mode"] != "live" {
			f.t.Errorf("the event says %v", data)
		}
		in.Version = 0
		_, err = f.GoLive(ctx, f.who, made.ID, in)
		f.want(err, errs.Conflict, "bot_live")
		f.want(f.Delete(ctx, f.who, made.ID), errs.Conflict, "bot_live")
	})
}

// What stands against going live is told before, and refused.
func TestObstacles(t *testing.T) {
	t.Parallel()
	eachFloor(t, func(f *floor) {
		ctx := f.t.Context()
		made := f.create("one")
		a := f.connect("tenant-1", "acc", "1000")
		is := func(code string, in bot.GoLiveInput) {
			f.t.Helper()
			in.Confirm, in.Waive = "one", true
			sum := f.seen(made.ID, in)
			if len(sum.Obstacles) == 0 || sum.Obstacles[0].Code != code {
				f.t.Errorf("the obstacles are %v, want %s", sum.Obstacles, code)
			}
			if _, err := f.GoLive(ctx, f.who, made.ID, in); errs.CodeOf(err) != code {
				f.t.Errorf("going live gave %v, want %s", err, code)
			}
		}
		right := bot.GoLiveInput{AccountID: "acc", Balance: amount("10")}
		is("invalid_input", bot.GoLiveInput{Balance: amount("10")})
		is("invalid_input", bot.GoLiveInput{AccountID: "acc", Balance: amount("0")})
		is("invalid_input", bot.GoLiveInput{AccountID: "acc", Balance: amount("0.0000000001")})
		is("allocation_unavailable", bot.GoLiveInput{AccountID: "acc"}) // its 10,000 on paper
		for _, text := range []string{"-5", "0", "2000000000"} {        // says what the account holds nevertheless
			in := bot.GoLiveInput{AccountID: "acc", Balance: amount(text)}
			if sum := f.seen(made.ID, in); len(sum.Obstacles) != 1 || sum.Held.String() != "1000.5" || sum.Free.String() != "1000.5" {
				f.t.Errorf("with a balance of %s the summary is %+v", text, sum)
			}
		}
		change := func(fn func(a *account.Account)) {
			b := a
			fn(&b)
			if err := f.store.UpdateAccount(ctx, "tenant-1", b); err != nil {
				f.t.Fatal(err)
			}
		}
		change(func(a *account.Account) { a.State, a.Reason = account.Revoked, "it was deleted" })
		is("account_not_connected", right)
		change(func(a *account.Account) { a.Venue = "elsewhere" })
		is("account_elsewhere", right)
		change(func(a *account.Account) { a.BalancesAt = time.Time{} })
		is("balance_unknown", right)
		change(func(*account.Account) {})
		if _, err := f.Start(ctx, f.who, made.ID); err != nil {
			f.t.Fatal(err)
		}
		is("bot_running", right)
	})
}

// An allotment with which no order can be placed is refused with the least amount, going
// live and afterwards.
func TestTheLeastAllotment(t *testing.T) {
	t.Parallel()
	eachFloor(t, func(f *floor) {
		cfg := f.cfg
		cfg.LiveVenue, cfg.Now, cfg.Events = "luno", f.now, f
		cfg.Prices = func(_ context.Context, pairs []string) map[string]exchange.Ticks {
			return map[string]exchange.Ticks{pairs[0]: 250_000}
		}
		var err error
		if f.Service, err = bot.NewService(cfg); err != nil {
			f.t.Fatal(err)
		}
		one := f.create("one")
		f.connect("tenant-1", "acc", "1000")
		is := func(err error) {
			f.t.Helper()
			var e *errs.Error
			if !errors.As(err, &e) || len(e.Fields) != 1 || e.Fields[0].Path != "/balance" || !strings.HasPrefix(e.Fields[0].Reason, "must be at least 25 MYR") {
				f.t.Errorf("it gave %v", err)
			}
		}
		_, err = f.goLive(one, "24.999999")
		is(err)
		f.must(f.goLive(one, "25"))
		_, err = f.Update(f.t.Context(), f.who, one.ConfigID, bot.UpdateInput{Balance: amount("24")})
		is(err)
	})
}

// proves that a paper run counts in market time, while the bot runs, and in the
// present configuration at this exchange's prices only.
func TestPaperRun(t *testing.T) {
	t.Parallel()
	eachFloor(t, func(f *floor) {
		ctx := f.t.Context()
		made := f.create("one")
		f.connect("tenant-1", "acc", "1000")
		lasted := func(want time.Duration) {
			f.t.Helper()
			sum := f.seen(made.ID, bot.GoLiveInput{AccountID: "acc", Balance: amount("10")})
			if sum.Paper.Lasted != want || sum.Proven != (want >= time.Hour) {
				f.t.Errorf("it has run for %s (%v), want %s", sum.Paper.Lasted, sum.Proven, want)
			}
		}
		f.ran(made.ID, 0, 15, 30, 45, 60)
		lasted(0) // at the prices of who knows what: it was never started here
		start := func() {
			f.t.Helper()
			if _, err := f.Start(ctx, f.who, made.ID); err != nil {
				f.t.Fatal(err)
			}
			b, err := f.Bot(ctx, f.who, made.ID)
			if err == nil {
				_, err = f.Stop(ctx, f.who, made.ID)
			}
			if err == nil {
				err = f.Observe(ctx, "tenant-1", made.ID, b.Run, bot.Stopped, "")
			}
			if err != nil {
				f.t.Fatal(err)
			}
		}
		f.at = f.at.Add(61 * time.Minute)
		start()
		lasted(0)
		f.ran(made.ID, 5, 20, 35, 50, 80, 81) // from 50 to 80 it did not run
		lasted(46 * time.Minute)
		start()
		f.must(f.Update(ctx, f.who, made.ConfigID, bot.UpdateInput{Name: new("two"), Balance: amount("500")}))
		f.ran(made.ID, 95)
		lasted(time.Hour)
		f.at = f.at.Add(8 * 24 * time.Hour) // of so long ago there is a point an hour: the half hour counts
		f.ran(made.ID, -7*24*60-600, -7*24*60-540, -30, -15)
		lasted(2*time.Hour + 45*time.Minute)
		f.must(f.Update(ctx, f.who, made.ConfigID, bot.UpdateInput{Risk: &bot.Risk{StopLossPercent: dec("2")}}))
		lasted(0)
		f.ran(made.ID, 0, 15, 50)
		lasted(15 * time.Minute)
		f.at = f.at.Add(time.Hour)
		f.must(f.Update(ctx, f.who, made.ConfigID, bot.UpdateInput{Parameters: json.RawMessage(`{"fast":3,"slow":9}`)}))
		lasted(0)
		f.ran(made.ID, 1, 16, 31, 46, 61)
		lasted(time.Hour)
		c := f.must(f.GoLive(ctx, f.who, made.ID, bot.GoLiveInput{AccountID: "acc", Balance: amount("10"), Confirm: "two"}))
		if c.Mode != bot.Live || f.data(bot.EventWentLive)["waived"] != false {
			f.t.Errorf("with a paper run it went live as %+v, %v", c, f.data(bot.EventWentLive))
		}
	})
}

// proves that two live bots are never given the same money, by whatever their books
// have become since the account was last looked at.
func TestAllocations(t *testing.T) {
	t.Parallel()
	eachFloor(t, func(f *floor) {
		f.connect("tenant-1", "acc", "999.5") // and half a ringgit, see connect
		one, two := f.create("one"), f.create("two")
		f.must(f.goLive(one, "600"))
		refused := func(allocation, free string) {
			f.t.Helper()
			_, err := f.goLive(two, allocation)
			f.want(err, errs.Conflict, "allocation_unavailable")
			var e *errs.Error
			if !errors.As(err, &e) || e.Meta["free"] != free || e.Meta["held"] != "1000" || e.Meta["currency"] != "MYR" ||
				!strings.Contains(e.Message, "beside what one may use") {
				f.t.Errorf("%v, %v; want that %s is free", err, e.Meta, free)
			}
		}
		refused("400.01", "400")
		// It has bought for 100 since: the account was seen to hold that still.
		fill := journal.LiveFill{Order: 1, Pair: "XBTMYR", Event: 2, Fill: journal.Fill{
			BotID: one.ID, Sequence: 1, Side: "buy", Price: dec("100000"), Volume: dec("0.001"), Value: dec("100"), FeeCounter: dec("1"), Time: f.at.Add(time.Minute),
		}}
		o := journal.LiveOrder{Account: "acc", Pair: "XBTMYR"}
		o.BotID, o.Number, o.ClientID, o.Side, o.State = one.ID, 1, "c-1", "buy", journal.Filled
		o.CreatedAt, o.UpdatedAt = f.at, f.at
		f.live(journal.LiveEntry{BotID: one.ID, Orders: []journal.LiveOrder{o}, Fills: []journal.LiveFill{fill}, Books: []journal.Book{book(one.ID, "0.001", "499")}})
		refused("400.01", "400")
		// And sold since for more: what it earned may not have been there.
		fill.Event, fill.Sequence, fill.Side, fill.Value, fill.Time = 3, 2, "sell", dec("300"), f.at.Add(2*time.Minute)
		f.live(journal.LiveEntry{BotID: one.ID, Fills: []journal.LiveFill{fill}, Books: []journal.Book{book(one.ID, "0", "798")}})
		refused("202.01", "202")
		f.must(f.goLive(two, "202"))
		// What it bought and left on the account, gone back to paper, is no money any more,
		// neither for others nor for itself.
		fill.Event, fill.Sequence, fill.Side, fill.Value, fill.Time = 4, 3, "buy", dec("150"), f.at.Add(3*time.Minute)
		f.live(journal.LiveEntry{BotID: one.ID, Fills: []journal.LiveFill{fill}, Books: []journal.Book{book(one.ID, "0.001", "647")}})
		f.must(f.GoPaper(f.t.Context(), f.who, one.ID, 0))
		three := f.create("three")
		for _, b := range []bot.Bot{three, one} {
			_, err := f.goLive(b, "647.01")
			f.want(err, errs.Conflict, "allocation_unavailable")
			if !strings.Contains(err.Error(), "647 of that is free beside what two may use; 151 was spent since by bots") {
				f.t.Error(err)
			}
		}
		f.must(f.goLive(one, "647"))
	})
}

// proves that requests at the same time are not given the same money either.
func TestAllocationsAtOnce(t *testing.T) {
	t.Parallel()
	eachFloor(t, func(f *floor) {
		f.billing.Tenant(f.t, "tenant-3", "enterprise")
		f.who.TenantID = "tenant-3"
		f.connect("tenant-3", "acc", "1000")
		bots := make([]bot.Bot, 8)
		for i := range bots {
			bots[i] = f.create(fmt.Sprint("bot ", i))
		}
		got := billingtest.Storm(len(bots), func(i int) error { _, err := f.goLive(bots[i], "300"); return err })
		if got[""] != 3 || got["allocation_unavailable"] != 5 {
			f.t.Errorf("of 1,000 MYR eight bots asked for 300 each: %v", got)
		}
		same := f.create("the same")
		got = billingtest.Storm(8, func(int) error { _, err := f.goLive(same, "50"); return err })
		if got[""] != 1 || got["bot_live"] != 7 {
			f.t.Errorf("one bot was asked to go live eight times: %v", got)
		}
	})
}

// A live bot begins another account with another balance: it must be flat, the balance
// must be free, and who gives it must be one who may decide about real money.
func TestChangesOfALiveBot(t *testing.T) {
	t.Parallel()
	eachFloor(t, func(f *floor) {
		ctx := f.t.Context()
		f.connect("tenant-1", "acc", "1000")
		one, two := f.create("one"), f.create("two")
		f.must(f.goLive(one, "400"))
		f.must(f.goLive(two, "500"))
		change := func(balance string) error {
			_, err := f.Update(ctx, f.who, one.ConfigID, bot.UpdateInput{Balance: amount(balance)})
			return err
		}
		f.want(change("500.51"), errs.Conflict, "allocation_unavailable")
		trader := f.who
		trader.Role = tenancy.Trader
		for _, balance := range []string{"500", "300"} {
			_, err := f.Update(ctx, trader, one.ConfigID, bot.UpdateInput{Balance: amount(balance)})
			f.want(err, errs.Forbidden, "permission_denied")
		}
		f.must(f.Update(ctx, trader, one.ConfigID, bot.UpdateInput{Name: new("by a trader"), Balance: amount("400.0")}))
		f.live(journal.LiveEntry{BotID: one.ID, Books: []journal.Book{book(one.ID, "0.0001", "390")}})
		f.want(change("450"), errs.Conflict, "position_held")
		order := journal.LiveOrder{Order: journal.Order{ClientID: "c", Number: 1, State: journal.Unknown, CreatedAt: f.at, UpdatedAt: f.at}, Account: "acc", Pair: "XBTMYR"}
		f.live(journal.LiveEntry{BotID: one.ID, Orders: []journal.LiveOrder{order}, Books: []journal.Book{book(one.ID, "0.000099", "390")}})
		f.want(change("450"), errs.Conflict, "orders_unsettled")
		_, err := f.GoPaper(ctx, f.who, one.ID, 0)
		f.want(err, errs.Conflict, "orders_unsettled")
		order.State = journal.Cancelled
		f.live(journal.LiveEntry{BotID: one.ID, Orders: []journal.LiveOrder{order}})
		if c := f.must(f.Update(ctx, f.who, one.ConfigID, bot.UpdateInput{Name: new("uno")})); c.Mode != bot.Live || c.AccountID != "acc" {
			f.t.Errorf("renamed it is %+v", c)
		}
		if books, err := f.store.AccountBooks(ctx, "tenant-1", "acc"); err != nil || len(books) != 1 {
			f.t.Errorf("renamed it has the books %v, %v", books, err)
		}
		if err := change("500.5"); err != nil {
			f.t.Fatal(err)
		}
		b, err := f.Bot(ctx, f.who, one.ID)
		if err != nil || b.Ledger != 2 {
			f.t.Errorf("with another balance it is %+v, %v", b, err)
		}
		if books, err := f.store.AccountBooks(ctx, "tenant-1", "acc"); err != nil || len(books) != 0 {
			f.t.Errorf("with another balance it has the books %v, %v", books, err)
		}
	})
}

// Back on paper a bot leaves what it holds on the account, and its money is free
// again. Orders that are not settled are not forgotten by that.
func TestGoPaper(t *testing.T) {
	t.Parallel()
	eachFloor(t, func(f *floor) {
		ctx := f.t.Context()
		a := f.connect("tenant-1", "acc", "1000")
		one := f.create("one")
		_, err := f.GoPaper(ctx, f.who, one.ID, 0)
		f.want(err, errs.Conflict, "bot_on_paper")
		c := f.must(f.goLive(one, "1000"))
		if _, err := f.Start(ctx, f.who, one.ID); err != nil {
			f.t.Fatal(err)
		}
		_, err = f.GoPaper(ctx, f.who, one.ID, 0)
		f.want(err, errs.Conflict, "bot_running")
		if err := f.Observe(ctx, "tenant-1", one.ID, 1, bot.Failed, "for a test"); err != nil {
			f.t.Fatal(err)
		}
		_, err = f.GoPaper(ctx, f.who, one.ID, c.Version+1)
		f.want(err, errs.Stale, "config_changed")
		order := journal.LiveOrder{Order: journal.Order{ClientID: "c", Number: 1, State: journal.Open, CreatedAt: f.at, UpdatedAt: f.at}, Account: "acc", Pair: "XBTMYR"}
		f.live(journal.LiveEntry{BotID: one.ID, Orders: []journal.LiveOrder{order}, Books: []journal.Book{book(one.ID, "0.5", "10")}})
		_, err = f.GoPaper(ctx, f.who, one.ID, 0)
		f.want(err, errs.Conflict, "orders_unsettled")
		a.State = account.Revoked
		if err := f.store.UpdateAccount(ctx, "tenant-1", a); err != nil {
			f.t.Fatal(err)
		}
		_, err = f.Start(ctx, f.who, one.ID)
		f.want(err, errs.Conflict, "account_not_connected")
		_, err = f.GoPaper(ctx, f.who, one.ID, 0)
		f.want(err, errs.Conflict, "orders_unsettled")
		order.State = journal.Cancelled
		f.live(journal.LiveEntry{BotID: one.ID, Orders: []journal.LiveOrder{order}})
		c = f.must(f.GoPaper(ctx, f.who, one.ID, c.Version))
		if c.Mode != bot.Paper || c.AccountID != "" {
			f.t.Errorf("on paper it is %+v", c)
		}
		if data := f.data(bot.EventWentToPaper); fmt.Sprint(data["left_there"]) != "[map[Amount:0.5 Currency:XBT Pair:XBTMYR]]" {
			f.t.Errorf("the event says %v", data)
		}
		if claims, err := f.store.Claims(ctx, "tenant-1", "acc", "MYR", f.at); err != nil || len(claims) != 0 {
			f.t.Errorf("the account is claimed by %v, %v", claims, err)
		}
		f.connect("tenant-1", "new", "1000") // no worker could begin there: its order on the other one would never be known to be over
		order.Number, order.ClientID, order.State = 2, "d", journal.Open
		f.live(journal.LiveEntry{BotID: one.ID, Orders: []journal.LiveOrder{order}})
		_, err = f.GoLive(ctx, f.who, one.ID, bot.GoLiveInput{AccountID: "new", Balance: amount("10"), Confirm: one.Name, Waive: true})
		f.want(err, errs.Conflict, "orders_elsewhere")
		if err := f.Delete(ctx, f.who, one.ID); err != nil {
			f.t.Error(err)
		}
	})
}
