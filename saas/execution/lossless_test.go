package execution_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/execution"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/tenancy/tenancydb"
)

// seeds is how many random runs TestNoOrderLost makes on each database.
var seeds = flag.Int("seeds", 8, "random runs of TestNoOrderLost on each database") //nolint:gochecknoglobals // a flag of the test binary

// commands is how many commands the bot of a run gives.
const commands = 30

// tally is what a run has shown.
type tally struct {
	orders, fills, kills, faults int
	lost, duplicate, orphan      int
	// wrong are other faults, as sentences.
	wrong []string
}

func (t *tally) add(o tally) {
	t.orders, t.fills, t.kills, t.faults = t.orders+o.orders, t.fills+o.fills, t.kills+o.kills, t.faults+o.faults
	t.lost, t.duplicate, t.orphan = t.lost+o.lost, t.duplicate+o.duplicate, t.orphan+o.orphan
	t.wrong = append(t.wrong, o.wrong...)
}

func (t *tally) String() string {
	return fmt.Sprintf("%d orders, %d fills, %d kills, %d faults: %d lost, %d duplicate, %d orphan, %d other", t.orders, t.fills, t.kills, t.faults,
		t.lost, t.duplicate, t.orphan, len(t.wrong))
}

func (t *tally) whole() bool { return t.lost+t.duplicate+t.orphan+len(t.wrong) == 0 }

// proves T1, T2, T3, T4, T7: whatever the venue and the way to it do, and wherever
// the process is killed, afterwards venue and journal agree: no order lost, doubled
// or orphaned, every fill booked once, positions equal to the last digit.
//
// The process is killed by taking all effect from what it does and going on from
// the journal; TestKillPoints is to do so to real ones.
func TestNoOrderLost(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, []db.MigrationSet{tenancydb.Migrations(), saasdb.Migrations()}, func(t *testing.T, d *db.DB) {
		var sum tally
		for seed := range uint64(*seeds) {
			got := newRun(t, d, seed, false).all(t)
			if !got.whole() {
				t.Errorf("seed %d: %s %q", seed, &got, got.wrong)
			}
			sum.add(got)
		}
		t.Log(&sum)
		if sum.kills < *seeds || sum.fills < *seeds || sum.faults < 10**seeds {
			t.Errorf("the runs show little: %s", &sum)
		}
	})
}

// The test of the test: if intents are not written first, it shows.
func TestNoOrderLostNoticesHaste(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t, tenancydb.Migrations(), saasdb.Migrations())
	var sum tally
	for seed := range uint64(8) {
		sum.add(newRun(t, d, seed, true).all(t))
	}
	t.Log(&sum)
	if sum.duplicate == 0 || sum.orphan == 0 {
		t.Errorf("with intents written late the runs show %s", &sum)
	}
}

// run is one random run.
type run struct {
	*world
	rng    *rand.Rand
	way    *faulty
	hasty  bool
	exec   *execution.Executor
	tally  tally
	number int64
}

func newRun(t *testing.T, d *db.DB, seed uint64, hasty bool) *run {
	w := newWorld(t, d)
	rng := rand.New(rand.NewPCG(seed, 1))
	r := &run{world: w, rng: rng, hasty: hasty, number: 1}
	r.way = &faulty{Member: w.mine, clock: w.clock, rng: rng, seen: map[int64]time.Time{}, faults: map[string]int{}}
	return r
}

// all trades for a while, lets everything come to rest and compares.
func (r *run) all(t *testing.T) tally {
	t.Helper()
	r.start(t)
	for steps := 0; r.number <= commands && steps < 10*commands; steps++ {
		r.market(t)
		r.clock.Advance(time.Duration(r.rng.IntN(1500)) * time.Millisecond)
		r.survive(t, r.act(t.Context()))
	}
	if r.number <= commands && !r.hasty {
		r.tally.wrong = append(r.tally.wrong, "the bot was kept from trading for too long")
	}
	r.way.calm, r.way.life.rate = true, 0
	r.clock.Advance(time.Minute)
	r.way.arrive(t.Context())
	r.settle(t)
	r.compare(t)
	r.tally.faults = 0
	for _, n := range r.way.faults {
		r.tally.faults += n
	}
	return r.tally
}

