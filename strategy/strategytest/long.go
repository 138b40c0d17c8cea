package strategytest

import (
	"slices"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// LongRules are what LongOnly holds a strategy to.
type LongRules struct {
	// Ready is the number of candles that must have been seen before the first
	// order.
	Ready int
	// Restart is after how many candles the second of two bots is saved and
	// opened again, over and over. Defaults to each.
	Restart int
	// Share is the largest part of the free cash that a buy may spend, in
	// percent. Defaults to 100.
	Share int
}

// LongOnly runs a strategy that is either in the market or out of it over
// candles, and fails the test where it
//
//   - buys while it holds something or has an order open, or spends more than
//     its share of the free cash;
//   - sells more than it holds;
//   - sets a stop that is not below the newest price or a target that is not
//     above it;
//   - orders before it can be ready;
//   - goes on otherwise than before after it was saved and opened again.
func LongOnly(tb Reporter, def strategy.Definition, cfg PaperConfig, candles []exchange.Candle, rules LongRules) *Paper {
	tb.Helper()
	if rules.Share == 0 {
		rules.Share = 100
	}
	w := &longWatch{tb: tb, rules: rules, least: max(1, cfg.withDefaults(tb).Market.MinVolume)}
	return Resumed(tb, def, cfg, candles, rules.Restart, w.check)
}

// Resumed runs a strategy over candles twice: straight, and saved and opened
// again after every so many candles (0 is each). It fails the test where the
// two do not ask for the same, and returns the first one's account. Check is
// called as Paper.Check is.
func Resumed(tb Reporter, def strategy.Definition, cfg PaperConfig, candles []exchange.Candle, every int, check func(p *Paper, s Step)) *Paper {
	tb.Helper()
	straight, broken := NewPaper(tb, def, cfg), NewPaper(tb, def, cfg)
	straight.Check = func(s Step) { check(straight, s) }
	begun := straight.Start()
	if again := broken.Start(); !slices.EqualFunc(begun, again, sameCommands) {
		tb.Fatalf("two begin differently:\n%+v\n%+v", begun, again)
	}
	for i, c := range candles {
		want, got := straight.Candle(c), broken.Candle(c)
		if !slices.EqualFunc(want, got, sameCommands) {
			tb.Fatalf("candle %d: restored before, it does\n%+v\nand without a break\n%+v\nIs all of the state saved?", i, got, want)
		}
		if every == 0 || i%every == 0 {
			broken.Restart()
		}
	}
	return straight
}

// longWatch holds one bot to the rules.
type longWatch struct {
	tb    Reporter
	rules LongRules
	least exchange.Steps
	seen  int // candles
}

func (w *longWatch) check(_ *Paper, s Step) {
	w.tb.Helper()
	price := s.Event.Candle.Close
	if s.Event.Kind == strategy.CandleEvent {
		w.seen++
	}
	if s.Event.Kind == strategy.FillEvent {
		price = s.Event.Fill.Price
	}
	for _, c := range s.Commands {
		switch c.Kind {
		case strategy.PlaceCommand:
			w.order(s.View, c)
		case strategy.ExitsCommand:
			if c.Exits.Stop >= price || c.Exits.Target != 0 && c.Exits.Target <= price {
				w.tb.Fatalf("candle %d: at a price of %d it sets the exits %+v", w.seen, price, c.Exits)
			}
		default: // words and cancels bind nothing
		}
	}
}

func (w *longWatch) order(v strategy.View, c strategy.Command) {
	w.tb.Helper()
	if w.seen < w.rules.Ready {
		w.tb.Fatalf("candle %d: it orders before it has seen %d: %+v", w.seen, w.rules.Ready, c)
	}
	if c.Side == exchange.Sell {
		if free := v.Base - v.ReservedBase; c.Volume <= 0 || c.Volume > free {
			w.tb.Fatalf("candle %d: it sells %d of %d", w.seen, c.Volume, free)
		}
		return
	}
	if v.Base >= w.least || len(v.Orders) > 0 {
		w.tb.Fatalf("candle %d: it buys while it holds %d and has %d orders open", w.seen, v.Base, len(v.Orders))
	}
	free := v.Counter - v.ReservedCounter
	most := (exchange.RateOne / 100 * exchange.Rate(w.rules.Share)).Of(free)
	if c.Value <= 0 || c.Value > most {
		w.tb.Fatalf("candle %d: it spends %d of %d, and %d %% are allowed", w.seen, c.Value, free, w.rules.Share)
	}
}
