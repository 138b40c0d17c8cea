package param_test

import (
	"encoding/json"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/strategy/param"
)

// valid draws a struct that keeps every rule.
func valid(t *rapid.T) params {
	share := decimal.New(rapid.Int64Range(5_000_000, 100_000_000).Draw(t, "share"), -8)
	timeout := rapid.Int64Range(int64(time.Minute), math.MaxInt64).Draw(t, "timeout")
	p := params{
		Slow: rapid.IntRange(2, 1000).Draw(t, "slow"), Kind: rapid.SampledFrom([]kind{"sma", "ema"}).Draw(t, "kind"),
		Level: rapid.SampledFrom([]uint8{10, 20, 200}).Draw(t, "level"), Small: rapid.Int8().Draw(t, "small"),
		Big:    rapid.Uint64Range(0, math.MaxInt64).Draw(t, "big"),
		Factor: rapid.Float64Range(math.SmallestNonzeroFloat64, math.Nextafter(5, 0)).Draw(t, "factor"),
		Share:  share, Cap: share.Add(decimal.New(rapid.Int64Min(0).Draw(t, "cap"), -9)),
		Wait:    time.Duration(rapid.Int64Range(int64(time.Minute), min(timeout, int64(24*time.Hour))).Draw(t, "wait")),
		Timeout: time.Duration(timeout), Tag: rapid.StringMatching(`([0-9a-zA-Z]{3,8})?`).Draw(t, "tag"),
		Other: rapid.StringMatching(`[ -~é€]{9,20}`).Draw(t, "other"), Trail: rapid.Bool().Draw(t, "trail"),
	}
	p.Fast = rapid.IntRange(1, min(500, p.Slow-1)).Draw(t, "fast")
	return p
}

func TestDecodeUndoesEncode(t *testing.T) {
	t.Parallel()
	s := schemaOf(t, defaults())
	received := overWire(t, s)
	rapid.Check(t, func(t *rapid.T) {
		p := valid(t)
		raw, err := s.Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		again, err := received.Validate(raw)
		if err != nil || string(again) != string(raw) {
			t.Fatalf("validated %s as %s, %v", raw, again, err)
		}
		var got params
		if err := received.Decode(raw, &got); err != nil {
			t.Fatal(err)
		}
		if !got.Share.Equal(p.Share) || !got.Cap.Equal(p.Cap) {
			t.Fatalf("decimals: got %+v, want %+v", got, p)
		}
		got.Share, got.Cap = p.Share, p.Cap
		if a, b := plain(got), plain(p); a != b {
			t.Fatalf("got %s, want %s", a, b)
		}
		texts := map[string]string{}
		for _, f := range received.Fields() {
			var values map[string]json.RawMessage
			if err := json.Unmarshal(raw, &values); err != nil {
				t.Fatal(err)
			}
			texts[f.Name] = f.Text(values[f.Name])
		}
		formed, err := received.Validate(received.FromTexts(texts))
		if err != nil || string(formed) != string(raw) {
			t.Fatalf("through a form: %s, %v, want %s", formed, err, raw)
		}
	})
}

func plain(p params) string {
	raw, _ := json.Marshal(p)
	return string(raw)
}

// anyValue draws JSON that is near to a value, good or bad.
func anyValue() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{
			`null`, `true`, `false`, `""`, `"sma"`, `"ema"`, `"10"`, `[]`, `{}`, `0`, `-0`, `0.05`, `"0.05"`, `5`, `1e400`, `1e-400`,
			`9223372036854775807`, `9223372036854775808`, `"15m"`, `"24h"`, `"24h1ns"`, `"abc"`, `"\u0000"`, `"1e-37"`, `10`, `200`,
		}),
		rapid.Map(rapid.IntRange(-2, 1002), func(n int) string { return string(must(json.Marshal(n))) }),
		rapid.Map(rapid.Float64Range(-1, 11), func(f float64) string { return string(must(json.Marshal(f))) }),
		rapid.Map(rapid.Int64Range(0, int64(25*time.Hour)), func(n int64) string { return `"` + time.Duration(n).String() + `"` }),
		rapid.Map(rapid.String(), func(s string) string { return string(must(json.Marshal(s))) }),
	)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestStructAndWireGiveTheSameVerdict(t *testing.T) {
	t.Parallel()
	s := schemaOf(t, defaults())
	received := overWire(t, s)
	names := []string{"fast", "slow", "kind", "level", "small", "big", "factor", "share", "cap", "wait", "timeout", "tag", "other", "trail", "zoo"}
	rapid.Check(t, func(t *rapid.T) {
		object := map[string]json.RawMessage{}
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 4, rapid.ID).Draw(t, "names") {
			object[name] = json.RawMessage(anyValue().Draw(t, name))
		}
		raw := must(json.Marshal(object))
		var p params
		decoded := s.Decode(raw, &p)
		normal, validated := received.Validate(raw)
		if (decoded == nil) != (validated == nil) || decoded != nil && decoded.Error() != validated.Error() {
			t.Fatalf("%s: struct says %v, wire says %v", raw, decoded, validated)
		}
		if decoded != nil {
			return
		}
		// What was accepted is also what the struct itself stands for.
		encoded, err := s.Encode(&p)
		if err != nil || string(encoded) != string(normal) {
			t.Fatalf("%s: decoded struct encodes as %s, %v; normalised %s", raw, encoded, err, normal)
		}
	})
}

func TestEncodeRefusesWhatIsNoValue(t *testing.T) {
	t.Parallel()
	s := schemaOf(t, defaults())
	p := defaults()
	p.Factor, p.Big, p.Fast, p.Other = math.NaN(), math.MaxUint64, 0, "a\x00b"
	_, err := s.Encode(p)
	want := "fast must be at least 1; big is too large a number; factor must be a finite number; " +
		"other must be one line of text without control characters"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func FuzzValidate(f *testing.F) {
	s := schemaOf(f, defaults())
	f.Add([]byte(`{"fast":1,"share":"0.10"}`))
	f.Add([]byte(`{"fast":null,"fast":2,"zoo":[{}]}`))
	f.Add([]byte(`{"wait":"1h","cap":1e35,"factor":1e-300}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		normal, err := s.Validate(raw)
		if err != nil {
			var faults param.Errors
			if !errors.As(err, &faults) || len(faults) == 0 {
				t.Fatalf("not an Errors: %v", err)
			}
			return
		}
		again, err := s.Validate(normal)
		if err != nil || string(again) != string(normal) {
			t.Fatalf("%s is normalised to %s and then to %s, %v", raw, normal, again, err)
		}
	})
}

func FuzzReceivedSchema(f *testing.F) {
	f.Add(must(json.Marshal(schemaOf(f, defaults()))))
	f.Add([]byte(`{"fields":[{"name":"a","type":"int","default":1,"rules":[{"name":"min","value":"1"}]}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var s param.Schema
		if json.Unmarshal(raw, &s) != nil {
			return
		}
		if _, err := s.Validate(s.Defaults()); err != nil {
			t.Fatalf("an accepted schema refuses its own defaults: %v", err)
		}
		if !json.Valid(s.JSONSchema()) {
			t.Fatal("the JSON Schema is not JSON")
		}
		overWire(t, &s)
	})
}
