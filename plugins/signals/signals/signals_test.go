package signals_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/plugins/signals/signals"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

// account is a paper account of the strategy with a million in cash, at a price
// of 1000.
type account struct {
	*strategytest.Paper
	tb     testing.TB
	minute int64
	sent   int
}

func newAccount(t *testing.T, params string, m exchange.Market) *account {
	t.Helper()
	a := &account{tb: t, Paper: strategytest.NewPaper(t, signals.Definition(), strategytest.PaperConfig{Market: m, Params: params, Explain: true})}
	a.flat(1000)
	return a
}

// flat runs a candle of one price and returns its steps.
func (a *account) flat(price exchange.Ticks) []strategytest.Step {
	a.minute++
	return a.Candle(exchange.Candle{Time: a.minute * 60_000, Open: price, High: price, Low: price, Close: price, Volume: 1_000_000_000_000})
}

// send leaves a signal that came in the middle of the next minute.
func (a *account) send(text string) {
	a.sent++
	a.Signal(strategy.Signal{ID: fmt.Sprint("s", a.sent), Text: text, Time: (a.minute+1)*60_000 + 30_000})
}

// tell sends a signal and returns what the strategy answers in the next candle.
func (a *account) tell(text string) []strategy.Command {
	a.tb.Helper()
	a.send(text)
	return answers(a.flat(1000))
}

func answers(steps []strategytest.Step) (all []strategy.Command) {
	for _, s := range steps {
		if s.Event.Kind == strategy.SignalEvent {
			all = append(all, s.Commands...)
		}
	}
	return all
}

// refused returns why a signal was not followed.
func (a *account) refused(text string) string {
	a.tb.Helper()
	got := a.tell(text)
	if len(got) != 1 || got[0].Kind != strategy.NoteCommand {
		a.tb.Fatalf("%s: it answers %+v, want a note and nothing else", text, got)
	}
	_, why, ok := strings.Cut(got[0].Text, fmt.Sprintf("signal \"s%d\" is refused: ", a.sent))
	if !ok {
		a.tb.Fatalf("%s: it says %q", text, got[0].Text)
	}
	return why
}

func TestBuysAndSells(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, params, text string
		want               strategy.Command
	}{
		{"all the cash", `{}`, `{"action":"buy"}`, strategy.Command{Type: exchange.MarketOrder, Value: 1_000_000_000_000, Text: `signal "s1" asks to buy`}},
		{"the size of the parameters", `{"size":10}`, `{"action":"BUY"}`, strategy.Command{Type: exchange.MarketOrder, Value: 100_000_000_000, Text: `signal "s1" asks to buy`}},
		{
			"the size of the message", `{"size":10}`, `{"action":"buy","size":"25.5","note":"breakout"}`,
			strategy.Command{Type: exchange.MarketOrder, Value: 255_000_000_000, Text: `signal "s1" asks to buy, size 25.5 % (breakout)`},
		},
		{"no more than the largest", `{"max_size":20}`, `{"action":"buy","size":50}`, strategy.Command{
			Type: exchange.MarketOrder, Value: 200_000_000_000, Text: `signal "s1" asks to buy, size 50 %`,
		}},
		{"an amount", `{}`, `{"action":"buy","amount":1234.5}`, strategy.Command{Type: exchange.MarketOrder, Value: 1_234_500_000, Text: `signal "s1" asks to buy, amount 1234.5`}},
		{"a volume", `{}`, `{"action":"buy","volume":"2.5"}`, strategy.Command{Type: exchange.MarketOrder, Volume: 2_500_000, Text: `signal "s1" asks to buy, volume 2.5`}},
		{"no more volume than there is cash for", `{"max_size":50}`, `{"action":"buy","volume":"900"}`, strategy.Command{
			Type: exchange.MarketOrder, Volume: 500_000_000, Text: `signal "s1" asks to buy, volume 900`,
		}},
		{"at a limit, with something left for fees", `{}`, `{"action":"buy","limit":"900.7"}`, strategy.Command{
			Type: exchange.LimitOrder, Price: 900, Volume: 1_100_000_000, Text: `signal "s1" asks to buy, limit 900.7`,
		}},
		{"for its own pair", `{}`, `{"action":"buy","amount":1000,"pair":"xbtmyr"}`, strategy.Command{
			Type: exchange.MarketOrder, Value: 1_000_000_000, Text: `signal "s1" asks to buy, amount 1000`,
		}},
	} {
		c.want.Kind, c.want.Ref, c.want.Side = strategy.PlaceCommand, 1, exchange.Buy
		if got := newAccount(t, c.params, exchange.Market{}).tell(c.text); !slices.Equal(got, []strategy.Command{c.want}) {
			t.Errorf("%s: it answers\n%+v, want\n%+v", c.name, got, c.want)
		}
	}
}

