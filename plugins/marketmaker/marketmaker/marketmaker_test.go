package marketmaker_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/plugins/marketmaker/marketmaker"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

// state is what the tests look at of the strategy's state.
type state struct {
	Bid, Offer struct {
		Ref   uint64
		Price exchange.Ticks
	}
}

// harness opens the strategy with quotes of 10 % of the account, 1 % below and
// above 100,000, on an account of a million that holds so much of it in base.
func harness(t *testing.T, more string, base exchange.Steps) *strategytest.Harness {
	t.Helper()
	h := strategytest.New(t, marketmaker.Definition(), strategytest.Config{Params: `{"spread":2` + more + `}`, Explain: true})
	h.View.Base = base
	h.View.Counter = 1_000_000_000_000 - exchange.Units(base)*100_000
	return h
}

func orders(commands []strategy.Command) []strategy.Command {
	return strategytest.Only(commands, strategy.PlaceCommand)
}

func note(commands []strategy.Command) string {
	notes := strategytest.Only(commands, strategy.NoteCommand)
	if len(notes) != 1 {
		return fmt.Sprintf("%d notes", len(notes))
	}
	return notes[0].Text
}

// show makes the orders those that are open.
func show(h *strategytest.Harness, placed []strategy.Command) {
	h.View.Orders, h.View.ReservedCounter, h.View.ReservedBase = nil, 0, 0
	for _, c := range placed {
		h.View.Orders = append(h.View.Orders, strategy.OpenOrder{Ref: c.Ref, Side: c.Side, Type: c.Type, Price: c.Price, Volume: c.Volume})
		if c.Side == exchange.Buy {
			h.View.ReservedCounter += exchange.Units(c.Price) * exchange.Units(c.Volume)
		} else {
			h.View.ReservedBase += c.Volume
		}
	}
}

func TestQuotesBothSides(t *testing.T) {
	t.Parallel()
	h := harness(t, "", 2_500_000) // half of the largest inventory
	got := h.Close(100_000)
	want := []strategy.Command{
		{Side: exchange.Buy, Ref: 1, Price: 98_999, Volume: 100_000_000_000 / 98_999},
		{Side: exchange.Sell, Ref: 2, Price: 101_001, Volume: 100_000_000_000 / 101_001},
	}
	for i := range want {
		want[i].Kind, want[i].Type, want[i].PostOnly = strategy.PlaceCommand, exchange.LimitOrder, true
		want[i].Text = "quotes around 100,000 with an inventory of 25.0 % of the account"
	}
	if !slices.Equal(orders(got), want) {
		t.Errorf("it orders %+v, want %+v", orders(got), want)
	}
	if got := note(got); got != "the price is 100,000 and the inventory 25.0 % of the account: the quotes were made anew" {
		t.Errorf("it says %q", got)
	}
	if plots := strategytest.Only(got, strategy.PlotCommand); len(plots) != 2 || plots[0].Number != 98_999 || plots[1].Name != "offer" {
		t.Errorf("it plots %+v", plots)
	}
}

func TestInventoryMovesTheQuotes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		more       string
		base       exchange.Steps
		bid, offer exchange.Ticks // 0 for none
	}{
		{"", 0, 99_999, 0},               // nothing held: both up by half a spread, and nothing to offer
		{"", 1_250_000, 99_499, 101_501}, // half of the middle: up by a quarter
		{"", 4_000_000, 98_399, 100_401}, // above the middle: down
		{"", 5_000_000, 0, 100_001},      // full: nothing more is bid for
		{"", 7_000_000, 0, 100_001},      // beyond full as if full
		{`,"skew":0`, 0, 98_999, 0},      // no skew
		{`,"skew":0`, 5_000_000, 0, 101_001},
		{`,"skew":3`, 4_900_000, 96_119, 100_001}, // never at or beyond the price
	} {
		var bid, offer exchange.Ticks
		for _, o := range orders(harness(t, c.more, c.base).Close(100_000)) {
			if o.Side == exchange.Buy {
				bid = o.Price
			} else {
				offer = o.Price
			}
		}
		if bid != c.bid || offer != c.offer {
			t.Errorf("with %d of base and %q it quotes %d and %d, want %d and %d", c.base, c.more, bid, offer, c.bid, c.offer)
		}
	}
}

