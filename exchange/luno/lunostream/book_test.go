package lunostream_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno/lunostream"
)

// drawn lets rapid make the choices of a model.
type drawn struct{ t *rapid.T }

func (d drawn) IntN(n int) int { return rapid.IntRange(0, n-1).Draw(d.t, "choice") }

// open reads a snapshot.
func open(t interface{ Fatal(...any) }, m exchange.Market, snapshot []byte) (*lunostream.Decoder, *lunostream.Book) {
	d := lunostream.NewDecoder(m)
	s, err := d.Snapshot(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	b, err := lunostream.NewBook(m.Pair, s)
	if err != nil {
		t.Fatal(err)
	}
	return d, b
}

// differs compares a book with the model, level by level.
func differs(m exchange.Market, b *lunostream.Book, want *model) error {
	if b.Sequence() != want.sequence || b.Len() != len(want.orders) || string(b.Status()) != want.status {
		return fmt.Errorf("the book has message %d, %d orders, %s; want %d, %d, %s", b.Sequence(), b.Len(), b.Status(), want.sequence, len(want.orders), want.status)
	}
	depth, top := b.Depth(1<<20), b.Top()
	for _, side := range []struct {
		bid    bool
		levels []exchange.Level
		best   exchange.Level
	}{{true, depth.Bids, top.Bid}, {false, depth.Asks, top.Ask}} {
		prices, volumes := want.levels(side.bid)
		if len(prices) != len(side.levels) {
			return fmt.Errorf("%d levels, want %d (bids: %t)", len(side.levels), len(prices), side.bid)
		}
		if len(prices) == 0 && side.best != (exchange.Level{}) || len(prices) > 0 && side.best != side.levels[0] {
			return fmt.Errorf("the best is %v (bids: %t)", side.best, side.bid)
		}
		for i, l := range side.levels {
			if !m.Price(l.Price).Equal(prices[i]) || !m.Volume(l.Volume).Equal(volumes[i]) {
				return fmt.Errorf("level %d is %s at %s, want %s at %s (bids: %t)", i, m.Volume(l.Volume), m.Price(l.Price), volumes[i], prices[i], side.bid)
			}
		}
	}
	return nil
}

// After every message the book is that of a slow model in decimals, from whichever
// snapshot it began, and its trades are the model's: exact to the last digit.
func TestBookFollowsTheModel(t *testing.T) {
	t.Parallel()
	m := market(t)
	rapid.Check(t, func(t *rapid.T) {
		world, chance := newModel(), drawn{t}
		for range rapid.IntRange(0, 40).Draw(t, "before") {
			world.step(chance)
		}
		d, b := open(t, m, world.snapshot())
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			message, want := world.step(chance)
			u, err := d.Update(message)
			if err != nil {
				t.Fatal(err)
			}
			got, err := b.Apply(nil, u)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := b.Apply(nil, u); len(again) != 0 || err != nil { // proves M1: once, however often it comes
				t.Fatalf("applied again: %v, %v", again, err)
			}
			if len(got) != len(want) {
				t.Fatalf("%d trades, want %d", len(got), len(want))
			}
			for i, w := range want {
				bought := got[i].Taker == exchange.Buy
				if got[i].Sequence != w.sequence || bought != w.takerBought || got[i].Time != world.now ||
					!m.Price(got[i].Price).Equal(w.price) || !m.Volume(got[i].Volume).Equal(w.volume) {
					t.Fatalf("trade %+v, want %+v", got[i], w)
				}
			}
			if err := differs(m, b, world); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// An update that does not fit the state before it ends the book for good.
func TestBookRefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	m := market(t)
	const create = `{"order_id":"BXNEW","type":"BID","price":"250000.00","volume":"0.5"}`
	trade := func(maker, base string) string {
		return fmt.Sprintf(`[{"sequence":1,"base":%q,"counter":"1","maker_order_id":%q,"taker_order_id":"BXT","order_id":%q}]`, base, maker, maker)
	}
	for name, test := range map[string]struct {
		skip                          int64 // messages that are lost before
		trades, create, remove, tells string
	}{
		"a gap":                        {skip: 1, trades: "[]", create: "null", tells: "came after"},
		"a trade of an unknown order":  {trades: trade("BXNONE", "0.1"), create: "null", tells: `"BXNONE" of trade 1 is not in the book`},
		"a trade larger than its rest": {trades: trade("BX0000000000001", "0.500001"), create: "null", tells: "takes 500001 steps"},
		"an order that is there":       {trades: "[]", create: strings.Replace(create, "BXNEW", "BX0000000000001", 1), tells: "in the book already"},
		"a volume beyond 64 bits":      {trades: "[]", create: strings.Replace(create, "0.5", "9223372036854.775807", 1), tells: "too large"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world := newModel()
			world.rest(true, decimal.RequireFromString("250000.00"), decimal.RequireFromString("0.5"))
			d, b := open(t, m, world.snapshot())
			world.sequence += test.skip
			u, err := d.Update(world.update(test.trades, test.create, "null", "null"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = b.Apply(nil, u)
			var gap *lunostream.GapError
			var misfit *lunostream.MessageError
			if !errors.As(err, &gap) && !errors.As(err, &misfit) || !strings.Contains(err.Error(), test.tells) {
				t.Fatalf("error %v, want %q", err, test.tells)
			}
			if test.skip > 0 && (gap == nil || gap.Have+2 != gap.Got) {
				t.Errorf("gap %+v", gap)
			}
			next := *u
			next.Sequence, next.Trades, next.Create = b.Sequence()+1, nil, lunostream.Order{}
			if _, again := b.Apply(nil, &next); !errors.Is(again, err) {
				t.Errorf("afterwards the book says %v", again)
			}
		})
	}
	t.Run("deleting what left", func(t *testing.T) {
		t.Parallel()
		world := newModel()
		d, b := open(t, m, world.snapshot())
		u, err := d.Update(world.update("null", "null", `{"order_id":"BXGONE"}`, "null"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Apply(nil, u); err != nil {
			t.Error(err)
		}
	})
	t.Run("a snapshot with an order twice", func(t *testing.T) {
		t.Parallel()
		o := lunostream.Order{ID: []byte("BX1"), Side: exchange.Buy, Price: 1, Volume: 1}
		if _, err := lunostream.NewBook("XBTMYR", lunostream.Snapshot{Sequence: 1, Orders: []lunostream.Order{o, o}}); err == nil {
			t.Error("it is taken")
		}
	})
}

// Only a new order allocates, for its id.
func TestUpdatesHardlyAllocate(t *testing.T) {
	world, chance := seeded(1, 5_000)
	m := market(t)
	d, b := open(t, m, world.snapshot())
	var messages [][]byte
	creates := 0
	for range 20_000 {
		message, _ := world.step(chance)
		messages = append(messages, message)
		if slices.Contains(strings.Split(string(message), ","), `"type":"BID"`) || strings.Contains(string(message), `"type":"ASK"`) {
			creates++
		}
	}
	var ticks []exchange.Tick
	next := 0
	allocs := testing.AllocsPerRun(1, func() { // it runs twice
		for _, message := range messages[next : next+10_000] {
			u, err := d.Update(message)
			if err != nil {
				t.Fatal(err)
			}
			if ticks, err = b.Apply(ticks[:0], u); err != nil {
				t.Fatal(err)
			}
		}
		next += 10_000
	})
	if most := float64(creates)/2*1.1 + 100; allocs > most {
		t.Errorf("%.0f allocations for 10,000 updates with about %d new orders", allocs, creates/2)
	}
}

// BenchmarkBook decodes and applies updates on one core: a pass is a snapshot of
// some 2,000 orders and 100,000 updates of it, as Luno writes them.
func BenchmarkBook(b *testing.B) {
	const updates = 100_000
	world, chance := seeded(1, 10_000)
	snapshot := world.snapshot()
	messages, bytes := make([][]byte, updates), 0
	for i := range messages {
		messages[i], _ = world.step(chance)
		bytes += len(messages[i])
	}
	m := market(b)
	b.ReportAllocs()
	b.SetBytes(int64(bytes))
	var ticks []exchange.Tick
	for b.Loop() {
		d, book := open(b, m, snapshot)
		for _, message := range messages {
			u, err := d.Update(message)
			if err != nil {
				b.Fatal(err)
			}
			if ticks, err = book.Apply(ticks[:0], u); err != nil {
				b.Fatal(err)
			}
		}
		if err := differs(m, book, world); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(updates)*float64(b.N)/b.Elapsed().Seconds(), "updates/s")
}
