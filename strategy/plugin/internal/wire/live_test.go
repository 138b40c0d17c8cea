package wire_test

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/plugin/internal/pluginpb"
	"github.com/lunobot/lunobot/strategy/plugin/internal/wire"
)

// delivery is a delivery as the tests hold it.
type delivery struct {
	event strategy.Event
	bots  []bot
}

type bot struct {
	id       uint64
	snapshot bool
	view     strategy.View
}

func number[T ~int64](t *rapid.T, name string) T {
	return T(rapid.OneOf(rapid.Int64(), rapid.Int64Range(-70, 70)).Draw(t, name))
}

func drawEvent(t *rapid.T) strategy.Event {
	ev := strategy.Event{Kind: strategy.EventKind(rapid.IntRange(1, int(strategy.LastEvent)).Draw(t, "kind")), Time: number[int64](t, "time")}
	switch ev.Kind {
	case strategy.CandleEvent:
		ev.Candle = exchange.Candle{Time: number[int64](t, "t"), Open: number[exchange.Ticks](t, "o"), High: number[exchange.Ticks](t, "h"),
			Low: number[exchange.Ticks](t, "l"), Close: number[exchange.Ticks](t, "c"), Volume: number[exchange.Steps](t, "v")}
	case strategy.FillEvent:
		ev.Fill = strategy.Fill{Ref: rapid.Uint64().Draw(t, "ref"), Side: exchange.Sell, Price: number[exchange.Ticks](t, "p"),
			Volume: number[exchange.Steps](t, "v"), Value: number[exchange.Units](t, "value"), Fee: number[exchange.Units](t, "fee"), Maker: rapid.Bool().Draw(t, "maker"),
			Pair: rapid.SampledFrom([]string{"", "ETHMYR"}).Draw(t, "pair")}
	case strategy.OrderEvent:
		ev.Order = strategy.OrderUpdate{Ref: rapid.Uint64().Draw(t, "ref"), State: strategy.OrderState(rapid.IntRange(1, 5).Draw(t, "state")),
			Filled: number[exchange.Steps](t, "filled"), Reason: rapid.String().Draw(t, "reason"), Pair: rapid.SampledFrom([]string{"", "ETHMYR"}).Draw(t, "pair")}
	case strategy.SignalEvent:
		ev.Signal = strategy.Signal{ID: rapid.String().Draw(t, "id"), Text: rapid.String().Draw(t, "text"), Time: rapid.Int64().Draw(t, "received")}
	case strategy.TradesEvent:
		for range rapid.IntRange(1, 4).Draw(t, "trades") {
			ev.Trades = append(ev.Trades, exchange.Trade{Pair: rapid.SampledFrom([]string{"", "XBTMYR", "ETHMYR"}).Draw(t, "pair"), Sequence: number[int64](t, "seq"),
				Time: number[int64](t, "time"), Price: number[exchange.Ticks](t, "p"), Volume: number[exchange.Steps](t, "v"), Taker: exchange.Side(rapid.IntRange(0, 2).Draw(t, "taker"))})
		}
	case strategy.PairEvent:
		ev.Candle = exchange.Candle{Time: number[int64](t, "t"), Close: number[exchange.Ticks](t, "c")}
		ev.Pair = rapid.String().Draw(t, "pair")
	case strategy.BookEvent:
		ev.Top = drawTop(t)
	case strategy.StartEvent:
	}
	return ev
}

func drawTop(t *rapid.T) exchange.Top {
	return exchange.Top{Bid: exchange.Level{Price: number[exchange.Ticks](t, "bid"), Volume: number[exchange.Steps](t, "bv")},
		Ask: exchange.Level{Price: number[exchange.Ticks](t, "ask"), Volume: number[exchange.Steps](t, "av")}, Time: number[int64](t, "changed")}
}

func drawBot(t *rapid.T) bot {
	b := bot{id: rapid.Uint64().Draw(t, "bot"), snapshot: rapid.Bool().Draw(t, "snapshot"), view: drawAccount(t)}
	b.view.NextRef, b.view.Warming = rapid.Uint64().Draw(t, "next"), rapid.Bool().Draw(t, "warming")
	for range rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "further pairs") {
		b.view.Others = append(b.view.Others, drawAccount(t))
	}
	if b.view.Top = drawTop(t); b.view.Top.IsZero() {
		b.view.Top = exchange.Top{}
	}
	return b
}

// drawAccount draws the account in one pair.
func drawAccount(t *rapid.T) strategy.View {
	v := strategy.View{
		Base: number[exchange.Steps](t, "base"), ReservedBase: number[exchange.Steps](t, "reserved base"),
		Counter: number[exchange.Units](t, "counter"), ReservedCounter: number[exchange.Units](t, "reserved counter"),
		Cost:  number[exchange.Units](t, "cost"),
		Exits: strategy.Exits{Stop: number[exchange.Ticks](t, "stop"), Target: number[exchange.Ticks](t, "target")},
	}
	for range rapid.IntRange(0, 3).Draw(t, "orders") {
		v.Orders = append(v.Orders, strategy.OpenOrder{Ref: rapid.Uint64().Draw(t, "ref"), Side: exchange.Buy, Type: exchange.LimitOrder,
			Price: number[exchange.Ticks](t, "p"), Volume: number[exchange.Steps](t, "v"), Filled: number[exchange.Steps](t, "f"), Value: number[exchange.Units](t, "value")})
	}
	return v
}