func TestSells(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]strategy.Command{
		`{"action":"sell"}`:                             {Type: exchange.MarketOrder, Volume: 500_000_000},
		`{"action":"sell","size":10}`:                   {Type: exchange.MarketOrder, Volume: 50_000_000},
		`{"action":"sell","volume":"0.25"}`:             {Type: exchange.MarketOrder, Volume: 250_000},
		`{"action":"sell","volume":"9999"}`:             {Type: exchange.MarketOrder, Volume: 500_000_000},
		`{"action":"sell","size":50,"limit":"1100.2"}`:  {Type: exchange.LimitOrder, Price: 1101, Volume: 250_000_000},
		`{"action":"sell","amount":100,"limit":"2000"}`: {Type: exchange.LimitOrder, Price: 2000, Volume: 50_000},
	} {
		a := newAccount(t, `{"size":50}`, exchange.Market{})
		a.tell(`{"action":"buy"}`)
		a.flat(1000)
		got := a.tell(text)
		want.Kind, want.Ref, want.Side = strategy.PlaceCommand, 2, exchange.Sell
		if len(got) != 1 || !strings.HasPrefix(got[0].Text, `signal "s2" asks to sell`) {
			t.Fatalf("%s: it answers %+v", text, got)
		}
		if got[0].Text = ""; got[0] != want {
			t.Errorf("%s: it orders\n%+v, want\n%+v", text, got[0], want)
		}
	}
}

func TestCloseTakesOrdersBackAndSellsAll(t *testing.T) {
	t.Parallel()
	m := strategytest.Market()
	m.MaxVolume = 300_000_000
	a := newAccount(t, `{}`, m)
	a.tell(`{"action":"buy","amount":500000}`)
	a.flat(1000)
	a.tell(`{"action":"sell","size":50,"limit":1500}`)
	a.tell(`{"action":"buy","amount":1000,"limit":500}`)
	a.tell(`{"action":"close"}`)
	a.flat(1000)
	if v := a.View(); v.Base != 0 || len(v.Orders) != 0 || v.Counter != 1_000_000_000_000 {
		t.Errorf("closed, it has %+v", v)
	}
	if why := a.refused(`{"action":"close"}`); why != "there is nothing to close" {
		t.Errorf("once more it says %q", why)
	}
	a.tell(`{"action":"buy","amount":1000,"limit":500}`)
	if got := a.tell(`{"action":"cancel"}`); len(got) != 2 || got[0].Kind != strategy.CancelAllCommand || len(a.View().Orders) != 0 {
		t.Errorf("cancelled, it answers %+v", got)
	}
	if why := a.refused(`{"action":"cancel"}`); why != "there is no order to cancel" {
		t.Errorf("once more it says %q", why)
	}
}

// TestCloseSellsWhatIsTakenBack proves that close sells all at an exchange too, which is only
// asked for orders: what these hold is sold once they are over, and so is what one of them
// still buys.
func TestCloseSellsWhatIsTakenBack(t *testing.T) {
	t.Parallel()
	m := strategytest.Market()
	m.MinVolume = 10
	h := strategytest.New(t, signals.Definition(), strategytest.Config{Market: m, Explain: true})
	h.Close(1000)
	h.View.Base, h.View.ReservedBase, h.View.NextRef = 100, 60, 3
	h.View.Orders = []strategy.OpenOrder{
		{Ref: 1, Side: exchange.Sell, Type: exchange.LimitOrder, Price: 1500, Volume: 60},
		{Ref: 2, Side: exchange.Buy, Type: exchange.LimitOrder, Price: 900, Volume: 20},
	}
	sold := func(got []strategy.Command) (volume exchange.Steps) {
		for _, c := range strategytest.Only(got, strategy.PlaceCommand) {
			if c.Side != exchange.Sell || c.Type != exchange.MarketOrder {
				t.Errorf("it orders %+v", c)
			}
			volume += c.Volume
		}
		return volume
	}
	got := h.Signal(`{"action":"close"}`)
	if got[0].Kind != strategy.CancelAllCommand || sold(got) != 40 {
		t.Fatalf("at first it does %+v", got)
	}
	if got := h.Signal(`{"action":"buy"}`); len(got) != 1 || !strings.HasSuffix(got[0].Text, "is refused: the position is still being closed") {
		t.Errorf("a buy in between gives %+v", got)
	}
	h.View.Base, h.View.Orders, h.View.ReservedBase = 60+20, h.View.Orders[:1], 60 // 40 are sold, and the bid has traded
	if got := sold(h.Close(1000)); got != 20 {
		t.Errorf("of what the bid bought it sells %d, want 20", got)
	}
	h.View.Base, h.View.Orders, h.View.ReservedBase = 60, nil, 0
	if got := sold(h.Close(1000)); got != 60 {
		t.Errorf("of what the offer held it sells %d, want 60", got)
	}
	h.View.Base = 0
	if got := h.Close(1000); len(got) != 1 || got[0].Kind != strategy.NoteCommand {
		t.Errorf("closed, it does %+v", got)
	}
	if got := h.Signal(`{"action":"buy"}`); len(strategytest.Only(got, strategy.PlaceCommand)) != 1 {
		t.Errorf("a buy after it gives %+v", got)
	}
}

