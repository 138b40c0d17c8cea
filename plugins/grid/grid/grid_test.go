package grid_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/plugins/grid/grid"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

// five is a ladder with the lines 900, 950, 1000, 1050 and 1100.
const five = `{"low":900,"high":1100,"lines":5,"spacing":"arithmetic"`

// state is what the tests look at of the strategy's state.
type state struct {
	Lines []exchange.Ticks
	Cells []struct {
		Volume, Held exchange.Steps
		Ref          uint64
		Side         exchange.Side
	}
	Stock uint64
	Over  bool
}

func stateOf(p *strategytest.Paper) (s state) {
	p.State(&s)
	return s
}

// market is a paper account of a grid with the ladder five and more parameters.
type market struct {
	*strategytest.Paper
	minute int64
	close  exchange.Ticks
}

func newMarket(t *testing.T, cfg strategytest.PaperConfig) *market {
	t.Helper()
	cfg.Explain = true
	return &market{Paper: strategytest.NewPaper(t, grid.Definition(), cfg)}
}

// candle runs a candle that opens at the close before, goes to the lowest and the
// highest price and closes at the last; orders within the range trade.
func (m *market) candle(low, high, closing exchange.Ticks) []strategytest.Step {
	m.minute++
	open := m.close
	if m.close = closing; open == 0 {
		open = closing
	}
	return m.Candle(exchange.Candle{Time: m.minute * 60_000, Open: open, High: max(high, open), Low: min(low, open), Close: closing, Volume: 1_000_000_000_000})
}

func (m *market) flat(price exchange.Ticks) []strategytest.Step { return m.candle(price, price, price) }

// book writes the open orders as "buy 950" and so on, in the order of prices.
func (m *market) book() []string {
	orders := m.View().Orders
	slices.SortFunc(orders, func(a, b strategy.OpenOrder) int { return int(a.Price - b.Price) })
	var out []string
	for _, o := range orders {
		out = append(out, fmt.Sprintf("%s %d", o.Side, o.Price))
	}
	return out
}

func last(steps []strategytest.Step) []strategy.Command { return steps[len(steps)-1].Commands }

func note(steps []strategytest.Step) string {
	notes := strategytest.Only(last(steps), strategy.NoteCommand)
	if len(notes) != 1 {
		return fmt.Sprintf("%d notes", len(notes))
	}
	return notes[0].Text
}

func TestLadderIsLaidAtTheFirstCandle(t *testing.T) {
	t.Parallel()
	m := newMarket(t, strategytest.PaperConfig{Params: five + "}"})
	steps := m.flat(1010)
	orders := strategytest.Only(last(steps), strategy.PlaceCommand)
	if len(orders) != 4 {
		t.Fatalf("it orders %+v", orders)
	}
	// The cell from 1050 to 1100 sells what a quarter of 95 % of the cash buys at 1050.
	stock := strategy.Command{
		Kind: strategy.PlaceCommand, Ref: 1, Side: exchange.Buy, Type: exchange.MarketOrder, Volume: 950_000_000_000 / 4 / 1050,
		Text: "the cells above the price 1,010 sell 226.190476 XBT",
	}
	if orders[0] != stock {
		t.Errorf("first it orders %+v, want %+v", orders[0], stock)
	}
	if orders[1].Price != 900 || orders[1].Volume != 950_000_000_000/4/900 || orders[3].Text != "cell 3 buys at 1,000 to sell at 1,050; the price is 1,010" {
		t.Errorf("then it orders %+v", orders[1:])
	}
	if got := note(steps); got != "the price 1,010 is within the ladder from 900 to 1,100; of 4 cells 3 wait to buy, 0 to sell and 1 have no order" {
		t.Errorf("it says %q", got)
	}
	if plots := strategytest.Only(last(steps), strategy.PlotCommand); len(plots) != 2 || plots[0].Number != 900 || plots[1].Number != 1100 {
		t.Errorf("it plots %+v", plots)
	}
	m.flat(1010)
	if want := []string{"buy 900", "buy 950", "buy 1000", "sell 1100"}; !slices.Equal(m.book(), want) {
		t.Errorf("open are %v, want %v", m.book(), want)
	}
}