func drawBatch(t *rapid.T) []delivery {
	batch := make([]delivery, rapid.IntRange(0, 3).Draw(t, "deliveries"))
	for i := range batch {
		batch[i].event = drawEvent(t)
		for range rapid.IntRange(0, 4).Draw(t, "bots") {
			batch[i].bots = append(batch[i].bots, drawBot(t))
		}
	}
	return batch
}

func encode(batch []delivery) (out []byte) {
	for _, d := range batch {
		var mark int
		out, mark = wire.OpenDelivery(out, &d.event)
		for _, b := range d.bots {
			out = wire.AppendView(out, b.id, b.snapshot, &b.view)
		}
		out = wire.CloseDelivery(out, mark)
	}
	return out
}

// kept returns a view that outlives the reader's next step; no orders are nil.
func kept(v strategy.View) strategy.View {
	v.Orders = append([]strategy.OpenOrder(nil), v.Orders...)
	return v
}

func decode(t interface{ Fatalf(string, ...any) }, batch []byte) (out []delivery) {
	var r wire.BatchReader
	r.Reset(batch)
	for r.Next() {
		view := kept(r.View)
		view.Others = slices.Clone(view.Others)
		for i, o := range view.Others {
			view.Others[i] = kept(o)
		}
		if len(view.Others) == 0 {
			view.Others = nil
		}
		event := r.Event
		event.Trades = slices.Clone(event.Trades)
		if len(event.Trades) == 0 {
			event.Trades = nil
		}
		out = append(out, delivery{event: event, bots: []bot{{r.Bot, r.Snapshot, view}}})
	}
	if err := r.Err(); err != nil {
		t.Fatalf("reading the batch: %v", err)
	}
	return out
}

func TestBatchSurvivesTheWire(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		batch := drawBatch(t)
		var want []delivery
		for _, d := range batch {
			for _, b := range d.bots {
				want = append(want, delivery{event: d.event, bots: []bot{b}})
			}
		}
		bytes := encode(batch)
		if got := decode(t, bytes); !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v came back as %+v", want, got)
		}
		// The generated code reads what we write, and we read what it writes.
		var message pluginpb.LiveBatch
		if err := proto.Unmarshal(bytes, &message); err != nil {
			t.Fatalf("protobuf does not read the batch: %v", err)
		}
		again, err := proto.Marshal(&message)
		if err != nil {
			t.Fatal(err)
		}
		if got := decode(t, again); !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v came back from protobuf as %+v", want, got)
		}
	})
}

func drawCommand(t *rapid.T) strategy.Command {
	return strategy.Command{
		Kind: strategy.CommandKind(rapid.IntRange(1, 6).Draw(t, "kind")), Pair: rapid.SampledFrom([]string{"", "ETHMYR"}).Draw(t, "pair"), Ref: rapid.Uint64().Draw(t, "ref"),
		Side: exchange.Side(rapid.IntRange(0, 2).Draw(t, "side")), Type: exchange.OrderType(rapid.IntRange(0, 2).Draw(t, "type")),
		Price: number[exchange.Ticks](t, "p"), Volume: number[exchange.Steps](t, "v"), Value: number[exchange.Units](t, "value"),
		PostOnly: rapid.Bool().Draw(t, "post"), TimeInForce: exchange.TimeInForce(rapid.IntRange(0, 2).Draw(t, "tif")),
		Exits: strategy.Exits{Stop: number[exchange.Ticks](t, "stop"), Target: number[exchange.Ticks](t, "target")},
		Name:  rapid.StringN(0, 10, wire.MaxName).Draw(t, "name"), Number: rapid.Float64().Draw(t, "number"), Text: rapid.String().Draw(t, "text"),
	}
}

func TestAnswerSurvivesTheWire(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		commands := rapid.SliceOfN(rapid.Custom(drawCommand), 0, 5).Draw(t, "commands")
		failure := rapid.String().Draw(t, "failure")
		var snapshot *strategy.Snapshot
		if rapid.Bool().Draw(t, "with snapshot") {
			snapshot = &strategy.Snapshot{Version: rapid.IntRange(1, 900).Draw(t, "version"), Data: json.RawMessage(`{"a":` + strings.Repeat("1", rapid.IntRange(1, 300).Draw(t, "digits")) + `}`)}
		}
		index := rapid.IntRange(0, 100_000).Draw(t, "index")
		bytes := wire.AppendReaction(wire.AppendReaction(nil, 3, nil, "first", nil), index, commands, failure, snapshot)
		check := func(bytes []byte) {
			var r wire.AnswerReader
			r.Reset(bytes, nil)
			if !r.Next() || r.Index != 3 || r.Failure != "first" || !r.Next() {
				t.Fatalf("the reactions did not come back: %v", r.Err())
			}
			if r.Refused != nil || r.Index != index || r.Failure != failure || !slices.Equal(r.Commands, commands) || !reflect.DeepEqual(r.Snapshot, snapshot) {
				t.Fatalf("%v came back as %v (%v)", commands, r.Commands, r.Refused)
			}
			if r.Next() || r.Err() != nil {
				t.Fatalf("the answer does not end: %v", r.Err())
			}
		}
		check(bytes)
		var message pluginpb.LiveAnswer
		if err := proto.Unmarshal(bytes, &message); err != nil {
			t.Fatalf("protobuf does not read the answer: %v", err)
		}
		again, err := proto.Marshal(&message)
		if err != nil {
			t.Fatal(err)
		}
		check(again)
	})
}

