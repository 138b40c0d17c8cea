package remote_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/engine/remote"
	"github.com/lunobot/lunobot/strategy/portfolio"
	"github.com/lunobot/lunobot/strategy/risk"
)

// diary keeps what a session did, in words that are those of paper and of an exchange.
type diary struct{ lines []string }

var _ engine.Narrator = (*diary)(nil)

func (d *diary) Fill(f exchange.Fill, ref uint64, _ portfolio.Result) {
	d.lines = append(d.lines, fmt.Sprintf("%d: %s %d@%d at %d", ref, f.Side, f.Volume, f.Price, f.Time))
}

func (d *diary) Order(engine.OrderRecord) {}

func (d *diary) Decision(n engine.Decision) {
	if n.Kind == engine.Exit || n.Kind == engine.Protection || n.Kind == engine.Denied {
		d.lines = append(d.lines, fmt.Sprintf("%s at %d: %s", n.Kind, n.Time, n.Text))
	}
}

func (d *diary) Plot(int64, string, string, float64) {}

// twin is one bot on paper and at an exchange.
type twin struct {
	t            rapid.TB
	paper, there *engine.Session
	wishes       *remote.Venue
	onPaper, at  diary
	events       int64
}

func newTwin(t rapid.TB, bounds risk.Config) *twin {
	w := &twin{t: t}
	m := market()
	m.MaxVolume = 0
	simulated, err := paper.NewVenue(paper.VenueConfig{Market: m, Balance: cash})
	if err != nil {
		t.Fatal(err)
	}
	if w.wishes, err = remote.New(remote.Config{Market: m, Balance: cash, OrderPrefix: prefix}); err != nil {
		t.Fatal(err)
	}
	cfg := engine.Config{Balance: cash, Interval: time.Minute, Market: m, OrderPrefix: prefix, Risk: bounds, Venue: simulated, Recorder: &w.onPaper}
	if w.paper, err = engine.New(cfg); err != nil {
		t.Fatal(err)
	}
	cfg.Venue, cfg.Recorder = w.wishes, &w.at
	if w.there, err = engine.New(cfg); err != nil {
		t.Fatal(err)
	}
	return w
}

// trade fills what is wanted at the exchange as paper does: at the open of a candle.
func (w *twin) trade(c exchange.Candle) {
	for _, wish := range w.wishes.Wishes() {
		f := exchange.Fill{
			Sequence: w.events + 1, Side: wish.Request.Side, Price: c.Open, Volume: wish.Request.Volume, Value: c.Open.MustTimes(wish.Request.Volume), Time: c.Time,
		}
		w.events++
		w.wishes.Hear(remote.News{Event: w.events, Number: wish.Number, At: c.Time, Fill: &f})
		w.events++
		w.wishes.Hear(remote.News{Event: w.events, Number: wish.Number, At: c.Time, End: &remote.End{Filled: f.Volume}})
	}
}

// candle gives both the same candle and the same answer to it.
func (w *twin) candle(c exchange.Candle, side exchange.Side, volume exchange.Steps) {
	w.trade(c)
	for _, s := range []*engine.Session{w.paper, w.there} {
		if err := s.Begin(&c); err != nil {
			w.t.Fatal(err)
		}
		for ev := s.Next(); ev != nil; ev = s.Next() {
			if ev.Kind != strategy.CandleEvent || volume == 0 {
				continue
			}
			order := strategy.Command{Kind: strategy.PlaceCommand, Ref: s.View().NextRef, Side: side, Type: exchange.MarketOrder, Volume: volume}
			if err := s.Commands([]strategy.Command{order}); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	if w.paper.Breaker() != w.there.Breaker() || w.paper.Equity() != w.there.Equity() {
		w.t.Fatalf("on paper there is %+v at %d, at the exchange %+v at %d", w.paper.Breaker(), w.paper.Equity(), w.there.Breaker(), w.there.Equity())
	}
}

// proves RK1: the bounds do the same on paper and at an exchange that fills at the same
// prices: the same fills, exits, breakers and denials at the same times.
func TestBoundsAreThoseOfPaper(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newTwin(t, risk.Config{
			MaxHold:          rapid.SampledFrom([]time.Duration{0, 3 * time.Minute}).Draw(t, "longest holding"),
			CoolDown:         rapid.SampledFrom([]time.Duration{0, 2 * time.Minute}).Draw(t, "cool-down"),
			MaxDailyLoss:     rapid.SampledFrom([]exchange.Rate{0, 100_000}).Draw(t, "daily loss"),
			MaxDrawdown:      rapid.SampledFrom([]exchange.Rate{0, 200_000}).Draw(t, "drawdown"),
			MaxOrdersAMinute: rapid.SampledFrom([]int{0, 1}).Draw(t, "orders a minute"),
		})
		price := exchange.Ticks(1_000)
		const begin = int64(24*60 - 8)
		for at := begin; at < begin+20; at++ {
			price += exchange.Ticks(rapid.IntRange(-8, 6).Draw(t, "move"))
			c := exchange.Candle{Time: at * 60_000, Open: price, High: price, Low: price, Close: price, Volume: 1_000}
			w.candle(c, rapid.SampledFrom([]exchange.Side{exchange.Buy, exchange.Buy, exchange.Sell}).Draw(t, "side"), exchange.Steps(rapid.SampledFrom([]int{0, 3, 20, 45}).Draw(t, "volume")))
			if at == begin+14 {
				w.paper.ResumeBreaker()
				w.there.ResumeBreaker()
			}
		}
		if !slices.Equal(w.onPaper.lines, w.at.lines) {
			t.Fatalf("on paper it did\n%s\nat the exchange\n%s", strings.Join(w.onPaper.lines, "\n"), strings.Join(w.at.lines, "\n"))
		}
	})
}