func TestWhatIsBoughtIsSoldOneLineHigherAndBoughtAgain(t *testing.T) {
	t.Parallel()
	m := newMarket(t, strategytest.PaperConfig{Params: five + `,"stock":false}`})
	m.flat(1010)
	if want := []string{"buy 900", "buy 950", "buy 1000"}; !slices.Equal(m.book(), want) {
		t.Fatalf("open are %v, want %v", m.book(), want)
	}
	m.candle(940, 1010, 960) // through 1000 and 950
	if want := []string{"buy 900", "sell 1000", "sell 1050"}; !slices.Equal(m.book(), want) {
		t.Errorf("after the fall open are %v, want %v", m.book(), want)
	}
	steps := m.candle(960, 1020, 1020) // through 1000
	if want := []string{"buy 900", "buy 950", "sell 1050"}; !slices.Equal(m.book(), want) {
		t.Errorf("after the rise open are %v, want %v", m.book(), want)
	}
	if notes := strategytest.Only(steps[0].Commands, strategy.NoteCommand); len(notes) != 1 || notes[0].Text != "cell 2 sold 250 XBT at 1,000, one line above the purchase at 950" {
		t.Errorf("at the sale it says %+v", notes)
	}
	m.candle(940, 1020, 1020)
	m.candle(940, 1060, 1060)
	if want := []string{"buy 900", "buy 950", "buy 1000", "buy 1050"}; !slices.Equal(m.book(), want) {
		t.Errorf("after another swing open are %v, want %v", m.book(), want)
	}
	if v := m.View(); v.Base != 0 || v.Counter <= 1_000_000_000_000 || len(m.Refusals()) != 0 {
		t.Errorf("%d of base are left and %d of cash; refused: %v", v.Base, v.Counter, m.Refusals())
	}
}

func TestGeometricLinesAreEqualPercentagesApart(t *testing.T) {
	t.Parallel()
	m := newMarket(t, strategytest.PaperConfig{Params: `{"reach":"20","lines":5}`})
	m.flat(100_000)
	lines := stateOf(m.Paper).Lines
	if want := []exchange.Ticks{80_000, 88_535, 97_980, 108_432, 120_000}; !slices.Equal(lines, want) {
		t.Errorf("the lines are %v, want %v", lines, want)
	}
}

func TestLadderStaysOverARestart(t *testing.T) {
	t.Parallel()
	m := newMarket(t, strategytest.PaperConfig{Params: `{"reach":5,"lines":5}`})
	m.flat(1000)
	m.candle(970, 1000, 980)
	before, book := stateOf(m.Paper), m.book()
	m.Restart()
	m.flat(985)
	if after := stateOf(m.Paper); !slices.Equal(before.Lines, after.Lines) || !slices.Equal(before.Cells, after.Cells) || !slices.Equal(book, m.book()) {
		t.Errorf("before the restart it was %+v with %v open, after it %+v with %v", before, book, after, m.book())
	}
	m.candle(970, 1030, 1001) // through the offers at 999 and 1024
	after := stateOf(m.Paper)
	for i, c := range after.Cells[1:3] {
		if was := before.Cells[i+1]; was.Side != exchange.Sell || was.Held == 0 || c.Held != 0 || c.Ref == was.Ref {
			t.Errorf("cell %d was %+v and is %+v: its order was not known after the restart", i+2, was, c)
		}
	}
}

func TestStopBelowTheLadderEndsTheGrid(t *testing.T) {
	t.Parallel()
	m := newMarket(t, strategytest.PaperConfig{Params: five + `,"stop":10}`})
	m.flat(1010)
	m.candle(890, 1010, 1000)
	if got := m.View().Exits.Stop; got != 810 {
		t.Errorf("the stop is at %d, want 810", got)
	}
	m.candle(800, 1000, 990) // through the stop and back
	for range 3 {
		m.flat(990)
	}
	steps := m.flat(1000)
	if v := m.View(); v.Base != 0 || len(v.Orders) != 0 {
		t.Errorf("after the stop %d of base are left and %d orders open", v.Base, len(v.Orders))
	}
	if got := note(steps); got != "the grid is over: its stop at 810 was reached; start the bot again for a new one" {
		t.Errorf("it says %q", got)
	}
}

func TestStopIsOverEvenIfTheHostHasNotSold(t *testing.T) {
	t.Parallel()
	h := strategytest.New(t, grid.Definition(), strategytest.Config{Params: five + `,"stop":10,"stock":false}`})
	h.Close(1010)
	h.View.Base = 100
	h.View.Orders = []strategy.OpenOrder{{Ref: 1, Side: exchange.Buy, Type: exchange.LimitOrder, Price: 900, Volume: 10}}
	if got := strategytest.Only(h.Close(800), strategy.CancelAllCommand); len(got) != 1 {
		t.Errorf("at the stop it takes back %+v", got)
	}
	h.View.Orders = nil
	orders := strategytest.Only(h.Close(805), strategy.PlaceCommand)
	if len(orders) != 1 || orders[0].Side != exchange.Sell || orders[0].Volume != 100 {
		t.Errorf("at the stop it orders %+v", orders)
	}
}

