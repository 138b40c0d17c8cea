package plugin

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/plugin/internal/wire"
	"github.com/lunobot/lunobot/strategy/portfolio"
)

// proves PL1: each field of a trade survives the shared memory.
func TestEveryFieldOfATradeSurvivesTheMemory(t *testing.T) {
	t.Parallel()
	var trade portfolio.Trade
	v := reflect.ValueOf(&trade).Elem()
	for n := range v.NumField() {
		switch f := v.Field(n); f.Kind() {
		case reflect.String:
			f.SetString("bt-" + v.Type().Field(n).Name)
		case reflect.Int64:
			f.SetInt(int64(n+1) << 40)
		default:
			t.Fatalf("the memory does not know how to carry %s", v.Type().Field(n).Name)
		}
	}
	var record tradeRecord
	if !record.set(&trade) {
		t.Fatal("it has no room")
	}
	if got, err := record.trade(); err != nil || got != trade {
		t.Errorf("it comes back as %+v (%v), want %+v", got, err, trade)
	}
	trade.OrderID = "an id that is longer than those of backtests are"
	if record.set(&trade) {
		t.Error("an id that has no room is cut")
	}
}

// proves PL1: trades that find no room in their segment go as messages, with all that
// follow, so that none is lost or comes twice and the order stays.
func TestTradesBeyondTheMemory(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		parts  []int // of a segment each
		long   int   // the index of a trade whose id has no room, -1 for none
		placed int
	}{
		"few":                {[]int{3, 0, 5}, -1, 8},
		"as many as fit":     {[]int{segmentTrades, segmentTrades}, -1, 2 * segmentTrades},
		"one too many":       {[]int{2, segmentTrades + 1, 7}, -1, 2 + segmentTrades},
		"one has a long id":  {[]int{4, 4}, 5, 5},
		"the first has one":  {[]int{4, 4}, 0, 0},
		"more than messages": {[]int{segmentTrades + 2*fewTrades, 9}, -1, segmentTrades},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			memory := sharing(t)
			s := newSegments(memory, func([]int64) {}, nil)
			feed := newMemoryFeed(0, s.next, nil, memory)
			var messages []portfolio.Trade
			taken := make(chan struct{})
			go func() {
				defer close(taken)
				for part := range feed.closed {
					messages = append(messages, part...)
				}
			}()
			var want []portfolio.Trade
			for i, count := range c.parts {
				put(t, s, int64(i))
				if _, err := feed.Next(t.Context()); err != nil {
					t.Fatal(err)
				}
				feed.Room(1)
				part := make([]portfolio.Trade, count)
				for n := range part {
					part[n] = portfolio.Trade{OrderID: fmt.Sprintf("bt-%d", len(want)), Leg: int64(len(want))}
					if len(want) == c.long {
						part[n].OrderID = "an id that is longer than those of backtests are"
					}
					want = append(want, part[n])
				}
				feed.Done(t.Context(), part)
			}
			feed.over()
			<-taken
			if err := s.rest(); err != nil {
				t.Fatal(err)
			}
			messages = append(messages, feed.trades...) // which finish would send
			if got := s.trades.Len(); got != c.placed || feed.elsewhere() != c.placed {
				t.Errorf("%d and %d trades are in the memory, want %d", got, feed.elsewhere(), c.placed)
			}
			in := &resultReader{}
			in.result.Trades = backtest.TradesOf(messages...)
			in.follow(s.trades)
			var got []portfolio.Trade
			for _, trade := range in.result.Trades.All() {
				got = append(got, trade)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%d trades come out, want %d in their order", len(got), len(want))
			}
		})
	}
}

// proves PL5: a trade in the memory is a stranger's word.
func TestTradesOfAStranger(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(h *header, r *tradeRecord){
		"more than fit":      func(h *header, _ *tradeRecord) { h.trades[1].Store(segmentTrades + 1) },
		"an id too long":     func(_ *header, r *tradeRecord) { r.idSize = int64(len(r.id)) + 1 },
		"an id below 0":      func(_ *header, r *tradeRecord) { r.idSize = -1 },
		"an id in no UTF-8":  func(_ *header, r *tradeRecord) { r.id[0], r.idSize = 0xff, 1 },
		"the largest number": func(h *header, _ *tradeRecord) { h.trades[1].Store(1<<32 - 1) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			memory := sharing(t)
			s := newSegments(memory, func([]int64) {}, nil)
			put(t, s, 1)
			h := memory.header()
			h.trades[s.first%memorySlots].Store(1)
			spoil(h, &memory.trades(s.first)[0])
			h.settled.count.Store(s.next)
			if err := s.rest(); !errors.Is(err, ErrGarbage) {
				t.Errorf("it gives %v", err)
			}
		})
	}
}

// proves PL5: so are the columns of what was held over time.
func TestExposuresOfAStranger(t *testing.T) {
	t.Parallel()
	one := func(values ...int64) []byte { return wire.AppendSeries(nil, values) }
	want := []backtest.Exposure{{Index: 1, Worth: []exchange.Units{7, 3}}, {Index: 4, Worth: []exchange.Units{8, 2}}}
	columns := encodeExposures(want)
	got, err := decodeExposures(columns, 2)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("they come back as %+v (%v)", got, err)
	}
	for name, bad := range map[string][][]byte{
		"of one pair":         columns[:2],
		"of three pairs":      append(slices.Clone(columns), columns[1]),
		"of another length":   {columns[0], columns[1], one(1)},
		"no columns":          {{0xff}, columns[1], columns[2]},
		"no columns of worth": {columns[0], columns[1], {2, 3}},
	} {
		if got, err := decodeExposures(bad, 2); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("%s: they give %+v (%v)", name, got, err)
		}
	}
}
