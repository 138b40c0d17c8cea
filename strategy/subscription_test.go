package strategy_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// listener notes what it hears beside candles.
type listener struct {
	Params listening `json:"-"`
	Heard  []string
}

type listening struct {
	Book   bool `param:"book" label:"Book"`
	Trades bool `param:"trades" label:"Trades"`
}

func (s *listener) Subscribe() strategy.Subscription {
	return strategy.Subscription{Book: s.Params.Book, Trades: s.Params.Trades}
}

func (s *listener) OnTrades(_ *strategy.Bot, trades []exchange.Trade) {
	s.Heard = append(s.Heard, fmt.Sprintf("%d trades", len(trades)))
}

func (s *listener) OnBook(b *strategy.Bot, t exchange.Top) {
	if top, ok := b.Book(); top != t || ok == t.IsZero() {
		s.Heard = append(s.Heard, "another book")
	}
	s.Heard = append(s.Heard, fmt.Sprintf("book %d/%d", t.Bid.Price, t.Ask.Price))
}

// deaf has handlers for what it never asks for.
type deaf struct{}

func (*deaf) OnTrades(*strategy.Bot, []exchange.Trade) {}

// mute asks for what it does not handle.
type mute struct{}

func (*mute) Subscribe() strategy.Subscription        { return strategy.Subscription{Trades: true} }
func (*mute) OnCandle(*strategy.Bot, exchange.Candle) {}

func TestSubscriptionsFollowTheParameters(t *testing.T) {
	t.Parallel()
	def := strategy.MustDefine(strategy.Info{Name: "listener", Version: "1.0.0"}, listening{}, func(p listening) strategy.Strategy { return &listener{Params: p} })
	for params, want := range map[string]strategy.Subscription{
		`{}`: {}, `{"book":true}`: {Book: true}, `{"trades":true,"book":true}`: {Book: true, Trades: true},
	} {
		i, err := def.Open(strategy.OpenInput{Interval: time.Minute, Params: []byte(params)})
		if err != nil {
			t.Fatal(err)
		}
		if got := i.Subscription(); !reflect.DeepEqual(got, want) || i.Wants(strategy.TradesEvent) != want.Trades || i.Wants(strategy.BookEvent) != want.Book {
			t.Errorf("%s: it subscribes to %+v, want %+v", params, got, want)
		}
	}
	i, err := def.Open(strategy.OpenInput{Interval: time.Minute, Params: []byte(`{"trades":true,"book":true}`)})
	if err != nil {
		t.Fatal(err)
	}
	view := strategy.View{Top: exchange.Top{Bid: exchange.Level{Price: 9}, Ask: exchange.Level{Price: 11}}}
	i.Deliver(&view, &strategy.Event{Kind: strategy.TradesEvent, Trades: make([]exchange.Trade, 3)})
	i.Deliver(&view, &strategy.Event{Kind: strategy.BookEvent, Top: view.Top})
	view.Top = exchange.Top{}
	i.Deliver(&view, &strategy.Event{Kind: strategy.BookEvent})
	s, err := i.Snapshot()
	if want := `{"Heard":["3 trades","book 9/11","book 0/0"]}`; err != nil || string(s.Data) != want {
		t.Errorf("it heard %s (%v), want %s", s.Data, err, want)
	}
}

func TestSubscriptionsThatCannotBeMeantAreRefused(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]strategy.Strategy{"needs Subscribe": &deaf{}, "needs OnTrades": &mute{}} {
		def := strategy.MustDefine(strategy.Info{Name: "odd", Version: "1.0.0"}, struct{}{}, func(struct{}) strategy.Strategy { return s })
		if _, err := def.Open(strategy.OpenInput{Interval: time.Minute}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%T: the error is %v, want one with %q", s, err, want)
		}
	}
}
