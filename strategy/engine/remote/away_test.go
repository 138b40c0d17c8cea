package remote_test

import (
	"encoding/json"
	"reflect"
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

// holder is a session at an exchange that holds 100 steps, bought at 100, and has begun
// its second candle, and its venue.
func holder(t interface{ Fatal(args ...any) }, since int64, exits strategy.Exits, bounds ...risk.Config) (*engine.Session, *remote.Venue) {
	v, err := remote.New(remote.Config{Balance: 10_000, Market: market(), OrderPrefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	cfg := engine.Config{Balance: 10_000, Interval: time.Minute, Market: market(), OrderPrefix: prefix, Venue: v}
	if len(bounds) > 0 {
		cfg.Risk = bounds[0]
	}
	s, err := engine.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	begins(t, s, candle(1, 100), []strategy.Command{
		{Kind: strategy.PlaceCommand, Ref: 1, Side: exchange.Buy, Type: exchange.LimitOrder, Price: 100, Volume: 100},
	})
	fill := exchange.Fill{Sequence: 1, Side: exchange.Buy, Price: 100, Volume: 100, Value: 10_000, Time: since}
	v.Hear(remote.News{Event: 1, Number: 1, Fill: &fill})
	v.Hear(remote.News{Event: 2, Number: 1, End: &remote.End{Filled: 100}})
	if err := s.Hear(); err != nil {
		t.Fatal(err)
	}
	begins(t, s, candle(2, 100), []strategy.Command{{Kind: strategy.ExitsCommand, Exits: exits}})
	return s, v
}

func candle(at int64, low exchange.Ticks) exchange.Candle {
	return exchange.Candle{Time: at * 60_000, Open: max(100, low), High: max(100, low), Low: low, Close: low, Volume: 1}
}

// begins gives a session a candle, answers that with commands, and returns what was told.
func begins(t interface{ Fatal(args ...any) }, s *engine.Session, c exchange.Candle, cs []strategy.Command) (told []strategy.Event) {
	if err := s.Begin(&c); err != nil {
		t.Fatal(err)
	}
	for ev := s.Next(); ev != nil; ev = s.Next() {
		told = append(told, *ev)
		var answer []strategy.Command
		if ev.Kind == strategy.CandleEvent {
			answer = cs
		}
		if err := s.Commands(answer); err != nil {
			t.Fatal(err)
		}
	}
	return told
}

// proves RK3: the exit of a bot whose strategy is away acts on the candle that reaches it,
// once, also after a restart, and not on candles of before its position. The strategy hears
// every candle afterwards, and what became of the exit before them.
func TestExitsActWithoutTheStrategy(t *testing.T) {
	t.Parallel()
	s, v := holder(t, 120_000, strategy.Exits{Stop: 90})
	for at, low := range []exchange.Ticks{3: 95, 4: 89, 5: 80} {
		if at < 3 {
			continue
		}
		c := candle(int64(at), low)
		s.Protect(&c)
		want := 0
		if at >= 4 {
			want = 1
		}
		if w := v.Wishes(); len(w) != want || want > 0 && (!w[0].Exit || w[0].Request.Volume != 100 || w[0].Request.Time != 240_000) {
			t.Fatalf("after minute %d it wishes %+v", at, w)
		}
		raw, err := json.Marshal(s.State())
		var st engine.State
		if err == nil {
			err = json.Unmarshal(raw, &st)
		}
		if err != nil {
			t.Fatal(err)
		}
		s.Restore(st)
	}
	if s.LastTime() != 120_000 || s.Protected() != 300_000 {
		t.Errorf("it has begun %d and judged %d", s.LastTime(), s.Protected())
	}
	fill := exchange.Fill{Sequence: 2, Side: exchange.Sell, Price: 89, Volume: 100, Value: 8_900, Time: 301_000}
	v.Hear(remote.News{Event: 3, Number: 2, Fill: &fill})
	v.Hear(remote.News{Event: 4, Number: 2, End: &remote.End{Filled: 100}})
	if err := s.Hear(); err != nil || s.Portfolio().Base != 0 {
		t.Fatalf("%v, it holds %d", err, s.Portfolio().Base)
	}
	var heard []string
	last := int64(0)
	for at, low := range []exchange.Ticks{3: 95, 4: 89, 5: 80, 6: 100} {
		if at < 3 {
			continue
		}
		for _, ev := range begins(t, s, candle(int64(at), low), nil) {
			if heard = append(heard, ev.Kind.String()); ev.Time < last {
				t.Errorf("%s of %d after %d", ev.Kind, ev.Time, last)
			}
			last = ev.Time
		}
	}
	if got := strings.Join(heard, " "); strings.Count(got, "candle") != 4 || strings.Count(got, "fill") != 1 || strings.LastIndex(got, "fill") > strings.Index(got, "candle") {
		t.Errorf("the strategy hears %s", got)
	}
	if len(v.Wishes()) > 0 || s.Portfolio().Base != 0 || s.View().NextRef != 3 {
		t.Errorf("in the end it wishes %+v and holds %d", v.Wishes(), s.Portfolio().Base)
	}
	late, lv := holder(t, 240_000, strategy.Exits{Stop: 90})
	for _, at := range []int64{2, 3} { // begun with already, and before it held anything
		c := candle(at, 10)
		if late.Protect(&c); len(lv.Wishes()) > 0 {
			t.Errorf("the candle of minute %d closes it: %+v", at, lv.Wishes())
		}
	}
}

// proves PL1 for a strategy that was away: whenever that is, it hears the same candles as
// one that never was, and as long as no exit acted all that it finds and does is the same.
func TestAwayStrategiesMissNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		stop := rapid.SampledFrom([]exchange.Ticks{0, 90}).Draw(t, "stop")
		bounds := rapid.SampledFrom([]risk.Config{{}, {TrailingStop: exchange.RateOne / 10}, {MaxHold: 5 * time.Minute}, {MaxDrawdown: exchange.RateOne / 20}, {
			MaxDailyLoss: exchange.RateOne / 20, TrailingStop: exchange.RateOne / 2,
		}}).Draw(t, "bounds")
		lows := rapid.SliceOfN(rapid.SampledFrom([]exchange.Ticks{89, 94, 97, 99, 103}), 1, 12).Draw(t, "lows")
		from := rapid.IntRange(0, len(lows)).Draw(t, "from")
		to := rapid.IntRange(from, len(lows)).Draw(t, "to")
		run := func(from, to int) (candles []strategy.Event, st engine.State, wishes []remote.Wish) {
			s, v := holder(t, 120_000, strategy.Exits{Stop: stop}, bounds)
			give := func(i int) {
				c := candle(int64(i+3), lows[i])
				for _, ev := range begins(t, s, c, []strategy.Command{{Kind: strategy.NoteCommand, Text: "seen"}}) {
					if ev.Kind == strategy.CandleEvent {
						candles = append(candles, ev)
					}
				}
			}
			for i := range from {
				give(i)
			}
			for i := from; i < to; i++ {
				c := candle(int64(i+3), lows[i])
				s.Protect(&c)
			}
			for i := from; i < len(lows); i++ {
				give(i)
			}
			return candles, s.State(), v.Wishes()
		}
		want, wantState, wantWishes := run(0, 0)
		got, gotState, gotWishes := run(from, to)
		if !slices.EqualFunc(got, want, func(a, b strategy.Event) bool { return reflect.DeepEqual(a, b) }) {
			t.Fatalf("it hears %+v, want %+v", got, want)
		}
		if !slices.EqualFunc(gotWishes, wantWishes, func(a, b remote.Wish) bool { return reflect.DeepEqual(a, b) }) {
			t.Fatalf("it wishes %+v, want %+v", gotWishes, wantWishes)
		}
		if len(wantWishes) > 0 { // and the account differs by when it was known
			wantState, gotState = engine.State{Watch: wantState.Watch}, engine.State{Watch: gotState.Watch}
		}
		gotState.Protected = engine.Protected{}
		if !reflect.DeepEqual(gotState, wantState) {
			t.Fatalf("it ends with %+v, want %+v", gotState, wantState)
		}
	})
}