func TestQuotesStayWithinTheTolerance(t *testing.T) {
	t.Parallel()
	h := harness(t, `,"tolerance":1`, 2_500_000)
	first := orders(h.Close(100_000))
	show(h, first)
	for _, price := range []exchange.Ticks{100_000, 100_500, 99_600} {
		if got := h.Close(price); len(orders(got)) != 0 || !strings.HasSuffix(note(got), "both quotes stay") {
			t.Errorf("at %d it says %+v", price, got)
		}
	}
	got := h.Close(102_500)
	if taken := strategytest.Only(got, strategy.CancelCommand); len(taken) != 2 || taken[0].Ref != first[0].Ref || taken[1].Ref != first[1].Ref {
		t.Errorf("beyond the tolerance it takes back %+v", taken)
	}
	if anew := orders(got); len(anew) != 2 || anew[0].Price <= first[0].Price || anew[1].Price <= first[1].Price || got[0].Kind != strategy.CancelCommand {
		t.Errorf("beyond the tolerance it does %+v", got)
	}
}

func TestBothQuotesAreMadeAnewAfterATrade(t *testing.T) {
	t.Parallel()
	h := harness(t, "", 2_500_000)
	first := orders(h.Close(100_000))
	show(h, first[1:])
	h.View.Base += first[0].Volume
	h.View.Counter -= exchange.Units(first[0].Price) * exchange.Units(first[0].Volume)
	got := h.Fill(strategy.Fill{Ref: 1, Side: exchange.Buy, Price: first[0].Price, Volume: first[0].Volume})
	if len(got) != 1 || got[0].Text != "bought 1.010111 XBT at 98,999; the inventory is 3.510111 XBT" {
		t.Errorf("at the trade it says %+v", got)
	}
	h.Order(strategy.OrderUpdate{Ref: 1, State: strategy.OrderFilled, Filled: first[0].Volume})
	got = h.Close(100_000)
	if taken := strategytest.Only(got, strategy.CancelCommand); len(taken) != 1 || taken[0].Ref != 2 {
		t.Errorf("after the trade it takes back %+v", taken)
	}
	if anew := orders(got); len(anew) != 2 || anew[0].Price >= first[0].Price || anew[1].Price >= first[1].Price {
		t.Errorf("after the trade it orders %+v, want both lower than %+v", anew, first)
	}
}

// TestRefusedSideRests proves that a refusal, such as of a quote that would have traded at
// once or of one whose predecessor was not over yet, costs no time, and that a side that is
// refused again and again rests longer each time.
func TestRefusedSideRests(t *testing.T) {
	t.Parallel()
	h := harness(t, "", 2_500_000)
	first := orders(h.Close(100_000))
	show(h, first[1:])
	bid, minute := first[0], 0
	refuse := func() (waited int) {
		t.Helper()
		h.Order(strategy.OrderUpdate{Ref: bid.Ref, State: strategy.OrderRejected, Reason: "no"})
		for waited = range 40 {
			minute++
			if got := orders(h.Candle(exchange.Flat(int64(minute)*60_000, 100_000))); len(got) > 0 {
				if len(got) != 1 || got[0].Side != exchange.Buy {
					t.Fatalf("after a refusal it orders %+v", got)
				}
				bid = got[0]
				return waited
			}
		}
		t.Fatal("it never bids again")
		return 0
	}
	for i, want := range []int{0, 0, 2, 6, 14, 29, 29, 29} { // a timer of a candle is due at the next
		if got := refuse(); got != want {
			t.Errorf("after refusal %d it rests for %d candles, want %d", i+1, got, want)
		}
	}
	show(h, []strategy.Command{first[1], bid})
	h.Candle(exchange.Flat(int64(minute+1)*60_000, 100_000)) // it is taken
	minute++
	show(h, first[1:])
	if got := refuse(); got != 0 {
		t.Errorf("after one that was taken it rests for %d candles", got)
	}
}

