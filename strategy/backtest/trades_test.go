package backtest_test

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/portfolio"
)

// Every field of a trade comes back, of any value, from any place.
func TestTradesArePackedExactly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.OneOf(rapid.Int64(), rapid.Int64Range(0, 1000), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64}))
		want := make([]portfolio.Trade, rapid.IntRange(0, 600).Draw(t, "trades"))
		for i := range want {
			v := reflect.ValueOf(&want[i]).Elem()
			for n := range v.NumField() {
				switch f := v.Field(n); f.Kind() {
				case reflect.String:
					f.SetString(rapid.SampledFrom([]string{"", "bt-1", "bt-12", fmt.Sprint("bt-", i), "ünlike"}).Draw(t, "id"))
				case reflect.Int64:
					f.SetInt(number.Draw(t, "number"))
				default:
					t.Fatalf("nobody packs %s", v.Type().Field(n).Name)
				}
			}
		}
		got := backtest.TradesOf(want...)
		if got.Len() != len(want) {
			t.Fatalf("%d trades of %d", got.Len(), len(want))
		}
		from := rapid.IntRange(0, len(want)).Draw(t, "from")
		var rest []portfolio.Trade
		for i, trade := range got.From(from) {
			if trade != got.At(i) {
				t.Fatalf("trade %d is %+v and %+v", i, trade, got.At(i))
			}
			rest = append(rest, trade)
		}
		if !slices.Equal(rest, want[from:]) {
			t.Fatalf("from %d: %+v, want %+v", from, rest, want[from:])
		}
		text, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if len(want) == 0 {
			want = nil
		}
		if plain, err := json.Marshal(want); err != nil || string(plain) != string(text) {
			t.Fatalf("as JSON %s, want %s", text, plain)
		}
		var back backtest.Trades
		if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, got) {
			t.Fatalf("from JSON %+v, want %+v: %v", back, got, err)
		}
	})
}
