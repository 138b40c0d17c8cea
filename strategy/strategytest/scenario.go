package strategytest

import (
	"slices"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
)

// scenarioCandles is how many candles a scenario has after the warm-up.
const scenarioCandles = 120

// scenario is a market that a strategy must get along with.
type scenario struct {
	name   string
	candle func(i int) exchange.Candle
	// idle is true if orders are not carried out, because no account could be
	// kept at such prices.
	idle bool
}

func scenarios() []scenario {
	minute := func(i int) int64 { return 1_700_000_000_000/60_000*60_000 + int64(i)*60_000 }
	wave := func(i int) exchange.Ticks { // up and down, with some noise
		step := exchange.Ticks(i % 60)
		if step > 30 {
			step = 60 - step
		}
		return 250_000 + 40*step + exchange.Ticks(i*7919%97)
	}
	return []scenario{
		{name: "waves", candle: func(i int) exchange.Candle {
			open, closing := wave(i), wave(i+1)
			return exchange.Candle{Time: minute(i), Open: open, High: max(open, closing) + 5, Low: min(open, closing) - 5, Close: closing, Volume: 5_000_000}
		}},
		{name: "flat", candle: func(i int) exchange.Candle { return exchange.Flat(minute(i), 250_000) }},
		{name: "gaps", candle: func(i int) exchange.Candle {
			jump := exchange.Ticks(i%5) * 10_000
			return exchange.Candle{Time: minute(i + i/7*5000), Open: 200_000 + jump, High: 250_000 + jump, Low: 150_000, Close: wave(i), Volume: 1}
		}},
		{name: "extremes", idle: true, candle: func(i int) exchange.Candle {
			price := []exchange.Ticks{1, 1 << 52, 1 << 62, 3, 1 << 40}[i%5]
			return exchange.Candle{Time: minute(i), Open: price, High: price, Low: 1, Close: price, Volume: []exchange.Steps{0, 1 << 62}[i%2]}
		}},
	}
}

// step is one event as a strategy got it, and what it said.
type step struct {
	event    strategy.Event
	view     strategy.View
	commands []strategy.Command
}

// record runs the strategy through a scenario with the engine on paper and
// returns all that went to and fro. A panic fails the test.
func record(t *testing.T, def strategy.Definition, sc scenario) []step {
	t.Helper()
	instance, err := def.Open(openInput(nil))
	if err != nil {
		t.Fatalf("opening with the defaults: %v", err)
	}
	const balance = 1_000_000_000_000
	fees := exchange.Fees{Maker: 100_000, Taker: 100_000}
	venue, err := paper.NewVenue(paper.VenueConfig{Market: Market(), Balance: balance, Fees: fees})
	if err != nil {
		t.Fatal(err)
	}
	session, err := engine.New(engine.Config{Market: Market(), Interval: time.Minute, Balance: balance, Venue: venue, OrderPrefix: "t-", Wants: instance.Wants})
	if err != nil {
		t.Fatal(err)
	}
	var steps []step
	deliver := func(ev *strategy.Event) []strategy.Command {
		if ev == nil {
			return nil
		}
		view := *session.View()
		view.Orders = slices.Clone(view.Orders)
		commands, err := instance.TryDeliver(&view, ev)
		if err != nil {
			t.Fatalf("at event %d (%s): %v", len(steps), ev.Kind, err)
		}
		steps = append(steps, step{event: *ev, view: view, commands: slices.Clone(commands)})
		return commands
	}
	obey := func(commands []strategy.Command) {
		if err := session.Commands(slices.Clone(commands)); err != nil {
			t.Fatalf("carrying out commands of event %d: %v", len(steps), err)
		}
	}
	warm := min(instance.Warmup(), 5000)
	for i := range warm {
		deliver(session.Warm(sc.candle(i)))
	}
	obey(deliver(session.Start()))
	for i := range scenarioCandles {
		c := sc.candle(warm + i)
		if sc.idle {
			deliver(&strategy.Event{Kind: strategy.CandleEvent, Time: c.Time + time.Minute.Milliseconds(), Candle: c})
			continue
		}
		if err := session.Begin(&c); err != nil {
			t.Fatal(err)
		}
		for ev := session.Next(); ev != nil; ev = session.Next() {
			obey(deliver(ev))
		}
	}
	return steps
}

func openInput(snapshot *strategy.Snapshot) strategy.OpenInput {
	return strategy.OpenInput{Explain: true, Interval: time.Minute, Market: Market(), Snapshot: snapshot}
}