// proves RK4
func TestGarbageFromOneBotIsThatBotsError(t *testing.T) {
	t.Parallel()
	note := strategy.Command{Kind: strategy.NoteCommand, Text: "fine"}
	tests := []struct {
		name     string
		commands []strategy.Command
		want     string
	}{
		{"unknown kind", []strategy.Command{{Kind: 9}}, "command kind 9 is unknown"},
		{"no kind", []strategy.Command{{}}, "no kind"},
		{"not a number", []strategy.Command{{Kind: strategy.PlotCommand, Name: "fast", Number: math.NaN()}}, "NaN"},
		{"infinite", []strategy.Command{{Kind: strategy.PlotCommand, Number: math.Inf(1)}}, "+Inf"},
		{"unknown side", []strategy.Command{{Kind: strategy.PlaceCommand, Side: 3}}, "side 3 is unknown"},
		{"unknown order type", []strategy.Command{{Kind: strategy.PlaceCommand, Type: 77}}, "order type 77 is unknown"},
		{"unknown time in force", []strategy.Command{{Kind: strategy.PlaceCommand, TimeInForce: 200}}, "time in force 200 is unknown"},
		{"long text", []strategy.Command{{Kind: strategy.NoteCommand, Text: strings.Repeat("x", wire.MaxText+1)}}, "the limit is 4096"},
		{"long name", []strategy.Command{{Kind: strategy.PlotCommand, Name: strings.Repeat("x", wire.MaxName+1)}}, "the limit is 64"},
		{"bad text", []strategy.Command{{Kind: strategy.NoteCommand, Text: "\xff"}}, "not UTF-8"},
		{"flood", slices.Repeat([]strategy.Command{note}, wire.MaxCommands+1), "more than 1024 commands"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			answer := wire.AppendReaction(nil, 0, []strategy.Command{note}, "", nil)
			answer = wire.AppendReaction(answer, 1, append([]strategy.Command{note}, test.commands...), "", nil)
			answer = wire.AppendReaction(answer, 2, []strategy.Command{note}, "", nil)
			var r wire.AnswerReader
			r.Reset(answer, nil)
			for i := range 3 {
				if !r.Next() || r.Index != i {
					t.Fatalf("no reaction of bot %d: %v", i, r.Err())
				}
				if i != 1 && r.Refused != nil {
					t.Errorf("bot %d was refused: %v", i, r.Refused)
				}
				if i == 1 && (!errors.Is(r.Refused, wire.ErrMalformed) || !strings.Contains(r.Refused.Error(), test.want)) {
					t.Errorf("bot 1 gave %v, want an error with %q", r.Refused, test.want)
				}
			}
			if !slices.Equal(r.Commands, []strategy.Command{note, note}) {
				t.Errorf("the commands are %v, want those of bots 0 and 2", r.Commands)
			}
		})
	}
}

func FuzzBatchReader(f *testing.F) {
	f.Add(encode([]delivery{{event: strategy.Event{Kind: strategy.StartEvent, Time: 5}, bots: []bot{{id: 1}, {id: 300, snapshot: true}}}}))
	f.Fuzz(func(t *testing.T, batch []byte) {
		var r wire.BatchReader
		r.Reset(batch)
		for r.Next() {
		}
		if err := r.Err(); err != nil && !errors.Is(err, wire.ErrMalformed) {
			t.Fatalf("the error is %v, want ErrMalformed", err)
		}
	})
}

func FuzzAnswerReader(f *testing.F) {
	f.Add(wire.AppendReaction(nil, 1, []strategy.Command{{Kind: strategy.PlotCommand, Name: "fast", Number: 1.5}}, "late", &strategy.Snapshot{Version: 1, Data: []byte("{}")}))
	f.Fuzz(func(t *testing.T, answer []byte) {
		var r wire.AnswerReader
		r.Reset(answer, nil)
		for r.Next() {
			for _, c := range r.Commands {
				if c.Kind == 0 || c.Kind > strategy.PlotCommand || math.IsNaN(c.Number) {
					t.Fatalf("garbage passed: %+v", c)
				}
			}
		}
		if err := r.Err(); err != nil && !errors.Is(err, wire.ErrMalformed) {
			t.Fatalf("the error is %v, want ErrMalformed", err)
		}
	})
}
