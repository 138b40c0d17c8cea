package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
)

// quotes is a stream that tells what a test sends, after a history without candles.
type quotes struct {
	exchange.MarketData
	events chan exchange.StreamEvent
}

func (quotes) Candles(context.Context, string, time.Duration, time.Time, int) ([]exchange.Candle, error) {
	return nil, nil
}

// Stream implements exchange.Streamer.
func (q quotes) Stream(ctx context.Context, _ string, sink func(exchange.StreamEvent)) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e := <-q.events:
			sink(e)
		}
	}
}

// copybook is a shelter that keeps what is on the tapes.
type copybook struct {
	*shelter
	points []parity.Point
	fills  []journal.Fill
	// tries counts commits, also those in vain.
	tries int
}

func (c *copybook) Commit(ctx context.Context, entries ...journal.Entry) error {
	c.tries++
	err := c.shelter.Commit(ctx, entries...)
	for _, e := range entries {
		if err != nil || e.Point == nil {
			continue
		}
		var p parity.Point
		if err := json.Unmarshal(e.Point.Body, &p); err != nil {
			return err
		}
		c.points, c.fills = append(c.points, p), append(c.fills, e.Fills...)
	}
	return err
}

func (*copybook) KeepCandles(context.Context, string, []exchange.Candle) error { return nil }

// tickled is a bot at work that holds 500 steps, bought at 100 with a stop-loss of a tenth,
// in a group that watches the trades of a stream. Nobody must ask its strategy: there is none.
type tickled struct {
	*copybook
	t        *testing.T
	g        *group
	m        *member
	stream   quotes
	baseline parity.Baseline
	begin    int64 // of the minute that is under way
	sequence int64
}