// proves PL1, RK1: what is believed of a close values the account also after a restart, when
// news of its orders comes, and without the strategy.
func TestWhatIsBelievedOfACloseOutlivesARestart(t *testing.T) {
	t.Parallel()
	s, v := holder(t, 120_000, strategy.Exits{}, risk.Config{MaxDrawdown: exchange.RateOne / 5})
	bad := candle(3, 50)
	s.Believe(bad.Within(100, 100))
	begins(t, s, bad, []strategy.Command{{Kind: strategy.PlaceCommand, Ref: 2, Side: exchange.Sell, Type: exchange.LimitOrder, Price: 100, Volume: 10}})
	raw, err := json.Marshal(s.State())
	var st engine.State
	if err == nil {
		err = json.Unmarshal(raw, &st)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Restore(st)
	v.Hear(remote.News{Event: 3, Number: v.Wishes()[0].Number, Fill: &exchange.Fill{Sequence: 2, Side: exchange.Sell, Price: 100, Volume: 4, Value: 400, Time: 240_001}})
	if err := s.Hear(); err != nil || s.Portfolio().Base != 96 || s.Equity() != 10_000 || s.LastPrice() != 50 || s.MaxDrawdown() != 0 {
		t.Fatalf("%v: it holds %d, worth %d, after a drawdown of %v", err, s.Portfolio().Base, s.Equity(), s.MaxDrawdown())
	}
	away := candle(4, 50)
	away = away.Within(100, 100)
	if s.Protect(&away); s.Breaker().Kind != "" || s.Appraised() != 10_000 {
		t.Errorf("it is held back by %+v, worth %d", s.Breaker(), s.Appraised())
	}
	if begins(t, s, candle(5, 70), nil); s.Breaker().Kind != risk.Drawdown || len(v.Wishes()) == 0 {
		t.Errorf("a true loss leaves it with %+v, and it wishes %+v", s.Breaker(), v.Wishes())
	}
}
