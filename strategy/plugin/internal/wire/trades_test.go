package wire_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/lunobot/lunobot/strategy/plugin/internal/wire"
	"github.com/lunobot/lunobot/strategy/portfolio"
)

func TestEveryFieldOfATradeSurvivesTheWire(t *testing.T) {
	t.Parallel()
	trades := make([]portfolio.Trade, 700)
	for i := range trades {
		v := reflect.ValueOf(&trades[i]).Elem()
		for n := range v.NumField() {
			switch f := v.Field(n); f.Kind() {
			case reflect.String:
				f.SetString("bt-" + string(rune('a'+i%26)))
			case reflect.Int64:
				f.SetInt(int64(1_700_000_000_000 * (n + 1) / (i + 1)))
			default:
				t.Fatalf("the wire does not know how to carry %s", v.Type().Field(n).Name)
			}
		}
	}
	columns, ids := wire.EncodeTrades(trades)
	got, err := wire.DecodeTrades(trades[:1:1], columns, ids)
	if err != nil || !slices.Equal(got[1:], trades) {
		t.Fatalf("the trades came back otherwise: %v", err)
	}
	if _, err := wire.DecodeTrades(nil, columns, ids[1:]); !errors.Is(err, wire.ErrMalformed) {
		t.Errorf("columns of another length gave %v, want ErrMalformed", err)
	}
	if got, err := wire.DecodeTrades(nil, append(columns[:2:2], columns...), ids); err != nil || len(got) != len(trades) {
		t.Errorf("columns of a newer side gave %d trades, %v", len(got), err)
	}
	endless := slices.Repeat([][]byte{wire.AppendSeries(nil, make([]int64, len(ids)))}, 100)
	if _, err := wire.DecodeTrades(nil, endless, ids); !errors.Is(err, wire.ErrMalformed) {
		t.Errorf("columns without end gave %v, want ErrMalformed", err)
	}
}
