package remote_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/engine/remote"
	"github.com/lunobot/lunobot/strategy/risk"
)

// replacing is a bot at an exchange that answers when it is told to.
type replacing struct {
	t       *testing.T
	session *engine.Session
	venue   *remote.Venue
	diary   diary
	events  int64
	at      int64
}

func newReplacing(t *testing.T, bounds risk.Config) *replacing {
	t.Helper()
	b := &replacing{t: t, venue: venue(t, market(), 10_000)}
	var err error
	b.session, err = engine.New(engine.Config{
		Balance: 10_000, Interval: time.Minute, Market: market(), OrderPrefix: prefix, Risk: bounds, Venue: b.venue, Recorder: &b.diary,
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// candle gives a candle at 100 and what the strategy answers.
func (b *replacing) candle(commands ...strategy.Command) {
	b.t.Helper()
	b.at += 60_000
	c := exchange.Candle{Time: b.at, Open: 100, High: 100, Low: 100, Close: 100, Volume: 1}
	if err := b.session.Begin(&c); err != nil {
		b.t.Fatal(err)
	}
	for ev := b.session.Next(); ev != nil; ev = b.session.Next() {
		if ev.Kind != strategy.CandleEvent {
			continue
		}
		if err := b.session.Commands(commands); err != nil {
			b.t.Fatal(err)
		}
	}
}

// hear tells a fill of a volume at 100 with a fee of 1 %, or the end of an order if there
// is none.
func (b *replacing) hear(number uint64, side exchange.Side, volume exchange.Steps, end *remote.End) {
	b.t.Helper()
	b.events++
	n := remote.News{Event: b.events, Number: number, At: b.at, End: end}
	if volume > 0 {
		n.Fill = &exchange.Fill{Sequence: b.events, Side: side, Price: 100, Volume: volume, Value: exchange.Ticks(100).MustTimes(volume), FeeCounter: exchange.Units(volume), Time: b.at}
	}
	b.venue.Hear(n)
	if err := b.session.Hear(); err != nil {
		b.t.Fatal(err)
	}
}

func limit(ref uint64, side exchange.Side, price exchange.Ticks, volume exchange.Steps) strategy.Command {
	return strategy.Command{Kind: strategy.PlaceCommand, Ref: ref, Side: side, Type: exchange.LimitOrder, Price: price, Volume: volume}
}

// proves PL2, T9: an order that follows the cancel of those that hold what it needs is no
// denied one, as it is none in a backtest. It is sent when they are over, becomes smaller by
// what they traded meanwhile, and is told of when nothing is left of it.
func TestAnOrderTakesThePlaceOfOthers(t *testing.T) {
	t.Parallel()
	cancel := strategy.Command{Kind: strategy.CancelAllCommand}
	for name, c := range map[string]struct {
		order strategy.Command
		// filled is what the order before yet buys, of 99 steps at 100.
		filled exchange.Steps
		// wished is the order in the end, with its volume or value; said is why there is none.
		volume exchange.Steps
		value  exchange.Units
		said   string
	}{
		"nothing traded":         {order: limit(2, exchange.Buy, 98, 100), volume: 100},
		"a part":                 {order: limit(2, exchange.Buy, 98, 100), filled: 40, volume: 60},
		"nearly all":             {order: limit(2, exchange.Buy, 98, 100), filled: 98, said: "denied buy: too little of it is left"},
		"all of it":              {order: limit(2, exchange.Buy, 98, 90), filled: 99, said: "denied buy: what it was to take the place of was filled"},
		"by value":               {order: strategy.Command{Kind: strategy.PlaceCommand, Ref: 2, Side: exchange.Buy, Type: exchange.MarketOrder, Value: 9_999}, filled: 40, value: 5_900}, // 9,999 - 4,040, and the fee in it
		"by value, all of it":    {order: strategy.Command{Kind: strategy.PlaceCommand, Ref: 2, Side: exchange.Buy, Type: exchange.MarketOrder, Value: 9_000}, filled: 99, said: "denied buy: what it was"},
		"what was paid is more":  {order: limit(2, exchange.Buy, 80, 123), filled: 40, said: "denied buy: too little is left for it"}, // 83 at 80 need 6,706 of 5,960
		"more than there is":     {order: limit(2, exchange.Buy, 98, 102), said: "denied buy: buying for"},
		"of the other side":      {order: limit(2, exchange.Sell, 120, 10), filled: 40, said: "denied sell: selling"},
		"at the market, one fee": {order: strategy.Command{Kind: strategy.PlaceCommand, Ref: 2, Side: exchange.Buy, Type: exchange.MarketOrder, Volume: 99}, filled: 9, volume: 90},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newReplacing(t, risk.Config{})
			b.candle(limit(1, exchange.Buy, 100, 99))
			b.candle(cancel, c.order)
			if w := b.venue.Wishes(); len(w) != 1 || !w[0].Asked || b.venue.Free() < 0 {
				t.Fatalf("it wants %+v with %d free, want the first order back and no other", w, b.venue.Free())
			}
			if v := b.session.View(); v.ReservedCounter > v.Counter {
				t.Fatalf("the strategy is shown %d reserved of %d", v.ReservedCounter, v.Counter)
			}
			b.hear(1, exchange.Buy, c.filled, nil)
			raw, err := json.Marshal([]any{b.venue.State(), b.session.State()})
			if err != nil {
				t.Fatal(err)
			}
			var was struct {
				venue  remote.State
				engine engine.State
			}
			if err := json.Unmarshal(raw, &[]any{&was.venue, &was.engine}); err != nil {
				t.Fatal(err)
			}
			b.venue.Restore(was.venue) // it is restarted
			b.session.Restore(was.engine)
			if v := b.session.View(); v.ReservedCounter > v.Counter {
				t.Fatalf("after the fill the strategy is shown %d reserved of %d", v.ReservedCounter, v.Counter)
			}
			end := &remote.End{Filled: c.filled, Reason: "taken back"}
			if c.filled == 99 {
				end.Reason = ""
			}
			b.hear(1, exchange.Buy, 0, end)
			said := strings.Join(b.diary.lines, "\n")
			if !strings.Contains(said, c.said) || c.said == "" && strings.Contains(said, "denied") {
				t.Errorf("it said\n%s\nwant %q", said, c.said)
			}
			w := b.venue.Wishes()
			if (c.said != "") != (len(w) == 0) {
				t.Fatalf("it wants %+v", w)
			}
			st := b.session.State()
			if len(w) == 0 {
				if len(st.Orders) > 0 || b.venue.Free() != st.Portfolio.Counter {
					t.Errorf("%+v are open with %d of %d free", st.Orders, b.venue.Free(), st.Portfolio.Counter)
				}
				return
			}
			r := w[0].Request
			if w[0].Number != 2 || r.Volume != c.volume || r.Value != c.value || len(w[0].After) > 0 || b.venue.Free() < 0 {
				t.Errorf("it wants %+v with %d free, want %d or for %d", w[0], b.venue.Free(), c.volume, c.value)
			}
			if o := st.Orders[0]; len(st.Orders) != 1 || o.Waits || o.Volume != c.volume || o.Value != c.value {
				t.Errorf("the bot has %+v", st.Orders)
			}
		})
	}
}

// proves RK1, T9: sales take the place of sales likewise; an order that waits is taken back
// at once, because nobody has it; and what waited for too long is denied.
func TestAnOrderThatWaits(t *testing.T) {
	t.Parallel()
	cancel := strategy.Command{Kind: strategy.CancelAllCommand}
	open := func(t *testing.T) *replacing {
		t.Helper()
		b := newReplacing(t, risk.Config{MaxPosition: 60})
		b.candle(limit(1, exchange.Buy, 100, 60))
		b.hear(1, exchange.Buy, 60, nil)
		b.hear(1, exchange.Buy, 0, &remote.End{Filled: 60})
		b.candle(limit(2, exchange.Sell, 110, 60))
		b.candle(cancel, limit(3, exchange.Sell, 105, 40), limit(4, exchange.Sell, 106, 20), limit(5, exchange.Sell, 106, 3))
		if w := b.venue.Wishes(); len(w) != 1 || w[0].Number != 2 || !strings.Contains(b.diary.lines[len(b.diary.lines)-1], "needs more than the 0 ") {
			t.Fatalf("it wants %+v and said %s", w, b.diary.lines)
		}
		return b
	}
	t.Run("the oldest yields first", func(t *testing.T) {
		t.Parallel()
		b := open(t)
		b.hear(2, exchange.Sell, 50, nil)
		b.hear(2, exchange.Sell, 0, &remote.End{Filled: 50, Reason: "taken back"})
		if w := b.venue.Wishes(); len(w) != 1 || w[0].Number != 4 || w[0].Request.Volume != 10 || w[0].Base != 10 {
			t.Errorf("it wants %+v, want the rest of order 4", w)
		}
	})
	t.Run("taken back", func(t *testing.T) {
		t.Parallel()
		b := open(t)
		b.candle(cancel)
		if w := b.venue.Wishes(); len(w) != 1 || w[0].Number != 2 || len(b.session.State().Orders) != 1 {
			t.Errorf("it wants %+v and has %+v, want nothing but the first", w, b.session.State().Orders)
		}
	})
	t.Run("an exit comes first", func(t *testing.T) {
		t.Parallel()
		b := open(t)
		if err := b.session.CancelAll("stop"); err != nil {
			t.Fatal(err)
		}
		if err := b.session.Sell("", 60, "closed"); err != nil {
			t.Fatal(err)
		}
		b.hear(2, exchange.Sell, 0, &remote.End{Reason: "taken back"})
		if w := b.venue.Wishes(); len(w) != 1 || w[0].Request.Volume != 60 || w[0].Request.Type != exchange.MarketOrder {
			t.Errorf("it wants %+v, want all sold", w)
		}
	})
	t.Run("for too long", func(t *testing.T) {
		t.Parallel()
		b := open(t)
		b.candle()
		if n := b.venue.Open(); n != 3 {
			t.Fatalf("%d orders are open after a minute", n)
		}
		b.candle()
		b.candle()
		b.candle()
		if n := b.venue.Open(); n != 1 || !strings.Contains(b.diary.lines[len(b.diary.lines)-1], "it waited 3m0s for orders that are being taken back") {
			t.Errorf("%d orders are open, and it said %s", n, b.diary.lines)
		}
		b.candle(limit(6, exchange.Sell, 105, 60)) // what hangs is waited for still
		b.hear(2, exchange.Sell, 0, &remote.End{Reason: "taken back"})
		if w := b.venue.Wishes(); len(w) != 1 || w[0].Number != 6 {
			t.Errorf("it wants %+v, want order 6", w)
		}
	})
	t.Run("within the largest position", func(t *testing.T) {
		t.Parallel()
		b := newReplacing(t, risk.Config{MaxPosition: 60})
		b.candle(limit(1, exchange.Buy, 100, 50))
		b.candle(cancel, limit(2, exchange.Buy, 99, 60), limit(3, exchange.Buy, 98, 5))
		b.hear(1, exchange.Buy, 20, nil)
		b.hear(1, exchange.Buy, 0, &remote.End{Filled: 20, Reason: "taken back"})
		if w := b.venue.Wishes(); len(w) != 1 || w[0].Number != 2 || w[0].Request.Volume != 40 {
			t.Errorf("it wants %+v, want 40, so that there are 60", w)
		}
	})
}

// proves T9: what fills cost beyond what was set aside for them is not there for an order
// that waits.
func TestFeesLeaveTooLittleForAnOrderThatWaits(t *testing.T) {
	t.Parallel()
	cancel := func(ref uint64) strategy.Command { return strategy.Command{Kind: strategy.CancelCommand, Ref: ref} }
	for name, c := range map[string]struct {
		number  uint64 // of the order that is charged more; 0 for one that was claimed
		volume  exchange.Steps
		orders  []strategy.Command
		replace []strategy.Command
		later   []strategy.Command
	}{
		"at once":    {1, 49, []strategy.Command{limit(1, exchange.Buy, 100, 49), limit(2, exchange.Buy, 100, 50)}, []strategy.Command{cancel(2), limit(4, exchange.Buy, 100, 50)}, nil},
		"of a claim": {0, 49, []strategy.Command{limit(2, exchange.Buy, 100, 50)}, []strategy.Command{cancel(2), limit(4, exchange.Buy, 100, 50)}, nil},
		"when it is released": {
			1, 30, []strategy.Command{limit(1, exchange.Buy, 100, 30), limit(2, exchange.Buy, 100, 30), limit(3, exchange.Buy, 100, 30)},
			[]strategy.Command{cancel(2), limit(4, exchange.Buy, 100, 39)}, []strategy.Command{cancel(3)},
		},
	} {
		b := newReplacing(t, risk.Config{})
		b.candle(c.orders...)
		b.candle(c.replace...)
		b.candle(c.later...)
		b.events++
		value := exchange.Ticks(100).MustTimes(c.volume)
		b.venue.Hear(remote.News{Event: b.events, Number: c.number, Fill: &exchange.Fill{
			Pair: pair, Sequence: 1, Side: exchange.Buy, Price: 100, Volume: c.volume, Value: value, FeeCounter: exchange.Units(c.volume) + 2,
		}})
		b.hear(c.number, exchange.Buy, 0, &remote.End{Filled: c.volume})
		b.hear(2, exchange.Buy, 0, &remote.End{Reason: "taken back"})
		for _, w := range b.venue.Wishes() {
			if w.Number == 4 {
				t.Errorf("%s: it wants %+v", name, w)
			}
		}
		if said := b.diary.lines[len(b.diary.lines)-1]; !strings.Contains(said, "denied buy: too little is left") {
			t.Errorf("%s: it said %s", name, said)
		}
	}
}

// answer lets the exchange take back what it is asked for, fill what is at the market at a
// candle's open, and accept the rest, until nothing new is wanted.
func (w *twin) answer(c exchange.Candle, placed map[uint64]bool) {
	hear := func(n remote.News) {
		w.events++
		n.Event, n.At = w.events, c.Time
		w.wishes.Hear(n)
	}
	for again := true; again; {
		again = false
		for _, wish := range w.wishes.Wishes() {
			r := wish.Request
			switch {
			case wish.Asked:
				hear(remote.News{Number: wish.Number, End: &remote.End{Reason: "taken back"}})
			case r.Type == exchange.MarketOrder:
				volume := r.Volume
				if volume < market().MinVolume {
					volume = exchange.Steps(r.Value / exchange.Units(c.Open))
				}
				if volume < market().MinVolume {
					hear(remote.News{Number: wish.Number, End: &remote.End{Reason: "it buys too little"}})
					break
				}
				hear(remote.News{Number: wish.Number, Fill: &exchange.Fill{Sequence: w.events, Side: r.Side, Price: c.Open, Volume: volume, Value: c.Open.MustTimes(volume), Time: c.Time}})
				hear(remote.News{Number: wish.Number, End: &remote.End{Filled: volume}})
			case !placed[wish.Number]:
				placed[wish.Number] = true
				hear(remote.News{Number: wish.Number, Placed: true})
			default:
				continue
			}
			again = true
		}
	}
}

// proves PL2: a strategy that takes all back and places anew in one candle trades at an
// exchange that answers in time as it does on paper.
func TestReplacingIsThatOfPaper(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newTwin(t, risk.Config{MaxOrders: 3})
		placed := map[uint64]bool{}
		for at := int64(1); at < 25; at++ {
			price := exchange.Ticks(rapid.IntRange(900, 1_100).Draw(t, "price"))
			c := exchange.Candle{Time: at * 60_000, Open: price, High: price, Low: price, Close: price, Volume: 1_000_000}
			w.answer(c, placed)
			kinds := rapid.SliceOfN(rapid.IntRange(0, 3), 0, 2).Draw(t, "orders")
			share := max(1, len(kinds))
			var wanted [2]string
			for n, s := range []*engine.Session{w.paper, w.there} {
				if err := s.Begin(&c); err != nil {
					t.Fatal(err)
				}
				for ev := s.Next(); ev != nil; ev = s.Next() {
					if ev.Kind != strategy.CandleEvent {
						continue
					}
					v := s.View()
					commands := []strategy.Command{{Kind: strategy.CancelAllCommand}}
					for i, kind := range kinds {
						ref, part := v.NextRef+uint64(i), exchange.Steps(share)
						switch kind {
						case 0: // none of these limits is ever reached
							commands = append(commands, limit(ref, exchange.Buy, 500, exchange.Steps(v.Counter/500)/part))
						case 1:
							commands = append(commands, limit(ref, exchange.Sell, 2_000, v.Base/part))
						case 2:
							commands = append(commands, strategy.Command{Kind: strategy.PlaceCommand, Ref: ref, Side: exchange.Buy, Type: exchange.MarketOrder, Value: v.Counter / exchange.Units(share)})
						case 3:
							commands = append(commands, strategy.Command{Kind: strategy.PlaceCommand, Ref: ref, Side: exchange.Sell, Type: exchange.MarketOrder, Volume: v.Base / part})
						}
					}
					if err := s.Commands(commands); err != nil {
						t.Fatal(err)
					}
				}
				for _, o := range s.State().Orders {
					if o.Asked == "" {
						wanted[n] += fmt.Sprintf("%d: %s %d for %d at %d; ", o.Ref, o.Side, o.Volume, o.Value, o.Price)
					}
				}
			}
			if wanted[0] != wanted[1] {
				t.Fatalf("on paper it wants %q, at the exchange %q", wanted[0], wanted[1])
			}
		}
		fills := func(d *diary) string {
			lines := slices.DeleteFunc(slices.Clone(d.lines), func(l string) bool { return strings.HasPrefix(l, "denied") })
			slices.Sort(lines) // within a candle they have no order
			return strings.Join(lines, "\n")
		}
		if onPaper, there := fills(&w.onPaper), fills(&w.at); onPaper != there {
			t.Fatalf("on paper it did\n%s\nat the exchange\n%s", onPaper, there)
		}
	})
}