func newTickled(t *testing.T, mode bot.Mode) *tickled {
	t.Helper()
	s, g, m, _ := newOrphan(t, &absent{})
	w := &tickled{copybook: &copybook{shelter: s}, t: t, g: g, m: m, stream: quotes{events: make(chan exchange.StreamEvent)}}
	g.r.cfg.Journal = w.copybook
	w.begin = s.now.UnixMilli()
	if mode != bot.Live {
		m.live, m.assignment.Config.Mode, m.assignment.Bot.Mode = nil, mode, mode
	}
	terms, err := termsOf(s.market.Pair, m.assignment.Config, s)
	if err != nil {
		t.Fatal(err)
	}
	m.rec = &recorder{botID: "bot", run: 1, markets: terms.Markets()}
	a, err := parity.NewAccount(terms, parity.AccountConfig{OrderPrefix: m.prefix(), Recorder: m.rec, Live: m.trades()})
	if err == nil {
		err = a.Seek(exchange.Flat(w.begin-span, 100))
	}
	if err != nil {
		t.Fatal(err)
	}
	st := a.State()
	st.Engine.Portfolio.Base, st.Engine.Portfolio.Cost, st.Engine.Portfolio.Opened = 500, 50_000, 1
	if m.trades() {
		st.Remote[0].Base = 500
	} else {
		st.Venue.Base = 500
	}
	if err := a.Restore(st); err != nil {
		t.Fatal(err)
	}
	m.account, m.market, m.number, m.current, m.snapshot = a, s.market, 1, true, &strategy.Snapshot{}
	w.baseline = parity.Baseline{Terms: terms, AccountState: a.State()}
	m.taping = &taping{terms: terms, sum: "x", based: true}
	m.spool(parity.Sums{})
	raw, err := m.state().encode()
	if err != nil {
		t.Fatal(err)
	}
	s.saved = journal.Checkpoint{BotID: "bot", Run: 1, State: raw}
	g.active, g.waiting = []*member{m}, nil
	feed, err := marketdata.NewFeed(marketdata.FeedConfig{History: w.stream, Upstream: w.stream, Now: func() time.Time { return time.UnixMilli(w.begin) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(feed.Stop)
	sub, err := feed.Subscribe(s.market.Pair)
	if err != nil {
		t.Fatal(err)
	}
	g.own = g.lookout(s.market.Pair, sub)
	before := exchange.Flat(w.begin-span, 100)
	w.stream.events <- exchange.StreamEvent{Candle: &before}
	return w
}

// trade lets the market trade in a second of the minute, and once somebody is told of that
// lets the group judge it.
func (w *tickled) trade(second int64, price exchange.Ticks, told bool) {
	w.t.Helper()
	w.sequence++
	w.stream.events <- exchange.StreamEvent{Tick: &exchange.Tick{Time: w.begin + second*1000, Price: price, Volume: 1, Sequence: w.sequence}}
	w.stream.events <- exchange.StreamEvent{} // the one before is taken once this is
	select {
	case <-w.g.rung:
		if !told {
			w.t.Fatalf("a trade at %d is told", price)
		}
	default:
		if told {
			w.t.Fatalf("a trade at %d is not told", price)
		}
	}
	w.now = w.now.Add(judgeEvery)
	w.g.redraw()
	w.g.judge(w.t.Context())
}

// sold is what the newest checkpoint has of an exit: how much is to be sold, or was.
func (w *tickled) sold() exchange.Steps {
	w.t.Helper()
	st := w.written(w.t)
	if !w.m.trades() {
		return 500 - st.Engine.Portfolio.Base
	}
	sum := exchange.Steps(0)
	for _, x := range st.Remote[0].Wishes {
		sum += x.Request.Volume
	}
	return sum
}

// identical replays the tape.
func (w *tickled) identical() {
	w.t.Helper()
	idle, err := strategy.Define(strategy.Info{Name: "idle", Version: "1.0.0", Summary: "Does nothing."}, struct{}{}, func(struct{}) strategy.Strategy { return &idling{} })
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := parity.Check(w.t.Context(), parity.Input{Baseline: w.baseline, Points: w.points, Open: parity.Local(idle)})
	if err != nil || r.Difference != nil || r.Acts == 0 {
		w.t.Fatalf("replayed it is %+v, %v", r, err)
	}
}

type idling struct{}

func (*idling) OnCandle(*strategy.Bot, exchange.Candle) {}

// proves RK1, RK3, PL2: a stop-loss acts within a minute on the trade that reaches it, on paper
// and at an exchange, without the strategy; it is committed at once, and acts once; the tape
// leads a replay to the same exit.
func TestExitsActOnTrades(t *testing.T) {
	t.Parallel()
	for _, mode := range []bot.Mode{bot.Paper, bot.Live} {
		w := newTickled(t, mode)
		w.trade(1, 100, true)
		w.trade(2, 91, false) // nobody knows yet whether that is so
		w.trade(3, 91, true)  // and it is above the stop
		if w.sold() != 0 || len(w.points) != 0 {
			t.Fatalf("%s: above its stop it sells", mode)
		}
		for second := int64(4); second < 8; second++ {
			w.trade(second, 90, true)
		}
		if w.sold() != 500 || len(w.points) != 1 {
			t.Fatalf("%s: it sells %d, in %d commits", mode, w.sold(), len(w.points))
		}
		if st := w.written(t).Engine; st.Struck != w.begin+4000 || st.LastTime != w.begin-span {
			t.Errorf("%s: it acted at %d, after the candle of %d", mode, st.Struck, st.LastTime)
		}
		if mode == bot.Paper && (len(w.fills) != 1 || !w.fills[0].Price.Equal(decimal.NewFromInt(90)) || w.fills[0].Time.UnixMilli() != w.begin+4000) {
			t.Errorf("it traded %+v", w.fills)
		}
		w.identical()
	}
}

// proves RK3: the exits of a bot that has failed act on trades as well, and then it is let go.
func TestExitsOfAFailedBotActOnTrades(t *testing.T) {
	t.Parallel()
	w := newTickled(t, bot.Paper)
	w.m.sentinel, w.m.failure = true, "a bad answer"
	w.g.active, w.g.guards = nil, []*member{w.m}
	w.trade(1, 91, false)
	if w.trade(2, 91, true); w.sold() != 0 || w.m.over {
		t.Fatal("it is let go before its stop")
	}
	w.trade(3, 90, true)
	if w.sold() != 500 || !w.m.over || w.last() != "error: a bad answer" {
		t.Errorf("it sold %d, over %t, told %q", w.sold(), w.m.over, w.told)
	}
}

// proves T1, RK3: an exit that was decided and not committed is not sent. It is committed once
// that is possible again, without another candle; and a worker that died before decides it
// again on the next price. It is never doubled.
func TestExitsOnTradesSurviveOutagesAndKills(t *testing.T) {
	t.Parallel()
	for _, mode := range []bot.Mode{bot.Paper, bot.Live} {
		for _, killed := range []bool{false, true} {
			w := newTickled(t, mode)
			before := w.baseline.AccountState
			w.trade(1, 100, true)
			w.outage = errors.New("the database is away")
			w.trade(2, 90, false)
			w.trade(3, 90, true)
			if w.outage = nil; w.sold() != 0 || len(w.g.owed) != 1 {
				t.Fatalf("%s: in an outage it sells %d, and %d are owed", mode, w.sold(), len(w.g.owed))
			}
			if killed {
				w.g.owed, w.points = nil, nil
				w.m.rec.reset()
				w.m.spool(parity.Sums{})
				if err := w.m.account.Restore(before); err != nil {
					t.Fatal(err)
				}
			}
			w.trade(4, 90, true)
			w.trade(5, 90, true)
			if w.sold() != 500 || len(w.g.owed) != 0 || len(w.points) != 1 {
				t.Fatalf("%s, killed %t: it sells %d, in %d commits", mode, killed, w.sold(), len(w.points))
			}
			w.identical()
		}
	}
}

// proves RK3: in an outage of the database exits that have acted are tried again after pauses
// that become longer, however many trades there are meanwhile; those of other bots that act
// meanwhile make nobody forget them; and the groups are not woken up while they pause.
func TestExitsInAnOutageAreTriedWithPauses(t *testing.T) {
	t.Parallel()
	w := newTickled(t, bot.Live)
	w.trade(1, 100, true)
	w.outage = errors.New("the database is away")
	w.trade(2, 90, false)
	w.trade(3, 90, true)
	first := w.tries
	for range 10 {
		w.g.judge(t.Context())
	}
	if first == 0 || w.tries != first || w.g.later == nil {
		t.Fatalf("within the pause it was tried %d times, after %d", w.tries, first)
	}
	if w.trade(4, 100, false); w.tries != first+1 {
		t.Fatalf("after the pause it was tried %d times, after %d", w.tries, first)
	}
	w.now = w.now.Add(judgeEvery)
	if w.g.judge(t.Context()); w.tries != first+1 {
		t.Fatal("the second pause is no longer than the first")
	}
	if w.trade(5, 100, true); w.tries != first+2 {
		t.Fatalf("after the second pause it was tried %d times, after %d", w.tries, first)
	}
	w.g.judge(t.Context())
	w.sequence++
	w.stream.events <- exchange.StreamEvent{Tick: &exchange.Tick{Time: w.begin + 6000, Price: 100, Volume: 1, Sequence: w.sequence}}
	w.stream.events <- exchange.StreamEvent{}
	if len(w.g.rung) > 0 {
		t.Error("a trade within the pause wakes the group up")
	}
	if w.g.bookNow(t.Context(), []*member{{over: true, current: true}}); len(w.g.owed) != 1 || w.g.owed[0] != w.m {
		t.Fatalf("another bot acts, and %d are owed", len(w.g.owed))
	}
	w.outage = nil
	w.now = w.now.Add(4 * judgeEvery)
	if w.g.judge(t.Context()); w.sold() != 500 || len(w.g.owed) != 0 {
		t.Errorf("it sells %d, %d are owed", w.sold(), len(w.g.owed))
	}
	w.trade(7, 100, true)
	w.identical()
}

// proves RK3: of many bots whose exits one price reaches the first do not wait for the last:
// they are committed in parts, and all of them act.
func TestManyExitsAreCommittedInParts(t *testing.T) {
	t.Parallel()
	w := newTickled(t, bot.Live)
	for i := range reachedAtOnce {
		m := &member{assignment: w.m.assignment, at: w.m.at, lease: w.m.lease, rec: &recorder{}, market: w.market, number: uint64(2 + i), current: true, snapshot: &strategy.Snapshot{}}
		var err error
		if m.account, err = parity.NewAccount(w.baseline.Terms, parity.AccountConfig{OrderPrefix: m.prefix(), Live: true}); err == nil {
			err = m.account.Restore(w.baseline.AccountState)
		}
		if err != nil {
			t.Fatal(err)
		}
		w.g.active = append(w.g.active, m)
	}
	w.trade(1, 100, true)
	w.trade(2, 90, false)
	w.trade(3, 90, true)
	if w.tries != 2 {
		t.Errorf("%d bots are committed in %d parts", len(w.g.active), w.tries)
	}
	for i, m := range w.g.active {
		if list := m.account.Wishes(); len(list) != 1 || list[0].Request.Volume != 500 {
			t.Fatalf("bot %d wishes %+v", i, list)
		}
	}
}

// proves RK3: one bad print sells nothing, neither when it is traded nor when its candle has
// closed; also while the strategy is away, when a true one sells as ever.
func TestOneBadPrintSellsNothing(t *testing.T) {
	t.Parallel()
	w := newTickled(t, bot.Live)
	w.trade(1, 100, true)
	w.trade(2, 50, false)
	w.trade(4, 100, true)
	k := exchange.Candle{Time: w.begin, Open: 100, High: 100, Low: 50, Close: 100, Volume: 3}
	w.m.sentinel, w.m.current = true, false
	w.g.active, w.g.waiting = nil, []*member{w.m}
	if w.candle(k); w.sold() != 0 {
		t.Fatal("its candle sells")
	}
	if b, ok := w.g.belief(w.market.Pair, k); !ok || b.Low != 100 {
		t.Fatalf("of it is believed %+v", b)
	}
	if _, ok := w.g.belief(w.market.Pair, k.Within(50, 99)); ok {
		t.Error("and of another candle of the minute")
	}
	w.trade(5, 90, false)
	if w.trade(7, 90, true); w.sold() != 500 {
		t.Errorf("then it sells %d", w.sold())
	}
	w.identical()
}

// proves RK3: one bad print sells nothing in the quiet minutes after it either, while its price
// is that of their candles; a true gap sells, once the book confirms it.
func TestOneBadPrintBeforeAQuietMinuteSellsNothing(t *testing.T) {
	t.Parallel()
	w := newTickled(t, bot.Live)
	w.m.sentinel, w.m.current = true, false
	w.g.active, w.g.waiting = nil, []*member{w.m}
	book := func(bid, ask exchange.Ticks) {
		w.stream.events <- exchange.StreamEvent{Top: &exchange.Top{
			Bid: exchange.Level{Price: bid}, Ask: exchange.Level{Price: ask}, Time: w.begin + 59_000,
		}}
	}
	w.trade(1, 100, true)
	w.trade(50, 50, false)
	book(100, 101) // and so the print is forgotten
	for _, k := range []exchange.Candle{
		{Time: w.begin, Open: 100, High: 100, Low: 50, Close: 50, Volume: 2}, exchange.Flat(w.begin+span, 50), exchange.Flat(w.begin+2*span, 50),
	} {
		w.candle(k)
		if w.sold() != 0 || w.m.account.Appraised() != w.baseline.AccountState.Engine.Equity+50_000 {
			t.Fatalf("the candle of %d sells %d, and the account is worth %d", k.Time, w.sold(), w.m.account.Appraised())
		}
	}
	book(50, 51)
	w.candle(exchange.Flat(w.begin, 50))
	if w.sold() != 500 {
		t.Errorf("the book has followed, and it sells %d", w.sold())
	}
	w.identical()
}

// candle lets the stream close a candle, and the group judge it for bots whose strategy is
// away; the minute after it is under way.
func (w *tickled) candle(k exchange.Candle) {
	w.t.Helper()
	w.stream.events <- exchange.StreamEvent{Candle: &k}
	for ev := range w.g.own.sub.Events() {
		if ev.Candle != nil && ev.Candle.Time == k.Time {
			w.g.own.note(&ev)
			break
		}
	}
	w.begin = k.Time + span
	w.now = time.UnixMilli(w.begin)
	w.g.watch(w.t.Context(), &k)
}

// proves that watching costs little: however many bots there are on a pair, a price that
// reaches none is one comparison, and their exits are looked through at most four times a
// second.
func BenchmarkExitsOnTrades(b *testing.B) {
	const bots = 10_000
	terms := parity.Terms{
		Market:   exchange.Market{Pair: "XBTMYR", Base: "XBT", Counter: "MYR", Tick: decimal.New(1, 0), Step: decimal.New(1, -4), Status: exchange.MarketActive},
		Interval: base, Decide: base, Balance: 1_000_000,
	}
	terms.Risk.StopLoss, terms.Risk.TrailingStop = exchange.RateOne/10, exchange.RateOne/20
	g := newGroup(&Runner{}, groupKey{pair: "XBTMYR"})
	l := &lookout{pair: "XBTMYR"}
	for i := range bots {
		a, err := parity.NewAccount(terms, parity.AccountConfig{OrderPrefix: fmt.Sprint(i)})
		if err == nil {
			err = a.Seek(exchange.Flat(span, 10_000))
		}
		if err != nil {
			b.Fatal(err)
		}
		st := a.State()
		st.Engine.Portfolio.Base, st.Engine.Portfolio.Cost, st.Engine.Portfolio.Opened = 500, exchange.Units(5_000_000+i), 1
		if err := a.Restore(st); err != nil {
			b.Fatal(err)
		}
		g.active = append(g.active, &member{account: a})
	}
	b.Run("a price", func(b *testing.B) {
		l.alarm, l.drawn = g.alarm(l.pair), true
		for i := int64(0); b.Loop(); i++ {
			p := l.next(marketdata.Prints{From: 2*span + i, To: 2*span + i, Low: 9_990, High: 9_990, Last: 9_990})
			if l.alarm.Rings(p.Low, p.High, p.Peak, p.To) {
				b.Fatal("it rings")
			}
		}
	})
	b.Run("10,000 bots looked through", func(b *testing.B) {
		for b.Loop() {
			if g.alarm(l.pair).Stop == 0 {
				b.Fatal("none is armed")
			}
		}
	})
}