func TestExits(t *testing.T) {
	t.Parallel()
	a := newAccount(t, `{"size":10,"stop":5,"target":10}`, exchange.Market{})
	at := func(name string, stop, target exchange.Ticks) {
		t.Helper()
		if got := a.View().Exits; got != (strategy.Exits{Stop: stop, Target: target}) {
			t.Errorf("%s: the exits are %+v, want %d and %d", name, got, stop, target)
		}
	}
	a.tell(`{"action":"buy"}`)
	a.flat(1000)
	at("a buy without any", 950, 1100)
	a.tell(`{"action":"stop","stop":"980"}`)
	at("a stop", 980, 1100)
	a.tell(`{"action":"buy"}`)
	a.flat(1000)
	at("another buy", 980, 1100)
	a.tell(`{"action":"stop","target":1200}`)
	at("a target", 980, 1200)
	a.flat(970)
	a.flat(970)
	if v := a.View(); v.Base != 0 {
		t.Fatalf("below the stop it holds %+v", v)
	}
	a.tell(`{"action":"buy","stop":900}`)
	a.flat(1000)
	at("the next position", 900, 1100)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{`buy`, "it cannot be read: invalid character 'b' looking for beginning of value"},
		{``, "it cannot be read: it is cut off"},
		{`"buy"`, `it cannot be read: it must be an object such as {"action":"buy"}`},
		{`{}`, `it lacks an "action": buy, sell, close, stop or cancel`},
		{`{"action":"hold"}`, `the action "hold" is none of buy, sell, close, stop, cancel`},
		{`{"action":7}`, `it cannot be read: "action" must be a text, and is a number`},
		{`{"action":"buy","limt":900}`, `it cannot be read: unknown field "limt"`},
		{`{"action":"buy"} {"action":"buy"}`, "it cannot be read: something follows the object"},
		{`{"action":"buy","size":"all"}`, `it cannot be read: "all" is no plain number above 0`},
		{`{"action":"buy","size":1e9}`, "it cannot be read: 1e9 is no plain number above 0"},
		{`{"action":"buy","size":-5}`, "it cannot be read: -5 is no plain number above 0"},
		{`{"action":"buy","size":0}`, "it cannot be read: 0 is not above 0"},
		{`{"action":"buy","size":100.1}`, "a size of 100.1 % is above 100"},
		{`{"action":"buy","size":10,"amount":10}`, "it gives more than one of size, amount and volume"},
		{`{"action":"close","size":10}`, "close takes no size and no limit"},
		{`{"action":"sell","amount":10}`, "a sale by amount needs a limit, because its volume follows from the price"},
		{`{"action":"sell","stop":10}`, "sell takes no stop and no target"},
		{`{"action":"sell"}`, "there is nothing to sell with"},
		{`{"action":"stop"}`, "stop needs a stop or a target"},
		{`{"action":"stop","stop":900}`, "there is no position to protect"},
		{`{"action":"buy","stop":900,"target":800}`, "the stop 900 is not below the target 800"},
		{`{"action":"buy","stop":1000}`, "the stop 1000 is not below the price 1,000"},
		{`{"action":"buy","target":999}`, "the target 999 is not above the price 1,000"},
		{`{"action":"buy","limit":900,"stop":950}`, "the stop 950 is not below the limit 900"},
		{`{"action":"buy","limit":900,"target":890}`, "the target 890 is not above the limit 900"},
		{`{"action":"buy","limit":1100,"stop":1050}`, "the stop 1050 is not below the price 1,000"},
		{`{"action":"buy","limit":"0.5"}`, "the price 0.5 is below the market's smallest step"},
		{`{"action":"buy","pair":"ETHMYR"}`, `it is for "ETHMYR", and the bot trades XBTMYR`},
		{`{"action":"buy","amount":"0.0001"}`, "value 0.0001 is below the least value 10"},
	} {
		m := strategytest.Market()
		m.MinValue = 10_000_000
		if got := newAccount(t, `{}`, m).refused(c.text); got != c.want {
			t.Errorf("%s: it says %q, want %q", c.text, got, c.want)
		}
	}
}