// proves RK1, RK3: a breaker asks for all orders back, and closes the position by an
// urgent exit that waits for them; what a late fill brings is closed at the next candle.
func TestABreakerClosesAtTheExchange(t *testing.T) {
	t.Parallel()
	w := newTwin(t, risk.Config{MaxDrawdown: 1_000_000})
	events := int64(0)
	hear := func(number uint64, f *exchange.Fill, end *remote.End) {
		events++
		w.wishes.Hear(remote.News{Event: events, Number: number, At: events, Fill: f, End: end})
		if err := w.there.Hear(); err != nil {
			t.Fatal(err)
		}
	}
	fill := func(side exchange.Side, price exchange.Ticks, volume exchange.Steps) *exchange.Fill {
		return &exchange.Fill{Sequence: events + 1, Side: side, Price: price, Volume: volume, Value: price.MustTimes(volume), Time: events}
	}
	candle := func(at int64, price exchange.Ticks, commands ...strategy.Command) {
		c := exchange.Candle{Time: at * 60_000, Open: price, High: price, Low: price, Close: price, Volume: 1}
		if err := w.there.Begin(&c); err != nil {
			t.Fatal(err)
		}
		for ev := w.there.Next(); ev != nil; ev = w.there.Next() {
			if ev.Kind != strategy.CandleEvent {
				continue
			}
			if err := w.there.Commands(commands); err != nil {
				t.Fatal(err)
			}
		}
	}
	candle(1, 1_000, limit(1, exchange.Buy, 1_000, 100))
	hear(1, fill(exchange.Buy, 1_000, 100), nil)
	hear(1, nil, &remote.End{Filled: 100})
	candle(2, 1_000, limit(2, exchange.Sell, 1_100, 40), limit(3, exchange.Buy, 900, 50))
	candle(3, 900) // 990,000 of 1,000,000
	if got := w.there.Breaker(); got.Kind != risk.Drawdown {
		t.Fatalf("the breaker is %+v", got)
	}
	wishes := w.wishes.Wishes()
	if len(wishes) != 2 || !wishes[0].Asked || !wishes[1].Asked {
		t.Fatalf("it wants %+v, want both orders back", wishes)
	}
	hear(2, nil, &remote.End{Reason: "taken back"})
	hear(3, fill(exchange.Buy, 900, 20), nil) // it was faster
	hear(3, nil, &remote.End{Filled: 20, Reason: "taken back"})
	wishes = w.wishes.Wishes()
	if len(wishes) != 1 || !wishes[0].Exit || !wishes[0].Request.Urgent || wishes[0].Request.Volume != 100 {
		t.Fatalf("it wants %+v, want the exit", wishes)
	}
	hear(wishes[0].Number, fill(exchange.Sell, 900, 100), nil)
	hear(wishes[0].Number, nil, &remote.End{Filled: 100})
	candle(4, 900, limit(wishes[0].Number+1, exchange.Buy, 900, 10))
	wishes = w.wishes.Wishes()
	if len(wishes) != 1 || !wishes[0].Exit || wishes[0].Request.Volume != 20 {
		t.Fatalf("it wants %+v, want what came late to be sold, and nothing bought", wishes)
	}
}
