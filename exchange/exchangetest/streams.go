package exchangetest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

func streamCards() []Card {
	return []Card{
		{Name: "the stream tells each trade once", Needs: []Capability{Streams, Quotes}, run: func(d *desk) { streamTells(d, nil) },
			Proves: "From the first trade that the stream tells on, it tells all, each once and in order; and the top of the book (M1, M4)."},
		{Name: "a stream that breaks loses no trade", Needs: []Capability{Streams, Quotes, Cuts}, run: func(d *desk) { streamTells(d, d.Cut) },
			Proves: "Over broken connections, and what was traded meanwhile, each trade is told once and in order (M1)."},
		{Name: "a message that is lost loses no trade", Needs: []Capability{Streams, Quotes, MessageLost}, run: suffers(MessageLost),
			Proves: "A gap in the stream is noticed, and what was missed is told (M1)."},
		{Name: "a message that comes twice doubles no trade", Needs: []Capability{Streams, Quotes, MessageDoubled}, run: suffers(MessageDoubled),
			Proves: "A message that comes again changes nothing (M1)."},
		{Name: "messages that are swapped swap no trades", Needs: []Capability{Streams, Quotes, MessageSwapped}, run: suffers(MessageSwapped),
			Proves: "Messages out of order are noticed, and trades are told in order (M1)."},
		{Name: "a message that cannot be read loses no trade", Needs: []Capability{Streams, Quotes, MessageGarbled}, run: suffers(MessageGarbled),
			Proves: "After a message that cannot be read the stream goes on, and what was missed is told (M1)."},
		{Name: "the account's stream tells totals", Needs: []Capability{AccountStreams}, run: accountTells,
			Proves: "What the account's stream tells of an order are totals that end with what the order tells; balances end with the balances (T7)."},
		{Name: "the account's stream comes back", Needs: []Capability{AccountStreams, Cuts}, run: accountComesBack,
			Proves: "After a break the account's stream says that it is connected, and tells what happens from then on (T6)."},
	}
}

// ear listens to a stream, again when it breaks, until the card is over.
type ear[E any] struct {
	mu    sync.Mutex
	heard []E
}

// listen starts to listen; the card does not end before it has stopped.
func listen[E any](d *desk, stream func(ctx context.Context, sink func(E)) error) *ear[E] {
	e := &ear[E]{}
	ctx, cancel := context.WithCancel(d.Context())
	var work sync.WaitGroup
	d.Cleanup(func() { cancel(); work.Wait() })
	work.Go(func() {
		for ctx.Err() == nil {
			// A break is no failure: what was missed is what the cards look at.
			_ = stream(ctx, func(v E) {
				e.mu.Lock()
				defer e.mu.Unlock()
				e.heard = append(e.heard, v)
			})
			select {
			case <-ctx.Done():
			case <-time.After(time.Millisecond):
			}
		}
	})
	return e
}

func (e *ear[E]) all() []E {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.heard)
}

// trade makes one trade.
func (d *desk) trade(price exchange.Ticks) {
	d.Helper()
	d.rest(d.ann, exchange.Buy, price, d.Lot)
	r := d.limit(exchange.Sell, price, d.Lot)
	d.place(d.bob, r)
	d.over(d.bob, r.ClientID)
}

// streamTells makes trades, with something that hurts before each of them.
func streamTells(d *desk, hurt func()) {
	ear := listen(d, func(ctx context.Context, sink func(exchange.StreamEvent)) error {
		return d.Streamer.Stream(ctx, d.pair, sink)
	})
	ticks := func() []exchange.Tick {
		var out []exchange.Tick
		for _, e := range ear.all() {
			if e.Tick != nil {
				out = append(out, *e.Tick)
			}
		}
		return out
	}
	// Trades are made until the stream is heard; it need not tell those before. But
	// not too many: a venue remembers only so many for a reader to catch up.
	const most, later, pause = 40, 5, 20 * time.Millisecond
	for made := 1; len(ticks()) == 0; made++ {
		if made > most {
			d.Fatalf("the stream tells of none of %d trades", most)
		}
		d.trade(d.Price)
		for end := time.Now().Add(time.Duration(made) * pause); len(ticks()) == 0 && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
	}
	for i := range later {
		if hurt != nil {
			hurt()
		}
		d.trade(d.Price + exchange.Ticks(i))
	}
	tape := d.trades(0, 100)
	last := tape[len(tape)-1]
	d.wait("the stream tells of the last trade", func() bool {
		got := ticks()
		return got[len(got)-1].Sequence >= last.Sequence
	})
	got := ticks()
	first := slices.IndexFunc(tape, func(k exchange.Trade) bool { return k.Sequence == got[0].Sequence })
	if first < 0 {
		d.Fatalf("the stream begins with %+v, which is not on the tape", got[0])
	}
	for i, k := range tape[first:] {
		if i >= len(got) || got[i].Trade(d.pair) != k {
			d.Fatalf("the trade %+v does not come once and in its turn: %+v", k, got)
		}
	}
	if len(got) != len(tape)-first {
		d.Errorf("the stream tells of %d trades, and there are %d", len(got), len(tape)-first)
	}
	d.rest(d.ann, exchange.Buy, d.Price-9, d.Lot)
	d.rest(d.bob, exchange.Sell, d.Price+9, d.Lot+2)
	d.wait("the stream tells of the top of the book", func() bool {
		var top exchange.Top
		for _, e := range ear.all() {
			if e.Top != nil {
				top = *e.Top
			}
		}
		return top.Equal(exchange.Top{Bid: exchange.Level{Price: d.Price - 9, Volume: d.Lot}, Ask: exchange.Level{Price: d.Price + 9, Volume: d.Lot + 2}})
	})
	now := d.Now().UnixMilli()
	for _, e := range ear.all() {
		if e.Candle != nil && e.Candle.Time+time.Minute.Milliseconds() > now {
			d.Errorf("a candle is told that is still forming: %+v", *e.Candle)
		}
	}
}