func TestBoundsOfTheParameters(t *testing.T) {
	t.Parallel()
	for name, action := range map[string]string{"buy": `buy`, "sell": `sell`, "close": `close`, "set_stop": `stop","stop":"900`} {
		a := newAccount(t, `{"`+name+`":false}`, exchange.Market{})
		if why := a.refused(`{"action":"` + action + `"}`); !strings.HasPrefix(why, "the bot's parameters do not allow ") {
			t.Errorf("%s: it says %q", name, why)
		}
	}
}

func TestOldSignalsAreRefused(t *testing.T) {
	t.Parallel()
	old := strategy.Signal{ID: "s1", Text: `{"action":"buy","amount":1000}`, Time: 60_000}
	for params, want := range map[string]string{`{}`: "it came 6m0s ago, and at most 5 minutes are allowed", `{"max_age":6}`: "", `{"max_age":0}`: ""} {
		a := newAccount(t, params, exchange.Market{})
		for range 4 {
			a.flat(1000)
		}
		a.Signal(old)
		got := answers(a.flat(1000))
		if refused := strings.Contains(got[0].Text, "is refused: "+want); len(got) != 1 || refused != (want != "") {
			t.Errorf("%s: it answers %+v", params, got)
		}
	}
}

func TestPausesAfterABuy(t *testing.T) {
	t.Parallel()
	a := newAccount(t, `{"cooldown":3}`, exchange.Market{})
	buy := `{"action":"buy","amount":1000}`
	a.tell(buy)
	if why := a.refused(buy); why != "the bot pauses after its last buy until 00:06 UTC" {
		t.Errorf("it says %q", why)
	}
	if got := a.tell(`{"action":"sell"}`); len(got) != 1 || got[0].Kind != strategy.PlaceCommand {
		t.Errorf("a sale within the pause gives %+v", got)
	}
	if got := a.tell(buy); len(got) != 1 || got[0].Kind != strategy.PlaceCommand {
		t.Errorf("after the pause it answers %+v", got)
	}
}

func TestSaysThatItWaits(t *testing.T) {
	t.Parallel()
	a := newAccount(t, `{}`, exchange.Market{})
	a.tell(`{"action":"buy","amount":1000}`)
	a.tell(`?`)
	steps := a.flat(1000)
	last := steps[len(steps)-1].Commands
	if len(last) != 1 || last[0].Text != "waiting for a signal: 2 were heard so far and 1 of them followed" {
		t.Errorf("it says %+v", last)
	}
}

func TestBadParametersAreRefused(t *testing.T) {
	t.Parallel()
	for params, want := range map[string]string{
		`{"size":0}`: "size", `{"size":101}`: "size", `{"max_size":0}`: "max_size", `{"max_age":-1}`: "max_age", `{"cooldown":10081}`: "cooldown",
		`{"stop":100}`: "stop", `{"target":-1}`: "target", `{"buy":"x"}`: "buy", `{"speed":1}`: "speed",
	} {
		if err := signals.Definition().Check([]byte(params)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gave %v, want a fault of %s", params, err, want)
		}
	}
}

//nolint:paralleltest // it counts the allocations of the whole process.
func TestCandleNeedsNoAllocation(t *testing.T) {
	if n := strategytest.Allocations(t, signals.Definition(), `{}`); n != 0 {
		t.Errorf("a candle takes %v allocations, want none", n)
	}
}

// proves PL1
func TestConformance(t *testing.T) {
	t.Parallel()
	strategytest.Conformance(t, signals.Definition())
}

// proves PL1
func TestGolden(t *testing.T) {
	t.Parallel()
	cfg, candles := strategytest.Demo(t, 3000)
	cfg.Params = []byte(`{"stop":1,"target":2,"cooldown":30}`)
	for i, c := range candles {
		text := []string{`{"action":"buy","size":50}`, `{"action":"buy","amount":1000}`, `{"action":"sell","size":"25"}`, `{"action":"close"}`, `sell`}[i%5]
		if i%37 == 0 {
			cfg.Signals = append(cfg.Signals, strategy.Signal{ID: fmt.Sprint(i), Text: text, Time: c.Time + 10_000})
		}
	}
	if r := strategytest.Golden(t, signals.Definition(), cfg, candles, "testdata/demo.golden"); r.Signals != int64(len(cfg.Signals)) {
		t.Errorf("it heard %d of %d signals", r.Signals, len(cfg.Signals))
	}
}
