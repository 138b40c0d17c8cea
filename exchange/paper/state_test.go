package paper_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
)

// saved is an exchange that is recorded, with three members.
type saved struct {
	*paper.Exchange
	members []*paper.Member
	inputs  []paper.Input
	told    []paper.BookUpdate
}

func newSaved(t interface{ Fatal(args ...any) }, clock *clock, baseFees bool) *saved {
	s := &saved{}
	var err error
	s.Exchange, err = paper.NewExchange(paper.ExchangeConfig{
		BaseFees: baseFees, Fees: exchange.Fees{Maker: 33_333_333, Taker: 100_001}, Markets: testMarkets(), MaxSlip: exchange.RateOne / 4, Now: clock.Now,
		Record: func(in paper.Input) { s.inputs = append(s.inputs, in) },
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		join := s.Join
		if i == 2 {
			join = s.JoinForgetful
		}
		m, err := join(strconv.Itoa(i))
		if err != nil {
			t.Fatal(err)
		}
		s.members = append(s.members, m)
	}
	for _, m := range testMarkets() {
		if _, _, err := s.Watch(m.Pair, func(u paper.BookUpdate) { s.told = append(s.told, u) }); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// step does something to the exchange, well or badly.
func (s *saved) step(t *rapid.T) {
	m := rapid.SampledFrom(s.members).Draw(t, "member")
	pair := rapid.SampledFrom(testMarkets()).Draw(t, "market").Pair
	switch rapid.IntRange(0, 15).Draw(t, "step") {
	case 0:
		_ = m.Deposit(rapid.SampledFrom([]string{"XBT", "MYR", "NOPE"}).Draw(t, "currency"), decimal.New(rapid.Int64Range(-1, 90_000).Draw(t, "amount"), -2))
	case 1, 2, 3:
		orders, err := m.OpenOrders(t.Context(), pair)
		if err != nil {
			t.Fatal(err)
		}
		id := "nobody's"
		if len(orders) > 0 {
			id = rapid.SampledFrom(orders).Draw(t, "order").ID
		}
		_ = m.Cancel(t.Context(), pair, id)
	case 4:
		status := rapid.SampledFrom([]exchange.MarketStatus{exchange.MarketActive, exchange.MarketActive, exchange.MarketPostOnly}).Draw(t, "status")
		if err := s.SetStatus(pair, status); err != nil {
			t.Fatal(err)
		}
	case 5:
		if err := s.Beat(pair); err != nil {
			t.Fatal(err)
		}
		s.SetQuietPostOnly(rapid.Bool().Draw(t, "quiet"))
	default:
		r := exchange.OrderRequest{
			Pair: pair, Side: rapid.SampledFrom([]exchange.Side{exchange.Buy, exchange.Sell}).Draw(t, "side"), Type: exchange.LimitOrder,
			Price: exchange.Ticks(rapid.Int64Range(990, 1010).Draw(t, "price")), Volume: exchange.Steps(rapid.Int64Range(1, 3000).Draw(t, "volume")),
			PostOnly: rapid.IntRange(0, 5).Draw(t, "post-only") == 0, TimeInForce: rapid.SampledFrom([]exchange.TimeInForce{0, 0, 0, exchange.IOC, exchange.FOK}).Draw(t, "time in force"),
		}
		if n := rapid.IntRange(0, 20).Draw(t, "client"); n > 0 {
			r.ClientID = strconv.Itoa(n)
		}
		switch rapid.IntRange(0, 7).Draw(t, "kind") {
		case 0:
			r.Type, r.Price, r.PostOnly, r.TimeInForce = exchange.MarketOrder, 0, false, 0
			if r.Side == exchange.Buy {
				r.Value, r.Volume = exchange.Units(rapid.Int64Range(1, 3_000_000).Draw(t, "value")), 0
			}
		case 1, 2:
			r.Stop = exchange.Stop{
				Price:     exchange.Ticks(rapid.Int64Range(990, 1010).Draw(t, "stop")),
				Direction: rapid.SampledFrom([]exchange.StopDirection{exchange.StopAbove, exchange.StopBelow, exchange.StopRelative}).Draw(t, "direction"),
			}
		}
		_, _ = m.Place(t.Context(), r)
	}
}

// text writes all that the exchange is.
func (s *saved) text(t *rapid.T) string {
	raw, err := json.Marshal(s.Save(nil))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// proves T8 over restarts: an exchange that was saved at any moment, restored from the
// text of it and given again what was recorded since is the same to the last digit, and
// has told the same.
func TestRestoreAndReplay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		at, baseFees := &clock{now: time.UnixMilli(1_000_000)}, rapid.Bool().Draw(t, "fees of the base")
		first := newSaved(t, at, baseFees)
		for _, m := range first.members {
			for _, currency := range []string{"XBT", "ETH", "MYR"} {
				if err := m.Deposit(currency, decimal.New(50_000, -2)); err != nil {
					t.Fatal(err)
				}
			}
		}
		run := func(name string) {
			for range rapid.IntRange(0, 40).Draw(t, name) {
				at.now = at.now.Add(time.Duration(rapid.IntRange(0, 2).Draw(t, "pause")) * time.Millisecond)
				first.step(t)
			}
		}
		run("before")
		text, since, heard := first.text(t), len(first.inputs), len(first.told)
		run("after")
		second := newSaved(t, &clock{now: at.now.Add(time.Hour)}, baseFees)
		var state paper.State
		if err := json.Unmarshal([]byte(text), &state); err != nil {
			t.Fatal(err)
		}
		if err := second.Restore(state); err != nil {
			t.Fatal(err)
		}
		if got := second.text(t); got != text {
			t.Fatalf("restored\n%s\nsaved\n%s", got, text)
		}
		for _, in := range first.inputs[since:] {
			raw, err := json.Marshal(in)
			if err != nil {
				t.Fatal(err)
			}
			var again paper.Input
			if err := json.Unmarshal(raw, &again); err != nil {
				t.Fatal(err)
			}
			if err := second.Replay(t.Context(), again); err != nil {
				t.Fatalf("%s: %v", raw, err)
			}
		}
		if got, want := second.text(t), first.text(t); got != want {
			t.Fatalf("replayed\n%s\nwant\n%s", got, want)
		}
		got, err := json.Marshal(second.told)
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(append([]paper.BookUpdate(nil), first.told[heard:]...))
		if err != nil || string(got) != string(want) {
			t.Fatalf("it told\n%s\nwant\n%s, %v", got, want, err)
		}
		if len(second.inputs) > 0 {
			t.Fatal("a replay was recorded")
		}
	})
}

// A state of another exchange is refused, as is an input that says nothing.
func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	at := &clock{now: time.UnixMilli(1_000_000)}
	raw, err := json.Marshal(newSaved(t, at, false).Save(nil))
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*paper.State){
		"other currencies": func(s *paper.State) { s.Members = s.Members[1:] },
		"member \"other\"": func(s *paper.State) { s.Members[0].ID = "other" },
		"where there is":   func(s *paper.State) { s.Assets[0].Currency = "NOPE" },
		"market \"NOPE\"":  func(s *paper.State) { s.Books[0].Pair = "NOPE" },
		"no order \"1\"":   func(s *paper.State) { s.Books[0].Resting = []string{"1"} },
		"in no market":     func(s *paper.State) { s.Members[0].Orders = []paper.OrderState{{}} },
	} {
		var s paper.State
		if err := json.Unmarshal(raw, &s); err != nil {
			t.Fatal(err)
		}
		change(&s)
		if err := newSaved(t, at, false).Restore(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for _, in := range []paper.Input{{Time: 1}, {Beat: true, Pair: "XBTMYR"}, {Time: 1, Member: "stranger", Cancel: "1"}} {
		if newSaved(t, at, false).Replay(t.Context(), in) == nil {
			t.Errorf("%+v was replayed", in)
		}
	}
}