// suffers is streamTells with a fault before each trade.
func suffers(fault Capability) func(*desk) {
	return func(d *desk) { streamTells(d, func() { d.Inject(fault) }) }
}

// account listens to the account until the venue listens too.
func (d *desk) account() *ear[exchange.AccountEvent] {
	d.Helper()
	ear := listen(d, d.AccountStreamer.StreamAccount)
	d.wait("the account's stream is connected", func() bool { return connections(ear) > 0 })
	if !ear.all()[0].Connected {
		d.Errorf("the account's stream begins with %+v, want that it is connected", ear.all()[0])
	}
	return ear
}

func connections(ear *ear[exchange.AccountEvent]) (n int) {
	for _, e := range ear.all() {
		if e.Connected {
			n++
		}
	}
	return n
}

// told waits until the account's stream has told of a whole order, and checks all
// that it told of it.
func (d *desk) told(ear *ear[exchange.AccountEvent], o exchange.Order) {
	d.Helper()
	var last exchange.OrderUpdate
	complete := false
	updates := func(each func(exchange.OrderUpdate)) {
		for _, e := range ear.all() {
			if e.Order != nil && e.Order.OrderID == o.ID {
				each(*e.Order)
			}
		}
	}
	d.wait("the account's stream tells that the order is filled and over", func() bool {
		updates(func(u exchange.OrderUpdate) {
			complete = complete || u.Status == exchange.Complete
			if u.Executed && u.Filled >= last.Filled {
				last = u
			}
		})
		return complete && last.Filled >= o.Filled
	})
	if last.Filled != o.Filled || last.Value != o.Value || last.Fee != o.Fee || last.FeeBase != o.FeeBase {
		d.Errorf("the account's stream ends with %+v, the order is told as %+v", last, o)
	}
	updates(func(u exchange.OrderUpdate) {
		if u.Pair != d.pair || u.ClientID != o.Request.ClientID || u.Executed && (u.Filled <= 0 || u.Filled%d.Lot != 0 || u.Value != d.value(o.Request.Price, u.Filled)) {
			d.Errorf("the account's stream tells %+v of %+v", u, o)
		}
	})
}

func accountTells(d *desk) {
	ear := d.account()
	hers := d.rest(d.ann, exchange.Sell, d.Price, 3*d.Lot)
	d.place(d.bob, d.limit(exchange.Buy, d.Price, d.Lot))
	d.place(d.bob, d.limit(exchange.Buy, d.Price, 2*d.Lot))
	d.told(ear, d.over(d.ann, hers.Request.ClientID))
	list, err := d.ann.Balances(d.Context())
	if err != nil {
		d.Fatal(err)
	}
	for _, b := range list {
		if b.Currency != d.Market.Base && b.Currency != d.Market.Counter {
			continue
		}
		d.wait("the account's stream ends with the balance in "+b.Currency, func() bool {
			var last exchange.BalanceUpdate
			for _, e := range ear.all() {
				if e.Balance != nil && e.Balance.Account == b.Account && e.Balance.Row > last.Row {
					last = *e.Balance
				}
			}
			return last.Row > 0 && last.Total.Equal(b.Total) && last.Free.Equal(b.Free())
		})
	}
}

func accountComesBack(d *desk) {
	ear := d.account()
	for range 2 {
		before := connections(ear)
		d.Cut()
		d.wait("the account's stream is connected again", func() bool { return connections(ear) > before })
		hers := d.rest(d.ann, exchange.Buy, d.Price, d.Lot)
		d.place(d.bob, d.limit(exchange.Sell, d.Price, d.Lot))
		d.told(ear, d.over(d.ann, hers.Request.ClientID))
	}
}