// TestOffersAtAnExchange proves that what is held is offered at least at every other candle
// where a quote that is taken back holds the coins until the exchange says that it is over.
func TestOffersAtAnExchange(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cfg := strategytest.PaperConfig{Params: `{"size":20,"spread":"0.2","tolerance":0}`, Remote: true}
		p := strategytest.NewPaper(t, marketmaker.Definition(), cfg)
		missing := 0
		for _, c := range strategytest.Walk(rapid.Uint64().Draw(t, "seed"), 200) {
			p.Candle(c)
			v := p.View()
			offered := slices.ContainsFunc(v.Orders, func(o strategy.OpenOrder) bool { return o.Side == exchange.Sell })
			if missing++; offered || v.Base == 0 {
				missing = 0
			}
			if missing > 2 {
				t.Fatalf("%d of base are offered nowhere for %d candles: %v", v.Base, missing, p.Refusals())
			}
		}
	})
}

func TestSaysWhyASideIsMissing(t *testing.T) {
	t.Parallel()
	least := strategytest.Market()
	least.MinVolume = 900_000
	for _, c := range []struct {
		base exchange.Steps
		want string
	}{
		{0, "the bid stays, and there is nothing to offer"},
		{6_000_000, "the offer stays, and nothing is bid: the inventory is at its largest, 50 %"},
		{4_500_000, "the offer stays, and nothing is bid: the cash does not suffice"},
	} {
		h := strategytest.New(t, marketmaker.Definition(), strategytest.Config{Params: `{"spread":2}`, Market: least, Explain: true})
		h.View.Base, h.View.Counter = c.base, 1_000_000_000_000-exchange.Units(c.base)*100_000
		show(h, orders(h.Close(100_000)))
		if got := note(h.Close(100_000)); !strings.HasSuffix(got, c.want) {
			t.Errorf("with %d of base it says %q, want %q", c.base, got, c.want)
		}
	}
	h := strategytest.New(t, marketmaker.Definition(), strategytest.Config{Market: least, Explain: true})
	h.View.Counter = 100_000_000
	if got := note(h.Close(100_000)); !strings.Contains(got, "neither side can be quoted") {
		t.Errorf("with little cash it says %q", got)
	}
}

func TestQuotesAreKnownAfterARestart(t *testing.T) {
	t.Parallel()
	p := strategytest.NewPaper(t, marketmaker.Definition(), strategytest.PaperConfig{Params: `{"tolerance":5}`})
	p.Candle(exchange.Flat(60_000, 100_000))
	var before state
	p.State(&before)
	p.Restart()
	p.Candle(exchange.Flat(120_000, 100_100))
	var after state
	p.State(&after)
	if before.Bid.Ref == 0 || before != after || len(p.View().Orders) != 1 {
		t.Errorf("before the restart it quotes %+v, after it %+v; open are %+v", before, after, p.View().Orders)
	}
}

func TestBadParametersAreRefused(t *testing.T) {
	t.Parallel()
	for params, want := range map[string]string{
		`{"spread":0}`: "spread", `{"tolerance":-1}`: "tolerance", `{"size":0}`: "size", `{"most":101}`: "most", `{"skew":6}`: "skew", `{"speed":1}`: "speed",
	} {
		if err := marketmaker.Definition().Check([]byte(params)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gave %v, want a fault of %s", params, err, want)
		}
	}
}

// proves PL1
func TestInvariants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 100).Draw(t, "most")
		params := fmt.Sprintf(`{"spread":"%g","tolerance":"%g","size":%d,"most":%d,"skew":"%g"}`,
			rapid.SampledFrom([]float64{0.01, 0.1, 1, 10}).Draw(t, "spread"), rapid.SampledFrom([]float64{0, 0.05, 1}).Draw(t, "tolerance"),
			rapid.IntRange(1, 50).Draw(t, "size"), most, rapid.SampledFrom([]float64{0, 0.5, 1, 5}).Draw(t, "skew"))
		cfg := strategytest.PaperConfig{
			Params: params, Fees: exchange.Fees{Maker: 100_000, Taker: 200_000},
			Costs: paper.Costs{MaxShare: rapid.SampledFrom([]exchange.Rate{0, 10_000_000}).Draw(t, "share")},
		}
		strategytest.Resumed(t, marketmaker.Definition(), cfg, strategytest.Walk(rapid.Uint64().Draw(t, "seed"), 120), 5, func(p *strategytest.Paper, s strategytest.Step) {
			checkQuotes(t, p)
			for _, c := range orders(s.Commands) {
				checkQuote(t, s, c, float64(most)/100)
			}
		})
	})
}