// start begins a new life of the process, as often as it takes.
func (r *run) start(t *testing.T) {
	t.Helper()
	for {
		l := &life{rng: r.rng, rate: 0.01}
		if r.way.calm {
			l.rate = 0
		}
		r.way.life = l
		c := r.config(t)
		c.Trader = r.way
		c.Commit = mortal(l, r.world.commit)
		if r.hasty {
			c.Commit = hasty(c.Commit)
		}
		var err error
		if r.exec, err = execution.Open(t.Context(), c); err == nil {
			return
		}
		if !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		r.tally.kills++
	}
}

// survive begins anew after a kill. Other errors are the caller's to live with.
func (r *run) survive(t *testing.T, err error) {
	t.Helper()
	if r.way.life.dead {
		r.tally.kills++
		r.start(t)
		return
	}
	if err != nil && exchange.OutcomeOf(err) != exchange.OutcomeUnknown {
		t.Fatalf("the venue: %v", err)
	}
}

// act is what the bot does in a step: the next command, whose content depends on
// its number alone, as with a strategy that goes on from a checkpoint.
func (r *run) act(ctx context.Context) error {
	if r.rng.IntN(3) == 0 {
		r.way.arrive(ctx)
	}
	c, err := r.exec.Check(ctx)
	if err != nil {
		return err
	}
	if !c.Agrees() && !r.hasty { // wait until it may trade
		if c.Paused != "" {
			r.tally.wrong = append(r.tally.wrong, "paused: "+c.Paused)
			return r.exec.Resume(ctx)
		}
		if r.rng.IntN(2) == 0 {
			return nil
		}
	}
	if r.number > 3 && r.rng.IntN(4) == 0 { // a command of before, as after a restart from an old checkpoint
		if _, err := r.exec.Place(ctx, command(r.number-1-int64(r.rng.IntN(3)))); err != nil {
			return err
		}
	}
	if open := r.exec.Orders(); len(open) > 0 && r.rng.IntN(4) == 0 {
		if _, err := r.exec.Cancel(ctx, open[r.rng.IntN(len(open))].Number, "no more"); err != nil {
			return err
		}
	}
	if _, err := r.exec.Place(ctx, command(r.number)); err != nil {
		return err
	}
	r.number++
	return nil
}

// command is the bot's command of a number.
func command(number int64) execution.Intent {
	rng := rand.New(rand.NewPCG(uint64(number), 2))
	side := exchange.Buy
	if rng.IntN(2) == 0 {
		side = exchange.Sell
	}
	in := limit(number, side, exchange.Ticks(95+rng.IntN(11)), exchange.Steps(2+rng.IntN(30)))
	switch rng.IntN(6) {
	case 0:
		in.Request.TimeInForce = exchange.IOC
	case 1:
		in.Request.Type, in.Request.Price = exchange.MarketOrder, 0
		if side == exchange.Buy {
			in.Request.Volume, in.Request.Value = 0, exchange.Units(200+rng.IntN(2000))
		}
	case 2:
		in.Request.PostOnly = true
	}
	return in
}

// market is what others do meanwhile.
func (r *run) market(t *testing.T) {
	t.Helper()
	for range 1 + r.rng.IntN(4) {
		side := exchange.Buy
		if r.rng.IntN(2) == 0 {
			side = exchange.Sell
		}
		r.others(t, r.other, side, exchange.Ticks(95+r.rng.IntN(11)), exchange.Steps(2+r.rng.IntN(20)))
	}
}

