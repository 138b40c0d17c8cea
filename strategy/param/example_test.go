package param_test

import (
	"encoding/json"
	"fmt"

	"github.com/lunobot/lunobot/strategy/param"
)

func ExampleOf() {
	type Params struct {
		Fast int    `param:"fast" label:"Fast average" unit:"candles" validate:"min=1,max=500,ltfield=Slow"`
		Slow int    `param:"slow" label:"Slow average" unit:"candles" validate:"max=1000"`
		Kind string `param:"kind" label:"Average" validate:"oneof=sma ema"`
	}
	schema, err := param.Of(Params{Fast: 10, Slow: 30, Kind: "sma"})
	if err != nil {
		fmt.Println(err)
		return
	}
	var p Params
	fmt.Println(schema.Decode(json.RawMessage(`{"fast": 12}`), &p), p)
	fmt.Println(schema.Decode(json.RawMessage(`{"fast": 40, "kind": "wma"}`), &p))
	// Output:
	// <nil> {12 30 sma}
	// fast must be below Slow average (30); kind must be one of sma, ema
}