// checkQuotes holds the open orders to what must hold at any time.
func checkQuotes(t *rapid.T, p *strategytest.Paper) {
	t.Helper()
	v := p.View()
	var bids, offers []exchange.Ticks
	for _, o := range v.Orders {
		if o.Side == exchange.Buy {
			bids = append(bids, o.Price)
		} else {
			offers = append(offers, o.Price)
		}
	}
	if len(bids) > 1 || len(offers) > 1 || len(bids) == 1 && len(offers) == 1 && bids[0] >= offers[0] {
		t.Fatalf("it bids %v and offers %v", bids, offers)
	}
	if v.ReservedCounter > v.Counter || v.ReservedBase > v.Base {
		t.Fatalf("more is reserved than there is: %+v", v)
	}
	for _, reason := range p.Refusals() {
		t.Fatalf("refused: %s", reason)
	}
}

// checkQuote holds a new quote to its side of the price and to the largest
// inventory.
func checkQuote(t *rapid.T, s strategytest.Step, c strategy.Command, most float64) {
	t.Helper()
	price := s.Event.Candle.Close
	if !c.PostOnly || c.Side == exchange.Buy && c.Price >= price || c.Side == exchange.Sell && c.Price <= price {
		t.Fatalf("at %d it quotes %+v", price, c)
	}
	held, bought := price.Float()*s.View.Base.Float(), c.Price.Float()*c.Volume.Float()
	whole := held + float64(s.View.Counter-s.View.ReservedCounter)
	for _, o := range s.View.Orders {
		if o.Side == exchange.Buy {
			whole += o.Price.Float() * (o.Volume - o.Filled).Float()
		}
	}
	if c.Side == exchange.Buy && held+bought > most*whole*(1+1e-9) {
		t.Fatalf("it bids for %v while it holds %v of %v", bought, held, whole)
	}
}

//nolint:paralleltest // it counts the allocations of the whole process.
func TestCandleNeedsNoAllocation(t *testing.T) {
	if n := strategytest.Allocations(t, marketmaker.Definition(), `{}`); n != 0 {
		t.Errorf("a candle takes %v allocations, want none", n)
	}
}

// proves PL1
func TestConformance(t *testing.T) {
	t.Parallel()
	strategytest.Conformance(t, marketmaker.Definition())
}

// proves PL1
func TestQuotesAroundTheMiddleOfTheBook(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		bid, ask   exchange.Ticks
		price      exchange.Ticks
		low, high  exchange.Ticks
		middleSaid string
	}{
		{"book", 99_900, 100_100, 100_090, 98_999, 101_001, "the middle of the book is 100,000"},
		{"wide book", 90_000, 110_000, 110_000, 98_999, 101_001, "the middle of the book is 100,000"},
		{"no ask", 90_000, 0, 100_000, 98_999, 101_001, "the price is 100,000"},
		{"no book", 0, 0, 100_000, 98_999, 101_001, "the price is 100,000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := harness(t, "", 2_500_000) // half of the largest inventory
			h.Book(c.bid, c.ask)
			got := h.Close(c.price)
			placed := orders(got)
			if len(placed) != 2 || placed[0].Price != c.low || placed[1].Price != c.high {
				t.Errorf("it orders %+v, want %d and %d", placed, c.low, c.high)
			}
			if said := note(got); !strings.HasPrefix(said, c.middleSaid) {
				t.Errorf("it says %q", said)
			}
		})
	}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	cfg, candles := strategytest.Demo(t, 3000)
	strategytest.Golden(t, marketmaker.Definition(), cfg, candles, "testdata/demo.golden")
}