// proves T9: what several fills, heard at once, take off an order that waits is no longer set
// aside for it.
func TestFillsHeardAtOnceFreeWhatTheyTookOff(t *testing.T) {
	t.Parallel()
	for name, order := range map[string]strategy.Command{
		"by volume": limit(2, exchange.Buy, 98, 98),
		"by value":  {Kind: strategy.PlaceCommand, Ref: 2, Side: exchange.Buy, Type: exchange.MarketOrder, Value: 9_999},
	} {
		b := newReplacing(t, risk.Config{})
		b.candle(limit(1, exchange.Buy, 100, 99))
		b.candle(strategy.Command{Kind: strategy.CancelAllCommand}, order)
		for n := range int64(2) {
			b.venue.Hear(remote.News{Event: n + 1, Number: 1, Fill: &exchange.Fill{
				Sequence: n + 1, Side: exchange.Buy, Price: 100, Volume: 40, Value: 4_000, FeeCounter: 40, Time: b.at,
			}})
		}
		b.events = 2
		b.hear(1, exchange.Buy, 0, &remote.End{Filled: 80, Reason: "taken back"})
		w, v := b.venue.Wishes(), b.session.View()
		if len(w) != 1 || w[0].Number != 2 || b.venue.Free() < 0 {
			t.Fatalf("%s: it wants %+v with %d free", name, w, b.venue.Free())
		}
		r, o := w[0].Request, b.session.State().Orders[0]
		if o.Waits || o.Volume != r.Volume || o.Value != r.Value || v.ReservedCounter > v.Counter {
			t.Errorf("%s: it wants %+v, and the bot has %+v; the strategy is shown %d reserved of %d", name, r, o, v.ReservedCounter, v.Counter)
		}
	}
}