// settle waits until the journal knows all.
func (r *run) settle(t *testing.T) {
	t.Helper()
	if r.way.life.dead {
		r.start(t)
	}
	for range 5 {
		c, err := r.exec.Check(t.Context())
		if err != nil {
			if !r.hasty {
				t.Fatal(err)
			}
			r.start(t)
			continue
		}
		if c.Agrees() && c.Unsettled == 0 {
			return
		}
		r.clock.Advance(10 * time.Second)
	}
	if !r.hasty {
		r.tally.wrong = append(r.tally.wrong, "journal and venue do not come to agree")
	}
}

// compare counts where venue and journal differ.
func (r *run) compare(t *testing.T) {
	t.Helper()
	placed, err := r.mine.Orders(t.Context(), paper.OrderFilter{Pair: pair, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	r.tally.orders = len(placed)
	there := map[int64]int{}
	for _, p := range placed {
		id, ok := journal.ParseCommandID(p.Order.Request.ClientID)
		if !ok {
			t.Fatalf("order %+v is not the bot's", p)
		}
		there[id.Number]++
		o, err := r.store.LiveOrder(t.Context(), "t", r.botID, id.Number)
		if err != nil || o.ClientID != p.Order.Request.ClientID {
			r.tally.orphan++
			continue
		}
		if want := o.Hear(r.world.market, p.Order); want.State != o.State || !o.Filled.Equal(r.world.market.Volume(p.Order.Filled)) || o.VenueID != p.Order.ID {
			r.tally.wrong = append(r.tally.wrong, fmt.Sprintf("order %d is %s with %s, and %+v at the venue", id.Number, o.State, o.Filled, p.Order))
		}
	}
	for number := int64(1); number < r.number; number++ {
		if there[number] > 1 {
			r.tally.duplicate += there[number] - 1
		}
		o, err := r.store.LiveOrder(t.Context(), "t", r.botID, number)
		if err != nil {
			r.tally.lost++
			continue
		}
		none := o.State == journal.Denied || o.State == journal.Rejected || o.State == journal.Expired
		if o.Doubtful() || none != (there[number] == 0) {
			r.tally.lost++
		}
	}
	r.money(t)
}

// money compares fills, books and balances to the last digit.
func (r *run) money(t *testing.T) {
	t.Helper()
	m := r.world.market
	fills, err := r.mine.Fills(t.Context(), pair, 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	r.tally.fills = len(fills)
	events, err := r.store.LiveEvents(t.Context(), "t", r.botID, 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	booked, last := map[int64]int{}, int64(0)
	for _, e := range events {
		if e.Event <= last {
			r.tally.wrong = append(r.tally.wrong, fmt.Sprintf("event %d follows %d", e.Event, last))
		}
		if last = e.Event; e.Fill != nil {
			booked[e.Fill.Sequence]++
		}
	}
	base, counter := m.Volume(given), m.Amount(given)
	for _, f := range fills {
		if booked[f.Sequence] != 1 {
			r.tally.wrong = append(r.tally.wrong, fmt.Sprintf("fill %d is booked %d times", f.Sequence, booked[f.Sequence]))
		}
		v, u := m.Volume(f.Volume), m.Amount(f.Value)
		if f.Side == exchange.Sell {
			v, u = v.Neg(), u.Neg()
		}
		base, counter = base.Add(v).Sub(m.DustAmount(f.FeeBase)), counter.Sub(u).Sub(m.Amount(f.FeeCounter))
	}
	balances, err := r.mine.Balances(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	held := map[string]decimal.Decimal{}
	for _, b := range balances {
		held[b.Currency] = b.Total
	}
	book := r.exec.Books()[0]
	for what, pairOf := range map[string][3]decimal.Decimal{"XBT": {book.Base, base, held["XBT"]}, "MYR": {book.Counter, counter, held["MYR"]}} {
		if !pairOf[0].Equal(pairOf[1]) || !pairOf[0].Equal(pairOf[2]) {
			r.tally.wrong = append(r.tally.wrong, fmt.Sprintf("the book has %s %s, fills make it %s, and the account holds %s", pairOf[0], what, pairOf[1], pairOf[2]))
		}
	}
}
