package signals_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/plugins/signals/signals"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

// anySignal draws a message that may make sense.
func anySignal(t *rapid.T) string {
	n := func(name string, texts ...string) string { return rapid.SampledFrom(texts).Draw(t, name) }
	text := `{"action":"` + n("action", "buy", "sell", "close", "stop", "cancel", "hold") + `"`
	for name, values := range map[string][]string{
		"size": {"", "", "1", "50", "100"}, "amount": {"", "", "", "1", "100000"}, "volume": {"", "", "", "0.000001", "3"},
		"limit": {"", "", "1", "249000", "251000", "999999999"}, "stop": {"", "", "200000", "1"}, "target": {"", "", "300000", "999999999"},
	} {
		if v := n(name, values...); v != "" {
			text += fmt.Sprintf(`,"%s":%s`, name, v)
		}
	}
	return text + "}"
}

// proves PL1, RK4: whatever the signals say, nothing is ordered that the account
// cannot pay for or the bounds do not allow, each signal is answered once, and a
// restart changes nothing.
func TestInvariants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		share, pause := rapid.IntRange(1, 100).Draw(t, "max_size"), rapid.IntRange(0, 5).Draw(t, "cooldown")
		params := fmt.Sprintf(`{"max_size":%d,"cooldown":%d,"stop":%d,"target":%d}`, share, pause,
			rapid.IntRange(0, 20).Draw(t, "stop"), rapid.IntRange(0, 20).Draw(t, "target"))
		cfg := strategytest.PaperConfig{Params: params, Explain: true, Fees: exchange.Fees{Maker: 100_000, Taker: 200_000}}
		straight, broken := strategytest.NewPaper(t, signals.Definition(), cfg), strategytest.NewPaper(t, signals.Definition(), cfg)
		lastBuy := int64(-1 << 40)
		straight.Check = func(s strategytest.Step) {
			if s.Event.Kind != strategy.SignalEvent {
				return
			}
			if len(s.Commands) == 0 {
				t.Fatalf("signal %s %s is not answered", s.Event.Signal.ID, s.Event.Signal.Text)
			}
			for _, c := range s.Commands {
				checkAnswer(t, s, c, share)
				if c.Kind == strategy.PlaceCommand && c.Side == exchange.Buy {
					if s.Event.Time < lastBuy+int64(pause)*60_000 {
						t.Fatalf("it buys within the pause: %s", s.Event.Signal.Text)
					}
					lastBuy = s.Event.Time
				}
			}
		}
		for i, c := range strategytest.Walk(rapid.Uint64().Draw(t, "seed"), 60) {
			for k := range rapid.IntRange(0, 2).Draw(t, "signals") {
				in := strategy.Signal{ID: fmt.Sprintf("%d-%d", i, k), Text: anySignal(t), Time: c.Time}
				straight.Signal(in)
				broken.Signal(in)
			}
			want, got := straight.Candle(c), broken.Candle(c)
			if fmt.Sprint(want) != fmt.Sprint(got) {
				t.Fatalf("candle %d: restored before, it does\n%+v\nand without a break\n%+v", i, got, want)
			}
			broken.Restart()
		}
		for _, reason := range straight.Refusals() {
			// A second signal of a candle does not see that the first one's market
			// order reserves nothing yet, and prices move before orders trade.
			if !strings.Contains(reason, "free") && !strings.Contains(reason, "hundredfold") && !strings.Contains(reason, "open, which is the most") {
				t.Fatalf("refused: %s", reason)
			}
		}
	})
}

// TestCloseAtAnExchange proves that close ends every position and order, whatever signals came
// before it, also where orders hold what they hold until the exchange says that they are over.
func TestCloseAtAnExchange(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := strategytest.Market()
		m.MinVolume = 1000
		p := strategytest.NewPaper(t, signals.Definition(), strategytest.PaperConfig{Market: m, Fees: exchange.Fees{Maker: 100_000, Taker: 200_000}, Remote: true})
		candles := strategytest.Walk(rapid.Uint64().Draw(t, "seed"), 20)
		for i, c := range candles[:14] {
			for k := range rapid.IntRange(0, 2).Draw(t, "signals") {
				p.Signal(strategy.Signal{ID: fmt.Sprintf("%d-%d", i, k), Text: anySignal(t), Time: c.Time})
			}
			p.Candle(c)
		}
		p.Signal(strategy.Signal{ID: "last", Text: `{"action":"close"}`, Time: candles[14].Time})
		for _, c := range candles[14:] {
			p.Candle(c)
			p.Restart()
		}
		if v := p.View(); v.Base >= m.MinVolume || len(v.Orders) != 0 {
			t.Fatalf("closed, it has %+v", v)
		}
	})
}

func checkAnswer(t *rapid.T, s strategytest.Step, c strategy.Command, share int) {
	t.Helper()
	if c.Kind != strategy.PlaceCommand {
		return
	}
	v := s.View
	if c.Side == exchange.Sell {
		if c.Volume <= 0 || c.Volume > v.Base {
			t.Fatalf("%s: it sells %d of %d", s.Event.Signal.Text, c.Volume, v.Base)
		}
		return
	}
	most := float64(v.Counter-v.ReservedCounter) * float64(share) / 100
	spent := float64(c.Value)
	if c.Type == exchange.LimitOrder {
		spent = c.Price.Float() * c.Volume.Float()
	}
	if spent > most*(1+1e-9) || c.Value == 0 && c.Volume <= 0 {
		t.Fatalf("%s: it spends %v of %v", s.Event.Signal.Text, spent, most)
	}
}

// FuzzSignal gives the strategy any text: it is answered, and nothing else
// happens unless it is an order.
func FuzzSignal(f *testing.F) {
	for _, text := range []string{
		`{"action":"buy","size":50}`, `{"action":"sell","volume":"1.5","limit":3}`, `{"action":"stop","stop":"1"}`, `{"action":"close"}`, `buy`, ``,
		`{"action":"buy","size":1e99}`, "\xff", `{"action":"buy","amount":"999999999999999.999999999999999999"}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h := strategytest.New(t, signals.Definition(), strategytest.Config{Explain: true})
		h.Close(1000)
		h.View.Base = 1_000_000
		got := h.Signal(text)
		if len(got) == 0 {
			t.Errorf("%q is not answered", text)
		}
		for _, c := range got {
			if c.Kind == strategy.PlaceCommand && (c.Value > h.View.Counter || c.Volume < 0 || c.Side == exchange.Sell && c.Volume > h.View.Base) {
				t.Errorf("%q gives %+v", text, c)
			}
		}
	})
}
