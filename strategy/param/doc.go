// Package param makes one typed struct of parameters into everything that is
// needed to ask for them, to show them and to check them: a schema that travels
// as JSON, a JSON Schema, the fields of a web form and a strict decoder.
//
// It owns the meaning of the struct tags, the rules and the sentences that
// explain a fault. It does not own pages, requests or the storage of values.
//
// The author of a strategy writes the struct once:
//
//	type Params struct {
//		Fast int    `param:"fast" label:"Fast average" unit:"candles" validate:"min=1,max=500,ltfield=Slow"`
//		Slow int    `param:"slow" label:"Slow average" unit:"candles" validate:"min=2,max=1000"`
//		Kind string `param:"kind" label:"Average" validate:"oneof=sma ema" options:"sma=Simple,ema=Exponential"`
//	}
//
//	schema, err := param.Of(Params{Fast: 10, Slow: 30, Kind: "sma"})
//	...
//	err = schema.Decode(raw, &p)
//
// The tags of a field are
//
//   - param: the name in JSON, in lower case; "-" leaves the field out;
//   - label, help, unit, group: texts for people; the label defaults to the name;
//   - validate: rules in the notation of go-playground/validator;
//   - options: labels of the values that oneof lists, as value=label,…;
//   - kind: "pair" makes a string the symbol of a market, which forms let choose from
//     those that there are;
//   - needs: custom_indicators, if a value other than the default is an indicator of the
//     user's own, which hosts may offer apart;
//   - step: the grid of the form's number control; it is not a rule;
//   - bound: stop_loss or take_profit, if the bot's own bound of that name does the
//     same: forms then ask once.
//
// A field is a bool, an integer, a float64, a string, a decimal.Decimal (a
// string in JSON, a number is accepted) or a time.Duration (a string such as
// "15m" in JSON). Its default is the value given to Of.
//
// The rules are min, max, gte, lte, gt, lt, eq, ne on numbers, decimals and
// durations; required, min, max, len, alpha, alphanum, ascii, lowercase and
// uppercase on strings, whose min, max and len count characters; oneof on
// strings and integers; ltfield, ltefield, gtfield, gtefield, eqfield and
// nefield against another field of the same type; and omitempty, first, which
// lets the zero value through. Others are refused, because a schema may come
// from a stranger and some of validator's rules read files or panic.
//
// A Schema that was sent as JSON checks values without the Go struct and by the
// same code, so the host and the strategy never disagree.
package param
