package saas_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
	"github.com/lunobot/lunobot/saas"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/tenancy"
)

// chain is a bot that goes live, back to paper and live again.
type chain struct {
	*liveRun
	app *saas.App
	// token is its tenant's, other a bot of theirs that asks for the same account's money, and
	// stranger trades with whoever is in the book.
	token    string
	other    bot.Bot
	stranger *luno.Client
	// fills and held are how many fills and which holdings there were before the present
	// period, and run is the number of its newest run.
	fills int
	run   int64
	held  map[string]decimal.Decimal
}

func newChain(t *testing.T, url string) *chain {
	t.Helper()
	c := &chain{}
	c.liveRun, c.app = paperRunOn(t, liveServer{Database: url}, "basic", `{"fast":2,"slow":3,"size":30}`)
	login, err := c.app.Tenancy().Login(t.Context(), tenancy.LoginInput{Email: "trade@example.com", Password: "a long enough phrase"})
	if err != nil {
		t.Fatal(err)
	}
	c.token = login.Tokens.AccessToken
	if _, err := c.app.Billing().ChangePlan(t.Context(), c.who.TenantID, billing.ChangePlanInput{Plan: "premium", Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	if _, c.other, err = c.app.Bots().Create(t.Context(), c.who, bot.CreateInput{Name: "other", Pair: livePair, Strategy: "basic"}); err != nil {
		t.Fatal(err)
	}
	key := c.sim.key(3)
	if c.stranger, err = (traderTask{Rest: c.sim.Rest, KeyID: key.ID, Secret: key.Secret}).client(); err != nil {
		t.Fatal(err)
	}
	return c
}

// begin takes note of what there is before a period, and starts the bot.
func (c *chain) begin() {
	c.t.Helper()
	var err error
	if c.held, err = holdings(c.t.Context(), c.books.client); err != nil {
		c.t.Fatal(err)
	}
	c.fills = len(c.liveRun.fills())
	c.start()
}

func (c *chain) start() {
	c.t.Helper()
	b, err := c.app.Bots().Start(c.t.Context(), c.who, c.bot.ID)
	if err != nil {
		c.t.Fatal(err)
	}
	c.run = b.Run
}

// stopHolding stops the bot once it holds something that it could sell.
func (c *chain) stopHolding() decimal.Decimal {
	c.t.Helper()
	least := c.books.market.Volume(c.books.market.MinVolume)
	for {
		c.until("a position", func() bool {
			cp, err := c.store.Checkpoint(c.t.Context(), c.who.TenantID, c.bot.ID)
			return err == nil && cp.Run >= c.run && cp.Summary.Position.GreaterThanOrEqual(least)
		})
		if _, err := c.app.Bots().Stop(c.t.Context(), c.who, c.bot.ID); err != nil {
			c.t.Fatal(err)
		}
		c.until("the bot to stop", c.stopped)
		if base, _, _ := c.believed(); base.GreaterThanOrEqual(least) {
			return base
		}
		c.start() // it has sold meanwhile
	}
}

func (c *chain) stopped() bool {
	b, err := c.store.Bot(c.t.Context(), c.who.TenantID, c.bot.ID)
	return err == nil && b.Status == bot.Stopped
}

// byHand places a buy on the bot's account, as its tenant does at the exchange.
func (c *chain) byHand(id string, price exchange.Ticks) exchange.Order {
	c.t.Helper()
	o, err := c.books.client.Place(c.t.Context(), exchange.OrderRequest{
		ClientID: id, Pair: livePair, Side: exchange.Buy, Type: exchange.LimitOrder, Price: price, Volume: 4_000,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return o
}

// claim makes foreign orders the bot's, once they are found.
func (c *chain) claim(orders ...exchange.Order) {
	c.t.Helper()
	for _, o := range orders {
		c.until("a foreign order to be found", func() bool {
			_, list, err := c.store.LastCheck(c.t.Context(), c.who.TenantID, c.bot.ID)
			return err == nil && slices.ContainsFunc(list, func(f journal.ForeignOrder) bool { return f.VenueID == o.ID })
		})
		req := httptest.NewRequestWithContext(c.t.Context(), http.MethodPut, "/api/v1/trading/bots/"+c.bot.ID+"/live/foreign/"+livePair+"/"+o.ID, strings.NewReader(`{"decision":"claim"}`))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+c.token)
		res := httptest.NewRecorder()
		if c.app.Handler().ServeHTTP(res, req); res.Code >= http.StatusMultipleChoices {
			c.t.Fatalf("claiming order %s: %d %s", o.ID, res.Code, res.Body)
		}
		c.until("the order to be claimed", func() bool { return c.claimed(o).VenueID == o.ID })
	}
}

// claimed is a claimed order as the journal has it.
func (c *chain) claimed(o exchange.Order) journal.LiveOrder {
	c.t.Helper()
	for _, x := range c.books.journalled(c.t, c.bot.ID) {
		if x.VenueID == o.ID && x.Number < 0 {
			return x
		}
	}
	return journal.LiveOrder{}
}

// tradeWith sells into the book until an order is filled in part, and waits until its bot
// has that.
func (c *chain) tradeWith(o exchange.Order) {
	c.t.Helper()
	filled := c.books.market.Volume(sellInto(c.t, c.stranger, c.books.client, o))
	c.until("the claimed order's fills to be booked", func() bool { return c.claimed(o).Filled.GreaterThanOrEqual(filled) })
}

// sellInto sells into the book as a stranger until a buy has been filled, at least in part,
// and returns how much of it is.
func sellInto(t *testing.T, stranger, owner *luno.Client, o exchange.Order) exchange.Steps {
	t.Helper()
	ctx, now := t.Context(), o
	for n := 0; now.Filled == o.Filled; n++ {
		book, err := stranger.OrderBook(ctx, livePair, 0)
		if err != nil {
			t.Fatal(err)
		}
		volume := exchange.Steps(1_000)
		for _, l := range book.Bids {
			if l.Price > o.Request.Price {
				volume += l.Volume
			}
		}
		_, err = stranger.Place(ctx, exchange.OrderRequest{
			ClientID: fmt.Sprintf("into-%s-%d", o.ID, n), Pair: livePair, Side: exchange.Sell, Type: exchange.LimitOrder, TimeInForce: exchange.IOC, Price: o.Request.Price, Volume: volume,
		})
		if err == nil {
			now, err = owner.OrderByID(ctx, livePair, o.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return now.Filled
}

// free compares how much of the account's money the other bot is offered.
func (c *chain) free(when string, want decimal.Decimal) {
	c.t.Helper()
	sum, err := c.app.Bots().Preview(c.t.Context(), c.who, c.other.ID, bot.GoLiveInput{AccountID: c.books.account})
	if err != nil {
		c.t.Fatal(err)
	}
	if !sum.Free.Equal(want) {
		c.t.Errorf("%s, %s of %s %s are free for another bot, want %s", when, sum.Free, sum.Held, sum.Currency, want)
	}
}

// live takes the bot live with so much.
func (c *chain) live(balance int64) {
	c.t.Helper()
	b := decimal.NewFromInt(balance)
	_, err := c.app.Bots().GoLive(c.t.Context(), c.who, c.bot.ID, bot.GoLiveInput{AccountID: c.books.account, Balance: &b, Confirm: c.bot.Name, Waive: true})
	if err != nil {
		c.t.Fatal(err)
	}
}

// settled compares, once the bot rests, what a live period came to: for its account, its
// book, its journal and the exchange; and returns how much more it had at most, since any
// moment of it, spent of the account's money than earned.
func (c *chain) settled(when string, balance int64) (spent decimal.Decimal) {
	c.t.Helper()
	ctx, m := c.t.Context(), c.books.market
	books, err := c.store.AccountBooks(ctx, c.who.TenantID, c.books.account)
	now, herr := holdings(ctx, c.books.client)
	if err != nil || herr != nil || len(books) != 1 {
		c.t.Fatal(books, err, herr)
	}
	book, given := books[0], decimal.NewFromInt(balance)
	base, counter, orders := c.believed()
	if !base.Equal(book.Base) || !counter.Equal(book.Counter) || orders > 0 {
		c.t.Errorf("%s the bot believes to have %s and %s and %d orders, and its book says %s and %s", when, base, counter, orders, book.Base, book.Counter)
	}
	moved, cost := now[m.Base].Sub(c.held[m.Base]), c.held[m.Counter].Sub(now[m.Counter])
	if !book.GivenBase.IsZero() || !book.GivenCounter.Equal(given) || !moved.Equal(book.Base) || !given.Sub(cost).Equal(book.Counter) {
		c.t.Errorf("%s the account has moved by %s and %s, and the book is %+v", when, moved, cost, book)
	}
	sum, value := decimal.Zero, decimal.Zero
	list := c.liveRun.fills() // newest first
	for _, f := range list[:len(list)-c.fills] {
		v, u := f.Volume, f.Value
		if f.Side == "sell" {
			v, u = v.Neg(), u.Neg()
		}
		sum, value = sum.Add(v).Sub(f.FeeBase), value.Add(u).Add(f.FeeCounter)
		spent = decimal.Max(spent, value)
	}
	if !sum.Equal(book.Base) || !value.Equal(cost) {
		c.t.Errorf("%s the fills that pages show make %s for %s, and the book says %s for %s", when, sum, value, book.Base, cost)
	}
	check, foreign, err := c.store.LastCheck(ctx, c.who.TenantID, c.bot.ID)
	if err != nil || !check.Agrees() || check.Paused != "" || len(check.Trades) > 0 || len(foreign) > 0 {
		c.t.Errorf("%s the reconciliation says %+v, %+v, %v", when, check, foreign, err)
	}
	if open, err := c.books.client.OpenOrders(ctx, livePair); err != nil || len(open) > 0 {
		c.t.Errorf("%s there are open at the exchange %+v, %v", when, open, err)
	}
	return spent
}

// once checks that each trade of the account is booked once, in all periods.
func (c *chain) once() {
	c.t.Helper()
	ctx := c.t.Context()
	var booked, there []int64
	events, err := c.store.LiveEvents(ctx, c.who.TenantID, c.bot.ID, 0, 10_000)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, e := range events {
		if e.Fill != nil {
			booked = append(booked, e.Fill.Sequence)
		}
	}
	fills, err := c.books.client.Fills(ctx, livePair, 0, 1_000)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, f := range fills {
		there = append(there, f.Sequence)
	}
	slices.Sort(booked)
	if slices.Sort(there); !slices.Equal(booked, there) {
		c.t.Errorf("booked are the trades %v, and the exchange has %v", booked, there)
	}
}

// proves T6, T7 over the whole chain of modes: a bot goes from paper live, back and live
// again, with orders in between that its tenant placed by hand and it has claimed. After each
// change its account, its book, its journal, the exchange and what other bots are offered of
// the account's money agree; nothing is booked twice; and what an earlier period has left on
// the account is neither seen nor sold by a later one. And RK1: Close only takes a claimed
// buy back while the bot still runs, and ends once it holds nothing.
func TestFromPaperToLiveAndBack(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		c := newChain(t, url)
		all := c.books.before[c.books.market.Counter]
		c.begin()
		c.stopHolding()
		onPaper := len(c.liveRun.fills())

		c.live(20_000)
		c.free("live", all.Sub(decimal.NewFromInt(20_000)))
		traded, rests := c.byHand("by-hand-1", 390_000), c.byHand("by-hand-2", 300_000)
		c.begin()
		c.claim(traded, rests)
		c.tradeWith(traded)
		c.until("a buy of its own", func() bool { return len(c.liveRun.fills()) > c.fills+1 })
		left := c.stopHolding()
		spent := c.settled("after its first time live", 20_000)
		for _, o := range []exchange.Order{traded, rests} {
			if x := c.claimed(o); !x.Settled() {
				t.Errorf("of a run that is over the claimed order is %+v", x)
			}
		}

		if _, err := c.app.Bots().GoPaper(t.Context(), c.who, c.bot.ID, 0); err != nil {
			t.Fatal(err)
		}
		c.free("back on paper", all.Sub(spent))
		c.begin()
		c.until("a fill on paper", func() bool { return len(c.liveRun.fills()) > c.fills })
		held := c.stopHolding()
		if now, err := holdings(t.Context(), c.books.client); err != nil || !now[c.books.market.Base].Equal(c.held[c.books.market.Base]) {
			t.Errorf("on paper the account has %v, %v; before it had %v", now, err, c.held)
		}
		if books, err := c.store.AccountBooks(t.Context(), c.who.TenantID, c.books.account); err != nil || len(books) > 0 {
			t.Errorf("on paper it has the books %+v, %v", books, err)
		}
		t.Logf("%s were left on the account; on paper it had %s", left, held)

		c.live(8_000)
		traded, rests = c.byHand("by-hand-3", 390_000), c.byHand("by-hand-4", 300_000)
		c.begin()
		c.claim(traded, rests)
		c.tradeWith(traded)
		if _, err := c.app.Bots().CloseOnly(t.Context(), c.who, c.bot.ID, true); err != nil {
			t.Fatal(err)
		}
		c.until("the claimed buy to be taken back", func() bool { return c.claimed(rests).Settled() })
		if x := c.claimed(rests); x.State != journal.Cancelled || !strings.HasPrefix(x.Reason, "winding down") {
			t.Errorf("the claimed buy is %+v", x)
		}
		c.until("the bot to wind down", c.stopped)
		c.settled("after its second time live", 8_000)
		if base, _, _ := c.believed(); base.GreaterThanOrEqual(c.books.market.Volume(c.books.market.MinVolume)) {
			t.Errorf("wound down, it holds %s", base)
		}
		if b, err := c.store.Bot(t.Context(), c.who.TenantID, c.bot.ID); err != nil || b.CloseOnly && b.Desired || !strings.HasPrefix(b.Reason, "stopped by itself") {
			t.Errorf("in the end it is %+v, %v", b, err)
		}
		c.once()
		if _, err := c.app.Bots().GoPaper(t.Context(), c.who, c.bot.ID, 0); err != nil {
			t.Errorf("back to paper: %v", err)
		}
		t.Log(onPaper, "fills on paper at first, and", len(c.liveRun.fills()), "in the end")
	})
}