func TestLaddersThatCannotBeLaid(t *testing.T) {
	t.Parallel()
	least := strategytest.Market()
	least.MinVolume = 300_000_000
	for _, c := range []struct {
		name, params string
		market       exchange.Market
		want         string
	}{
		{"too many lines", `{"low":900,"high":905,"lines":20}`, exchange.Market{}, "20 lines between 900 and 905 are less than a tick apart"},
		{"too little cash", five + "}", least, "below the least volume 300"},
	} {
		m := newMarket(t, strategytest.PaperConfig{Params: c.params, Market: c.market})
		steps := m.flat(902)
		if got := note(steps); !strings.HasPrefix(got, "waiting: no ladder can be laid: ") || !strings.Contains(got, c.want) {
			t.Errorf("%s: it says %q, want %q", c.name, got, c.want)
		}
		if orders := strategytest.Only(last(steps), strategy.PlaceCommand); len(orders) != 0 {
			t.Errorf("%s: it orders %+v", c.name, orders)
		}
	}
}

func TestPositionOfAnEarlierRunIsSoldByTheUpperCells(t *testing.T) {
	t.Parallel()
	h := strategytest.New(t, grid.Definition(), strategytest.Config{Params: five + "}"})
	h.View.Base = 500_000_000
	orders := strategytest.Only(h.Close(1010), strategy.PlaceCommand)
	if len(orders) != 4 || orders[3].Side != exchange.Sell || orders[3].Price != 1100 || orders[3].Volume != 500_000_000 {
		t.Errorf("it orders %+v, want all 500 XBT offered at 1100 and none bought at the market", orders)
	}
}

func TestRefusedOrdersAreNotAskedForAgainAndAgain(t *testing.T) {
	t.Parallel()
	h := strategytest.New(t, grid.Definition(), strategytest.Config{Params: five + `,"stock":false}`})
	orders := strategytest.Only(h.Close(1010), strategy.PlaceCommand)
	for _, o := range orders {
		h.Order(strategy.OrderUpdate{Ref: o.Ref, State: strategy.OrderRejected, Reason: "no"})
	}
	var asked []int
	for i := range 40 {
		c := exchange.Flat(int64(i+1)*60_000, 1010)
		if n := len(strategytest.Only(h.Candle(c), strategy.PlaceCommand)); n > 0 {
			asked = append(asked, i)
			break
		}
	}
	if !slices.Equal(asked, []int{29}) {
		t.Errorf("after the refusals it asks at the candles %v, want 29", asked)
	}
}

func TestWhatIsBoughtInPartIsSoldWhenThePriceGoesOn(t *testing.T) {
	t.Parallel()
	h := strategytest.New(t, grid.Definition(), strategytest.Config{Params: five + `,"stock":false}`})
	orders := strategytest.Only(h.Close(1010), strategy.PlaceCommand)
	bid := orders[2]
	h.View.Orders = []strategy.OpenOrder{{Ref: bid.Ref, Side: exchange.Buy, Type: exchange.LimitOrder, Price: 1000, Volume: bid.Volume, Filled: 50}}
	h.View.Base = 50
	h.Fill(strategy.Fill{Ref: bid.Ref, Side: exchange.Buy, Price: 1000, Volume: 50})
	if got := strategytest.Only(h.Close(1051), strategy.CancelCommand); len(got) != 1 || got[0].Ref != bid.Ref {
		t.Errorf("it takes back %+v, want order %d", got, bid.Ref)
	}
	h.View.Orders = nil
	h.Order(strategy.OrderUpdate{Ref: bid.Ref, State: strategy.OrderCancelled, Filled: 50})
	sold := strategytest.Only(h.Close(1051), strategy.PlaceCommand)
	if !slices.ContainsFunc(sold, func(c strategy.Command) bool { return c.Side == exchange.Sell && c.Price == 1050 && c.Volume == 50 }) {
		t.Errorf("then it orders %+v, want the 50 sold at 1050", sold)
	}
}

func TestBadParametersAreRefused(t *testing.T) {
	t.Parallel()
	for params, want := range map[string]string{
		`{"low":100}`: "high must be above Lowest line (100)", `{"high":100}`: "low must be above 0", `{"low":100,"high":100}`: "high must be above",
		`{"low":-1}`: "low", `{"reach":0}`: "reach", `{"lines":1}`: "lines", `{"lines":51}`: "lines", `{"spacing":"wide"}`: "spacing",
		`{"size":0}`: "size", `{"stop":100}`: "stop", `{"speed":1}`: "speed",
	} {
		if err := grid.Definition().Check([]byte(params)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gave %v, want a fault of %s", params, err, want)
		}
	}
}
