package saas_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/saas/saasdb"
)

// liveTally is what a run with live orders has shown.
type liveTally struct {
	orders, fills, kills, faults int
	lost, duplicate, orphan      int
	// wrong are other faults, as sentences.
	wrong []string
}

func (t *liveTally) String() string {
	return fmt.Sprintf("%d orders, %d fills, %d kills, %d faults: lost %d, duplicate %d, orphan %d, other %d",
		t.orders, t.fills, t.kills, t.faults, t.lost, t.duplicate, t.orphan, len(t.wrong))
}

func (t *liveTally) whole() bool { return t.lost+t.duplicate+t.orphan+len(t.wrong) == 0 }

func (t *liveTally) tell(format string, args ...any) {
	t.wrong = append(t.wrong, fmt.Sprintf(format, args...))
}

// liveBooks compares the venue's books of an account with the journal of the bots that
// have traded on it, when nothing moves any more.
type liveBooks struct {
	client *luno.Client
	store  *saasdb.Store
	bots   []string
	// tenant and account are whose they are.
	tenant, account string
	market          exchange.Market
	// before is what the account held at first.
	before map[string]decimal.Decimal
}

// holdings returns what an account holds.
func holdings(ctx context.Context, c *luno.Client) (map[string]decimal.Decimal, error) {
	list, err := c.Balances(ctx)
	held := map[string]decimal.Decimal{}
	for _, b := range list {
		held[b.Currency] = held[b.Currency].Add(b.Total)
	}
	return held, err
}

// compare counts where they differ.
func (b liveBooks) compare(t *testing.T, tally *liveTally) {
	t.Helper()
	ctx := t.Context()
	open, err := b.client.OpenOrders(ctx, b.market.Pair)
	if err != nil {
		t.Fatal(err)
	}
	closed, err := b.client.ClosedOrders(ctx, b.market.Pair, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]map[int64]int{} // orders at the venue by bot and number
	owner := map[string]string{}        // of the venue's orders
	for _, id := range b.bots {
		there[id] = map[int64]int{}
	}
	for _, v := range append(open, closed...) {
		id, ok := journal.ParseCommandID(v.Request.ClientID)
		if !ok || there[id.BotID] == nil {
			tally.tell("order %q at the venue is no bot's", v.Request.ClientID)
			continue
		}
		tally.orders++
		there[id.BotID][id.Number]++
		owner[v.ID] = id.BotID
		o, err := b.store.LiveOrder(ctx, b.tenant, id.BotID, id.Number)
		switch {
		case errs.KindOf(err) == errs.NotFound || err == nil && o.ClientID != v.Request.ClientID:
			tally.orphan++
		case err != nil:
			t.Fatal(err)
		default:
			if want := o.Hear(b.market, v); want.State != o.State || !o.Filled.Equal(b.market.Volume(v.Filled)) || o.VenueID != v.ID {
				tally.tell("order %d is %s with %s, and %+v at the venue", id.Number, o.State, o.Filled, v)
			}
		}
	}
	for _, id := range b.bots {
		for _, o := range b.journalled(t, id) {
			n := there[id][o.Number]
			if n > 1 {
				tally.duplicate += n - 1
			}
			none := o.State == journal.Denied || o.State == journal.Rejected || o.State == journal.Expired
			if o.Doubtful() || none != (n == 0) {
				tally.lost++
			}
		}
		if c, _, err := b.store.LastCheck(ctx, b.tenant, id); err != nil || c.Paused != "" {
			tally.tell("bot %s is paused: %s, %v", id, c.Paused, err)
		}
	}
	b.money(t, owner, tally)
}

// journalled returns all orders that the journal has of a bot.
func (b liveBooks) journalled(t *testing.T, botID string) (all []journal.LiveOrder) {
	t.Helper()
	for p := (page.Page{Limit: page.MaxLimit}); ; {
		list, err := b.store.LiveOrders(t.Context(), b.tenant, botID, p)
		if err != nil {
			t.Fatal(err)
		}
		l := page.Of(list, p.Limit, func(o journal.LiveOrder) string { return strconv.FormatInt(o.Number, 10) })
		all = append(all, l.Items...)
		if p.After = l.Next; p.After == "" {
			return all
		}
	}
}

// money compares fills, books and balances to the last digit.
func (b liveBooks) money(t *testing.T, owner map[string]string, tally *liveTally) {
	t.Helper()
	ctx := t.Context()
	booked := map[string]map[int64]int{}
	for _, id := range b.bots {
		booked[id] = map[int64]int{}
		for after := int64(0); ; {
			events, err := b.store.LiveEvents(ctx, b.tenant, id, after, 1000)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range events {
				if e.Event <= after {
					tally.tell("event %d follows %d", e.Event, after)
				}
				if after = e.Event; e.Fill != nil {
					booked[id][e.Fill.Sequence]++
				}
			}
			if len(events) < 1000 {
				break
			}
		}
	}
	type sum struct{ base, counter decimal.Decimal }
	sums := map[string]sum{}
	m := b.market
	for after := int64(0); ; {
		fills, err := b.client.Fills(ctx, m.Pair, after, 500)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range fills {
			after = f.Sequence
			tally.fills++
			id := owner[f.OrderID]
			booked[id][f.Sequence]--
			v, u := m.Volume(f.Volume), m.Amount(f.Value)
			if f.Side == exchange.Sell {
				v, u = v.Neg(), u.Neg()
			}
			s := sums[id]
			sums[id] = sum{s.base.Add(v).Sub(m.DustAmount(f.FeeBase)), s.counter.Sub(u).Sub(m.Amount(f.FeeCounter))}
		}
		if len(fills) < 500 {
			break
		}
	}
	for id, fills := range booked {
		for sequence, n := range fills {
			if n != 0 {
				tally.tell("of bot %s, fill %d is booked %d times too often", id, sequence, n)
			}
		}
	}
	books, err := b.store.AccountBooks(ctx, b.tenant, b.account)
	now, herr := holdings(ctx, b.client)
	if err = errors.Join(err, herr); err != nil {
		t.Fatal(err)
	}
	moved := sum{}
	for _, k := range books {
		base, counter := k.Base.Sub(k.GivenBase), k.Counter.Sub(k.GivenCounter)
		if s := sums[k.BotID]; !s.base.Equal(base) || !s.counter.Equal(counter) {
			tally.tell("bot %s has won %s and %s by its book, and %s and %s by the venue's fills", k.BotID, base, counter, s.base, s.counter)
		}
		moved = sum{moved.base.Add(base), moved.counter.Add(counter)}
	}
	if len(books) != len(b.bots) || !now[m.Base].Sub(b.before[m.Base]).Equal(moved.base) || !now[m.Counter].Sub(b.before[m.Counter]).Equal(moved.counter) {
		tally.tell("%d books have moved by %s and %s, and the account from %v to %v", len(books), moved.base, moved.counter, b.before, now)
	}
}
